"""Reaching a person: what is said before, a yes or a no, a call back in any channel, and afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import text, update

from conversations.callbacks import Contact
from conversations.models import CallBack, Escalation, Owner, Priority
from conversations.opening import LOCAL_TIME, read_weekly
from conversations.sealing import Sealer, new_key
from conversations.store import Store
from gateway import person_wording
from gateway.contact import read_contact
from gateway.keys import CALL_BACKS
from tests.gateway.conftest import Chat, StandInBot
from tests.gateway.test_turn import HANDOFF

Client = TestClient[web.Request, web.Application]

NUMBER = "07400 123456"


@pytest.fixture(autouse=True)
def gives_a_person(bot: StandInBot) -> None:
    """The bot asks for a person when asked to, and answers everything else."""
    answer = bot.replies
    assert isinstance(answer, list)
    bot.replies = lambda said: HANDOFF if "person" in said or said == "/human_request" else answer


async def everything_stored(store: Store) -> str:
    """All that the database holds in clear."""
    async with store.database.reading() as session:
        tables = ("message", "call_back", "escalation", "transition", "audit", "delivery")
        rows = [(await session.execute(text(f"SELECT * FROM {table}"))).all() for table in tables]
    return str(rows)


def offered(reply: dict[str, Any]) -> list[str]:
    return [button["payload"] for button in reply["buttons"]]


# -- before it starts ------------------------------------------------------------------------------


async def test_before_it_starts_hours_duty_wait_and_what_is_passed_on_are_told(
    chat: Chat, store: Store
) -> None:
    await store.set_hours(read_weekly("mon-fri 00:00-00:01"), closed_on_bank_holidays=True, by="boss")
    sam, _ = await store.add_adviser("Sam")
    await store.adviser_seen(sam.id)
    other = (await store.create("web")).conversation.id
    await store.escalate(other, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(other, sam.id)
    async with store.database.writing() as session:
        row = await session.get(Escalation, (await _escalation(store, other)).reference)
        assert row is not None
        row.created_at -= timedelta(minutes=7)
    third = (await store.create("web")).conversation.id
    await store.escalate(third, reason="asked", priority=Priority.NORMAL, summary={}, who="user")

    [_, offer] = await chat.say("a person please")

    for part in (
        "An adviser is on duty now",
        "Monday to Friday 12am to 12:01am",
        "One person is before you",
        "about 7 minutes",
        "what you asked",
    ):
        assert part in offer["text"]
    assert await store.escalation(chat.id) is None
    assert (await chat.read())["owner"] == "bot"


async def test_a_no_passes_nothing_on_and_another_question_is_no_answer(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    await chat.press("/human_request")
    assert "Nothing was passed on" in (await chat.say("No, thank you!"))[0]["text"]
    await chat.press("/human_request")
    assert (await chat.say("How long is the wait?"))[0]["text"] == "33 weeks on average."
    assert (await chat.say("yes"))[0]["text"] == "33 weeks on average."  # a yes to something else
    assert await store.escalation(chat.id) is None

    await chat.press("/pass_on")

    assert (await _escalation(store, chat.id)).summary["asked"] == ["waits"]


CLOSED = [
    ("2026-11-26T18:30+00:00", "They are next here tomorrow at 9am."),  # a Thursday evening
    ("2026-11-27T17:00+00:00", "They are next here on Monday 30 November at 9am."),
    ("2026-07-01T16:30+00:00", "They are next here tomorrow at 9am."),  # half past five, in the summer
    ("2026-07-02T07:59+00:00", "They are next here today at 9am."),
    ("2026-12-24T18:00+00:00", "They are next here on Tuesday 29 December at 9am."),
    (
        "2026-12-25T11:00+00:00",
        "We are closed today: Christmas Day. They are next here on Tuesday 29 December",
    ),
    (
        "2026-12-28T11:00+00:00",
        "We are closed today: Boxing Day (observed). They are next here tomorrow at 9am.",
    ),
    ("2027-02-03T11:00+00:00", "We are closed today: Training day. They are next here tomorrow at 9am."),
]


@pytest.mark.parametrize(("now", "told"), CLOSED, ids=[now for now, _ in CLOSED])
async def test_outside_hours_it_is_said_when_people_are_here_and_a_call_back_is_offered_and_taken(
    chat: Chat, store: Store, client: Client, monkeypatch: pytest.MonkeyPatch, now: str, told: str
) -> None:
    """In UK time, with the bank holidays of England and the closures that a supervisor set."""
    await store.set_hours(read_weekly("mon-fri 09:00-17:00"), closed_on_bank_holidays=True, by="boss")
    await store.add_closure(date(2027, 2, 3), date(2027, 2, 3), "Training day", by="boss")
    monkeypatch.setattr("gateway.handoff.utc_now", lambda: datetime.fromisoformat(now))

    [_, offer] = await chat.say("a person please")

    assert "No adviser is on duty right now." in offer["text"]
    assert "Advisers answer Monday to Friday 9am to 5pm, UK time." in offer["text"]
    assert told in offer["text"]
    assert offer["easy_read"].startswith("No person is here now.\nPeople are here ")
    assert offered(offer) == ["/pass_on", "/call_back", "/do_not_pass_on"]

    for payload in ("/call_back", "/call_back_phone"):
        await chat.press(payload)
    await chat.say(NUMBER)
    await chat.press("/call_back_when_morning")
    [placed] = await chat.say("Robin Hood")

    assert "An adviser will phone you on" in placed["text"]
    assert "Advisers work Monday to Friday 9am to 5pm." in placed["text"]
    assert (await chat.read())["owner"] == "callback"
    assert client.app is not None
    [row] = await client.app[CALL_BACKS].to_call()
    assert row.call_back.conversation_id == chat.id


async def test_who_waits_outside_hours_is_told_when_people_are_back(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.set_hours(read_weekly("mon-fri 09:00-17:00"), closed_on_bank_holidays=True, by="boss")
    monkeypatch.setattr("gateway.handoff.utc_now", lambda: datetime.fromisoformat("2026-12-24T18:00+00:00"))
    await chat.press("/human_request")

    [waits] = await chat.press("/pass_on")

    assert "Advisers are next here on Tuesday 29 December at 9am." in waits["text"]
    assert "People are here on Tuesday 29 December at 9am." in waits["easy_read"]
    assert offered(waits) == ["/call_back", "/stop_waiting"]
    assert (await chat.read())["owner"] == "queued"


async def test_in_their_hours_with_nobody_on_duty_no_opening_is_promised(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.set_hours(read_weekly("mon-fri 09:00-17:00"), closed_on_bank_holidays=True, by="boss")
    monkeypatch.setattr("gateway.handoff.utc_now", lambda: datetime.fromisoformat("2026-07-01T15:30+00:00"))
    [_, offer] = await chat.press("/human_request")
    [waits] = await chat.press("/pass_on")

    assert "No adviser is on duty right now." in offer["text"]
    assert "Monday to Friday 9am to 5pm" in offer["text"]
    assert "next here" not in offer["text"] + waits["text"]
    assert "/call_back" in offered(waits)


async def test_who_waits_with_an_adviser_here_is_told_after_how_long_a_call_back_is_offered(
    chat: Chat, store: Store
) -> None:
    sam, _ = await store.add_adviser("Sam")
    await store.adviser_seen(sam.id)
    await chat.press("/human_request")

    [waits] = await chat.press("/pass_on")

    assert "number 1 in the queue" in waits["text"]
    assert "If nobody has come after about 10 minutes, you can ask for a call back instead." in waits["text"]
    assert "about 10 minutes" in waits["easy_read"]


# -- offered by the assistant -----------------------------------------------------------------------


def offers_a_person(because: str) -> list[dict[str, Any]]:
    """The bot's answer that ends with the offer of a person."""
    talk = {"title": "Talk to a person", "payload": "/human_request"}
    return [
        {"text": "I do not have an answer I can trust."},
        {"custom": {"topic": "support_carer"}},
        {"text": "A person can help you with it.", "buttons": [talk]},
        {"custom": {"topic": "support_carer", "offers_person": because}},
    ]


@pytest.mark.parametrize("because", ["nothing_known", "not_understood", "complaint"])
@pytest.mark.parametrize("says", ["yes please", "/human_request", "can I talk to a person"])
async def test_an_offer_that_is_taken_up_reaches_the_adviser_with_its_reason(
    chat: Chat, bot: StandInBot, store: Store, because: str, says: str
) -> None:
    bot.replies = lambda said: (
        HANDOFF if "person" in said or said == "/human_request" else offers_a_person(because)
    )
    await chat.say("is there a swing for my son?")

    [_, offer] = await (chat.press(says) if says.startswith("/") else chat.say(says))
    assert "I would pass on this whole chat" in offer["text"]
    await chat.say("yes")

    found = await _escalation(store, chat.id)
    assert found.reason == because
    assert found.summary["wants"] == "is there a swing for my son?"


async def test_after_hard_words_the_reason_is_that_they_sounded_distressed(chat: Chat, store: Store) -> None:
    await chat.say("DISTRESS How long is the wait?")
    await chat.press("/human_request")
    await chat.press("/pass_on")
    assert (await _escalation(store, chat.id)).reason == "distress"


async def test_an_offer_counts_until_something_else_was_said(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    answer = bot.replies
    assert callable(answer)
    bot.replies = offers_a_person("nothing_known")
    await chat.say("is there a swing for my son?")
    bot.replies = answer
    assert (await chat.say("How long is the wait?"))[0]["text"] == "33 weeks on average."
    assert (await chat.say("yes please"))[0]["text"] == "33 weeks on average."
    await chat.press("/human_request")
    await chat.press("/pass_on")
    assert (await _escalation(store, chat.id)).reason == "asked"


async def test_a_reason_that_nobody_knows_offers_nothing(chat: Chat, bot: StandInBot) -> None:
    bot.replies = offers_a_person("<b>made up</b>")
    await chat.say("is there a swing for my son?")
    assert (await chat.say("yes"))[0]["text"] == "I do not have an answer I can trust."


def falls_short(because: str) -> list[dict[str, Any]]:
    """The bot's answer to what it does not answer, or not for that place."""
    return [{"text": "I only cover Derby."}, {"custom": {"topic": "wait_time", "falls_short": because}}]


async def test_who_got_less_than_an_answer_is_asked_once_whether_they_want_a_person(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    sam, _ = await store.add_adviser("Sam")
    await store.adviser_seen(sam.id)
    bot.replies = lambda said: HANDOFF if said == "/human_request" else falls_short("not_covered")

    [answer, question] = await chat.say("how long is the wait in Leicester?")
    assert answer["text"] == "I only cover Derby."
    assert question["text"] == "An adviser is on duty now. Would you like to talk to a person?"
    assert question["easy_read"] == "A person is here now.\nDo you want to talk to a person?"
    assert offered(question) == ["/human_request"]
    assert await store.escalation(chat.id) is None
    for again in ("and for adults?", "yes please"):  # by now a yes is to nothing
        assert [reply["text"] for reply in await chat.say(again)] == ["I only cover Derby."]


@pytest.mark.parametrize("because", ["not_covered", "out_of_scope"])
@pytest.mark.parametrize("says", ["yes please", "/human_request"])
async def test_a_yes_to_that_reaches_the_adviser_with_its_reason(
    chat: Chat, bot: StandInBot, store: Store, because: str, says: str
) -> None:
    bot.replies = lambda said: HANDOFF if said == "/human_request" else falls_short(because)
    await chat.say("how long is the wait in Leicester?")

    [_, offer] = await (chat.press(says) if says.startswith("/") else chat.say(says))
    assert "I would pass on this whole chat" in offer["text"]
    await chat.say("yes")

    assert (await _escalation(store, chat.id)).reason == because


async def test_the_question_promises_nobody_outside_hours(
    chat: Chat, bot: StandInBot, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.set_hours(read_weekly("mon-fri 09:00-17:00"), closed_on_bank_holidays=True, by="boss")
    monkeypatch.setattr("gateway.handoff.utc_now", lambda: datetime.fromisoformat("2026-12-24T23:00+00:00"))
    bot.replies = falls_short("out_of_scope")

    [_, question] = await chat.say("when are my bins collected?")

    assert question["text"] == (
        "No adviser is on duty right now. They are next here on Tuesday 29 December at 9am. "
        "Would you like to talk to a person?"
    )
    assert question["easy_read"].startswith("No person is here now.\nPeople are here on Tuesday 29 December")


async def test_in_their_hours_with_nobody_here_and_with_no_hours_known_no_time_is_promised(
    chat: Chat, bot: StandInBot
) -> None:
    bot.replies = falls_short("out_of_scope")
    [_, question] = await chat.say("when are my bins collected?")
    assert question["text"] == "No adviser is on duty right now. Would you like to talk to a person?"


async def test_who_was_offered_a_person_or_waits_for_one_is_not_asked_besides(
    chat: Chat, bot: StandInBot
) -> None:
    bot.replies = lambda said: HANDOFF if said == "/human_request" else falls_short("out_of_scope")
    [warm, answer] = await chat.say("DISTRESS when are my bins collected?")
    assert "You can talk to a person" in warm["text"]
    assert answer["text"] == "I only cover Derby."

    await chat.press("/human_request")
    await chat.press("/pass_on")
    assert len(await chat.say("when are my bins collected?")) == 1


async def test_a_reason_that_nobody_knows_asks_nothing(chat: Chat, bot: StandInBot) -> None:
    bot.replies = falls_short("<b>made up</b>")
    assert len(await chat.say("when are my bins collected?")) == 1


async def test_after_danger_nobody_is_asked_whether_to_pass_it_on(chat: Chat, store: Store) -> None:
    await chat.say("DANGER")
    await store.withdraw(chat.id, who="user")

    await chat.press("/human_request")

    assert (await _escalation(store, chat.id)).priority is Priority.CRISIS


async def test_the_summary_tells_what_was_shown_wanted_and_how_the_person_likes_to_be_written_to(
    chat: Chat, store: Store
) -> None:
    await chat.say("DISTRESS How long is the wait in simple words?")
    await chat.say("Go slowly, one thing at a time. Is there help at school?")
    await chat.say("can I talk to a person")
    await chat.press("/pass_on")

    summary = (await _escalation(store, chat.id)).summary

    assert summary["wants"] == "Go slowly, one thing at a time. Is there help at school?"
    assert summary["communication"] == ["plain words", "slowly, one thing at a time"]
    assert summary["safety"] == ["distress"]
    assert "A service" in summary["shown_titles"]


async def test_who_waits_long_is_told_once_and_may_ask_for_a_call_back(chat: Chat, store: Store) -> None:
    await chat.press("/human_request")
    await chat.press("/pass_on")
    notice = person_wording.long_wait()
    assert await store.long_waits(timedelta(minutes=10), notice=notice) == []
    assert await store.long_waits(timedelta(0), notice=notice) == [chat.id]
    assert await store.long_waits(timedelta(0), notice=notice) == []

    last = (await chat.read())["messages"][-1]

    assert "takes so long" in last["text"]
    assert offered(last) == ["/call_back"]


@pytest.mark.parametrize(
    "asked", ["", "call me back please", "Can you ring me?", "I'd like a call back", " ok, ring me "]
)
async def test_with_nobody_here_a_call_back_is_offered_and_asked_for_by_button_or_in_words(
    chat: Chat, bot: StandInBot, asked: str
) -> None:
    await chat.press("/human_request")
    [waits] = await chat.press("/pass_on")
    assert "Or ask for a call back: an adviser then phones, texts or emails you." in waits["text"]
    assert "call you back" in waits["easy_read"]
    assert offered(waits)[0] == "/call_back"

    [how] = await chat.say(asked) if asked else await chat.press("/call_back")

    assert offered(how)[:3] == ["/call_back_phone", "/call_back_text", "/call_back_email"]
    assert bot.texts == ["/human_request"]


@pytest.mark.parametrize(
    "asked",
    [
        "Can someone ring me back please",
        "hi, could an adviser call me?",
        "could somebody ring me back? I get in a muddle typing",
        "I'd like a call back",
    ],
)
async def test_who_asks_to_be_called_is_asked_how(chat: Chat, bot: StandInBot, asked: str) -> None:
    [how] = [said for said in await chat.say(asked) if offered(said)[:1] == ["/call_back_phone"]]
    assert "get in touch" in how["text"]
    assert bot.texts == []


async def test_a_number_that_is_told_with_the_request_reaches_neither_the_bot_nor_the_log(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    [when] = await chat.say("can someone ring me on 07911 123456 please")

    assert offered(when)[:1] == ["/call_back_when_soon"]
    assert bot.texts == []
    assert all("123456" not in message.text for message in await store.messages(chat.id))


@pytest.mark.parametrize("words", ["ok" + " " * 4000 + "x", "hi " * 1300 + "can you", "continue " * 500])
async def test_blanks_and_repeated_words_hold_nobody_up_while_a_call_back_is_open(
    chat: Chat, bot: StandInBot, words: str
) -> None:
    await chat.say("can someone ring me back please")
    begun = time.process_time()
    await chat.say(words)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("back", ["ok go on then", "carry on with the call back please", "back to that"])
async def test_the_call_back_goes_on_in_words_after_a_question(
    chat: Chat, bot: StandInBot, back: str
) -> None:
    await chat.say("can someone ring me back please")
    await chat.say("before that, is mediation compulsory?")
    assert bot.texts == ["before that, is mediation compulsory?"]

    [how] = await chat.say(back)

    assert offered(how)[:1] == ["/call_back_phone"]


async def test_a_call_back_that_was_offered_before_is_begun_by_its_name_only(
    chat: Chat, bot: StandInBot
) -> None:
    await chat.press("/human_request")
    await chat.press("/pass_on")
    await chat.say("is mediation compulsory?")
    await chat.say("ok carry on")
    assert bot.texts[-1] == "ok carry on"

    [how] = await chat.say("ok carry on with the call back then")

    assert offered(how)[:1] == ["/call_back_phone"]


@pytest.mark.parametrize(
    "text",
    [
        "school ring me back every day to fetch him, can they?",
        "can you ring me when the new wait times are out and tell me how to appeal?",
        "who can call me a liar?",
        "will they call me back about the referral",
        "can you call me Alex please, i use they/them",
        "can a person call me names at school?",
        "can i get a call back from the GP",
        "can you call me back? i have been waiting for camhs since may is that normal",
    ],
)
async def test_other_words_of_calls_ask_for_none(chat: Chat, bot: StandInBot, text: str) -> None:
    await chat.say(text)
    assert bot.texts == [text]


async def test_words_about_calls_that_nobody_offered_are_for_the_bot(chat: Chat, bot: StandInBot) -> None:
    await chat.say("call me back")
    await chat.press("/human_request")
    await chat.press("/pass_on")
    await chat.say("nobody will call me back, what are my rights?")
    assert bot.texts == ["call me back", "/human_request", "nobody will call me back, what are my rights?"]


async def test_spaces_in_place_of_a_yes_hold_nobody_up(chat: Chat) -> None:
    await chat.press("/human_request")
    await chat.press("/pass_on")
    begun = time.process_time()
    await chat.say(" " * 10_000 + "hello")
    assert time.process_time() - begun < 5  # a search that tries each space with each would take 20 seconds


# -- call backs ------------------------------------------------------------------------------------


async def call_me_back(chat: Chat, number: str = NUMBER) -> dict[str, Any]:
    await chat.press("/human_request")
    await chat.press("/call_back")
    await chat.press("/call_back_phone")
    await chat.say(number)
    await chat.press("/call_back_when_after_school")
    [placed] = await chat.say("Robin Hood")
    return placed


async def test_a_call_back_is_asked_for_question_by_question_and_nothing_of_it_reaches_the_bot_or_the_log(
    chat: Chat, bot: StandInBot, store: Store, client: Client
) -> None:
    await chat.press("/human_request")
    await chat.press("/pass_on")
    heard = len(bot.heard)
    placed = await call_me_back_from_queue(chat)

    assert "ends with 456" in placed["text"]
    assert "After school" in placed["text"]
    assert len(bot.heard) == heard
    kept = (
        await everything_stored(store) + json.dumps(bot.heard) + json.dumps((await chat.read())["messages"])
    )
    for secret in ("123456", "Robin"):
        assert secret not in kept
    status = await chat.read()
    assert status["owner"] == "callback"
    assert client.app is not None
    call_backs = client.app[CALL_BACKS]
    [row] = await call_backs.to_call()
    sam, _ = await store.add_adviser("Sam")
    await call_backs.claim(row.call_back.id, sam.id)
    assert await call_backs.contact(row.call_back.id, sam.id) == Contact(
        "phone", "+447400123456", "After school", "Robin Hood"
    )
    assert (await chat.say("How long is the wait?"))[0]["text"] == "33 weeks on average."

    [cancelled] = await chat.press("/call_back_cancel")

    assert "deleted" in cancelled["text"]
    assert (await chat.read())["owner"] == "bot"
    assert await call_backs.to_call() == []


async def call_me_back_from_queue(chat: Chat) -> dict[str, Any]:
    [how] = await chat.press("/call_back")
    assert "/call_back_phone" in offered(how)
    [address] = await chat.press("/call_back_phone")
    assert "encrypted" in address["text"]
    [wrong] = await chat.say("it is 07400")
    assert "too short" in wrong["text"]
    [when] = await chat.say(f"sorry, {NUMBER}")
    assert "good time" in when["text"]
    [name] = await chat.press("/call_back_when_after_school")
    assert "any name" in name["text"]
    [placed] = await chat.say("Robin Hood")
    return placed


async def test_a_question_in_between_is_answered_and_the_call_back_goes_on(
    chat: Chat, bot: StandInBot
) -> None:
    await chat.press("/human_request")
    await chat.press("/call_back")

    answer, reminder = await chat.say("How long is the wait for an assessment?")

    assert answer["text"] == "33 weeks on average."
    assert "not complete yet" in reminder["text"]
    [when] = await chat.say("my email is sam@example.org")
    assert "good time" in when["text"]
    assert "sam@example.org" not in json.dumps(bot.heard)
    [name] = await chat.say("any evening after six")
    assert "any name" in name["text"]
    assert "…@example.org" in (await chat.press("/call_back_no_name"))[0]["text"]


async def test_danger_in_place_of_a_name_gets_the_numbers_and_is_seen_by_advisers(
    chat: Chat, store: Store
) -> None:
    await chat.press("/human_request")
    for payload in ("/call_back", "/call_back_phone"):
        await chat.press(payload)
    await chat.say(NUMBER)
    await chat.press("/call_back_when_soon")

    replies = await chat.say("DANGER")

    assert "000" in replies[0]["text"]
    assert "DANGER" in [message.text for message in await store.messages(chat.id)]
    assert (await _escalation(store, chat.id)).priority is Priority.CRISIS


async def test_a_draft_that_no_key_opens_any_more_is_asked_again_and_holds_no_help_back(
    chat: Chat, store: Store
) -> None:
    await chat.press("/human_request")
    await chat.press("/call_back")
    await chat.press("/call_back_phone")
    async with store.database.writing() as session:
        await session.execute(update(CallBack).values(sealed=Sealer(new_key()).seal("{}")))

    assert "000" in (await chat.say("DANGER"))[0]["text"]
    assert "good time" in (await chat.say(NUMBER))[0]["text"]


async def test_no_at_any_question_cancels(chat: Chat, client: Client) -> None:
    await chat.press("/human_request")
    await chat.press("/call_back")
    await chat.press("/call_back_text")
    assert "cancelled" in (await chat.say("no thanks"))[0]["text"]
    assert "no call back to cancel" in (await chat.press("/call_back_cancel"))[0]["text"]


async def test_the_same_contact_sent_twice_is_taken_once(chat: Chat) -> None:
    await chat.press("/human_request")
    await chat.press("/call_back")
    await chat.press("/call_back_phone")
    first = await (await chat.post(text=NUMBER, client_message_id="same")).json()
    again = await (await chat.post(text=NUMBER, client_message_id="same")).json()

    assert first["replies"] == again["replies"]
    assert NUMBER not in json.dumps(again)


async def test_what_is_typed_for_an_adviser_is_theirs_to_read(chat: Chat, store: Store) -> None:
    await chat.press("/human_request")
    await chat.press("/pass_on")
    await chat.press("/call_back")
    await chat.press("/call_back_phone")
    sam, _ = await store.add_adviser("Sam")
    await store.claim(chat.id, sam.id)

    await chat.say(NUMBER)

    assert (await store.messages(chat.id))[-1].text == NUMBER


async def test_a_call_back_by_form_and_its_cancelling(chat: Chat, client: Client, store: Store) -> None:
    address = f"/api/v1/conversations/{chat.id}/call-back"
    form = {"how": "text", "address": "020 7946 0018", "when": "today"}
    refused = await client.post(address, json=form, headers=chat.auth)
    assert refused.status == 422
    assert "mobile" in (await refused.json())["errors"][0]["message"]
    assert (await client.post(address, json=form)).status == 401

    taken = await client.post(address, json={**form, "address": NUMBER, "name": "Robin"}, headers=chat.auth)

    assert taken.status == 201
    assert (await taken.json())["owner"] == "callback"
    again = await client.post(address, json={**form, "address": NUMBER}, headers=chat.auth)
    assert (await again.json())["code"] == "call_back_exists"
    assert "123456" not in await everything_stored(store)
    assert (await client.delete(address, headers=chat.auth)).status == 204
    assert (await chat.read())["owner"] == "bot"
    assert "cancelled" in (await chat.read())["messages"][-1]["text"]


async def test_the_rest_webhook_asks_for_a_call_back_too(
    client: Client, bot: StandInBot, store: Store
) -> None:
    said: list[str] = []
    for message in ("a person", "/call_back", "/call_back_email", "me@example.org", "mornings", "Robin"):
        response = await client.post("/webhooks/rest/webhook", json={"sender": "x", "message": message})
        said.append(" ".join(reply["text"] for reply in await response.json()))

    assert "An adviser will send an email to m…@example.org" in said[-1]
    assert "me@example.org" not in await everything_stored(store) + json.dumps(bot.heard)


@pytest.mark.parametrize(
    ("how", "typed", "address", "wrong"),
    [
        ("phone", "07400 123456", "+447400123456", ""),
        ("phone", "+44 (0)7400 123 456", "+447400123456", ""),
        ("text", "call me on 07400123456 ok", "+447400123456", ""),
        ("phone", "+48 512 345 678", "+48512345678", ""),
        ("phone", "01234", "", "too short"),
        ("phone", "074001234560000", "", "too long"),
        ("phone", "hello", "", "does not look like"),
        ("text", "020 7946 0018", "", "mobile"),
        ("email", "Sam.Smith@example.org.", "Sam.Smith@example.org", ""),
        ("email", "sam@example", "", "email address"),
        ("email", "sam", "", "email address"),
    ],
)
def test_contacts_are_read_as_people_write_them(how: str, typed: str, address: str, wrong: str) -> None:
    read = read_contact(how, typed)
    assert read.address == address
    assert wrong in read.wrong
    assert bool(read.wrong) is (address == "")


@pytest.mark.parametrize(("how", "contact"), [("phone", "07400123456"), ("email", "sam@example.org")])
def test_a_contact_is_looked_for_where_the_form_takes_one_and_no_further(how: str, contact: str) -> None:
    """Nobody's 60 KB are searched through: what is searched for takes the square of what is searched."""
    assert read_contact(how, f"{contact} {'(a' * 30_000}").address
    assert read_contact(how, f"{'x ' * 150}{contact}").wrong


# -- afterwards, and for everybody -----------------------------------------------------------------


async def test_a_rating_and_a_comment_are_kept_with_the_request(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    rating = f"/api/v1/conversations/{chat.id}/rating"
    refused = await chat.client.put(rating, json={"rating": 5}, headers=chat.auth)
    assert (await refused.json())["code"] == "nothing_to_rate"
    sam, _ = await store.add_adviser("Sam")
    await store.escalate(chat.id, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat.id, sam.id)
    await store.close(chat.id, sam.id, outcome="answered")
    await store.append_assistant(chat.id, [person_wording.ask_rating()])

    await chat.press("/rate_4")
    await chat.press("/rate_comment")
    heard = len(bot.heard)
    assert "Thank you" in (await chat.say("Sam was kind. Is that a person?"))[0]["text"]

    [case] = await store.history()
    assert (case.escalation.rating, case.escalation.rating_comment) == (4, "Sam was kind. Is that a person?")
    assert len(bot.heard) == heard
    assert (await chat.client.put(rating, json={"rating": 2}, headers=chat.auth)).status == 204
    assert (await chat.say("How long is the wait?"))[0]["text"] == "33 weeks on average."


async def test_an_announcement_and_the_off_switch_reach_new_and_running_chats(
    chat: Chat, client: Client, bot: StandInBot, store: Store
) -> None:
    await store.announce("Phones are down today.", by="boss")
    await store.switch_assistant(False, by="boss", why="a wrong answer")
    await asyncio.sleep(0.2)

    begun = await (await client.post("/api/v1/conversations")).json()
    page = await (await client.get("/")).text()
    [reply] = await chat.say("How long is the wait?")
    rest = await client.post("/webhooks/rest/webhook", json={"sender": "y", "message": "hello"})

    assert begun["messages"][0]["text"] == "Phones are down today."
    assert "switched off" in begun["messages"][1]["text"]
    assert "Phones are down today." in page
    assert "switched off" in reply["text"]
    assert "switched off" in (await rest.json())[0]["text"]
    assert bot.heard == []
    assert "000" in (await chat.say("DANGER"))[0]["text"]
    await chat.press("/human_request")
    assert await store.escalation(chat.id) is not None
    await store.switch_assistant(True, by="boss", why="mended")
    assert (await chat.say("How long is the wait?"))[0]["text"] == "33 weeks on average."


def test_times_are_told_as_people_say_them() -> None:
    now = datetime(2026, 11, 27, 18, 0, tzinfo=LOCAL_TIME)
    assert person_wording.day_and_time(now + timedelta(hours=1), now) == "today at 7pm"
    assert person_wording.day_and_time(now + timedelta(hours=15), now) == "tomorrow at 9am"
    assert person_wording.day_and_time(now + timedelta(hours=63), now) == "on Monday 30 November at 9am"
    assert [person_wording.how_long(timedelta(minutes=m)) for m in (0, 1, 5, 120)] == [
        "less than a minute",
        "about 1 minute",
        "about 5 minutes",
        "about 2 hours",
    ]


async def _escalation(store: Store, chat: str) -> Escalation:
    found = await store.escalation(chat)
    assert found is not None
    assert (await store.get(chat)).owner in (Owner.QUEUED, Owner.ADVISER)
    return found
