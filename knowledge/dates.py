"""Dates as people say them and as we say them. All dates are days in the UK; no time of day is used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import dateparser
from dateutil.relativedelta import relativedelta

UK = ZoneInfo("Europe/London")

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_NAMES_A_DAY = re.compile(
    r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\b(mon|tues|wednes|thurs|fri|satur|sun)day\b"
    r"|\b(today|yesterday|ago|last)\b|\b\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}\b",
    re.IGNORECASE,
)

_COUNTS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "a couple of": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "eighteen": 18,
    "twenty": 20,
}
_LENGTH_OF_TIME = (
    rf"(?<!half )\b(?P<count>\d{{1,3}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})\s*"
    r"(?P<unit>day|week|wk|fortnight|month|mth|year|yr)s?\b"
)
#: "7 year old" and "22 months old" tell an age.
_ELAPSED = re.compile(rf"{_LENGTH_OF_TIME}(?!\s*-?\s*olds?\b)", re.IGNORECASE)
_HAS_PASSED_BEFORE = re.compile(r"\b(?:been|waited|waiting)\b[^.?!]{0,25}$", re.IGNORECASE)
_HAS_PASSED_BEHIND = re.compile(r"\s+(?:ago|now|since)\b", re.IGNORECASE)
_AGO = re.compile(rf"{_LENGTH_OF_TIME}\s+ago\b", re.IGNORECASE)

#: Words before a date that do not change which day it is; "this Monday" is told of what has happened.
_BEFORE_A_DAY = re.compile(r"^(?:(?:since|on|from|about|around|over|nearly|almost|the)\s+)+", re.IGNORECASE)
_THIS_OR_LAST = re.compile(
    r"^(?:this\s+(?=(?:mon|tues|wednes|thurs|fri|satur|sun)day\b)"
    r"|(?:this|last)\s+(?=(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)))",
    re.IGNORECASE,
)

_MONTH_ALONE = re.compile(
    r"^(?:in\s+|(?:early|mid|late|end of|start of)[\s-]+)*"
    rf"(?:{'|'.join(month[:3] for month in _MONTHS)})[a-z]*"
    r",?(?:\s+(?:of\s+)?(?:\d{4}|last year|this year))?$",
    re.IGNORECASE,
)

#: A year of two digits is one of this century: nobody asks about 1927.
_SHORT_YEAR = re.compile(r"^(\d{1,2}[/.\-]\d{1,2}[/.\-]|\d{1,2}\s+[a-z]{3,},?\s+)(\d\d)$", re.IGNORECASE)


_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth",
    "twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth", "twenty-ninth",
    "thirtieth", "thirty-first",
)  # fmt: skip
_ORDINAL = re.compile(
    r"\b(?P<day>" + "|".join(word.replace("-", "[ -]") for word in reversed(_ORDINALS)) + r")\s+of\s+"
    rf"(?P<month>{'|'.join(_MONTHS)})(?:\s+(?P<year>\d{{4}}))?\b",
    re.IGNORECASE,
)


def worded_date(text: str, now: date | None = None) -> date | None:
    """A date whose day is written as a word, anywhere in a message: "it was the third of March".

    Returns:
        The day, the last one that has passed when no year is named; None when there is none.
    """
    found = _ORDINAL.search(text)
    if found is None:
        return None
    number = _ORDINALS.index(re.sub(r"\s", "-", found["day"].lower())) + 1
    return parse_date(f"{number} {found['month']} {found['year'] or ''}".strip(), now)


_WRITTEN_DAY = re.compile(
    r"\b\d{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:,?\s+\d{4})?\b"
    r"|\b\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2,4}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class WrittenDay:
    """A day in a text and where it stands."""

    day: date
    start: int
    end: int


def days_in(text: str, now: date | None = None) -> list[WrittenDay]:
    """Every full date of a text in its order: "3 March 2026", "3rd of March", "03/03/26".

    Args:
        text: a whole message.
        now: the day to count from; today in the UK if not given.
    """
    found = [(match, parse_date(match.group(), now)) for match in _WRITTEN_DAY.finditer(text)]
    return [WrittenDay(day, match.start(), match.end()) for match, day in found if day is not None]


def today() -> date:
    """The day it is in the UK."""
    return datetime.now(UK).date()


def parse_date(text: str, now: date | None = None) -> date | None:
    """Read a day from words: "3 March 2026", "03/03/26", "last Monday", "6 weeks ago".

    Day comes before month, as in the UK; a date without a year is the last one that has passed. A month
    alone ("since February") is no day, and may be one to come.

    Args:
        text: the words of the date only.
        now: the day to count from; today in the UK if not given.

    Returns:
        The day, or None when the words are no date.
    """
    words = re.sub(r"\b(\d{1,2})(st|nd|rd|th)\b(?:\s+of\b)?", r"\1", text.strip(), flags=re.IGNORECASE)
    if not _NAMES_A_DAY.search(words):
        return None  # "7 year old", "20 weeks" and bare numbers are ages and counts, not days
    now = now or today()
    if ago := _AGO.search(words):
        return _back(ago, now)  # dateparser takes "a month ago" for the first day of that month
    words = _THIS_OR_LAST.sub("", _BEFORE_A_DAY.sub("", words))
    words = _SHORT_YEAR.sub(r"\g<1>20\2", words)
    if _MONTH_ALONE.match(words):
        return None
    parsed = dateparser.parse(
        words,
        languages=["en"],
        settings={
            "DATE_ORDER": "DMY",
            "PREFER_DATES_FROM": "past",
            "PREFER_DAY_OF_MONTH": "first",
            "RELATIVE_BASE": datetime.combine(now, time(12)),
        },
    )
    return parsed.date() if parsed else None


def elapsed_since(text: str, now: date | None = None) -> date | None:
    """The day that lies as far back as a message says: "it's been 22 weeks" -> 22 weeks ago.

    Of several lengths it is the one that is said to have passed: "they have 6 weeks, and it's been 11 weeks".

    Returns:
        The day, or None when no length of time is named.
    """
    lengths = list(_ELAPSED.finditer(text))
    passed = (
        length
        for length in lengths
        if _HAS_PASSED_BEFORE.search(text[: length.start()]) or _HAS_PASSED_BEHIND.match(text[length.end() :])
    )
    match = next(passed, lengths[0] if lengths else None)
    return _back(match, now or today()) if match else None


def _back(length: re.Match[str], now: date) -> date:
    """The day that lies a length of time before another."""
    number = length["count"].lower()
    count = _COUNTS[number] if number in _COUNTS else int(number)
    match length["unit"][0].lower():
        case "d":
            return now - relativedelta(days=count)
        case "w":
            return now - relativedelta(weeks=count)
        case "f":
            return now - relativedelta(weeks=2 * count)
        case "m":
            return now - relativedelta(months=count)
        case _:
            return now - relativedelta(years=count)


def say_date(day: date) -> str:
    """A day as we write it: "14 April 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def say_partial(partial: str) -> str:
    """A date as precise as it is known: "2022" -> "2022", "2022-12" -> "December 2022"."""
    parts = [int(part) for part in partial.split("-")]
    if len(parts) == 3:
        return say_date(date(*parts))
    return str(parts[0]) if len(parts) == 1 else f"{_MONTHS[parts[1] - 1]} {parts[0]}"
