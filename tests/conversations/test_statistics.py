"""Figures on each database: what is counted, and to which week it belongs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import update

from conversations.log import Draft, utc_now
from conversations.models import Message, Priority
from conversations.store import Store
from tests.conversations.test_handoff import new_adviser, new_chat

LONG_AGO, LATER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


async def answer(store: Store, topic: str, at: datetime) -> None:
    """An answer about ``topic`` that was given at ``at``."""
    chat = await new_chat(store)
    await store.append_assistant(chat, [Draft(text="In the card.", topic=topic)])
    async with store.database.writing() as session:
        await session.execute(update(Message).where(Message.conversation_id == chat).values(created_at=at))


async def test_everything_that_happened_is_counted_once(store: Store) -> None:
    served, gave_up, alone = await new_chat(store), await new_chat(store), await new_chat(store)
    sam = await new_adviser(store, f"Sam {served[:8]}")
    for chat in (served, gave_up):
        await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.append_assistant(alone, [Draft(text="In the card.", topic="wait_time")])
    await store.claim(served, sam)
    await store.append_adviser(served, sam, "Hello")
    await store.close(served, sam, outcome="answered")
    await store.rate_hand_off(served, rating=4)
    await store.withdraw(gave_up, who="user")

    found = await store.figures(utc_now() - timedelta(days=1), utc_now() + timedelta(days=1))

    assert (found.chats, found.handed_off, found.by_assistant_alone, found.abandoned) == (3, 2, 1, 1)
    assert (found.reasons, found.outcomes) == ({"asked": 2}, {"answered": 1, "withdrawn": 1})
    assert (found.ratings, found.rating) == (1, 4.0)
    for times in (found.wait, found.first_reply, found.handling):
        assert times.count == 1
        assert times.median is not None
        assert timedelta(0) <= times.median < timedelta(minutes=1)
    assert [dict(topics) for topics in found.topics_by_week.values()] == [{"wait_time": 1}]


async def test_who_had_gone_when_somebody_came_gave_up_waiting(store: Store) -> None:
    gone, stayed = await new_chat(store), await new_chat(store)
    sam = await new_adviser(store, f"Sam {gone[:8]}")
    for chat in (gone, stayed):
        await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
        await store.claim(chat, sam)
        await store.append_adviser(chat, sam, "Are you still there?")
    await store.append_user(stayed, "still-here", "yes, one moment")
    for chat in (gone, stayed):
        await store.close(chat, sam, outcome="no_reply")
    await store.append_user(gone, "next-day", "how long is the wait?")

    found = await store.figures(utc_now() - timedelta(days=1), utc_now() + timedelta(days=1))

    assert (found.handed_off, found.abandoned) == (2, 1)


async def test_resolved_is_what_was_answered_and_not_said_to_be_of_no_help(store: Store) -> None:
    helped, unhelped, said_nothing, silent, unknown, outside = [await new_chat(store) for _ in range(6)]
    for chat, why in (
        (unknown, {"offers_person": "nothing_known"}),
        (outside, {"falls_short": "not_covered"}),
    ):
        await store.append_assistant(chat, [Draft(text="I do not know that.", topic="wait_time", meta=why)])
    for chat, helpful in ((helped, True), (unhelped, False), (said_nothing, None)):
        [message] = await store.append_assistant(chat, [Draft(text="In the card.", topic="wait_time")])
        if helpful is not None:
            assert await store.rate(chat, message.seq, helpful=helpful)
    await store.append_assistant(silent, [Draft(text="I am not sure what you mean.")])

    found = await store.figures(utc_now() - timedelta(days=1), utc_now() + timedelta(days=1))

    assert (found.chats, found.by_assistant_alone, found.resolved_by_assistant) == (6, 6, 2)


async def test_weeks_begin_on_monday_at_midnight_as_clocks_in_the_uk_show_it(store: Store) -> None:
    # In summer the UK's Monday begins at 23:00 UTC on Sunday.
    await answer(store, "wait_time", datetime(2026, 7, 5, 22, 59, tzinfo=UTC))
    await answer(store, "wait_time", datetime(2026, 7, 5, 23, 1, tzinfo=UTC))
    await answer(store, "ehcp_request", datetime(2026, 7, 12, 22, 59, tzinfo=UTC))
    await answer(store, "wait_time", datetime(2026, 7, 12, 22, 59, tzinfo=UTC))
    # The clocks change within this one.
    await answer(store, "ehcp_request", datetime(2026, 10, 26, 0, 30, tzinfo=UTC))

    found = (await store.figures(LONG_AGO, LATER)).topics_by_week

    assert found == {
        date(2026, 6, 29): {"wait_time": 1},
        date(2026, 7, 6): {"wait_time": 2, "ehcp_request": 1},
        date(2026, 10, 26): {"ehcp_request": 1},
    }
    assert list(found[date(2026, 7, 6)]) == ["wait_time", "ehcp_request"]


async def test_nothing_happened_is_no_error(store: Store) -> None:
    found = await store.figures(LATER, LATER + timedelta(days=1))
    assert (found.chats, found.wait.median, found.rating, found.topics_by_week) == (0, None, None, {})
