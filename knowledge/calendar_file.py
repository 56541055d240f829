"""Time limits as a calendar file (iCalendar, RFC 5545), built from the store's rules; nothing is stored."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from knowledge.dates import say_partial
from knowledge.deadlines import Due, Summary, say_event, say_period
from knowledge.sources import source_of

MEDIA_TYPE = "text/calendar"

#: So that a date imported twice is one date: the same rule and day always have the same UID.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:helpline:deadline")

#: Calendars remind people this long before.
_REMIND = timedelta(days=7)

_NO_ADVICE = "This is information, not legal advice. Check the date before you rely on it."


def calendar_of(summary: Summary, now: datetime | None = None) -> bytes:
    """A calendar with one all-day event for each time limit, each with a reminder a week before.

    It holds the dates, the rules behind them and their sources, and nothing about the person.

    Args:
        summary: what ``deadlines.summary_of`` gave; limits that cannot be counted are left out.
        now: the moment the file is made, with its time zone; the present if not given.

    Returns:
        An iCalendar object: UTF-8, lines end in CRLF.
    """
    stamp = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    calendar = Calendar()
    calendar.add("prodid", "-//Helpline//Time limits//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for due in summary.dues:
        calendar.add_component(_event(due, stamp))
    return bytes(calendar.to_ical())


def uid_of(rule_id: str, start: date) -> str:
    """The lasting name of a date in calendars."""
    return f"{uuid.uuid5(_NAMESPACE, f'{rule_id}/{start.isoformat()}')}@helpline"


def query_of(starts: Mapping[str, date]) -> str:
    """The query under which the gateway serves these dates: "request-received=2026-03-03"."""
    return "&".join(f"{event}={day.isoformat()}" for event, day in starts.items())


def _event(due: Due, stamp: datetime) -> Event:
    event = Event()
    event.add("uid", uid_of(due.rule.id, due.start))
    event.add("dtstamp", stamp)
    event.add("dtstart", due.ends)
    event.add("dtend", due.ends + timedelta(days=1))  # RFC 5545, 3.6.1: the end is not part of the event
    event.add("summary", due.rule.title)
    event.add("description", describe(due))
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")  # a last day keeps nobody busy all day
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -_REMIND)
    alarm.add("description", f"In one week: {due.rule.title}")
    event.add_component(alarm)
    return event


def describe(due: Due) -> str:
    """Where a date comes from and what may be done when it passes, in plain text."""
    rule = due.rule
    source = source_of(rule.entitlement)
    parts = [
        f"If {say_event(rule.trigger, due.start)}, this is the last day of {say_period(rule)}.",
        f"The law: {rule.legal_name}, {rule.legal_section}.",
        rule.exceptions,
        f"If this day passes: {rule.if_missed}",
        rule.entitlement.caveat,
        f"Source: {source['title']} ({source['publisher']}). {source['url'] or ''}".strip(),
        f"As of: {say_partial(rule.entitlement.as_of)}.",
        _NO_ADVICE,
    ]
    return "\n".join(part for part in parts if part)
