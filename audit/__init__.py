"""The append-only trail: a recorder that writes every change in its own transaction, a chain of hashes, and a verifier.

An entry's content can one day be erased lawfully and the chain still be verified: it runs over digests (chain.py).
"""

from . import bulk as _bulk  # noqa: F401 (listens)
from .chain import GENESIS, Unrecorded, digest, head, link
from .erasing import erase
from .heads import BadAddress, public_key, read_heads, send_head, signed_head
from .reading import (
    changes_of,
    details_of,
    history,
    kind_called,
    model_named,
    particulars,
    reviews,
    sentence,
    values_before,
)
from .recorder import (
    PROTECTED,
    commit,
    is_kept_as,
    keyed_hash,
    note,
    note_migration,
    note_reading,
    opened,
    system_note,
)
from .verifying import erasures, verify

__all__ = [
    "GENESIS",
    "PROTECTED",
    "BadAddress",
    "Unrecorded",
    "changes_of",
    "commit",
    "details_of",
    "digest",
    "erase",
    "erasures",
    "head",
    "history",
    "is_kept_as",
    "keyed_hash",
    "kind_called",
    "link",
    "model_named",
    "note",
    "note_migration",
    "note_reading",
    "opened",
    "particulars",
    "public_key",
    "read_heads",
    "reviews",
    "send_head",
    "sentence",
    "signed_head",
    "system_note",
    "values_before",
    "verify",
]
