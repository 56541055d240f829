"""What every request of the desk passes: errors become answers, and headers are added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from conversations.opening import LOCAL_TIME
from desk.errors import NOT_SIGNED_IN, Refusal, as_refusal
from desk.pages import render
from desk.sign_in import ways_in

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROBLEM_JSON = "application/problem+json"

#: No inline script or style, nothing from anywhere else, and nobody frames the page.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: headers are still open when this runs, for WebSockets and errors too."""
    stricter = response.headers.get("Content-Security-Policy")  # of a file that somebody sent
    response.headers.update(SECURITY_HEADERS)
    if stricter is not None:
        response.headers["Content-Security-Policy"] = stricter
    # What people wrote stays out of every cache; our own files are checked again at each use.
    ours = request.match_info.route.name == "desk.static"
    response.headers["Cache-Control"] = "no-cache" if ours else "no-store"


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a page for people, or a problem document for whoever asked for JSON."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except web.HTTPMethodNotAllowed as error:
        response = _answer(request, as_refusal(error))
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except Exception as error:
        return _answer(request, as_refusal(error))


def _answer(request: web.Request, refusal: Refusal) -> web.Response:
    if "application/json" in request.headers.get("Accept", ""):
        return web.json_response(refusal.document(), status=refusal.status, content_type=PROBLEM_JSON)
    context: dict[str, object] = {"refusal": refusal}
    if refusal.code in NOT_SIGNED_IN:
        context |= {"now": datetime.now(LOCAL_TIME), **ways_in(request)}
        return render(request, "not_signed_in.html", context, status=int(refusal.status))
    return render(request, "error.html", context, status=int(refusal.status))
