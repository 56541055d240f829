"""Alembic migrations of this room, run by ``conversations.database.migrate``."""
