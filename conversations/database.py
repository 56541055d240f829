"""The database of this room: SQLite or PostgreSQL by URL, its migrations and its transactions."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, CursorResult, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionInTime
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from conversations.errors import Clash, StoreFault, StoreUnavailable

# At debug level the driver logs every statement with its values: what people wrote. Never, at any level.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)

#: This room's own version table, so that other rooms may share the database.
VERSION_TABLE = "conversations_version"

#: How long a writer waits for another writer (SQLite), in milliseconds.
_BUSY_TIMEOUT_MS = 10_000

#: A PostgreSQL that vanished is noticed within seconds, whether we connect, wait for its answer (keepalives)
#: or have sent something (``tcp_user_timeout``, in milliseconds). What the URL says itself stands.
#: Also in knowledge/database.py and bot/engine/memory.py: no room exists that all of them may import.
_POSTGRES_GIVES_UP = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "8000",
    # PostgreSQL's end alike: of a machine that vanished in the middle of a transaction it would keep the
    # locks for two hours, and with them the chats.
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=8000",
}

#: How long a transaction waits for a connection while all are in use (PostgreSQL): as long as SQLite waits.
#: With less, thirty people who write at once on a slow machine were told that nothing was saved.
_CONNECTION_WITHIN_SECONDS = 10

#: Any fixed number: two processes that start at once migrate one after the other (PostgreSQL).
_MIGRATION_LOCK = 7_219_031


def _with_driver(url: str, sqlite_driver: str) -> URL:
    """``url`` with the driver we use, whichever of the usual spellings it came in."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("conversations need a database file: an in-memory SQLite forgets what was said")
        return parsed.set(drivername=sqlite_driver)
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg", query={**_POSTGRES_GIVES_UP, **parsed.query})
    raise ValueError(f"conversations are kept in SQLite or PostgreSQL, not in {backend!r}")


def _prepare_sqlite(engine: Engine) -> None:
    """Make SQLite keep its promises: referential integrity, waiting writers, real deletion."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # We begin transactions ourselves (below); the driver's own habit of beginning late and
        # committing before DDL would make compare-and-set and migrations less than atomic.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        _keep_a_write_ahead_log(cursor)
        for pragma in (
            "synchronous = FULL",  # a message that was acknowledged survives a power cut
            "foreign_keys = ON",
            "secure_delete = ON",  # what is erased is overwritten, not just unlinked
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A writer takes the write lock at once: a read that later turns into a write would fail
        # instead of waiting when another writer came in between.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _keep_a_write_ahead_log(cursor: Any) -> None:
    # Of two that change a new database to it at once SQLite refuses one without any waiting.
    until = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.01)


def migrate(url: str) -> None:
    """Bring the database at ``url`` to the current form; creates it (SQLite) when it is absent.

    Safe to call at every start and from several processes at once.
    Raises ``StoreUnavailable`` when the database cannot be reached.
    """
    target = _with_driver(url, "sqlite")
    if target.get_backend_name() == "sqlite" and target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(target, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise StoreUnavailable(f"cannot migrate the conversations database: {error.orig}") from error
    finally:
        engine.dispose()


class _SqliteConnection(sqlite3.Connection):
    """A connection that gives the write lock back when it is closed.

    SQLite keeps a closed connection open, with its transaction, while one of its statements is unfinished: so
    it is where the task that read its rows was cancelled, and everybody else waited for that lock until the
    rows were collected as garbage.
    """

    def close(self) -> None:
        """Undo what was not committed, and close."""
        if self.in_transaction:
            self.rollback()
        super().close()


class _Connection(aiosqlite.Connection):
    """A connection whose thread is told to end once.

    The driver's own never ends its ``close`` when it is told twice, as happens when a request is cancelled
    and then the server stops: the thread goes at the first word, and the second is waited for without end.
    """

    _told = False

    def stop(self) -> asyncio.Future[None] | None:
        """Tell the thread to end; what to wait for, if this is the first time."""
        if self._told:
            return None
        self._told = True
        return super().stop()


def _connect(database: str, **options: Any) -> _Connection:
    connection = _Connection(
        lambda: sqlite3.connect(database, factory=_SqliteConnection, **options), iter_chunk_size=64
    )
    connection._thread.daemon = True  # as SQLAlchemy does with those that it makes itself
    return connection


class Database:
    """Transactions on the conversations database. One instance a process."""

    def __init__(self, url: str) -> None:
        """``url`` is any SQLAlchemy URL of SQLite (a file) or PostgreSQL. Connects on first use."""
        target = _with_driver(url, "sqlite+aiosqlite")
        self.is_sqlite = target.get_backend_name() == "sqlite"
        options: dict[str, Any] = (
            {"connect_args": {"async_creator_fn": _connect}}
            if self.is_sqlite
            else {"pool_pre_ping": True, "pool_timeout": _CONNECTION_WITHIN_SECONDS}
        )
        # A statement's parameters are what people wrote: an error that is logged must not show them.
        self._engine: AsyncEngine = create_async_engine(target, hide_parameters=True, **options)
        # SQLite has one writer; queueing here is fair and cheap, its own waiting is neither.
        self._writer: asyncio.Lock | None = asyncio.Lock() if self.is_sqlite else None
        if self.is_sqlite:
            _prepare_sqlite(self._engine.sync_engine)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A session that sees one state of the database. Raises as ``writing`` does."""
        async with self._session(self._engine) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncSession]:
        """A transaction: committed at the end of the block, undone by any error.

        Raises ``StoreUnavailable`` when the database cannot be reached, is full or is locked too long, and
        ``StoreFault`` (``Clash``, where a constraint says no) when it refuses a statement.
        """
        engine = self._engine.execution_options(writes=True)
        if self._writer is None:
            async with self._session(engine) as session:
                yield session
        else:
            async with self._writer, self._session(engine) as session:
                yield session

    @asynccontextmanager
    async def _session(self, engine: AsyncEngine) -> AsyncGenerator[AsyncSession]:
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except (SQLAlchemyError, OSError) as error:
            if _is_away(error):
                raise StoreUnavailable(_cause(error)) from error
            # The error itself is left out: PostgreSQL adds the whole row, with what people wrote.
            fault = Clash if isinstance(error, IntegrityError) else StoreFault
            raise fault(_cause(error)) from None

    async def ping(self) -> None:
        """Return when the database answers and holds our tables; else raise ``StoreUnavailable``."""
        try:
            async with self.reading() as session:
                await session.execute(text(f"SELECT 1 FROM {VERSION_TABLE}"))  # noqa: S608 - our own constant
        except StoreFault as error:
            raise StoreUnavailable(str(error)) from error

    async def forget_erased(self) -> None:
        """Make sure that erased text is gone from the write-ahead log too (SQLite)."""
        if self._writer is None:
            return
        async with self._writer, self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            # Not inside a transaction: a checkpoint is refused there.
            await raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()


def _is_away(error: SQLAlchemyError | OSError) -> bool:
    """Whether it is the database that cannot do its work now, and not the work that is wrong."""
    if isinstance(error, (OSError, NoConnectionInTime, DisconnectionError)):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    # SQLite calls a wrong statement or a missing table an error of operation, as it does a full disk.
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False
    return not isinstance(error, (IntegrityError, ProgrammingError, DataError, NotSupportedError))


def _cause(error: SQLAlchemyError | OSError) -> str:
    """What went wrong, without a value: those hold what people wrote."""
    cause = type(error).__name__
    if isinstance(error, DBAPIError) and not isinstance(error, DataError):
        # The first line only: in the next ones PostgreSQL shows the row.
        cause = f"{cause}: {str(error.orig).partition(chr(10))[0]}"
    if isinstance(error, StatementError) and error.statement and not _is_away(error):
        cause = f"{cause} [{error.statement}]"
    return cause


def rows_changed(result: object) -> int:
    """How many rows an UPDATE or DELETE changed."""
    assert isinstance(result, CursorResult)
    return result.rowcount
