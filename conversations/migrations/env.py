"""Run by Alembic: migrates on the connection that ``conversations.database.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from conversations.database import VERSION_TABLE
from conversations.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite cannot alter a table in place
)
with context.begin_transaction():
    context.run_migrations()
