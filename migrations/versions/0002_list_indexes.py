"""Indexes in the order in which lists are read.

Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_beneficiary_unit_closed_sort": ("beneficiary", ["unit_id", "closed_on", "sort_key"]),
    "ix_service_delivery_on": ("service_delivery", ["on"]),
    "ix_visit_at": ("visit", ["at"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _columns) in INDEXES.items():
        op.drop_index(name, table)
