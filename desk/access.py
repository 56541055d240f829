"""Who gets in: the session behind the cookie, the form tokens, and the pages that may open a socket."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from desk.errors import Code, Refusal
from desk.keys import ADVISER, store_of

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "helpline_desk"

#: The routes that need nobody signed in. Every other one refuses.
OPEN_ROUTES = frozenset({"desk.sign_in", "desk.static"})
_OUR_FILES = "desk.static"


def form_token(cookie: str | None) -> str:
    """The token that a visitor's forms carry; empty for a visitor without a cookie.

    Made from the cookie, which a page elsewhere can neither read nor choose, so there is nothing to store.
    """
    return hashlib.sha256(f"form\n{cookie}".encode()).hexdigest() if cookie else ""


async def check_form(request: web.Request) -> None:
    """Refuse a form that did not come from a page of ours. Raises ``Refusal``."""
    sent = (await request.post()).get("form_token")
    expected = form_token(request.cookies.get(COOKIE))
    if not (expected and isinstance(sent, str) and hmac.compare_digest(sent.encode(), expected.encode())):
        raise Refusal(Code.FORM_TOO_OLD)


def check_origin(request: web.Request) -> None:
    """Refuse a WebSocket that a web page of another origin opens. Raises ``Refusal``.

    Browsers do not apply the same-origin policy to WebSockets, and they may send the adviser's cookie along;
    only the Origin header (which a page cannot forge) tells which page it was. Every browser sends it.
    """
    origin = request.headers.get("Origin", "")
    if urlsplit(origin).netloc.lower() != request.host.lower():
        raise Refusal(Code.ORIGIN_NOT_ALLOWED)


def set_cookie(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Give the browser its session (or, before signing in, something to make form tokens from)."""
    response.set_cookie(
        COOKIE,
        token,
        path=_desk_path(request),
        httponly=True,
        samesite="Strict",
        secure=is_https(request),
    )


def drop_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    response.del_cookie(COOKIE, path=_desk_path(request))


def is_https(request: web.Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us.

    The proxy's header may be taken at its word: whoever forges it only spoils their own cookie.
    """
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def _desk_path(request: web.Request) -> str:
    return request.app.router["desk.queue"].url_for().path


@web.middleware
async def session_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is signed in; without anybody, only the open routes answer. Checks every form."""
    route = request.match_info.route.name
    if route == _OUR_FILES:
        return await handler(request)
    store = store_of(request)
    token = request.cookies.get(COOKIE)
    adviser = await store.adviser_in_session(token) if token else None
    if adviser is None and route not in OPEN_ROUTES:
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther(request.app.router["desk.sign_in"].url_for())
        raise Refusal(Code.SIGN_IN_NEEDED)
    if request.method not in ("GET", "HEAD"):
        await check_form(request)
    if adviser is not None:
        request[ADVISER] = adviser
        await store.adviser_seen(adviser.id)
    return await handler(request)
