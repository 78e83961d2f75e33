"""Lists leave out what rests by an index of its own.

Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ONLY = sa.text("restricted_on IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_beneficiary_restricted", "beneficiary", ["unit_id"], sqlite_where=ONLY, postgresql_where=ONLY
    )


def downgrade() -> None:
    op.drop_index("ix_beneficiary_restricted", table_name="beneficiary")
