"""School holidays that a council records: kept with their source, on record, and nothing that cannot be."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from conversations.errors import NotFound
from conversations.events import SERVICE
from conversations.models import SchoolHoliday
from conversations.opening import LOCAL_TIME
from conversations.store import Store

pytestmark = pytest.mark.asyncio

DATES = "https://www.example.gov.uk/term-dates"
TODAY = datetime.now(LOCAL_TIME).date()
LATER = TODAY + timedelta(days=13)


async def clean(store: Store) -> None:
    """PostgreSQL keeps one database for the whole run."""
    async with store.database.writing() as session:
        await session.execute(delete(SchoolHoliday))


async def test_what_is_recorded_is_known_on_record_and_can_be_taken_out(store: Store) -> None:
    await clean(store)
    with store.events.subscribe(SERVICE) as told:
        made = await store.add_school_holiday(
            TODAY, LATER, " Christmas holiday ", source_url=f" {DATES} ", area="derbyshire", by="boss"
        )
        assert await told.wait(1)
    earlier = await store.add_school_holiday(
        TODAY - timedelta(days=9), TODAY, "x", source_url=DATES, by="boss"
    )

    found = (await store.service_state()).school_holidays

    assert [one.id for one in found] == [earlier.id, made.id]  # the next one first; the last day is not over
    [_, one] = found
    assert (one.first_day, one.last_day, one.name) == (TODAY, LATER, "Christmas holiday")
    assert (one.area, one.source_url, earlier.area) == ("derbyshire", DATES, None)

    await store.remove_school_holiday(made.id, by="boss")
    assert [one.id for one in (await store.service_state()).school_holidays] == [earlier.id]
    with pytest.raises(NotFound):
        await store.remove_school_holiday(made.id, by="boss")

    removed, _, added = await store.audit_log(who="boss", limit=3)
    assert (removed.action, added.action) == ("school holiday removed", "school holiday added")
    assert removed.detail == added.detail
    assert added.detail == {
        "first": TODAY.isoformat(),
        "last": LATER.isoformat(),
        "name": "Christmas holiday",
        "area": "derbyshire",
        "source": DATES,
    }


async def test_those_that_are_over_are_left_out(store: Store) -> None:
    await clean(store)
    over = TODAY - timedelta(days=1)
    async with store.database.writing() as session:
        session.add(SchoolHoliday(first_day=over, last_day=over, name="Over", source_url=DATES))
    assert (await store.service_state()).school_holidays == ()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"last": TODAY + timedelta(days=1), "first": TODAY + timedelta(days=2)}, "before its first day"),
        ({"first": date(2020, 12, 21), "last": date(2021, 1, 3)}, "over already"),
        ({"last": TODAY + timedelta(days=365)}, "at most 84 days"),
        ({"last": TODAY + timedelta(days=84)}, "at most 84 days"),
        ({"name": "  "}, "a name"),
        ({"name": "x" * 121}, "at most 120"),
        ({"source_url": ""}, "https://"),
        ({"source_url": "the council's website"}, "https://"),
        ({"source_url": "www.example.gov.uk/terms"}, "https://"),
        ({"source_url": "javascript:alert(1)"}, "https://"),
        ({"source_url": "ftp://example.gov.uk/terms"}, "https://"),
        ({"source_url": "https:///terms"}, "https://"),
        ({"source_url": "https://example.gov.uk/a b"}, "https://"),
        ({"source_url": "https://example.gov.uk/\nx"}, "https://"),
        ({"source_url": "https://[example/terms"}, "https://"),
        ({"source_url": "https://example.gov.uk:99999/"}, "https://"),
        ({"source_url": f"{DATES}/{'x' * 500}"}, "at most 500"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_half_done(
    store: Store, changed: dict[str, Any], says: str
) -> None:
    await clean(store)
    [last] = await store.audit_log(limit=1) or [None]
    good: dict[str, Any] = {"first": TODAY, "last": LATER, "name": "x", "source_url": DATES}
    with pytest.raises(ValueError, match=says):
        await store.add_school_holiday(**{**good, **changed}, by="boss")
    assert (await store.service_state()).school_holidays == ()
    assert [entry.id for entry in await store.audit_log(limit=1)] == ([last.id] if last else [])


async def test_all_that_is_wrong_is_told_at_once(store: Store) -> None:
    with pytest.raises(ValueError, match=r"before its first day.*a name.*https://"):
        await store.add_school_holiday(LATER, TODAY, "", source_url="x", by="boss")


async def test_the_longest_that_can_be_is_taken(store: Store) -> None:
    await clean(store)
    last = TODAY + timedelta(days=83)
    await store.add_school_holiday(
        TODAY, last, "x" * 120, source_url="http://example.gov.uk:8080/", by="boss"
    )
    assert [one.last_day for one in (await store.service_state()).school_holidays] == [last]


async def test_until_when_they_are_recorded_is_known_by_area(store: Store) -> None:
    await clean(store)
    assert await store.last_school_holidays() == {}
    for first, last, area in ((1, 5, "derbyshire"), (9, 12, "derbyshire"), (2, 3, None)):
        days = TODAY + timedelta(days=first), TODAY + timedelta(days=last)
        await store.add_school_holiday(*days, "Holiday", source_url=DATES, area=area, by="boss")
    expected = {"derbyshire": TODAY + timedelta(days=12), None: TODAY + timedelta(days=3)}
    assert await store.last_school_holidays() == expected
