"""From a channel to the web page: ``/continue/TOKEN``, which asks before it moves anything.

Apps fetch links to show a preview of them. So looking at the page uses nothing up; only its button does.
"""

from __future__ import annotations

import aiohttp_jinja2
from aiohttp import web

from gateway import page
from gateway.channels import voice
from gateway.channels.base import Bubble
from gateway.channels.keys import OUTBOX, RECIPIENTS
from gateway.errors import MESSAGES, Code
from gateway.keys import SETTINGS, STORE


async def ask(request: web.Request) -> web.Response:
    """``GET``: what moving means, and a button."""
    good = await request.app[RECIPIENTS].can_cross(request.match_info["token"])
    return _page(request, good=good)


async def move(request: web.Request) -> web.Response:
    """``POST``: the chat goes on in this page. The link works this once."""
    recipients = request.app[RECIPIENTS]
    crossed = await recipients.cross(request.match_info["token"])
    if crossed is None:
        return _page(request, good=False)
    conversation_id, token = crossed
    request.app[STORE].events.publish(conversation_id)  # pages that the chat has left are still open
    recipient = await recipients.get(conversation_id)
    if recipient is not None:
        # Replies no longer go there; this one line does, so that nobody waits there in vain.
        outbox = request.app[OUTBOX]
        await outbox.cancel(conversation_id, recipient.kind, why="the chat goes on in the web page")
        await outbox.enqueue_for(recipient, Bubble(voice.moved()).json(), also_inactive=True)
    return await page.resumed(request, conversation_id, token)


def _page(request: web.Request, *, good: bool) -> web.Response:
    return aiohttp_jinja2.render_template(
        "continue.html",
        request,
        {"settings": request.app[SETTINGS], "good": good},
        status=200 if good else int(MESSAGES[Code.LINK_USED][0]),
    )
