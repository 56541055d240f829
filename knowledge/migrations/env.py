"""Alembic's entry: runs the migrations on the connection that ``knowledge.database.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from knowledge.database import VERSION_TABLE
from knowledge.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    # SQLite cannot alter a table in place.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
