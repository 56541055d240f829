"""Wake-ups between machines: PostgreSQL's LISTEN and NOTIFY behind the same interface as ``Events``.

A notification carries no more than which conversation to read again. One that is lost (the connection
broke) is made good at the next connection: everybody is woken and reads on by sequence number. While
PostgreSQL cannot be reached the wake-ups of this process still work.

The connection that listens also tells the others that this process is there: it holds an advisory lock with
the number of the process, which goes with the connection, whatever ends it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.events import ASSISTANT, Events

type _Connection = psycopg.AsyncConnection[tuple[Any, ...]]

log = logging.getLogger(__name__)

_CHANNEL = "helpline_events"

#: A quiet connection is asked this often whether it is still there.
_PING_SECONDS = 20

#: A dead peer is noticed by the operating system as well. While our ping is not confirmed that takes a
#: quarter of an hour without ``tcp_user_timeout`` (milliseconds), and nobody would be woken meanwhile.
_KEEPALIVE = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
    "connect_timeout": 5,
}

#: Any fixed number: the first half of the advisory locks by which processes tell that they are there.
_THERE = 7_219_033

#: Shared: after a break this process may come back before PostgreSQL has noticed that the old connection is
#: dead. It notices within seconds, also when a whole machine vanished.
_TELL_THAT_WE_ARE_THERE = """
SELECT set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
       set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '8000', false),
       pg_advisory_lock_shared(%s, %s)
"""

#: An ``objsubid`` of 2 is a lock of two numbers.
_WHO_IS_THERE = text("""
SELECT objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND classid::bigint = :there AND objsubid = 2 AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 10.0


class PostgresEvents(Events):
    """Use it like ``Events``, between ``start`` and ``close``, from the event loop's own thread."""

    def __init__(self, url: str) -> None:
        """``url`` is the SQLAlchemy URL of the database that all machines share."""
        super().__init__()
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._conninfo = make_conninfo(address, **_KEEPALIVE)
        self.process = secrets.randbelow(2**31 - 1) + 1
        self._to_send: dict[str, None] = {}  # in order, each once
        self._something_to_send = asyncio.Event()
        self._listening = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen and to tell; waits for the first connection at most a few seconds."""
        if self._tasks:
            return
        self._tasks = [
            asyncio.create_task(self._keep(self._listen)),
            asyncio.create_task(self._keep(self._tell)),
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await self._listening.wait()

    async def close(self) -> None:
        """Give the connections back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def publish(self, conversation_id: str) -> None:
        """Wake everybody who listens to this conversation (or to ``QUEUE``), on every machine."""
        super().publish(conversation_id)
        self._queue(f"{self.process} changed {conversation_id}")

    def typing(self, conversation_id: str, who: str = ASSISTANT) -> None:
        """Tell listeners on every machine that ``who`` is writing."""
        super().typing(conversation_id, who)
        self._queue(f"{self.process} typing {conversation_id} {who}")

    def _queue(self, payload: str) -> None:
        if self._tasks:
            self._to_send[payload] = None
            self._something_to_send.set()

    async def _keep(self, work: Callable[[_Connection], Awaitable[None]]) -> None:
        """Do the work on a connection of its own; when that breaks, again on a new one."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    pause = _FIRST_PAUSE_SECONDS
                    await work(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("wake-ups interrupted", extra={"cause": type(error).__name__})
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)

    async def _listen(self, connection: _Connection) -> None:
        await connection.execute(_TELL_THAT_WE_ARE_THERE, (_THERE, self.process))
        await connection.execute(f"LISTEN {_CHANNEL}")
        self.wake_all()  # whatever happened before this moment is in the log
        self._listening.set()
        while True:
            async for notice in connection.notifies(timeout=_PING_SECONDS):
                self._take(notice.payload)
            await connection.execute("SELECT 1")

    def _take(self, payload: str) -> None:
        origin, _, rest = payload.partition(" ")
        what, _, conversation_id = rest.partition(" ")
        if origin == str(self.process):
            return  # woken already
        if what == "typing":
            conversation_id, _, who = conversation_id.partition(" ")
            super().typing(conversation_id, who)
        else:
            super().publish(conversation_id)

    async def _tell(self, connection: _Connection) -> None:
        while True:
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    await self._something_to_send.wait()
            except TimeoutError:
                await connection.execute("SELECT 1")
                continue
            self._something_to_send.clear()
            for payload in list(self._to_send):
                # Taken out only once it is told: after a break it is told again, and twice does no harm.
                await connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, payload))
                self._to_send.pop(payload, None)


async def connected_in(session: AsyncSession) -> set[int]:
    """The numbers of the processes that are connected to this PostgreSQL database now."""
    return set(await session.scalars(_WHO_IS_THERE, {"there": _THERE}))
