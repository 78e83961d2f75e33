"""Second factors; where a sign-in came from, and when its user last said who they are.

Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "second_factor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_second_factor_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_factor")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_second_factor_user_id"), "second_factor", ["user_id"], unique=True)
    with op.batch_alter_table("user_session") as batch_op:
        batch_op.add_column(sa.Column("confirmed_at", INSTANT, nullable=True))
        batch_op.add_column(sa.Column("address", sa.String(length=45), nullable=True))
        batch_op.add_column(sa.Column("agent", sa.String(length=200), nullable=True))
    op.execute(sa.text("UPDATE user_session SET confirmed_at = created_at"))
    with op.batch_alter_table("user_session") as batch_op:
        batch_op.alter_column("confirmed_at", existing_type=INSTANT, nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("user_session") as batch_op:
        for name in ("agent", "address", "confirmed_at"):
            batch_op.drop_column(name)
    op.drop_table("second_factor")
