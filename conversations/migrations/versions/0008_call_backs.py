"""Call backs and the attempts at them; who was told that a call back is to be had; a rating of the hand-off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_LIVE = sa.text("status IN ('draft', 'open', 'claimed')")


def upgrade() -> None:
    """Make the tables and the columns."""
    op.create_table(
        "call_back",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(16), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("how", sa.String(16), nullable=True),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("adviser_id", sa.String(32), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["adviser_id"], ["adviser.id"], name="fk_call_back_adviser_id_adviser"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name="fk_call_back_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_call_back"),
    )
    op.create_index("ix_call_back_conversation_id", "call_back", ["conversation_id"])
    op.create_index("ix_call_back_status", "call_back", ["status"])
    op.create_index(
        "uq_call_back_live",
        "call_back",
        ["conversation_id"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_table(
        "call_back_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_back_id", sa.String(32), nullable=False),
        sa.Column("adviser_id", sa.String(32), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("result", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["adviser_id"], ["adviser.id"], name="fk_call_back_attempt_adviser_id_adviser"
        ),
        sa.ForeignKeyConstraint(
            ["call_back_id"],
            ["call_back.id"],
            name="fk_call_back_attempt_call_back_id_call_back",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_call_back_attempt"),
    )
    op.create_index("ix_call_back_attempt_call_back_id", "call_back_attempt", ["call_back_id"])
    with op.batch_alter_table("escalation") as table:
        table.add_column(sa.Column("wait_told_at", _TIME, nullable=True))
        table.add_column(sa.Column("rating", sa.Integer(), nullable=True))
        table.add_column(sa.Column("rating_comment", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("escalation") as table:
        table.drop_column("rating_comment")
        table.drop_column("rating")
        table.drop_column("wait_told_at")
    op.drop_table("call_back_attempt")
    op.drop_table("call_back")
