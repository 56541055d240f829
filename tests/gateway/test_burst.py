"""Danger that is sent line by line is seen, once; and harmless lines stay harmless."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import update

from conversations.log import Draft, utc_now
from conversations.models import Message
from conversations.store import Store, open_store
from gateway.app import init_app
from gateway.safety import SafetyCheck
from gateway.settings import Settings
from tests.gateway.conftest import Chat, FakeCrisis, StandInBot


@pytest.fixture(scope="session")
def check() -> SafetyCheck:
    return SafetyCheck.load()


def gateway(settings: Settings, check: SafetyCheck) -> web.Application:
    return init_app(
        settings,
        load_safety=lambda: check,
        load_crisis=lambda _url: FakeCrisis(),
        load_areas=lambda _url: frozenset({"derbyshire"}),
    )


@pytest_asyncio.fixture
async def client(
    settings: Settings, check: SafetyCheck
) -> AsyncGenerator[TestClient[web.Request, web.Application]]:
    """A running gateway with the real safety check."""
    async with TestClient(TestServer(gateway(settings, check))) as running:
        yield running


async def alarms(chat: Chat, lines: list[str]) -> list[str]:
    """The lines that were answered with a crisis reply."""
    return [
        line for line in lines if any(r["cards"] and r["topic"] in _DANGERS for r in await chat.say(line))
    ]


_DANGERS = (
    "crisis_self_harm_suicide",
    "crisis_abuse_safeguarding",
    "crisis_violence_danger",
    "crisis_missing",
    "medical_emergency",
)


@pytest.mark.parametrize(
    "lines",
    [
        ["i have", "the tablets", "next to me"],
        ["i dont want", "to be", "here anymore"],
        ["my dad", "keeps", "hitting me"],
        ["i want", "to end", "it all"],
        ["i want", "to kill", "my self"],
        ["she wants", "to", "die"],
        ["he touched", "me", "down there"],
        ["he is", "strangling", "her"],
        ["my mum", "locks me", "in the cupboard"],
    ],
)
async def test_danger_that_is_sent_line_by_line_is_seen_once(
    chat: Chat, check: SafetyCheck, lines: list[str]
) -> None:
    assert all(check.assess(line).level != "crisis" for line in lines)
    assert len(await alarms(chat, [*lines, "are you there"])) == 1


@pytest.mark.parametrize(
    "lines",
    [
        ["hi", "how long", "is the wait", "in derby"],
        ["my son", "is 6", "school say", "he needs a referral"],
        ["thanks", "and for adults", "how do i contact them"],
        ["what is", "an ehcp", "plan", "please"],
        ["do i have", "to pay", "for the assessment"],
        ["he wont", "go to school", "what can", "i do about the fine"],
        ["we are in", "chesterfield", "is there", "a parent group"],
        ["the form", "is 20 pages", "who can help", "me with it"],
    ],
)
async def test_harmless_lines_stay_harmless(chat: Chat, lines: list[str]) -> None:
    assert await alarms(chat, lines) == []


async def test_the_alarm_tells_advisers_how_many_messages_it_took_and_the_reply_fits_the_age(
    chat: Chat, store: Store
) -> None:
    assert await alarms(chat, ["im 12", "my dad", "keeps", "hitting me"]) == ["hitting me"]

    history = await store.messages(chat.id, include_private=True)
    [alert] = [m for m in history if m.private]
    assert alert.meta["reason"].startswith("4 messages together: ")
    [crisis] = [m for m in history if any(card.get("kind") == "crisis" for card in m.cards)]
    assert ", 12)" in crisis.text


async def test_an_answered_crisis_is_over_and_what_follows_is_not_joined_to_it(chat: Chat) -> None:
    assert await alarms(chat, ["i want to kill myself", "tonight"]) == ["i want to kill myself"]
    assert await alarms(chat, ["my mum is here now", "thank you"]) == []
    assert await alarms(chat, ["my dad", "keeps", "hitting me"]) == ["hitting me"]


async def test_another_danger_right_after_an_answered_one_is_seen_too(chat: Chat) -> None:
    lines = ["i want to kill myself", "my dad", "keeps", "hitting me"]
    assert await alarms(chat, lines) == ["i want to kill myself", "hitting me"]


async def test_a_button_ends_no_burst_and_is_no_line_of_one(chat: Chat, bot: StandInBot) -> None:
    bot.replies = [{"text": "Yes?", "buttons": [{"title": "hitting me", "payload": "/hitting"}]}]
    await chat.say("my dad")
    await chat.say("keeps")
    replies = await chat.press("/hitting")
    assert replies[0]["text"] == "Yes?"
    assert await alarms(chat, ["hitting me"]) == []


async def test_lines_that_are_far_apart_are_not_joined(chat: Chat, store: Store) -> None:
    await chat.say("my dad")
    await chat.say("keeps")
    async with store.database.writing() as session:
        long_ago = utc_now() - timedelta(minutes=5)
        await session.execute(
            update(Message).where(Message.conversation_id == chat.id).values(created_at=long_ago)
        )
    assert await alarms(chat, ["hitting me"]) == []


async def test_a_burst_is_seen_across_a_restart_and_not_a_second_time(
    settings: Settings, check: SafetyCheck
) -> None:
    store = open_store(settings.conversations_url)
    created = await store.create("web")
    for number, line in enumerate(["my dad", "keeps"]):
        said = await store.append_user(created.conversation.id, f"b{number}", line)
        await store.append_assistant(
            created.conversation.id, [Draft(text="Sorry?")], reply_to=said.message.seq
        )
    await store.database.close()

    async with TestClient(TestServer(gateway(settings, check))) as client:
        first = Chat(client, created.conversation.id, created.token)
        assert await alarms(first, ["hitting me"]) == ["hitting me"]
    async with TestClient(TestServer(gateway(settings, check))) as client:
        again = Chat(client, created.conversation.id, created.token, count=10)
        assert await alarms(again, ["a lot"]) == []
