"""The area that an operator gave for a directory is remembered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    op.add_column('feed', sa.Column('default_area', sa.String(length=80), nullable=True))


def downgrade() -> None:
    op.drop_column('feed', 'default_area')
