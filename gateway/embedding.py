"""What a council's page loads, and the pages about it: the script, the demonstration, accessibility."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

import aiohttp_jinja2
from aiohttp import web

from gateway.keys import AREAS, SETTINGS

_SCRIPT = Path(__file__).parent / "static" / "widget.js"

#: An update reaches every page within so many seconds; until then browsers do not ask again.
_FRESH_SECONDS = 300


@lru_cache(maxsize=1)
def _script() -> tuple[bytes, bytes, str]:
    """The script as it is and compressed, and its ETag."""
    plain = _SCRIPT.read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:16]


async def widget(request: web.Request) -> web.Response:
    """``GET /widget.js``: the whole chat in one file. Pages of any origin may load it; it holds no data."""
    plain, packed, etag = _script()
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    response = web.Response(
        body=packed if takes_gzip else plain,
        content_type="text/javascript",
        charset="utf-8",
        headers={
            "Cache-Control": f"public, max-age={_FRESH_SECONDS}",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
        },
    )
    response.etag = etag
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    if any(tag.value == etag for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=response.headers)
    return response


async def demo(request: web.Request) -> web.Response:
    """``GET /demo?area=AREA``: the chat on a page that looks like a council's."""
    area = request.query.get("area")
    shown = area if area in request.app[AREAS] else None
    return aiohttp_jinja2.render_template("demo.html", request, {"area": shown})


async def accessibility(request: web.Request) -> web.Response:
    """``GET /accessibility``: who can use the chat, and who cannot yet."""
    return aiohttp_jinja2.render_template("accessibility.html", request, {"settings": request.app[SETTINGS]})
