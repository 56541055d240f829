"""Providers that fail: nothing lost, nothing double, order kept."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import update

from conversations.models import DeliveryState, Priority, Recipient, Role
from conversations.outbox import LEASE
from conversations.sealing import new_key
from conversations.store import open_store
from desk.wire import delivery_in_words
from gateway.channels.base import Bubble, NotSent, Sending
from gateway.channels.keys import CHANNEL_SETTINGS, OUTBOX, RECIPIENTS
from gateway.channels.sms import LONGEST_CALL, Sms
from tests.channels.conftest import (
    SMS_PERSON,
    TELEGRAM_PERSON,
    TELEGRAM_SECRET,
    WHATSAPP_PERSON,
    OnSms,
    OnTelegram,
    OnWhatsApp,
    Person,
    World,
    on_each,
)
from tests.channels.providers import NotifyStandIn, TelegramStandIn, WhatsAppStandIn
from tests.gateway.conftest import StandInBot, free_port
from tests.gateway.processes import Gateways


@on_each
@pytest.mark.timeout(900)
async def test_500_messages_with_30_percent_failing_and_20_percent_of_webhooks_doubled(world: World) -> None:
    world.waits = 500.0
    chance = random.Random(20261127)
    world.telegram.retry_after = 0
    for faults in (world.telegram.faults, world.whatsapp.faults, world.notify.faults):
        faults.share = 0.3
    world.bot.replies = lambda said: [{"text": f"Answer to {said}."}]
    people = 30

    async def write(person: int, number: int) -> None:
        words = f"question {person}-{number}"
        channel = person % 3
        if channel == 0:
            update = world.telegram.write(TELEGRAM_PERSON + person, words)
            tell = lambda: world.tell_telegram(update)  # noqa: E731
        elif channel == 1:
            value = world.whatsapp.message(f"{int(WHATSAPP_PERSON) + person}", text={"body": words})
            tell = lambda: world.tell_whatsapp(value)  # noqa: E731
        else:
            callback = world.notify.text(f"{int(SMS_PERSON) + person}", words)
            tell = lambda: world.tell_sms(callback)  # noqa: E731
        times = 2 if chance.random() < 0.2 else 1
        responses = await asyncio.gather(*(tell() for _ in range(times)))
        assert {response.status for response in responses} <= {200, 202}

    async def all_of(person: int) -> None:
        for number in range(500 // people + (person < 500 % people)):
            await write(person, number)

    await asyncio.gather(*(all_of(person) for person in range(people)))
    await world.until(lambda: len(world.bot.heard) == 500)
    await asyncio.sleep(0.5)
    await world.settled()

    arrived: dict[str, list[str]] = {}
    for person in range(people):
        for message in world.telegram.shown(TELEGRAM_PERSON + person):
            arrived.setdefault(f"t{person}", []).append(message["text"])
    for sent in world.whatsapp.sent:
        body = sent["text"]["body"] if sent["type"] == "text" else sent["interactive"]["body"]["text"]
        arrived.setdefault(f"w{sent['to']}", []).append(body)
    for sent in world.notify.sent:
        arrived.setdefault(f"s{sent['phone_number']}", []).append(sent["personalisation"]["message"])
    assert len(arrived) == people
    answers = 0
    for texts in arrived.values():
        assert "computer, not a person" in texts[0]
        found = [re.findall(r"Answer to question (\d+)-(\d+)\.", words) for words in texts[1:]]
        numbers = [int(number) for answer in found for _, number in answer]
        assert numbers == list(range(len(numbers)))  # each once, in the order in which they were asked
        answers += len(numbers)
    assert answers == 500
    failed = sum(f.happened for f in (world.telegram.faults, world.whatsapp.faults, world.notify.faults))
    assert failed > 100
    for channel in ("telegram", "whatsapp", "sms"):
        counts = await world.app[OUTBOX].counts(channel)
        assert counts[DeliveryState.PENDING] == counts[DeliveryState.FAILED] == 0


async def test_what_telegram_asks_to_wait_is_waited(world: World, on_telegram: OnTelegram) -> None:
    world.telegram.faults.queued = ["429"]
    world.telegram.retry_after = 1
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    first, second = world.telegram.calls[:2]
    assert second[0] - first[0] >= 1.0


class TestAProviderThatHangs:
    """It takes the call and never says a word."""

    @pytest.fixture
    def channel_settings(self, channel_settings: dict[str, Any]) -> dict[str, Any]:
        return {**channel_settings, "channel_timeout_seconds": 0.4}

    async def test_is_cut_off_by_the_setting_and_asked_again(self, world: World, person: Person) -> None:
        provider: TelegramStandIn | WhatsAppStandIn | NotifyStandIn = {
            "telegram": world.telegram,
            "whatsapp": world.whatsapp,
            "sms": world.notify,
        }[person.channel]
        provider.faults.queued = ["hang", "hang"]
        begun = time.monotonic()
        await person.says("hello")
        await person.hears("33 weeks")
        took = time.monotonic() - begun
        assert 0.8 <= took < 15  # by the default one call alone takes that
        assert provider.faults.happened == 2
        await world.settled()
        assert sum("computer, not a person" in text for text in person.texts()) == 1  # none was taken before

    async def test_holds_up_nobody_else(
        self, world: World, on_telegram: OnTelegram, on_whatsapp: OnWhatsApp
    ) -> None:
        world.telegram.faults.queued = ["hang"] * 100
        await on_telegram.says("hello")
        await world.until(lambda: world.telegram.faults.happened)
        await on_whatsapp.says("hello")
        await on_whatsapp.hears("33 weeks")
        assert on_telegram.texts() == []
        world.telegram.faults.queued = []
        await on_telegram.hears("33 weeks")

    async def test_does_not_keep_an_adviser_waiting_for_a_photo(
        self, world: World, on_whatsapp: OnWhatsApp
    ) -> None:
        await on_whatsapp.says("hello")
        await on_whatsapp.hears("33 weeks")
        await world.settled()
        await world.with_adviser(on_whatsapp)
        world.whatsapp.faults.queued = ["hang", "hang", "hang"]
        await on_whatsapp.sends_photo()
        await on_whatsapp.hears("Sam can't open your photo")


class TestAChannelThatHangs:
    """Its people are many: each has a message on the way that nobody takes."""

    @pytest.fixture
    def channel_settings(self, channel_settings: dict[str, Any]) -> dict[str, Any]:
        return {**channel_settings, "channel_timeout_seconds": 15.0}

    async def test_does_not_keep_a_crisis_reply_of_another_waiting(
        self, world: World, on_telegram: OnTelegram
    ) -> None:
        world.whatsapp.faults.queued = ["hang"] * 100
        for number in range(30):
            value = world.whatsapp.message(f"{int(WHATSAPP_PERSON) + number}", text={"body": "hello"})
            assert (await world.tell_whatsapp(value)).status == 200
        await world.until(lambda: world.whatsapp.faults.happened >= 20)
        begun = time.monotonic()
        await on_telegram.says("DANGER")
        await on_telegram.hears("Please get help now")
        assert time.monotonic() - begun < 10  # before the first of the others is given up
        world.whatsapp.faults.queued = []


class TestATextServiceThatHangs:
    """Notify's own client keeps a thread for as long as it waits."""

    @pytest.fixture
    def channel_settings(self, channel_settings: dict[str, Any]) -> dict[str, Any]:
        return {**channel_settings, "channel_timeout_seconds": 6.0}

    async def test_leaves_the_safety_check_its_threads(self, world: World, on_telegram: OnTelegram) -> None:
        world.notify.faults.queued = ["hang"] * 12
        for number in range(12):
            await world.tell_sms(world.notify.text(f"{int(SMS_PERSON) + number}", "hello"))
        await world.until(lambda: not world.notify.faults.queued)
        world.waits = 4.0
        await on_telegram.says("DANGER")
        await on_telegram.hears("Please get help now")

    async def test_is_given_up_before_the_outbox_lends_the_text_out_again(self, world: World) -> None:
        assert 2 * LONGEST_CALL < LEASE  # whether it was sent is asked first
        world.notify.faults.queued = ["hang"]
        settings = world.app[CHANNEL_SETTINGS].model_copy(update={"channel_timeout_seconds": 1.0})
        sms = Sms(settings, threads=1, longest_call=timedelta(seconds=0.5))
        text = Sending(f"+{SMS_PERSON}", Bubble("hello"), "a-reference")
        under_way, waiting = await asyncio.gather(sms.send(text), sms.send(text), return_exceptions=True)
        sms.close()
        assert isinstance(under_way, NotSent)
        assert isinstance(waiting, NotSent)
        assert (under_way.uncertain, waiting.uncertain) == (True, False)
        assert world.notify.sent == []


class TestPolling:
    """Telegram is asked for what people write: no webhook would begin it again."""

    @pytest.fixture
    def channel_settings(self, channel_settings: dict[str, Any]) -> dict[str, Any]:
        return {**channel_settings, "telegram_polling": True}

    async def test_goes_on_after_a_fault_of_our_own(
        self, world: World, on_telegram: OnTelegram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recipients = world.app[RECIPIENTS]
        was_received = recipients.was_received
        faults = ["a fault"]

        async def fails_once(kind: str, event_id: str) -> bool:
            if faults:
                raise RuntimeError(faults.pop())
            return await was_received(kind, event_id)

        monkeypatch.setattr(recipients, "was_received", fails_once)
        world.telegram.write(TELEGRAM_PERSON, "hello")
        await world.telegram.tell()
        await on_telegram.hears("33 weeks")
        assert not faults


async def test_a_crisis_reply_does_not_wait_behind_what_is_tried_again(
    world: World, on_telegram: OnTelegram
) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    world.telegram.faults.queued = ["429"]
    world.telegram.retry_after = 3600
    await on_telegram.says("how long")
    await world.until(lambda: not world.telegram.faults.queued)
    await on_telegram.says("DANGER")
    await on_telegram.hears("Please get help now")


async def test_a_bubble_that_arrived_is_not_sent_again_when_the_next_fails(
    world: World, on_telegram: OnTelegram
) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    await world.settled()
    world.bot.replies = [{"text": "First idea. " * 50}, {"text": "Second idea."}]
    world.telegram.faults.queued = ["", "500", "reset"]  # the first goes through
    await on_telegram.says("two things")
    await on_telegram.hears("Second idea.")
    await world.settled()
    assert sum("First idea." in t for t in on_telegram.texts()) == 1
    assert sum("Second idea." in t for t in on_telegram.texts()) == 1


async def test_notify_is_asked_before_a_doubtful_text_is_sent_again(world: World, on_sms: OnSms) -> None:
    world.notify.faults.queued = ["lost"]  # taken, and the connection breaks
    await on_sms.says("hello")
    await on_sms.hears("33 weeks")
    await world.settled()
    assert sum("computer, not a person" in t for t in on_sms.texts()) == 1


async def test_telegram_cannot_be_asked_so_twice_is_better_than_never(
    world: World, on_telegram: OnTelegram
) -> None:
    world.telegram.faults.queued = ["lost"]
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    await world.settled()
    assert sum("computer, not a person" in t for t in on_telegram.texts()) == 2  # as docs/channels.md says


async def test_who_blocked_us_gets_nothing_and_nobody_tries_for_ever(
    world: World, on_telegram: OnTelegram
) -> None:
    world.telegram.chat(TELEGRAM_PERSON).blocked = True
    await on_telegram.says("hello")
    # Before the answer is there, nothing is due either: only a failure shows that it was tried.
    counts: dict[DeliveryState, int] = {}
    async with asyncio.timeout(world.waits):
        while not counts.get(DeliveryState.FAILED) or counts[DeliveryState.PENDING]:
            counts = await world.app[OUTBOX].counts("telegram")
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("knows_before", [True, False], ids=["by our clock", "by Meta's word"])
async def test_outside_24_hours_a_template_asks_once_and_the_answer_waits(
    world: World, on_whatsapp: OnWhatsApp, knows_before: bool
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    await world.settled()
    conversation = await world.conversation(on_whatsapp)
    assert conversation is not None
    if knows_before:
        async with world.store.database.writing() as session:
            past = datetime.now(UTC) - timedelta(hours=25)
            await session.execute(update(Recipient).values(heard_at=past))
    world.whatsapp.window_open = lambda _number: False
    adviser, _ = await world.store.add_adviser("Sam Smith")
    await world.store.escalate(
        conversation.id, reason="asked", priority=Priority.NORMAL, summary={}, who="user"
    )
    await world.store.claim(conversation.id, adviser.id)
    await world.store.append_adviser(conversation.id, adviser.id, "One")
    await world.store.append_adviser(conversation.id, adviser.id, "Two")
    await world.until(lambda: any(m["type"] == "template" for m in world.whatsapp.sent))
    await asyncio.sleep(0.3)
    assert sum(m["type"] == "template" for m in world.whatsapp.sent) == 1
    assert not any("One" in t for t in on_whatsapp.texts())
    # That the template has arrived is not that the words behind it have.
    [template] = [m for m in world.whatsapp.sent if m["type"] == "template"]
    for status in ("sent", "delivered"):
        assert (await world.tell_whatsapp(world.whatsapp.status(template, status))).status == 200
    assert (await world.store.deliveries(conversation.id))[DeliveryState.PENDING] == 2

    world.whatsapp.window_open = lambda _number: True
    await on_whatsapp.says("yes?")
    await on_whatsapp.hears("Sam: Two")
    texts = on_whatsapp.texts()
    assert texts.index("Sam: One") < texts.index("Sam: Two")
    assert await world.app[RECIPIENTS].get(conversation.id) is not None


def refused_late(world: World, sent: dict[str, Any]) -> dict[str, Any]:
    """The status that tells of it, as Meta's page on error codes has it."""
    error = {
        "code": 131047,
        "title": "Re-engagement message",
        "message": "Re-engagement message",
        "error_data": {"details": "More than 24 hours have passed since the recipient last replied"},
    }
    return world.whatsapp.status(sent, "failed", errors=[error])


async def _two_words_of_an_adviser(world: World, on_whatsapp: OnWhatsApp) -> tuple[str, list[dict[str, Any]]]:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    await world.settled()
    chat, adviser = await world.with_adviser(on_whatsapp)
    await world.store.append_adviser(chat, adviser, "One")
    await world.store.append_adviser(chat, adviser, "Two")
    await on_whatsapp.hears("Sam: Two")
    await world.settled()
    words = [m for m in world.whatsapp.sent if m["type"] == "text" and m["text"]["body"].startswith("Sam:")]
    return chat, words


async def test_what_whatsapp_refuses_late_waits_and_comes_in_order_once_the_person_writes(
    world: World, on_whatsapp: OnWhatsApp
) -> None:
    chat, (one, two) = await _two_words_of_an_adviser(world, on_whatsapp)
    before = len(world.whatsapp.sent)
    world.whatsapp.window_open = lambda _number: False
    for sent in (two, one, one, two):  # told twice, and in another order
        assert (await world.tell_whatsapp(refused_late(world, sent))).status == 200
    await world.until(lambda: any(m["type"] == "template" for m in world.whatsapp.sent))
    await asyncio.sleep(0.5)
    # One template; and nothing was tried that Meta would refuse again.
    assert [m["type"] for m in world.whatsapp.sent[before:]] == ["template"]
    assert (await world.store.deliveries(chat))[DeliveryState.PENDING] == 2

    world.whatsapp.window_open = lambda _number: True
    heard = len(on_whatsapp.texts())
    await on_whatsapp.says("yes?")
    await on_whatsapp.hears("Sam: Two", heard)
    await world.settled()
    assert [t for t in on_whatsapp.texts()[heard:] if t.startswith("Sam: ")] == ["Sam: One", "Sam: Two"]
    # A status of the first attempt that comes later still changes nothing.
    assert (await world.tell_whatsapp(refused_late(world, one))).status == 200
    await world.settled()
    assert on_whatsapp.texts().count("Sam: One") == 2


async def test_a_late_refusal_does_not_hold_what_is_said_after_the_person_wrote(
    world: World, on_whatsapp: OnWhatsApp
) -> None:
    _, (one, _) = await _two_words_of_an_adviser(world, on_whatsapp)
    await on_whatsapp.says("are you there")
    await world.settled()
    assert (await world.tell_whatsapp(refused_late(world, one))).status == 200
    await world.until(lambda: on_whatsapp.texts().count("Sam: One") == 2)
    assert not any(m["type"] == "template" for m in world.whatsapp.sent)


async def test_words_that_have_arrived_are_not_kept_and_not_sent_again(
    world: World, on_whatsapp: OnWhatsApp
) -> None:
    chat, (one, _) = await _two_words_of_an_adviser(world, on_whatsapp)
    assert any("Sam: One" in str(e.payload) for e in await world.app[OUTBOX].entries(chat))
    assert (await world.tell_whatsapp(world.whatsapp.status(one, "delivered"))).status == 200
    assert not any("Sam: One" in str(e.payload) for e in await world.app[OUTBOX].entries(chat))
    assert (await world.tell_whatsapp(refused_late(world, one))).status == 200
    await world.settled()
    assert on_whatsapp.texts().count("Sam: One") == 1
    assert not any(m["type"] == "template" for m in world.whatsapp.sent)


class TestWithoutATemplate:
    @pytest.fixture
    def channel_settings(self, channel_settings: dict[str, Any]) -> dict[str, Any]:
        return {**channel_settings, "whatsapp_template": ""}

    async def test_what_is_refused_late_has_failed_and_the_adviser_sees_it(
        self, world: World, on_whatsapp: OnWhatsApp
    ) -> None:
        chat, (one, _) = await _two_words_of_an_adviser(world, on_whatsapp)
        assert (await world.tell_whatsapp(refused_late(world, one))).status == 200
        states = await world.store.deliveries(chat)
        assert states[DeliveryState.FAILED] == 1
        assert delivery_in_words(states) == "1 message could not be delivered to their phone."
        assert not any("Sam: One" in str(e.payload) for e in await world.app[OUTBOX].entries(chat))


@pytest.mark.timeout(240)
async def test_nothing_overtakes_what_is_tried_again_whoever_says_it_and_whatever_is_killed(
    bot: StandInBot, tmp_path: Path
) -> None:
    """The provider's server is gone, an adviser takes over and writes, the gateway is killed meanwhile."""
    telegram = TelegramStandIn("123456:ABC-DEF")
    provider_port, url = free_port(), f"sqlite:///{tmp_path}/conversations.sqlite3"
    gateway = Gateways(
        {
            **os.environ,
            "HELPLINE_CONVERSATIONS_URL": url,
            "HELPLINE_KNOWLEDGE_URL": f"sqlite:///{tmp_path}/knowledge.sqlite3",
            "HELPLINE_BOT_URL": bot.url,
            "HELPLINE_SECRET_KEYS": new_key(),
            "HELPLINE_PUBLIC_URL": "https://helpline.example",
            "HELPLINE_TELEGRAM_TOKEN": "123456:ABC-DEF",
            "HELPLINE_TELEGRAM_WEBHOOK_SECRET": TELEGRAM_SECRET,
            "HELPLINE_TELEGRAM_API_URL": f"http://127.0.0.1:{provider_port}",
            # Sam has no desk open here, and what was under way at the kill is tried again a minute later.
            "HELPLINE_ADVISER_UNSEEN_SECONDS": "600",
        },
        ports=[free_port()],
    )
    [port] = gateway.ports

    async def says(session: aiohttp.ClientSession, words: str) -> None:
        async with session.post(
            f"http://127.0.0.1:{port}/channels/telegram/webhook",
            json=telegram.write(TELEGRAM_PERSON, words),
            headers={"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET},
        ) as response:
            assert response.status == 202

    async def arrives(words: str) -> None:
        async with asyncio.timeout(120):
            while not any(words in m["text"] for m in telegram.shown(TELEGRAM_PERSON)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def logged(words: str) -> str:
        async with asyncio.timeout(20):
            while True:
                chat = await store.of_sender("telegram", str(TELEGRAM_PERSON))
                if chat and any(words in m.text for m in await store.messages(chat.id)):
                    return chat.id
                await asyncio.sleep(0.05)

    bot.replies = lambda said: [{"text": f"Answer to {said}."}]
    store = open_store(url)
    await gateway.start(port)
    try:
        async with aiohttp.ClientSession() as session:
            async with provider(telegram, provider_port):
                await says(session, "hello")
                await arrives("Answer to hello.")
            await says(session, "one")
            chat = await logged("Answer to one.")
            sam, _ = await store.add_adviser("Sam Surname")
            await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
            await store.claim(chat, sam.id)
            await store.append_adviser(chat, sam.id, "First words.")
            await gateway.kill(port)
            await store.append_adviser(chat, sam.id, "Second words.")
            await gateway.start(port)
            await says(session, "two, for Sam")
            await store.append_adviser(chat, sam.id, "Third words.")
            async with provider(telegram, provider_port):
                await arrives("Third words.")
        shown = [m["text"] for m in telegram.shown(TELEGRAM_PERSON)]
        said = [m.text for m in await store.messages(chat) if m.role is not Role.USER and not m.private]
    finally:
        await gateway.stop()
        await store.database.close()
    assert len(shown) == len(said) >= 6
    for bubble, words in zip(shown, said, strict=True):
        assert words.split("\n", 1)[0] in bubble  # each once, in the order in which it was said
    assert shown[-1] == "Sam: Third words."
    assert gateway.kills == 1


@asynccontextmanager
async def provider(telegram: TelegramStandIn, port: int) -> AsyncGenerator[None]:
    """Telegram's server; before and after it nobody listens there."""
    app = web.Application()
    telegram.add_routes(app)
    async with TestServer(app, port=port):
        yield
