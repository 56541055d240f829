"""Reading the knowledge store for a request: in a thread, with an honest answer when it cannot be read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cached_property

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.errors import Code, Problem
from knowledge.database import open_engine, sessions

log = logging.getLogger(__name__)


class Records:
    """The knowledge store for handlers. One instance a gateway; opened when it is first asked."""

    def __init__(self, knowledge_url: str) -> None:
        self._url = knowledge_url

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self._url)

    async def read[T](self, work: Callable[[Session], T]) -> T:
        """What ``work`` makes of a session, which it must not keep.

        Raises:
            Problem: ``KNOWLEDGE_UNAVAILABLE``; or what ``work`` itself raises.
        """

        def run() -> T:
            with sessions(self._engine)() as session:
                return work(session)

        try:
            return await asyncio.to_thread(run)
        except (SQLAlchemyError, OSError) as error:
            log.error("the knowledge store cannot be read", extra={"cause": type(error).__name__})
            raise Problem(Code.KNOWLEDGE_UNAVAILABLE) from None

    def close(self) -> None:
        """Give the connections back, if there are any."""
        if "_engine" in self.__dict__:
            self._engine.dispose()
