"""Letters to fill in, and time limits of which the later counts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0004'


def upgrade() -> None:
    op.add_column('deadline_rule', sa.Column('later_of', sa.String(length=80), nullable=True))
    op.create_table('letter',
    sa.Column('id', sa.String(length=80), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('about', sa.Text(), nullable=False),
    sa.Column('easy_read', sa.Text(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('voices', sa.JSON(), nullable=False),
    sa.Column('limits', sa.JSON(), nullable=False),
    sa.Column('limit_from', sa.String(length=80), nullable=True),
    sa.ForeignKeyConstraint(['id'], ['record.id'], name='fk_letter_id_record', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='pk_letter')
    )


def downgrade() -> None:
    op.execute("DELETE FROM record WHERE kind = 'letter'")
    op.drop_table('letter')
    op.drop_column('deadline_rule', 'later_of')
