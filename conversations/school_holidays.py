"""School holidays, as a council records them from what it publishes. No dates come with the helpline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.audit import audit_in
from conversations.database import Database
from conversations.errors import NotFound
from conversations.events import SERVICE, Events
from conversations.log import storable, utc_now
from conversations.models import Json, SchoolHoliday
from conversations.opening import LOCAL_TIME

#: Longer than any; whoever writes a wrong year would have schools closed for a whole one.
_LONGEST = timedelta(weeks=12)

_NAME_CHARS, _LINK_CHARS = 120, 500

#: Whoever looks after the dates is reminded so long before the last of them is over: the next year's are
#: published long before that.
REMIND_BEFORE = timedelta(days=60)


def wrong_with_school_holiday(
    first: date | None, last: date | None, name: str, source_url: str
) -> dict[str, str]:
    """What keeps a school holiday from being recorded: by ``first``, ``last``, ``name`` or ``source_url``.

    A day is None where none could be read. Empty when all is well.
    """
    wrong = {}
    if first is None:
        wrong["first"] = "Give the first day of the school holiday, as 2026-12-24."
    if last is None:
        wrong["last"] = "Give the last day of the school holiday, as 2026-12-24."
    elif last < utc_now().astimezone(LOCAL_TIME).date():
        wrong["last"] = "This school holiday is over already. Look at the year of both days."
    elif first is not None and last < first:
        wrong["last"] = "The last day of a school holiday cannot be before its first day."
    elif first is not None and last - first >= _LONGEST:
        wrong["last"] = f"A school holiday has at most {_LONGEST.days} days. Look at the year of both days."
    if not name.strip():
        wrong["name"] = "Give the school holiday a name, such as Christmas holiday."
    elif len(name.strip()) > _NAME_CHARS:
        wrong["name"] = f"The name of a school holiday has at most {_NAME_CHARS} characters."
    if not _is_link(source_url.strip()):
        wrong["source_url"] = "Give the address of the page where the dates are published, with https://."
    elif len(source_url.strip()) > _LINK_CHARS:
        wrong["source_url"] = f"The address of the page has at most {_LINK_CHARS} characters."
    return wrong


def school_holiday_on(
    day: date, among: Sequence[SchoolHoliday], area: str | None = None
) -> SchoolHoliday | None:
    """The school holiday that ``day`` is in, for somebody in ``area`` (None: not known); None if in none.

    One of the area itself comes before one that holds everywhere; of several the one that lasts longest.
    """
    found = [one for one in among if one.first_day <= day <= one.last_day and one.area in (None, area)]
    return max(found, key=lambda one: (one.area is not None, one.last_day), default=None)


def lasts_until(last_days: Mapping[str | None, date]) -> dict[str | None, date]:
    """By area the day on which the last school holiday that holds there is over.

    Those that hold everywhere (None) stand for themselves as long as no area has later ones of its own: once
    areas are recorded one by one, nobody has to go on recording them for everywhere.

    ``last_days``: what ``SchoolHolidays.last_school_holidays`` found.
    """
    everywhere = last_days.get(None, date.min)
    latest = max(last_days.values(), default=date.min)
    return {
        area: max(last, everywhere)
        for area, last in last_days.items()
        if area is not None or everywhere == latest
    }


def running_out(ends: Mapping[str | None, date], today: date) -> dict[str | None, date]:
    """Those of what ``lasts_until`` found that are over within ``REMIND_BEFORE`` from ``today``."""
    return {area: last for area, last in ends.items() if last - today <= REMIND_BEFORE}


async def school_holidays_in(session: AsyncSession, today: date) -> tuple[SchoolHoliday, ...]:
    """Those that are not over, in the caller's transaction: the next one first."""
    rows = await session.scalars(
        select(SchoolHoliday)
        .where(SchoolHoliday.last_day >= today)
        .order_by(SchoolHoliday.first_day, SchoolHoliday.id)
    )
    return tuple(rows)


class SchoolHolidays:
    """Adds and removes them. ``by`` is the id of whoever does. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def add_school_holiday(
        self, first: date, last: date, name: str, *, source_url: str, area: str | None = None, by: str
    ) -> SchoolHoliday:
        """Record a holiday from ``first`` to ``last``, both days included, in ``area`` (None: everywhere).

        ``source_url`` is where the dates are published. Raises ``ValueError`` with all that is wrong.
        """
        name, source_url = storable(name).strip(), source_url.strip()
        if wrong := wrong_with_school_holiday(first, last, name, source_url):
            raise ValueError(" ".join(wrong.values()))
        async with self.database.writing() as session:
            row = SchoolHoliday(
                first_day=first, last_day=last, name=name, area=area or None, source_url=source_url
            )
            session.add(row)
            await session.flush()
            await audit_in(session, who=by, action="school holiday added", detail=_detail(row))
        self.events.publish(SERVICE)
        return row

    async def last_school_holidays(self) -> dict[str | None, date]:
        """By area (None: everywhere) when the last recorded school holiday is over, or was."""
        async with self.database.reading() as session:
            rows = await session.execute(
                select(SchoolHoliday.area, func.max(SchoolHoliday.last_day)).group_by(SchoolHoliday.area)
            )
            return {row[0]: row[1] for row in rows}

    async def remove_school_holiday(self, holiday_id: int, *, by: str) -> None:
        """Take a school holiday out again. Raises ``NotFound``."""
        async with self.database.writing() as session:
            row = await session.get(SchoolHoliday, holiday_id)
            if row is None:
                raise NotFound("there is no such school holiday")
            await session.delete(row)
            await audit_in(session, who=by, action="school holiday removed", detail=_detail(row))
        self.events.publish(SERVICE)


def _detail(row: SchoolHoliday) -> Json:
    return {
        "first": row.first_day.isoformat(),
        "last": row.last_day.isoformat(),
        "name": row.name,
        "area": row.area or "everywhere",
        "source": row.source_url,
    }


def _is_link(text: str) -> bool:
    """Whether this is the address of a web page, and nothing that a browser would read otherwise."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("https", "http")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and text.isprintable()
            and " " not in text
        )
    except ValueError:
        return False
