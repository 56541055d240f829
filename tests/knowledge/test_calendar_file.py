"""The calendar file: every date of a summary, whole and lasting, and nothing about the person."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Component
from sqlalchemy.orm import Session

from knowledge.calendar_file import calendar_of, query_of, uid_of
from knowledge.deadlines import EVENTS, summary_of
from knowledge.queries.rights import deadlines_from

REQUEST = {"request-received": date(2026, 3, 3)}
NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def file(session: Session, starts: dict[str, date], now: datetime = NOW) -> bytes:
    """The calendar of what follows from some events."""
    rules = [rule for event in starts for rule in deadlines_from(session, event)]
    return calendar_of(summary_of(rules, starts), now)


def events(content: bytes) -> list[Component]:
    """Its events, as icalendar reads them back."""
    return list(Calendar.from_ical(content).walk("VEVENT"))


def test_one_event_for_each_date_of_a_request(shipped: Session) -> None:
    found = events(file(shipped, REQUEST))

    assert [(str(one["SUMMARY"]), one.decoded("DTSTART")) for one in found] == [
        ("The council must say whether it will assess", date(2026, 4, 14)),
        ("If it will not make a plan, the council must say so", date(2026, 6, 23)),
        ("The council must send the final EHC plan", date(2026, 7, 21)),
    ]
    for one in found:
        assert type(one.decoded("DTSTART")) is date  # all day: no time, so no time zone
        assert one.decoded("DTEND") - one.decoded("DTSTART") == timedelta(days=1)


def test_each_event_tells_its_law_its_source_and_what_to_do(shipped: Session) -> None:
    text = str(events(file(shipped, REQUEST))[0]["DESCRIPTION"])

    assert "your request reached the council on 3 March 2026" in text
    assert "6 weeks" in text
    assert "Special Educational Needs and Disability Regulations 2014, regulation 5(1)" in text
    assert "Regulation 5(4)" in text  # the exceptions, school holidays among them
    assert "four weeks or more" in text
    assert "If this day passes: Write to the SEND team" in text
    assert "Source: " in text
    assert "legislation.gov.uk" in text
    assert "As of: November 2026." in text


def test_each_event_reminds_a_week_before(shipped: Session) -> None:
    for one in events(file(shipped, REQUEST)):
        [alarm] = one.walk("VALARM")
        assert str(alarm["ACTION"]) == "DISPLAY"
        assert alarm.decoded("TRIGGER") == timedelta(days=-7)
        assert str(one["SUMMARY"]) in str(alarm["DESCRIPTION"])


def test_another_program_reads_the_same(shipped: Session) -> None:
    # vobject is a parser of its own; it refuses what RFC 5545 does not allow.
    content = file(shipped, REQUEST).decode()
    calendar = vobject.readOne(content)
    calendar.validate(raiseException=True)

    ours = {str(one["UID"]): one for one in events(content.encode())}
    assert len(calendar.vevent_list) == len(ours) == 3
    for theirs in calendar.vevent_list:
        mine = ours[theirs.uid.value]
        assert theirs.dtstart.value == mine.decoded("DTSTART")
        assert theirs.dtend.value == mine.decoded("DTEND")
        assert theirs.summary.value == str(mine["SUMMARY"])
        assert theirs.description.value == str(mine["DESCRIPTION"])
        assert theirs.valarm.trigger.value == timedelta(days=-7)


def test_the_form_is_that_of_the_rfc(shipped: Session) -> None:
    content = file(shipped, REQUEST)
    lines = content.split(b"\r\n")

    assert content.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in b"".join(lines)  # 3.1: lines end in CRLF and nothing else
    assert max(len(line) for line in lines) <= 75  # 3.1: in octets, without the line break
    text = content.decode()
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert {b"VERSION:2.0", b"CALSCALE:GREGORIAN", b"METHOD:PUBLISH"} <= set(lines)
    assert text.count("PRODID:") == 1
    assert text.count("\r\nDTSTAMP:20260304T093000Z") == 3  # 3.8.7.2: in UTC
    assert text.count("\r\nDTSTART;VALUE=DATE:") == 3


def test_a_date_keeps_its_name_so_that_it_is_not_there_twice(shipped: Session) -> None:
    first, again = file(shipped, REQUEST), file(shipped, REQUEST, NOW + timedelta(days=30))
    other_day = file(shipped, {"request-received": date(2026, 3, 4)})
    uids = [{str(one["UID"]) for one in events(content)} for content in (first, again, other_day)]

    assert uids[0] == uids[1]
    assert len(uids[0]) == 3
    assert uids[0].isdisjoint(uids[2])


def test_it_holds_nothing_about_a_person(shipped: Session) -> None:
    content = file(shipped, REQUEST).decode()

    for name in ("ATTENDEE", "ORGANIZER", "LOCATION", "CONTACT", "GEO", "X-"):
        assert not re.search(rf"^{name}", content, re.MULTILINE)
    assert content.count("CLASS:PRIVATE") == 3


def test_an_appeal_is_there_once_with_the_later_day(shipped: Session) -> None:
    found = events(
        file(shipped, {"decision-letter": date(2026, 3, 18), "mediation-certificate": date(2026, 5, 15)})
    )

    appeals = [one.decoded("DTSTART") for one in found if "appeal must reach" in str(one["SUMMARY"])]
    assert appeals == [date(2026, 6, 15)]


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_and_day_makes_a_calendar(shipped: Session, event: str) -> None:
    rules = deadlines_from(shipped, event)

    @given(st.dates(date(2014, 9, 1), date(2090, 12, 31)))
    def holds_for(day: date) -> None:
        summary = summary_of(rules, {event: day})
        assert {str(one["UID"]): one.decoded("DTSTART") for one in events(calendar_of(summary, NOW))} == {
            uid_of(due.rule.id, day): due.ends for due in summary.dues
        }

    holds_for()


def test_the_query_that_asks_for_it() -> None:
    assert query_of({"decision-letter": date(2026, 3, 3), "mediation-certificate": date(2026, 4, 1)}) == (
        "decision-letter=2026-03-03&mediation-certificate=2026-04-01"
    )
