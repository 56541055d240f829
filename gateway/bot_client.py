"""The only place that talks to Rasa, over its REST channel and its HTTP API."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from conversations.log import Draft
from conversations.models import Json, Priority
from conversations.reasons import ASKED, REASONS

log = logging.getLogger(__name__)

#: A refused or broken connection is tried once more after this long: Rasa may be restarting its worker.
_RETRY_AFTER_SECONDS = 0.3

#: Who takes no connection by then has vanished, and another address of the bot may be tried.
_CONNECT_SECONDS = 3.0

#: A connection whose other end vanished breaks within seconds, whether something was sent (TCP_USER_TIMEOUT,
#: in milliseconds) or is waited for. Else a person waits in vain for each that is kept open to that machine.
_BREAKS = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": 3000}

#: So often a bot that is starting is asked whether it is ready.
_LOOK_SECONDS = 0.3


def socket_that_breaks(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that breaks soon when its other end vanishes, so that another bot can be asked."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _BREAKS.items():
        if hasattr(socket, option):  # not every system has all of them
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made


class BotFailed(Exception):
    """The bot gave no usable answer. ``kind`` is one short word for the metrics."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


@dataclass(frozen=True, slots=True)
class Handoff:
    """An action asks for a person."""

    reason: str
    priority: Priority
    summary: Json


@dataclass(frozen=True, slots=True)
class BotReply:
    """What the bot said, and what it asks the gateway to do."""

    messages: list[Draft]
    handoff: Handoff | None = None
    person: Json = field(default_factory=dict)  # what actions know of the person: area, age, young


class BotClient:
    """Calls Rasa. One instance a gateway; safe to use from many turns at once."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        timeout_seconds: float,
        start_seconds: float = 0.0,
        token: str | None = None,
    ) -> None:
        """Args:
        url: without a trailing slash.
        timeout_seconds: bounds one whole ``ask``, retry included.
        start_seconds: so long from now on a bot that has never been ready yet is waited for, besides.
        """
        self._session = session
        self._url = url
        self._timeout = timeout_seconds
        self._query = {"token": token} if token else {}
        self._starts_until = time.monotonic() + start_seconds

    async def ask(self, conversation_id: str, text: str, person: Mapping[str, Any]) -> BotReply:
        """Give ``text`` to the dialogue model and return its reply.

        ``person`` (area, age, young) goes along as metadata. Raises ``BotFailed`` on a time-out, a refused
        or broken connection, a status other than 200, an answer of another shape, and on ``[]``, which is
        how Rasa reports an error of its own.
        """
        await self._until_started()
        body = {"sender": conversation_id, "message": text, "metadata": dict(person)}
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    entries = await self._post("/webhooks/rest/webhook", body)
                except (aiohttp.ClientOSError, aiohttp.ServerConnectionError, ConnectionResetError):
                    # Nothing was answered: Rasa is being started again, its machine has vanished, or another
                    # one takes its place. It may hear the message twice; the log has it once, and so has the
                    # person the answer.
                    await asyncio.sleep(_RETRY_AFTER_SECONDS)
                    entries = await self._post("/webhooks/rest/webhook", body)
        except TimeoutError:
            raise BotFailed("timeout") from None
        except aiohttp.ClientConnectorError:
            raise BotFailed("refused") from None
        except aiohttp.ClientError:
            raise BotFailed("connection") from None
        return read_reply(entries)

    async def _until_started(self) -> None:
        while time.monotonic() < self._starts_until:
            if await self.is_ready() is None:
                self._starts_until = 0.0  # from now on it is down when it does not answer
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def forget(self, conversation_id: str) -> None:
        """Empty the bot's working memory of an erased conversation; best effort, as it forgets by itself."""
        try:
            async with self._session.put(
                f"{self._url}/conversations/{conversation_id}/tracker/events",
                json=[],
                params=self._query,
                timeout=aiohttp.ClientTimeout(total=3),
            ) as response:
                if response.status != 200:
                    log.warning("bot did not forget", extra={"status": response.status})
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("bot did not forget", extra={"cause": type(error).__name__})

    async def handed_back(self, conversation_id: str) -> None:
        """Tell the bot that an adviser has finished and the chat is its own again.

        What was half asked before the adviser came is dropped, so that the next message begins afresh; what
        is known of the person stays. Raises ``BotFailed`` or ``aiohttp.ClientError``.
        """
        events = [
            {"event": "active_loop", "name": None},
            {"event": "slot", "name": "misunderstood", "value": 0},
            {"event": "action", "name": "action_listen"},
        ]
        async with self._session.post(
            f"{self._url}/conversations/{conversation_id}/tracker/events",
            json=events,
            params=self._query,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        ) as response:
            if response.status != 200:
                raise BotFailed(f"status_{response.status // 100}xx")

    async def is_ready(self) -> str | None:
        """None when Rasa is up with a model, else what is missing, in words."""
        try:
            async with self._session.get(
                f"{self._url}/status", params=self._query, timeout=aiohttp.ClientTimeout(total=3)
            ) as response:
                if response.status != 200:
                    return f"the bot answers with status {response.status}"
                status = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return "the bot does not answer"
        if not isinstance(status, dict) or not status.get("model_file"):
            return "the bot has no model"
        return None

    async def _post(self, path: str, body: Json) -> Any:
        async with self._session.post(
            f"{self._url}{path}",
            json=body,
            params=self._query,
            # The whole call is bounded by ``ask``; this lifts aiohttp's own five minutes.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        ) as response:
            if response.status != 200:
                raise BotFailed(f"status_{response.status // 100}xx")
            try:
                return await response.json(content_type=None)
            except ValueError:
                raise BotFailed("bad_json") from None


def read_reply(entries: Any) -> BotReply:
    """Rasa's list of entries as messages.

    Our actions send, after each text, an entry with ``custom`` that belongs to it: the two are one message.
    Raises ``BotFailed`` when there is nothing to say and nothing to do.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BotFailed("bad_shape")
    messages: list[Json] = []
    handoff: Handoff | None = None
    person: Json = {}
    for entry in entries:
        custom = entry.get("custom")
        if isinstance(entry.get("text"), str):
            messages.append({"text": entry["text"], "buttons": _buttons(entry.get("buttons"))})
        elif _shown(custom) and (not messages or "custom" in messages[-1]):
            messages.append({"text": "", "buttons": []})  # cards that came without words
        if isinstance(custom, dict):
            handoff = _handoff(custom.get("handoff")) or handoff
            person |= _dict(custom.get("person"))
            if messages:
                messages[-1]["custom"] = {**messages[-1].get("custom", {}), **custom}
        if isinstance(entry.get("image"), str) and messages:
            messages[-1].setdefault("images", []).append({"kind": "image", "url": entry["image"]})
    drafts = [_draft(message) for message in messages]
    if not drafts and handoff is None:
        raise BotFailed("empty")
    return BotReply(drafts, handoff, person)


def _draft(message: Json) -> Draft:
    custom = _dict(message.get("custom"))
    easy_read, topic = custom.get("easy_read"), custom.get("topic")
    because = {key: custom[key] for key in ("offers_person", "falls_short") if custom.get(key) in REASONS}
    return Draft(
        text=message["text"],
        easy_read=easy_read if isinstance(easy_read, str) else None,
        buttons=message["buttons"],
        cards=_dicts(custom.get("cards")),
        sources=_dicts(custom.get("sources")),
        attachments=[*_dicts(custom.get("attachments")), *message.get("images", [])],
        topic=topic if isinstance(topic, str) else None,
        meta=because,
    )


def _shown(custom: Any) -> bool:
    return isinstance(custom, dict) and any(custom.get(k) for k in ("cards", "sources", "attachments"))


def _handoff(value: Any) -> Handoff | None:
    if not isinstance(value, dict):
        return None
    priority = value.get("priority")
    return Handoff(
        reason=str(value.get("reason") or ASKED),
        priority=Priority(priority) if priority in list(Priority) else Priority.NORMAL,
        summary=_dict(value.get("summary")),
    )


def _buttons(value: Any) -> list[Json]:
    return [
        {"title": button["title"], "payload": button["payload"]}
        for button in _dicts(value)
        if isinstance(button.get("title"), str) and isinstance(button.get("payload"), str)
    ]


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> Sequence[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
