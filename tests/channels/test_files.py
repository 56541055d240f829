"""Files both ways: what an adviser sends, and the photos that people send."""

from __future__ import annotations

import asyncio
import io
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import ExifTags, Image
from sqlalchemy import func, select

from conversations.files import MAX_FILE_BYTES, NewFile
from conversations.models import File, Message
from gateway.channels.keys import OUTBOX, RECEIVER
from gateway.recovery import begin_again
from tests.channels.conftest import (
    PDF,
    PHOTO,
    WHATSAPP_PERSON,
    OnSms,
    OnTelegram,
    OnWhatsApp,
    Person,
    World,
)

FORM = NewFile("Form for school.pdf", "application/pdf", PDF)


@pytest.fixture(params=[OnTelegram, OnWhatsApp], ids=["telegram", "whatsapp"])
def on_phone(request: pytest.FixtureRequest, world: World) -> Person:
    """Somebody on a channel that carries files."""
    made: Person = request.param(world)
    return made


async def _kept(world: World) -> int:
    async with world.store.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(File)) or 0


async def _private(world: World, chat: str) -> list[Message]:
    messages = await world.store.messages(chat, include_private=True)
    return [m for m in messages if m.meta.get("kind") == "from_the_person"]


# -- from the adviser ------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [FORM, NewFile("map.png", "image/png", PHOTO)], ids=["pdf", "picture"])
async def test_an_adviser_s_file_arrives_once_after_their_words(
    world: World, on_phone: Person, file: NewFile
) -> None:
    await on_phone.says("hello")
    await on_phone.hears("33 weeks")
    chat, adviser = await world.with_adviser(on_phone)
    world.telegram.faults.queued = world.whatsapp.faults.queued = ["500", "500"]
    for _ in range(2):  # the page sends it again when the answer was lost
        await world.store.append_adviser(chat, adviser, "Here it is.", file=file, client_message_id="r1")
    await on_phone.hears(file.name)
    await world.settled()
    [(name, content)] = on_phone.files()
    assert content == file.content
    assert name == file.name or (file.media_type == "image/png" and not name)
    texts = on_phone.texts()
    assert texts.index("Sam: Here it is.") < texts.index(file.name)
    assert await _kept(world) == 1


async def test_telegram_is_told_what_the_file_is(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    chat, adviser = await world.with_adviser(on_telegram)
    await world.store.append_adviser(chat, adviser, "Here.", file=FORM)
    await on_telegram.hears(FORM.name)
    [document] = [m["document"] for m in world.telegram.shown(int(on_telegram.address)) if "document" in m]
    assert document["mime_type"] == "application/pdf"


async def test_a_text_message_brings_a_link_that_opens_the_chat_with_the_file(
    world: World, on_sms: OnSms
) -> None:
    await on_sms.says("hello")
    chat, adviser = await world.with_adviser(on_sms)
    await world.store.append_adviser(chat, adviser, "Here it is.", file=FORM)
    text = await on_sms.hears("Sam: Here it is.")
    assert len(text) <= 459
    link = text.partition("The file: https://helpline.example")[2]
    assert link.startswith("/continue/")
    page = await (await world.client.post(link, data={})).text()
    assert "Download Form for school.pdf" in page


class TestWithoutAPublicAddress:
    @pytest.fixture
    def channel_settings(self, channel_settings: dict[str, Any]) -> dict[str, Any]:
        polling = {"public_url": "", "telegram_polling": True}
        return {**channel_settings, **polling}

    async def test_a_text_message_says_that_there_is_a_file(self, world: World, on_sms: OnSms) -> None:
        await on_sms.says("hello")
        chat, adviser = await world.with_adviser(on_sms)
        await world.store.append_adviser(chat, adviser, "Here it is.", file=FORM)
        text = await on_sms.hears("Sam: Here it is.")
        assert "Form for school.pdf" in text
        assert "can't be sent here" in text


async def test_where_a_photo_was_taken_stays_on_the_phone(world: World, on_phone: Person) -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.ImageDescription] = "52.9225 N, 1.4746 W"
    taken = io.BytesIO()
    Image.new("RGB", (40, 20), "white").save(taken, "JPEG", exif=tags)
    assert b"52.9225" in taken.getvalue()
    await on_phone.says("hello")
    await on_phone.hears("33 weeks")
    chat, _ = await world.with_adviser(on_phone)
    await on_phone.sends_photo(taken.getvalue())
    await on_phone.hears("Thanks. Sam can see your photo now.")
    [note] = await _private(world, chat)
    kept = await world.store.file(chat, note.attachments[0]["id"])
    assert kept is not None
    assert kept.media_type == "image/jpeg"
    assert b"52.9225" not in kept.content


async def test_an_adviser_learns_that_a_photo_came_damaged(world: World, on_phone: Person) -> None:
    await on_phone.says("hello")
    await on_phone.hears("33 weeks")
    chat, _ = await world.with_adviser(on_phone)
    await on_phone.sends_photo(PHOTO[:45])
    await on_phone.hears("Sorry, Sam can't open your photo.")
    [note] = await _private(world, chat)
    assert "the picture is damaged" in note.text
    assert note.attachments == []


async def test_a_file_goes_with_its_chat(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    chat, adviser = await world.with_adviser(on_telegram)
    await world.store.append_adviser(chat, adviser, "Here.", file=FORM)
    assert await _kept(world) == 1
    await on_telegram.says("DELETE")
    await on_telegram.hears("We deleted our copy")
    assert await _kept(world) == 0


# -- from the person -------------------------------------------------------------------------------------


async def test_a_photo_reaches_the_adviser_who_has_the_chat(world: World, on_phone: Person) -> None:
    await on_phone.says("hello")
    await on_phone.hears("33 weeks")
    chat, _ = await world.with_adviser(on_phone)
    world.telegram.faults.queued = world.whatsapp.faults.queued = ["500", "reset"]
    await on_phone.sends_photo(caption="my letter from school")
    await on_phone.hears("Thanks. Sam can see your photo now.")
    [note] = await _private(world, chat)
    [attachment] = note.attachments
    assert attachment["media_type"] == "image/png"  # what it is, not what the phone said
    kept = await world.store.file(chat, attachment["id"])
    assert kept is not None
    with Image.open(io.BytesIO(kept.content)) as seen, Image.open(io.BytesIO(PHOTO)) as sent:
        assert seen.tobytes() == sent.tobytes()
    said = [m.text for m in await world.store.messages(chat)]
    assert said.index("[The person sent a photo.]") < said.index("my letter from school")
    # It never goes back to a phone.
    await world.settled()
    assert on_phone.files() == []


async def test_without_an_adviser_a_photo_is_not_fetched_and_nobody_is_told_it_was(
    world: World, on_phone: Person
) -> None:
    await on_phone.says("hello")
    await on_phone.sends_photo()
    await on_phone.hears("can't look at pictures, so I don't keep them")
    conversation = await world.conversation(on_phone)
    assert conversation is not None
    said = [m.text for m in await world.store.messages(conversation.id)]
    assert "[The person sent a photo. It was not kept.]" in said
    assert await _kept(world) == 0
    assert not any(method == "getFile" for _, method in world.telegram.calls)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"x" * MAX_FILE_BYTES, "too large"),
        (b"MZ\x90\x00 a program", "only pictures"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "only pictures"),
    ],
    ids=["too large", "a program", "a picture with a script"],
)
async def test_what_cannot_be_shown_is_said_to_both(
    world: World, on_phone: Person, content: bytes, why: str
) -> None:
    await on_phone.says("hello")
    chat, _ = await world.with_adviser(on_phone)
    await on_phone.sends_photo(content)
    await on_phone.hears("Sorry, Sam can't open your photo. Can you say it in words?")
    [note] = await _private(world, chat)
    assert why in note.text
    assert note.attachments == []
    assert await _kept(world) == 0


async def test_a_picture_that_is_too_large_once_it_is_cleaned_is_not_kept(
    world: World, on_phone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(taken, "JPEG", optimize=True)  # cleaned, it has more bytes
    monkeypatch.setattr("gateway.channels.receiving.MAX_FILE_BYTES", len(taken.getvalue()))
    await on_phone.says("hello")
    chat, _ = await world.with_adviser(on_phone)
    await on_phone.sends_photo(taken.getvalue())
    await on_phone.hears("Sorry, Sam can't open your photo. Can you say it in words?")
    [note] = await _private(world, chat)
    assert "the picture is too large" in note.text
    assert await _kept(world) == 0


async def test_a_provider_that_gives_nothing_out_is_asked_three_times(
    world: World, on_whatsapp: OnWhatsApp
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    await world.settled()
    chat, _ = await world.with_adviser(on_whatsapp)
    world.whatsapp.faults.queued = ["503", "503", "503"]
    await on_whatsapp.sends_photo()
    await on_whatsapp.hears("Sam can't open your photo")
    [note] = await _private(world, chat)
    assert "does not answer just now" in note.text


async def test_a_photo_whose_fetching_was_cut_off_is_fetched_later(
    world: World, on_whatsapp: OnWhatsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    chat, _ = await world.with_adviser(on_whatsapp)
    with monkeypatch.context() as killed:  # the process ends right after the webhook was answered
        killed.setattr(world.app[RECEIVER], "_begin", lambda work: work.close())
        await on_whatsapp.sends_photo()
    assert await _private(world, chat) == []
    await begin_again(world.app, datetime.now(UTC) + timedelta(seconds=1), nullcontext())
    await on_whatsapp.hears("Sam can see your photo now")
    [note] = await _private(world, chat)
    assert note.attachments
    assert not any("[The person sent" in text for text in world.bot.texts)


async def test_a_voice_note_and_a_document_reach_the_adviser_under_their_names(
    world: World, on_whatsapp: OnWhatsApp
) -> None:
    await on_whatsapp.says("hello")
    chat, _ = await world.with_adviser(on_whatsapp)
    whatsapp = world.whatsapp
    voice = whatsapp.keep(b"OggS\x00\x02 sound", "audio/ogg")
    letter = whatsapp.keep(PDF, "application/pdf")
    for content in (
        {"audio": {"id": voice, "mime_type": "audio/ogg; codecs=opus", "voice": True}},
        {"document": {"id": letter, "mime_type": "application/pdf", "filename": "../school\u202efdp.exe"}},
    ):
        value = whatsapp.message(WHATSAPP_PERSON, **content)
        assert (await world.tell_whatsapp(value)).status == 200
    await on_whatsapp.hears("Sam can hear your voice message now")
    await on_whatsapp.hears("Sam can open your file now")
    names = {note.attachments[0]["title"] for note in await _private(world, chat)}
    assert names == {"voice.ogg", "school fdp.exe.pdf"}


@pytest.mark.parametrize(
    ("media_type", "content", "name"),
    [
        ("audio/aac", b"\xff\xf1\x50\x80 sound", "voice.aac"),
        ("audio/amr", b"#!AMR\n\x3c sound", "voice.amr"),
        ("audio/mpeg", b"\xff\xfb\x90\x64 sound", "voice.mp3"),
        ("audio/mp4", b"\x00\x00\x00\x20ftypM4A \x00 sound", "voice.m4a"),
        ("audio/ogg", b"OggS\x00\x02 sound", "voice.ogg"),
    ],
)
async def test_every_sound_that_whatsapp_carries_reaches_the_adviser(
    world: World, on_whatsapp: OnWhatsApp, media_type: str, content: bytes, name: str
) -> None:
    await on_whatsapp.says("hello")
    await on_whatsapp.hears("33 weeks")
    chat, _ = await world.with_adviser(on_whatsapp)
    sound = world.whatsapp.keep(content, media_type)
    value = world.whatsapp.message(WHATSAPP_PERSON, audio={"id": sound, "mime_type": media_type})
    assert (await world.tell_whatsapp(value)).status == 200
    await on_whatsapp.hears("Sam can hear your voice message now")
    [note] = await _private(world, chat)
    [attachment] = note.attachments
    assert (attachment["title"], attachment["media_type"]) == (name, media_type)
    kept = await world.store.file(chat, attachment["id"])
    assert kept is not None
    assert kept.content == content


async def test_who_says_stop_while_a_photo_is_fetched_hears_no_more(
    world: World, on_telegram: OnTelegram
) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    await world.with_adviser(on_telegram)
    world.telegram.faults.queued = ["500"]
    await asyncio.gather(on_telegram.sends_photo(), on_telegram.says("STOP"))
    await on_telegram.hears("won't send you any more")
    await asyncio.sleep(0.3)
    await world.settled()
    assert "won't send you any more" in on_telegram.texts()[-1]
    assert await world.app[OUTBOX].next_due(["telegram"]) is None
