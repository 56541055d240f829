"""Somebody who sends very many messages: told once, kindly; nothing lost; danger always answered."""

from __future__ import annotations

import pytest

from conversations.models import Message, Role
from gateway.keys import CALL_BACKS, LIMITS, TURNS
from gateway.limits import LocalMeter
from gateway.settings import Settings
from gateway.turn import Turns
from tests.channels.conftest import OnSms, OnTelegram, OnWhatsApp, Person, World
from tests.gateway.conftest import FakeAssessment, FakeSafety

_MOST = 3
_KINDLY = "That's a lot of messages at once"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"messages_per_minute": _MOST})


async def _said(world: World, person: Person) -> list[str]:
    conversation = await world.conversation(person)
    assert conversation is not None
    return [m.text for m in await world.store.messages(conversation.id) if m.role is Role.USER]


async def test_too_many_are_kept_told_once_and_answered_again_later(
    world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"question {number}" for number in range(8)]
    for text in words:
        await person.says(text)
    await person.hears(_KINDLY)
    await world.settled()
    assert world.bot.texts == words[:_MOST]
    assert await _said(world, person) == words
    assert sum(_KINDLY in text for text in person.texts()) == 1

    # A minute later there is room again; whoever is too fast again is told again.
    clock = LocalMeter(lambda: 1e9)
    monkeypatch.setattr(world.app[LIMITS].messages, "_meter", clock)
    heard = len(person.texts())
    await person.says("and now?")
    await person.hears("33 weeks", heard)
    for number in range(_MOST + 2):
        await person.says(f"more {number}")
    await person.hears(_KINDLY, heard)
    await world.settled()
    assert sum(_KINDLY in text for text in person.texts()) == 2


async def test_danger_is_answered_however_many_come(world: World, person: Person) -> None:
    for number in range(_MOST + 2):
        await person.says(f"question {number}")
    for _ in range(2):
        heard = len(person.texts())
        await person.says("DANGER")
        await person.hears("Please get help now", heard)
    heard = len(person.texts())
    await person.says("HELP")
    await person.hears("Get help now", heard)
    await person.says("STOP")
    await person.hears("won't send you any more")


async def test_danger_that_is_told_line_by_line_is_seen_too(
    world: World, on_telegram: OnTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OverLines(FakeSafety):
        def assess(self, text: str) -> FakeAssessment:
            whole = "i want to" in text and "not be here" in text
            return FakeAssessment("crisis", "crisis_self_harm_suicide") if whole else super().assess(text)

    monkeypatch.setattr(world.app[TURNS], "_safety", OverLines())
    for text in ("a", "b", "c", "d", "i want to", "not be here"):
        await on_telegram.says(text)
    await on_telegram.hears("Please get help now")


async def test_an_adviser_sees_all_of_it_and_nothing_is_said_over_them(
    world: World, on_telegram: OnTelegram
) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    await world.with_adviser(on_telegram)
    words = [f"line {number}" for number in range(6)]
    for text in words:
        await on_telegram.says(text)
    await world.settled()
    assert (await _said(world, on_telegram))[1:] == words
    assert not any(_KINDLY in text for text in on_telegram.texts())


async def test_photos_and_buttons_count_and_are_in_the_log(world: World, on_whatsapp: OnWhatsApp) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    for number in range(_MOST):
        await on_whatsapp.says(f"question {number}")
    asked = len(world.bot.heard)
    await on_whatsapp.presses("And adults?")
    await on_whatsapp.sends_photo(caption="my letter")
    await world.settled()
    assert len(world.bot.heard) == asked
    assert (await _said(world, on_whatsapp))[-2:] == [
        "And adults?",
        "[The person sent a photo. It was not kept.] my letter",
    ]


async def test_one_person_s_haste_costs_nobody_else_an_answer(
    world: World, on_telegram: OnTelegram, on_sms: OnSms
) -> None:
    for number in range(_MOST + 3):
        await on_telegram.says(f"question {number}")
    await on_sms.says("how long is the wait")
    await on_sms.hears("33 weeks")


async def test_a_contact_for_a_call_back_is_taken_however_fast_it_comes(
    world: World, on_telegram: OnTelegram
) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    conversation = await world.conversation(on_telegram)
    assert conversation is not None
    call_backs = world.app[CALL_BACKS]
    draft = await call_backs.begin(conversation.id)
    await call_backs.tell(draft.id, how="email")
    for text in ("one", "two", "three", "four"):
        await on_telegram.says(text)
    await on_telegram.hears(_KINDLY)
    await on_telegram.says("sam@example.org")
    await on_telegram.hears("When is a good time")
    kept = await call_backs.of_chat(conversation.id)
    assert kept is not None
    known = await call_backs.known(kept)
    assert known["address"] == "sam@example.org"
    assert not any("sam@" in text for text in await _said(world, on_telegram))


async def test_what_is_too_much_is_not_answered_because_its_first_try_failed(
    world: World, on_telegram: OnTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"question {number}" for number in range(_MOST)]
    for text in words:
        await on_telegram.says(text)
    await world.until(lambda: len(world.bot.texts) == _MOST)
    really, failed = Turns._assess_burst, list[str]()

    async def fails_once(turns: Turns, history: list[Message]) -> object:
        if not failed:
            failed.append(history[-1].text)
            raise RuntimeError("a fault of our own")
        return await really(turns, history)

    monkeypatch.setattr(Turns, "_assess_burst", fails_once)
    await on_telegram.says("one too many")
    await on_telegram.hears(_KINDLY)
    await world.settled()
    assert failed == ["one too many"]
    assert world.bot.texts == words
