"""Wake-ups: nobody who listens misses that something happened."""

from __future__ import annotations

import asyncio

import pytest

from conversations.events import QUEUE, Events
from conversations.models import Priority
from conversations.store import Store

pytestmark = pytest.mark.asyncio


async def test_a_change_between_reading_and_waiting_still_wakes() -> None:
    events = Events()
    with events.subscribe("chat") as subscription:
        events.publish("chat")
        assert await subscription.wait(1)
        events.publish("chat")
        assert await subscription.wait(1)
        assert not await subscription.wait(0.01)


async def test_every_listener_is_woken_and_only_those_of_that_chat() -> None:
    events = Events()
    with events.subscribe("a") as one, events.subscribe("a") as two, events.subscribe("b") as other:
        events.typing("a")
        assert await one.wait(1)
        assert await two.wait(1)
        assert one.take_typing()
        assert not one.take_typing()
        assert not await other.wait(0.01)


async def test_somebody_s_writing_is_no_news_of_the_log() -> None:
    events = Events()
    with events.subscribe("chat") as subscription:
        events.typing("chat")
        assert await subscription.wait(1)
        assert not subscription.take_news()
        events.typing("chat")
        events.publish("chat")
        assert await subscription.wait(1)
        assert subscription.take_news()
        assert not subscription.take_news()


async def test_who_reads_by_number_after_each_wake_up_sees_every_message_once(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    seen: list[str] = []

    async def read_until_ten() -> None:
        last = 0
        with store.events.subscribe(chat) as subscription:
            while len(seen) < 10:
                for message in await store.messages(chat, after=last):
                    seen.append(message.text)
                    last = message.seq
                await subscription.wait(5)

    reader = asyncio.create_task(read_until_ten())
    await asyncio.gather(*(store.append_user(chat, f"c{n}", f"{n}") for n in range(10)))
    await asyncio.wait_for(reader, 10)

    assert sorted(seen, key=int) == [str(n) for n in range(10)]


async def test_the_queue_can_be_listened_to(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    with store.events.subscribe(QUEUE) as subscription:
        await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
        assert await subscription.wait(1)
