"""Sends what waits in the outbox to the bot, to webhooks and by email; says of each how it went."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from datetime import timedelta
from email.message import EmailMessage

import aiohttp
import aiosmtplib

from conversations.events import Events
from conversations.models import Json
from conversations.outbox import Claimed, Outbox
from conversations.work_off import work_off
from gateway.bot_client import BotClient, BotFailed
from gateway.outgoing.planning import ALERT_EMAIL, ALERT_WEBHOOK, BOT, WEBHOOK
from gateway.outgoing.settings import OutgoingSettings

log = logging.getLogger(__name__)

KINDS = (BOT, WEBHOOK, ALERT_WEBHOOK, ALERT_EMAIL)

#: One attempt takes no longer than this; the outbox lends an entry for longer.
_ATTEMPT_SECONDS = 15


class Refused(Exception):
    """It will never be taken; trying again is no use."""


class Failed(Exception):
    """It was not taken this time."""


#: What may be over at the next attempt.
_PASSING = (Failed, BotFailed, aiohttp.ClientError, aiosmtplib.SMTPException, OSError, TimeoutError)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 over ``timestamp.body`` in hexadecimal: what a receiver works out and compares.

    A receiver also refuses timestamps that are more than a few minutes away from its own clock.
    """
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


class OutgoingSender:
    """One instance a gateway."""

    def __init__(
        self,
        outbox: Outbox,
        events: Events,
        bot: BotClient,
        session: aiohttp.ClientSession,
        settings: OutgoingSettings,
        pauses: tuple[timedelta, timedelta],
    ) -> None:
        """``pauses``: the shortest and the longest between two attempts."""
        self._outbox = outbox
        self._events = events
        self._bot = bot
        self._session = session
        self._settings = settings
        self._first_pause, self._longest_pause = pauses

    async def run(self) -> None:
        """Send until cancelled."""
        await work_off(self._outbox, self._events, KINDS, self._send)

    async def _send(self, entry: Claimed) -> None:
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                match entry.kind:
                    case "bot":
                        await self._bot.handed_back(entry.target)
                    case "alert_email":
                        await self._email(entry.target, entry.payload)
                    case _:
                        await self._webhook(entry.target, entry.payload)
        except Refused as error:
            log.error("not sent", extra={"kind": entry.kind, "cause": str(error)})
            await self._outbox.failed(entry, str(error))
        except _PASSING as error:
            cause = str(error) if isinstance(error, Failed | BotFailed) else type(error).__name__
            log.warning("not sent yet", extra={"kind": entry.kind, "cause": cause})
            await self._outbox.retry(
                entry, cause, uncertain=True, first=self._first_pause, longest=self._longest_pause
            )
        else:
            await self._outbox.sent(entry)

    async def _webhook(self, url: str, payload: Json) -> None:
        body, timestamp = json.dumps(payload, ensure_ascii=False).encode(), int(time.time())
        signed = signature(self._settings.webhook_secret.get_secret_value(), timestamp, body)
        headers = {
            "Content-Type": "application/json",
            "Helpline-Event-Id": str(payload["id"]),
            "Helpline-Timestamp": str(timestamp),
            "Helpline-Signature": f"sha256={signed}",
        }
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            if response.status == 410 and payload["event"] != "crisis.waiting":
                raise Refused("the receiver is gone (410)")
            if not 200 <= response.status < 300:
                raise Failed(f"status {response.status}")

    async def _email(self, to: str, payload: Json) -> None:
        settings = self._settings
        message = EmailMessage()
        message["Subject"] = f"Helpline: a crisis chat waits and nobody is on duty ({payload['reference']})"
        message["From"], message["To"] = settings.alert_email_from, to
        message["Message-ID"] = f"<{payload['id']}@helpline.invalid>"  # a repeat can be told from a new one
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(
            f"A chat that is marked as a crisis waits, and no adviser is on duty.\n\n"
            f"Reference: {payload['reference']}\nWaiting since: {payload['waiting_since']} (UTC)\n"
            f"Desk: {payload['desk']}\n\n"
            "The person was shown the crisis contacts. This message holds nothing of what they wrote.\n"
        )
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            username=settings.smtp_user or None,
            password=settings.smtp_password.get_secret_value() or None,
            timeout=_ATTEMPT_SECONDS,
        )
