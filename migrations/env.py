"""Alembic's environment: one transaction per upgrade, as the tables' owner."""

from contextlib import nullcontext

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
}


def render_item(kind: str, item: object, context: object) -> str | bool:
    """Migrations speak plain SQLAlchemy: they must run long after the application's own types have changed."""
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    return KEPT_AS.get(type(item).__name__, False) if kind == "type" else False


def run() -> None:
    """Run the asked migrations."""
    config = context.config.attributes.get("configure_args", {})
    engine = row_security.owner_engine().execution_options(immediate=True)
    with engine.begin() as connection, authorizer.lifted(connection):
        if connection.dialect.name == "sqlite":
            # Batch mode rebuilds tables; what refers to them must not be checked in between.
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_item,
            **{k: v for k, v in config.items() if k not in ("render_as_batch", "compare_type")},
        )
        # Other commands of `flask db` only look: they need neither the wall lowered nor an owner's rights.
        is_changing = "destination_rev" in context.get_context().opts
        with row_security.lowered(connection) if is_changing else nullcontext(), context.begin_transaction():
            before = context.get_context().get_current_revision()
            context.run_migrations()
            note_migration(connection, before, context.get_context().get_current_revision())


with current_app.app_context():
    run()
