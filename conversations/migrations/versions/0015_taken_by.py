"""Which process has the turn of a message, for the others on the same database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of turns that are under way now nobody knows, and time alone tells that they ended."""
    op.add_column("message", sa.Column("taken_by", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("message", "taken_by")
