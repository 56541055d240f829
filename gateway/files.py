"""Files of a chat, given to whoever has the chat's token and to nobody else."""

from __future__ import annotations

from aiohttp import web

from conversations.files import headers_of
from gateway.access import opened, opened_by_header
from gateway.bodies import read_form
from gateway.errors import Code, Problem
from gateway.keys import STORE


async def get(request: web.Request) -> web.Response:
    """``GET /api/v1/conversations/{id}/files/{file}``: as a download."""
    conversation = await opened_by_header(request, request.app[STORE])
    return await _answer(request, conversation.id)


async def post(request: web.Request) -> web.Response:
    """``POST /files/{file}``: the same for the page without JavaScript, whose form holds the token."""
    form = await read_form(request)
    conversation = await opened(request.app[STORE], form.get("conversation", ""), form.get("token", ""))
    return await _answer(request, conversation.id)


async def _answer(request: web.Request, conversation_id: str) -> web.Response:
    file = await request.app[STORE].file(conversation_id, request.match_info["file"])
    if file is None:
        raise Problem(Code.NO_SUCH_FILE)
    return web.Response(body=file.content, content_type=file.media_type, headers=headers_of(file.name))
