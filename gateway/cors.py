"""Cross-origin answers, for the chat on a council's own pages: only for the origins that the setting names.

There are no cookies here. What a page may do is decided by the conversation's token, which it has only if it
began that conversation itself; the Origin keeps pages that nobody allowed from beginning any.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.errors import Code, Problem
from gateway.keys import ORIGINS

_PREFIXES = ("/api/v1/", "/letters/", "/calendar.ics")
_METHODS = "GET, POST, PUT, DELETE"
_TAKES = "Authorization, Content-Type"
#: Headers of answers that a page's script may read.
_TELLS = "Location, Letter-Note, RateLimit, RateLimit-Policy, Retry-After"
#: A browser asks again after so many seconds: Chromium's own limit.
_REMEMBERED_SECONDS = "7200"


@web.middleware
async def cors_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer a browser's question before the request, and refuse the API to pages that nobody allowed."""
    if not request.path.startswith(_PREFIXES):
        return await handler(request)
    asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if (asked or request.path.startswith("/api/v1/")) and not request.app[ORIGINS].allows(request):
        raise Problem(Code.ORIGIN_NOT_ALLOWED)
    if not asked:
        return await handler(request)
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _TAKES,
            "Access-Control-Max-Age": _REMEMBERED_SECONDS,
        },
    )


async def name_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: let the page that asked read the answer, errors too, if it is an allowed one."""
    if not request.path.startswith(_PREFIXES):
        return
    response.headers.add("Vary", "Origin")
    if (origin := request.app[ORIGINS].named(request)) is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _TELLS
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
