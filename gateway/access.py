"""Who may do what: the conversation's token."""

from __future__ import annotations

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
