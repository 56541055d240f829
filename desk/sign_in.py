"""Signing in with a key, and signing out without leaving anybody waiting."""

from __future__ import annotations

import logging
from datetime import timedelta

from aiohttp import web

from conversations.errors import OwnershipChanged
from conversations.keys import new_token
from desk import notices
from desk.access import COOKIE, drop_cookie, form_token, set_cookie
from desk.keys import ADVISER, SETTINGS, store_of
from desk.pages import render

log = logging.getLogger(__name__)


async def show(request: web.Request) -> web.Response:
    """``GET /desk/sign-in``."""
    if ADVISER in request:
        raise web.HTTPSeeOther(_url(request, "desk.queue"))
    cookie = request.cookies.get(COOKIE) or new_token()
    response = render(request, "sign_in.html", {"form_token": form_token(cookie), "error": None})
    set_cookie(request, response, cookie)
    return response


async def submit(request: web.Request) -> web.Response:
    """``POST /desk/sign-in``: open a session for whoever has the key.

    A key is 256 random bits, so guessing is hopeless at any speed and nothing here has to slow it down.
    """
    store = store_of(request)
    key = str((await request.post()).get("key", "")).strip()
    adviser = await store.adviser_by_key(key) if key else None
    if adviser is None:
        error = "This key does not open the desk." if key else "Enter your sign-in key."
        log.warning("sign-in refused")
        return render(request, "sign_in.html", {"error": error}, status=403)
    lasts = timedelta(hours=request.app[SETTINGS].session_hours)
    # A new value for the cookie: one that somebody planted before is worth nothing now.
    token = await store.open_session(adviser.id, lasts)
    await store.adviser_seen(adviser.id)
    log.info("signed in", extra={"adviser": adviser.id})
    response = web.HTTPSeeOther(_url(request, "desk.queue"))
    set_cookie(request, response, token)
    raise response


async def leave(request: web.Request) -> web.Response:
    """``POST /desk/sign-out``: asks first when there are chats, then puts them back in the queue."""
    store, adviser = store_of(request), request[ADVISER]
    chats = await store.claimed_by(adviser.id)
    if chats and "confirmed" not in await request.post():
        return render(request, "sign_out.html", {"chats": len(chats)})
    for chat in chats:
        try:
            await store.release(
                chat.id, adviser.id, why="the adviser signed out", notice=notices.back_in_queue(adviser)
            )
        except OwnershipChanged:
            continue  # closed or lost since it was listed
    await store.close_session(request.cookies[COOKIE])
    await store.adviser_left(adviser.id)
    log.info("signed out", extra={"adviser": adviser.id})
    response = web.HTTPSeeOther(_url(request, "desk.sign_in"))
    drop_cookie(request, response)
    raise response


def _url(request: web.Request, route: str) -> str:
    return str(request.app.router[route].url_for())
