"""An adviser sends a file, and sees those that a person sent."""

from __future__ import annotations

import io
import json

import pytest
from aiohttp import FormData
from PIL import ExifTags, Image

from conversations.files import MAX_FILE_BYTES, NewFile
from conversations.log import Draft
from conversations.models import Message, Role
from conversations.store import Store
from tests.channels.conftest import PHOTO as PNG
from tests.desk.conftest import Browser, waiting_chat

PDF = b"%PDF-1.7 a form"


async def _send(
    sam: Browser, chat: str, content: bytes, name: str = "Form A.pdf", *, text: str = "", reply_id: str = "r1"
) -> tuple[int, dict[str, str]]:
    """Send the form as the page's script does."""
    form = FormData(quote_fields=False)  # browsers send a name as it is
    form.add_field("form_token", await sam.form_token("/desk/account"))
    form.add_field("reply_id", reply_id)
    form.add_field("text", text)
    form.add_field("file", content, filename=name, content_type="application/pdf")
    answer = await sam.client.post(
        f"/desk/chats/{chat}/reply", data=form, headers={"Accept": "application/json"}
    )
    return answer.status, json.loads(await answer.text())


async def _adviser_s(store: Store, chat: str) -> list[Message]:
    return [message for message in await store.messages(chat) if message.role is Role.ADVISER]


@pytest.fixture
async def chat(sam: Browser, store: Store) -> str:
    """A chat that Sam has."""
    chat = await waiting_chat(store)
    assert (await sam.post(f"/desk/chats/{chat}/claim"))[0] == 303
    return chat


async def test_a_file_goes_out_with_words_and_is_on_the_page(sam: Browser, store: Store, chat: str) -> None:
    for _ in range(2):  # the answer was lost, and the page sends it again
        assert (await _send(sam, chat, PDF, text="Here it is."))[0] == 201
    [message] = await _adviser_s(store, chat)
    [attachment] = message.attachments
    assert (message.text, attachment["title"]) == ("Here it is.", "Form A.pdf")
    assert attachment["media_type"] == "application/pdf"

    _, page = await sam.page(f"/desk/chats/{chat}")
    address = f"/desk/chats/{chat}/files/{attachment['id']}"
    assert f'href="{address}"' in page
    answer = await sam.client.get(address)
    assert await answer.read() == PDF
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="Form A.pdf"')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


async def test_a_file_needs_no_words(sam: Browser, store: Store, chat: str) -> None:
    assert (await _send(sam, chat, PNG, "map.png"))[0] == 201
    [message] = await _adviser_s(store, chat)
    assert message.text == "I am sending you a file: map.png"
    _, page = await sam.page(f"/desk/chats/{chat}")
    assert 'alt="Picture: map.png"' in page


async def test_where_an_adviser_s_picture_was_taken_does_not_go_out(
    sam: Browser, store: Store, chat: str
) -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.ImageDescription] = "52.9225 N, 1.4746 W"
    tags[ExifTags.Base.Model] = "A telephone"
    taken = io.BytesIO()
    Image.new("RGB", (40, 20), "white").save(taken, "JPEG", exif=tags)
    assert b"52.9225" in taken.getvalue()
    for _ in range(2):  # the answer was lost, and the page sends it again
        assert (await _send(sam, chat, taken.getvalue(), "the way in.jpg"))[0] == 201
    [message] = await _adviser_s(store, chat)
    kept = await store.file(chat, message.attachments[0]["id"])
    assert kept is not None
    assert b"52.9225" not in kept.content
    assert b"telephone" not in kept.content
    with Image.open(io.BytesIO(kept.content)) as seen:
        assert (seen.size, seen.format) == ((40, 20), "JPEG")


async def test_a_picture_that_cannot_be_read_is_not_sent(sam: Browser, store: Store, chat: str) -> None:
    refused, said = await _send(sam, chat, PNG[:45], "map.png", text="Here it is.")
    assert (refused, said["code"]) == (415, "file_kind")
    assert said["detail"].startswith("Nothing was sent: the picture is damaged.")
    assert await _adviser_s(store, chat) == []


async def test_a_picture_that_is_too_large_once_it_is_cleaned_is_not_sent(
    sam: Browser, store: Store, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(taken, "JPEG", optimize=True)  # cleaned, it has more bytes
    monkeypatch.setattr("desk.files.MAX_FILE_BYTES", len(taken.getvalue()))
    refused, said = await _send(sam, chat, taken.getvalue(), "map.jpg")
    assert (refused, said["code"]) == (413, "file_too_large")
    assert await _adviser_s(store, chat) == []


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"MZ a program called form.pdf", 415, "file_kind"),
        (b"<svg><script>alert(1)</script></svg>", 415, "file_kind"),
        (b"OggS sound", 415, "file_kind"),
        (b"", 415, "file_kind"),
        (b"%PDF-" + bytes(MAX_FILE_BYTES), 413, "file_too_large"),
        (b"%PDF-" + bytes(2 * MAX_FILE_BYTES), 413, "file_too_large"),
    ],
    ids=["a program", "a script", "sound", "empty", "too large", "far too large"],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is_said(
    sam: Browser, store: Store, chat: str, content: bytes, status: int, code: str
) -> None:
    refused, said = await _send(sam, chat, content, text="Here it is.")
    assert (refused, said["code"]) == (status, code)
    assert "Nothing was sent." in said["detail"]
    assert await _adviser_s(store, chat) == []


async def test_the_largest_file_goes(sam: Browser, store: Store, chat: str) -> None:
    content = b"%PDF-" + bytes(MAX_FILE_BYTES - 5)
    assert (await _send(sam, chat, content))[0] == 201
    [message] = await _adviser_s(store, chat)
    kept = await store.file(chat, message.attachments[0]["id"])
    assert kept is not None
    assert kept.content == content


async def test_only_the_form_for_replies_may_be_large(sam: Browser, chat: str) -> None:
    form = FormData()
    form.add_field("form_token", await sam.form_token("/desk/account"))
    form.add_field("note", "x" * 2 * 1024 * 1024)
    answer = await sam.client.post(f"/desk/chats/{chat}/note", data=form)
    assert answer.status == 413


async def test_who_does_not_have_the_chat_sends_no_file(
    sam: Browser, ada: Browser, store: Store, chat: str
) -> None:
    assert (await _send(ada, chat, PDF))[0] == 409
    assert await _adviser_s(store, chat) == []


async def test_a_person_s_photo_is_shown_to_advisers_and_to_nobody_without_a_session(
    sam: Browser, visitor: Browser, store: Store, chat: str
) -> None:
    other = await waiting_chat(store)
    note = Draft(
        role=Role.SYSTEM,
        private=True,
        text="The photo that they sent:",
        file=NewFile("photo.png", "image/png", PNG),
        meta={"kind": "from_the_person"},
    )
    [message] = await store.append_assistant(chat, [note], unless_owned_by_adviser=False)
    file_id = message.attachments[0]["id"]
    _, page = await sam.page(f"/desk/chats/{chat}")
    assert f'src="/desk/chats/{chat}/files/{file_id}"' in page
    assert "From the person, only advisers see this" in page
    assert (await sam.client.get(f"/desk/chats/{other}/files/{file_id}")).status == 404
    asked = await visitor.client.get(f"/desk/chats/{chat}/files/{file_id}", allow_redirects=False)
    assert asked.status == 401


async def test_a_file_of_a_chat_that_has_left_the_desk_is_in_its_history_only(
    sam: Browser, store: Store, chat: str
) -> None:
    await _send(sam, chat, PDF)
    [message] = await _adviser_s(store, chat)
    file_id = message.attachments[0]["id"]
    escalation = await store.escalation(chat)
    assert escalation is not None
    await sam.post(f"/desk/chats/{chat}/close", outcome="answered")
    assert (await sam.client.get(f"/desk/chats/{chat}/files/{file_id}")).status == 404
    history = f"/desk/history/{escalation.reference}"
    _, page = await sam.page(history)
    assert f'href="{history}/files/{file_id}"' in page
    assert await (await sam.client.get(f"{history}/files/{file_id}")).read() == PDF
    assert "File: Form A.pdf (1 KB)" in await (await sam.client.get(f"{history}/export?as=text")).text()
    assert (await sam.client.get(f"{history}/files/no-such")).status == 404
