"""A whole conversation on each channel, in the providers' own wire format."""

from __future__ import annotations

import asyncio

from conversations.models import Owner
from tests.channels.conftest import OnSms, OnTelegram, OnWhatsApp, Person, World, on_each


@on_each
async def test_a_conversation_from_the_first_message_to_stop(world: World, person: Person) -> None:
    await person.says("how long is the wait in Derby?")

    intro = await person.hears("computer, not a person")
    assert "Advisers here can read" in intro  # who sees it, before anything is asked
    answer = await person.hears("33 weeks on average.")
    assert "From: The strategy" in answer
    assert person.texts().index(intro) < person.texts().index(answer)
    assert world.bot.heard[0]["metadata"]["young"] is True
    assert len(person.texts()) <= 3

    before = len(person.texts())
    await person.presses("And adults?")
    await person.hears("33 weeks", before)
    assert world.bot.texts[-1] == "/adults"

    before = len(person.texts())
    await person.says("DANGER")
    crisis = await person.hears("Please get help now", before)
    assert "000 111" in crisis
    assert "Young line" in crisis  # the lines for young people

    conversation = await world.conversation(person)
    assert conversation is not None
    # Advisers are told once the crisis reply is on its way.
    async with asyncio.timeout(world.waits):
        while conversation.owner is Owner.BOT:
            await asyncio.sleep(0.01)
            conversation = await world.store.get(conversation.id)
    adviser, _ = await world.store.add_adviser("Sam Smith")
    await world.store.claim(conversation.id, adviser.id)
    await world.store.append_adviser(conversation.id, adviser.id, "I am here. Are you safe?")
    await person.hears("Sam: I am here. Are you safe?")
    asked = len(world.bot.heard)
    await person.says("yes I am now")
    await world.until(lambda: True)
    said = [m.text for m in await world.store.messages(conversation.id)]
    assert said[-1] == "yes I am now"
    assert len(world.bot.heard) == asked  # the assistant says nothing while a person has the chat

    before = len(person.texts())
    if not isinstance(person, OnSms):
        await person.sends_photo()
        await person.hears("Sam can see your photo now", before)
        said = [m.text for m in await world.store.messages(conversation.id)]
        assert "[The person sent a photo.]" in said

    await person.says("STOP")
    await person.hears("won't send you any more", before)
    await world.settled()
    count = len(person.texts())
    await world.store.append_adviser(conversation.id, adviser.id, "Are you still there?")
    await world.settled()
    assert len(person.texts()) == count
    notes = await world.store.messages(conversation.id, include_private=True)
    assert any("does not reach them" in note.text for note in notes if note.private)

    await person.says("are you there")
    await person.hears("Welcome back", count)


async def test_one_person_has_one_conversation(world: World, person: Person) -> None:
    await person.says("hello")
    await person.says("and how long is it for adults?")
    await world.until(lambda: len(world.bot.heard) == 2)
    assert len({heard["sender"] for heard in world.bot.heard}) == 1


async def test_a_person_can_be_asked_for_and_no_longer_wanted(world: World, person: Person) -> None:
    world.bot.replies = [
        {"text": "I will ask a person."},
        {"custom": {"handoff": {"reason": "asked", "priority": "normal", "summary": {}}}},
    ]
    await person.says("PERSON")
    await person.hears("Is that all right?")
    await person.presses("Yes, pass it on")
    waiting = await person.hears("The answer will come here")
    assert "Keep this page open" not in waiting
    conversation = await world.conversation(person)
    assert conversation is not None
    assert conversation.owner is Owner.QUEUED
    await person.presses("I no longer need a person")
    await person.hears("no longer waiting")


async def test_help_names_whom_to_call_first(person: Person) -> None:
    await person.says("HELP")
    said = await person.hears("Get help now")
    assert said.index("000 111") < said.index("STOP")


async def test_delete_removes_everything_and_says_so(world: World, person: Person) -> None:
    await person.says("my name is Alex and I feel low")
    await person.hears("33 weeks")
    assert await world.conversation(person) is not None
    await person.says("Delete")
    await person.hears("We deleted our copy")
    assert await world.conversation(person) is None
    await world.until(lambda: world.bot.forgotten)


async def test_who_sees_this_is_answered_with_its_limits(world: World, person: Person) -> None:
    await person.says("will you tell my mum?")
    answer = await person.hears("There is one limit")
    assert "danger" in answer
    await person.says("who can see this")
    await person.hears("You can see it")
    assert world.bot.heard == []


async def test_danger_goes_before_a_question_about_secrecy(person: Person) -> None:
    await person.says("don't tell my mum but DANGER")
    await person.hears("Please get help now")


async def test_without_rasa_a_crisis_message_still_gets_the_numbers(world: World, person: Person) -> None:
    world.bot.fault = "500"
    await person.says("DANGER")
    assert "000 111" in await person.hears("Please get help now")
    await person.says("how long is the wait")
    await person.hears("could not work out an answer")


async def test_easy_read_is_remembered(world: World, person: Person) -> None:
    await person.says("easy read")
    await person.hears("33 weeks.")
    before = len(person.texts())
    await person.says("how long is the wait")
    await person.hears("33 weeks.", before)
    assert not any("on average" in text for text in person.texts())
    world.bot.replies = [
        {"text": "33 weeks on average."},
        {"custom": {"easy_read": "33 weeks."}},
        {"text": "It does not say how that is counted."},
        {"custom": {"easy_read": ""}},  # said already
    ]
    before = len(person.texts())
    await person.says("once more")
    await person.hears("33 weeks.", before)
    await world.settled()
    assert len(person.texts()) == before + 1
    before = len(person.texts())
    await person.says("normal")
    await person.says("how long is the wait")
    await person.hears("on average", before)


async def test_emoji_are_understood(world: World, person: Person) -> None:
    await person.says("😭😭")
    await person.hears("hard moment")
    await person.says("🆘")
    await person.hears("Are you in danger")
    assert world.bot.heard == []


async def test_a_child_under_13_is_asked_for_nothing_and_told_once(world: World, person: Person) -> None:
    await person.says("I'm 11 and school is loud")
    await person.hears("don't send me your name")
    await person.says("I'm 11 yes")
    await world.until(lambda: len(world.bot.heard) == 2)
    await world.settled()
    assert sum("don't send me your name" in text for text in person.texts()) == 1


async def test_a_parent_is_not_taken_for_a_child(world: World, person: Person) -> None:
    await person.says("my son is 7, how long is the wait")
    await world.until(lambda: world.bot.heard)
    assert world.bot.heard[0]["metadata"]["young"] is False


async def test_a_long_answer_is_at_most_three_messages_with_a_way_to_the_rest(
    world: World, on_telegram: OnTelegram
) -> None:
    world.bot.replies = [{"text": "\n\n".join(f"Part {n}. " + "Words go on here. " * 30 for n in range(6))}]
    await on_telegram.says("tell me everything")
    await on_telegram.hears("Part 1.")
    await world.settled()
    assert len(on_telegram.texts()) == 3  # the intro and two
    assert all(len(text) <= 700 for text in on_telegram.texts())
    await on_telegram.presses("Show me more")
    await on_telegram.hears("Part 4.")
    await on_telegram.presses("Show me more")
    await on_telegram.hears("Part 5.")
    await world.settled()
    whole = " ".join(on_telegram.texts()[1:])
    assert [whole.count(f"Part {n}.") for n in range(6)] == [1] * 6


async def test_a_long_text_message_ends_with_a_sentence_and_a_link_to_the_rest(
    world: World, on_sms: OnSms
) -> None:
    world.bot.replies = [{"text": "This is a sentence of the answer. " * 40}]
    await on_sms.says("tell me everything")
    text = await on_sms.hears("The rest: https://helpline.example/continue/")
    assert len(text) <= 459
    assert text.partition("\nThe rest:")[0].endswith("answer.")


async def test_buttons_keep_within_what_whatsapp_takes(world: World, on_whatsapp: OnWhatsApp) -> None:
    titles = [f"A rather long title of a choice, number {n}" for n in range(14)]
    world.bot.replies = [
        {"text": "Choose.", "buttons": [{"title": t, "payload": f"/c{n}"} for n, t in enumerate(titles)]}
    ]
    await on_whatsapp.says("what can I ask")
    await on_whatsapp.hears("Choose.")
    sent = world.whatsapp.sent[-1]["interactive"]
    assert sent["type"] == "list"
    await on_whatsapp.presses(titles[3])
    await world.until(lambda: "/c3" in world.bot.texts)
