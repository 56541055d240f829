"""The web contract: create a conversation, say something, read on, delete."""

from __future__ import annotations

from aiohttp import web

from conversations.models import Conversation
from gateway import wording
from gateway.access import opened_by_header
from gateway.bodies import NewConversation, NewMessage, read_after, read_body
from gateway.errors import Code, Problem
from gateway.keys import AREAS, BOT, SETTINGS, STORE, TURNS
from gateway.turn import Said, Turns
from gateway.wire import message_json, status_json

CHANNEL = "web"


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/conversations``: a new conversation with its welcome and its token."""
    body = await read_body(request, NewConversation)
    known = request.app[AREAS]
    if body.area is not None and body.area not in known:
        wrong = {
            "field": "area",
            "message": f"must be one of: {', '.join(sorted(known)) or '(none just now)'}",
        }
        raise Problem(Code.INVALID_FIELDS, errors=[wrong])
    created = await request.app[STORE].create(
        CHANNEL, area=body.area, welcome=wording.welcome(request.app[SETTINGS].retention_days)
    )
    return web.json_response(
        {
            "id": created.conversation.id,
            "token": created.token,
            "messages": [message_json(message) for message in created.messages],
            **await status_json(request.app[STORE], created.conversation.id),
        },
        status=201,
        headers={"Location": f"/api/v1/conversations/{created.conversation.id}/messages"},
    )


async def post_message(request: web.Request) -> web.Response:
    """``POST .../messages``: logs the message, takes the turn and returns the replies."""
    store, turns = request.app[STORE], request.app[TURNS]

    async def words() -> str:
        return (await read_body(request, NewMessage)).text or ""

    async with turns.never_without_help(words):
        conversation = await opened_by_header(request, store)
        body = await read_body(request, NewMessage)
        answered = await turns.say(conversation, await said_in(turns, conversation, body))
        return web.json_response(
            {
                "message": message_json(answered.message),
                "replies": [message_json(reply) for reply in answered.replies],
                **await status_json(store, conversation.id),
            },
            status=201,
        )


async def get_messages(request: web.Request) -> web.Response:
    """``GET .../messages?after=SEQ``: what came after, and who has the chat."""
    store = request.app[STORE]
    conversation = await opened_by_header(request, store)
    messages = await store.messages(conversation.id, after=read_after(request))
    return web.json_response(
        {
            "messages": [message_json(message) for message in messages],
            **await status_json(store, conversation.id),
        }
    )


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/conversations/{id}``: really deletes, here and in the bot's memory."""
    store = request.app[STORE]
    conversation = await opened_by_header(request, store)
    await store.erase(conversation.id)
    await request.app[BOT].forget(conversation.id)
    return web.Response(status=204)


async def said_in(turns: Turns, conversation: Conversation, body: NewMessage) -> Said:
    """What a checked body says. Raises ``Problem`` for a payload that was never offered."""
    if body.payload is None:
        return Said(body.text or "", None, body.client_message_id)
    title = await turns.button(conversation.id, body.payload)
    if title is None:
        raise Problem(Code.PAYLOAD_NOT_OFFERED)
    return Said(title, body.payload, body.client_message_id)
