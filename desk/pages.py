"""Rendering a page with what every page shows."""

from __future__ import annotations

from typing import Any

import aiohttp_jinja2
from aiohttp import web

from conversations.models import Adviser
from desk.access import COOKIE, form_token
from desk.keys import ADVISER, SETTINGS
from desk.permissions import Can, may

#: The menu: route, words, and what it needs. Each shows what one may do.
_MENU = (
    ("desk.queue", "Queue", Can.ANSWER),
    ("desk.call_backs", "Call backs", Can.ANSWER),
    ("desk.history", "History", Can.ANSWER),
    ("desk.find", "Find an answer", Can.ANSWER),
    ("desk.supervise", "Who is on", Can.SUPERVISE),
    ("desk.figures", "Figures", Can.SEE_FIGURES),
    ("desk.canned", "Canned replies", Can.WRITE_REPLIES),
    ("desk.service", "Hours and notices", Can.SUPERVISE),
    ("desk.audit", "Audit log", Can.SUPERVISE),
    ("desk.accounts", "Accounts", Can.KEEP_ACCOUNTS),
    ("desk.account", "Your account", Can.BE_SIGNED_IN),
)


def render(
    request: web.Request, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> web.Response:
    """The page, with the adviser who is signed in (or None), the menu and the form token."""
    adviser = request.get(ADVISER)
    here = request.match_info.route.name
    everywhere = {
        "app": request.app,
        "adviser": adviser,
        "menu": [
            {"words": words, "url": url_of(request, route), "here": route == here}
            for route, words, needs in _MENU
            if adviser is not None and may(adviser, needs)
        ],
        "answers": adviser is not None and may(adviser, Can.ANSWER),
        "home": home_of(request, adviser) if adviser else url_of(request, "desk.sign_in"),
        "form_token": form_token(request.cookies.get(COOKIE)),
        "service_name": request.app[SETTINGS].service_name,
    }
    return aiohttp_jinja2.render_template(template, request, everywhere | (context or {}), status=status)


def url_of(request: web.Request, route: str) -> str:
    """The address of a route that has no parameters."""
    return str(request.app.router[route].url_for())


def home_of(request: web.Request, adviser: Adviser) -> str:
    """Where the adviser's work begins: the first page of their menu."""
    return next(url_of(request, route) for route, _, needs in _MENU if may(adviser, needs))
