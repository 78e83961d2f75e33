"""Passwords: argon2id hashes, what makes a password acceptable, and the first ones, which are handed over."""

from __future__ import annotations

import datetime as dt
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

import search
from identifiers import N_

SHORTEST, LONGEST = 12, 256
COMMON = frozenset(FREQUENCY_LISTS["passwords"])
SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""None of them reads like another."""
FIRST_DAYS = 7
_hasher = PasswordHasher()
_DECOY = _hasher.hash("nobody's password")


class WeakPassword(ValueError):
    """The password is not acceptable; the text is a gettext msgid."""


def make_hash(password: str, *names: str) -> str:
    """An argon2id hash (argon2-cffi's defaults, RFC 9106's low-memory profile).

    Raises:
        WeakPassword: see `check`.
    """
    check(password, *names)
    return _hasher.hash(password)


def make_first() -> str:
    """A random password to be handed over on paper: 16 signs in fours, 79 bits (ASVS 5.0, 6.4.1)."""
    return "-".join("".join(secrets.choice(SIGNS) for _sign in range(4)) for _four in range(4))


def has_run_out(given_at: dt.datetime | None, moment: dt.datetime) -> bool:
    """A password that was handed over, and not changed, opens nothing after FIRST_DAYS; one's own has no end."""
    return given_at is not None and moment - given_at > dt.timedelta(days=FIRST_DAYS)


def check(password: str, *names: str) -> None:
    """The password is acceptable for whoever is called so.

    Raises:
        WeakPassword: shorter than 12 or longer than 256 characters (the cap keeps hashing cheap), one of the most
            common, or little but the names; there are no rules of composition (ASVS 5.0, 6.2.1 to 6.2.11).
    """
    if len(password) < SHORTEST:
        raise WeakPassword(N_("A password has at least 12 characters."))
    if len(password) > LONGEST:
        raise WeakPassword(N_("A password has at most 256 characters."))
    if password.lower() in COMMON:
        raise WeakPassword(N_("This password is one of the most common ones: choose another."))
    beside = whole = search.fold(password)
    for word in sorted(search.fold(" ".join(names)).split(), key=len, reverse=True):
        beside = beside.replace(word, "") if len(word) > 2 else beside
    if beside != whole and len(beside.replace(" ", "")) < SHORTEST // 2:
        raise WeakPassword(N_("This password is made of your own name: choose another."))


def matches(password: str, kept: str | None) -> bool:
    """Whether the password is the one kept. Takes as long for nobody's hash, so that names cannot be probed by time."""
    try:
        return _hasher.verify(kept or _DECOY, password[: LONGEST + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
