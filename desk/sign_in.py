"""Signing in with name, password and, if set up, a code; and signing out without leaving anybody waiting."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import NoReturn

from aiohttp import web

from conversations.errors import OwnershipChanged
from conversations.models import Adviser
from desk import notices
from desk.access import COOKIE, drop_cookie, form_token, set_cookie, visitor_cookie
from desk.account import is_second_factor
from desk.errors import Code, Refusal
from desk.keys import ADVISER, SETTINGS, store_of
from desk.pages import home_of, render, url_of

log = logging.getLogger(__name__)

#: Never says which was wrong, nor whether the account exists or is locked: that helps only who guesses.
_REFUSED = (
    "These do not fit together, or there were too many wrong tries. Check each of them. "
    "After five wrong tries, wait before the next: at first a minute, then longer each time."
)


async def show(request: web.Request) -> web.Response:
    """``GET /desk/sign-in``."""
    if ADVISER in request:
        raise web.HTTPSeeOther(home_of(request, request[ADVISER]))
    cookie = visitor_cookie(request)
    response = _page(request, {"form_token": form_token(cookie), "done": request.query.get("done", "")})
    set_cookie(request, response, cookie)
    return response


async def submit(request: web.Request) -> web.Response:
    """``POST /desk/sign-in``: open a session for whoever knows the password and has the second factor."""
    if not request.app[SETTINGS].local_sign_in:
        raise Refusal(Code.NO_SUCH_PAGE)
    store, form = store_of(request), await request.post()
    name, password, code = (str(form.get(field, "")) for field in ("name", "password", "code"))
    if not name.strip() or not password:
        missing = {"name": "Enter your name."} if not name.strip() else {"password": "Enter your password."}
        return _page(request, {"errors": missing, "name": name}, status=422)
    adviser = await store.adviser_by_password(name, password)
    if adviser is not None and adviser.totp_sealed and not await is_second_factor(request, adviser, code):
        # Somebody has the password: the account's owner and the supervisors should see that.
        await store.audit(
            who=adviser.id, action="second factor refused", detail={"given": bool(code.strip())}
        )
        adviser = None
    if adviser is None:
        log.warning("sign-in refused")
        return _page(request, {"errors": {"name": _REFUSED}, "name": name}, status=403)
    await store.signed_in(adviser.id)
    token = await open_session(request, adviser)
    response = web.HTTPSeeOther(home_of(request, adviser))
    set_cookie(request, response, token)
    raise response


async def open_session(request: web.Request, adviser: Adviser) -> str:
    """The token of a new session.

    Always a new value for the cookie: one that somebody planted before is worth nothing now.
    """
    store = store_of(request)
    token = await store.open_session(adviser.id, timedelta(hours=request.app[SETTINGS].session_hours))
    await store.adviser_seen(adviser.id)
    await store.audit(who=adviser.id, action="signed in")
    log.info("signed in", extra={"adviser": adviser.id})
    return token


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
    await store.audit(who=adviser.id, action="signed out")
    log.info("signed out", extra={"adviser": adviser.id})
    _to_sign_in(request)


def ways_in(request: web.Request) -> dict[str, object]:
    """For a page: whether accounts of the desk's own sign in, and what the other service is called."""
    settings = request.app[SETTINGS]
    return {"local": settings.local_sign_in, "elsewhere": settings.oidc_name if settings.oidc_issuer else ""}


def _to_sign_in(request: web.Request) -> NoReturn:
    response = web.HTTPSeeOther(url_of(request, "desk.sign_in"))
    drop_cookie(request, response)
    raise response


def _page(request: web.Request, context: dict[str, object], *, status: int = 200) -> web.Response:
    standard = {"errors": {}, "name": "", "done": ""}
    return render(request, "sign_in.html", {**standard, **ways_in(request), **context}, status=status)
