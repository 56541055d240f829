"""Opening hours in UK time, closures, announcement, off switch, and a log that cannot be rewritten."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import text

from conversations.errors import NotFound, StoreFault
from conversations.opening import LOCAL_TIME, Closed, Opening, read_weekly
from conversations.store import Store

pytestmark = pytest.mark.asyncio

OFFICE = Opening(weekly=read_weekly("mon-fri 09:00-17:00; sat 10:00-12:00, 13:00-14:30"))


def at(day: str, clock: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), LOCAL_TIME)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        (at("2026-11-27", "08:59"), False),
        (at("2026-11-27", "09:00"), True),
        (at("2026-11-27", "16:59"), True),
        (at("2026-11-27", "17:00"), False),
        (at("2026-11-28", "12:30"), False),  # Saturday, between its two times
        (at("2026-11-28", "13:00"), True),
        (at("2026-11-29", "10:00"), False),  # Sunday
        (datetime(2026, 7, 1, 8, 30, tzinfo=UTC), True),  # 9:30 in the summer
        (datetime(2026, 12, 1, 8, 30, tzinfo=UTC), False),  # 8:30 in the winter
        (at("2026-12-25", "10:00"), False),  # a bank holiday
        (at("2026-12-28", "10:00"), False),  # Boxing Day is on a Saturday: the Monday instead
    ],
)
async def test_open_is_told_in_uk_time_with_bank_holidays(when: datetime, is_open: bool) -> None:
    assert OFFICE.is_open(when) is is_open


async def test_the_next_opening_passes_over_holidays_and_closures() -> None:
    evening = at("2026-12-24", "18:00")
    assert OFFICE.next_opening(evening) == at("2026-12-29", "09:00")  # the Monday is the substitute day
    shut = Opening(OFFICE.weekly, closures=[Closed(1, date(2026, 12, 21), date(2027, 1, 3), "Winter break")])
    assert shut.next_opening(evening) == at("2027-01-04", "09:00")
    assert shut.closed_because(date(2027, 1, 3)) == "Winter break"
    assert OFFICE.closes_at(at("2026-11-27", "16:00")) == at("2026-11-27", "17:00")
    assert OFFICE.next_opening(at("2026-11-27", "10:00")) == at("2026-11-28", "10:00")
    assert Opening().next_opening(evening) is None


async def test_hours_are_told_in_words() -> None:
    assert OFFICE.in_words() == "Monday to Friday 9am to 5pm, Saturday 10am to 12 noon and 1pm to 2:30pm"
    assert Opening().in_words() == ""
    assert not Opening().is_known


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("mon-fri 9-17", "09:00-17:00"),
        ("mon 17:00-09:00", "Monday.*ends before"),
        ("mon 09:00-12:00, 11:00-13:00", "Monday.*overlap"),
        ("fri-mon 09:00-17:00", "mon-fri"),
        ("someday 09:00-17:00", "mon-fri"),
        ("mon 25:00-26:00", "09:00-17:00"),
    ],
)
async def test_hours_that_cannot_be_are_refused_with_the_part_named(typed: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_weekly(typed)


async def test_what_a_supervisor_sets_is_kept_and_recorded_by_name(store: Store) -> None:
    assert (await store.service_state()).assistant_on
    await store.set_hours(OFFICE.weekly, closed_on_bank_holidays=False, by="boss")
    today = datetime.now(LOCAL_TIME).date()
    over = today - timedelta(days=2)
    await store.add_closure(over, over, "over", by="boss")
    closure = await store.add_closure(today, today + timedelta(days=1), " Training ", by="boss")
    await store.announce("Phones are down today.", by="boss")
    await store.switch_assistant(False, by="boss", why="a wrong answer is being looked into")

    state = await store.service_state()

    assert state.opening.in_words() == OFFICE.in_words()
    assert not state.opening.closed_on_bank_holidays
    assert [(c.reason, c.id) for c in state.opening.closures] == [("Training", closure.id)]
    assert (state.announcement, state.assistant_on) == ("Phones are down today.", False)

    await store.remove_closure(closure.id, by="boss")
    await store.announce(None, by="boss")
    await store.switch_assistant(True, by="boss", why="mended")
    assert (await store.service_state()).announcement is None
    with pytest.raises(NotFound):
        await store.remove_closure(closure.id, by="boss")
    with pytest.raises(ValueError, match="why"):
        await store.switch_assistant(False, by="boss", why=" ")
    with pytest.raises(ValueError, match="before"):
        await store.add_closure(today, over, "x", by="boss")
    actions = [entry.action for entry in await store.audit_log(who="boss", limit=8)]
    assert actions == [
        "assistant switched on",
        "announcement taken down",
        "closure removed",
        "assistant switched off",
        "announcement set",
        "closure added",
        "closure added",
        "opening hours set",
    ]


async def test_the_audit_log_cannot_be_rewritten_and_outlives_the_chat(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    await store.audit(who="sam", action="viewed", conversation_id=chat, reference="HL-ABCDEF")
    statements = ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"]
    if not store.database.is_sqlite:
        statements.append("TRUNCATE audit")
    for statement in statements:
        with pytest.raises(StoreFault, match="only be added to"):
            async with store.database.writing() as session:
                await session.execute(text(statement))

    assert await store.erase(chat)

    erased, entry = await store.audit_log(conversation_id=chat)
    assert (erased.who, erased.action) == ("user", "erased")
    assert (entry.who, entry.action, entry.reference) == ("sam", "viewed", "HL-ABCDEF")
    assert await store.audit_log(conversation_id=chat, before_id=entry.id) == []
