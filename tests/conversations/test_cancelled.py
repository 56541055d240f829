"""A request that is cancelled in the middle of a query, and then a server that stops."""

from __future__ import annotations

import asyncio
import threading
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
