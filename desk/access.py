"""Who gets in where: the session behind the cookie, roles, form tokens, and who may open a socket."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from conversations.keys import new_token
from desk.errors import Code, Refusal
from desk.files import FORM_BYTES, too_large
from desk.keys import ADVISER, NEEDS, store_of
from desk.permissions import Can, may

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "helpline_desk"

_OUR_FILES = "desk.static"

#: The one form that may be larger than words are.
_TAKES_A_FILE = "desk.reply"

#: Where browsers speak plain HTTP without anybody listening: the machine itself.
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def form_token(cookie: str | None) -> str:
    """The token that a visitor's forms carry; empty for a visitor without a cookie.

    Made from the cookie, which a page elsewhere can neither read nor choose, so there is nothing to store.
    """
    return hashlib.sha256(f"form\n{cookie}".encode()).hexdigest() if cookie else ""


async def check_form(request: web.Request) -> None:
    """Refuse a form that did not come from a page of ours. Raises ``Refusal``."""
    try:
        sent = (await request.post()).get("form_token")
    except web.HTTPRequestEntityTooLarge:
        if request.match_info.route.name == _TAKES_A_FILE:
            raise too_large() from None
        raise
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
        secure=needs_https(request),
    )


def visitor_cookie(request: web.Request) -> str:
    """The cookie from which a visitor's forms are made before signing in; a new one if there is none."""
    return request.cookies.get(COOKIE) or new_token()


def drop_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    response.del_cookie(COOKIE, path=_desk_path(request))


def needs_https(request: web.Request) -> bool:
    """Whether cookies are for TLS only: always, but for plain HTTP to the machine itself.

    The proxy's header may be taken at its word: whoever forges it only spoils their own cookie.
    """
    is_https = request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    return is_https or request.url.host not in _OWN_MACHINE


def _desk_path(request: web.Request) -> str:
    return request.app.router["desk.queue"].url_for().path


@web.middleware
async def session_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is signed in and whether their role fits the route. Checks every form.

    What is not in the table of needs, such as an address that does not exist, asks for somebody signed in.
    """
    route = request.match_info.route.name
    if route == _OUR_FILES:
        return await handler(request)
    needs = request.app[NEEDS].get(route or "", Can.BE_SIGNED_IN)
    store = store_of(request)
    token = request.cookies.get(COOKIE)
    adviser = await store.adviser_in_session(token) if token else None
    if adviser is None and needs is not Can.BE_ANYBODY:
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther(request.app.router["desk.sign_in"].url_for())
        raise Refusal(Code.SIGN_IN_NEEDED)
    if adviser is not None:
        request[ADVISER] = adviser
        if not may(adviser, needs):
            raise Refusal(Code.NOT_YOUR_ROLE)
    if request.method not in ("GET", "HEAD"):
        if route == _TAKES_A_FILE:
            request = request.clone(client_max_size=FORM_BYTES)
        await check_form(request)
    if adviser is not None:
        await store.adviser_seen(adviser.id)
    return await handler(request)
