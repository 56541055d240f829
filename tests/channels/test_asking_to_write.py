"""Outside WhatsApp's 24 hours: a person is asked to write once, whichever gateways want to ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import update

from conversations.log import Draft
from conversations.models import DeliveryState, Recipient
from tests.channels.conftest import WHATSAPP_PERSON, OnWhatsApp, World, on_each
from tests.channels.test_faults import refused_late

PEOPLE = 8


def _said(world: World, person: OnWhatsApp, words: str) -> list[dict[str, Any]]:
    """What was sent to a person with exactly these words, in order."""
    texts = [m for m in world.whatsapp.sent if m["to"] == person.address and m["type"] == "text"]
    return [m for m in texts if m["text"]["body"] == words]


def _templates(world: World) -> Counter[str]:
    return Counter(m["to"] for m in world.whatsapp.sent if m["type"] == "template")


@on_each
async def test_of_two_gateways_one_asks_and_what_both_hold_comes_in_order(world: World) -> None:
    people = [OnWhatsApp(world) for _ in range(PEOPLE)]
    for number, person in enumerate(people):
        person.address = f"{int(WHATSAPP_PERSON) + number}"
        await person.says("hello")
    await world.until(lambda: len(world.bot.heard) == PEOPLE)
    await asyncio.sleep(0.3)
    chats = []
    for person in people:
        chat = await world.conversation(person)
        assert chat is not None
        chats.append(chat.id)
        for words in ("One", "Two"):
            await world.store.append_assistant(chat.id, [Draft(text=words)])
    await world.until(lambda: all(_said(world, person, "Two") for person in people))
    await world.settled()

    world.whatsapp.window_open = lambda _number: False
    world.whatsapp.template_takes = 0.5
    async with TestClient(TestServer(world.another())) as other:

        async def refuse(person: OnWhatsApp) -> None:
            """Both messages: one gateway asks because of the second when the other hears of the first."""
            [one], [two] = _said(world, person, "One"), _said(world, person, "Two")
            assert (await world.tell_whatsapp(refused_late(world, two))).status == 200
            await world.until(lambda: person.address in world.whatsapp.templates_begun)
            body, headers = world.whatsapp.signed(refused_late(world, one))
            response = await other.post("/channels/whatsapp/webhook", data=body, headers=headers)
            assert response.status == 200

        await asyncio.gather(*map(refuse, people))
        await world.until(lambda: len(_templates(world)) == PEOPLE)
        await asyncio.sleep(1.5)  # whoever came second has looked again
        assert set(_templates(world).values()) == {1}
        for chat_id in chats:
            assert (await world.store.deliveries(chat_id))[DeliveryState.PENDING] == 2

        world.whatsapp.window_open = lambda _number: True
        for person in people:
            await person.says("yes?")
        await world.until(lambda: all(len(_said(world, person, "Two")) == 2 for person in people))
        for person in people:
            assert len(_said(world, person, "One")) == 2
            again = [_said(world, person, words)[1] for words in ("One", "Two")]
            assert world.whatsapp.sent.index(again[0]) < world.whatsapp.sent.index(again[1])


async def test_who_cannot_be_asked_at_first_is_asked_again(world: World, on_whatsapp: OnWhatsApp) -> None:
    await _long_silent(world, on_whatsapp)
    world.whatsapp.faults.queued = ["500", "429"]
    chat, adviser = await world.with_adviser(on_whatsapp)
    await world.store.append_adviser(chat, adviser, "One")
    await world.until(lambda: _templates(world))
    assert world.whatsapp.faults.queued == []
    await asyncio.sleep(0.3)
    assert sum(_templates(world).values()) == 1


async def test_who_writes_while_they_are_being_asked_gets_what_waits(
    world: World, on_whatsapp: OnWhatsApp
) -> None:
    await _long_silent(world, on_whatsapp)
    world.whatsapp.template_takes = 1.0
    chat, adviser = await world.with_adviser(on_whatsapp)
    await world.store.append_adviser(chat, adviser, "One")
    await world.until(lambda: world.whatsapp.templates_begun)
    world.whatsapp.window_open = lambda _number: True
    await on_whatsapp.says("are you there")
    await on_whatsapp.hears("Sam: One")


async def _long_silent(world: World, person: OnWhatsApp) -> None:
    """Somebody who has written, more than 24 hours ago."""
    await person.says("hello")
    await person.hears("33 weeks")
    await world.settled()
    async with world.store.database.writing() as session:
        past = datetime.now(UTC) - timedelta(hours=25)
        await session.execute(update(Recipient).values(heard_at=past))
    world.whatsapp.window_open = lambda _number: False
