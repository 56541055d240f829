"""Opening the knowledge store and bringing its tables up to date.

SQLite by default, PostgreSQL by URL. The store is read by the action server and the gateway and written
by the loader, so plain synchronous sessions serve it; callers on an event loop use a thread.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

MIGRATIONS = Path(__file__).parent / "migrations"

#: Apart from the conversations' own, since both may live in one PostgreSQL database.
VERSION_TABLE = "knowledge_version"


class StoreUnavailable(RuntimeError):
    """The database cannot be opened; the message says which and what to do."""


def open_engine(url: str) -> Engine:
    """Make an engine for the store.

    Args:
        url: a SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://...``.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # The driver's own transactions leave out DDL: a migration cut short would leave half its tables behind.
    connection.isolation_level = None
    # Readers go on while the loader writes; a writer waits instead of failing at once.
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=5000", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions for reading and writing; objects stay usable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to a revision; does nothing when they are there already.

    Raises:
        StoreUnavailable: the database cannot be reached or written.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except OperationalError as error:
        shown = engine.url.render_as_string(hide_password=True)
        raise StoreUnavailable(f"the knowledge store {shown} cannot be opened: {error.orig}") from error
