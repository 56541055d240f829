"""School holidays that a council records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty: the dates are the council's to record."""
    op.create_table(
        "school_holiday",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("area", sa.String(64), nullable=True),
        sa.Column("source_url", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_school_holiday"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("school_holiday")
