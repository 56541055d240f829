"""Signing in at the council's own sign-in service (OpenID Connect): going there and coming back."""

from __future__ import annotations

import logging

from aiohttp import web

from conversations.errors import AdviserExists, NotFound
from desk.access import needs_https, set_cookie
from desk.errors import MESSAGES, Code, Refusal
from desk.keys import OIDC, store_of
from desk.oidc import OpenIdConnect, ServiceDown, SignInFailed
from desk.pages import home_of, render, url_of
from desk.sign_in import open_session

log = logging.getLogger(__name__)

_COOKIE = "helpline_desk_elsewhere"
_COOKIE_SECONDS = 600


async def go(request: web.Request) -> web.Response:
    """``GET /desk/sign-in/elsewhere``: to the sign-in service; ``?other=yes``: to choose an account there."""
    service = _service(request)
    try:
        url, sealed = await service.begin(_come_back_to(request), choose="other" in request.query)
    except SignInFailed as error:
        log.error("sign-in elsewhere", extra={"cause": str(error)})
        raise Refusal(_why(error)) from error
    response = web.HTTPSeeOther(url)
    response.set_cookie(
        _COOKIE,
        sealed,
        path=url_of(request, "desk.elsewhere_back"),
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",  # the way back begins on the other site
        secure=needs_https(request),
    )
    raise response


async def come_back(request: web.Request) -> web.Response:
    """``GET /desk/sign-in/elsewhere/back``: opens a session for whoever the service says it is."""
    service, store = _service(request), store_of(request)
    query = request.query
    if "error" in query:
        # A short code of OAuth 2.0 such as access_denied; what else it says may name somebody.
        log.warning("sign-in elsewhere", extra={"cause": f"refused: {query['error'][:40]}"})
        raise Refusal(Code.ELSEWHERE_REFUSED)
    try:
        person = await service.finish(
            _come_back_to(request),
            request.cookies.get(_COOKIE, ""),
            query.get("state", ""),
            query.get("code", ""),
        )
    except SignInFailed as error:
        log.warning("sign-in elsewhere", extra={"cause": str(error)})
        raise Refusal(_why(error)) from error
    if person.role is None:
        await store.lock_out(person.issuer, person.subject)
        raise Refusal(Code.NO_ROLE, detail=f"You signed in as {person.name}. {MESSAGES[Code.NO_ROLE][2]}")
    try:
        adviser = await store.adviser_from_elsewhere(person.issuer, person.subject, person.name, person.role)
    except NotFound as error:
        raise Refusal(Code.CLOSED_ACCOUNT) from error
    except AdviserExists as error:
        raise Refusal(Code.NAME_TAKEN) from error
    token = await open_session(request, adviser)
    # A page, not a redirect: a redirect still counts as coming from the other site, and the session's cookie
    # (SameSite=Strict) would stay at home.
    response = render(request, "came_back.html", {"home": home_of(request, adviser)})
    set_cookie(request, response, token)
    response.del_cookie(_COOKIE, path=url_of(request, "desk.elsewhere_back"))
    return response


def _why(error: SignInFailed) -> Code:
    return Code.ELSEWHERE_DOWN if isinstance(error, ServiceDown) else Code.ELSEWHERE_FAILED


def _service(request: web.Request) -> OpenIdConnect:
    service = request.app[OIDC]
    if service is None:
        raise Refusal(Code.NO_SUCH_PAGE)
    return service


def _come_back_to(request: web.Request) -> str:
    """Our own address as the browser knows it; the service only takes one that was registered there."""
    scheme = "https" if needs_https(request) else "http"
    return f"{scheme}://{request.host}{url_of(request, 'desk.elsewhere_back')}"
