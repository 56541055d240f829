"""A pathway says at which of its steps somebody waits whose referral has gone in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    op.add_column(
        'pathway_step',
        sa.Column('while_waiting', sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    op.drop_column('pathway_step', 'while_waiting')
