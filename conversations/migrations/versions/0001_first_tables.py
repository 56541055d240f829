"""The first tables: advisers, conversations, messages, ownership changes and escalations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NAME = sa.String(16)
_LIVE = sa.text("status <> 'closed'")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "adviser",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_seen", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_adviser"),
        sa.UniqueConstraint("key_hash", name="uq_adviser_key_hash"),
        sa.UniqueConstraint("name", name="uq_adviser_name"),
    )
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("sender_hash", sa.String(64), nullable=True),
        sa.Column("area", sa.String(64), nullable=True),
        sa.Column("age", sa.Integer(), nullable=True),
        sa.Column("young", sa.Boolean(), nullable=False),
        sa.Column("owner", _NAME, nullable=False),
        sa.Column("adviser_id", sa.String(32), nullable=True),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["adviser_id"], ["adviser.id"], name="fk_conversation_adviser_id_adviser"),
        sa.PrimaryKeyConstraint("id", name="pk_conversation"),
        sa.UniqueConstraint("channel", "sender_hash", name="uq_conversation_channel_sender_hash"),
    )
    op.create_index("ix_conversation_updated_at", "conversation", ["updated_at"])
    op.create_table(
        "message",
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", _NAME, nullable=False),
        sa.Column("author", sa.String(120), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("easy_read", sa.Text(), nullable=True),
        sa.Column("buttons", sa.JSON(), nullable=False),
        sa.Column("cards", sa.JSON(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("topic", sa.String(64), nullable=True),
        sa.Column("client_message_id", sa.String(64), nullable=True),
        sa.Column("reply_to", sa.Integer(), nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name="fk_message_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name="pk_message"),
        sa.UniqueConstraint(
            "conversation_id", "client_message_id", name="uq_message_conversation_id_client_message_id"
        ),
    )
    op.create_table(
        "transition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("from_owner", _NAME, nullable=False),
        sa.Column("to_owner", _NAME, nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name="fk_transition_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_transition"),
    )
    op.create_index("ix_transition_conversation_id", "transition", ["conversation_id"])
    op.create_table(
        "escalation",
        sa.Column("reference", sa.String(16), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("priority", _NAME, nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("status", _NAME, nullable=False),
        sa.Column("adviser_id", sa.String(32), nullable=True),
        sa.Column("outcome", sa.String(200), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("claimed_at", _TIME, nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["adviser_id"], ["adviser.id"], name="fk_escalation_adviser_id_adviser"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name="fk_escalation_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("reference", name="pk_escalation"),
    )
    op.create_index("ix_escalation_conversation_id", "escalation", ["conversation_id"])
    op.create_index("ix_escalation_status", "escalation", ["status"])
    # At most one request of a conversation stands; asking twice does not queue twice.
    op.create_index(
        "uq_escalation_live",
        "escalation",
        ["conversation_id"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )


def downgrade() -> None:
    """Drop the tables and all that was said."""
    for table in ("escalation", "transition", "message", "conversation", "adviser"):
        op.drop_table(table)
