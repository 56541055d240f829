"""Turns of one chat come one at a time and in order, whichever gateways have them, and also when one ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from conversations.models import Message, Role
from conversations.sealing import new_key
from conversations.store import Store, open_store
from gateway.app import init_app
from gateway.keys import STORE
from gateway.settings import Settings
from gateway.turn import Turns
from tests.gateway.conftest import Chat, FakeCrisis, FakeSafety, StandInBot

type Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def shared(settings: Settings, postgres_url: str) -> AsyncGenerator[Settings]:
    """Settings of several gateways on one database; no turn here is ever old enough to be given up."""
    yield settings.model_copy(
        update={
            "conversations_url": postgres_url,
            "bot_timeout_seconds": 60.0,
            "secret_keys": SecretStr(new_key()),
        }
    )
    # What a test leaves open would be taken up by the gateways of the next.
    store = open_store(postgres_url)
    await store.purge(datetime.now(UTC) + timedelta(days=1))
    await store.database.close()


def gateway(settings: Settings, **options: Any) -> Client:
    app = init_app(settings, load_safety=FakeSafety, load_crisis=lambda _url: FakeCrisis(), **options)
    return TestClient(TestServer(app))


@asynccontextmanager
async def another(url: str) -> AsyncGenerator[Store]:
    """The store of a gateway that is there and takes no turn; the end of ``events`` is the end of it."""
    store = open_store(url)
    await store.events.start()
    yield store
    await store.events.close()
    await store.database.close()


def overlaps(bot: StandInBot) -> list[int]:
    """Filled with how many questions the bot had at once, each time that it answers."""
    at_once: list[int] = []

    def replies(text: str) -> list[dict[str, Any]]:
        at_once.append(len(bot.heard) - len(at_once))
        return [{"text": f"answer to {text}"}]

    bot.replies = replies
    return at_once


async def logged(store: Store, chat: str, count: int) -> None:
    """Return once the person has said so much."""
    async with asyncio.timeout(10):
        while len([m for m in await store.messages(chat) if m.role is Role.USER]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def answered(store: Store, chat: str, count: int, within: float = 10) -> list[int | None]:
    """Which messages were answered, in the order of the answers, once there are so many."""
    async with asyncio.timeout(within):
        while True:
            found = [m.reply_to for m in await store.messages(chat) if m.reply_to is not None]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_turns_of_one_chat_on_two_gateways_wait_for_one_another(
    shared: Settings, bot: StandInBot
) -> None:
    bot.slow = 0.3
    at_once = overlaps(bot)
    async with gateway(shared) as one, gateway(shared) as two:
        created = await (await one.post("/api/v1/conversations")).json()
        here, there = (Chat(client, created["id"], created["token"]) for client in (one, two))
        there.count = 100
        assert one.app is not None
        store = one.app[STORE]
        saying = []
        for n, side in enumerate((here, there, here, there, here)):
            saying.append(asyncio.create_task(side.say(f"q{n}")))
            await logged(store, here.id, n + 1)
        replies = await asyncio.gather(*saying)

    assert [[reply["text"] for reply in each] for each in replies] == [[f"answer to q{n}"] for n in range(5)]
    assert bot.texts == [f"q{n}" for n in range(5)]
    assert at_once == [1] * 5


async def test_danger_waits_for_no_other_gateway(shared: Settings, postgres_url: str) -> None:
    async with another(postgres_url) as busy, gateway(shared) as client:
        created = await busy.create("web")
        await busy.append_user(created.conversation.id, "c0", "its turn takes for ever")
        chat = Chat(client, created.conversation.id, created.token, count=1)
        async with asyncio.timeout(60):  # the other turn is waited for three times as long
            [reply, *_] = await chat.say("DANGER")
    assert reply["topic"] == "crisis_self_harm_suicide"


async def test_what_a_killed_gateway_owed_is_answered_first_and_soon(
    shared: Settings, postgres_url: str, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.recovery._LOOK_EVERY_SECONDS", 0.2)
    bot.slow = 0.1
    at_once = overlaps(bot)
    async with another(postgres_url) as killed, gateway(shared) as client:
        created = await killed.create("web")
        chat = Chat(client, created.conversation.id, created.token, count=2)
        for n in range(2):
            await killed.append_user(chat.id, f"c{n}", f"q{n}")
        saying = asyncio.create_task(chat.say("q2"))
        await asyncio.sleep(1)
        assert bot.texts == []  # it is there, and may still answer
        await killed.events.close()
        assert await answered(killed, chat.id, 3) == [1, 2, 3]
        assert [reply["text"] for reply in await saying] == ["answer to q2"]
    assert bot.texts == ["q0", "q1", "q2"]
    assert at_once == [1] * 3


async def test_a_gateway_that_only_lost_its_connection_for_a_moment_is_left_alone(
    shared: Settings, postgres_url: str, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.recovery._LOOK_EVERY_SECONDS", 0.05)
    looks = 0

    async with another(postgres_url) as away:

        async def every_other_time(_: Store) -> frozenset[int]:
            nonlocal looks
            looks += 1
            assert away.events.process is not None
            return frozenset({away.events.process} if looks % 2 else ())

        monkeypatch.setattr(Store, "absent", every_other_time)
        async with gateway(shared):
            created = await away.create("web")
            await away.append_user(created.conversation.id, "c0", "under way")
            async with asyncio.timeout(10):
                while looks < 8:  # noqa: ASYNC110 - nobody tells of a look
                    await asyncio.sleep(0.05)
            assert bot.texts == []


async def test_who_sends_again_to_another_gateway_after_the_first_was_killed_is_answered_at_once(
    shared: Settings, postgres_url: str, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing but the message itself brings it.
    monkeypatch.setattr("gateway.recovery._LOOK_EVERY_SECONDS", 600)
    async with another(postgres_url) as killed, gateway(shared) as client:
        created = await killed.create("web")
        chat = Chat(client, created.conversation.id, created.token)
        await killed.append_user(chat.id, "same", "hello")
        await killed.events.close()
        async with asyncio.timeout(60):
            response = await chat.post(text="hello", client_message_id="same")
        assert [reply["text"] for reply in (await response.json())["replies"]] == ["33 weeks on average."]
    assert bot.texts == ["hello"]


async def test_a_turn_that_fails_holds_up_no_other_gateway(
    shared: Settings, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Turns._assess_burst

    async def fails(turns: Turns, history: list[Message]) -> object:
        if history[-1].text == "broken":
            raise RuntimeError("a fault of our own")
        return await really(turns, history)

    monkeypatch.setattr(Turns, "_assess_burst", fails)
    async with gateway(shared) as one, gateway(shared) as two:
        created = await (await one.post("/api/v1/conversations")).json()
        here, there = (Chat(client, created["id"], created["token"]) for client in (one, two))
        there.count = 100
        assert (await here.post(text="broken")).status == 500
        async with asyncio.timeout(60):  # a turn that may be under way is waited for three times as long
            assert [reply["text"] for reply in await there.say("hello")] == ["33 weeks on average."]


async def test_a_gateway_that_stops_does_not_wait_for_another(shared: Settings, postgres_url: str) -> None:
    async with another(postgres_url) as busy:
        created = await busy.create("web")
        await busy.append_user(created.conversation.id, "c0", "its turn takes for ever")
        client = gateway(shared)
        await client.start_server()
        chat = Chat(client, created.conversation.id, created.token, count=1)
        saying = asyncio.create_task(chat.say("hello"))
        await logged(busy, chat.id, 2)
        await asyncio.sleep(0.2)
        saying.cancel()
        async with asyncio.timeout(10):
            await client.close()


async def test_a_turn_that_is_tried_again_overlaps_with_no_other(
    settings: Settings, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, failed = Turns._assess_burst, False

    async def fails_once(turns: Turns, history: list[Message]) -> object:
        nonlocal failed
        if history[-1].text == "fails once" and not failed:
            failed = True
            raise RuntimeError("a fault of our own")
        return await really(turns, history)

    monkeypatch.setattr(Turns, "_assess_burst", fails_once)
    store = open_store(settings.conversations_url)
    chat = (await store.create("web")).conversation.id
    for said in ("fails once", "slow", "last"):
        await store.append_user(chat, said, said)
    bot.slow = 0.3
    at_once = overlaps(bot)

    async with gateway(settings, pauses=(timedelta(milliseconds=50), timedelta(milliseconds=50))):
        assert sorted(await answered(store, chat, 3), key=str) == [1, 2, 3]
    await store.database.close()
    assert at_once == [1] * 3


async def test_whoever_is_alone_asks_nothing_more_of_the_database(
    shared: Settings, settings: Settings, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    really = Store.is_before_in_line

    async def noted(store: Store, *of: Any) -> bool:
        asked.append("asked")
        return await really(store, *of)

    monkeypatch.setattr(Store, "is_before_in_line", noted)
    bot.slow = 0.1
    for each in (settings, shared):
        async with gateway(each) as client:
            created = await (await client.post("/api/v1/conversations")).json()
            chat = Chat(client, created["id"], created["token"])
            await asyncio.gather(*(chat.say(f"q{n}") for n in range(3)))
            await chat.say("q3")
    assert len(bot.texts) == 8
    assert asked == []
