"""Rendering a page with what every page shows."""

from __future__ import annotations

from typing import Any

import aiohttp_jinja2
from aiohttp import web

from desk.access import COOKIE, form_token
from desk.keys import ADVISER, SETTINGS


def render(
    request: web.Request, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> web.Response:
    """The page, with the adviser who is signed in (or None), the form token and the service's name."""
    everywhere = {
        "app": request.app,
        "adviser": request.get(ADVISER),
        "form_token": form_token(request.cookies.get(COOKIE)),
        "service_name": request.app[SETTINGS].service_name,
    }
    return aiohttp_jinja2.render_template(template, request, everywhere | (context or {}), status=status)
