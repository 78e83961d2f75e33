"""Alembic's environment: one transaction per upgrade, as the tables' owner."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from alembic import context
from flask import current_app

import authorizer
import models  # noqa: F401 (registers the tables)
import row_security
from audit import note_migration
from db import Base

KEPT_AS = {
    "Instant": "sa.DateTime(timezone=True)",
    "Hundredths": "sa.BigInteger()",
    "CodeSet": "sa.Text()",
    "Vaulted": "sa.LargeBinary()",
}


def render_item(kind: str, item: object, context: object) -> str | bool:
    """Migrations speak plain SQLAlchemy: they must run long after the application's own types have changed."""
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    return KEPT_AS.get(type(item).__name__, False) if kind == "type" else False


def run() -> None:
    """Run the asked migrations."""
    engine = row_security.owner_engine().execution_options(immediate=True)
    with engine.connect() as connection, authorizer.lifted(connection), _rebuilding(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_item,
            **{k: v for k, v in CONFIGURED.items() if k not in ("render_as_batch", "compare_type")},
        )
        # Other commands of `flask db` only look: they need neither the wall lowered nor an owner's rights.
        is_changing = "destination_rev" in context.get_context().opts
        with row_security.lowered(connection) if is_changing else nullcontext(), context.begin_transaction():
            before = context.get_context().get_current_revision()
            context.run_migrations()
            note_migration(connection, before, context.get_context().get_current_revision())


CONFIGURED = context.config.attributes.get("configure_args", {})


@contextmanager
def _rebuilding(connection: sa.Connection) -> Iterator[None]:
    """One transaction. Batch mode rebuilds tables on SQLite, where what refers to them is checked only at the end."""
    if connection.dialect.name != "sqlite":
        with connection.begin():
            yield
        return
    driver: Any = connection.connection
    driver.execute("PRAGMA foreign_keys=OFF")  # which SQLite takes only outside of a transaction
    before = driver.execute("PRAGMA schema_version").fetchone()
    with connection.begin():
        yield
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise RuntimeError(f"The migration would leave a row of {broken[0]} that points nowhere.")
    driver.execute("PRAGMA foreign_keys=ON")
    if before != driver.execute("PRAGMA schema_version").fetchone():
        # What a migration took out would stay legible in the file's free pages and in its log.
        driver.execute("VACUUM")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


with current_app.app_context():
    run()
