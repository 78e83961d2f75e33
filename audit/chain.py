"""The chain: a digest is SHA-256 of an entry's salt and content, a chain value that of the last one and the digest."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from models import GUARDS, AuditEntry, AuditHead

GENESIS = "0" * 64
CONTENT = (
    "seq", "at", "actor_id", "actor_name", "actor_role", "unit_id", "unit_name", "action", "subject_type", "subject_id",
    "subject_label", "person_id", "changes", "details", "session_ref", "request_id", "ip",
)  # fmt: skip


class Unrecorded(RuntimeError):
    """The trail could not be written: what was to be recorded does not happen."""


def append(session: orm.Session, entries: list[dict[str, Any]]) -> None:
    """Add entries to the end, locking it, so that the chain never forks.

    Raises:
        Unrecorded: the database did not take them.
    """
    try:
        _lengthen(session.connection(), entries)
    except sa.exc.SQLAlchemyError as error:
        raise unrecorded(error) from None


def _lengthen(connection: sa.Connection, entries: list[dict[str, Any]]) -> None:
    head = connection.execute(sa.select(AuditHead.seq, AuditHead.chain).with_for_update()).one_or_none()
    if head is None:
        connection.execute(sa.insert(AuditHead).values(id=1, seq=0, chain=GENESIS))
    seq, chain = head or (0, GENESIS)
    for entry in entries:
        seq += 1
        entry["seq"], entry["salt"] = seq, secrets.token_hex(16)
        entry["digest"] = digest(entry)
        chain = entry["chain"] = link(chain, entry["digest"])
    connection.execute(sa.insert(AuditEntry), entries)
    connection.execute(sa.update(AuditHead).values(seq=seq, chain=chain))


def digest(entry: dict[str, Any]) -> str:
    """SHA-256 over the salt and the content of an entry."""
    content = json.dumps([scalar(entry[name]) for name in CONTENT], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{entry['salt']}|{content}".encode()).hexdigest()


def link(chain: str, entry_digest: str) -> str:
    """The chain's next value."""
    return hashlib.sha256(f"{chain}|{entry_digest}".encode()).hexdigest()


def verify(connection: sa.Connection, anchor: tuple[int, str] | None = None) -> Iterator[str]:
    """Walk the whole trail and tell every entry that is missing, moved or not what it was.

    Whoever rewrites the database itself can make the chain anew from some entry on. That shows only against an
    `anchor`: number and chain value of an entry (`head`), noted earlier and kept elsewhere.
    """
    chain, expected, anchored = GENESIS, 1, GENESIS if anchor and anchor[0] == 0 else None
    rows = connection.execution_options(yield_per=2000).execute(
        sa.select(AuditEntry.__table__).order_by(AuditEntry.seq)
    )
    for row in rows.mappings():
        if row["seq"] != expected:
            yield f"entry {expected}: missing (next is {row['seq']})"
        if digest(dict(row)) != row["digest"]:
            yield f"entry {row['seq']}: its content was changed"
        if link(chain, row["digest"]) != row["chain"]:
            yield f"entry {row['seq']}: the chain is broken"
        chain, expected = row["chain"], row["seq"] + 1
        anchored = chain if anchor and row["seq"] == anchor[0] else anchored
    if head(connection) != (expected - 1, chain):
        yield f"entry {expected - 1}: the end of the trail was cut or changed"
    if anchor and anchored != anchor[1]:
        yield f"entry {anchor[0]}: it or one before it is not what it was when it was noted"
    for name in sorted(_guards(connection)):
        yield f"after entry {expected - 1}: the trigger {name} is gone, the database no longer guards the trail"


def _guards(connection: sa.Connection) -> set[str]:
    """Triggers that should guard the trail (models.GUARDS) and do not."""
    dialect = connection.dialect.name
    wanted = {name for statement in GUARDS[dialect] for name in re.findall(r"CREATE TRIGGER (\w+)", statement)}
    return wanted - set(connection.scalars(sa.text(TRIGGERS[dialect])))


TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass AND tgenabled <> 'D'",
}


def head(connection: sa.Connection) -> tuple[int, str]:
    """Number and chain value of the last entry: the anchor to note and keep off the machine."""
    found = connection.execute(sa.select(AuditHead.seq, AuditHead.chain)).one_or_none()
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
