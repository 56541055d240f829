"""Full text of every record, with an index that the database keeps true by itself"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'

#: What each kind is found by. The loader and the importers write the same again, and more, when they next run.
_FILL = {
    'service': ("c.name || coalesce(' ' || c.alternate_name, '')",
                "c.description || ' ' || coalesce(c.eligibility_description, '') || ' ' || c.application_process"),
    'pathway': ('c.title', 'c.answer'),
    'entitlement': ('c.title', "c.answer || ' ' || c.how_to_use"),
    'guidance': ('c.question', "c.answer || ' ' || coalesce(c.next_step, '')"),
    'glossary_term': ("c.term", "c.meaning"),
}

_FTS5 = (
    # Porter: "referred" finds "referral"; without accents: "cafe" finds "café".
    """CREATE VIRTUAL TABLE search_text_fts USING fts5(asked, body,
       content='search_text', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER search_text_inserted AFTER INSERT ON search_text BEGIN
       INSERT INTO search_text_fts(rowid, asked, body) VALUES (new.id, new.asked, new.body); END""",
    """CREATE TRIGGER search_text_deleted AFTER DELETE ON search_text BEGIN
       INSERT INTO search_text_fts(search_text_fts, rowid, asked, body)
       VALUES ('delete', old.id, old.asked, old.body); END""",
    """CREATE TRIGGER search_text_updated AFTER UPDATE ON search_text BEGIN
       INSERT INTO search_text_fts(search_text_fts, rowid, asked, body)
       VALUES ('delete', old.id, old.asked, old.body);
       INSERT INTO search_text_fts(rowid, asked, body) VALUES (new.id, new.asked, new.body); END""",
)

_TSVECTOR = (
    """ALTER TABLE search_text ADD COLUMN document tsvector GENERATED ALWAYS AS (
       setweight(to_tsvector('english', asked), 'A') || setweight(to_tsvector('english', body), 'D')) STORED""",
    'CREATE INDEX ix_search_text_document ON search_text USING gin (document)',
)


def upgrade() -> None:
    op.create_table('search_text',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('record_id', sa.String(length=80), nullable=False),
    sa.Column('asked', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('made_from', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['record_id'], ['record.id'], name='fk_search_text_record_id_record', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='pk_search_text'),
    sa.UniqueConstraint('record_id', name='uq_search_text_record_id'),
    sqlite_autoincrement=True,
    )
    on_sqlite = op.get_bind().dialect.name == 'sqlite'
    for statement in _FTS5 if on_sqlite else _TSVECTOR:
        op.execute(statement)
    for table, (asked, body) in _FILL.items():
        op.execute(f"""INSERT INTO search_text (record_id, asked, body, made_from)
            SELECT c.id, {asked}, {body}, '' FROM {table} c JOIN record r ON r.id = c.id
            WHERE r.status = 'published'""")


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.execute('DROP TABLE search_text_fts')
    op.drop_table('search_text')
