"""Who may do what: the conversation's token, and the secrets that others tell in a header."""

from __future__ import annotations

import hmac

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


async def still_opened(store: Store, conversation: Conversation) -> Conversation:
    """The conversation as it is now.

    Raises as ``opened`` does once the token that opened ``conversation`` does so no more.
    """
    return same_token(conversation, await store.get(conversation.id))


def same_token(then: Conversation, current: Conversation) -> Conversation:
    """``still_opened`` for a conversation that was read just now. ``then``: as it was when it was opened."""
    if current.token_hash != then.token_hash:
        raise Problem(Code.TOKEN_WRONG)
    return current


async def opened_by_header(request: web.Request, store: Store) -> Conversation:
    """The conversation of the path, opened with the ``Authorization: Bearer`` header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(Code.TOKEN_MISSING)
    return await opened(store, request.match_info["id"], token.strip())


def is_secret(told: str, secret: str) -> bool:
    """Whether a header told ``secret``, in constant time; bytes that are no UTF-8 are told wrong."""
    return hmac.compare_digest(told.encode("utf-8", "surrogateescape"), secret.encode())
