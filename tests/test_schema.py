"""What the migrations make is what the models say, and holds below the application too."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError, IntegrityError

import authorizer
from column_types import CodeSet, Hundredths, Instant, Vaulted
from db import Base, Record, db
from models import AuditEntry, Scoped
from tests.world import World, by_hand, scoped_models

TABLES = Base.metadata.sorted_tables


@pytest.fixture
def connection(calm_world: World) -> Any:
    """A connection that no wall stops, whatever is done on it taken back."""
    with calm_world.app.app_context(), by_hand().connect() as opened:
        yield opened
        opened.rollback()
    with calm_world.app.app_context():
        db.engine.dispose()


def test_the_migrations_make_the_models(connection: sa.Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, Base.metadata) == []


def test_no_table_stands_beside_those_of_the_models(connection: sa.Connection) -> None:
    assert set(sa.inspect(connection).get_table_names()) == {table.name for table in TABLES} | {"alembic_version"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_constraint_and_index_stands_by_its_name(connection: sa.Connection, table: sa.Table) -> None:
    inspector = sa.inspect(connection)
    found = {
        "unique": {(c["name"], *c["column_names"]) for c in inspector.get_unique_constraints(table.name)},
        "check": {c["name"] for c in inspector.get_check_constraints(table.name)},
        "foreign": {
            (c["name"], *c["constrained_columns"], c["referred_table"], c["options"].get("ondelete"))
            for c in inspector.get_foreign_keys(table.name)
        },
        "primary": inspector.get_pk_constraint(table.name)["name"],
        "index": {
            (i["name"], bool(i["unique"]), *i["column_names"])
            for i in inspector.get_indexes(table.name)
            if not i.get("duplicates_constraint")
        },
    }
    declared = _declared(table)
    if connection.dialect.name == "sqlite" and table.dialect_options["sqlite"]["autoincrement"]:
        # Numbers that are never given twice; SQLite wants such a key beside its column, where it has no name.
        assert (declared.pop("primary"), found.pop("primary")) == (f"pk_{table.name}", None)
    assert found == declared
    assert not [name for name in _names(found) if name is None]


def _declared(table: sa.Table) -> dict[str, Any]:
    def of(kind: type) -> list[Any]:
        return [constraint for constraint in table.constraints if isinstance(constraint, kind)]

    return {
        "unique": {(c.name, *c.columns.keys()) for c in of(sa.UniqueConstraint)},
        "check": {c.name for c in of(sa.CheckConstraint)},
        "foreign": {(c.name, *c.column_keys, c.referred_table.name, c.ondelete) for c in of(sa.ForeignKeyConstraint)},
        "primary": table.primary_key.name,
        "index": {(i.name, bool(i.unique), *i.columns.keys()) for i in table.indexes},
    }


def _names(found: dict[str, Any]) -> list[Any]:
    rows = [row for key in ("unique", "check", "foreign", "index") for row in found[key]]
    return [found.get("primary", ""), *(row[0] if isinstance(row, tuple) else row for row in rows)]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_must_be_there_may_not_be_missing(connection: sa.Connection, table: sa.Table) -> None:
    kept = {column["name"]: column["nullable"] for column in sa.inspect(connection).get_columns(table.name)}
    assert kept == {column.name: column.nullable for column in table.columns}


def test_the_head_of_a_household_is_one(connection: sa.Connection) -> None:
    indexes = {i["name"]: i for i in sa.inspect(connection).get_indexes("household_member")}
    options = indexes["uq_household_member_head"]["dialect_options"]
    assert "'HEAD'" in str(options[f"{connection.dialect.name}_where"])


def test_every_scoped_row_has_its_unit() -> None:
    assert scoped_models()
    for model in scoped_models():
        column = model.__table__.c["unit_id"]
        assert not column.nullable, model
        assert {key.target_fullname for key in column.foreign_keys} == {"unit.id"}, model


def test_whatever_hangs_on_a_scoped_row_is_scoped_itself() -> None:
    scoped = {model.__table__.name for model in scoped_models()}
    for table in TABLES:
        if table.name not in OF_THE_HOUSE and any(key.column.table.name in scoped for key in table.foreign_keys):
            assert table.name in scoped, f"{table.name} refers to a unit's rows and has no unit of its own"


OF_THE_HOUSE = {"person_decision"}
"""About rows of two units, and so of neither: policy.py shows them to whom the table is open."""


def test_every_record_has_a_version() -> None:
    records = [m for m in Base.registry.mappers if issubclass(m.class_, Record)]
    assert len(records) > 20
    for mapper in records:
        assert mapper.version_id_col is mapper.local_table.c["version"], mapper
        assert not mapper.local_table.c["version"].nullable, mapper


def test_identifiers_are_unique_within_a_unit_and_never_beyond() -> None:
    for model in scoped_models():
        for constraint in model.__table__.constraints:
            if isinstance(constraint, sa.UniqueConstraint):
                owners = {"unit_id", *(c.name for c in constraint.columns if c.foreign_keys)}
                assert owners & set(constraint.columns.keys()), constraint.name


@pytest.mark.parametrize("table", [t for t in TABLES if t.foreign_keys], ids=lambda table: table.name)
def test_foreign_keys_are_enforced(connection: sa.Connection, table: sa.Table) -> None:
    (key,) = table.primary_key.columns
    first = connection.scalar(sa.select(sa.func.min(key)))
    for column in (column for column in table.columns if column.foreign_keys):
        broken = {column.name: 2_000_000_000} | INSTEAD.get(f"{table.name}.{column.name}", {})
        statement = sa.update(table).where(key == first).values(broken)
        if first is None:
            statement = sa.insert(table).values(_row(connection, table) | broken)
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"), connection.begin_nested():
            connection.execute(statement)


INSTEAD = {
    "referral.to_unit_id": {"to_partner_id": None},
    "audit_answer.by_id": {"review_id": 2_000_000_000},
    "person_decision.first_id": {"second_id": 2_000_000_001},
    "person_decision.by_id": {"second_id": 2},
}
"""What must change along, so that only the foreign key is broken."""


def _row(connection: sa.Connection, table: sa.Table) -> dict[str, Any]:
    """A row that agrees with every constraint, as far as they are about one column."""
    return {column.name: _cell(connection, column) for column in table.columns if not column.nullable}


def _cell(connection: sa.Connection, column: sa.Column[Any]) -> Any:
    for key in column.foreign_keys:
        return connection.scalar(sa.select(sa.func.min(key.column)))
    kind = column.type.inner if isinstance(column.type, Vaulted) else column.type
    if isinstance(kind, sa.Enum):
        return next(iter(kind.enum_class))
    made = {str: "x", bool: True, int: 900_000, dt.date: dt.date(2026, 2, 14), Decimal: Decimal(3), bytes: b"x"}
    made |= {dt.datetime: dt.datetime(2026, 2, 14, tzinfo=dt.UTC), tuple: ()}
    kept = {Hundredths: Decimal(3), Instant: made[dt.datetime], CodeSet: ()}
    return kept.get(type(kind)) or made.get(kind.python_type, ())


def test_sqlite_connections_are_set_for_durability(connection: sa.Connection) -> None:
    if connection.dialect.name != "sqlite":
        pytest.skip("pragmas are SQLite's")
    asked = {"foreign_keys": 1, "recursive_triggers": 1, "journal_mode": "wal", "synchronous": 2}
    assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked} == asked
    assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() >= 10_000


def test_the_connection_that_was_used_last_is_used_next(calm_world: World) -> None:
    """Turn by turn, each would find that another has written, and begin with an empty page cache."""
    with calm_world.app.app_context():
        db.engine.dispose()
        with db.engine.connect() as first, db.engine.connect() as last:
            returned = [opened.connection.driver_connection for opened in (first, last)]
            last.close()
            first.close()
        with db.engine.connect() as next_one:
            assert next_one.connection.driver_connection is returned[0]


ATTACKS = {
    "sqlite": (
        "UPDATE audit_entry SET actor_name = 'x' WHERE seq = 1",
        "UPDATE audit_entry SET seq = 99999 WHERE seq = 1",
        "UPDATE OR REPLACE audit_entry SET seq = 2 WHERE seq = 1",
        "DELETE FROM audit_entry WHERE seq = 1",
        "DELETE FROM audit_entry",
        "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE seq = 1",
        "REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE seq = 1",
        "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE seq = 1 ON CONFLICT (seq) DO UPDATE SET ip = ''",
    ),
    "postgresql": (
        "UPDATE audit_entry SET actor_name = 'x' WHERE seq = 1",
        "UPDATE audit_entry SET seq = 99999 WHERE seq = 1",
        "DELETE FROM audit_entry WHERE seq = 1",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry CASCADE",
        "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE seq = 1 ON CONFLICT (seq) DO UPDATE SET ip = ''",
    ),
}


def test_the_trail_refuses_every_change(connection: sa.Connection) -> None:
    everything = sa.select(AuditEntry.__table__).order_by(AuditEntry.seq)
    before = connection.execute(everything).all()
    assert before
    for attack in ATTACKS[connection.dialect.name]:
        refused = pytest.raises(DBAPIError, match="append-only")
        with authorizer.lifted(connection), refused, connection.begin_nested():
            connection.exec_driver_sql(attack)
    assert connection.execute(everything).all() == before


def test_scoped_is_not_forgotten_by_a_table_with_a_unit_column() -> None:
    told_apart = {"membership", "audit_entry"}
    """A user's units, and the trail, whose rows policy.py narrows in its own ways."""
    for mapper in Base.registry.mappers:
        if "unit_id" in mapper.local_table.c and mapper.local_table.name not in told_apart:
            assert issubclass(mapper.class_, Scoped), mapper
