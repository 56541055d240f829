"""Stand-ins for the providers, made after their published documentation, that fail when they are told to.

- Telegram: https://core.telegram.org/bots/api (``helpline.simulator.bot_api`` is what it does when well)
- WhatsApp: https://developers.facebook.com/documentation/business-messaging/whatsapp (messages, webhooks,
  error codes, interactive messages)
- GOV.UK Notify: https://docs.notifications.service.gov.uk/rest-api.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from helpline.simulator.bot_api import BotApi

#: As Notify makes them: a name, the service's id and the secret, with "-" between.
NOTIFY_SERVICE = "11111111-1111-4111-8111-111111111111"
NOTIFY_SECRET = "22222222-2222-4222-8222-222222222222"
NOTIFY_KEY = f"test-{NOTIFY_SERVICE}-{NOTIFY_SECRET}"


@dataclass
class Faults:
    """What goes wrong: the next ones by name, and then so many of all calls by chance."""

    queued: list[str] = field(default_factory=list)
    share: float = 0.0
    kinds: tuple[str, ...] = ("429", "500", "503", "reset")
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    happened: int = 0

    def next(self) -> str | None:
        """The fault of this call, if it has one."""
        fault = self.queued.pop(0) if self.queued else None
        if fault is None and self.rng.random() < self.share:
            fault = self.rng.choice(self.kinds)
        self.happened += fault is not None
        return fault


async def _before(request: web.Request, fault: str | None) -> None:
    """ "reset" breaks the connection before anything was done; "hang" never answers."""
    if fault == "hang":
        while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        raise web.HTTPServiceUnavailable
    if fault == "reset":
        assert request.transport is not None
        request.transport.abort()
        raise web.HTTPServiceUnavailable


class TelegramStandIn(BotApi):
    """Telegram, with faults. ``lost`` takes the message and breaks the connection before it says so."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.faults = Faults()
        self.retry_after = 1
        self.calls: list[tuple[float, str]] = []

    async def call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if not method.startswith(("send", "getFile")):
            return await super().call(request)
        self.calls.append((time.monotonic(), method))
        fault = self.faults.next()
        await _before(request, fault)
        if fault == "429":
            told = {"retry_after": self.retry_after}
            body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": told}
            return web.json_response(body, status=429)
        if fault in ("500", "503"):
            return web.Response(status=int(fault), text="<html>")
        response = await super().call(request)
        if fault == "lost":
            assert request.transport is not None
            request.transport.abort()
        return response

    def shown(self, chat_id: int) -> list[dict[str, Any]]:
        """What the bot sent to a person, in the order of arrival."""
        return [m for m in self.chat(chat_id).messages if m["from"]["is_bot"]]


@dataclass
class WhatsAppStandIn:
    """Meta's Cloud API for one business number."""

    access_token: str
    number_id: str
    app_secret: str
    faults: Faults = field(default_factory=Faults)
    sent: list[dict[str, Any]] = field(default_factory=list)
    window_open: Callable[[str], bool] = lambda _number: True
    #: How long Meta takes to accept a template, in seconds, and to whom one was begun.
    template_takes: float = 0.0
    templates_begun: list[str] = field(default_factory=list)
    retry_after: int = 0
    #: By media id: what was uploaded, and what people sent.
    media: dict[str, bytes] = field(default_factory=dict)
    media_types: dict[str, str] = field(default_factory=dict)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/{number}/messages", self.messages)
        app.router.add_post("/{number}/media", self.upload)
        app.router.add_get("/{media:[0-9]+}", self.look_up)
        app.router.add_get("/lookaside/{media}", self.download)

    def keep(self, content: bytes, media_type: str) -> str:
        """A medium's id."""
        media_id = str(9_000_000 + len(self.media))
        self.media[media_id], self.media_types[media_id] = content, media_type
        return media_id

    async def upload(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            return self._error(401, 190, "Access token has expired")
        fault = self.faults.next()
        await _before(request, fault)
        if fault is not None:
            return self._error(500, 131000, "Something went wrong")
        form = await request.post()
        file, kind = form.get("file"), form.get("type")
        if form.get("messaging_product") != "whatsapp" or not isinstance(file, web.FileField):
            return self._error(400, 100, "Invalid parameter")
        if kind not in ("image/jpeg", "image/png", "application/pdf") or file.content_type != kind:
            return self._error(400, 100, "Param file must be a file with one of the following types")
        return web.json_response({"id": self.keep(file.file.read(), kind)})

    async def look_up(self, request: web.Request) -> web.Response:
        media_id = request.match_info["media"]
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            return self._error(401, 190, "Access token has expired")
        if media_id not in self.media:
            return self._error(400, 100, "Object does not exist")
        return web.json_response(
            {
                "messaging_product": "whatsapp",
                "url": str(request.url.origin() / "lookaside" / media_id),
                "mime_type": self.media_types[media_id],
                "sha256": hashlib.sha256(self.media[media_id]).hexdigest(),
                "file_size": len(self.media[media_id]),
                "id": media_id,
            }
        )

    async def download(self, request: web.Request) -> web.Response:
        fault = self.faults.next()
        await _before(request, fault)
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            return web.Response(status=401)
        if fault is not None:
            return web.Response(status=503)
        return web.Response(body=self.media[request.match_info["media"]])

    async def messages(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            return self._error(401, 190, "Access token has expired")
        if request.match_info["number"] != self.number_id:
            return self._error(400, 100, "Unsupported post request")
        fault = self.faults.next()
        await _before(request, fault)
        if fault == "429":
            return self._error(429, 131056, "pair rate limit hit", {"Retry-After": str(self.retry_after)})
        if fault in ("500", "503"):
            return self._error(int(fault), 131000, "Something went wrong")
        body = await request.json()
        if (wrong := self._wrong(body)) or (wrong := self._wrong_media(body)):
            return self._error(400, 131009, wrong)
        if body["type"] == "template":
            self.templates_begun.append(body["to"])
            await asyncio.sleep(self.template_takes)
        elif not self.window_open(body["to"]):
            return self._error(400, 131047, "Re-engagement message")
        wamid = f"wamid.{base64.b64encode(f'{body["to"]}{len(self.sent)}'.encode()).decode()}"
        self.sent.append({**body, "id": wamid})
        return web.json_response(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": body["to"], "wa_id": body["to"]}],
                "messages": [{"id": wamid}],
            }
        )

    @staticmethod
    def _wrong(body: dict[str, Any]) -> str | None:
        """What Meta would refuse."""
        if body.get("messaging_product") != "whatsapp":
            return "messaging_product"
        match body["type"]:
            case "text":
                return None if 0 < len(body["text"]["body"]) <= 4096 else "text body"
            case "template":
                return (
                    None if body["template"]["name"] and body["template"]["language"]["code"] else "template"
                )
            case "interactive":
                interactive = body["interactive"]
                if not 0 < len(interactive["body"]["text"]) <= 1024:
                    return "interactive body"
                action = interactive["action"]
                if interactive["type"] == "button":
                    replies = [button["reply"] for button in action["buttons"]]
                    ok = 1 <= len(replies) <= 3 and all(
                        0 < len(r["title"]) <= 20 and 0 < len(r["id"]) <= 256 for r in replies
                    )
                    titles = {r["title"] for r in replies}
                    return None if ok and len(titles) == len(replies) else "buttons"
                rows = [row for section in action["sections"] for row in section["rows"]]
                ok = (
                    1 <= len(rows) <= 10
                    and len(action["button"]) <= 20
                    and all(0 < len(r["title"]) <= 24 and len(r.get("description", "")) <= 72 for r in rows)
                )
                return None if ok else "list"
            case "document" | "image":
                return None if len(body[body["type"]].get("caption", "")) <= 1024 else "caption"
            case _:
                return "type"

    def _wrong_media(self, body: dict[str, Any]) -> str | None:
        if body["type"] not in ("document", "image"):
            return None
        kind = self.media_types.get(body[body["type"]].get("id"), "")
        return None if kind.startswith("image/") == (body["type"] == "image") and kind else "media"

    @staticmethod
    def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
        error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "x"}
        return web.json_response({"error": error}, status=status, headers=headers)

    # -- webhooks -----------------------------------------------------------------------------------

    def signed(self, value: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """A webhook's body and headers, as Meta sends them."""
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550000000", "phone_number_id": self.number_id},
            **value,
        }
        changes = [{"value": value, "field": "messages"}]
        body = json.dumps(
            {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}
        ).encode()
        signature = hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        return body, {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}

    @staticmethod
    def message(sender: str, **content: Any) -> dict[str, Any]:
        """An inbound message's value."""
        kind = next(iter(content))
        message = {
            "from": sender,
            "id": f"wamid.{uuid.uuid4().hex}{uuid.uuid4().hex}",
            "timestamp": str(int(time.time())),
            "type": kind,
            **content,
        }
        return {"contacts": [{"profile": {"name": "Sam"}, "wa_id": sender}], "messages": [message]}

    @staticmethod
    def status(sent: dict[str, Any], state: str, **more: Any) -> dict[str, Any]:
        """A status of something that we sent."""
        told = {
            "id": sent["id"],
            "status": state,
            "timestamp": str(int(time.time())),
            "recipient_id": sent["to"],
            "biz_opaque_callback_data": sent["biz_opaque_callback_data"],
            **more,
        }
        return {"statuses": [told]}


@dataclass
class NotifyStandIn:
    """GOV.UK Notify's API."""

    faults: Faults = field(default_factory=Faults)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/v2/notifications/sms", self.send)
        app.router.add_get("/v2/notifications", self.find)

    async def send(self, request: web.Request) -> web.Response:
        if not self._token_is_good(request):
            return self._error(403, "AuthError", "Invalid token: API key not found")
        fault = self.faults.next()
        await _before(request, fault)
        if fault == "429":
            return self._error(429, "RateLimitError", "Exceeded rate limit", {"Retry-After": "0"})
        if fault in ("500", "503"):
            return self._error(int(fault), "Exception", "Internal server error")
        body = await request.json()
        text = body["personalisation"]["message"]
        if len(text) > 918:
            return self._error(
                400, "BadRequestError", "Content for template has a character count greater than 918"
            )
        notification = {"id": str(uuid.uuid4()), **body}
        self.sent.append(notification)
        if fault == "lost":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(
            {
                "id": notification["id"],
                "reference": body.get("reference"),
                "content": {"body": text, "from_number": "GOVUK"},
                "uri": f"https://notify.example/v2/notifications/{notification['id']}",
                "template": {"id": body["template_id"], "version": 1, "uri": ""},
            },
            status=201,
        )

    async def find(self, request: web.Request) -> web.Response:
        found = [n for n in self.sent if n.get("reference") == request.query.get("reference")]
        return web.json_response({"notifications": found, "links": {"current": ""}})

    @staticmethod
    def _token_is_good(request: web.Request) -> bool:
        head, payload, signature = request.headers.get("Authorization", "").removeprefix("Bearer ").split(".")
        expected = hmac.new(NOTIFY_SECRET.encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()
        told = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return hmac.compare_digest(told, expected) and claims["iss"] == NOTIFY_SERVICE

    @staticmethod
    def _error(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
        body = {"status_code": status, "errors": [{"error": kind, "message": message}]}
        return web.json_response(body, status=status, headers=headers)

    # -- callbacks ----------------------------------------------------------------------------------

    @staticmethod
    def text(sender: str, message: str) -> dict[str, Any]:
        """The callback for a text message that came in."""
        return {
            "id": str(uuid.uuid4()),
            "source_number": sender,
            "destination_number": "447700900000",
            "message": message,
            "date_received": "2026-11-27T10:00:00.000000Z",
        }

    @staticmethod
    def receipt(sent: dict[str, Any], status: str) -> dict[str, Any]:
        """The callback for something that we sent."""
        return {
            "id": sent["id"],
            "reference": sent["reference"],
            "to": sent["phone_number"],
            "status": status,
            "created_at": "2026-11-27T10:00:00.000000Z",
            "completed_at": "2026-11-27T10:00:02.000000Z",
            "sent_at": "2026-11-27T10:00:01.000000Z",
            "notification_type": "sms",
            "template_id": sent["template_id"],
            "template_version": 1,
        }
