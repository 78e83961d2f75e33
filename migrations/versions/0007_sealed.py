"""Special-category values and case notes are kept sealed. It needs the key (KENTRO_KEY) that will open them.

Revises: 0006
"""

import datetime as dt
import json
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

import vault

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PLAIN = {
    "beneficiary": {
        "ethnic_roma": (sa.String(20), False, 16),
        "ethnic_roma_asked_on": (sa.Date(), True, 16),
        "disability": (sa.String(20), False, 16),
        "disability_asked_on": (sa.Date(), True, 16),
        "disability_degree": (sa.String(20), True, 16),
        "health_problem": (sa.String(20), False, 16),
        "health_problem_asked_on": (sa.Date(), True, 16),
        "health_notes": (sa.Text(), True, 256),
        "protected_groups": (sa.Text(), False, 32),
    },
    "case_note": {"body": (sa.Text(), False, 256)},
}
"""What the columns were: type, whether they may be empty, and the least bytes that a sealed value takes."""

AT_ONCE = 5_000


def upgrade() -> None:
    for table, columns in PLAIN.items():
        sealed = {name: (sa.LargeBinary(), nullable) for name, (_type, nullable, _least) in columns.items()}
        _replace(table, sealed, _seal)


def downgrade() -> None:
    for table, columns in PLAIN.items():
        _replace(table, {name: (kept, nullable) for name, (kept, nullable, _least) in columns.items()}, _open)


def _replace(table, columns, convert):
    """Beside every column a new one, filled by opening or sealing; then it takes the old one's name and place."""
    for name, (kept, _nullable) in columns.items():
        op.add_column(table, sa.Column(f"new_{name}", kept, nullable=True))
    _fill(table, list(columns), convert)
    with _same_numbers(table), op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
        for name, (kept, nullable) in columns.items():
            batch.drop_column(name)
            batch.alter_column(f"new_{name}", new_column_name=name, existing_type=kept, nullable=nullable)
    if op.get_bind().dialect.name == "postgresql":
        # Dropped columns stay in the table's file until it is written anew; SQLite's file is by env.py.
        op.execute(f"CLUSTER {table} USING pk_{table}")
        op.execute(f"ALTER TABLE {table} SET WITHOUT CLUSTER")


@contextmanager
def _same_numbers(table):
    """A table that SQLite rebuilds would forget the numbers of deleted rows, and give them again."""
    if op.get_bind().dialect.name != "sqlite":
        yield
        return
    last = op.get_bind().exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).scalar()
    yield
    if last is not None:
        op.get_bind().exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        op.get_bind().exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))


def _fill(table, names, convert):
    connection, last = op.get_bind(), 0
    old = sa.table(table, sa.column("id"), *map(sa.column, names))
    new = sa.table(table, sa.column("id"), *(sa.column(f"new_{name}") for name in names))
    values = {f"new_{name}": sa.bindparam(f"to_{name}") for name in names}
    change = sa.update(new).where(new.c.id == sa.bindparam("row")).values(values)
    while rows := connection.execute(sa.select(old).where(old.c.id > last).order_by(old.c.id).limit(AT_ONCE)).all():
        last = rows[-1].id
        changed = [
            {"row": key} | {f"to_{n}": convert(table, n, v) for n, v in zip(names, kept, strict=True)}
            for key, *kept in rows
        ]
        connection.execute(change, changed)


def _seal(table, name, value):
    text = json.dumps(None if value is None else str(value), ensure_ascii=False)
    return vault.box(text, f"{table}.{name}", PLAIN[table][name][2])


def _open(table, name, value):
    text = None if value is None else json.loads(vault.unbox(bytes(value), f"{table}.{name}"))
    is_date = isinstance(PLAIN[table][name][0], sa.Date) and op.get_bind().dialect.name == "postgresql"
    return dt.date.fromisoformat(text) if text and is_date else text
