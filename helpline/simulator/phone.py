"""The phone's page: what one person sees on Telegram, and what they can do there. Loopback only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from conversations.files import media_type_of
from helpline.simulator.bot_api import BotApi

_STATIC = Path(__file__).parent / "static"

#: The person whose phone it is.
_CHAT = 700_000_001

#: How long a page waits for news before it asks again, in seconds.
_WAIT_SECONDS = 20.0

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "base-uri 'none'",
    )
)

#: The largest file that Telegram gives to a bot.
_LARGEST = 20 * 1024 * 1024

#: What may be sent besides words and files, in the shape that Telegram gives it.
_MEDIA: dict[str, dict[str, Any]] = {
    "sticker": {"sticker": {"file_id": "s", "file_unique_id": "s", "type": "regular", "emoji": "🙂"}},
}


class Phone:
    """The page and the calls of its script."""

    def __init__(self, api: BotApi) -> None:
        self._api = api
        self._api.chat(_CHAT)

    def add_routes(self, app: web.Application) -> None:
        """Where the browser comes."""
        app.router.add_get("/", self.page)
        app.router.add_static("/static", _STATIC)
        app.router.add_get("/chat", self.read)
        app.router.add_post("/chat", self.act)
        app.router.add_post("/files", self.send_file)
        app.router.add_get("/files/{id}", self.file)

    async def page(self, _request: web.Request) -> web.Response:
        """``GET /``."""
        text = (_STATIC / "phone.html").read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    async def read(self, request: web.Request) -> web.Response:
        """``GET /chat?after=N``: the messages above a number; waits for some if there are none."""
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 10):
            raise web.HTTPBadRequest(text="after must be a whole number")
        chat = self._api.chat(_CHAT)
        try:
            async with asyncio.timeout(_WAIT_SECONDS), self._api.changed:
                await self._api.changed.wait_for(lambda: len(chat.messages) > int(after))
        except TimeoutError:
            pass
        return web.json_response(chat.messages[int(after) :])

    async def act(self, request: web.Request) -> web.Response:
        """``POST /chat`` with ``{"text"}``, ``{"press", "message_id"}`` or ``{"media"}``."""
        _only_this_page(request)
        body = await request.json()
        if isinstance(body.get("text"), str) and body["text"].strip():
            self._api.write(_CHAT, body["text"][:4096])
        elif body.get("media") in _MEDIA:
            self._api.write(_CHAT, **_MEDIA[body["media"]])
        elif isinstance(body.get("press"), str) and self._has(body.get("message_id")):
            self._api.press(_CHAT, body["message_id"], body["press"])
        else:
            raise web.HTTPBadRequest(text="nothing to send")
        await self._api.tell()
        return web.json_response({})

    async def send_file(self, request: web.Request) -> web.Response:
        """``POST /files`` with a ``file``, sent ``as`` a "photo", a "voice" note or a "document"."""
        _only_this_page(request)
        form = await request.post()
        sent = form.get("file")
        if not isinstance(sent, web.FileField):
            raise web.HTTPBadRequest(text="nothing to send")
        file_id = self._api.keep(sent.file.read())
        told: dict[str, Any] = {"file_id": file_id, "file_unique_id": file_id}
        match form.get("as"):
            case "photo":
                self._api.write(_CHAT, photo=[told])
            case "voice":
                self._api.write(_CHAT, voice={**told, "duration": 3, "mime_type": sent.content_type})
            case "document":
                self._api.write(_CHAT, document={**told, "file_name": sent.filename})
            case _:
                raise web.HTTPBadRequest(text="as must be photo, voice or document")
        await self._api.tell()
        return web.json_response({})

    async def file(self, request: web.Request) -> web.Response:
        """``GET /files/ID``: what was sent either way."""
        content = self._api.files.get(request.match_info["id"])
        if content is None:
            raise web.HTTPNotFound
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        media_type = media_type_of(content) or "application/octet-stream"
        return web.Response(body=content, content_type=media_type, headers=headers)

    def _has(self, message_id: object) -> bool:
        return isinstance(message_id, int) and 1 <= message_id <= len(self._api.chat(_CHAT).messages)


def _only_this_page(request: web.Request) -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise web.HTTPForbidden(text="only this page may write here")


def phone_app(api: BotApi) -> web.Application:
    """The simulator's whole server: Telegram's side for the bot, and the phone for a person."""
    app = web.Application(client_max_size=_LARGEST)
    api.add_routes(app)
    Phone(api).add_routes(app)
    return app
