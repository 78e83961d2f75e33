"""What SQLite's authorizer lets the application's own connections do: read and write rows, and nothing else.

Triggers keep the trail append-only; this keeps the triggers, and the settings that they rest on, whatever SQL somebody
manages to have run. SQLite asks once for each statement that it compiles, not each time that one runs.
Not listed and so refused: every change of the schema, ATTACH, DETACH, ANALYZE, REINDEX.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ALWAYS = frozenset({
    sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT,
})  # fmt: skip
WRITES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
ASKING = frozenset({
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
    "foreign_key_check", "integrity_check", "quick_check", "wal_checkpoint",
})  # fmt: skip
"""Pragmas that only ask, though they take an argument."""
TRAIL = {
    "audit_entry": {"salt", "subject_id", "subject_label", "person_id", "changes", "details"},
    "audit_head": {"seq", "chain"},
}
"""The columns of the trail that may be updated: by lawful erasure and at the chain's end, if triggers agree."""


@contextmanager
def lifted(connection: Any) -> Iterator[None]:
    """Meanwhile this connection of SQLAlchemy's may change the schema, as migrations must."""
    raw = connection.connection.driver_connection
    is_guarded = isinstance(raw, sqlite3.Connection)
    if is_guarded:
        raw.set_authorizer(None)
    try:
        yield
    finally:
        if is_guarded:
            raw.set_authorizer(decide)


def decide(action: int, name: str | None, more: str | None, database: str | None, trigger: str | None) -> int:
    """SQLITE_OK or SQLITE_DENY (sqlite.org/c3ref/set_authorizer.html)."""
    if action in ALWAYS:
        return sqlite3.SQLITE_OK
    if action in WRITES:
        return sqlite3.SQLITE_OK if _may_write(action, name or "", more) else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (more is None or (name or "").lower() in ASKING):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _may_write(action: int, table: str, column: str | None) -> bool:
    if table.lower().startswith("sqlite_"):
        return False
    if table not in TRAIL or action == sqlite3.SQLITE_INSERT:
        return True
    return action == sqlite3.SQLITE_UPDATE and column in TRAIL[table]
