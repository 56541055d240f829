"""Headers that every answer carries."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

log = logging.getLogger(__name__)

#: No inline script or style, nothing from anywhere else, and nobody frames the page.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
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
    "Server": "helpline",  # which software and version is nobody's business
}

#: Asked every few seconds by machines; logged only when somebody looks closely.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: headers are still open when this runs, for WebSockets and errors too."""
    stricter = response.headers.get("Content-Security-Policy")  # of a file that somebody sent
    response.headers.update(SECURITY_HEADERS)
    if stricter is not None:
        response.headers["Content-Security-Policy"] = stricter
    # What people wrote stays out of every cache; our own files are checked again at each use.
    static = request.path.startswith("/static/")
    response.headers.setdefault("Cache-Control", "no-cache" if static else "no-store")


@web.middleware
async def log_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """One log line a request: its route (not its path), status and time. No address, no content."""
    started = time.perf_counter()
    response = await handler(request)
    resource = request.match_info.route.resource
    log.log(
        logging.DEBUG if request.path in _QUIET else logging.INFO,
        "request",
        extra={
            "method": request.method,
            "route": resource.canonical if resource else "(none)",
            "status": response.status,
            "ms": round((time.perf_counter() - started) * 1000),
        },
    )
    return response
