"""Rasa's REST channel, so that every client made for Rasa works here, through the same turn."""

from __future__ import annotations

from aiohttp import web

from conversations.models import Owner
from gateway import wording
from gateway.bodies import RestMessage, read_body
from gateway.keys import STORE, TURNS
from gateway.turn import Said
from gateway.wire import rest_json

CHANNEL = "rest"


async def webhook(request: web.Request) -> web.Response:
    """``POST /webhooks/rest/webhook`` ``{"sender", "message"}`` -> list of replies.

    A sender has one conversation. A message that equals the payload of a button offered in it counts as that
    button; everything else is text, also when it begins with "/".
    """
    store, turns = request.app[STORE], request.app[TURNS]

    async def words() -> str:
        return (await read_body(request, RestMessage)).message

    async with turns.never_without_help(words):
        body = await read_body(request, RestMessage)
        conversation = await store.for_sender(CHANNEL, body.sender)
        # Only a command is looked up in the whole chat: a question that was offered is as good as typed.
        is_command = body.message.startswith("/")
        title = await turns.button(conversation.id, body.message) if is_command else None
        said = Said(body.message) if title is None else Said(title, body.message)
        answered = await turns.say(conversation, said)
        replies = [rest_json(message, body.sender) for message in answered.replies]
        if not replies and (await store.get(conversation.id)).owner is Owner.ADVISER:
            name = await store.adviser_name(conversation.id)
            replies = [
                {
                    "recipient_id": body.sender,
                    "text": wording.rest_adviser_line(name),
                    "custom": {"role": "system", "owner": "adviser"},
                }
            ]
        return web.json_response(replies)
