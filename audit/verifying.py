"""The verifier: walks the whole trail and names the first entry that is not what it was, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from models import GUARDS
from vocabulary import AuditAction

from .chain import CONTENT, ENTRIES, GENESIS, digest, head

Anchor = tuple[int, str]
AT_MOST = 2**62


def verify(connection: sa.Connection, anchor: Anchor | None = None, heads: Iterable[Anchor] = ()) -> Iterator[str]:
    """Tell every entry that is missing, moved, erased without a record or not what it was, in the trail's order.

    Whoever rewrites the database itself can make the chain anew from some entry on. That shows only against an
    `anchor` or `heads`: numbers and chain values of entries (`chain.head`), noted earlier and kept elsewhere.
    """
    walk = _Walk(erasures(connection), [*heads, *([anchor] if anchor else [])])
    yield from walk.through(connection)
    if head(connection) != (walk.last, walk.chain):
        yield f"entry {walk.last}: the end of the trail was cut or changed"
    yield from walk.broken_anchors()
    for name in sorted(_guards(connection)):
        yield f"after entry {walk.last}: the trigger {name} is gone, the database no longer guards the trail"


def erasures(connection: sa.Connection) -> dict[int, str]:
    """Every entry whose content was erased lawfully, and the digest of what was left of it, as recorded then."""
    records = sa.select(ENTRIES.c.details).where(ENTRIES.c.action == AuditAction.ERASE).order_by(ENTRIES.c.seq)
    return {int(seq): left for details in connection.scalars(records) for seq, left in _recorded(details).items()}


def _recorded(details: str | None) -> dict[str, str]:
    try:
        return json.loads(details or "{}").get("erased", {})
    except (ValueError, AttributeError):
        return {}  # a record that was changed erases nothing, and the walk comes to it


class _Walk:
    """Where the verifier stands: the last entry that it read, and the chain value there."""

    def __init__(self, erased: dict[int, str], anchors: Iterable[Anchor]) -> None:
        self.last, self.chain = 0, GENESIS
        self.erased = erased
        self.anchors: dict[int, set[str]] = {}
        for seq, chain in anchors:
            self.anchors.setdefault(seq, set()).add(chain)
        self.seen = {0: GENESIS}

    def through(self, connection: sa.Connection) -> Iterator[str]:
        """Findings from the first entry to the last; the walk goes on behind what no driver can read."""
        broken = (sa.exc.DBAPIError, connection.dialect.loaded_dbapi.DatabaseError)
        while True:
            try:
                yield from self._on(connection, AT_MOST)
                return
            except broken as error:
                # The driver gave up, perhaps reading ahead of the entry that it was asked for.
                following = connection.scalar(sa.select(sa.func.min(ENTRIES.c.seq)).where(ENTRIES.c.seq > self.last))
                if following is None:
                    raise error
            try:
                yield from self._on(connection, 1)
            except broken:
                yield f"entry {following}: its content cannot be read"
                self.last, self.chain = following, ""

    def _on(self, connection: sa.Connection, at_most: int) -> Iterator[str]:
        # One step per entry, a million of them: nothing here is looked up twice.
        last, chain, erased, anchors = self.last, self.chain, self.erased, self.anchors
        try:
            with closing(_rows(connection, last, at_most)) as rows:
                for seq, body, kept_digest, kept_chain in rows:
                    if seq != last + 1:
                        yield f"entry {last + 1}: missing (next is {seq})"
                    if sha256(body).hexdigest() != kept_digest or seq in erased:
                        yield from self._content(connection, seq)
                    if sha256(f"{chain}|{kept_digest}".encode()).hexdigest() != kept_chain:
                        yield f"entry {seq}: the chain is broken"
                    last, chain = seq, kept_chain
                    if seq in anchors:
                        self.seen[seq] = kept_chain
        finally:
            self.last, self.chain = last, chain

    def _content(self, connection: sa.Connection, seq: int) -> Iterator[str]:
        """Looked at again by itself, the entry's content was changed, or erased with or without a record."""
        row = connection.execute(sa.select(ENTRIES).where(ENTRIES.c.seq == seq)).mappings().one()
        found = digest(dict(row))
        if found == row["digest"]:
            if seq in self.erased:
                yield f"entry {seq}: it is recorded as erased, and its content stands"
        elif found != self.erased.get(seq):
            erased = row["salt"] == "" and seq not in self.erased
            yield f"entry {seq}: " + ("erased without a record" if erased else "its content was changed")

    def broken_anchors(self) -> Iterator[str]:
        """Heads noted earlier that are none of this chain."""
        held = 0
        for seq, noted in sorted(self.anchors.items()):
            if {self.seen.get(seq)} == noted:
                held = seq
            else:
                since = f" after entry {held}" if held else ""
                yield f"entry {seq}: it or one before it{since} is not what it was when it was noted"


# --- what the walk reads ----------------------------------------------------------------------------------------------


def _rows(connection: sa.Connection, after: int, at_most: int) -> Any:
    """A driver's cursor over number, salt and content as `chain.digest` hashes them, digest and chain value.

    The database writes the JSON, in less than half of Python's time. Should it ever write otherwise, the digest
    differs, and Python looks at the entry again.
    """
    dialect = connection.dialect.name
    content = ",".join(AS_JSON[dialect].get(name, AS_JSON[dialect]["*"]).format(name) for name in CONTENT)
    raw: Any = connection.connection.driver_connection
    # A named cursor leaves the rows with PostgreSQL's server until they are asked for.
    cursor = raw.cursor("trail") if dialect == "postgresql" else raw.cursor()
    if dialect == "postgresql":
        cursor.itersize = 5000
    # nosemgrep: sql-built-from-text (two numbers of ours, and columns by name)
    cursor.execute(STATEMENTS[dialect].format(content=content, after=after, at_most=at_most))
    return cursor


AS_JSON = {
    "sqlite": {"*": "{}", "at": "replace(replace({} || '+00:00', ' ', 'T'), '.000000', '')"},
    "postgresql": {
        "*": "coalesce(to_json({})::text, 'null')",
        "at": "to_json(replace(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '') "
        "|| '+00:00')",
    },
}
STATEMENTS = {
    "sqlite": "SELECT seq, CAST(salt || '|' || json_array({content}) AS BLOB), digest, chain "
    "FROM audit_entry WHERE seq > {after} ORDER BY seq LIMIT {at_most}",
    "postgresql": "SELECT seq, convert_to(salt || '|[' || concat_ws(',', {content}) || ']', 'UTF8'), digest, chain "
    "FROM audit_entry WHERE seq > {after} ORDER BY seq LIMIT {at_most}",
}


# --- what guards it ---------------------------------------------------------------------------------------------------


def _guards(connection: sa.Connection) -> set[str]:
    """Triggers that should guard the trail (models.GUARDS) and do not, or not as they were made."""
    dialect = connection.dialect.name
    standing = dict(map(tuple, connection.exec_driver_sql(TRIGGERS[dialect])))
    made = " ".join(GUARDS[dialect])
    wanted = {name: statement for statement in GUARDS[dialect] for name in re.findall(r"TRIGGER (\w+)", statement)}
    return {
        name
        for name, statement in wanted.items()
        if name not in standing or standing[name] not in (statement if dialect == "sqlite" else made)
    }


TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit_%'",
    "postgresql": "SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
    "WHERE tgrelid IN ('audit_entry'::regclass, 'audit_head'::regclass) AND tgenabled IN ('O', 'A')",
}
