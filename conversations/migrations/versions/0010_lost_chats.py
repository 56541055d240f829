"""The chats that an adviser lost with their connection, until they have been told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "lost_chat",
        sa.Column("adviser_id", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["adviser_id"], ["adviser.id"], name="fk_lost_chat_adviser_id_adviser", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name="fk_lost_chat_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("adviser_id", "conversation_id", name="pk_lost_chat"),
    )
    op.create_index("ix_lost_chat_conversation_id", "lost_chat", ["conversation_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("lost_chat")
