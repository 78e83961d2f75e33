"""The append-only trail: a recorder that writes every change in its own transaction, a chain of hashes, and a verifier.

An entry's content can one day be erased lawfully and the chain still be verified: it runs over digests (chain.py).
"""

from .chain import GENESIS, Unrecorded, digest, head, link, verify
from .reading import (
    changes_of,
    details_of,
    history,
    model_named,
    particulars,
    reviews,
    sentence,
    values_before,
)
from .recorder import PROTECTED, commit, is_kept_as, keyed_hash, note, note_reading, system_note

__all__ = [
    "GENESIS",
    "PROTECTED",
    "Unrecorded",
    "changes_of",
    "commit",
    "details_of",
    "digest",
    "head",
    "history",
    "is_kept_as",
    "keyed_hash",
    "link",
    "model_named",
    "note",
    "note_reading",
    "particulars",
    "reviews",
    "sentence",
    "system_note",
    "values_before",
    "verify",
]
