"""The phone's page: what one person sees on Telegram, and what they can do there. Loopback only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from helpline.simulator.bot_api import BotApi

_STATIC = Path(__file__).parent / "static"

#: The person whose phone it is.
_CHAT = 700_000_001

#: How long a page waits for news before it asks again, in seconds.
_WAIT_SECONDS = 20.0

_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"

#: What may be sent besides words, in the shape that Telegram gives it.
_MEDIA: dict[str, dict[str, Any]] = {
    "photo": {"photo": [{"file_id": "p", "file_unique_id": "p", "width": 90, "height": 90}]},
    "voice": {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}},
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
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise web.HTTPForbidden(text="only this page may write here")
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

    def _has(self, message_id: object) -> bool:
        return isinstance(message_id, int) and 1 <= message_id <= len(self._api.chat(_CHAT).messages)


def phone_app(api: BotApi) -> web.Application:
    """The simulator's whole server: Telegram's side for the bot, and the phone for a person."""
    app = web.Application()
    api.add_routes(app)
    Phone(api).add_routes(app)
    return app
