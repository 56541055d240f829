"""Time limits as a calendar file. Stateless: the days are in the address, and nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from aiohttp import web
from sqlalchemy.orm import Session

from gateway.errors import Code, Problem
from gateway.keys import RECORDS
from gateway.records import Records
from knowledge.calendar_file import MEDIA_TYPE, calendar_of
from knowledge.deadlines import EVENTS, summary_of
from knowledge.queries.rights import deadlines_from

#: Days outside are mistakes; the law that we know of began later, and calendars end somewhere.
_FIRST, _LAST = date(2000, 1, 1), date(2100, 12, 31)


async def calendar(request: web.Request) -> web.Response:
    """``GET /calendar.ics?EVENT=YYYY-MM-DD``: every date that follows from an event, or from several."""
    content = await dates_file(request.app[RECORDS], request.query)
    return web.Response(
        body=content,
        content_type=MEDIA_TYPE,
        charset="utf-8",
        headers={"Content-Disposition": 'attachment; filename="dates.ics"'},
    )


async def dates_file(records: Records, query: Mapping[str, str]) -> bytes:
    """The file for these events and their days. Raises ``Problem``."""
    starts = _read(query)

    def build(session: Session) -> bytes:
        rules = [rule for event in starts for rule in deadlines_from(session, event)]
        summary = summary_of(rules, starts)
        if not summary.dues:
            raise Problem(
                Code.NO_DATES, detail=f"No time limit that we can count runs from: {', '.join(starts)}."
            )
        return calendar_of(summary)

    return await records.read(build)


def _read(query: Mapping[str, str]) -> dict[str, date]:
    """The events and their days. Raises ``Problem`` naming each one that is wrong."""
    starts: dict[str, date] = {}
    errors: list[dict[str, str]] = []
    for event, words in query.items():
        if event not in EVENTS:
            known = ", ".join(sorted(EVENTS))
            errors.append({"field": event[:40], "message": f"is no event; the events are: {known}"})
        elif event in starts:
            errors.append({"field": event, "message": "is given twice"})
        elif (day := _day(words)) is None:
            errors.append(
                {
                    "field": event,
                    "message": f"must be a day like 2026-03-03, from {_FIRST} to {_LAST}",
                }
            )
        else:
            starts[event] = day
    if not query:
        errors.append(
            {"field": "(query)", "message": "give an event and its day: request-received=2026-03-03"}
        )
    if errors:
        raise Problem(Code.INVALID_FIELDS, errors=errors)
    return starts


def _day(words: str) -> date | None:
    # Only this one form: ``fromisoformat`` takes week dates and others besides.
    if len(words) != 10 or words[4] != "-" or words[7] != "-":
        return None
    try:
        day = date.fromisoformat(words)
    except ValueError:
        return None
    return day if _FIRST <= day <= _LAST else None
