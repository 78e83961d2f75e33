"""First passwords run out: since when a user has the one that was handed over.

Revises: 0009
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("password_given_at", sa.DateTime(timezone=True), nullable=True))
    user = sa.table(
        "user",
        sa.column("password_hash", sa.String),
        sa.column("password_changed_at", sa.DateTime(timezone=True)),
        sa.column("password_given_at", sa.DateTime(timezone=True)),
    )
    waiting = user.c.password_hash.is_not(None) & user.c.password_changed_at.is_(None)
    op.execute(sa.update(user).where(waiting).values(password_given_at=dt.datetime.now(dt.UTC)))


def downgrade() -> None:
    op.drop_column("user", "password_given_at")
