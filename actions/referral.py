"""When somebody was referred, as far as their messages tell: never another date that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from knowledge.dates import today
from knowledge.periods import Period, amend, find_periods

#: Topics about a wait: a bare date in answer to one of them is the day of the referral.
WAIT_TOPICS = frozenset(("wait_time", "wait_support", "wait_status_chase"))

_SAYS_REFERRED = re.compile(r"\breff?er(?:r?ed|r?als?)\b", re.IGNORECASE)
_WAITS = re.compile(
    r"\bwaiting (?:since|for|about|over|nearly|almost|\d)|\bwaited\b|\b(?:been|have|'?ve) (?:been )?waiting\b"
    r"|\b(?:on|in|joined|put on|added to) (?:the|a|their) (?:\w+ )?(?:list|queue|pathway)\b|\bjoined in\b"
    # "it's been nearly two years": the length of the wait itself, and of nothing else that "has been".
    r"|\bbeen (?:(?:over|about|around|nearly|almost|only|just|now|more than|at least|well over) ){0,2}"
    r"(?:an?|a few|a couple of|\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eighteen)"
    r"[ -]?(?:days?|weeks?|wks?|months?|mths?|years?|yrs?)\b",
    re.IGNORECASE,
)
#: The council's time limits are waited for too, and are no referral.
_ABOUT_A_PLAN = re.compile(r"\behc|\bplan\b|\bcouncil|\btribunal|\bappeal|\bmediation", re.IGNORECASE)
#: A wait that somebody was told to expect is no date: "they said we'd be waiting 18 months".
_EXPECTED = re.compile(
    r"(?:\b(?:told|said|says|expect\w*|will|would|could|might|going to)\b|'ll\b|'d\b)[^.?!]*$", re.IGNORECASE
)
_LENGTH = re.compile(r"\b(?:day|week|wk|fortnight|month|mth|year|yr)s?\b", re.IGNORECASE)
#: Dates of other things, by the words right before them.
_OTHER_DATE = re.compile(
    r"\b(?:born|birthday|birth|dob|turn(?:s|ed)?|diagnos\w+|figures?|data|review)\b[^,.]{0,20}$", re.I
)

#: Words around a bare date.
_AROUND_A_DATE = re.compile(
    r"it|its|s|was|were|on|in|since|about|around|the|no|not|sorry|actually|wrong|oops|correction|typo|meant|i|date|of"
)

#: Words around a referral date that ask nothing.
_TELLING = re.compile(
    r"i|we|he|she|they|it|my|our|his|her|their|me|us|you|was|were|been|got|get|have|has|had|ve|re|s|m|is|are|am"
    r"|an?|the|to|by|for|on|in|of|at|from|since|about|around|and|so|just|only|hi|hello|yes|no|sorry|actually|ok"
    r"|refer|reff?er(?:r?ed|r?al)|put|went|sent|made|gp|doctor|school|senco|nursery|health|visitor|list|waiting"
    r"|wait|waited|pathway|queue|joined|added|autism|autistic|asd|adhd|assessment|diagnosis|child|children|adult"
    r"|son|daughter|boy|girl|grandson|granddaughter|husband|wife|partner|myself|kid|old|years?|aged?|lives?|near"
    r"|who|first|date|back"
)


def heard_referral(
    text: str, known: Period | None, topic: str | None, telling: bool, now: date | None = None
) -> Period | None:
    """The day of the referral after a message; what was known when the message tells nothing of it.

    Args:
        text: the message.
        known: the day of the referral as known before.
        topic: the last topic answered.
        telling: the message only tells or corrects something.
        now: the day to count from; today in the UK if not given.
    """
    answers = topic in WAIT_TOPICS and (telling or is_bare_date(text))
    referred = _SAYS_REFERRED.search(text)
    if referred is None and not _ABOUT_A_PLAN.search(text):
        referred = _WAITS.search(text)
    if answers and known is not None and referred is None:
        return amend(known, text, now) or known
    if not (referred or answers):
        return known
    found = [
        (start, period)
        for start, end, period in find_periods(text, now)
        if not _OTHER_DATE.search(text[:start])
        and not (_LENGTH.search(text[start:end]) and _EXPECTED.search(text[:start]))
    ]
    if not found:
        return known
    after = [period for start, period in found if referred and start >= referred.start()]
    told = after[0] if after else found[-1][1]
    # "if I got referred today, when would I be seen" is no referral.
    supposed = referred is not None and re.search(r"\bif\b[^.?!]*$", text[: referred.start()], re.IGNORECASE)
    return known if supposed and told.last >= (now or today()) else told


def is_bare_date(text: str) -> bool:
    """Whether a message is a date and hardly a word besides: "14 May 2025", "it was in March"."""
    spans = [(start, end) for start, end, _ in find_periods(text)]
    return bool(spans) and all(_AROUND_A_DATE.fullmatch(word) for word in _words_besides(text, spans))


def only_tells_a_referral(text: str, entities: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a message tells when somebody was referred and asks nothing: "referred in May 2025, Derby".

    Args:
        text: the message.
        entities: Rasa's entities for it; places are told by them.
    """
    spans = [(start, end) for start, end, _ in find_periods(text)]
    if not spans or "?" in text or not _SAYS_REFERRED.search(text):
        return False
    for entity in entities:
        start, end = entity.get("start"), entity.get("end")
        if (
            entity.get("entity") in ("area", "age", "cohort")
            and isinstance(start, int)
            and isinstance(end, int)
        ):
            spans.append((start, end))
    return all(_TELLING.fullmatch(word) for word in _words_besides(text, spans))


def _words_besides(text: str, spans: Iterable[tuple[int, int]]) -> set[str]:
    left = list(text)
    for start, end in spans:
        left[start:end] = " " * (end - start)
    return set(re.findall(r"[a-z]+", "".join(left).lower()))
