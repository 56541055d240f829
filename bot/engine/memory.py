"""The table that holds what the bot remembers of each conversation. Runs on both interpreters.

The bot reads and writes it (SQLAlchemy 1.4, Python 3.10); ``helpline erase`` and ``helpline purge`` delete
from it (SQLAlchemy 2, Python 3.12). So it imports nothing but what both have.
"""

from __future__ import annotations

import sqlite3
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Optional, TypeVar

from sqlalchemy import (
    Column,
    Float,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

TABLE = Table(
    "bot_memory",
    MetaData(),
    Column("sender_id", String(255), primary_key=True),
    Column("state", Text, nullable=False),
    Column("updated_at", Float, nullable=False, index=True),  # seconds since 1970, UTC
)

#: How long a writer waits for another one (SQLite), and for a connection while all are in use (PostgreSQL).
_BUSY_SECONDS = 10
_CONNECTION_WITHIN_SECONDS = 5

#: A PostgreSQL that vanished is noticed within seconds, whether we connect, wait for its answer (keepalives)
#: or have sent something (``tcp_user_timeout``, in milliseconds): a thread would wait for a quarter of an
#: hour, and soon all of them. What the URL says itself stands.
_POSTGRES_GIVES_UP = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
    # PostgreSQL's end alike: of a bot whose machine vanished while it wrote it would keep the row locked.
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=8000",
}

Result = TypeVar("Result")


class Memory:
    """Reads and writes states by conversation. Safe to use from several threads."""

    def __init__(self, url: str, connections: int = 5) -> None:
        """Opens the database and makes the table if it is not there.

        Args:
            url: SQLAlchemy URL of an SQLite file or of a PostgreSQL database.
            connections: the most that are open at once (PostgreSQL).

        Raises:
            ValueError: another kind of database, or an SQLite without a file.
            sqlalchemy.exc.DBAPIError: the database cannot be opened.
        """
        target = _with_driver(url)
        self.is_sqlite = target.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(target) if self.is_sqlite else _postgres_engine(target, connections)
        self._insert: Any = sqlite.insert if self.is_sqlite else postgresql.insert
        self._make_table()

    def read(self, sender_id: str) -> Optional[str]:
        """The stored state, or None."""
        statement = select(TABLE.c.state).where(TABLE.c.sender_id == sender_id)
        found: Optional[str] = self._run(lambda connection: connection.execute(statement).scalar())
        return found

    def write(self, sender_id: str, state: str) -> None:
        """Store a state in place of the one that is there."""
        insert = self._insert(TABLE).values(sender_id=sender_id, state=state, updated_at=time.time())
        new = {"state": insert.excluded.state, "updated_at": insert.excluded.updated_at}
        statement = insert.on_conflict_do_update(index_elements=[TABLE.c.sender_id], set_=new)
        self._run(lambda connection: connection.execute(statement))

    def erase(self, sender_id: str) -> bool:
        """Forget one conversation for good. False if nothing was known of it."""
        return self._delete(TABLE.c.sender_id == sender_id) > 0

    def purge(self, before: float) -> int:
        """Forget what was last written before a time (seconds since 1970); how many conversations."""
        return self._delete(TABLE.c.updated_at < before)

    def keys(self) -> list[str]:
        """The conversations that something is known of."""
        return self._run(lambda connection: [row[0] for row in connection.execute(select(TABLE.c.sender_id))])

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _delete(self, wanted: Any) -> int:
        deleted = self._run(lambda connection: connection.execute(delete(TABLE).where(wanted)).rowcount)
        if deleted and self.is_sqlite:
            # Erased text leaves the write-ahead log too; not inside a transaction, where it is refused.
            raw = self._engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()
        return deleted

    def _run(self, work: Callable[[Connection], Result]) -> Result:
        """One transaction; tried once more when the server has dropped a connection that we kept."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            # Every statement here can be repeated: it leaves the same row behind.
            if not error.connection_invalidated:
                raise
        with self._engine.begin() as connection:
            return work(connection)

    def _make_table(self) -> None:
        try:
            TABLE.create(self._engine, checkfirst=True)
        except DBAPIError:
            # Two bots that start at once: the other one made it.
            if not inspect(self._engine).has_table(TABLE.name):
                raise


def _with_driver(url: str) -> URL:
    """The URL with the driver that this interpreter has, whichever of the usual spellings it came in."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("HELPLINE_TRACKER_URL needs a database file: an in-memory SQLite forgets")
        return parsed.set(drivername="sqlite")
    if backend == "postgresql":
        driver = "psycopg" if find_spec("psycopg") else "psycopg2"
        return parsed.set(drivername=f"postgresql+{driver}")
    raise ValueError(f"HELPLINE_TRACKER_URL names SQLite or PostgreSQL, not {backend!r}")


def _sqlite_engine(target: URL) -> Engine:
    assert target.database is not None
    Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        target,
        future=True,
        hide_parameters=True,  # they hold what people wrote: an error that is logged must not show them
        poolclass=QueuePool,
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        _keep_a_write_ahead_log(cursor)
        # The last words may be lost in a power cut: the conversation itself is in the gateway's log.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    return engine


def _keep_a_write_ahead_log(cursor: Any) -> None:
    # Of two that change a new database to it at once SQLite refuses one without any waiting.
    # Also in conversations/database.py and knowledge/database.py: no room exists that all of them may import.
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # This interpreter's errors have no code yet.
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(0.01)


def _postgres_engine(target: URL, connections: int) -> Engine:
    return create_engine(
        target,
        future=True,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_CONNECTION_WITHIN_SECONDS,
        connect_args={name: value for name, value in _POSTGRES_GIVES_UP.items() if name not in target.query},
    )
