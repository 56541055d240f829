"""A gateway that is killed in the middle of a turn: the answer comes after the next start, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from conversations.log import Draft
from conversations.models import Message, Priority
from conversations.sealing import new_key
from conversations.store import Store, open_store
from gateway import wording
from gateway.app import init_app
from gateway.keys import METRICS, STORE
from gateway.settings import Settings
from gateway.turn import Turns
from tests.gateway.conftest import Chat, FakeCrisis, FakeSafety, StandInBot


def gateway(settings: Settings, **options: Any) -> web.Application:
    return init_app(settings, load_safety=FakeSafety, load_crisis=lambda _url: FakeCrisis(), **options)


async def cut_off(store: Store, *texts: str) -> str:
    """A chat whose messages were logged by a process that then died."""
    chat = (await store.create("web")).conversation.id
    for n, text in enumerate(texts):
        await store.append_user(chat, f"c{n}", text)
    return chat


async def since(store: Store, chat: str, long_ago: timedelta) -> None:
    """Let the first message of a chat have waited so long."""
    async with store.database.writing() as session:
        message = await session.get(Message, (chat, 1))
        assert message is not None
        message.created_at -= long_ago


async def answers(store: Store, chat: str, count: int) -> list[Message]:
    """The replies, once there are so many (or two seconds more, to see that there are no more)."""
    async with asyncio.timeout(30):
        while True:
            replies = [m for m in await store.messages(chat) if m.reply_to is not None]
            if len(replies) >= count:
                await asyncio.sleep(0.5)
                return [m for m in await store.messages(chat) if m.reply_to is not None]
            await asyncio.sleep(0.05)


async def test_what_was_cut_off_is_answered_after_the_restart_danger_first_then_in_order_and_once(
    settings: Settings, bot: StandInBot
) -> None:
    store = open_store(settings.conversations_url)
    chat = await cut_off(store, "first", "second", "DANGER", "fourth")
    answered = await store.append_user(chat, "done", "was answered")
    await store.append_assistant(chat, [Draft(text="yes")], reply_to=answered.message.seq)
    await store.database.close()
    bot.slow = 0.1

    async with TestClient(TestServer(gateway(settings))) as client:
        assert client.app is not None
        running = client.app[STORE]
        found = await answers(running, chat, 5)

    assert [m.reply_to for m in found] == [5, 3, 1, 2, 4]
    assert bot.texts == ["first", "second", "fourth"]
    assert found[1].topic == "crisis_self_harm_suicide"


async def test_a_turn_that_always_fails_is_set_aside_and_the_others_are_still_taken_up(
    settings: Settings, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(settings.conversations_url)
    broken, whole = await cut_off(store, "broken"), await cut_off(store, "hello")
    await store.database.close()
    really = Turns._assess_burst

    async def fails(turns: Turns, history: list[Message]) -> object:
        if history[-1].text == "broken":
            raise RuntimeError("a fault of our own")
        return await really(turns, history)

    monkeypatch.setattr(Turns, "_assess_burst", fails)
    async with TestClient(TestServer(gateway(settings))) as client:
        assert client.app is not None
        running = client.app[STORE]
        assert [m.text for m in await answers(running, whole, 1)] == ["33 weeks on average."]
        [told] = [m for m in await answers(running, broken, 1) if not m.private]
        assert told.text.startswith("Sorry, I couldn't read one of your messages.")
        assert "Emergency: 000" in told.text


async def test_a_chat_that_cannot_even_be_set_aside_ends_the_watch_for_nobody(
    settings: Settings, bot: StandInBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.recovery._LOOK_EVERY_SECONDS", 0.05)
    store = open_store(settings.conversations_url)
    broken = await cut_off(store, "my secret words")
    await store.database.close()
    really = Store.append_assistant

    async def fails(store: Store, conversation_id: str, *more: Any, **options: Any) -> list[Message]:
        if conversation_id == broken:
            raise RuntimeError("cannot answer my secret words")
        return await really(store, conversation_id, *more, **options)

    monkeypatch.setattr(Store, "append_assistant", fails)
    app = gateway(settings, pauses=(timedelta(milliseconds=1), timedelta(milliseconds=10)))
    async with TestClient(TestServer(app)):
        async with asyncio.timeout(20):
            while "turn not taken up" not in caplog.messages:  # noqa: ASYNC110 - the log wakes nobody
                await asyncio.sleep(0.01)
        later = await cut_off(app[STORE], "hello")
        await since(app[STORE], later, timedelta(hours=1))
        assert [m.text for m in await answers(app[STORE], later, 1)] == ["33 weeks on average."]
        figures = app[METRICS].registry
        assert figures.get_sample_value("helpline_set_aside_total", {"channel": "web"}) == 1
    [told] = [record for record in caplog.records if record.msg == "turn not taken up"]
    assert vars(told)["cause"] == "RuntimeError"
    assert "test_recovery.py" in vars(told)["where"]
    assert not any("secret" in str(vars(record)) for record in caplog.records)


async def test_a_danger_that_cannot_be_told_keeps_no_other_from_being_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(settings.conversations_url)
    broken, whole = await cut_off(store, "danger"), await cut_off(store, "danger too")
    drafts = [Draft(text="numbers"), wording.alert("crisis_harm_from_others", "a rule")]
    for chat in (broken, whole):
        await store.append_assistant(chat, drafts, reply_to=1)
    await store.database.close()
    really = Turns.tell_of

    async def fails(turns: Turns, alert: Message) -> None:
        if alert.conversation_id == broken:
            raise RuntimeError("a fault of our own")
        await really(turns, alert)

    monkeypatch.setattr(Turns, "tell_of", fails)
    async with TestClient(TestServer(app := gateway(settings))), asyncio.timeout(20):
        while await app[STORE].escalation(whole) is None:  # noqa: ASYNC110 - of one chat
            await asyncio.sleep(0.05)


async def test_what_is_written_after_the_restart_does_not_overtake_what_was_cut_off(
    settings: Settings, bot: StandInBot
) -> None:
    store = open_store(settings.conversations_url)
    created = [await store.create("web") for _ in range(7)]  # more than are taken up at once
    for one in created:
        for said in ("first", "second"):
            await store.append_user(one.conversation.id, said, said)
    await store.database.close()
    bot.slow = 0.2

    async with TestClient(TestServer(gateway(settings))) as client:
        chats = [Chat(client, one.conversation.id, one.token) for one in created]
        await asyncio.gather(*(chat.say("third") for chat in chats))
        assert client.app is not None
        for chat in chats:
            found = await answers(client.app[STORE], chat.id, 3)
            assert [m.reply_to for m in found] == [1, 2, 3]
    assert len(bot.texts) == 21


async def test_a_message_that_is_sent_again_and_taken_up_at_once_is_answered_once(
    settings: Settings, bot: StandInBot
) -> None:
    store = open_store(settings.conversations_url)
    created = await store.create("web")
    await store.append_user(created.conversation.id, "same", "hello")
    await store.database.close()
    bot.slow = 0.3

    async with TestClient(TestServer(gateway(settings))) as client:
        response = await client.post(
            f"/api/v1/conversations/{created.conversation.id}/messages",
            json={"client_message_id": "same", "text": "hello"},
            headers={"Authorization": f"Bearer {created.token}"},
        )
        replies = (await response.json())["replies"]

    assert [reply["text"] for reply in replies] == ["33 weeks on average."]
    assert bot.texts == ["hello"]


async def test_advisers_are_told_of_a_danger_that_the_dead_process_kept(
    settings: Settings,
) -> None:
    store = open_store(settings.conversations_url)
    chat = await cut_off(store, "words of danger")
    drafts = [Draft(text="numbers"), wording.alert("crisis_harm_from_others", "a rule")]
    await store.append_assistant(chat, drafts, reply_to=1)
    await store.database.close()

    async with TestClient(TestServer(gateway(settings))) as client:
        assert client.app is not None
        async with asyncio.timeout(20):
            while True:
                escalation = await client.app[STORE].escalation(chat)
                if escalation is not None:
                    break
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        assert await client.app[STORE].untold_dangers(datetime.now(UTC) - timedelta(days=1)) == []
        told = [m.text for m in await client.app[STORE].messages(chat) if "urgent" in m.text]

    assert escalation.priority is Priority.CRISIS
    assert escalation.summary["danger"] == "crisis_harm_from_others"
    assert len(told) == 1


async def test_a_danger_that_advisers_were_told_of_is_not_told_again_when_one_has_judged_it(
    chat: Chat, store: Store
) -> None:
    sam, _ = await store.add_adviser("Sam")
    await store.escalate(chat.id, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await chat.say("DANGER")
    escalation = await store.escalation(chat.id)
    assert escalation is not None
    assert escalation.priority is Priority.CRISIS

    await store.set_priority(chat.id, Priority.NORMAL, by=sam.id)

    assert await store.untold_dangers(datetime.now(UTC) - timedelta(days=1)) == []


async def test_of_two_gateways_one_takes_up_what_a_third_left_and_busy_ones_are_left_alone(
    settings: Settings, postgres_url: str, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.recovery._LOOK_EVERY_SECONDS", 0.2)
    shared = settings.model_copy(
        update={
            "conversations_url": postgres_url,
            "bot_timeout_seconds": 2.0,
            "secret_keys": SecretStr(new_key()),
        }
    )
    store = open_store(postgres_url)
    await store.events.start()  # this gateway is there
    old, young = await cut_off(store, "left long ago"), await cut_off(store, "somebody is busy with it")
    await since(store, old, timedelta(minutes=5))
    async with TestClient(TestServer(gateway(shared))), TestClient(TestServer(gateway(shared))):
        found = await answers(store, old, 1)
        await asyncio.sleep(0.5)
        assert len(found) == 1
        assert bot.texts == ["left long ago"]
        assert [m.text for m in await store.messages(young)] == ["somebody is busy with it"]
    await store.events.close()
    await store.database.close()
