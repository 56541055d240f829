"""Files in a chat: reading the one that an adviser sends, and showing those that are there."""

from __future__ import annotations

import asyncio

from aiohttp import web

from conversations.files import (
    MAX_FILE_BYTES,
    SENT_BY_ADVISERS,
    NewFile,
    file_name,
    headers_of,
    media_type_of,
    size_in_words,
)
from conversations.models import File
from conversations.pictures import PICTURES, NoPicture, TooManyBytes, cleaned
from desk.casework import record
from desk.errors import Code, Refusal
from desk.keys import store_of

#: What a browser adds around a file in a form, and the words that go with it.
FORM_BYTES = MAX_FILE_BYTES + 256 * 1024


async def file_in(form_field: object) -> NewFile | None:
    """The file that was chosen in a form's field; None when none was. Raises ``Refusal``.

    What a camera wrote into a picture is left out: where and when it was taken, and with what.
    """
    if not isinstance(form_field, web.FileField) or not form_field.filename:
        return None
    content = await asyncio.to_thread(form_field.file.read, MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise too_large()
    media_type = media_type_of(content)
    if media_type not in SENT_BY_ADVISERS:
        raise Refusal(Code.FILE_KIND)
    if media_type in PICTURES:
        try:
            content = await cleaned(content, media_type, most=MAX_FILE_BYTES)
        except TooManyBytes:
            raise too_large() from None
        except NoPicture as error:
            raise Refusal(
                Code.FILE_KIND,
                detail=f"Nothing was sent: {error}. Your words are still here. Choose another picture.",
            ) from None
    return NewFile(file_name(form_field.filename, media_type), media_type, content)


def too_large() -> Refusal:
    """The refusal of a file that has more than ``MAX_FILE_BYTES``."""
    most = size_in_words(MAX_FILE_BYTES).replace(".0", "")
    return Refusal(
        Code.FILE_TOO_LARGE,
        detail=f"Nothing was sent. {most} is the most. Your words are still here. Choose a smaller file.",
    )


async def show(request: web.Request) -> web.Response:
    """``GET /desk/chats/{id}/files/{file}``: a file of a chat that waits for a person or has one."""
    store, chat = store_of(request), request.match_info["id"]
    if await store.escalation(chat) is None:
        raise Refusal(Code.NO_SUCH_CHAT)
    answer = response_of(await store.file(chat, request.match_info["file"]))
    await record(request, "file viewed", {"file": request.match_info["file"]})
    return answer


def response_of(file: File | None) -> web.Response:
    """A file as an answer; pictures and sounds are shown by the page that asks. Raises ``Refusal``."""
    if file is None:
        raise Refusal(Code.NO_SUCH_FILE)
    return web.Response(body=file.content, content_type=file.media_type, headers=headers_of(file.name))
