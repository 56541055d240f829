"""What a person who says something relies on: an answer, an honest line, or help in danger; never silence."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from conversations.errors import StoreUnavailable
from conversations.models import Owner, Priority, Role
from conversations.store import Store
from gateway import keys
from tests.gateway.conftest import Chat, FakeAssessment, FakeSafety, StandInBot

#: What people send that is no question, and a word of the reply that was thought of for it.
CONSIDERED = {
    "": "empty",
    "   \n ": "empty",
    "😀😀": "only read words",
    "...": "only read words",
    "/": "only read words",
    "<br><br>": "computer code",
    "<script>alert(1)</script>": "computer code",
    "Jak długo trzeba czekać na diagnozę dla mojego syna, proszę o pomoc": "Rozumiem tylko angielski",
    "كم تستغرق قائمة الانتظار للتشخيص": "أفهم الإنجليزية فقط",
    "我的孩子需要等多久": "我只能看懂英文",
    "х" * 30: "only read English",
    "word " * 1000: "one thing you want to know",
}


async def test_an_answer_comes_with_all_that_belongs_to_it(chat: Chat, bot: StandInBot) -> None:
    [reply] = await chat.say("How long is the wait?")

    assert reply["text"] == "33 weeks on average."
    assert reply["role"] == "assistant"
    assert reply["topic"] == "wait_time"
    assert reply["easy_read"] == "33 weeks."
    assert reply["sources"] == [{"title": "The strategy", "published": "2022-12"}]
    assert reply["cards"][0]["title"] == "A service"
    assert reply["buttons"] == [{"title": "And adults?", "payload": "/adults"}]
    assert bot.heard[0]["sender"] == chat.id


@pytest.mark.parametrize(("text", "word"), CONSIDERED.items(), ids=range(len(CONSIDERED)))
async def test_what_is_no_question_gets_a_reply_of_its_own(
    chat: Chat, bot: StandInBot, text: str, word: str
) -> None:
    [reply] = await chat.say(text)

    assert word in reply["text"]
    assert bot.heard == []
    assert (await chat.read())["messages"][-2]["text"] == text  # logged as it came


@pytest.mark.parametrize(
    ("text", "for_bot"),
    [
        ("/restart", "restart"),
        ("  //wait_time{}", "wait_time{}"),
        ("<b>how long</b> is <i>it</i>", "how long  is  it"),
        ("is 3 < 5 and 5 > 3?", "is 3 < 5 and 5 > 3?"),
        ("👍🏽", "yes"),
        ("7", "7"),
        ("Où est Ross-on-Wye", "Où est Ross-on-Wye"),
    ],
)
async def test_the_bot_gets_plain_text_and_never_a_command(
    chat: Chat, bot: StandInBot, text: str, for_bot: str
) -> None:
    await chat.say(text)

    assert [" ".join(t.split()) for t in bot.texts] == [" ".join(for_bot.split())]
    assert (await chat.read())["messages"][-2]["text"] == text


@pytest.mark.parametrize("fault", ["500", "hang", "empty", "not json", "not a list"])
async def test_when_the_bot_fails_there_is_an_honest_line_and_a_way_to_a_person(
    chat: Chat, bot: StandInBot, fault: str
) -> None:
    bot.fault = fault

    [reply] = await chat.say("How long is the wait?")

    assert "could not work out an answer" in reply["text"]
    assert [b["title"] for b in reply["buttons"]] == ["Try again", "Talk to a person"]
    metrics = await (await chat.client.get("/metrics")).text()
    assert 'helpline_turns_total{outcome="bot_failed"} 1.0' in metrics
    assert "helpline_bot_failures_total{kind=" in metrics


async def test_try_again_asks_the_same_question_once_the_bot_is_back(chat: Chat, bot: StandInBot) -> None:
    bot.fault = "500"
    await chat.say("How long is the wait?")
    await chat.press("/try_again")
    bot.fault = None

    [reply] = await chat.press("/try_again")

    assert reply["text"] == "33 weeks on average."
    assert bot.texts == ["How long is the wait?"] * 3


async def test_a_message_sent_twice_is_answered_once_also_while_the_first_is_under_way(
    chat: Chat, bot: StandInBot
) -> None:
    bot.slow = 0.3

    first, second = await asyncio.gather(
        chat.post(text="hello", client_message_id="same"), chat.post(text="hello", client_message_id="same")
    )
    third = await chat.post(text="hello", client_message_id="same")

    assert len(bot.heard) == 1
    bodies = [await response.json() for response in (first, second, third)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert len(bodies[0]["replies"]) == 1


async def test_turns_are_taken_one_at_a_time_and_in_order(chat: Chat, bot: StandInBot) -> None:
    bot.slow = 0.05
    bot.replies = lambda text: [{"text": f"answer to {text}"}]

    await asyncio.gather(*(chat.say(f"q{n}") for n in range(6)))

    messages = (await chat.read())["messages"]
    asked = [m["text"] for m in messages if m["role"] == "user"]
    answered = [m["text"] for m in messages if m["role"] == "assistant" and m["reply_to"]]
    assert answered == [f"answer to {text}" for text in asked]
    assert bot.texts == asked


async def test_an_impatient_caller_does_not_stop_the_turn(chat: Chat, bot: StandInBot) -> None:
    bot.slow = 0.3
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(chat.post(text="hello", client_message_id="c-x"), 0.1)
    await asyncio.sleep(0.5)

    again = await (await chat.post(text="hello", client_message_id="c-x")).json()

    assert again["replies"][0]["text"] == "33 weeks on average."
    assert len(bot.heard) == 1


# -- buttons ---------------------------------------------------------------------------------------


async def test_a_button_goes_to_the_bot_as_its_payload_and_into_the_log_as_its_title(
    chat: Chat, bot: StandInBot
) -> None:
    await chat.say("How long?")
    await chat.press("/adults")

    assert bot.texts[-1] == "/adults"
    users = [m["text"] for m in (await chat.read())["messages"] if m["role"] == "user"]
    assert users == ["How long?", "And adults?"]


async def test_a_question_that_is_offered_is_asked_in_its_own_words_and_refused_when_it_was_not(
    chat: Chat, bot: StandInBot
) -> None:
    question = "How long do adults wait?"
    bot.replies = [{"text": "33 weeks.", "buttons": [{"title": question, "payload": question}]}]
    await chat.say("How long?")
    await chat.press(question)

    assert bot.texts[-1] == question
    users = [m["text"] for m in (await chat.read())["messages"] if m["role"] == "user"]
    assert users == ["How long?", question]
    assert (await chat.post(payload="Another question?")).status == 422


async def test_the_bot_is_told_what_was_pressed_and_not_what_was_typed(chat: Chat, bot: StandInBot) -> None:
    question = "My child is 10. How long do we wait?"
    bot.replies = [{"text": "33 weeks.", "buttons": [{"title": question, "payload": question}]}]
    await chat.say("How long?")
    await chat.press(question)
    await chat.say(question)

    assert [body["metadata"].get("pressed") for body in bot.heard] == [None, True, None]


async def test_a_payload_that_was_never_offered_is_refused_and_not_logged(
    chat: Chat, bot: StandInBot
) -> None:
    response = await chat.post(payload="/restart")

    assert response.status == 422
    assert (await response.json())["code"] == "payload_not_offered"
    assert bot.heard == []
    assert all(m["role"] != "user" for m in (await chat.read())["messages"])


# -- danger ----------------------------------------------------------------------------------------


async def test_danger_gets_the_numbers_first_and_at_once_without_the_bot(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    replies = await chat.say("DANGER")

    crisis = replies[0]
    assert "000" in crisis["text"]
    assert "000 111" in crisis["text"]
    assert crisis["cards"][0]["kind"] == "crisis"
    assert crisis["cards"][0]["contacts"][0]["phone"] == "000"
    assert {"title": "Talk to a person", "payload": "/human_request"} in crisis["buttons"]
    assert crisis["topic"] == "crisis_self_harm_suicide"
    assert "do not wait" in replies[1]["text"]
    assert bot.heard == []
    escalation = await store.escalation(chat.id)
    assert escalation is not None
    assert escalation.priority is Priority.CRISIS


@pytest.mark.parametrize("fault", ["500", "hang", "empty"])
async def test_danger_is_answered_while_the_bot_is_down(chat: Chat, bot: StandInBot, fault: str) -> None:
    bot.fault = fault
    assert "000" in (await chat.say("DANGER"))[0]["text"]


async def test_the_crisis_reply_fits_the_danger_the_area_and_the_age(
    client: TestClient[web.Request, web.Application],
) -> None:
    created = await (await client.post("/api/v1/conversations", json={"area": "derbyshire"})).json()
    chat = Chat(client, created["id"], created["token"])

    [crisis, _] = await chat.say("I'm 13 and DANGER:crisis_missing")

    assert "(crisis_missing, derbyshire, 13)" in crisis["text"]
    assert crisis["cards"][0]["contacts"][1]["name"] == "Young line"


async def test_a_second_message_of_danger_gets_its_numbers_but_not_the_notice_again(chat: Chat) -> None:
    await chat.say("DANGER")
    assert [r["topic"] for r in await chat.say("DANGER")] == ["crisis_self_harm_suicide"]


async def test_danger_that_the_dialogue_model_saw_is_queued_as_a_crisis_too(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    bot.replies = [
        {"text": "Get help now."},
        {"custom": {"topic": "crisis_missing", "cards": [{"kind": "crisis", "contacts": []}]}},
    ]
    await chat.say("she has not come home")

    escalation = await store.escalation(chat.id)
    assert escalation is not None
    assert escalation.priority is Priority.CRISIS


async def test_danger_does_not_wait_for_questions_that_the_bot_hangs_on(
    chat: Chat,
    client: TestClient[web.Request, web.Application],
    bot: StandInBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert client.app is not None
    monkeypatch.setattr(
        client.app[keys.BOT], "_timeout", 3.0
    )  # longer than the slowest machine takes for a reply
    bot.fault = "hang"
    pending = [asyncio.create_task(chat.say(f"q{n}")) for n in range(2)]
    await asyncio.sleep(0.2)

    replies = await chat.say("DANGER")

    assert not any(task.done() for task in pending)
    assert "000" in replies[0]["text"]
    await asyncio.gather(*pending)
    assert sum(bool(m["cards"]) for m in (await chat.read())["messages"]) == 1


async def test_a_message_of_danger_sent_again_gets_the_same_replies_and_no_second_crisis_reply(
    chat: Chat,
) -> None:
    answers = [
        await (await chat.post(text="DANGER", client_message_id="same")).json(),
        await (await chat.post(text="DANGER", client_message_id="same")).json(),
    ]

    assert answers[0] == answers[1]
    assert len(answers[0]["replies"]) == 2
    assert sum(bool(m["cards"]) for m in (await chat.read())["messages"]) == 1


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), RuntimeError("a bug")])
async def test_the_numbers_are_shown_when_advisers_cannot_be_told(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(store, "escalate", fails)

    [crisis] = await chat.say("DANGER")

    assert crisis["topic"] == "crisis_self_harm_suicide"


async def test_the_safety_check_has_threads_of_its_own(chat: Chat) -> None:
    loop, over = asyncio.get_running_loop(), threading.Event()
    slow = [loop.run_in_executor(None, over.wait) for _ in range(100)]  # more than there are common threads
    try:
        async with asyncio.timeout(60):  # waiting for one of them has no end
            [crisis, *_] = await chat.say("DANGER")
        assert crisis["topic"] == "crisis_self_harm_suicide"
    finally:
        over.set()
        await asyncio.gather(*slow)


async def test_the_numbers_do_not_wait_for_advisers_being_told(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    escalate = store.escalate

    async def slowly(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(0.5)
        return await escalate(*args, **named)

    monkeypatch.setattr(store, "escalate", slowly)
    monkeypatch.setattr("gateway.turn._ESCALATION_SECONDS", 0.1)

    assert len(await chat.say("DANGER")) == 1
    await asyncio.sleep(0.7)
    assert await store.escalation(chat.id) is not None
    assert "do not wait" in (await chat.read())["messages"][-1]["text"]


async def test_what_is_tried_again_is_checked_again(
    chat: Chat, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.fault = "500"
    with monkeypatch.context() as broken:
        broken.setattr(FakeSafety, "assess", lambda _self, _text: FakeAssessment("safe"))
        await chat.say("DANGER")

    assert (await chat.press("/try_again"))[0]["topic"] == "crisis_self_harm_suicide"


async def test_distress_gets_one_warm_line_and_the_answer(chat: Chat) -> None:
    first = await chat.say("DISTRESS how long is it")
    second = await chat.say("DISTRESS how long is it")

    assert "sounds very hard" in first[0]["text"]
    assert first[0]["buttons"][0]["payload"] == "/human_request"
    assert first[1]["text"] == second[0]["text"] == "33 weeks on average."


async def test_a_broken_safety_check_does_not_cost_the_answer_and_is_counted(chat: Chat) -> None:
    assert (await chat.say("BROKEN"))[0]["text"] == "33 weeks on average."
    assert "helpline_safety_failures_total 1.0" in await (await chat.client.get("/metrics")).text()


# -- a person --------------------------------------------------------------------------------------


async def with_adviser(store: Store, chat: Chat) -> str:
    adviser, _ = await store.add_adviser("Sam")
    await store.escalate(chat.id, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat.id, adviser.id)
    return adviser.id


HANDOFF: list[dict[str, Any]] = [
    {"text": "Yes. You can talk to a person."},
    {"custom": {"handoff": {"reason": "asked", "priority": "high", "summary": {"asked": ["waits"]}}}},
]


async def test_asking_for_a_person_is_saved_and_the_truth_is_told_when_nobody_is_here(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    bot.replies = HANDOFF
    _, offer = await chat.press("/human_request")
    assert "No adviser is on duty" in offer["text"]
    assert "I would pass on" in offer["text"]
    assert offer["role"] == "system"
    assert await store.escalation(chat.id) is None

    [reply] = await chat.press("/pass_on")

    escalation = await store.escalation(chat.id)
    assert escalation is not None
    assert (escalation.priority, escalation.summary["asked"]) == (Priority.HIGH, ["waits"])
    assert "Nobody is here" in reply["text"]
    assert escalation.reference in reply["text"]
    assert reply["role"] == "system"
    assert (await chat.read())["owner"] == "queued"


async def test_when_an_adviser_is_here_the_place_in_the_queue_is_told(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    adviser, _ = await store.add_adviser("Sam")
    await store.adviser_seen(adviser.id)
    bot.replies = HANDOFF

    _, offer = await chat.press("/human_request")
    assert "You would be next" in offer["text"]
    [reply] = await chat.press("/pass_on")

    assert "An adviser is here" in reply["text"]
    assert "number 1" in reply["text"]
    assert (await chat.read())["position"] == 1


@pytest.mark.parametrize("typed", [False, True])
async def test_asking_for_a_person_works_while_the_bot_is_down(
    chat: Chat, bot: StandInBot, store: Store, typed: bool
) -> None:
    bot.fault = "500"
    await chat.say("How long is the wait?")

    [offer] = await (chat.say("talk to a person") if typed else chat.press("/human_request"))
    assert "/pass_on" in [button["payload"] for button in offer["buttons"]]
    [reply] = await (chat.say("Yes please.") if typed else chat.press("/pass_on"))

    escalation = await store.escalation(chat.id)
    assert escalation is not None
    assert escalation.reference in reply["text"]
    assert "How long is the wait?" in escalation.summary["asked"]


async def test_while_waiting_the_bot_still_answers_and_waiting_can_be_stopped(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    bot.fault = "500"
    await chat.press("/human_request")
    await chat.press("/pass_on")
    bot.fault = None
    assert (await chat.say("How long?"))[0]["text"] == "33 weeks on average."

    [stopped] = await chat.press("/stop_waiting")
    [again] = await chat.press("/stop_waiting")

    assert "no longer waiting" in stopped["text"]
    assert "not waiting" in again["text"]
    assert (await store.get(chat.id)).owner is Owner.BOT


async def test_while_a_person_has_the_chat_the_bot_is_not_even_asked(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    await with_adviser(store, chat)

    replies = await chat.say("hello Sam")

    assert replies == []
    assert bot.heard == []
    answer = await chat.read()
    assert (answer["owner"], answer["adviser"]) == ("adviser", "Sam")
    assert answer["messages"][-1]["text"] == "hello Sam"


async def test_an_answer_that_was_under_way_when_a_person_took_the_chat_is_dropped(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    bot.slow = 0.3
    pending = asyncio.create_task(chat.say("How long?"))
    await asyncio.sleep(0.1)
    await with_adviser(store, chat)

    assert await pending == []
    assert "33 weeks" not in str((await chat.read())["messages"])


async def test_danger_while_a_person_has_the_chat_alerts_them_and_still_shows_the_numbers(
    chat: Chat, store: Store
) -> None:
    await with_adviser(store, chat)

    replies = await chat.say("DANGER")

    assert [r["topic"] for r in replies] == ["crisis_self_harm_suicide"]
    notes = [m for m in await store.messages(chat.id, include_private=True) if m.private]
    assert notes[0].role is Role.SYSTEM
    assert notes[0].meta["danger"] == "crisis_self_harm_suicide"
    assert "alert" not in str(await chat.read()).lower()
    escalation = await store.escalation(chat.id)
    assert escalation is not None
    assert escalation.priority is Priority.CRISIS


async def test_what_the_actions_know_of_the_person_is_kept_for_a_crisis(chat: Chat, bot: StandInBot) -> None:
    bot.replies = [
        {"text": "Herefordshire, then."},
        {"custom": {"person": {"area": "herefordshire", "age": 14, "young": True}}},
    ]
    await chat.say("we live in Ross")

    assert "(crisis_self_harm_suicide, herefordshire, 14)" in (await chat.say("DANGER"))[0]["text"]
    await chat.say("and now?")
    assert bot.heard[-1]["metadata"] == {"area": "herefordshire", "age": 14, "young": True}


async def test_a_bot_that_dies_under_a_message_is_asked_again(chat: Chat, bot: StandInBot) -> None:
    bot.replies = [{"text": "Here I am."}]
    bot.fault = "break once"
    assert [reply["text"] for reply in await chat.say("hello")] == ["Here I am."]
    assert [message["role"] for message in (await chat.read())["messages"]].count("user") == 1


async def test_a_late_turn_reads_no_more_than_an_early_one(
    chat: Chat, bot: StandInBot, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a turn costs must not grow with the chat."""
    bot.replies = [{"text": "Here I am."}]
    for _ in range(15):
        await chat.say("how long is the wait")
    read = 0
    messages = store.messages

    async def counted(*args: Any, **named: Any) -> Any:
        nonlocal read
        found = await messages(*args, **named)
        read += len(found)
        return found

    monkeypatch.setattr(store, "messages", counted)
    await chat.say("how long is the wait")
    assert read == 20


async def test_a_question_beside_a_danger_is_answered_at_one_press(chat: Chat, bot: StandInBot) -> None:
    [crisis, *_] = await chat.say("He hits me DANGER every night and how do I get respite for him?")
    assert crisis["cards"][0]["kind"] == "crisis"
    assert bot.heard == []  # the crisis reply alone comes first
    assert "/answer_my_question" in [button["payload"] for button in crisis["buttons"]]

    [answer] = await chat.press("/answer_my_question")

    assert [heard["message"] for heard in bot.heard] == ["how do I get respite for him?"]
    assert answer["text"] == "33 weeks on average."


async def test_a_question_that_is_nearly_sure_to_be_a_danger_is_answered_at_one_press(
    chat: Chat, bot: StandInBot
) -> None:
    [crisis, *_] = await chat.say("NEARLY how much longer is it going to be")
    assert crisis["cards"][0]["kind"] == "crisis"
    assert crisis["text"].startswith("Please get help now")
    assert bot.heard == []

    kind, answer = await chat.press("/answer_my_question")

    assert not [card for reply in (kind, answer) for card in reply["cards"] if card["kind"] == "crisis"]
    assert bot.texts == ["NEARLY how much longer is it going to be"]
    assert answer["text"] == "33 weeks on average."


async def test_an_everyday_question_that_is_only_like_a_danger_gets_the_numbers_and_then_its_answer(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    crisis, notice, answer = await chat.say("LIKELY how much longer is it going to be")

    # All of the crisis reply is there, told as what to do in case.
    assert crisis["text"].startswith("I will answer your question below. First, in case")
    for number in ("000", "000 111"):
        assert number in crisis["text"]
    assert "Please get help now (crisis_self_harm_suicide, None, None). Call 000." in crisis["text"]
    assert "Call 000 now." in crisis["easy_read"]
    [card] = crisis["cards"]
    assert (card["kind"], card["title"]) == ("crisis", "If someone is in danger now")
    assert [contact["phone"] for contact in card["contacts"]] == ["000", "000 111"]
    assert "/answer_my_question" not in [button["payload"] for button in crisis["buttons"]]
    assert "I have marked this chat for them, in case" in notice["text"]
    assert bot.texts == ["LIKELY how much longer is it going to be"]
    assert answer["text"] == "33 weeks on average."
    assert [m["text"] for m in (await chat.read())["messages"][-3:]] == [
        crisis["text"],
        notice["text"],
        answer["text"],
    ]
    # What advisers are told is what they are told of every crisis.
    escalation = await store.escalation(chat.id)
    assert escalation is not None
    assert escalation.priority is Priority.CRISIS


async def test_the_numbers_do_not_wait_for_the_answer_under_them(
    chat: Chat, bot: StandInBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.turn._ANSWER_SECONDS", 0.1)
    bot.slow = 0.6

    crisis, notice = await chat.say("LIKELY how much longer is it going to be")

    assert crisis["cards"][0]["kind"] == "crisis"
    assert "33 weeks" not in notice["text"]
    # What is said meanwhile waits for the answer, as for every other.
    [later] = await chat.say("and in Derby?")
    assert bot.texts == ["LIKELY how much longer is it going to be", "and in Derby?"]
    said = [m["text"] for m in (await chat.read())["messages"] if m["role"] != "user"]
    assert said[-4:] == [crisis["text"], notice["text"], "33 weeks on average.", later["text"]]


async def test_a_repeat_of_such_a_message_gets_the_same_replies_and_asks_the_bot_once(
    chat: Chat, bot: StandInBot
) -> None:
    first = await (await chat.post(text="LIKELY how long is it", client_message_id="same")).json()
    again = await (await chat.post(text="LIKELY how long is it", client_message_id="same")).json()

    assert [reply["seq"] for reply in again["replies"]] == [reply["seq"] for reply in first["replies"]]
    assert len(first["replies"]) == 3
    assert len(bot.heard) == 1


async def test_an_honest_line_stands_under_the_numbers_when_the_bot_fails(
    chat: Chat, bot: StandInBot
) -> None:
    bot.fault = "500"

    crisis, _notice, line = await chat.say("LIKELY how long is it going to be")

    assert "000 111" in crisis["text"]
    assert "could not work out an answer" in line["text"]


async def test_what_is_asked_of_an_adviser_is_theirs_to_answer_also_beside_a_likely_danger(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    await with_adviser(store, chat)

    [crisis] = await chat.say("LIKELY how long is it going to be")

    assert crisis["text"].startswith("Please get help now")
    assert bot.heard == []


async def test_where_danger_is_likely_and_rescue_is_asked_for_nothing_but_the_crisis_reply_is_said(
    chat: Chat, bot: StandInBot
) -> None:
    [crisis, *_] = await chat.say("LIKELY she is so quiet, what do I do?")

    assert crisis["text"].startswith("Please get help now")
    assert bot.heard == []


async def test_markup_that_is_only_like_a_danger_raises_no_alarm(chat: Chat, bot: StandInBot) -> None:
    replies = await chat.say("<img src=x onerror=LIKELY> how long is the wait")
    assert bot.texts == ["how long is the wait"]
    assert not [card for reply in replies for card in reply["cards"] if card["kind"] == "crisis"]
    [crisis, *_] = await chat.say("<b>DANGER</b>")
    assert crisis["cards"][0]["kind"] == "crisis"


async def test_a_danger_without_another_question_offers_no_answer(chat: Chat) -> None:
    for text in ("DANGER", "How do I DANGER? I cannot go on.", "DANGER. It is dark."):
        crisis = (await chat.say(text))[0]
        assert "/answer_my_question" not in [button["payload"] for button in crisis["buttons"]], text


async def test_a_long_run_of_blanks_holds_up_neither_the_crisis_reply_nor_the_question(
    chat: Chat, bot: StandInBot
) -> None:
    blanks = " " * 30_000
    took = []
    for _ in range(2):  # other tests' threads may be at work too: of what is slow by itself both times are
        started = time.process_time()
        [crisis, *_] = await chat.say(f"DANGER{blanks}in here. How do I get respite for him?")
        took.append(time.process_time() - started)

    assert min(took) < 3
    assert "/answer_my_question" in [button["payload"] for button in crisis["buttons"]]
    await chat.press("/answer_my_question")
    assert bot.texts == ["How do I get respite for him?"]


async def test_the_crisis_reply_does_not_wait_for_a_slow_search_for_a_question(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = threading.Event()
    monkeypatch.setattr("gateway.turn._QUESTION_SECONDS", 0.1)
    monkeypatch.setattr("gateway.turn.question_beside", lambda _text, _assess: waited.wait(20) and None)

    [crisis, *_] = await chat.say("DANGER. How do I get respite for him?")

    assert not waited.is_set()
    waited.set()
    assert crisis["topic"] == "crisis_self_harm_suicide"
