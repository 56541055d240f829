"""Accounts with passwords, a second factor, roles and sign-in elsewhere; a key becomes a one-time link.

Columns are only added and renamed: SQLite would otherwise make the table anew, and every chat that points at
an adviser with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)

#: How long a key of before can still be used, once, to choose a password.
_KEYS_LAST = timedelta(days=30)


def upgrade() -> None:
    """Add the columns. Everybody signs in anew: with the key of before they choose their password."""
    op.execute("ALTER TABLE adviser RENAME COLUMN key_hash TO link_hash")
    for column in (
        sa.Column("link_expires_at", _TIME, nullable=True),
        sa.Column("role", sa.String(16), nullable=False, server_default="adviser"),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("wrong_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("subject_hash", sa.String(64), nullable=True),
    ):
        op.add_column("adviser", column)
    op.create_index("ix_adviser_subject_hash", "adviser", ["subject_hash"], unique=True)
    adviser = sa.table("adviser", sa.column("link_expires_at", _TIME))
    op.execute(adviser.update().values(link_expires_at=datetime.now(UTC) + _KEYS_LAST))
    op.execute("DELETE FROM adviser_session")


def downgrade() -> None:
    """Take the columns away: a one-time link that was not used is a key again."""
    op.execute("DELETE FROM adviser_session")
    op.drop_index("ix_adviser_subject_hash", "adviser")
    for name in (
        "subject_hash",
        "totp_step",
        "totp_sealed",
        "locked_until",
        "wrong_tries",
        "password_hash",
        "role",
        "link_expires_at",
    ):
        op.drop_column("adviser", name)
    op.execute("ALTER TABLE adviser RENAME COLUMN link_hash TO key_hash")
