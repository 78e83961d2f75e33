"""What only the holder of the key reads: AES-256-GCM (SP 800-38D) under keys derived from KENTRO_KEY (RFC 5869)."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

KEY_ID, NONCE = 4, 12  # bytes, at the head of what is sealed
OVERHEAD = KEY_ID + NONCE + 16  # with the tag, bytes more than the padded text
LEAST = 32  # bytes of padded text: shorter texts look alike


class Sealed(RuntimeError):
    """What was sealed cannot be opened: its key is not here, its place is another, or it was changed."""


def seal(text: str, context: str) -> str:
    """The text, sealed for this place (such as `table.column`). The same text never looks the same twice."""
    return base64.urlsafe_b64encode(box(text, context)).decode()


def unseal(sealed: str, context: str) -> str:
    """The text again.

    Raises:
        Sealed: it cannot be opened with the keys that are here.
    """
    try:
        return unbox(base64.urlsafe_b64decode(sealed), context)
    except ValueError as error:
        raise Sealed(f"What stands in {context} is no sealed text.") from error


def box(text: str, context: str, least: int = LEAST) -> bytes:
    """As `seal`, in bytes: the key's id, the nonce, the padded text encrypted, the tag.

    Texts are filled up to `least` bytes, longer ones to its double, and so on: their length tells little.
    """
    first, nonce = _ring().first, os.urandom(NONCE)
    return first.id + nonce + first.cipher.encrypt(nonce, _padded(text.encode(), least), context.encode())


def unbox(sealed: bytes, context: str) -> str:
    """The text again.

    Raises:
        Sealed: it cannot be opened with the keys that are here.
    """
    cipher = _ring().ciphers.get(sealed[:KEY_ID])
    if cipher is None:
        raise Sealed(f"The key {sealed[:KEY_ID].hex()}, with which {context} is sealed, is not in KENTRO_KEY.")
    start = KEY_ID + NONCE
    try:
        padded = cipher.decrypt(sealed[KEY_ID:start], sealed[start:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise Sealed(f"What stands in {context} was changed after it was sealed.") from error
    return padded.rstrip(b"\0")[:-1].decode()


def is_current(sealed: bytes | str) -> bool:
    """It is sealed with the first key; by `box`, or by `seal`."""
    try:
        raw = base64.urlsafe_b64decode(sealed) if isinstance(sealed, str) else sealed
    except ValueError:
        return False
    return raw.startswith(_ring().first.id)


def missing(key_ids: set[bytes]) -> set[str]:
    """Those of the keys that are not here, as messages name them."""
    return {key_id.hex() for key_id in key_ids - _ring().ciphers.keys()}


@dataclass(frozen=True)
class _Key:
    id: bytes
    cipher: AESGCM


@dataclass(frozen=True)
class _Ring:
    """The keys: the first seals, all open."""

    first: _Key
    ciphers: dict[bytes, AESGCM]


def _ring() -> _Ring:
    return _derived(current_app.config["KEYS"])


@lru_cache(8)
def _derived(secrets: tuple[bytes, ...]) -> _Ring:
    """A key of its own for every purpose, so that what is learnt of one tells nothing of another."""
    keys = [_Key(_derive(key, "id", KEY_ID), AESGCM(_derive(key, "seal"))) for key in secrets]
    return _Ring(keys[0], {key.id: key.cipher for key in reversed(keys)})


def _derive(key: bytes, purpose: str, length: int = 32) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=None, info=f"kentro {purpose}".encode()).derive(key)


def _padded(raw: bytes, least: int) -> bytes:
    """Filled up behind an end mark (ISO/IEC 7816-4)."""
    width = least
    while width <= len(raw):
        width *= 2
    return (raw + b"\x80").ljust(width, b"\0")
