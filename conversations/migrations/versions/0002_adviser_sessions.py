"""Where advisers are signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "adviser_session",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("adviser_id", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["adviser_id"],
            ["adviser.id"],
            name="fk_adviser_session_adviser_id_adviser",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_adviser_session"),
    )
    op.create_index("ix_adviser_session_adviser_id", "adviser_session", ["adviser_id"])
    op.create_index("ix_adviser_session_expires_at", "adviser_session", ["expires_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("adviser_session")
