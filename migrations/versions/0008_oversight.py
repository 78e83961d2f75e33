"""Oversight: whom a question asks and the answer, findings that were settled, and the monthly sample.

Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ASKED = (
    "UPDATE audit_review SET asked_id = (SELECT audit_entry.actor_id FROM audit_entry JOIN \"user\" ON \"user\".id = "
    "audit_entry.actor_id WHERE audit_entry.seq = audit_review.entry_seq) WHERE verdict = 'QUESTION'"
)


def upgrade() -> None:
    with op.batch_alter_table("audit_review") as table:
        table.add_column(sa.Column("asked_id", sa.Integer(), nullable=True))
        table.create_foreign_key(op.f("fk_audit_review_asked_id"), "user", ["asked_id"], ["id"])
        table.create_index(op.f("ix_audit_review_asked_id"), ["asked_id"])
    op.execute(ASKED)
    op.create_table(
        "audit_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(length=1000), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["audit_review.id"], name=op.f("fk_audit_answer_review_id")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_audit_answer_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_answer")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_answer_review_id"), "audit_answer", ["review_id"], unique=True)
    op.create_index(op.f("ix_audit_answer_by_id"), "audit_answer", ["by_id"])
    op.create_table(
        "audit_finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(length=500), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["user.id"], name=op.f("fk_audit_finding_actor_id")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_audit_finding_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_finding")),
        sqlite_autoincrement=True,
    )
    for column in ("actor_id", "by_id", "on"):
        op.create_index(op.f(f"ix_audit_finding_{column}"), "audit_finding", [column])
    op.create_table(
        "audit_sample",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entry_seq"], ["audit_entry.seq"], name=op.f("fk_audit_sample_entry_seq")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_sample")),
        sa.UniqueConstraint("month", "place", name=op.f("uq_audit_sample_month_place")),
    )
    op.create_index(op.f("ix_audit_sample_entry_seq"), "audit_sample", ["entry_seq"])


def downgrade() -> None:
    raise NotImplementedError("What 0008 keeps of oversight has no place in 0004: restore a backup instead.")
