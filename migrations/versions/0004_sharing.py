"""One person in two units, and sharing by purpose.

Hashes of the people that stand already need the installation's key, which migrations do not read:
`flask --app app match refresh` makes them.

Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("beneficiary_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_person_token_beneficiary_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_person_token_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_token")),
        sa.UniqueConstraint("beneficiary_id", "kind", name=op.f("uq_person_token_beneficiary_id_kind")),
    )
    op.create_index("ix_person_token_kind_token", "person_token", ["kind", "token"])
    op.create_index(op.f("ix_person_token_unit_id"), "person_token", ["unit_id"])
    op.create_table(
        "person_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_person_decision_two_records")),
        sa.ForeignKeyConstraint(["first_id"], ["beneficiary.id"], name=op.f("fk_person_decision_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["beneficiary.id"], name=op.f("fk_person_decision_second_id")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_person_decision_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_decision")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_person_decision_first_id_second_id")),
        sqlite_autoincrement=True,
    )
    for column in ("first_id", "second_id", "by_id"):
        op.create_index(op.f(f"ix_person_decision_{column}"), "person_decision", [column])


def downgrade() -> None:
    op.drop_table("person_decision")
    op.drop_table("person_token")
