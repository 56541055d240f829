"""What a council's page loads, and the pages about it: the script, the demonstration, accessibility."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import aiohttp_jinja2
from aiohttp import web

from gateway.crisis import GENERAL_DANGER
from gateway.keys import AREAS, CRISIS, SETTINGS

log = logging.getLogger(__name__)

_SCRIPT = Path(__file__).parent / "static" / "widget.js"

#: What the script asks for by this name is put around it: whom to contact in danger.
_CONTACTS_NAME = b"helplineContacts"

#: An update reaches every page within so many seconds; until then browsers do not ask again.
_FRESH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _DemoPage:
    """A page of the council that does not exist. It tells nothing that anybody could rely on."""

    title: str
    lead: str
    sections: tuple[tuple[str, str], ...]


_DEMO_PAGES = {
    "send": _DemoPage(
        "Special educational needs and disabilities (SEND)",
        "Find support for children and young people who learn differently, and for their families.",
        (
            ("The Local Offer", "A list of services for children and young people, and for their families."),
            ("Help at school", "How schools find out what a child needs, and what they do about it."),
        ),
    ),
    "schools": _DemoPage(
        "Schools",
        "School places, term dates and help with getting to school.",
        (
            ("School places", "How to ask for a place, and by when."),
            ("Term dates", "When schools are open this year and next year."),
        ),
    ),
    "adults": _DemoPage(
        "Support for adults",
        "Help at home, for carers, and for autistic adults.",
        (
            ("Carers", "If you look after somebody, you can get help too."),
            ("Autistic adults", "Where to ask about an assessment, and what there is without one."),
        ),
    ),
}


def _script(contacts: str) -> tuple[bytes, bytes, str]:
    """The script as it is and compressed, and its ETag: of the file as it is now and of the contacts."""
    found = _SCRIPT.stat()
    return _read_script(found.st_mtime_ns, found.st_size, contacts)


@lru_cache(maxsize=1)
def _read_script(_changed: int, _size: int, contacts: str) -> tuple[bytes, bytes, str]:
    plain = _SCRIPT.read_bytes()
    if contacts and _CONTACTS_NAME in plain:
        # A function, so that the page around gets no global name.
        data = contacts.encode("ascii")
        plain = b"((" + _CONTACTS_NAME + b")=>{" + plain + b"})(JSON.parse(" + data + b"));\n"
    return plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:16]


def _contacts(request: web.Request) -> str:
    """Whom to contact in danger, for everybody: JSON in a JavaScript string; "" if there is nobody.

    ASCII without "<": nothing in it ends the string, a line, or the element of a page that copies the script.
    """
    try:
        contacts = request.app[CRISIS].reply(GENERAL_DANGER, None, None, False).contacts
    except KeyError:
        log.error("the script is served without the crisis contacts: there are none")
        return ""
    return json.dumps(json.dumps(contacts, separators=(",", ":"))).replace("<", "\\u003c")


async def widget(request: web.Request) -> web.Response:
    """``GET /widget.js``: the whole chat in one file. Pages of any origin may load it.

    It holds nothing about anybody. The crisis contacts of the knowledge store are in it: a chat that finds no
    connection can ask for nothing, and has to show them all the same.
    """
    plain, packed, etag = _script(_contacts(request))
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
    """``GET /demo?area=AREA&page=PAGE``: the chat on pages that look like a council's."""
    area = request.query.get("area")
    return aiohttp_jinja2.render_template(
        "demo.html",
        request,
        {
            "area": area if area in request.app[AREAS] else None,
            "pages": _DEMO_PAGES,
            "page": _DEMO_PAGES.get(request.query.get("page", ""), _DEMO_PAGES["send"]),
        },
    )


async def accessibility(request: web.Request) -> web.Response:
    """``GET /accessibility``: who can use the chat, and who cannot yet."""
    return aiohttp_jinja2.render_template("accessibility.html", request, {"settings": request.app[SETTINGS]})
