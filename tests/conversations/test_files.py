"""Which files are taken, what they are called, and that they go when their chat goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from conversations.database import Database
from conversations.errors import MessageConflict, NotFound
from conversations.events import Events
from conversations.files import NewFile, file_name, headers_of, media_type_of, size_in_words
from conversations.log import Draft
from conversations.models import File, Priority
from conversations.store import Store
from tests.conftest import EmptyStores

#: The boxes of an MP4 file that say what a track holds.
SOUND_TRACK = b"\x00\x00\x00\x21hdlr" + bytes(8) + b"soun" + bytes(13)
FILM_TRACK = SOUND_TRACK.replace(b"soun", b"vide")

FORM = NewFile("form.pdf", "application/pdf", b"%PDF-1.7 unmistakable")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7", "application/pdf"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"OggS\x00", "audio/ogg"),
        (b"\x00\x00\x00\x20ftypM4A \x00", "audio/mp4"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),  # without a tag
        (b"\xff\xf3\x40\xc4", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"\xff\xf9\x50\x80", "audio/aac"),
        (b"ADIF\x00", "audio/aac"),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"\x00\x00\x00\x18ftypmp42" + SOUND_TRACK, "audio/mp4"),
        (b"\x00\x00\x00\x18ftypmp42" + SOUND_TRACK + FILM_TRACK, None),  # a film with its sound
        (b"\x00\x00\x00\x18ftyp3gp4" + FILM_TRACK, None),
        (b"#!AMR", None),
        (b"#!/bin/sh\n", None),
        (b"\xff\xfd\x90\x64", None),  # Layer II: no phone sends it
        (b"", None),
        (b"<html>%PDF-", None),
        (b"MZ", None),
        (b"PK\x03\x04", None),
        (b"<svg", None),
        (b"\x00\x00\x00\x20ftypisom", None),  # a film
    ],
)
def test_what_a_file_is_is_told_by_its_content(content: bytes, kind: str | None) -> None:
    assert media_type_of(content) == kind


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Form A (2026).pdf", "Form A (2026).pdf"),
        ("FORM.PDF", "FORM.PDF"),
        (r"C:\Users\sam\form.pdf", "form.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("form.exe", "form.exe.pdf"),
        ("harmless\u202efdp.exe", "harmless fdp.exe.pdf"),
        ('a"b\r\nSet-Cookie: x.pdf', "a b Set-Cookie x.pdf"),
        ("half \ud800.pdf", "half .pdf"),
        ("", "file.pdf"),
        ("...", "file.pdf"),
        ("Förderung.pdf", "Förderung.pdf"),
    ],
)
def test_a_name_is_no_path_and_no_other_kind_of_file(told: str, name: str) -> None:
    assert file_name(told, "application/pdf") == name


@given(st.text(max_size=400))
def test_any_name_fits_and_is_safe_in_a_header(told: str) -> None:
    name = file_name(told, "image/png")
    assert len(name) <= 120
    assert name.lower().endswith(".png")
    header = headers_of(name)["Content-Disposition"]
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_sizes_are_said_as_people_read_them() -> None:
    assert [size_in_words(size) for size in (1, 3000, 1_258_291)] == ["1 KB", "3 KB", "1.2 MB"]


async def _with_file(store: Store) -> tuple[str, str]:
    chat = (await store.create("web")).conversation.id
    adviser, _ = await store.add_adviser(f"Sam {chat}")
    await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, adviser.id)
    message = await store.append_adviser(chat, adviser.id, "Here.", file=FORM)
    [attachment] = message.attachments
    return chat, attachment["id"]


def _on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def _count(store: Store) -> int:
    async with store.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(File)) or 0


async def test_a_file_is_kept_with_its_message_and_belongs_to_its_chat_alone(store: Store) -> None:
    chat, file_id = await _with_file(store)
    other = (await store.create("web")).conversation.id
    kept = await store.file(chat, file_id)
    assert kept is not None
    assert (kept.name, kept.media_type, kept.content) == (FORM.name, FORM.media_type, FORM.content)
    assert await store.file(other, file_id) is None
    assert await store.file(chat, "no-such") is None


async def test_a_repeat_with_another_file_is_another_message(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    sam, _ = await store.add_adviser("Sam")
    await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, sam.id)
    other = replace(FORM, name="Another form.pdf")

    sent = await store.append_adviser(chat, sam.id, "Here.", file=FORM, client_message_id="r1")
    again = await store.append_adviser(chat, sam.id, "Here.", file=FORM, client_message_id="r1")
    assert again.seq == sent.seq
    for file in (other, None):
        with pytest.raises(MessageConflict):
            await store.append_adviser(chat, sam.id, "Here.", file=file, client_message_id="r1")
    assert await _count(store) == 1


async def test_a_file_goes_with_its_chat_when_it_is_erased_or_old(store: Store) -> None:
    chat, _ = await _with_file(store)
    await store.erase(chat)
    assert await _count(store) == 0
    await _with_file(store)
    await store.purge(datetime.now(UTC) + timedelta(days=1))
    assert await _count(store) == 0


async def test_nothing_of_an_erased_file_stays_on_the_disk(tmp_path: Path, empty_stores: EmptyStores) -> None:
    store = Store(Database(empty_stores.conversations(tmp_path)), Events())
    chat, _ = await _with_file(store)
    await store.erase(chat)
    await store.database.close()
    assert b"unmistakable" not in _on_disk(tmp_path)


async def test_a_file_is_not_kept_when_its_message_is_not(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.append_assistant("nobody", [Draft(text="x", file=FORM)])
    assert await _count(store) == 0
