"""What is left of the quotas of those who wrote in the last minute, for all gateways together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "quota",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("used_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_quota"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Worth nothing after a minute: no write-ahead log, no backup and no copy on a standby holds it.
        op.execute("ALTER TABLE quota SET UNLOGGED")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("quota")
