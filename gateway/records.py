"""Reading the knowledge store for a request: in a few threads, and told honestly when it cannot be read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.errors import Code, Problem
from knowledge.database import StoreUnavailable, open_engine, sessions

log = logging.getLogger(__name__)

#: Reads that one reader takes on at once, waiting and running; the next one is sent away.
MOST_AT_ONCE = 64


class Records:
    """The knowledge store for handlers.

    Its threads are its own: however many letters or pages of a directory are asked for, the safety check
    finds its thread free.
    """

    def __init__(self, knowledge_url: str, threads: int = 2, most_at_once: int = MOST_AT_ONCE) -> None:
        """Begin to open the store. That it cannot be opened is told at each read: the chat goes on without.

        Args:
            knowledge_url: a SQLAlchemy URL.
            threads: reads that run at once; others wait.
            most_at_once: reads that run or wait at once.
        """
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="records")
        self._engine = self._threads.submit(open_engine, knowledge_url)
        self._most_at_once = most_at_once
        self._at_once = 0

    async def read[T](self, work: Callable[[Session], T]) -> T:
        """What ``work`` makes of a session, which it must not keep. Heavy work belongs into it.

        Raises:
            Problem: ``KNOWLEDGE_UNAVAILABLE``, also when too many reads wait; or what ``work`` itself raises.
        """
        if self._at_once >= self._most_at_once:
            log.error("the knowledge store cannot be read", extra={"cause": "too many reads wait"})
            raise Problem(Code.KNOWLEDGE_UNAVAILABLE)

        def run() -> T:
            with sessions(self._engine.result())() as session:
                return work(session)

        self._at_once += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        except (SQLAlchemyError, StoreUnavailable) as error:
            log.error("the knowledge store cannot be read", extra={"cause": type(error).__name__})
            raise Problem(Code.KNOWLEDGE_UNAVAILABLE) from None
        finally:
            self._at_once -= 1

    def close(self) -> None:
        """Wait for the reads that run, and give the connections back."""
        self._threads.shutdown(cancel_futures=True)
        if not self._engine.cancelled() and self._engine.exception() is None:
            self._engine.result().dispose()
