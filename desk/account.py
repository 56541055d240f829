"""One's own account: choosing a password with a one-time link, changing it, and the second factor."""

from __future__ import annotations

import io
import logging
import time

import pyotp
import segno
from aiohttp import web

from conversations.errors import CannotUnseal
from conversations.models import Adviser
from conversations.passwords import SHORTEST, WeakPassword
from conversations.sealing import Sealer
from desk.access import COOKIE, drop_cookie, form_token, set_cookie, visitor_cookie
from desk.keys import ADVISER, SEALER, SETTINGS, store_of
from desk.pages import render, url_of

log = logging.getLogger(__name__)

#: A code is good for 30 seconds; the one before and the one after too, for clocks that are a little off.
_STEP_SECONDS = 30
_STEPS_OFF = 1

_BAD_LINK = "This link was used, replaced or is too old. Ask an admin for a new one."


async def show_choose(request: web.Request) -> web.Response:
    """``GET /desk/password``: whoever has a one-time link chooses a password."""
    secret = request.query.get("link", "")
    owner = await store_of(request).adviser_of_link(secret) if secret else None
    error = _BAD_LINK if secret and owner is None else None
    return _choose_page(request, secret, owner, {"link": error} if error else {})


async def choose(request: web.Request) -> web.Response:
    """``POST /desk/password``: uses the link up."""
    store, form = store_of(request), await request.post()
    secret, password = str(form.get("link", "")).strip(), str(form.get("password", ""))
    owner = await store.adviser_of_link(secret) if secret else None
    if owner is None:
        return _choose_page(
            request, secret, None, {"link": _BAD_LINK if secret else "Enter the link's code."}
        )
    if password != str(form.get("again", "")):
        return _choose_page(request, secret, owner, {"again": "The two passwords differ."})
    try:
        chosen = await store.choose_password(secret, password)
    except WeakPassword as error:
        return _choose_page(request, secret, owner, {"password": str(error)})
    if chosen is None:
        return _choose_page(request, secret, None, {"link": _BAD_LINK})
    await store.audit(who=chosen.id, action="password chosen")
    log.info("password chosen", extra={"adviser": chosen.id})
    raise web.HTTPSeeOther(f"{url_of(request, 'desk.sign_in')}?done=password")


async def show(request: web.Request) -> web.Response:
    """``GET /desk/account``."""
    return _account_page(request, {})


async def change_password(request: web.Request) -> web.Response:
    """``POST /desk/account/password``: ends every session of the account, this one too."""
    adviser, form = request[ADVISER], await request.post()
    new = str(form.get("password", ""))
    if new != str(form.get("again", "")):
        return _account_page(request, {"again": "The two passwords differ."})
    try:
        changed = await store_of(request).change_password(adviser.id, str(form.get("old", "")), new)
    except WeakPassword as error:
        return _account_page(request, {"password": str(error)})
    if not changed:
        return _account_page(request, {"old": "This is not your password."})
    await store_of(request).audit(who=adviser.id, action="password changed")
    log.info("password changed", extra={"adviser": adviser.id})
    response = web.HTTPSeeOther(f"{url_of(request, 'desk.sign_in')}?done=password")
    drop_cookie(request, response)
    raise response


async def show_second_factor(request: web.Request) -> web.Response:
    """``GET /desk/account/second-factor``: a new secret as a QR code, not in use yet."""
    _only_without_second_factor(request)
    return _factor_page(request, pyotp.random_base32(), None)


async def set_second_factor(request: web.Request) -> web.Response:
    """``POST /desk/account/second-factor``: from now on codes are asked for, once one has worked."""
    _only_without_second_factor(request)
    adviser, form = request[ADVISER], await request.post()
    try:
        secret = request.app[SEALER].unseal(str(form.get("sealed", "")))
    except CannotUnseal:
        return _factor_page(request, pyotp.random_base32(), "Scan the new picture, then enter its code.")
    step = step_of_code(secret, str(form.get("code", "")))
    if step is None:
        return _factor_page(request, secret, "This is not the code that the app shows now.")
    store = store_of(request)
    await store.set_second_factor(adviser.id, request.app[SEALER].seal(secret))
    await store.use_code(adviser.id, step)
    await store.audit(who=adviser.id, action="second factor set")
    log.info("second factor set", extra={"adviser": adviser.id})
    raise web.HTTPSeeOther(f"{url_of(request, 'desk.account')}?done=factor-on")


async def drop_second_factor(request: web.Request) -> web.Response:
    """``POST /desk/account/codes-off``: asks for the password first."""
    adviser, form = request[ADVISER], await request.post()
    store = store_of(request)
    if await store.adviser_by_password(adviser.name, str(form.get("old_for_factor", ""))) is None:
        await store.audit(who=adviser.id, action="second factor kept", detail={"why": "wrong password"})
        return _account_page(request, {"old_for_factor": "This is not your password."})
    await store.signed_in(adviser.id)
    await store.set_second_factor(adviser.id, None)
    await store.audit(who=adviser.id, action="second factor removed")
    log.info("second factor removed", extra={"adviser": adviser.id})
    raise web.HTTPSeeOther(f"{url_of(request, 'desk.account')}?done=factor-off")


def _only_without_second_factor(request: web.Request) -> None:
    """Another secret in place of the one in use would be a way around the password that removing it takes."""
    if request[ADVISER].totp_sealed:
        raise web.HTTPSeeOther(url_of(request, "desk.account"))


async def is_second_factor(request: web.Request, adviser: Adviser, code: str) -> bool:
    """Whether ``code`` is good for an account that asks for one; each code is good once."""
    assert adviser.totp_sealed is not None
    try:
        secret = request.app[SEALER].unseal(adviser.totp_sealed)
    except CannotUnseal:
        log.error(
            "a second factor cannot be read: were the secret keys changed?", extra={"adviser": adviser.id}
        )
        return False
    step = step_of_code(secret, code)
    return step is not None and await store_of(request).use_code(adviser.id, step)


def step_of_code(secret: str, code: str) -> int | None:
    """The time step (RFC 6238) whose code this is: the present one or a neighbour; else None."""
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit()):
        return None
    totp, now = pyotp.TOTP(secret), int(time.time()) // _STEP_SECONDS
    for step in range(now - _STEPS_OFF, now + _STEPS_OFF + 1):
        if pyotp.utils.strings_equal(typed, totp.generate_otp(step)):
            return step
    return None


def qr_code(text: str) -> str:
    """``text`` as an SVG element without a style or a script."""
    drawing = io.BytesIO()
    segno.make(text, error="m").save(
        drawing, kind="svg", xmldecl=False, svgns=True, scale=5, border=4, light="#fff", omitsize=False
    )
    return drawing.getvalue().decode()


def _choose_page(
    request: web.Request, secret: str, owner: Adviser | None, errors: dict[str, str]
) -> web.Response:
    cookie = visitor_cookie(request)
    response = render(
        request,
        "password.html",
        {
            "form_token": form_token(cookie),
            "link": secret,
            "owner": owner,
            "errors": errors,
            "shortest": SHORTEST,
        },
        status=422 if errors else 200,
    )
    if COOKIE not in request.cookies:
        set_cookie(request, response, cookie)
    return response


def _account_page(request: web.Request, errors: dict[str, str]) -> web.Response:
    context = {"errors": errors, "shortest": SHORTEST, "done": request.query.get("done", "")}
    return render(request, "account.html", context, status=422 if errors else 200)


def _factor_page(request: web.Request, secret: str, error: str | None) -> web.Response:
    address = pyotp.TOTP(secret).provisioning_uri(
        name=request[ADVISER].name, issuer_name=request.app[SETTINGS].service_name
    )
    sealer: Sealer = request.app[SEALER]
    context = {
        "qr": qr_code(address),
        "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        "sealed": sealer.seal(secret),
        "errors": {"code": error} if error else {},
    }
    return render(request, "second_factor.html", context, status=422 if error else 200)
