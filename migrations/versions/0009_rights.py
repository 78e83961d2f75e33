"""Rights of the person: requests, restriction, consents, legal holds, certificates of erasure.

Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("beneficiary", sa.Column("restricted_on", sa.Date(), nullable=True))
    op.add_column("beneficiary", sa.Column("erased_on", sa.Date(), nullable=True))
    _of_person(
        "data_request",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("is_extended", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "answered_on IS NULL OR answered_on >= received_on", name=op.f("ck_data_request_answered_after_received")
        ),
    )
    op.create_index(op.f("ix_data_request_due_on"), "data_request", ["due_on"])
    _of_person(
        "legal_hold",
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=False),
    )
    _of_person(
        "consent",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("how", sa.String(length=20), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "withdrawn_on IS NULL OR withdrawn_on >= given_on", name=op.f("ck_consent_withdrawn_after_given")
        ),
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("approved_by_id", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["approved_by_id"], ["user.id"], name=op.f("fk_erasure_approved_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sqlite_autoincrement=True,
    )
    for column in ("approved_by_id", "at"):
        op.create_index(op.f(f"ix_erasure_{column}"), "erasure", [column])


def _of_person(name: str, *columns: sa.schema.SchemaItem) -> None:
    """A table of rows about one person, in the person's unit."""
    links = [("unit_id", "unit"), ("beneficiary_id", "beneficiary")]
    keys = [*links, *([("by_id", "user")] if any(getattr(c, "name", "") == "by_id" for c in columns) else [])]
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(column, sa.Integer(), nullable=False) for column, _target in links),
        *columns,
        *(sa.ForeignKeyConstraint([c], [f"{t}.id"], name=op.f(f"fk_{name}_{c}")) for c, t in keys),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sqlite_autoincrement=True,
    )
    for column, _target in keys:
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def downgrade() -> None:
    raise NotImplementedError("What 0009 keeps has no place in the schema before: restore a backup instead.")
