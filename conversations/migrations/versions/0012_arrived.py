"""How far a chat on the web has arrived on the person's page, for the adviser who writes there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of chats that were there nothing is known."""
    op.add_column("conversation", sa.Column("arrived_seq", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("conversation", "arrived_seq")
