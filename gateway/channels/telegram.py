"""Telegram, over its Bot API (https://core.telegram.org/bots/api)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from conversations.files import SENT_BY_ADVISERS
from gateway.access import is_secret
from gateway.channels.base import (
    FETCHED,
    Capabilities,
    Channel,
    Event,
    Inbound,
    Media,
    NotFetched,
    NotSent,
    NotTaken,
    Receive,
    Refused,
    Sending,
)
from gateway.channels.http import call, download
from gateway.channels.settings import ChannelSettings
from knowledge.calendar_file import MEDIA_TYPE as CALENDAR

log = logging.getLogger(__name__)

#: What we are told of. In private chats a bot is not told of deleted messages.
_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]

#: What a message may hold besides words, and what we call it.
_MEDIA = {
    "photo": "photo",
    "voice": "voice",
    "audio": "voice",
    "video": "video",
    "video_note": "video",
    "animation": "sticker",
    "sticker": "sticker",
    "document": "file",
    "location": "location",
    "venue": "location",
    "contact": "contact",
    "poll": "other",
    "dice": "other",
}

#: How long one long poll lasts, in seconds.
_POLL_SECONDS = 25

#: In seconds, between two attempts.
_LONGEST_PAUSE = 60.0

#: ... while others are heard: their messages come with what fails, and wait as long as it does.
_LONGEST_PAUSE_BESIDE_OTHERS = 5.0


class Telegram(Channel):
    """A bot in private chats. Groups are left alone: what is said there is nobody else's business."""

    name = "telegram"
    title = "Telegram"
    can = Capabilities(text=4000, bubble=700, buttons=8, files=SENT_BY_ADVISERS | {CALENDAR})

    def __init__(self, settings: ChannelSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session
        self._secret = settings.telegram_webhook_secret.get_secret_value()

    # -- in -----------------------------------------------------------------------------------------

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """By the secret that Telegram was told with ``setWebhook``."""
        told = headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not self._secret or not is_secret(told, self._secret):
            raise Refused(401, "not Telegram's secret")

    def read(self, body: Any) -> list[Event]:
        """One ``Update``."""
        if not isinstance(body, dict) or not isinstance(body.get("update_id"), int):
            raise Refused(400, "no update")
        try:
            event = _event(body)
        except Exception as error:  # whatever it is: it would be told again for ever
            raise Refused(400, f"an update of another shape: {type(error).__name__}") from None
        return [event] if event is not None else []

    # -- out ----------------------------------------------------------------------------------------

    async def send(self, sending: Sending) -> str | None:
        """``sendMessage``, or ``sendDocument`` for a file. Plain text: nobody's words become markup."""
        bubble = sending.bubble
        markup = {
            "inline_keyboard": [
                [{"text": button["title"], "callback_data": button["id"]}] for button in bubble.buttons
            ]
        }
        if sending.file is not None and bubble.file is not None:
            form = aiohttp.FormData(quote_fields=False)  # the name as it is, with its spaces
            form.add_field("chat_id", sending.address)
            form.add_field("caption", bubble.text)
            if bubble.buttons:
                form.add_field("reply_markup", json.dumps(markup))
            form.add_field(
                "document",
                sending.file,
                filename=str(bubble.file["name"]),
                content_type=str(bubble.file["media_type"]),
            )
            result = await self._call("sendDocument", data=form)
        else:
            body: dict[str, Any] = {
                "chat_id": int(sending.address),
                "text": bubble.text,
                "link_preview_options": {"is_disabled": True},
            }
            if bubble.buttons:
                body["reply_markup"] = markup
            result = await self._call("sendMessage", json=body)
        return f"{sending.address}:{result['message_id']}" if isinstance(result, dict) else None

    async def fetch(self, ref: str, most: int) -> bytes:
        """``getFile``, and the file that it leads to."""
        try:
            told = await self._call("getFile", json={"file_id": ref})
        except NotSent as error:
            raise NotFetched(str(error), for_good=error.for_good) from None
        path = told.get("file_path") if isinstance(told, dict) else None
        if not isinstance(path, str):
            raise NotFetched("getFile told no path", for_good=True)
        token = self._settings.telegram_token.get_secret_value()
        url = f"{self._settings.telegram_api_url.rstrip('/')}/file/bot{token}/{path}"
        within = self._settings.channel_timeout_seconds
        return await download(self._session, url, most=most, within=within, headers=None)

    async def seen(self, inbound: Inbound) -> None:
        """``answerCallbackQuery``: the button stops turning."""
        if inbound.token is not None:
            with suppress(NotSent):
                await self._call("answerCallbackQuery", json={"callback_query_id": inbound.token})

    # -- besides ------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self, receive: Receive) -> AsyncGenerator[None]:
        """Long polling, or telling Telegram where our webhook is."""
        work = self._poll(receive) if self._settings.telegram_polling else self._set_webhook()
        task = asyncio.create_task(work)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _set_webhook(self) -> None:
        url = f"{self._settings.public_url.rstrip('/')}/channels/telegram/webhook"
        await self._until_done(
            "setWebhook", {"url": url, "secret_token": self._secret, "allowed_updates": _UPDATES}
        )
        log.info("telegram knows the webhook")

    async def _until_done(self, method: str, body: dict[str, Any]) -> None:
        pause = 1.0
        while True:
            try:
                await self._call(method, json=body)
                return
            except NotSent as error:
                log.error("telegram does not answer", extra={"method": method, "cause": str(error)})
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)

    async def _poll(self, receive: Receive) -> None:
        """``getUpdates``: an update is confirmed only once it is safely in the log.

        One that fails is told again, after growing pauses, until the receiver takes it or sets it aside. What
        came with it is handled meanwhile.
        """
        await self._until_done("deleteWebhook", {})  # Telegram gives nothing out while there is one
        offset, pause = 0, 1.0
        while True:
            try:
                updates = await self._call(
                    "getUpdates",
                    within=_POLL_SECONDS + 10,
                    json={"offset": offset, "timeout": _POLL_SECONDS, "allowed_updates": _UPDATES},
                )
                offset, longest = await self._take(
                    updates if isinstance(updates, list) else [], offset, receive
                )
            except Exception as error:  # whatever it is: nobody would be heard any more if this ended
                log.error("polling failed", extra={"cause": type(error).__name__})
                longest = _LONGEST_PAUSE
            if longest:
                pause = min(longest, pause)
                await asyncio.sleep(pause)
            pause = pause * 2 if longest else 1.0

    async def _take(self, updates: list[Any], offset: int, receive: Receive) -> tuple[int, float]:
        """From where to ask on, and the longest pause before it: none when all was taken in."""
        events: list[tuple[int, Event]] = []
        for update in updates:
            try:
                events += [(update["update_id"], event) for event in self.read(update)]
            except Refused as error:
                log.warning("update left out", extra={"cause": str(error)})
            if isinstance(update, dict) and isinstance(update.get("update_id"), int):
                offset = max(offset, update["update_id"] + 1)
        try:
            await receive([event for _, event in events])
        except NotTaken as error:
            log.warning("updates are asked for again", extra={"cause": type(error.cause).__name__})
            others = len(error.events) < len(events)
            return (
                min(number for number, event in events if event in error.events),
                _LONGEST_PAUSE_BESIDE_OTHERS if others else _LONGEST_PAUSE,
            )
        return offset, 0.0

    async def _call(self, method: str, *, within: float | None = None, **request: Any) -> Any:
        """A method's ``result``. Raises ``NotSent``."""
        within = within or self._settings.channel_timeout_seconds
        token = self._settings.telegram_token.get_secret_value()
        url = f"{self._settings.telegram_api_url.rstrip('/')}/bot{token}/{method}"
        status, body, _ = await call(self._session, url, within=within, **request)
        if status == 200 and isinstance(body, dict) and body.get("ok") is True:
            return body.get("result")
        told = body if isinstance(body, dict) else {}
        why = f"{method}: {status} {told.get('description', '')}".strip()
        if status == 429:
            wait = (told.get("parameters") or {}).get("retry_after")
            seconds = wait if isinstance(wait, int) else 1
            raise NotSent(why, not_before=timedelta(seconds=seconds))
        if status in (401, 404):  # the token is wrong: that is mended by the council, and nothing is lost
            raise NotSent(why, not_before=timedelta(minutes=1))
        raise NotSent(why, for_good=400 <= status < 500, uncertain=status >= 500)


def _event(update: dict[str, Any]) -> Inbound | None:
    if query := update.get("callback_query"):
        message = query.get("message") or {}
        if (message.get("chat") or {}).get("type") != "private":
            return None
        return Inbound(
            id=f"c{query['id']}",
            address=str(int(message["chat"]["id"])),
            button=str(query.get("data") or ""),
            token=str(query["id"]),
        )
    if member := update.get("my_chat_member"):
        if member["chat"]["type"] != "private":
            return None
        status = member["new_chat_member"]["status"]
        return Inbound(
            id=f"u{int(update['update_id'])}",
            address=str(int(member["chat"]["id"])),
            blocked=status in ("kicked", "left"),
        )
    message = update.get("message") or update.get("edited_message")
    if not message or message["chat"]["type"] != "private":
        return None
    edited = "edited_message" in update
    number = int(message["message_id"])
    return Inbound(
        id=f"e{number}-{int(message['edit_date'])}" if edited else f"m{number}",
        address=str(int(message["chat"]["id"])),
        text=str(message.get("text") or message.get("caption") or ""),
        media=_media(message),
        edited=edited,
        at=datetime.fromtimestamp(int(message["date"]), UTC),
    )


def _media(message: dict[str, Any]) -> Media | None:
    for theirs, kind in _MEDIA.items():
        if theirs in message:
            # A photo comes in several sizes, the largest last.
            told = message[theirs][-1] if theirs == "photo" else message[theirs]
            ref = told.get("file_id") if kind in FETCHED else None
            return Media(kind=kind, ref=ref, name=str(told.get("file_name") or ""))
    return None
