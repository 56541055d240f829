"""What areas and topics are called, from the knowledge store."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from knowledge.database import StoreUnavailable, open_engine, sessions
from knowledge.models import Area, Topic

log = logging.getLogger(__name__)

#: Names change rarely; a store that could not be read is asked again sooner.
_KEEP_SECONDS = 600
_RETRY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Titles:
    """Names by id. An id without a name is shown as words: "derby-city" as "derby city"."""

    areas: dict[str, str] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    covered: frozenset[str] = frozenset()  # the areas that this helpline is for

    def area(self, area_id: str) -> str:
        """An area as people call it."""
        return self.areas.get(area_id) or _as_words(area_id)

    def topic(self, name: str) -> str:
        """A topic's title."""
        return self.topics.get(name) or _as_words(name)


class Names:
    """Reads the titles when they are first needed. Never fails: a chat is shown without them too."""

    def __init__(self, knowledge_url: str) -> None:
        self._url = knowledge_url
        self._titles = Titles()
        self._until = 0.0

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self._url)

    async def titles(self) -> Titles:
        """The titles, at most ten minutes old; the last known ones while the store cannot be read."""
        if time.monotonic() >= self._until:
            try:
                self._titles = await asyncio.to_thread(self._read)
                self._until = time.monotonic() + _KEEP_SECONDS
            except (SQLAlchemyError, StoreUnavailable, OSError) as error:
                log.warning("no names from the knowledge store", extra={"cause": type(error).__name__})
                self._until = time.monotonic() + _RETRY_SECONDS
        return self._titles

    def _read(self) -> Titles:
        with sessions(self._engine)() as session:
            areas = session.scalars(select(Area)).all()
            return Titles(
                areas={area.id: area.name for area in areas},
                topics={topic.name: topic.title for topic in session.scalars(select(Topic))},
                covered=frozenset(area.id for area in areas if area.covered),
            )

    def close(self) -> None:
        """Give the connections back, if there are any."""
        if "_engine" in self.__dict__:
            self._engine.dispose()


def _as_words(identifier: str) -> str:
    return identifier.replace("-", " ").replace("_", " ")
