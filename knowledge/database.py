"""Opening the knowledge store and bringing its tables up to date.

SQLite by default, PostgreSQL by URL. The store is read by the action server and the gateway and written
by the loader, so plain synchronous sessions serve it; callers on an event loop use a thread.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker

MIGRATIONS = Path(__file__).parent / "migrations"

#: Apart from the conversations' own, since both may live in one PostgreSQL database.
VERSION_TABLE = "knowledge_version"


#: Any fixed number but the conversations': writers on PostgreSQL take their turn by it. Two machines that
#: start at once on an empty database make its tables, and load it, one after the other.
_WRITERS_TURN = 7_219_032

#: How long a writer waits for another one (SQLite), in milliseconds: as long as a first load may take.
_BUSY_TIMEOUT_MS = 60_000

#: A PostgreSQL that vanished is noticed within seconds, whether we connect, wait for its answer (keepalives)
#: or have sent something (``tcp_user_timeout``, in milliseconds). What the URL says itself stands.
#: Also in conversations/database.py and bot/engine/memory.py: no room exists that all of them may import.
_POSTGRES_GIVES_UP = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
    # PostgreSQL's end alike: of a writer whose machine vanished it would keep the lock for two hours.
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=8000",
}

#: How long a transaction waits for a connection while all are in use (PostgreSQL).
_CONNECTION_WITHIN_SECONDS = 5


class StoreUnavailable(RuntimeError):
    """The database cannot be opened, read or written; the message says which and why."""


def open_engine(url: str) -> Engine:
    """Make an engine for the store.

    Args:
        url: a SQLAlchemy URL, ``sqlite:///path`` or ``postgresql://...``.

    Raises:
        StoreUnavailable: it is no such URL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # The message of the error would hold the URL, and with it a password.
        raise StoreUnavailable("the knowledge store's address is not a database URL") from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            connect_args={
                name: value for name, value in _POSTGRES_GIVES_UP.items() if name not in parsed.query
            },
            pool_pre_ping=True,
            pool_timeout=_CONNECTION_WITHIN_SECONDS,
            hide_parameters=True,
        )
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    if backend != "sqlite":
        raise StoreUnavailable(f"the knowledge store is kept in SQLite or PostgreSQL, not in {backend!r}")
    if parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(
                f"the knowledge store {parsed.database} cannot be opened: {error.strerror}"
            ) from error
    engine = create_engine(parsed, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # The driver's own transactions leave out DDL: a migration cut short would leave half its tables behind.
    connection.isolation_level = None
    # Readers go on while the loader writes; a writer waits instead of failing at once.
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    _keep_a_write_ahead_log(connection)
    for pragma in ("foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _keep_a_write_ahead_log(connection: Any) -> None:
    # Of two that change a new database to it at once SQLite refuses one without any waiting.
    until = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the write lock at once: a read that later turns into a write would fail instead of
    # waiting when another writer came in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    # Until the end of the transaction. Revisions also become visible in the order of their numbers by
    # this, on which the search index relies.
    if _writes(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_TURN})")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes", False))


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions for reading; objects stay usable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def writing(engine: Engine) -> sessionmaker[Session]:
    """Sessions for writing: one at a time, whatever the process or machine; others wait for their turn."""
    return sessionmaker(engine.execution_options(writes=True), expire_on_commit=False)


@contextmanager
def told_plainly(engine: Engine) -> Generator[None]:
    """Turns what the database refuses in this block into one line.

    Raises:
        StoreUnavailable: the database cannot be reached, read or written.
    """
    try:
        yield
    except DBAPIError as error:
        shown = engine.url.render_as_string(hide_password=True)
        raise StoreUnavailable(f"the knowledge store {shown} cannot be opened: {error.orig}") from error


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to a revision; does nothing when they are there already.

    Safe to call from several processes and machines at once.

    Raises:
        StoreUnavailable: the database cannot be reached or written, or is of a newer version than this.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with told_plainly(engine), engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            shown = engine.url.render_as_string(hide_password=True)
            raise StoreUnavailable(
                f"the knowledge store {shown} does not fit this version: {error}"
            ) from error
