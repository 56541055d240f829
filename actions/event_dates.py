"""Which event a date in a message belongs to: the request, the letter, the review, or none to count from.

A date is counted from nothing but its own event: the day of a meeting is not the date on a letter, and a
deadline that is counted from the wrong day does harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from actions.context import Context
from knowledge.dates import days_in, parse_date

#: What a date in a message belongs to, by the words around it; the first that fits. A date is counted from
#: nothing else: the day of a review is not the day of a request.
_EVENTS = (
    (
        "tribunal-order",
        re.compile(
            r"\btribunal(?:'s|’s)? (?:has |have )?(?:order|decided|decision|ruled|told)"
            r"|\bwon (?:the|my|our|his|her) (?:appeal|tribunal|case)",
            re.I,
        ),
    ),
    ("mediation-agreement", re.compile(r"\bmediation agreement|\bagreed (?:at|in) (?:the )?mediation", re.I)),
    ("mediation-certificate", re.compile(r"\bcertificate", re.I)),
    ("mediation-request", re.compile(r"\b(?:asked|applied) (?:\w+ )?for mediation|\bchose mediation", re.I)),
    ("problem-known", re.compile(r"\bombudsman", re.I)),
    (
        "plan-transferred",
        re.compile(
            r"\bplan (?:was |has been |had been |got )?(?:transferred|moved)|\bmoved (?:house|home|council)",
            re.I,
        ),
    ),
    (
        "amendment-notice",
        re.compile(r"\bamend|\bproposed change|\bchange (?:the|my|our|his|her) plan", re.I),
    ),
    # The draft of a first plan; the draft of a changed one is said to be a change.
    ("draft-plan", re.compile(r"\bdraft", re.I)),
    ("review-meeting", re.compile(r"\breview(?: meeting)?", re.I)),
    (
        "decision-letter",
        # Not any letter: a request is a letter too.
        re.compile(
            r"\brefus|\bturned (?:us |me |him |her )?down|\bsaid no\b|\bappeal"
            r"|\b(?:decision|their|council'?s) letter\b|\bletter (?:is |was )?dated\b",
            re.I,
        ),
    ),
)

#: The event a topic is about when the words name none.
_USUAL_EVENT = {"ehcp_timescale": "request-received", "ehcp_refused_appeal": "decision-letter"}
WITH_LIMITS = frozenset(_USUAL_EVENT)

#: A date that belongs to these words is the last day itself, or the hearing: nothing is counted from it.
_NAMES_A_DEADLINE = re.compile(r"\bdeadline|\bruns? out|\blast day|\bdue\b|\bhearing\b", re.I)
_IS_THE_DEADLINE = re.compile(r"\s*(?:is|was|will be)\s+(?:the|our|my)\s+(?:deadline|last day|hearing)", re.I)

#: Nor is a day on which people met, spoke or started something.
_NAMES_ANOTHER_DAY = re.compile(
    r"\b(?<!review )(?:meetings?|met|appointments?|visit(?:s|ed)?|phoned?|rang|calls?|called|spoke"
    r"|birthday|born|turns?|turned (?=\d)|assessed|diagnosed|exams?|excluded|suspended|appealed"
    r"|(?:sent|lodged|made|registered|posted|submitted|put)(?: (?:in|off))? (?:\w+ )?appeal"
    r"|start(?:s|ed|ing)?(?= (?:at |in )?(?:school|college|nursery|reception|year|work|uni|sixth|secondary"
    r"|primary)))\b",
    re.I,
)

#: A refusal that is not the council's, so that no letter of it has a date: a child's, a school's, a doctor's.
_OTHERS_REFUSE = re.compile(
    r"\bschool[- ]refus\w+"
    r"|\brefus(?:e|es|ed|ing)\s+(?:school\b|to (?:go|attend|come|get|be|leave|eat|wear|take)\b)"
    r"|\b(?:schools?|senco|nursery|head ?teacher|teacher|college|gps?|doctors?|camhs)\b"
    r"(?:\W+(?:has|have|had|just|also|then|now|keeps?))*"
    r"\W+(?:refus\w*|turned (?:us|me|him|her|it) down|said no\b)",
    re.I,
)

#: "So not 12 December then?" asks about a day and tells none.
_ASKS_ABOUT_A_DAY = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|oh|right|then)[,\s]+)*"
    r"(?:(?:it|that)(?:['’]?s| is)(?: not)?|is(?:n['’]t)? (?:it|that)|not)\b(?! dated)[^?]*\?\W*$",
    re.I,
)
_ASKS_ABOUT_A_DAY_WORDS = 9
_ASKS_FOR_A_DAY = re.compile(r"\bwhen\b|\bdeadline|\bhow long|\b(?:what|which) (?:day|date)\b", re.I)

#: Where a plan's review was spoken of, the meeting is that of the review.
_THE_MEETING = re.compile(r"\b(?:the|our|his|her|that) meeting\b(?! (?:with|at|about)\b)", re.I)
_REVIEWS = "ehcp_review_content"

#: Who spoke of a benefit speaks of it still, unless a word is of a plan, a school or who decides on a plan.
_BENEFITS = "benefits_money"
_NAMES_A_BENEFIT = re.compile(
    r"\b(?:dla|pip|dwp|universal credit|carer['’]?s allowance|attendance allowance|benefits?)\b", re.I
)
_NAMES_A_PLAN = re.compile(
    r"\behc\w*|\b(?:the|a|his|her|my|our|draft|final) plan\b|\bsend? tribunal|\bmediat\w*|\bcertificate", re.I
)
_OF_A_PLAN = re.compile(
    r"\bplans?\b|\bassess\w*|\bcouncil\w*|\bl\.?a\b|\blocal authority|\bschools?\b|\bdrafts?\b|\bamend\w*"
    r"|\bsection [bfi]\b|\bone[- ]to[- ]one\b|\b1[:-]1\b|\bsen\b|\breview\b",
    re.I,
)

#: A request is named by its verb; only beside other dates, where each date needs an event of its own.
_REQUEST = re.compile(r"\b(?:asked|applied|requested|sent (?:in|off)|request)\b", re.I)

#: A longer message tells of many days: one is the request's only if the message speaks of a request, or of
#: how long it has been.
_TELLS_ONE_DAY_WORDS = 25
_HAS_BEEN = re.compile(
    r"\b(?:it['’]?s|it has|has|have|['’]ve) been (?:\w+ ){0,2}?\S+ (?:days|weeks|months)\b"
    r"|\bwait(?:ed|ing)\b[^.?!]{0,20}\b(?:weeks|months)\b|\b(?:weeks|months) (?:ago|now)\b",
    re.I,
)

#: How long something else has gone on is not how long ago the council was asked for a plan.
_OTHER_WAIT = re.compile(
    r"\bdiagnos\w*|\bautism\b|\badhd\b|\bcamhs\b|\bpa?ediatric\w*|\bclinic|\btherap\w*"
    r"|\bappointments?\b|\bwaiting lists?\b|\bbeen (?!waiting|going on|expecting|hoping|chasing)\w+ing\b"
    r"|\b(?:out of|off|not in|missed)\b[^.?!]{0,15}\bschool\b",
    re.I,
)
_WAITS_FOR_THE_PLAN = re.compile(
    r"\bwait\w*\b[^,.?!]{0,40}\b(?:ehc\w*|plan|council|local authority|needs assessment)", re.I
)

#: A letter comes days after its date, and the date on it is what counts.
_CAME = re.compile(
    r"\b(?:came|arrived|received|got|landed|opened|through the (?:door|post)|in the post)\b", re.I
)
_HAVE_GOT = re.compile(
    r"\b(?:have|has|do|does) (?:i|we|you|they|he|she) got\b|\bgot (?:to|until|left)\b", re.I
)
_ITS_OWN_DATE = re.compile(r"\bdated?\b|\be-?mail", re.I)

_NO_EVENT = ""
#: "We sent our appeal on ..." names no letter: what nothing is counted from goes first.
_NAMED = (
    (_NO_EVENT, _NAMES_A_DEADLINE),
    (_NO_EVENT, _NAMES_ANOTHER_DAY),
    (_NO_EVENT, _OTHERS_REFUSE),
    *_EVENTS,
    ("request-received", _REQUEST),
)


@dataclass(frozen=True)
class EventDate:
    """An event, and its day where one is known that can be counted from."""

    event: str
    day: date | None


def event_dates(context: Context, topic: str) -> list[EventDate]:
    """What a message tells of events, in the order of their days.

    Args:
        context: the message, with the day that was heard in it.
        topic: decides which event it is when the words name none.

    Returns:
        Two when the message tells two events with a day each; else one, its day None when the message names
        none or one that nothing may be counted from.
    """
    text = _words(context)
    if asks_about_a_day(context):
        return [EventDate(_event(text, context.event, topic), None)]
    told = _told_apart(text)
    if told:
        # Two events in one message are as if they were told one after the other.
        return [EventDate(*one) for one in sorted(told.items(), key=lambda one: one[1])[-2:]]
    event = _event(text, context.event, topic)
    return [EventDate(event, _countable_day(text, context.day, event))]


def asks_about_a_day(context: Context) -> bool:
    """Whether a message asks whether a day is the right one, and tells none."""
    words = _words(context)
    return (
        (context.day is not None or bool(days_in(words)))
        and len(words.split()) <= _ASKS_ABOUT_A_DAY_WORDS
        and _ASKS_FOR_A_DAY.search(words) is None
        and _ASKS_ABOUT_A_DAY.search(words) is not None
    )


def is_of_a_benefit(context: Context) -> bool:
    """Whether what was refused, or is waited for, is a benefit: one that is named, or was spoken of."""
    words = _words(context)
    if _NAMES_A_PLAN.search(words):
        return False
    if _NAMES_A_BENEFIT.search(words):
        return True
    return context.topic_before == _BENEFITS and _OF_A_PLAN.search(words) is None


def day_of_request(context: Context) -> date | None:
    """The day of the request in an answer to the question for it: not that of the meeting told beside it."""
    text = _words(context)
    days = days_in(text)
    if not days:
        return _countable_day(text, context.day or parse_date(text), "request-received")
    starts = [0, *(found.end for found in days)]
    own = [
        found.day
        for start, found in zip(starts, days, strict=False)
        if _named_last(text[start : found.start]) in (None, "request-received")
    ]
    # "3 March, no, the 5th of March": the last one is meant.
    return own[-1] if own else None


def counts_from(context: Context, topic: str) -> bool:
    """Whether a message tells a day that time limits can be counted from; it may tell days of all kinds."""
    return topic in _USUAL_EVENT and any(one.day is not None for one in event_dates(context, topic))


def _words(context: Context) -> str:
    """What the person wrote, also where a topic is only answered again."""
    text = context.text or context.said
    return _THE_MEETING.sub("the review meeting", text) if context.topic_before == _REVIEWS else text


def _event(text: str, before: str | None, topic: str) -> str:
    """The event that the message, or else the talk so far, is about."""
    councils = _OTHERS_REFUSE.sub(" ", text)
    named = next((event for event, words in _EVENTS if words.search(councils)), None)
    if named is not None:
        return named
    # "when is the finished plan due?" goes on from the date that was given before.
    if topic == "ehcp_timescale" or before is None:
        return _USUAL_EVENT[topic]
    return before


def _countable_day(text: str, heard: date | None, event: str) -> date | None:
    """The day of an event in a message, where one is told that can be counted from.

    Args:
        text: the message.
        heard: the day that was heard in it, if it has no whole date: "yesterday", "22 weeks ago".
        event: which event.
    """
    if event == "request-received" and not _is_of_a_request(text):
        return None
    days = days_in(text)
    if not days:
        of_another = event == "request-received" and _is_of_another_wait(text)
        return None if of_another or _NAMES_A_DEADLINE.search(text) or _only_came(text, event) else heard
    # A whole date is surer than "yesterday".
    day, before, behind = days[-1].day, text[: days[-1].start], text[days[-1].end :]
    clause = re.split(r"[,.;?!\n]", behind)[0]
    named, follows = _named_last(before), _named_first(clause)
    if named is None and (_NAMES_ANOTHER_DAY.search(clause) or follows not in (None, _NO_EVENT, event)):
        return None
    others = named not in (None, event) and not _names(event, before)
    if named == _NO_EVENT or others or _IS_THE_DEADLINE.match(behind) or _only_came(text, event):
        return None
    return day


def _is_of_a_request(text: str) -> bool:
    short = len(text.split()) <= _TELLS_ONE_DAY_WORDS
    return short or _REQUEST.search(text) is not None or _HAS_BEEN.search(text) is not None


def _is_of_another_wait(text: str) -> bool:
    return (
        (_OTHER_WAIT.search(text) is not None or _OTHERS_REFUSE.search(text) is not None)
        and _REQUEST.search(text) is None
        and _WAITS_FOR_THE_PLAN.search(text) is None
    )


def _names(event: str, words: str) -> bool:
    return any(named.search(words) for name, named in _NAMED if name == event)


def _only_came(text: str, event: str) -> bool:
    """Whether all that is told of a letter is the day it came."""
    came = _CAME.search(_HAVE_GOT.sub(" ", text))
    return event == "decision-letter" and came is not None and not _ITS_OWN_DATE.search(text)


def _told_apart(text: str) -> dict[str, date]:
    """Events with their own dates, where a message tells more than one date.

    A date belongs to the event that is named last before it, or else first behind it.
    """
    days = days_in(text)
    if len(days) < 2:
        return {}
    told: dict[str, date] = {}
    for position, found in enumerate(days):
        before = text[days[position - 1].end if position else 0 : found.start]
        behind = text[found.end : days[position + 1].start if position + 1 < len(days) else len(text)]
        event = _named_last(before)
        if event is None and not _IS_THE_DEADLINE.match(behind):
            event = _named_first(behind)
        if event and event not in told:
            told[event] = found.day
    return told


def _named_last(words: str) -> str | None:
    """The event that is named last: ``_NO_EVENT`` for one that nothing is counted from; None for none."""
    ends = [(match.end(), event) for event, named in _NAMED for match in named.finditer(words)]
    return max(ends, key=lambda one: one[0], default=(0, None))[1]


def _named_first(words: str) -> str | None:
    starts = [(found.start(), event) for event, named in _NAMED if (found := named.search(words))]
    return min(starts, key=lambda one: one[0], default=(0, None))[1]
