"""Alembic's environment: one transaction per upgrade, on the application's own engine."""

import sqlalchemy as sa
from alembic import context
from flask import current_app

import models  # noqa: F401 (registers the tables)
from db import Base, db

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
    config = context.config.attributes.get("configure_args", {})
    with db.engine.execution_options(immediate=True).begin() as connection:
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
        with context.begin_transaction():
            context.run_migrations()


with current_app.app_context():
    run()
