"""A request that is cancelled in the middle of a query: the server can stop, and others can write."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from conversations.database import Database

#: Keeps SQLite busy for a while, as a slow disk would.
_SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n"


def test_a_server_that_stops_does_not_wait_for_ever_for_what_was_cancelled(tmp_path: Path) -> None:
    async def cancelled_and_left() -> None:
        database = Database(f"sqlite:///{tmp_path}/c.sqlite3")

        async def look() -> None:
            async with database.reading() as session:
                await session.execute(text(_SLOW))

        looking = asyncio.create_task(look())
        await asyncio.sleep(0.1)
        looking.cancel()
        await asyncio.sleep(0.1)  # the connection is being closed, and its thread is still busy

    # asyncio.run cancels what is left and waits for it; in a thread, so that a hang is told and not suffered.
    server = threading.Thread(target=asyncio.run, args=(cancelled_and_left(),), daemon=True)
    server.start()
    server.join(30)
    assert not server.is_alive()


async def test_whoever_is_cancelled_while_writing_leaves_nobody_waiting_for_the_lock(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/c.sqlite3")
    async with database.writing() as session:
        await session.execute(text("CREATE TABLE number (n INTEGER)"))

    async def write() -> None:
        while True:
            async with database.writing() as session:
                await session.execute(text("INSERT INTO number VALUES (1)"))
                (await session.execute(text("SELECT n FROM number"))).all()

    order = random.Random(0)
    for _ in range(40):
        writing = asyncio.create_task(write())
        await asyncio.sleep(order.uniform(0.005, 0.02))
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        async with asyncio.timeout(5):  # half of what a writer waits for the lock before it gives up
            async with database.writing() as session:
                await session.execute(text("INSERT INTO number VALUES (2)"))
    await database.close()


async def test_a_connection_that_is_closed_in_the_middle_of_reading_gives_the_lock_back(
    tmp_path: Path,
) -> None:
    database = Database(f"sqlite:///{tmp_path}/c.sqlite3")
    async with database.writing() as session:
        await session.execute(text("CREATE TABLE number (n INTEGER)"))
        await session.execute(text("INSERT INTO number VALUES (1), (2)"))

    with suppress(RuntimeError):
        async with database.writing() as session:
            await session.execute(text("INSERT INTO number VALUES (3)"))
            connection = await session.connection()
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            unfinished = await raw.driver_connection.execute("SELECT n FROM number")
            await unfinished.fetchone()
            await connection.invalidate()
            raise RuntimeError
    async with asyncio.timeout(5), database.writing() as session:
        assert (await session.execute(text("SELECT count(*) FROM number"))).scalar() == 2
    await database.close()
