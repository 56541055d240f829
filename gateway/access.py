"""Who may do what: the conversation's token, and the pages that may open a socket."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from conversations.models import Conversation
from conversations.store import Store
from gateway.errors import Code, Problem


async def opened(store: Store, conversation_id: str, token: str) -> Conversation:
    """The conversation that ``token`` opens. Raises ``Problem`` or ``NotFound``."""
    conversation = await store.authenticate(conversation_id, token)
    if conversation is None:
        await store.get(conversation_id)  # an id cannot be guessed, so "no such" gives nothing away
        raise Problem(Code.TOKEN_WRONG)
    return conversation


async def opened_by_header(request: web.Request, store: Store) -> Conversation:
    """The conversation of the path, opened with the ``Authorization: Bearer`` header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(Code.TOKEN_MISSING)
    return await opened(store, request.match_info["id"], token.strip())


def check_origin(request: web.Request, allowed: tuple[str, ...]) -> None:
    """Refuse a WebSocket that a web page of a foreign origin opens. Raises ``Problem``.

    Browsers do not apply the same-origin policy to WebSockets: any page on the internet may open one to us
    from a visitor's browser, and only the Origin header (which a page cannot forge) tells which page it was.
    The token in the first frame keeps such a page out of the chat; this keeps it from connecting at all.
    Programs that are not browsers send no Origin and are held to the token alone.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return
    same_host = urlsplit(origin).netloc.lower() == request.host.lower()
    if not same_host and origin.rstrip("/").lower() not in allowed:
        raise Problem(Code.ORIGIN_NOT_ALLOWED)
