"""What always fails in handling is set aside: told to its writer, noted for advisers, in nobody's way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from conversations.database import Database
from conversations.errors import StoreUnavailable
from conversations.models import Conversation, Message
from gateway.channels.keys import RECIPIENTS, SET_ASIDE
from gateway.channels.set_aside import TRIES
from gateway.keys import METRICS, TURNS
from gateway.turn import Said, Turns
from tests.channels.conftest import (
    TELEGRAM_PERSON,
    WHATSAPP_PERSON,
    OnTelegram,
    OnWhatsApp,
    Person,
    World,
    on_each,
)

#: What nothing here may show but the person's own phone.
SECRET = "my secret words"

#: With the contacts of the store: somebody may have said that they are in danger.
TOLD = "Sorry, I couldn't read one of your messages."
CONTACTS = "Emergency: 000\nYoung line: 000 111"


def _set_aside(world: World, channel: str) -> float:
    return world.app[METRICS].registry.get_sample_value("helpline_set_aside_total", {"channel": channel}) or 0


async def _notes(world: World, person: Person) -> list[Message]:
    conversation = await world.conversation(person)
    assert conversation is not None
    messages = await world.store.messages(conversation.id, include_private=True)
    return [m for m in messages if m.private and m.meta.get("kind") == "set_aside"]


@pytest.fixture
def tries(world: World, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Makes the taking in of one message fail for ever; when it was tried."""
    turns: Turns = world.app[TURNS]
    begin, tried = turns.begin, list[float]()

    async def fails(conversation: Conversation, said: Said) -> Any:
        if SECRET in said.text:
            tried.append(time.monotonic())
            raise RuntimeError(f"cannot read {said.text}")
        return await begin(conversation, said)

    monkeypatch.setattr(turns, "begin", fails)
    return tried


class TestPolling:
    @pytest.fixture
    def pauses(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """How long the polling meant to wait, each time: what a clock tells depends on the machine."""
        meant = list[float]()

        async def sleep(seconds: float) -> None:
            meant.append(seconds)
            await asyncio.sleep(seconds)

        monkeypatch.setattr(
            "gateway.channels.telegram.asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep})
        )
        return meant

    @pytest.fixture
    def channel_settings(self, channel_settings: dict[str, Any]) -> dict[str, Any]:
        return {**channel_settings, "telegram_polling": True}

    async def test_an_update_that_always_fails_is_in_nobody_s_way(
        self,
        world: World,
        on_telegram: OnTelegram,
        tries: list[float],
        pauses: list[float],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        telegram = world.telegram
        for words in ("hello", SECRET, "and this?"):
            telegram.write(TELEGRAM_PERSON, words)
        telegram.write(TELEGRAM_PERSON + 1, "DANGER")
        await telegram.tell()

        def other() -> list[str]:
            return [str(m.get("text")) for m in telegram.shown(TELEGRAM_PERSON + 1)]

        await world.until(lambda: any("Please get help now" in text for text in other()))
        assert len(tries) < TRIES  # nobody else waits until it is set aside
        assert not any(TOLD in text for text in on_telegram.texts())

        told = await on_telegram.hears(TOLD)
        assert CONTACTS in told
        await world.until(lambda: sum("33 weeks" in text for text in on_telegram.texts()) == 2)
        await world.settled()
        texts = on_telegram.texts()
        assert texts.index(told) < max(n for n, text in enumerate(texts) if "33 weeks" in text)
        assert sum(TOLD in text for text in texts) == 1
        assert world.bot.texts == ["hello", "and this?"]
        assert len(tries) == TRIES
        assert pauses == [1.0, 2.0, 4.0]  # growing
        assert _set_aside(world, "telegram") == 1
        [note] = await _notes(world, on_telegram)
        assert note.text.startswith("A message could not be read")
        assert "a message was set aside" in caplog.messages
        assert not any(SECRET in str(vars(record)) for record in caplog.records)

    async def test_who_wrote_for_the_first_time_is_told_too(
        self, world: World, on_telegram: OnTelegram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_: Any) -> None:
            raise RuntimeError("no chat can be begun")

        monkeypatch.setattr(world.store, "of_sender", fails)
        world.telegram.write(TELEGRAM_PERSON, "DANGER")
        await world.telegram.tell()
        await on_telegram.hears("Please get help now")  # at once, past the outbox
        assert CONTACTS in await on_telegram.hears(TOLD)

    async def test_while_the_database_is_gone_nothing_is_set_aside(
        self, world: World, on_telegram: OnTelegram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = 0

        async def gone(*_: Any) -> None:
            nonlocal asked
            asked += 1
            raise StoreUnavailable("the database does not answer")

        with monkeypatch.context() as down:
            down.setattr(world.app[RECIPIENTS], "was_received", gone)
            down.setattr(world.store.database, "ping", gone)
            down.setattr("gateway.channels.telegram._LONGEST_PAUSE", 0.05)
            world.telegram.write(TELEGRAM_PERSON, "hello")
            await world.telegram.tell()
            await world.until(lambda: asked > 3 * TRIES)
        await on_telegram.hears("33 weeks")
        assert _set_aside(world, "telegram") == 0

    async def test_an_update_of_another_shape_is_left_out(
        self, world: World, on_telegram: OnTelegram, caplog: pytest.LogCaptureFixture
    ) -> None:
        message = {"message_id": 1, "chat": {"id": TELEGRAM_PERSON, "type": "private"}, "date": 1}
        for update in (
            {"callback_query": "x"},
            {"message": {"chat": "x"}},
            {"edited_message": ["x"]},
            {"message": {**message, "photo": []}},
            {"message": {**message, "date": 10**17, "text": SECRET}},
        ):
            world.telegram._update(update)
        world.telegram.write(TELEGRAM_PERSON, "hello")
        await world.telegram.tell()
        await on_telegram.hears("33 weeks")
        left_out = [vars(record) for record in caplog.records if record.msg == "update left out"]
        assert [str(one["cause"]).split(": ")[1] for one in left_out[-2:]] == ["IndexError", "OSError"]
        assert not any(SECRET in str(vars(record)) for record in caplog.records)

    async def test_who_could_not_be_told_is_told_at_the_next_try(
        self,
        world: World,
        on_telegram: OnTelegram,
        tries: list[float],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        set_aside, refused = world.app[SET_ASIDE], list[int]()
        tell = set_aside.event

        async def fails_once(channel: str, address: str) -> None:
            if not refused:
                refused.append(len(tries))
                raise StoreUnavailable("the disk is full")
            await tell(channel, address)

        monkeypatch.setattr(set_aside, "event", fails_once)
        monkeypatch.setattr("gateway.channels.telegram._LONGEST_PAUSE", 0.05)
        world.telegram.write(TELEGRAM_PERSON, SECRET)
        await world.telegram.tell()
        await on_telegram.hears(TOLD)
        assert (refused, len(tries)) == ([TRIES], TRIES + 1)

    async def test_who_writes_beside_one_that_fails_waits_for_seconds_only(
        self,
        world: World,
        on_telegram: OnTelegram,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pauses, really = list[float](), asyncio.sleep

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            await really(0.001)

        turns: Turns = world.app[TURNS]
        begin = turns.begin

        async def fails(conversation: Conversation, said: Said) -> Any:
            if said.text == SECRET:
                raise StoreUnavailable("this row is locked")
            return await begin(conversation, said)

        monkeypatch.setattr(turns, "begin", fails)
        monkeypatch.setattr("gateway.channels.telegram.asyncio", SimpleNamespace(sleep=sleep))
        world.telegram.write(TELEGRAM_PERSON, SECRET)
        await world.telegram.tell()
        await world.until(lambda: 60 in pauses)  # nobody else is there
        world.telegram.write(TELEGRAM_PERSON + 1, "hello")
        await world.telegram.tell()
        await world.until(lambda: world.telegram.shown(TELEGRAM_PERSON + 1))
        heard = len(pauses)
        await world.until(lambda: len(pauses) > heard + 10)
        assert max(pauses[heard + 1 :]) <= 5


async def test_a_webhook_s_message_that_always_fails_is_set_aside_and_its_others_are_heard(
    world: World, on_whatsapp: OnWhatsApp, tries: list[float]
) -> None:
    value = world.whatsapp.message(WHATSAPP_PERSON, text={"body": SECRET})
    behind = world.whatsapp.message(WHATSAPP_PERSON, text={"body": "hello"})["messages"]
    other = f"{int(WHATSAPP_PERSON) + 1}"
    others = world.whatsapp.message(other, text={"body": "hello too"})["messages"]
    value["messages"] += behind + others
    for _ in range(TRIES - 1):
        assert (await world.tell_whatsapp(value)).status == 503  # told again
    await world.until(lambda: world.bot.texts == ["hello too"])
    assert (await world.tell_whatsapp(value)).status == 200
    await on_whatsapp.hears(TOLD)
    await world.until(lambda: world.bot.texts == ["hello too", "hello"])
    assert (await world.tell_whatsapp(value)).status == 200
    await world.settled()
    assert sum(TOLD in text for text in on_whatsapp.texts()) == 1
    assert (len(tries), _set_aside(world, "whatsapp")) == (TRIES, 1)


async def test_a_turn_that_always_fails_after_the_webhook_was_answered_is_set_aside(
    world: World, person: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    turns: Turns = world.app[TURNS]
    really, tried = turns._assess_burst, list[str]()

    async def fails(history: list[Message]) -> Any:
        if history[-1].text == SECRET:
            tried.append(SECRET)
            raise RuntimeError(f"cannot read {SECRET}")
        return await really(history)

    monkeypatch.setattr(turns, "_assess_burst", fails)
    await person.says(SECRET)
    assert CONTACTS in await person.hears(TOLD)
    await person.says("hello")
    await person.hears("33 weeks")
    await world.settled()
    assert sum(TOLD in text for text in person.texts()) == 1
    assert (len(tried), _set_aside(world, person.channel)) == (TRIES, 1)
    [note] = await _notes(world, person)
    assert note.text.startswith("A message that they wrote could not be answered")
    assert not any(SECRET in str(vars(record)) for record in caplog.records)


async def test_whoever_speaks_of_danger_is_told_also_while_an_adviser_has_the_chat(
    world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await person.says("hello")
    await person.hears("33 weeks")
    await world.with_adviser(person)

    def fails(*_: Any) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr("gateway.turn.crisis_message", fails)
    await person.says("DANGER")
    assert CONTACTS in await person.hears(TOLD)


async def test_a_receipt_is_not_dropped_while_the_database_takes_no_writes(
    world: World, on_whatsapp: OnWhatsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    await world.settled()

    @asynccontextmanager
    async def refuses(_: Database) -> AsyncGenerator[None]:
        raise StoreUnavailable("the disk is full")
        yield

    receipt = world.whatsapp.status(world.whatsapp.sent[-1], "delivered")
    with monkeypatch.context() as down:
        down.setattr(Database, "writing", refuses)
        for _ in range(TRIES + 1):
            assert (await world.tell_whatsapp(receipt)).status == 503  # told again
    assert (await world.tell_whatsapp(receipt)).status == 200


@on_each
async def test_a_message_is_not_set_aside_while_it_cannot_be_written(
    world: World, on_whatsapp: OnWhatsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the disk is full")

    message = world.whatsapp.message(WHATSAPP_PERSON, text={"body": "hello"})
    with monkeypatch.context() as down:
        down.setattr(world.store, "append_user", refuses)
        for _ in range(TRIES + 1):
            assert (await world.tell_whatsapp(message)).status == 503
    assert (await world.tell_whatsapp(message)).status == 200
    await on_whatsapp.hears("33 weeks")
    assert not any(TOLD in text for text in on_whatsapp.texts())


async def test_a_photo_that_cannot_be_handled_is_said_to_both(
    world: World, on_whatsapp: OnWhatsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    chat, _ = await world.with_adviser(on_whatsapp)

    def fails(*_: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("gateway.channels.receiving.media_type_of", fails)
    await on_whatsapp.sends_photo()
    await on_whatsapp.hears("Sam can't open your photo")
    messages = await world.store.messages(chat, include_private=True)
    assert any("a fault of our own" in m.text for m in messages if m.private)
