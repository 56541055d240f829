"""Text messages, over GOV.UK Notify (https://www.notifications.service.gov.uk) and its own Python client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
from notifications_python_client.errors import HTTPError, InvalidResponse
from notifications_python_client.notifications import NotificationsAPIClient

from conversations.models import DeliveryState
from conversations.outbox import LEASE
from gateway.access import is_secret
from gateway.channels.base import Capabilities, Channel, Event, Inbound, NotSent, Receipt, Refused, Sending
from gateway.channels.http import retry_after
from gateway.channels.settings import ChannelSettings

_STATES = {
    "delivered": DeliveryState.DELIVERED,
    "permanent-failure": DeliveryState.FAILED,
    "temporary-failure": DeliveryState.FAILED,
    "technical-failure": DeliveryState.FAILED,
}

#: Signs that would make a text message need twice the space, and what is sent in their place.
_PLAIN = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "•": "-", "\xa0": " "}
)


#: As many as the outbox gives out at once. They cost nothing while they wait for Notify.
_THREADS = 20

#: The longest that Notify is waited for, a free thread included. Sending asks it twice at most, and must end
#: before the outbox lends the text out anew: it would be sent twice.
LONGEST_CALL = LEASE / 2.5


class Sms(Channel):
    """A number that Notify gives the council's service.

    Its threads are its own: however slow Notify is, the safety check finds its thread free.
    """

    name = "sms"
    title = "Text messages"
    #: Notify takes 918 characters; half of that is three texts, which is what an answer may cost.
    can = Capabilities(text=918, bubble=459, short_answers=True)

    def __init__(
        self, settings: ChannelSettings, *, threads: int = _THREADS, longest_call: timedelta = LONGEST_CALL
    ) -> None:
        """``threads``: calls that run at once; others wait. ``longest_call``: their waiting included."""
        self._settings = settings
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="sms")
        self._longest_call = longest_call

    # -- in -----------------------------------------------------------------------------------------

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """By the bearer token that Notify was told for its callbacks."""
        token = self._settings.sms_callback_token.get_secret_value()
        told = headers.get("Authorization", "")
        if not is_secret(told, f"Bearer {token}"):
            raise Refused(401, "not Notify's bearer token")

    def read(self, body: Any) -> list[Event]:
        """A text message that came in, or a delivery receipt: Notify sends both kinds of callback here."""
        if not isinstance(body, dict) or not isinstance(body.get("id"), str):
            raise Refused(400, "no callback of Notify")
        if isinstance(body.get("source_number"), str) and isinstance(body.get("message"), str):
            address = _number(body["source_number"])
            if address is None:
                return []  # a short code or a name: there is nobody to answer
            return [
                Inbound(
                    id=body["id"], address=address, text=body["message"], at=_time(body.get("date_received"))
                )
            ]
        if isinstance(body.get("status"), str):
            state = _STATES.get(body["status"])
            reference = body.get("reference")
            if state is None:
                return []
            return [
                Receipt(
                    state=state,
                    provider_id=body["id"],
                    reference=reference if isinstance(reference, str) else None,
                    error=body["status"] if state is DeliveryState.FAILED else None,
                )
            ]
        raise Refused(400, "no callback of Notify")

    # -- out ----------------------------------------------------------------------------------------

    async def send(self, sending: Sending) -> str | None:
        """``send_sms_notification`` with a template that is nothing but ((message))."""
        options = {"sms_sender_id": self._settings.sms_sender_id} if self._settings.sms_sender_id else {}
        answer = await self._ask(
            lambda client: client.send_sms_notification(
                phone_number=sending.address,
                template_id=self._settings.sms_template_id,
                personalisation={"message": sending.bubble.text.translate(_PLAIN)},
                reference=sending.reference,
                **options,
            )
        )
        return str(answer["id"]) if isinstance(answer, dict) and "id" in answer else None

    async def find_sent(self, reference: str) -> str | None:
        """Notify keeps our reference, so that a doubtful attempt need not be repeated blindly."""
        answer = await self._ask(
            lambda client: client.get_all_notifications(template_type="sms", reference=reference)
        )
        found = answer.get("notifications") if isinstance(answer, dict) else None
        return str(found[0]["id"]) if found else None

    async def _ask(self, what: Any) -> Any:
        asked = self._threads.submit(lambda: what(self._client()))
        try:
            async with asyncio.timeout(self._longest_call.total_seconds()):
                return await asyncio.wrap_future(asked)
        except TimeoutError:
            # What still waited for a thread is taken back; what had begun may arrive.
            raise NotSent("Notify takes too long", uncertain=not asked.cancel()) from None
        except InvalidResponse:
            raise NotSent("Notify answered something else", uncertain=True) from None
        except HTTPError as error:
            raise _not_sent(error) from None

    def close(self) -> None:
        """Let the threads end: what still runs has been given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _client(self) -> NotificationsAPIClient:
        # One a call: the client says of itself that it is not thread-safe.
        return NotificationsAPIClient(  # type: ignore[no-untyped-call]
            self._settings.sms_notify_key.get_secret_value(),
            base_url=self._settings.sms_notify_url,
            timeout=self._settings.channel_timeout_seconds,
        )


def _not_sent(error: HTTPError) -> NotSent:
    if error.response is None:  # no answer at all
        return NotSent("Notify was not reached", uncertain=True)
    status, wait = error.status_code, retry_after(error.response.headers)
    why = f"Notify: {status}"
    if status == 429:
        # Without a header it is the limit of a minute, or of a day; either way a minute is soon enough.
        return NotSent(why, not_before=timedelta(minutes=1) if wait is None else wait)
    if status in (401, 403):  # the key: mended by the council, and nothing is lost meanwhile
        return NotSent(why, not_before=timedelta(minutes=1))
    return NotSent(why, for_good=400 <= status < 500, uncertain=status >= 500, not_before=wait)


def _number(told: str) -> str | None:
    """A telephone number as E.164; None when it is none."""
    digits = re.sub(r"[^\d+]", "", told)
    try:
        number = phonenumbers.parse(digits if digits.startswith(("+", "0")) else f"+{digits}", "GB")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _time(told: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
