"""Searching the knowledge store beside a chat: what the assistant would rely on, with its source."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import cached_property

from aiohttp import web
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from conversations.models import Json
from desk.errors import Code, Refusal
from desk.keys import FINDER
from desk.pages import render
from knowledge.database import StoreUnavailable, open_engine, sessions
from knowledge.models import Record
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.kept import records_by_id
from knowledge.queries.records import title_of
from knowledge.search import Search, open_search
from knowledge.sources import sources_of

log = logging.getLogger(__name__)

#: Letters are made by answering questions; there is nothing to insert.
_KINDS = ("guidance", "service", "pathway", "entitlement", "glossary")

#: Where each kind keeps its words.
_WORDS = ("answer", "meaning", "description")

_MOST = 6
_LONGEST_QUERY = 300


class Finder:
    """Finds records. Opens the store and the sentence encoder when it is first asked."""

    def __init__(self, knowledge_url: str) -> None:
        self._url = knowledge_url
        self._opening = threading.Lock()

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self._url)

    @cached_property
    def _search(self) -> Search:
        return open_search(self._engine)

    async def find(self, words: str, area: str | None) -> list[Json]:
        """The best records for ``words`` in ``area``, with words to insert and the source in words.

        Raises ``Refusal`` when the store or the encoder cannot be used.
        """
        try:
            return await asyncio.to_thread(self._find, words, area)
        except (SQLAlchemyError, StoreUnavailable, OSError, RuntimeError) as error:
            log.error("the knowledge store cannot be searched", extra={"cause": type(error).__name__})
            raise Refusal(Code.NO_SEARCH) from error

    def _find(self, words: str, area: str | None) -> list[Json]:
        with self._opening:
            search = self._search
        with sessions(self._engine)() as session:
            found = search.closest(words, _KINDS, areas_from_near_to_wide(session, area), limit=_MOST)
            records = records_by_id(session, [match.record_id for match in found])
            return [
                _result(records[match.record_id], match.kind) for match in found if match.record_id in records
            ]

    def close(self) -> None:
        """Give the connections back, if there are any."""
        if "_engine" in self.__dict__:
            self._engine.dispose()


async def find(request: web.Request) -> web.Response:
    """``GET /desk/find?q=...&area=...``: a page, or JSON for the chat's script."""
    words = " ".join(request.query.get("q", "").split())[:_LONGEST_QUERY]
    area = request.query.get("area") or None
    results = await request.app[FINDER].find(words, area) if words else []
    if "application/json" in request.headers.get("Accept", ""):
        return web.json_response({"results": results})
    return render(request, "find.html", {"q": words, "area": area or "", "results": results})


def _result(record: Record, kind: str) -> Json:
    words = next((str(text) for name in _WORDS if (text := getattr(record, name, None))), "")
    source = _source_in_words(record)
    return {
        "id": record.id,
        "kind": kind,
        "title": title_of(record),
        "text": words,
        "source": source,
        "insert": f"{words}\n\nSource: {source}",
    }


def _source_in_words(record: Record) -> str:
    """The first source: "Title, publisher, as of December 2022, https://..."."""
    source = next(iter(sources_of([record])), {})
    parts = [
        source.get("title"),
        source.get("publisher"),
        f"as of {source['as_of_said']}" if source.get("as_of_said") else None,
        source.get("url"),
    ]
    return ", ".join(str(part) for part in parts if part)
