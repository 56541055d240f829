"""Checks on content beyond its form.

What is out of date, what is badly said or hard to read, what is there twice, which topics have no answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from knowledge.content import Content
from knowledge.content_schema import (
    Area,
    Audience,
    CrisisContact,
    Entitlement,
    GlossaryTerm,
    Guidance,
    Letter,
    Pathway,
    Record,
    Service,
    Status,
)
from knowledge.dates import today
from knowledge.readability import EASY_READ_LIMIT, NORMAL_LIMIT, excepted_terms, grade

#: A telephone number stands in a field made for it, where somebody confirmed it; never in prose.
_PHONE_IN_PROSE = re.compile(
    r"(?:\(?\b0|\+44)(?:[ ()-]{0,2}\d){9,10}\b"  # in any grouping: 020 7946 0958, (01632) 960001
    r"|\b0[58]\d\d ?\d{4}(?! ?\d)\b|\b116 ?\d{3}\b"  # short free numbers
)

#: Identity-first and without pity (the strategy's own terminology).
_UNWANTED_WORDS = re.compile(
    r"\bsuffer(s|ing|ed|ers?)?\b"
    r"|\b(people|person|child|children|adults?|pupils?|son|daughter|someone) with autism\b"
    r"|\b(high|low)[- ]functioning\b|\bsevere(ly)? autis\w+|\bspecial needs child",
    re.IGNORECASE,
)

#: "Yes." says yes to whatever was asked. A record with a question of its own is said after that question.
_BARE_VERDICT = re.compile(r"(?:yes|no)[.:;]", re.IGNORECASE)

#: Words in quotation marks are spoken about, not used.
_QUOTED = re.compile(r"[\"“][^\"”]*[\"”]")

#: Fields that are not our prose: ways to contact, where it comes from, what others call it or ask.
_NO_PROSE = {
    "id",
    "sources",
    "phones",
    "phone",
    "email",
    "url",
    "alternate_names",
    "alternate_terms",
    "also_asked",
}

#: A text that speaks to a parent. A young person who asks the same needs words of their own.
_TO_A_PARENT = re.compile(r"\byour (child|son|daughter|teenager)", re.IGNORECASE)

#: Fields that are read as sentences. Titles and names are not: their words are given, not chosen.
_READ_AS_SENTENCES = {
    "answer", "young_person", "description", "who_for", "how_to_reach", "question", "next_step", "caveat",
    "meaning", "who", "how_to_use", "note", "says", "text", "if_missed", "exceptions", "body",
}  # fmt: skip

#: Topics that the assistant answers from the store.
_ANSWERED_GROUPS = ("diagnosis", "waits", "support", "rights")
_ANSWERED_BESIDES = ("what_is_autism", "complaint")

_COVERED = (Area.DERBY_CITY, Area.DERBYSHIRE, Area.HEREFORDSHIRE)


@dataclass(frozen=True)
class CheckReport:
    """What was found."""

    problems: list[str]  # must be mended
    warnings: list[str]  # should be looked at
    coverage: dict[str, dict[str, str]]  # topic -> area -> "local", "national" or "-"

    def table(self) -> str:
        """The coverage as a plain table: topics by areas."""
        width = max(len(topic) for topic in self.coverage)
        lines = [f"{'topic':{width}}  " + "  ".join(f"{area:13}" for area in _COVERED)]
        for topic, areas in self.coverage.items():
            lines.append(f"{topic:{width}}  " + "  ".join(f"{areas[area]:13}" for area in _COVERED))
        return "\n".join(lines)


def check_content(content: Content, now: date | None = None) -> CheckReport:
    """Check content whose form is right.

    Args:
        content: what ``read_content`` gave.
        now: the day to judge review dates by; today in the UK if not given.
    """
    now = now or today()
    coverage = _coverage(content)
    problems = [problem for record in content.records() for problem in said_badly(record)]
    problems += _hard_to_read(content)
    problems += _there_twice(content)
    problems += _not_for_the_young(content)
    problems += [
        f"the topic {topic} has no answer for {area}"
        for topic, areas in coverage.items()
        for area, answered in areas.items()
        if answered == "-"
    ]
    warnings = [
        f"{record.id}: its review was due on {record.review_by.isoformat()}"
        for record in content.records()
        if record.review_by < now and record.status is Status.PUBLISHED
    ]
    return CheckReport(problems, warnings, coverage)


def said_badly(record: Record) -> Iterator[str]:
    """What must not stand in a record's words: "its-id, note: the number '...' stands in prose"."""
    for name, text in _prose(record.model_dump(mode="json", exclude=_not_prose(record))):
        if match := _PHONE_IN_PROSE.search(text):
            yield f"{record.id}, {name}: the number {match.group()!r} stands in prose, not in its field"
        if match := _UNWANTED_WORDS.search(_QUOTED.sub("", text)):
            yield f"{record.id}, {name}: {match.group()!r} is not how we speak of people"
        if not isinstance(record, Guidance) and (match := _BARE_VERDICT.match(text)):
            yield f"{record.id}, {name}: begins with {match.group()!r}, an answer to nobody knows what"


def _hard_to_read(content: Content) -> Iterator[str]:
    excepted = excepted_terms(_names(content))
    for record in content.records():
        for name, text in _prose(record.model_dump(mode="json", exclude=_not_prose(record))):
            field = name.rpartition(".")[2]
            if field == "easy_read":
                limit = EASY_READ_LIMIT
            elif field in _READ_AS_SENTENCES:
                limit = NORMAL_LIMIT
            else:
                continue
            if (found := grade(text, excepted)) > limit:
                yield f"{record.id}, {name}: its reading grade is {found:.1f}, over {limit:.0f}"


def _names(content: Content) -> Iterator[str]:
    for service in content.services:
        yield from (service.name, *service.alternate_names)
    for organization in content.organizations:
        yield from (organization.name, *organization.alternate_names)
    for area in content.areas:
        yield area.name


def _there_twice(content: Content) -> Iterator[str]:
    """The same question, service or word in two records that a person in one area would both be given."""
    called: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in content.records():
        if record.status is not Status.WITHDRAWN and (name := _called(record)):
            called[type(record).__name__, re.sub(r"\W+", " ", name.casefold()).strip()].append(record)
    for records in called.values():
        for position, record in enumerate(records):
            for other in records[:position]:
                if set(record.areas) & set(other.areas) and record.audience is other.audience:
                    yield f"{record.id}: is the same as {other.id}: {_called(record)!r}"


def _not_for_the_young(content: Content) -> Iterator[str]:
    answers: list[Guidance | Entitlement | Pathway] = [
        *content.guidance,
        *content.entitlements,
        *content.pathways,
    ]
    for record in answers:
        if record.audience is Audience.ALL and not record.young_person and _TO_A_PARENT.search(record.answer):
            yield f"{record.id}, answer: speaks to a parent; give young_person, or the audience families"


def _called(record: Record) -> str | None:
    match record:
        case Guidance():
            return record.question
        case Service():
            return record.name
        case GlossaryTerm():
            return record.term
        case _:
            return None


def _not_prose(record: Record) -> set[str]:
    # "text" is a step's words in a pathway, and a crisis contact's text line.
    return _NO_PROSE | ({"text"} if isinstance(record, CrisisContact) else set())


def _prose(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a record with the name of its field: "answer", "steps.0.text"."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _prose(part, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _prose(part, f"{name}.{index}")


def _coverage(content: Content) -> dict[str, dict[str, str]]:
    topics = [
        topic.name
        for topic in content.topics
        if topic.group in _ANSWERED_GROUPS or topic.name in _ANSWERED_BESIDES
    ]
    return {topic: {area: _answered(content, topic, area) for area in _COVERED} for topic in topics}


def _answered(content: Content, topic: str, area: Area) -> str:
    found = "-"
    for record in content.records():
        general = getattr(record, "general_for", [])
        # A letter is offered beside an answer and is none.
        if isinstance(record, Letter) or record.status is not Status.PUBLISHED:
            continue
        if topic not in [*record.topics, *general]:
            continue
        if area in record.areas:
            return "local"
        # A service is an answer only where it is offered; guidance and rights hold in all of England.
        if not isinstance(record, Service) and {Area.ENGLAND, Area.UK} & set(record.areas):
            found = "national"
    return found
