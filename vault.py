"""Texts sealed so that only who holds the key reads them: AES-256-GCM, keys derived from KENTRO_KEY (RFC 5869)."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

NONCE = 12  # bytes


class Sealed(RuntimeError):
    """A text cannot be opened: its key is not here, its context is another, or it was changed."""


def seal(text: str, context: str) -> str:
    """The text, sealed for this context: `key id:base64`. The same text never looks the same twice."""
    key_id, cipher = next(iter(_ring().items()))
    nonce = os.urandom(NONCE)
    kept = nonce + cipher.encrypt(nonce, text.encode(), context.encode())
    return f"{key_id}:{base64.urlsafe_b64encode(kept).decode()}"


def unseal(sealed: str, context: str) -> str:
    """The text again.

    Raises:
        Sealed: it cannot be opened with the keys that are here.
    """
    key_id, _, kept = sealed.partition(":")
    try:
        raw = base64.urlsafe_b64decode(kept)
        return _ring()[key_id].decrypt(raw[:NONCE], raw[NONCE:], context.encode()).decode()
    except (KeyError, ValueError, InvalidTag) as error:
        raise Sealed(f"A text sealed with the key {key_id!r} cannot be opened.") from error


def _ring() -> dict[str, AESGCM]:
    """Every key by its id, the one that seals first. KENTRO_KEY holds them apart by blanks, the newest first."""
    return _derived(tuple(current_app.config["KEY"].split()) or (current_app.config["SECRET_KEY"],))


@lru_cache(8)
def _derived(secrets: tuple[str, ...]) -> dict[str, AESGCM]:
    keys = [HKDF(hashes.SHA256(), 32, salt=None, info=b"kentro vault").derive(secret.encode()) for secret in secrets]
    return {hashlib.sha256(key).hexdigest()[:8]: AESGCM(key) for key in keys}
