"""The chain: a digest is SHA-256 of an entry's salt and content, a chain value that of the last one and the digest."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from models import AuditEntry, AuditHead

GENESIS = "0" * 64
CONTENT = (
    "seq", "at", "actor_id", "actor_name", "actor_role", "unit_id", "unit_name", "action", "subject_type", "subject_id",
    "subject_label", "person_id", "changes", "details", "session_ref", "request_id", "ip",
)  # fmt: skip

# Built once: every save runs these three.
ENTRIES: Any = AuditEntry.__table__
HEAD: Any = AuditHead.__table__
LOCK = sa.select(HEAD.c.seq, HEAD.c.chain).with_for_update()
BEGIN = sa.insert(HEAD).values(id=1, seq=0, chain=GENESIS)
ADD = sa.insert(ENTRIES)
MOVE = sa.update(HEAD).values(seq=sa.bindparam("last"), chain=sa.bindparam("link"))


class Unrecorded(RuntimeError):
    """The trail could not be written: what was to be recorded does not happen."""


def append(session: orm.Session, entries: list[dict[str, Any]]) -> None:
    """Add entries to the end, locking it, so that the chain never forks.

    Raises:
        Unrecorded: the database did not take them.
    """
    try:
        lengthen(session.connection(), entries)
    except sa.exc.SQLAlchemyError as error:
        raise unrecorded(error) from None


def lengthen(connection: sa.Connection, entries: list[dict[str, Any]]) -> None:
    """Add entries to the end on a connection without a session, as migrations do."""
    head = connection.execute(LOCK).one_or_none()
    if head is None:
        connection.execute(BEGIN)
    seq, chain = head or (0, GENESIS)
    for entry in entries:
        seq += 1
        entry["seq"], entry["salt"] = seq, secrets.token_hex(16)
        entry["digest"] = digest(entry)
        chain = entry["chain"] = link(chain, entry["digest"])
    connection.execute(ADD, entries)
    connection.execute(MOVE, {"last": seq, "link": chain})


def digest(entry: Mapping[str, Any]) -> str:
    """SHA-256 over the salt and the content of an entry."""
    content = _json([scalar(entry[name]) for name in CONTENT])
    return hashlib.sha256(f"{entry['salt']}|{content}".encode(errors="replace")).hexdigest()


# What the application never writes, such as bytes, still has a digest: that of what somebody else put there.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode


def link(chain: str, entry_digest: str) -> str:
    """The chain's next value."""
    return hashlib.sha256(f"{chain}|{entry_digest}".encode()).hexdigest()


def head(connection: sa.Connection) -> tuple[int, str]:
    """Number and chain value of the last entry: the anchor to note and keep off the machine."""
    found = connection.execute(sa.select(HEAD.c.seq, HEAD.c.chain)).one_or_none()
    return (found.seq, found.chain) if found else (0, GENESIS)


def unrecorded(error: sa.exc.SQLAlchemyError) -> Unrecorded:
    """The failure without the statement and its values, which do not belong in a technical log."""
    reason = getattr(error, "orig", None) or error
    told = getattr(getattr(reason, "diag", None), "message_primary", None) or str(reason)
    return Unrecorded(f"The trail could not be written ({type(reason).__name__}: {told}).")


def scalar(value: Any) -> Any:
    """A value as JSON takes it."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [scalar(part) for part in value]
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
