"""One person in two units, and sharing by purpose.

Hashes of the people that stand already need the installation's key, which migrations do not read:
`flask --app app match refresh` makes them.

Revises: 0003
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
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
    kept = op.get_bind().execute(sa.text("SELECT * FROM access_grant")).mappings().all()
    op.drop_table("access_grant")
    _create_grants()
    for row in kept:
        op.execute(GRANTS.insert().values(**_as_now(row)))


GRANTS = sa.table(
    "access_grant",
    *(sa.column(name) for name in ("version", "unit_id", "kind", "asked_parts", "purpose", "legal_basis")),
    *(sa.column(name) for name in ("special_basis", "national_law", "reason", "asked_by_id", "status", "parts")),
    *(sa.column(name) for name in ("answered_by_id", "answer", "beneficiary_id")),
    *(sa.column(name, sa.DateTime(timezone=True)) for name in ("asked_at", "ends_at", "answered_at")),
)


def _as_now(row: Any) -> dict[str, Any]:
    """A row of 0.2, which no screen wrote, kept with its texts; what it opened has to be asked for anew."""
    moment = dt.datetime.now(dt.UTC).replace(tzinfo=None if op.get_bind().dialect.name == "sqlite" else dt.UTC)
    told = f"{row['purpose']} · {row['legal_basis']} · {row['starts_on']} – {row['ends_on']}"
    return {
        "version": row["version"], "unit_id": row["to_unit_id"], "kind": "REQUEST",
        "asked_parts": "|CONTACT|", "purpose": "SUPPORT", "legal_basis": "TASK", "national_law": "CENTRES",
        "reason": told[:500], "asked_by_id": row["asked_by_id"], "asked_at": moment, "status": "WITHDRAWN", "parts": "",
        "answered_by_id": row["granted_by_id"], "answered_at": moment, "answer": "0.2",
        "beneficiary_id": row["beneficiary_id"],
    }  # fmt: skip


def _create_grants() -> None:
    op.create_table(
        "access_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("registry_number", sa.String(length=20), nullable=True),
        sa.Column("of_unit_id", sa.Integer(), nullable=True),
        sa.Column("amka", sa.String(length=11), nullable=True),
        sa.Column("last_name", sa.String(length=80), nullable=True),
        sa.Column("first_name", sa.String(length=80), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("asked_parts", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("legal_basis", sa.String(length=20), nullable=False),
        sa.Column("special_basis", sa.String(length=20), nullable=True),
        sa.Column("national_law", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=500), nullable=True),
        sa.Column("beneficiary_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "status <> 'GRANTED' OR (beneficiary_id IS NOT NULL AND ends_at IS NOT NULL)",
            name=op.f("ck_access_grant_granted_of_somebody"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_access_grant_unit_id")),
        sa.ForeignKeyConstraint(["of_unit_id"], ["unit.id"], name=op.f("fk_access_grant_of_unit_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["user.id"], name=op.f("fk_access_grant_asked_by_id")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["user.id"], name=op.f("fk_access_grant_answered_by_id")),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_access_grant_beneficiary_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_grant")),
        sqlite_autoincrement=True,
    )
    for column in ("unit_id", "of_unit_id", "asked_by_id", "asked_at", "answered_by_id", "beneficiary_id"):
        op.create_index(op.f(f"ix_access_grant_{column}"), "access_grant", [column])


def downgrade() -> None:
    raise NotImplementedError("What 0004 keeps of sharing has no place in 0003: restore a backup instead.")

