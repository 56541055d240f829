"""What counts against a quota, and what a person is told when it is used up.

A message that speaks of danger has a quota of its own, and when that is used up too, the refusal still
carries the crisis reply: nobody in danger is answered with a limit alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from gateway.errors import Code, Problem
from gateway.keys import LIMITS, TURNS
from gateway.limits import WINDOW_SECONDS, Quota

#: The quota that a request used, kept on it for the headers of the answer.
_USED = web.RequestKey("quota", Quota)


async def allow_conversation(request: web.Request) -> None:
    """Count a new conversation. Raises ``Problem`` (``TOO_MANY_REQUESTS``)."""
    limits = request.app[LIMITS]
    address = limits.address(request)
    if address is None:
        return
    quota = await limits.address_conversations.take(address)
    request[_USED] = quota
    if not quota.ok:
        raise _too_many(quota)


async def allow_message(
    request: web.Request, conversation_id: str, words: Callable[[], Awaitable[str]]
) -> None:
    """Count a message. Raises ``Problem`` (``TOO_MANY_REQUESTS``); ``words`` are asked only then."""
    limits = request.app[LIMITS]
    quota = await limits.messages.take(conversation_id)
    if (address := limits.address(request)) is not None:
        theirs = await limits.address_messages.take(address)
        quota = quota if theirs.ok or not quota.ok else theirs
    request[_USED] = quota
    if quota.ok:
        return
    help_now = await request.app[TURNS].help_now(await words())
    if help_now is None:
        raise _too_many(quota)
    if not (await limits.urgent.take(conversation_id)).ok:
        raise _too_many(quota, {"crisis": help_now})


def _too_many(quota: Quota, extra: dict[str, object] | None = None) -> Problem:
    seconds = max(1, quota.wait_seconds)
    wait = "1 second" if seconds == 1 else f"{seconds} seconds"
    return Problem(
        Code.TOO_MANY_REQUESTS,
        detail=f"Please wait {wait}, then send it again. Your words are kept.",
        extra=extra,
        retry_after=seconds,
    )


async def tell_quota(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: what is left, as draft-ietf-httpapi-ratelimit-headers has it."""
    quota = request.get(_USED)
    if quota is not None and quota.most:
        response.headers["RateLimit-Policy"] = f'"{quota.name}";q={quota.most};w={WINDOW_SECONDS}'
        response.headers["RateLimit"] = f'"{quota.name}";r={quota.left};t={quota.wait_seconds}'
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:  # a page too, which is no problem document
            response.headers.setdefault("Retry-After", str(max(1, quota.wait_seconds)))
