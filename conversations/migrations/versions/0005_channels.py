"""What was received from providers, and the links that lead from a channel to the web."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "received",
        sa.Column("event_hash", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("event_hash", name="pk_received"),
    )
    op.create_index("ix_received_at", "received", ["at"])
    op.create_table(
        "crossing",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name="fk_crossing_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_crossing"),
    )
    op.create_index("ix_crossing_conversation_id", "crossing", ["conversation_id"])
    op.create_index("ix_crossing_expires_at", "crossing", ["expires_at"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("crossing")
    op.drop_table("received")
