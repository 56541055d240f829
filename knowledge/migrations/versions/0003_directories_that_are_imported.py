"""Directories that are imported, and the rest of what Open Referral UK says of a service"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'

_OWNED = ('organization', 'location', 'taxonomy', 'taxonomy_term')


def upgrade() -> None:
    # A table that others refer to is never made anew: SQLite would empty those that cascade from it.
    for table in _OWNED:
        op.add_column(
            table, sa.Column('origin', sa.String(length=40), nullable=False, server_default='content')
        )
    op.add_column('organization', sa.Column('email', sa.Text(), nullable=True))
    op.add_column('taxonomy', sa.Column('uri', sa.Text(), nullable=True))
    op.add_column('taxonomy_term', sa.Column('parent_id', sa.String(length=120), nullable=True))
    op.add_column('taxonomy_term', sa.Column('term_uri', sa.Text(), nullable=True))
    op.add_column('service', sa.Column('last_modified', sa.DateTime(timezone=True), nullable=True))
    op.add_column('service_area', sa.Column('area_id', sa.String(length=40), nullable=True))
    op.add_column('service_at_location', sa.Column('id', sa.String(length=36), nullable=True))
    op.create_index('ix_service_at_location_id', 'service_at_location', ['id'])
    _easy_read_may_be_missing()

    op.create_table('feed',
    sa.Column('id', sa.String(length=34), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('publisher', sa.Text(), nullable=False),
    sa.Column('source_id', sa.String(length=80), nullable=False),
    sa.Column('run', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name='fk_feed_source_id_source'),
    sa.PrimaryKeyConstraint('id', name='pk_feed')
    )
    op.create_table('feed_service',
    sa.Column('feed_id', sa.String(length=34), nullable=False),
    sa.Column('external_id', sa.String(length=36), nullable=False),
    sa.Column('record_id', sa.String(length=80), nullable=True),
    sa.Column('last_modified', sa.String(length=40), nullable=True),
    sa.Column('read_in', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.String(length=12), nullable=False),
    sa.Column('duplicate_of', sa.String(length=80), nullable=True),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('document', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(
        ['feed_id'], ['feed.id'], name='fk_feed_service_feed_id_feed', ondelete='CASCADE'
    ),
    sa.PrimaryKeyConstraint('feed_id', 'external_id', name='pk_feed_service')
    )
    op.create_index('ix_feed_service_record_id', 'feed_service', ['record_id'])
    op.create_index('ix_feed_service_outcome', 'feed_service', ['outcome'])
    for table, columns in (
        ('contact', [
            sa.Column('position', sa.Integer(), nullable=False),
            sa.Column('name', sa.Text(), nullable=True),
            sa.Column('title', sa.Text(), nullable=True),
            sa.Column('email', sa.Text(), nullable=True),
        ]),
        ('language', [
            sa.Column('name', sa.Text(), nullable=False),
            sa.Column('code', sa.String(length=10), nullable=True),
        ]),
        ('funding', [sa.Column('source', sa.Text(), nullable=False)]),
    ):
        op.create_table(table,
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('service_id', sa.String(length=80), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ['service_id'], ['service.id'], name=f'fk_{table}_service_id_service', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=f'pk_{table}')
        )
        op.create_index(f'ix_{table}_service_id', table, ['service_id'])


def downgrade() -> None:
    for table in ('funding', 'language', 'contact', 'feed_service', 'feed'):
        op.drop_table(table)
    op.drop_index('ix_service_at_location_id', 'service_at_location')
    op.drop_column('service_at_location', 'id')
    op.drop_column('service_area', 'area_id')
    op.drop_column('service', 'last_modified')
    op.drop_column('taxonomy_term', 'term_uri')
    op.drop_column('taxonomy_term', 'parent_id')
    op.drop_column('taxonomy', 'uri')
    op.drop_column('organization', 'email')
    for table in _OWNED:
        op.drop_column(table, 'origin')


def _easy_read_may_be_missing() -> None:
    if op.get_bind().dialect.name != 'sqlite':
        op.alter_column('service', 'easy_read', nullable=True)
        return
    op.add_column('service', sa.Column('easy_read_if_any', sa.Text(), nullable=True))
    op.execute('UPDATE service SET easy_read_if_any = easy_read')
    op.drop_column('service', 'easy_read')
    op.alter_column('service', 'easy_read_if_any', new_column_name='easy_read')
