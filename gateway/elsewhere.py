"""Who else may help, from the knowledge store, for when no adviser is here."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from conversations.models import Json
from knowledge.database import StoreUnavailable, open_engine, sessions
from knowledge.dates import say_partial
from knowledge.models import Service
from knowledge.queries.areas import area_named, covered_areas
from knowledge.queries.services import services_by_id

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A service to turn to: its name, and a card with how to reach it."""

    name: str
    card: Json


class Elsewhere:
    """Looks up the advice service of an area. Never fails: without an answer there is none."""

    def __init__(self, knowledge_url: str) -> None:
        self._url = knowledge_url

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self._url)

    async def near(self, area: str | None) -> list[Place]:
        """The independent advice service of ``area`` (an area id), empty when unknown."""
        if area is None:
            return []
        try:
            return await asyncio.to_thread(self._read, area)
        except (SQLAlchemyError, StoreUnavailable, OSError) as error:
            log.warning("no services from the store", extra={"cause": type(error).__name__})
            return []

    def _read(self, area_id: str) -> list[Place]:
        with sessions(self._engine)() as session:
            area = area_named(session, area_id)
            if area is None or area.advice_service is None:
                return []
            return [
                Place(service.name, _card(service))
                for service in services_by_id(session, [area.advice_service], area_id)
            ]

    def close(self) -> None:
        """Give the connections back, if there are any."""
        if "_engine" in self.__dict__:
            self._engine.dispose()


def covered(knowledge_url: str) -> frozenset[str]:
    """The ids of the areas with local content; none when the store cannot be read."""
    try:
        engine = open_engine(knowledge_url)
        try:
            with sessions(engine)() as session:
                return frozenset(area.id for area in covered_areas(session))
        finally:
            engine.dispose()
    except (SQLAlchemyError, StoreUnavailable, OSError) as error:
        log.error("no areas from the store", extra={"cause": type(error).__name__})
        return frozenset()


def _card(service: Service) -> Json:
    return {
        "kind": "service",
        "id": service.id,
        "title": service.name,
        "description": service.description,
        "how_to_reach": service.application_process,
        "phones": [
            {"number": phone.number, "extension": phone.extension, "label": phone.description}
            for phone in service.phones
        ],
        "email": service.email,
        "url": service.url,
        "hours": service.hours_text,
        "checked": say_partial(service.as_of),
    }
