"""A withdrawn crisis reply stays beside the one that took its place"""

from __future__ import annotations

from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    with op.batch_alter_table('crisis_reply') as batch_op:
        batch_op.drop_constraint('uq_crisis_reply_danger', type_='unique')


def downgrade() -> None:
    with op.batch_alter_table('crisis_reply') as batch_op:
        batch_op.create_unique_constraint('uq_crisis_reply_danger', ['danger'])
