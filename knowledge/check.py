"""Checks on content beyond its form: what is out of date, what is badly said, which topics have no answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from knowledge.content import Content
from knowledge.content_schema import Area, CrisisContact, Record, Service, Status
from knowledge.dates import today

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

#: Words in quotation marks are spoken about, not used.
_QUOTED = re.compile(r"[\"“][^\"”]*[\"”]")

#: Fields that are not our prose: ways to contact, where it comes from, what others call it.
_NO_PROSE = {"id", "sources", "phones", "phone", "email", "url", "alternate_names", "alternate_terms"}

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
    problems = [problem for record in content.records() for problem in _said_badly(record)]
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


def _said_badly(record: Record) -> Iterator[str]:
    for name, text in _prose(record.model_dump(mode="json", exclude=_not_prose(record))):
        if match := _PHONE_IN_PROSE.search(text):
            yield f"{record.id}, {name}: the number {match.group()!r} stands in prose, not in its field"
        if match := _UNWANTED_WORDS.search(_QUOTED.sub("", text)):
            yield f"{record.id}, {name}: {match.group()!r} is not how we speak of people"


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
        if record.status is not Status.PUBLISHED or topic not in [*record.topics, *general]:
            continue
        if area in record.areas:
            return "local"
        # A service is an answer only where it is offered; guidance and rights hold in all of England.
        if not isinstance(record, Service) and {Area.ENGLAND, Area.UK} & set(record.areas):
            found = "national"
    return found
