"""WhatsApp, over Meta's Cloud API (https://developers.facebook.com/documentation/business-messaging/whatsapp)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from conversations.models import DeliveryState, Json
from gateway.channels.base import (
    Capabilities,
    Channel,
    Event,
    Held,
    Inbound,
    NotSent,
    Receipt,
    Refused,
    Sending,
)
from gateway.channels.http import call, retry_after
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


class WhatsApp(Channel):
    """A business number of the council."""

    name = "whatsapp"
    title = "WhatsApp"
    can = Capabilities(text=4000, bubble=700, buttons=_ROWS)

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
        if not hmac.compare_digest(headers.get("X-Hub-Signature-256", "").encode(), expected.encode()):
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
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise Refused(400, f"a webhook of another shape: {type(error).__name__}") from None
        messages.sort(key=lambda message: message.at or datetime.max.replace(tzinfo=UTC))
        return [*receipts, *messages]

    # -- out ----------------------------------------------------------------------------------------

    async def send(self, sending: Sending) -> str | None:
        """A text, or an interactive message with buttons or a list. Raises ``Held`` outside the window."""
        if sending.heard_at is None or datetime.now(UTC) - sending.heard_at >= WINDOW:
            raise Held("more than 24 hours since the person wrote")
        return await self._post(sending.address, _content(sending), sending.reference)

    async def ask_to_write(self, address: str, reference: str) -> bool:
        """Send the approved template; False when the council has none."""
        if not self._settings.whatsapp_template:
            return False
        template = {
            "name": self._settings.whatsapp_template,
            "language": {"code": self._settings.whatsapp_template_language},
        }
        await self._post(address, {"type": "template", "template": template}, reference)
        return True

    async def _post(self, address: str, content: Json, reference: str) -> str | None:
        settings = self._settings
        status, body, headers = await call(
            self._session,
            f"{settings.whatsapp_api_url.rstrip('/')}/{settings.whatsapp_phone_number_id}/messages",
            headers={"Authorization": f"Bearer {settings.whatsapp_access_token.get_secret_value()}"},
            json={
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": address,
                "biz_opaque_callback_data": reference,  # comes back with every status
                **content,
            },
        )
        if status == 200 and isinstance(body, dict):
            return str(body["messages"][0]["id"]) if body.get("messages") else None
        error = body.get("error") if isinstance(body, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        why = f"messages: {status}, code {code}"
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
    )


def _inbound(message: dict[str, Any]) -> Inbound | None:
    kind = str(message["type"])
    text, button = "", None
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
    elif kind in _MEDIA:
        text = str(message.get(kind, {}).get("caption") or "") if kind != "contacts" else ""
    return Inbound(
        id=str(message["id"]),
        address=str(message["from"]),
        text=text,
        button=button,
        media=None if kind in ("text", "interactive", "button") else _MEDIA.get(kind, "other"),
        at=datetime.fromtimestamp(int(message["timestamp"]), UTC),
    )
