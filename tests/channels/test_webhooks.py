"""What is let in, what is not, and that a provider's repeats and disorder do no harm."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from conversations.errors import StoreUnavailable
from conversations.log import Draft
from conversations.models import DeliveryState
from gateway.channels.keys import OUTBOX, RECIPIENTS
from tests.channels.conftest import (
    TELEGRAM_PERSON,
    VERIFY_TOKEN,
    WHATSAPP_PERSON,
    OnSms,
    OnTelegram,
    OnWhatsApp,
    World,
)


async def test_a_forged_webhook_is_refused_and_does_nothing(world: World) -> None:
    update = world.telegram.write(TELEGRAM_PERSON, "hello")
    for secret in ("", "wrong", "a-webhook-secret-2"):
        assert (await world.tell_telegram(update, secret)).status == 401
    for token in ("", "wrong"):
        assert (await world.tell_sms(world.notify.text("447700900456", "hello"), token)).status == 401
    body, headers = world.whatsapp.signed(world.whatsapp.message(WHATSAPP_PERSON, text={"body": "hello"}))
    forged = body.replace(b"hello", b"other")  # a true signature, of another body
    for sent, signature in ((forged, headers), (body, {**headers, "X-Hub-Signature-256": "sha256=00"})):
        response = await world.client.post("/channels/whatsapp/webhook", data=sent, headers=signature)
        assert response.status == 401
        assert (await response.json())["code"] == "webhook_not_genuine"
    assert (await world.client.post("/channels/sms/webhook", data=b"{}")).status == 401
    assert await world.store.count_by_owner() == dict.fromkeys(await world.store.count_by_owner(), 0)


@pytest.mark.parametrize(
    ("channel", "header"),
    [
        ("telegram", b"X-Telegram-Bot-Api-Secret-Token"),
        ("whatsapp", b"X-Hub-Signature-256"),
        ("sms", b"Authorization"),
    ],
)
async def test_a_secret_of_bytes_that_are_no_text_is_a_wrong_one(
    world: World, channel: str, header: bytes
) -> None:
    reader, writer = await asyncio.open_connection(world.client.host, world.client.port)
    path = f"/channels/{channel}/webhook".encode()
    told = b"Host: x\r\nContent-Length: 2\r\nConnection: close\r\n" + header + b": \xff\r\n"
    writer.write(b"POST " + path + b" HTTP/1.1\r\n" + told + b"\r\n{}")

    assert b" 401 " in await reader.readline()
    writer.close()


async def test_the_verify_challenge(world: World) -> None:
    async def ask(token: str, mode: str = "subscribe") -> tuple[int, str]:
        query = {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": "1158201444"}
        response = await world.client.get("/channels/whatsapp/webhook", params=query)
        return response.status, await response.text()

    assert await ask(VERIFY_TOKEN) == (200, "1158201444")
    assert (await ask("wrong"))[0] == 401
    assert (await ask(VERIFY_TOKEN, "other"))[0] == 401
    assert (await world.client.get("/channels/telegram/webhook")).status == 404
    assert (await world.client.post("/channels/unknown/webhook", data=b"{}")).status == 404


_MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"update_id": "1"}',
    b'{"update_id": 1, "message": {"chat": {}}}',
    b'{"update_id": 1, "message": {"chat": {"type": "private", "id": {}}, "message_id": 1, "date": 1}}',
    b'{"update_id": 1, "message": {"chat": {"type": "private", "id": 1}, "message_id": 1, "date": 1e400}}',
    b'{"update_id": 1, "message": {"chat": {"type": "private", "id": 1}, "message_id": 1, "date": 1'
    + b"0" * 17
    + b"}}",
    b'{"update_id": 1, "message": {"chat": {"type": "private", "id": 1}, "message_id": 1, "photo": []}}',
    b'{"update_id": 1, "message": "text"}',
    b'{"update_id": 1, "callback_query": []}' + b" " * 10,
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", _MALFORMED, ids=range(len(_MALFORMED)))
async def test_a_malformed_webhook_is_refused_in_the_one_shape_and_logged(
    world: World, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    secret = {"X-Telegram-Bot-Api-Secret-Token": "a-webhook-secret-1", "Content-Type": "application/json"}
    response = await world.client.post("/channels/telegram/webhook", data=body, headers=secret)
    assert response.status in (202, 400)  # an empty callback query is nothing
    if response.status == 400:
        assert response.content_type == "application/problem+json"
        [told] = [vars(record) for record in caplog.records if record.msg == "a webhook was refused"]
        assert told["channel"] == "telegram"
        assert told["cause"]


async def test_malformed_webhooks_of_the_others(world: World) -> None:
    for callback in ({}, {"id": 1}, {"id": "x"}, {"id": "x", "source_number": "447700900456"}):
        assert (await world.tell_sms(callback)).status == 400
    far = world.whatsapp.message("447700900123", text={"body": "hello"})
    far["messages"][0]["timestamp"] = str(10**17)
    for value in ({"messages": [{}]}, {"messages": "x"}, {"statuses": [{"id": "1"}]}, far):
        assert (await world.tell_whatsapp(value)).status == 400


async def test_an_oversized_webhook_is_refused(world: World) -> None:
    update = world.telegram.write(TELEGRAM_PERSON, "x" * 600_000)
    assert (await world.tell_telegram(update)).status == 413


async def test_another_number_s_webhook_is_not_ours(world: World) -> None:
    value = world.whatsapp.message(WHATSAPP_PERSON, text={"body": "hello"})
    value["metadata"] = {"display_phone_number": "1", "phone_number_id": "other"}
    assert (await world.tell_whatsapp(value)).status == 200
    await world.settled()
    assert world.whatsapp.sent == []


async def test_a_repeated_webhook_is_answered_once(world: World, on_telegram: OnTelegram) -> None:
    update = world.telegram.write(TELEGRAM_PERSON, "how long")
    responses = await asyncio.gather(*(world.tell_telegram(update) for _ in range(5)))
    assert {response.status for response in responses} == {202}
    await on_telegram.hears("33 weeks")
    assert (await world.tell_telegram(update)).status == 202
    await world.settled()
    assert len(on_telegram.texts()) == 2
    assert world.bot.texts == ["how long"]


async def test_a_replayed_webhook_does_not_bring_a_deleted_chat_back(
    world: World, on_telegram: OnTelegram
) -> None:
    first = world.telegram.write(TELEGRAM_PERSON, "I feel low")
    delete = world.telegram.write(TELEGRAM_PERSON, "DELETE")
    for update in (first, delete):
        await world.tell_telegram(update)
    await on_telegram.hears("We deleted our copy")
    count = len(on_telegram.texts())
    for update in (first, delete, first):
        assert (await world.tell_telegram(update)).status == 202
    await world.settled()
    assert await world.conversation(on_telegram) is None
    assert len(on_telegram.texts()) == count


async def test_a_replayed_webhook_of_whatsapp_or_notify_does_nothing(
    world: World, on_whatsapp: OnWhatsApp, on_sms: OnSms
) -> None:
    value = world.whatsapp.message(WHATSAPP_PERSON, text={"body": "by whatsapp"})
    callback = world.notify.text("447700900456", "by text")
    for _ in range(3):
        assert (await world.tell_whatsapp(value)).status == 200
        assert (await world.tell_sms(callback)).status == 202
    for person in (on_whatsapp, on_sms):
        await person.hears("33 weeks")
        await person.says("DELETE")
        await person.hears("We deleted our copy")
    await world.settled()
    counts = [len(person.texts()) for person in (on_whatsapp, on_sms)]
    assert (await world.tell_whatsapp(value)).status == 200
    assert (await world.tell_sms(callback)).status == 202
    await world.settled()
    assert [len(person.texts()) for person in (on_whatsapp, on_sms)] == counts
    assert sorted(world.bot.texts) == ["by text", "by whatsapp"]
    assert await world.conversation(on_whatsapp) is None


async def test_messages_of_one_webhook_are_taken_in_the_order_in_which_they_were_written(
    world: World, on_whatsapp: OnWhatsApp
) -> None:
    later, earlier = (
        world.whatsapp.message(WHATSAPP_PERSON, text={"body": text})["messages"][0]
        for text in ("second", "first")
    )
    later["timestamp"] = str(int(earlier["timestamp"]) + 5)
    await world.tell_whatsapp({"messages": [later, earlier]})
    await world.until(lambda: len(world.bot.texts) == 2)
    assert world.bot.texts == ["first", "second"]


async def test_a_provider_is_answered_before_the_bot(world: World, on_telegram: OnTelegram) -> None:
    world.bot.slow = 0.8
    await on_telegram.says("how long")  # returns when it is accepted
    assert not any("33 weeks" in text for text in on_telegram.texts())
    await on_telegram.hears("33 weeks")


async def test_an_edited_message_is_read_again(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("how long")
    await on_telegram.hears("33 weeks")
    edit = world.telegram.edit(TELEGRAM_PERSON, 1, "DANGER")
    for _ in range(2):
        await world.tell_telegram(edit)
    await on_telegram.hears("Please get help now")
    conversation = await world.conversation(on_telegram)
    assert conversation is not None
    messages = await world.store.messages(conversation.id)
    assert [m.text for m in messages if m.meta.get("edited")] == ["DANGER"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"voice": {"file_id": "v", "duration": 3}}, "can't listen"),
        ({"sticker": {"file_id": "s", "emoji": "🙂"}}, "only understand words"),
        ({"document": {"file_id": "d"}}, "can't open files"),
        ({"location": {"latitude": 1.0, "longitude": 1.0}}, "where you are"),
    ],
)
async def test_what_is_no_words_is_answered_kindly_and_not_kept(
    world: World, on_telegram: OnTelegram, content: dict[str, Any], words: str
) -> None:
    await world.tell_telegram(world.telegram.write(TELEGRAM_PERSON, **content))
    await on_telegram.hears(words)
    conversation = await world.conversation(on_telegram)
    assert conversation is not None
    logged = json.dumps([[m.text, m.meta] for m in await world.store.messages(conversation.id)])
    assert "file_id" not in logged
    assert "latitude" not in logged


async def test_the_words_below_a_photo_are_answered_too(world: World, on_telegram: OnTelegram) -> None:
    await world.tell_telegram(
        world.telegram.write(TELEGRAM_PERSON, photo=[{"file_id": "p"}], caption="how long is it?")
    )
    await on_telegram.hears("can't look at pictures")
    await on_telegram.hears("33 weeks")


async def test_start_says_who_this_is_and_offers_questions(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("/start campaign1")
    await on_telegram.hears("computer, not a person")
    await on_telegram.hears("What do you want to know?")
    assert world.bot.heard == []


async def test_a_group_is_left_alone(world: World) -> None:
    update = world.telegram.write(TELEGRAM_PERSON, "hello")
    update["message"]["chat"] = {"id": -100, "type": "supergroup", "title": "x"}
    assert (await world.tell_telegram(update)).status == 202
    await world.settled()
    assert world.telegram.shown(TELEGRAM_PERSON) == []


async def test_who_blocks_us_is_left_alone_and_no_longer_waited_for(
    world: World, on_telegram: OnTelegram
) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    await world.tell_telegram(world.telegram.block(TELEGRAM_PERSON))
    conversation = await world.conversation(on_telegram)
    assert conversation is not None
    await world.store.append_assistant(conversation.id, [Draft(text="are you there")])
    await world.settled()
    assert not any("are you there" in text for text in on_telegram.texts())


async def test_a_button_that_was_never_offered_is_no_command(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    for data in ("/adults", "b:99:0", "b:1:99", "b:x:y", "m:1:2", "", "b:" + "9" * 30 + ":0"):
        await world.tell_telegram(world.telegram.press(TELEGRAM_PERSON, 1, data))
    await world.until(lambda: sum("doesn't work any more" in t for t in on_telegram.texts()) == 7)
    assert world.bot.texts == ["hello"]
    assert len(world.telegram.answered) == 7


async def test_receipts_are_kept_whatever_their_order(
    world: World, on_whatsapp: OnWhatsApp, on_sms: OnSms
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    await on_sms.says("hello")
    await on_sms.hears("33 weeks")
    await world.settled()
    for sent in world.whatsapp.sent:
        for state in ("read", "sent", "delivered"):
            assert (await world.tell_whatsapp(world.whatsapp.status(sent, state))).status == 200
    first, *rest = world.notify.sent
    await world.tell_sms(world.notify.receipt(first, "permanent-failure"))
    for sent in rest:
        await world.tell_sms(world.notify.receipt(sent, "delivered"))
    outbox = world.app[OUTBOX]
    assert (await outbox.counts("whatsapp"))[DeliveryState.READ] == len(world.whatsapp.sent)
    counts = await outbox.counts("sms")
    assert (counts[DeliveryState.FAILED], counts[DeliveryState.DELIVERED]) == (1, len(rest))


async def _fails(*_: Any, **__: Any) -> None:
    raise StoreUnavailable("disk full")


@pytest.mark.parametrize("at", ["the first look", "the log"])
async def test_when_nothing_can_be_saved_the_provider_repeats_and_danger_is_answered_once(
    world: World, on_telegram: OnTelegram, on_whatsapp: OnWhatsApp, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    if at == "the log":
        monkeypatch.setattr(world.store, "of_sender", _fails)
    else:
        monkeypatch.setattr(world.app[RECIPIENTS], "was_received", _fails)
    update = world.telegram.write(TELEGRAM_PERSON, "DANGER")
    value = world.whatsapp.message(WHATSAPP_PERSON, text={"body": "DANGER"})
    for _ in range(3):
        assert (await world.tell_telegram(update)).status == 503
        assert (await world.tell_whatsapp(value)).status == 503
    for person in (on_telegram, on_whatsapp):
        assert len(person.texts()) == 1
        assert "000 111" in person.texts()[0]
    monkeypatch.undo()
    assert (await world.tell_telegram(update)).status == 202
    await world.until(lambda: sum("Please get help now" in t for t in on_telegram.texts()) == 2)


async def test_what_cannot_be_saved_keeps_nobody_in_the_same_webhook_from_being_heard(
    world: World, on_whatsapp: OnWhatsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    await world.settled()
    heard = len(on_whatsapp.texts())
    monkeypatch.setattr(world.app[OUTBOX], "report", _fails)
    receipt = world.whatsapp.status(world.whatsapp.sent[-1], "delivered")
    danger = world.whatsapp.message(WHATSAPP_PERSON, text={"body": "DANGER"})
    assert (await world.tell_whatsapp({**receipt, **danger})).status == 503
    await on_whatsapp.hears("Please get help now", heard)


async def test_help_that_was_not_sent_is_sent_at_the_next_repeat_and_to_each_person(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.app[RECIPIENTS], "was_received", _fails)
    world.telegram.faults.queued = ["429"]
    people = (TELEGRAM_PERSON, TELEGRAM_PERSON + 1)
    updates = [world.telegram.write(person, "DANGER") for person in people]
    assert len({update["message"]["message_id"] for update in updates}) == 1  # Telegram counts in each chat
    for _ in range(3):
        for update in updates:
            assert (await world.tell_telegram(update)).status == 503
    assert [len(world.telegram.shown(person)) for person in people] == [1, 1]
