"""Figures for a period: as tables, as plain bar charts that the tables stand beside, and as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import date, datetime, time, timedelta

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from conversations.models import Json
from conversations.opening import LOCAL_TIME
from conversations.outcomes import outcomes
from conversations.statistics import Figures, Times
from desk.keys import ADVISER, NAMES, SETTINGS, store_of
from desk.names import Titles
from desk.pages import render
from desk.wire import reason_in_words
from knowledge.database import StoreUnavailable, open_engine
from knowledge.unanswered import unanswered_questions

#: The period that is shown first.
_STANDARD_DAYS = 28

_MOST_BARS = 10
_MOST_QUESTIONS = 30

#: Why a question had no answer, for whoever writes the content that is missing.
_WHY_NO_ANSWER = {
    "nothing_known": "Nothing is known about it",
    "not_understood": "Not understood",
    "out_of_scope": "Taken for another subject",
}

#: Of the drawing, in its own units.
_BAR_HEIGHT, _BAR_GAP, _LABEL_WIDTH, _WIDTH = 22, 8, 260, 640


async def show(request: web.Request) -> web.Response:
    """``GET /desk/figures?since=...&until=...``."""
    since, until, errors = _period(request)
    await _record(request, "figures viewed", since, until)
    found = await store_of(request).figures(*_as_times(since, until))
    titles = await request.app[NAMES].titles()
    questions = await _unanswered(request, since, titles)
    tables = _tables(found, titles)
    context = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "errors": errors,
        "headline": tables["Overview"],
        "charts": [
            {"title": title, "rows": rows, **_bars(rows)}
            for title, rows in tables.items()
            if title != "Overview" and rows
        ],
        "weeks": [
            {
                "week": week.strftime("%-d %B %Y"),
                "topics": ", ".join(
                    f"{titles.topic(name)} {count}" for name, count in list(topics.items())[:5]
                ),
                "count": sum(topics.values()),
            }
            for week, topics in found.topics_by_week.items()
        ],
        "questions": questions,
        "query": request.query_string,
    }
    return render(request, "figures.html", context, status=422 if errors else 200)


async def as_csv(request: web.Request) -> web.Response:
    """``GET /desk/figures.csv``: the same period, one figure a line."""
    since, until, _ = _period(request)
    found = await store_of(request).figures(*_as_times(since, until))
    titles = await request.app[NAMES].titles()
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(["table", "name", "value"])
    for table, rows in _tables(found, titles).items():
        lines.writerows([table, _safe(row["name"]), row["value"]] for row in rows)
    for week, topics in found.topics_by_week.items():
        lines.writerows(
            [f"Topics, week of {week.isoformat()}", _safe(titles.topic(name)), count]
            for name, count in topics.items()
        )
    for question in await _unanswered(request, since, titles):
        why = ", ".join(part for part in (question["why"], question["about"]) if part)
        lines.writerow([f"Without an answer: {why}", _safe(question["question"]), question["times"]])
    await _record(request, "figures exported", since, until)
    name = f"helpline-{since.isoformat()}-{until.isoformat()}.csv"
    return web.Response(
        text=written.getvalue(),
        content_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _record(request: web.Request, action: str, since: date, until: date) -> None:
    await store_of(request).audit(
        who=request[ADVISER].id,
        action=action,
        detail={"since": since.isoformat(), "until": until.isoformat()},
    )


def _period(request: web.Request) -> tuple[date, date, dict[str, str]]:
    """First and last day, both included; the standard period with an error for what cannot be read."""
    today = datetime.now(LOCAL_TIME).date()
    standard = today - timedelta(days=_STANDARD_DAYS - 1), today
    try:
        since = date.fromisoformat(request.query["since"]) if request.query.get("since") else standard[0]
        until = date.fromisoformat(request.query["until"]) if request.query.get("until") else standard[1]
    except ValueError:
        return *standard, {"since": "Write the days as 2026-11-27."}
    if until < since:
        return *standard, {"until": "The last day is before the first."}
    return since, until, {}


def _as_times(since: date, until: date) -> tuple[datetime, datetime]:
    return (
        datetime.combine(since, time(), LOCAL_TIME),
        datetime.combine(until + timedelta(days=1), time(), LOCAL_TIME),
    )


def _tables(found: Figures, titles: Titles) -> dict[str, list[Json]]:
    """Every table by its title; each row has ``name``, ``value`` and, for the charts, ``size``."""
    known = outcomes()
    topics: dict[str, int] = {}
    for week in found.topics_by_week.values():
        for name, count in week.items():
            topics[name] = topics.get(name, 0) + count
    return {
        "Overview": [
            _row("Chats", found.chats),
            _row("Chats in which a person was asked for", found.handed_off, found.chats),
            _row("Chats with the assistant alone", found.by_assistant_alone, found.chats),
            _row(
                "Answered by the assistant, nobody said it did not help",
                found.resolved_by_assistant,
                found.chats,
            ),
            _row("Gave up waiting", found.abandoned),
            *_time_rows("Wait for a person", found.wait),
            *_time_rows("First reply after that", found.first_reply),
            *_time_rows("Time with a person", found.handling),
            {"name": "Ratings", "value": str(found.ratings), "size": found.ratings},
            {
                "name": "Mean rating, of 5",
                "value": f"{found.rating:.1f}" if found.rating else "None",
                "size": 0,
            },
        ],
        "Why a person was asked for": [
            _row(reason_in_words(name, titles), count) for name, count in found.reasons.items()
        ],
        "How requests ended": [
            _row(known[name].title if name in known else name, count)
            for name, count in found.outcomes.items()
        ],
        "Answers by topic": [
            _row(titles.topic(name), count)
            for name, count in sorted(topics.items(), key=lambda pair: -pair[1])
        ],
    }


def _row(name: str, count: int, of: int | None = None) -> Json:
    share = f" ({100 * count / of:.0f}%)" if of else ""
    return {"name": name, "value": f"{count}{share}", "size": count}


def _time_rows(name: str, times: Times) -> list[Json]:
    if times.median is None or times.nine_of_ten is None:
        return [{"name": name, "value": "None yet", "size": 0}]
    return [
        {"name": f"{name}: the middle of {times.count}", "value": _minutes(times.median), "size": 0},
        {"name": f"{name}: nine of ten under", "value": _minutes(times.nine_of_ten), "size": 0},
    ]


def _minutes(long: timedelta) -> str:
    seconds = int(long.total_seconds())
    return f"{seconds} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _bars(rows: list[Json]) -> Json:
    """Where the bars of a chart are, and what it says in words."""
    shown = rows[:_MOST_BARS]
    most = max(row["size"] for row in shown) or 1
    return {
        "height": len(shown) * (_BAR_HEIGHT + _BAR_GAP),
        "width": _WIDTH,
        "label_width": _LABEL_WIDTH,
        "bar_height": _BAR_HEIGHT,
        "bars": [
            {
                "y": place * (_BAR_HEIGHT + _BAR_GAP),
                "length": round((_WIDTH - _LABEL_WIDTH - 60) * row["size"] / most, 1),
                "name": row["name"] if len(row["name"]) <= 34 else row["name"][:33] + "…",
                "value": row["value"],
            }
            for place, row in enumerate(shown)
        ],
        "said": "; ".join(f"{row['name']}: {row['value']}" for row in shown) + ".",
    }


async def _unanswered(request: web.Request, since: date, titles: Titles) -> list[Json]:
    """Questions without an answer, redacted when they were kept; none while the store cannot be read."""

    def read() -> list[Json]:
        engine = open_engine(request.app[SETTINGS].knowledge_url)
        try:
            found = unanswered_questions(engine, since, _MOST_QUESTIONS)
        finally:
            engine.dispose()
        return [
            {
                "question": one.question,
                "why": _WHY_NO_ANSWER.get(one.reason, one.reason),
                "about": ", ".join(
                    ([titles.topic(one.topic)] if one.topic else [])
                    + ([titles.area(one.area)] if one.area else [])
                ),
                "times": one.times,
                "last": one.last_asked.strftime("%-d %B %Y"),
            }
            for one in found
        ]

    try:
        return await asyncio.to_thread(read)
    except (SQLAlchemyError, StoreUnavailable, OSError):
        return []


def _safe(cell: str) -> str:
    """A text that no spreadsheet takes for a formula: people's own questions are in it."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
