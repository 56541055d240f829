"""Capacity and away, waits as people had them, labels, and marks for what is told to others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and the table."""
    # Not in a batch: SQLite would make the table anew, which chats that point at an adviser forbid.
    op.add_column("adviser", sa.Column("away", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("adviser", sa.Column("capacity", sa.Integer(), nullable=False, server_default="3"))
    # What happened before this version is told to nobody any more.
    with op.batch_alter_table("transition") as table:
        table.add_column(sa.Column("published", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_index(
        "ix_transition_unpublished",
        "transition",
        ["id"],
        sqlite_where=sa.text("NOT published"),
        postgresql_where=sa.text("NOT published"),
    )
    with op.batch_alter_table("escalation") as table:
        table.add_column(sa.Column("first_claimed_at", _TIME, nullable=True))
        table.add_column(sa.Column("alerted_at", _TIME, nullable=True))
    op.execute("UPDATE escalation SET first_claimed_at = claimed_at")
    op.create_index("ix_escalation_first_claimed_at", "escalation", ["first_claimed_at"])
    with op.batch_alter_table("message") as table:
        table.add_column(sa.Column("taken_at", _TIME, nullable=True))
    # Before this version a turn that a crash cut off stayed open for good: nobody waits for its answer now.
    op.execute(sa.text("UPDATE message SET answered = :yes WHERE role = 'user'").bindparams(yes=True))
    _UNANSWERED = sa.text("role = 'user' AND NOT answered")
    op.create_index(
        "ix_message_unanswered",
        "message",
        ["created_at"],
        sqlite_where=_UNANSWERED,
        postgresql_where=_UNANSWERED,
    )
    op.create_table(
        "label",
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("adviser_id", sa.String(32), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["adviser_id"], ["adviser.id"], name="fk_label_adviser_id_adviser"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name="fk_label_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "name", name="pk_label"),
    )
    op.create_index("ix_label_name", "label", ["name"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("label")
    op.drop_index("ix_message_unanswered", "message")
    with op.batch_alter_table("message") as table:
        table.drop_column("taken_at")
    op.drop_index("ix_escalation_first_claimed_at", "escalation")
    with op.batch_alter_table("escalation") as table:
        table.drop_column("alerted_at")
        table.drop_column("first_claimed_at")
    op.drop_index("ix_transition_unpublished", "transition")
    with op.batch_alter_table("transition") as table:
        table.drop_column("published")
    with op.batch_alter_table("adviser") as table:
        table.drop_column("capacity")
        table.drop_column("away")
