"""Questions that had no answer are kept, redacted, for the writers of the content"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'


def upgrade() -> None:
    op.create_table(
        'unanswered_question',
        sa.Column('id', sa.Integer(), autoincrement=True, primary_key=True),
        sa.Column('asked_on', sa.Date(), nullable=False),
        sa.Column('question', sa.Text(), nullable=False),
        sa.Column('reason', sa.String(length=20), nullable=False),
        sa.Column('topic', sa.String(length=60), nullable=True),
        sa.Column('area', sa.String(length=40), nullable=True),
    )
    op.create_index('ix_unanswered_question_asked_on', 'unanswered_question', ['asked_on'])


def downgrade() -> None:
    op.drop_table('unanswered_question')
