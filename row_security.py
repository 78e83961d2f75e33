"""The second wall, on PostgreSQL: row-level security made from the models, and the units of every transaction.

It stands beneath policy.py and knows no role: a transaction shows and takes rows of the units that it names, and one
that names none shows nothing (docs/decisions/0017).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm

from db import Base, db
from models import TRAIL_RIGHTS, Scoped
from vocabulary import CHANGES

EVERY_UNIT, NO_UNIT, NOTHING = "*", "0", ""
"""What a transaction may name beside numbers of units ("1,2"): all of them, somebody who works in none, nobody."""

# Selects, so that each is worked out once for a query and not for every row; what SET LOCAL leaves behind is ''.
NAMED = "(SELECT string_to_array(NULLIF(NULLIF(current_setting('kentro.units', true), ''), '*'), ',')::int[])::int[]"
ALL_NAMED = "(SELECT current_setting('kentro.units', true)) = '*'"
IN_SIGHT = f"({ALL_NAMED} OR unit_id = ANY ({NAMED}))"
# A decision on two records is of no unit, and tells of both what neither's unit may know.
SHARED = (
    f"unit_id IS NULL AND subject_type IS DISTINCT FROM 'person_decision' AND {NAMED} IS NOT NULL "
    f"AND action IN ({', '.join(repr(c.value) for c in CHANGES)})"
)

OWN_WALLS = {
    "audit_entry": {
        # Beyond the head is only what this very transaction has appended, which the head's trigger looks for.
        "read": f"FOR SELECT USING ({IN_SIGHT} OR {SHARED} OR seq > (SELECT seq FROM audit_head))",  # noqa: S608 (our names)
        # What happens is recorded, also what nobody signed in for; no policy lets anybody remove it.
        "append": "FOR INSERT WITH CHECK (true)",
        # Content alone, and only of whoever names every unit; triggers see that nothing but its erasure is written.
        "erase": f"FOR UPDATE USING ({ALL_NAMED})",
    },
    # That somebody is known to two units: for who sees every unit.
    "person_decision": {"all": f"USING ({ALL_NAMED})"},
}
RIGHTS = TRAIL_RIGHTS | {"alembic_version": "SELECT"}
"""What the application's role may do to tables that it does not write at will."""


# --- the units of a transaction ---------------------------------------------------------------------------------------


def show(session: orm.Session, units: str) -> None:
    """From here on the session's transactions name these units, the one that is open now as well."""
    if session.info.get("units", NOTHING) != units:
        session.info["units"] = units
        _name_units(session)


@event.listens_for(orm.Session, "after_begin")
def _begun(session: orm.Session, transaction: orm.SessionTransaction, connection: sa.Connection) -> None:
    # In a savepoint what its transaction named still holds.
    if connection.dialect.name == "postgresql" and not transaction.nested:
        session.info["walled"] = connection
        if session.info.get("units"):
            _name_units(session)


@event.listens_for(orm.Session, "after_soft_rollback")
def _rolled_back(session: orm.Session, previous: orm.SessionTransaction) -> None:
    """A savepoint that is rolled back takes along what was named in it."""
    if previous.nested:
        _name_units(session)


@event.listens_for(orm.Session, "after_transaction_end")
def _ended(session: orm.Session, transaction: orm.SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop("walled", None)


def _name_units(session: orm.Session) -> None:
    """For this transaction only: nothing of it is left on the connection for whoever has it next."""
    if connection := session.info.get("walled"):
        said = session.info.get("units", NOTHING)
        connection.exec_driver_sql("SELECT set_config('kentro.units', %s, true)", (said,))


# --- whose the tables are ---------------------------------------------------------------------------------------------


def owner_engine() -> sa.Engine:
    """As the role that owns the tables: KENTRO_OWNER_URL's, or else the application's own."""
    return db.engines.get("owner", db.engine)


def app_role() -> str | None:
    """The application's role, where another owns the tables."""
    name = db.engine.url.username
    return name if owner_engine().url.username != name else None


# --- the wall itself --------------------------------------------------------------------------------------------------


def walls(columns: dict[str, set[str]] | None = None) -> dict[str, dict[str, str]]:
    """Every policy by table and name, made from the models; of tables and `columns` that are there, where told."""
    scoped = {m.local_table for m in Base.registry.mappers if issubclass(m.class_, Scoped)}
    found = {t.name: {"unit": _unit_wall(t, scoped, columns)} for t in Base.metadata.sorted_tables if t in scoped}
    return {name: wall for name, wall in (found | OWN_WALLS).items() if columns is None or name in columns}


def _unit_wall(table: sa.Table, scoped: set[Any], columns: dict[str, set[str]] | None) -> str:
    """Rows of the named units; a row points only at rows of its own unit, and a missing one is refused the same way."""
    within = (k for k in table.foreign_keys if k.column.table in scoped and not k.parent.info.get("across_units"))
    keys = sorted(within, key=lambda key: key.parent.name)
    links = [_link(key) for key in keys if columns is None or key.parent.name in columns.get(table.name, ())]
    return f"USING ({IN_SIGHT}) WITH CHECK ({' AND '.join([IN_SIGHT, *links])})"


def _link(key: sa.ForeignKey) -> str:
    """By the key alone: asked for the unit too, PostgreSQL reads all of a unit while it has no statistics yet."""
    name, target, table = key.parent.name, key.column.table.name, key.parent.table.name
    its_unit = f"SELECT linked.unit_id FROM {target} AS linked WHERE linked.id = {table}.{name}"  # noqa: S608 (our names)
    return f"({name} IS NULL OR unit_id = ({its_unit}))"


@contextmanager
def lowered(connection: sa.Connection) -> Iterator[None]:
    """Take the wall down for a migration, which reads all rows and alters any column, and raise it again after.

    All of it in the connection's transaction: nobody else ever sees the wall down. Raised, it is what the models say,
    and the application's role, where it is not the owner itself, has its rights.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    for table, name in _standing(connection):
        connection.exec_driver_sql(f'DROP POLICY "{name}" ON "{table}"')
    for table in _closed(connection):
        connection.exec_driver_sql(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY')
    yield
    columns = {
        table: {c["name"] for c in found} for (_, table), found in sa.inspect(connection).get_multi_columns().items()
    }
    for table, wall in walls(columns).items():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')
        for name, rule in wall.items():
            connection.exec_driver_sql(f'CREATE POLICY "{name}" ON "{table}" {rule}')
    if role := app_role():
        _grant(connection, role, columns)


def _grant(connection: sa.Connection, role: str, tables: Any) -> None:
    quoted, schema = connection.dialect.identifier_preparer.quote_identifier, connection.dialect.default_schema_name
    who, where = quoted(role), quoted(str(schema))
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {where} TO {who}")
    # A temporary table stands before the real one of its name: a trail that is written to nowhere.
    database = quoted(str(connection.engine.url.database))
    connection.exec_driver_sql(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {who}")
    connection.exec_driver_sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA {where} FROM {who}")
    for table in tables:
        rights = RIGHTS.get(table, "SELECT, INSERT, UPDATE, DELETE")
        connection.exec_driver_sql(f"GRANT {rights} ON {quoted(table)} TO {who}")
    connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {where} TO {who}")


def gaps(connection: sa.Connection) -> list[str]:
    """Where the wall does not stand for this connection's role, in words; nothing on SQLite, which has no such wall."""
    if connection.dialect.name != "postgresql":
        return []
    wanted = {(table, name) for table, wall in walls().items() for name in wall}
    standing = _standing(connection)
    role = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    return [
        *(f"{table} lacks its policy {name}" for table, name in sorted(wanted - standing)),
        *(f"{table} has a policy that is not ours, {name}" for table, name in sorted(standing - wanted)),
        *(f"row security is not forced on {table}" for table in sorted(walls().keys() - _closed(connection))),
        *(["the role is a superuser or has BYPASSRLS"] if connection.exec_driver_sql(role).scalar() else []),
    ]


def _standing(connection: sa.Connection) -> set[tuple[str, str]]:
    asked = "SELECT tablename, policyname FROM pg_policies WHERE schemaname = current_schema()"
    return {(table, name) for table, name in connection.exec_driver_sql(asked)}


def _closed(connection: sa.Connection) -> set[str]:
    asked = (
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::text::regnamespace "
        "AND relrowsecurity AND relforcerowsecurity"
    )
    return set(connection.exec_driver_sql(asked).scalars())
