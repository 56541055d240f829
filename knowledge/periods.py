"""Days as exactly as people remember them: "14 May 2025", "last March", "in 2024", "18 months ago".

A period is the days that the words may mean, first and last. All are days in the UK.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from knowledge.dates import elapsed_since, parse_date, say_date, say_partial, today, worded_date


@dataclass(frozen=True, order=True)
class Period:
    """From ``first`` to ``last``, both included; one day when they are the same."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a period ends on {self.last} before it begins on {self.first}")

    @classmethod
    def of(cls, partial: str) -> Period:
        """A partial ISO date ("2025", "2025-05", "2025-05-14") as the days it covers.

        Raises:
            ValueError: no such date.
        """
        parts = [int(part) for part in partial.split("-")]
        if len(parts) == 3:
            return cls(date(*parts), date(*parts))
        return _year(parts[0]) if len(parts) == 1 else _month(parts[0], parts[1])

    @classmethod
    def from_iso(cls, interval: str) -> Period:
        """Read what ``iso`` wrote."""
        first, _, last = interval.partition("/")
        return cls(date.fromisoformat(first), date.fromisoformat(last))

    def iso(self) -> str:
        """An ISO 8601 interval: "2025-05-01/2025-05-31"."""
        return f"{self.first.isoformat()}/{self.last.isoformat()}"

    def until(self, day: date) -> Period:
        """The part that is not after a day; the first day alone when all of it is."""
        return Period(self.first, max(self.first, min(self.last, day)))


def say_period(period: Period) -> str:
    """With its preposition: "on 14 May 2025", "in May 2025", "in 2025", "between ... and ..."."""
    if period.first == period.last:
        return f"on {say_date(period.first)}"
    for partial in (f"{period.first:%Y-%m}", f"{period.first:%Y}"):
        if period == Period.of(partial):
            return f"in {say_partial(partial)}"
    return f"between {say_date(period.first)} and {say_date(period.last)}"


def find_periods(text: str, now: date | None = None) -> list[tuple[int, int, Period]]:
    """The days, months and years that a message names, in its order.

    A month without a year is the last one that has begun. A length of time ("18 months ago") counts back
    from today: to the day when told in days or weeks, to the month when told in months or years.

    Args:
        text: a whole message.
        now: the day to count from; today in the UK if not given.

    Returns:
        (where the words start, where they end, what they mean); they do not overlap.
    """
    now = now or today()
    found: list[tuple[int, int, Period]] = []
    taken = text
    for pattern, read in _READERS:
        for match in pattern.finditer(taken):
            period = read(match, now)
            if period is not None:
                found.append((match.start(), match.end(), period))
        for start, end, _ in found:
            taken = taken[:start] + "\0" * (end - start) + taken[end:]
    return sorted(found)


def amend(known: Period, text: str, now: date | None = None) -> Period | None:
    """A known date with the part that a message corrects: "no, 2024", "it was March", "the 12th not the 2nd".

    Returns:
        The corrected date; None when the message corrects none of it.
    """
    now = now or today()
    said = _NOT_THIS.sub(" ", text)
    whole_year = known == _year(known.first.year)
    for _, _, period in find_periods(said, now):
        if period == _year(period.first.year) and not whole_year and period != known:
            moved = relativedelta(years=period.first.year - known.first.year)
            if known == _month(known.first.year, known.first.month):
                return _month(period.first.year, known.first.month)
            return Period(known.first + moved, known.last + moved)
        names_a_year = re.search(r"\b(?:19|20)\d\d\b|\bago\b|\blast\b|\bthis\b", said, re.IGNORECASE)
        same_year = _in_year(period, known.first.year)
        if not names_a_year and same_year is not None and same_year.first <= now:
            return same_year
        return period
    if (day := _DAY_ALONE.search(said)) and known.first == known.last:
        try:
            corrected = known.first.replace(day=int(day[1]))
        except ValueError:
            return None
        return Period(corrected, corrected)
    return None


def _in_year(period: Period, year: int) -> Period | None:
    """The same day or month of another year; None where it has none (29 February)."""
    if period == _month(period.first.year, period.first.month):
        return _month(year, period.first.month)
    try:
        return Period(period.first.replace(year=year), period.last.replace(year=year))
    except ValueError:
        return None


def _year(year: int) -> Period:
    return Period(date(year, 1, 1), date(year, 12, 31))


def _month(year: int, month: int) -> Period:
    return Period(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d\d"
#: First months of the seasons; winter is left out, since it lies in two years.
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9}
_WHOLE_LENGTH = r"(?:\d{1,3}|an?|one|two|three|four|five)"
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}

#: "not 2024, 2025" tells 2025.
_NOT_THIS = re.compile(
    rf"\bnot\s+(?:in\s+|on\s+|the\s+)*(?:{_DAY}\s+)?(?:of\s+)?(?:{_MONTH.replace('?P<month>', '?:')}\b)?"
    rf"\s*(?:{_YEAR}\b)?",
    re.IGNORECASE,
)
_DAY_ALONE = re.compile(r"\b([12]?\d|3[01])(?:st|nd|rd|th)\b", re.IGNORECASE)


def _read_day(match: re.Match[str], now: date) -> Period | None:
    day = worded_date(match.group(), now) or parse_date(match.group(), now)
    return Period(day, day) if day else None


def _read_month(match: re.Match[str], now: date) -> Period | None:
    words = match.groupdict()
    month = _month_number(words)
    year = words.get("year")
    if year:
        number = int(year) if len(year) == 4 else 2000 + int(year)
        return _month(number, month)
    if after := words.get("after"):
        return _month(now.year - (after.lower() == "last"), month)
    which = (words.get("which") or "").lower()
    if which == "this":
        return _month(now.year, month)
    newest = now.year if month <= now.month else now.year - 1
    # "last November", said in November, is not this month.
    return _month(newest - 1 if which == "last" and month == now.month else newest, month)


def _month_number(words: dict[str, str | None]) -> int:
    named = words["month"] or ""
    return int(named) if named.isdigit() else _MONTHS.index(named[:3].lower()) + 1


def _read_season(match: re.Match[str], now: date) -> Period | None:
    words = match.groupdict()
    start = _SEASONS[match["season"].lower()]
    if words.get("year"):
        year = int(match["year"])
    else:
        year = now.year - (start > now.month)
        # As with months: said in summer, "last summer" is not this one.
        year -= match["which"].lower() == "last" and start <= now.month < start + 3
    return Period(date(year, start, 1), _month(year, start + 2).last)


def _read_year(match: re.Match[str], now: date) -> Period | None:
    words = match.group().lower()
    if match["year"]:
        return _year(int(match["year"]))
    if "before" in words:
        return _year(now.year - 2)
    return _year(now.year - ("last" in words))


def _read_stretch(match: re.Match[str], now: date) -> Period | None:
    back = 1 if match["which"].lower() == "last" else 0
    if match["unit"].lower() == "month":
        day = now - relativedelta(months=back)
        return _month(day.year, day.month)
    monday = now - timedelta(days=now.weekday() + 7 * back)
    return Period(monday, monday + timedelta(days=6))


def _read_length(match: re.Match[str], now: date) -> Period | None:
    length = match["length"].lower()
    if "half" in length:
        number = length.split()[0]
        years = 0 if number == "half" else _NUMBERS.get(number) or int(number)
        day = now - relativedelta(months=12 * years + 6)
        return _month(day.year, day.month)
    begun = elapsed_since(length, now)
    if begun is None:
        return None
    if re.search(r"month|mth|year|yr", length):
        return _month(begun.year, begun.month)
    return Period(begun, begun)


_Reader = Callable[[re.Match[str], date], Period | None]

_UNIT = r"(?:days?|weeks?|wks?|fortnights?|months?|mths?|years?|yrs?)"
_YEARS = r"(?:years?|yrs?)"
#: A length that is told as time gone by; "7 years old" and "within 20 weeks" are none.
_LENGTH = (
    rf"(?P<length>\b(?:{_WHOLE_LENGTH}\s{_YEARS}\sand\s(?:a\s)?half|{_WHOLE_LENGTH}\sand\sa\shalf\s{_YEARS}"
    r"|half\sa\syear"
    r"|(?:\d{1,3}|a couple of|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eighteen"
    rf"|twenty)\s*{_UNIT})\b(?!\s*-?\s*olds?\b))"
)
_BETWEEN = (
    r"(?:\s(?:for|about|around|over|nearly|almost|more|than|waiting|on|the|list|now|at|least|already|good))*"
)

#: Tried in this order: a day before its month, a month before its year.
_READERS: list[tuple[re.Pattern[str], _Reader]] = [
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        (rf"\b{_YEAR}-(?:1[0-2]|0[1-9])-(?:3[01]|[12]\d|0[1-9])\b", _read_day),
        (rf"\b{_DAY}[/.-](?:1[0-2]|0?[1-9])[/.-](?:{_YEAR}|\d\d)\b", _read_day),
        (rf"\b{_DAY}\s(?:of\s)?{_MONTH}\b(?:,?\s{_YEAR}\b|\s\d\d\b)?", _read_day),
        (
            r"\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
            r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth"
            rf"|twenty[ -]\w+|thirtieth|thirty[ -]first)\s+of\s+{_MONTH}\b(?:\s{_YEAR}\b)?",
            _read_day,
        ),
        # "in May 25" is a month of 2025; "May 25" alone is a day.
        (
            rf"\b(?:in|since|from|around|about)\s{_MONTH}\s(?P<year>[23]\d)\b(?!\s*(?:st|nd|rd|th))",
            _read_month,
        ),
        (rf"\b{_MONTH}\s['’](?P<year>\d\d)\b", _read_month),
        (rf"\b{_MONTH}\s(?:the\s)?{_DAY}\b(?!\d)(?:,?\s{_YEAR}\b)?", _read_day),
        (rf"\b{_MONTH},?\s(?:of\s)?(?P<year>{_YEAR})\b", _read_month),
        (rf"(?<![\d/.-])\b(?P<month>1[0-2]|0?[1-9])[/.-](?P<year>{_YEAR})\b", _read_month),
        (rf"\b(?P<year>{_YEAR})-(?P<month>1[0-2]|0[1-9])\b(?![-\d])", _read_month),
        (rf"\b{_MONTH}\s(?:of\s)?(?P<after>last|this)\syear\b", _read_month),
        (
            rf"\b(?:(?P<which>last|this)\s|(?:in|since|from|around|about|early|late|mid|was|of|by)[\s-]){_MONTH}\b",
            _read_month,
        ),
        # Alone, or in a short correction: "March", "no, March".
        (rf"^(?:no|sorry|actually|oops|[\s,.!])*{_MONTH}[\s.!]*$", _read_month),
        (rf"\b(?P<season>spring|summer|autumn)\s(?:of\s)?(?P<year>{_YEAR})\b", _read_season),
        (r"\b(?P<which>last|this)\s(?P<season>spring|summer|autumn)\b", _read_season),
        (r"\b(?P<which>last|this)\s(?P<unit>week|month)\b", _read_stretch),
        (
            r"\b(?:yesterday|today)\b|\b(?:last|this|on|since)\s(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
            _read_day,
        ),
        (rf"{_LENGTH}\sago\b", _read_length),
        (rf"\b(?:been|waited|waiting|list|queue|pathway){_BETWEEN}\s{_LENGTH}", _read_length),
        (
            rf"{_LENGTH}\s(?:now\s)?(?:(?:on|in)\sthe\s(?:waiting\s)?(?:list|queue)|since|waiting)\b",
            _read_length,
        ),
        (
            r"\b(?:year before last|last year|this year)\b|(?<![\d£/.-])\b(?P<year>20[0-4]\d)\b(?![\d/.-]\d)",
            _read_year,
        ),
    )
]
