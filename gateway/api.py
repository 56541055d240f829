"""The web contract: create a conversation, say something, read on, delete."""

from __future__ import annotations

from aiohttp import web

from conversations.models import Conversation, Owner
from gateway.access import opened_by_header
from gateway.allowance import allow_conversation, allow_message
from gateway.bodies import Feedback, NewConversation, NewMessage, TooLarge, Words, read_after, read_body
from gateway.errors import Code, Problem
from gateway.keys import AREAS, BOT, ORIGINS, STORE, TURNS
from gateway.start import start_json, welcome_of
from gateway.turn import Said, Turns
from gateway.wire import message_json, status_json

CHANNEL = "web"


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/conversations``: a new conversation with its welcome and its token."""
    body = await read_body(request, NewConversation)
    area = _area(request, body.area)
    await allow_conversation(request)
    created = await request.app[STORE].create(CHANNEL, area=area, welcome=welcome_of(request.app, area))
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


async def start(request: web.Request) -> web.Response:
    """``GET /api/v1/start``: what a page shows before anything is said. Nothing is stored."""
    return web.json_response(start_json(request.app, _area(request, request.query.get("area"))))


async def help_now(request: web.Request) -> web.Response:
    """``POST /api/v1/help``: the crisis reply to words that could not be sent. Nothing is stored.

    For a page that could not even begin a conversation. It is under no quota; of words that are too long it
    reads the beginning.
    """
    try:
        text = (await read_body(request, Words)).text
    except TooLarge as error:
        text = error.begins
    return web.json_response({"crisis": await request.app[TURNS].help_now(text)})


async def feedback(request: web.Request) -> web.Response:
    """``PUT .../messages/{seq}/feedback``: whether an answer helped. It is kept and deleted with the chat."""
    store = request.app[STORE]
    conversation = await opened_by_header(request, store)
    body = await read_body(request, Feedback)
    if not await store.rate(conversation.id, int(request.match_info["seq"]), helpful=body.helpful):
        raise Problem(Code.NO_SUCH_MESSAGE)
    return web.Response(status=204)


async def post_message(request: web.Request) -> web.Response:
    """``POST .../messages``: logs the message, takes the turn and returns the replies."""
    store, turns = request.app[STORE], request.app[TURNS]

    async def words() -> str:
        return (await read_body(request, NewMessage)).text or ""

    async with turns.never_without_help(words):
        conversation = await opened_by_header(request, store)
        await allow_message(request, conversation.id, words)
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
    after = read_after(request)
    if conversation.owner is Owner.ADVISER:
        await store.arrived(conversation.id, after)
    messages = await store.messages(conversation.id, after=after)
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


def _area(request: web.Request, wanted: str | None) -> str | None:
    """The area to begin with. Raises ``Problem`` for one that is not there, or not this page's."""
    area = request.app[ORIGINS].area(request, wanted)
    known = request.app[AREAS]
    if wanted is not None and wanted not in known:
        message = f"must be one of: {', '.join(sorted(known)) or '(none just now)'}"
        raise Problem(Code.INVALID_FIELDS, errors=[{"field": "area", "message": message}])
    return area if area in known else None


async def said_in(turns: Turns, conversation: Conversation, body: NewMessage) -> Said:
    """What a checked body says. Raises ``Problem`` for a payload that was never offered."""
    if body.payload is None:
        return Said(body.text or "", None, body.client_message_id)
    title = await turns.button(conversation.id, body.payload)
    if title is None:
        raise Problem(Code.PAYLOAD_NOT_OFFERED)
    return Said(title, body.payload, body.client_message_id)
