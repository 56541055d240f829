"""When people answer: weekly hours, closures and bank holidays, in UK local time. No database here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays

LOCAL_TIME = ZoneInfo("Europe/London")

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

#: How far ahead the next opening is looked for.
_LOOK_AHEAD_DAYS = 60

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")

type Hours = tuple[time, time]


@dataclass(frozen=True, slots=True)
class Closed:
    """Days without anybody, ``first`` and ``last`` included. People are shown the ``reason``."""

    id: int
    first: date
    last: date
    reason: str


@dataclass(frozen=True, slots=True)
class Opening:
    """The opening hours as they stand. ``weekly`` holds the hours of each day, 0 for Monday.

    While no hours have been set (``is_known`` is False) nobody is told any, and nothing counts as closed.
    """

    weekly: Mapping[int, Sequence[Hours]] = field(default_factory=dict)
    closed_on_bank_holidays: bool = True
    closures: Sequence[Closed] = ()

    @property
    def is_known(self) -> bool:
        """Whether anybody has set hours at all."""
        return any(self.weekly.values())

    def is_open(self, at: datetime) -> bool:
        """Whether people answer at this aware time, as far as the hours say."""
        local = at.astimezone(LOCAL_TIME)
        return any(opens <= local.time() < closes for opens, closes in self._on(local.date()))

    def next_opening(self, at: datetime) -> datetime | None:
        """The next time at which it opens, in local time; None if that is not within two months.

        While it is open that is the opening after this one.
        """
        local = at.astimezone(LOCAL_TIME)
        for ahead in range(_LOOK_AHEAD_DAYS):
            day = local.date() + timedelta(days=ahead)
            for opens, _ in self._on(day):
                found = datetime.combine(day, opens, LOCAL_TIME)
                if found > local:
                    return found
        return None

    def closes_at(self, at: datetime) -> datetime | None:
        """When it closes, in local time; None while it is closed."""
        local = at.astimezone(LOCAL_TIME)
        for opens, closes in self._on(local.date()):
            if opens <= local.time() < closes:
                return datetime.combine(local.date(), closes, LOCAL_TIME)
        return None

    def closed_because(self, day: date) -> str | None:
        """Why a whole day is closed: a closure's reason or the bank holiday's name; None if it is not."""
        for closure in self.closures:
            if closure.first <= day <= closure.last:
                return closure.reason
        return bank_holiday(day) if self.closed_on_bank_holidays else None

    def in_words(self) -> str:
        """Such as "Monday to Friday 9am to 5pm, Saturday 10am to 12 noon"; empty while no hours are set."""
        runs: list[tuple[int, int, tuple[Hours, ...]]] = []
        for day in range(7):
            hours = tuple(self.weekly.get(day, ()))
            if runs and runs[-1][1] == day - 1 and runs[-1][2] == hours:
                runs[-1] = (runs[-1][0], day, hours)
            else:
                runs.append((day, day, hours))
        return ", ".join(
            f"{DAYS[first] if first == last else f'{DAYS[first]} to {DAYS[last]}'} "
            + " and ".join(f"{clock(opens)} to {clock(closes)}" for opens, closes in hours)
            for first, last, hours in runs
            if hours
        )

    def _on(self, day: date) -> Sequence[Hours]:
        return () if self.closed_because(day) else self.weekly.get(day.weekday(), ())


def bank_holiday(day: date) -> str | None:
    """The name of the bank holiday in England on this day, from the ``holidays`` library, else None."""
    name = _bank_holidays(day.year).get(day)
    return str(name) if name else None


@lru_cache(maxsize=8)
def _bank_holidays(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("GB", subdiv="ENG", years=year)


def clock(at: time) -> str:
    """A time of day as people say it: "9am", "12 noon", "5:30pm"."""
    if (at.hour, at.minute) == (12, 0):
        return "12 noon"
    minutes = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def checked_weekly(weekly: Mapping[int, Sequence[Hours]]) -> dict[int, tuple[Hours, ...]]:
    """The hours in order. Raises ``ValueError`` naming a day whose hours overlap or end before they begin."""
    checked = {}
    for day, hours in weekly.items():
        if day not in range(7):
            raise ValueError(f"there is no day of the week number {day}: use 0 for Monday to 6 for Sunday")
        ordered = tuple(sorted(hours))
        for opens, closes in ordered:
            if opens >= closes:
                raise ValueError(
                    f"{DAYS[day]}: {opens:%H:%M} to {closes:%H:%M} ends before it begins. "
                    "Hours past midnight belong to two days"
                )
        for (_, closes), (opens, _) in pairwise(ordered):
            if opens < closes:
                raise ValueError(f"{DAYS[day]}: two of the hours overlap at {opens:%H:%M}")
        checked[day] = ordered
    return checked


def read_weekly(text: str) -> dict[int, tuple[Hours, ...]]:
    """Hours as typed, ``mon-fri 09:00-17:00; sat 10:00-12:00, 13:00-15:00``; empty text: no hours.

    Raises ``ValueError`` that says which part cannot be read.
    """
    weekly: dict[int, list[Hours]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        days, _, rest = part.partition(" ")
        hours = [_read_hours(piece.strip(), part) for piece in rest.split(",")]
        for day in _read_days(days, part):
            weekly.setdefault(day, []).extend(hours)
    return checked_weekly(weekly)


def _read_days(text: str, part: str) -> range:
    first, _, last = text.partition("-")
    found = [
        next((n for n, name in enumerate(DAYS) if name.lower().startswith(typed.lower())), None)
        for typed in (first, last or first)
        if len(typed) >= 2
    ]
    if len(found) != 2 or found[0] is None or found[1] is None or found[0] > found[1]:
        raise ValueError(f"{part!r}: write the days as mon or mon-fri, from Monday to Sunday")
    return range(found[0], found[1] + 1)


def _read_hours(text: str, part: str) -> Hours:
    match = _HOURS.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        opens_h, opens_m, closes_h, closes_m = map(int, match.groups())
        return time(opens_h, opens_m), time(closes_h, closes_m)
    except ValueError:
        raise ValueError(f"{part!r}: write the hours as 09:00-17:00") from None
