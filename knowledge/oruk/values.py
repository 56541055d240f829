"""Single values: each reads what a directory may write and gives it in the standard's form.

Each function takes any JSON value but null and "" and gives the value in JSON; ``ValueError`` says in plain
words what is wrong with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from knowledge.oruk.text import LONGEST, plain_text

type Value = Callable[[Any], Any]

_UK_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?")
_EMAIL = re.compile(r"[^@\s<>\"']+@[^@\s<>\"']+\.[^@\s<>\"']+")
_DAY = re.compile(r"[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU)")


def text(longest: int = LONGEST) -> Value:
    """Plain text of at most so many characters; a longer one is cut, by whoever shows it."""

    def read(raw: Any) -> str:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            raise ValueError("must be text")
        return plain_text(str(raw))[:longest].strip()

    return read


def uuid(raw: Any) -> str:
    """A UUID in its usual form."""
    if not isinstance(raw, str):
        raise ValueError("must be a UUID")
    try:
        return str(UUID(raw.strip()))
    except ValueError:
        raise ValueError("must be a UUID") from None


def number(lowest: float, highest: float) -> Value:
    """A number within these limits, also when it is written as text."""

    def read(raw: Any) -> int | float:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            raise ValueError("must be a number")
        try:
            value = float(raw.strip().lstrip("£").replace(",", "") if isinstance(raw, str) else raw)
        except (ValueError, OverflowError):
            raise ValueError("must be a number") from None
        if not math.isfinite(value) or not lowest <= value <= highest:
            raise ValueError(f"must be from {lowest:g} to {highest:g}")
        return int(value) if value == int(value) else value

    return read


def url(raw: Any) -> str:
    """A web address; one without its scheme gets https."""
    words = _string(raw)
    if "://" not in words and re.match(r"[\w-]+(\.[\w-]+)+([/?#]|$)", words):
        words = f"https://{words}"
    try:
        parts = urlsplit(words)
    except ValueError:
        raise ValueError("must be a web address") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or re.search(r"[\s<>\"]", words):
        raise ValueError("must be a web address that starts with http:// or https://")
    if parts.username or parts.password:
        raise ValueError("must be a web address without a name and password")
    if len(words) > 2000:
        raise ValueError("must be at most 2000 characters")
    return words


def email(raw: Any) -> str:
    """An email address."""
    words = _string(raw).removeprefix("mailto:")
    if len(words) > 254 or not _EMAIL.fullmatch(words):
        raise ValueError("must be an email address")
    return words


def day(raw: Any) -> str:
    """A date as YYYY-MM-DD; a moment is cut to its day, and 31/12/2026 is read as it is written here."""
    words = _string(raw)
    try:
        if found := _UK_DATE.fullmatch(words):
            return date(int(found[3]), int(found[2]), int(found[1])).isoformat()
        return date.fromisoformat(words[:10]).isoformat()
    except ValueError:
        raise ValueError("must be a date such as 2026-12-31") from None


def moment(raw: Any) -> str:
    """A date and time in UTC; one without a zone is taken as UTC, a day as its beginning."""
    try:
        value = datetime.fromisoformat(_string(raw))
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time such as 2026-12-31T10:30:00Z") from None
    return value.isoformat().replace("+00:00", "Z")


def clock(raw: Any) -> str:
    """A time of day as HH:MM:SS."""
    found = _TIME.fullmatch(_string(raw))
    if not found:
        raise ValueError("must be a time such as 10:30:00")
    try:
        return time(int(found[1]), int(found[2]), int(found[3] or 0)).isoformat()
    except ValueError:
        raise ValueError("must be a time such as 10:30:00") from None


def one_of(*words: str) -> Value:
    """One of these words, in any case."""

    def read(raw: Any) -> str:
        wanted = _string(raw).casefold()
        for word in words:
            if word.casefold() == wanted:
                return word
        raise ValueError(f"must be one of: {', '.join(words)}")

    return read


def weekdays(raw: Any) -> str:
    """Days in the letters of RFC 5545: "MO,WE", "1TU" for the first Tuesday of a month."""
    listed = raw if isinstance(raw, list) else _string(raw).split(",")
    days = [str(part).strip().upper() for part in listed if str(part).strip()]
    if not days or len(days) > 31 or not all(_DAY.fullmatch(part) for part in days):
        raise ValueError("must be days such as MO,WE")
    return ",".join(days)


def _string(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return plain_text(raw)
