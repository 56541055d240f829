"""Which web pages of other origins may use the chat, and for which area each of them speaks."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web

from gateway.errors import Code, Problem


def checked_origin(entry: str) -> str:
    """One entry of the setting in its usual form: ``https://host`` or ``area=https://host``.

    Raises ``ValueError`` for anything that is no origin: a path, a wildcard, no scheme.
    """
    area, _, origin = entry.rpartition("=")
    parts = urlsplit(origin.rstrip("/").lower())
    is_origin = parts.scheme in ("http", "https") and parts.netloc and not (parts.path or parts.query)
    if not is_origin or "*" in parts.netloc or "@" in parts.netloc:
        raise ValueError(f"{entry!r} is no origin; write https://www.example.gov.uk, or AREA=https://...")
    return f"{area.strip()}={parts.scheme}://{parts.netloc}".removeprefix("=")


class Origins:
    """The origins that the setting allows."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._areas: dict[str, set[str]] = {}
        for entry in entries:
            area, _, origin = entry.rpartition("=")
            self._areas.setdefault(origin, set())
            if area:
                self._areas[origin].add(area)

    def allows(self, request: web.Request) -> bool:
        """Whether the page that sent the request may use the chat.

        Programs that are not browsers send no Origin: they are held to the conversation's token alone. A page
        of our own host is always allowed. "null" (a sandboxed frame, a file) never is.
        """
        origin = request.headers.get("Origin")
        return origin is None or self._is_ours(request, origin) or _usual(origin) in self._areas

    def named(self, request: web.Request) -> str | None:
        """What ``Access-Control-Allow-Origin`` names: None for our own pages and for foreign ones."""
        origin = request.headers.get("Origin")
        return origin if origin is not None and _usual(origin) in self._areas else None

    def area(self, request: web.Request, wanted: str | None) -> str | None:
        """The area that a conversation of this page begins with, when ``wanted`` is asked for.

        A page that is allowed for one area begins there whatever it asks. Raises ``Problem`` when it asks for
        an area that it is not allowed for.
        """
        bound = self._areas.get(_usual(request.headers.get("Origin", "")), set())
        if not bound or wanted in bound:
            return wanted
        if wanted is not None:
            message = f"pages of this origin may ask for: {', '.join(sorted(bound))}"
            raise Problem(Code.INVALID_FIELDS, errors=[{"field": "area", "message": message}])
        return next(iter(bound)) if len(bound) == 1 else None

    @staticmethod
    def _is_ours(request: web.Request, origin: str) -> bool:
        return urlsplit(origin).netloc.lower() == request.host.lower()


def _usual(origin: str) -> str:
    return origin.rstrip("/").lower()
