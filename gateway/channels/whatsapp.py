"""WhatsApp, over Meta's Cloud API (https://developers.facebook.com/documentation/business-messaging/whatsapp)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from conversations.files import PDF, SENT_BY_ADVISERS
from conversations.models import DeliveryState, Json
from gateway.access import is_secret
from gateway.channels.base import (
    FETCHED,
    Bubble,
    Capabilities,
    Channel,
    Event,
    Held,
    Inbound,
    Media,
    NotFetched,
    NotSent,
    Receipt,
    Refused,
    Sending,
)
from gateway.channels.http import call, download, retry_after
from gateway.channels.settings import ChannelSettings

#: After the person's last message we may write freely for so long; a little less, for the way there.
WINDOW = timedelta(hours=24) - timedelta(minutes=2)

_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "failed": DeliveryState.FAILED,
}

_MEDIA = {
    "image": "photo",
    "audio": "voice",
    "video": "video",
    "sticker": "sticker",
    "document": "file",
    "location": "location",
    "contacts": "contact",
}

#: Limits of interactive messages: reply buttons, and rows of a list.
_BUTTONS, _BUTTON_TITLE = 3, 20
_ROWS, _ROW_TITLE, _ROW_DESCRIPTION = 10, 24, 72
_INTERACTIVE_BODY = 1024

#: Error codes (Meta, "WhatsApp error codes") that go away by waiting, and the pause they ask for in seconds.
_WAIT = {4: 60, 80007: 60, 130429: 5, 131016: 30, 131048: 60, 131056: 6, 133004: 30}
#: ... that mean the access token or the account: mended by the council, and nothing is lost meanwhile.
_ACCOUNT = {0, 3, 10, 190, 200, 368, 130497, 131005, 131031, 131042}
_OUTSIDE_WINDOW = 131047

#: What Meta tells of a medium is far shorter, in bytes.
_LONGEST_ANSWER = 64 * 1024


class WhatsApp(Channel):
    """A business number of the council."""

    refuses_late = True  # by a status, minutes after it answered 200
    name = "whatsapp"
    title = "WhatsApp"
    #: A calendar file is none of the kinds that WhatsApp takes: it stays a link.
    can = Capabilities(text=4000, bubble=700, buttons=_ROWS, files=SENT_BY_ADVISERS)

    def __init__(self, settings: ChannelSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    # -- in -----------------------------------------------------------------------------------------

    def challenge(self, query: Mapping[str, str]) -> str:
        """Meta asks once, when the webhook is set up, with our own verify token."""
        token = self._settings.whatsapp_verify_token.get_secret_value()
        told = query.get("hub.verify_token", "")
        if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(told.encode(), token.encode()):
            raise Refused(403, "not our verify token")
        return query.get("hub.challenge", "")

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """By the signature over the body's bytes, made with the app's secret."""
        secret = self._settings.whatsapp_app_secret.get_secret_value()
        expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if not is_secret(headers.get("X-Hub-Signature-256", ""), expected):
            raise Refused(401, "not Meta's signature")

    def read(self, body: Any) -> list[Event]:
        """Messages and statuses of our own number, the oldest message first."""
        if not isinstance(body, dict) or body.get("object") != "whatsapp_business_account":
            raise Refused(400, "no WhatsApp webhook")
        receipts: list[Event] = []
        messages: list[Inbound] = []
        try:
            for entry in body["entry"]:
                for change in entry["changes"]:
                    value = change["value"]
                    number = (value.get("metadata") or {}).get("phone_number_id")
                    if number != self._settings.whatsapp_phone_number_id:
                        continue
                    receipts += [_receipt(status) for status in value.get("statuses") or []]
                    messages += [
                        read for message in value.get("messages") or [] if (read := _inbound(message))
                    ]
        except Exception as error:  # whatever it is: it would be told again for days
            raise Refused(400, f"a webhook of another shape: {type(error).__name__}") from None
        messages.sort(key=lambda message: message.at or datetime.max.replace(tzinfo=UTC))
        return [*receipts, *messages]

    # -- out ----------------------------------------------------------------------------------------

    async def send(self, sending: Sending) -> str | None:
        """A text, or an interactive message with buttons or a list. Raises ``Held`` outside the window."""
        if sending.heard_at is None or datetime.now(UTC) - sending.heard_at >= WINDOW:
            raise Held("more than 24 hours since the person wrote")
        content = _content(sending)
        if sending.file is not None and sending.bubble.file is not None:
            content = await self._with_file(sending.bubble, sending.bubble.file, sending.file)
        return await self._post(sending.address, content, sending.reference)

    async def _with_file(self, bubble: Bubble, file: Json, content: bytes) -> Json:
        """A document or picture message; the file itself is given to Meta first, which keeps it 30 days."""
        form = aiohttp.FormData(quote_fields=False)  # the name as it is, with its spaces
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", file["media_type"])
        form.add_field("file", content, filename=file["name"], content_type=file["media_type"])
        try:
            media = {"id": str((await self._call("media", data=form))["id"]), "caption": bubble.text}
        except NotSent as error:  # whatever became of the file, no message went out
            raise NotSent(str(error), for_good=error.for_good, not_before=error.not_before) from None
        except (KeyError, TypeError):
            raise NotSent("media: no id in the answer") from None
        if file["media_type"] == PDF:
            return {"type": "document", "document": {**media, "filename": file["name"]}}
        return {"type": "image", "image": media}

    async def fetch(self, ref: str, most: int) -> bytes:
        """The address of a medium, which is good for some minutes, and what is there."""
        told = await self._download(f"{self._settings.whatsapp_api_url.rstrip('/')}/{ref}", _LONGEST_ANSWER)
        try:
            address = str(json.loads(told)["url"])
        except (ValueError, KeyError, TypeError):
            raise NotFetched("no address of the medium", for_good=True) from None
        return await self._download(address, most)

    async def _download(self, url: str, most: int) -> bytes:
        within = self._settings.channel_timeout_seconds
        return await download(self._session, url, most=most, within=within, headers=self._authorization)

    @property
    def asks_to_write(self) -> bool:
        """If the council has an approved template."""
        return bool(self._settings.whatsapp_template)

    async def ask_to_write(self, address: str, reference: str) -> None:
        """Send the approved template."""
        template = {
            "name": self._settings.whatsapp_template,
            "language": {"code": self._settings.whatsapp_template_language},
        }
        await self._post(address, {"type": "template", "template": template}, reference)

    async def _post(self, address: str, content: Json, reference: str) -> str | None:
        body = await self._call(
            "messages",
            json={
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": address,
                "biz_opaque_callback_data": reference,  # comes back with every status
                **content,
            },
        )
        return str(body["messages"][0]["id"]) if body.get("messages") else None

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._settings.whatsapp_access_token.get_secret_value()}"}

    async def _call(self, what: str, **request: Any) -> Json:
        """What our number is told when it posts. Raises ``NotSent``, or ``Held``."""
        settings = self._settings
        status, body, headers = await call(
            self._session,
            f"{settings.whatsapp_api_url.rstrip('/')}/{settings.whatsapp_phone_number_id}/{what}",
            within=settings.channel_timeout_seconds,
            headers=self._authorization,
            **request,
        )
        if status == 200 and isinstance(body, dict):
            return body
        error = body.get("error") if isinstance(body, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        why = f"{what}: {status}, code {code}"
        asked = retry_after(headers)
        if code == _OUTSIDE_WINDOW:
            raise Held(why)
        if code in _WAIT or status == 429:
            pause = timedelta(seconds=_WAIT.get(code or 0, 5))
            raise NotSent(why, not_before=pause if asked is None else asked)
        if code in _ACCOUNT or status in (401, 403):
            raise NotSent(why, not_before=timedelta(minutes=1))
        raise NotSent(why, for_good=400 <= status < 500, uncertain=status >= 500, not_before=asked)


def _content(sending: Sending) -> Json:
    text, buttons = sending.bubble.text, list(sending.bubble.buttons)[:_ROWS]
    if not buttons:
        return {"type": "text", "text": {"preview_url": False, "body": text}}
    few = len(buttons) <= _BUTTONS and all(len(button["title"]) <= _BUTTON_TITLE for button in buttons)
    body = {"text": text[:_INTERACTIVE_BODY]}  # presenting keeps bubbles with buttons below this
    if few:
        replies = [
            {"type": "reply", "reply": {"id": button["id"], "title": button["title"]}} for button in buttons
        ]
        interactive: Json = {"type": "button", "body": body, "action": {"buttons": replies}}
    else:
        rows = [_row(button) for button in buttons]
        action = {"button": "Choose", "sections": [{"title": "Choose", "rows": rows}]}
        interactive = {"type": "list", "body": body, "action": action}
    return {"type": "interactive", "interactive": interactive}


def _row(button: Json) -> Json:
    title: str = button["title"]
    if len(title) <= _ROW_TITLE:
        return {"id": button["id"], "title": title}
    short = title[: _ROW_TITLE - 1].rsplit(" ", 1)[0] + "…"
    return {"id": button["id"], "title": short, "description": title[:_ROW_DESCRIPTION]}


def _receipt(status: dict[str, Any]) -> Receipt:
    errors = status.get("errors") or []
    return Receipt(
        state=_STATES.get(str(status["status"]), DeliveryState.SENT),
        provider_id=str(status["id"]),
        reference=status.get("biz_opaque_callback_data"),
        error=f"code {errors[0].get('code')}" if errors else None,
        window_closed=any(error.get("code") == _OUTSIDE_WINDOW for error in errors),
    )


def _inbound(message: dict[str, Any]) -> Inbound | None:
    kind = str(message["type"])
    text, button, media = "", None, None
    if kind == "text":
        text = str(message["text"]["body"])
    elif kind == "interactive":
        reply = message["interactive"]
        reply = reply.get("button_reply") or reply.get("list_reply") or {}
        text, button = str(reply.get("title") or ""), str(reply.get("id") or "")
    elif kind == "button":  # the quick reply of a template
        text = str(message["button"].get("text") or "")
    elif kind in ("reaction", "system"):
        return None  # nothing is asked by it
    elif kind in _MEDIA and kind != "contacts":
        told = message.get(kind) or {}
        text = str(told.get("caption") or "")
        ref = str(told["id"]) if _MEDIA[kind] in FETCHED and told.get("id") else None
        media = Media(kind=_MEDIA[kind], ref=ref, name=str(told.get("filename") or ""))
    else:
        media = Media(kind=_MEDIA.get(kind, "other"))
    return Inbound(
        id=str(message["id"]),
        address=str(message["from"]),
        text=text,
        button=button,
        media=media,
        at=datetime.fromtimestamp(int(message["timestamp"]), UTC),
    )
