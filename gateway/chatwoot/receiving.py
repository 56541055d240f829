"""What Chatwoot tells the agent bot, as its webhook events describe it."""

from __future__ import annotations

import hmac
import logging
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from conversations.errors import ConversationsError, MessageConflict, OwnershipChanged, StoreUnavailable
from conversations.models import Conversation, Owner, Priority
from conversations.recipients import Recipients
from conversations.store import Store
from gateway.access import is_secret
from gateway.channels import voice
from gateway.chatwoot.queue_server import CHATWOOT
from gateway.chatwoot.settings import ChatwootSettings
from gateway.errors import Code, Problem
from gateway.turn import STANDS_FOR, Said, Turns

log = logging.getLogger(__name__)

#: An event that was signed longer ago is not taken: somebody may have kept it.
_SIGNED_WITHIN_SECONDS = 300


#: What Chatwoot calls an attachment (``Attachment.file_type``), and what we do.
_KINDS = {
    "image": "photo",
    "audio": "voice",
    "video": "video",
    "file": "file",
    "location": "location",
    "contact": "contact",
}

#: A longer name of a file says no more.
_LONGEST_NAME = 120


class ChatwootReceiver:
    """Takes in events. ``desk_id`` is the account that stands for Chatwoot's agents in our records."""

    def __init__(
        self,
        settings: ChatwootSettings,
        store: Store,
        recipients: Recipients,
        turns: Turns,
        desk_id: str,
    ) -> None:
        self._settings = settings
        self._store = store
        self._recipients = recipients
        self._turns = turns
        self._desk_id = desk_id

    async def webhook(self, request: web.Request) -> web.Response:
        """``POST /chatwoot/{secret}``: 200 once it is in the log; the bot's answer is sent afterwards.

        Chatwoot gives an agent bot's webhook a few seconds, and repeats nothing.
        """
        secret = self._settings.webhook_secret.get_secret_value()
        if not hmac.compare_digest(request.match_info["secret"].encode(), secret.encode()):
            raise Problem(Code.NO_SUCH_ROUTE)
        signs = self._settings.signing_secret.get_secret_value()
        if signs and not _is_signed(request, await request.read(), signs):
            raise Problem(Code.NO_SUCH_ROUTE)
        try:
            event = await request.json()
        except ValueError:
            raise Problem(Code.BAD_JSON) from None
        if isinstance(event, dict):
            try:
                await self._take(event)
            except StoreUnavailable as error:
                raise Problem(Code.NOT_SAVED) from error
        return web.json_response({})

    async def _take(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "message_created":
                await self._message(event)
            case "message_updated":
                await self._chosen(event)
            # An agent bot is told of the first two; an account's webhook at this address, of the third.
            case "conversation_opened" | "conversation_resolved" | "conversation_status_changed":
                if (number := _number(event)) is not None:
                    await self._status(await self._conversation(number), str(event.get("status")))

    async def _message(self, event: dict[str, Any]) -> None:
        there = event.get("conversation")
        number = _number(there) if isinstance(there, dict) else None
        text = event.get("content") or ""
        files = [one for one in event.get("attachments") or [] if isinstance(one, dict)]
        if number is None or not isinstance(text, str) or not (text or files) or event.get("private"):
            return
        conversation = await self._conversation(number)
        name = f"chatwoot-{event.get('id')}"
        if event.get("message_type") in ("incoming", 0):
            assert isinstance(there, dict)
            await self._status(conversation, str(there.get("status")))
            if files:
                await self._sent(conversation, files, f"{name}-m", with_words=bool(text.strip()))
            if text.strip() or not files:
                await self._said(conversation, text, name)
        elif event.get("message_type") in ("outgoing", 1) and _by_a_person(event):
            # An agent who writes has the chat, whatever order the events came in.
            await self._status(conversation, "open")
            text = "\n".join([*filter(None, [text]), *(f"[They sent a file: {_name(one)}]" for one in files)])
            try:
                await self._store.append_adviser(conversation.id, self._desk_id, text, client_message_id=name)
            except (OwnershipChanged, MessageConflict) as error:
                log.warning("an agent's message is not in the log", extra={"cause": type(error).__name__})

    async def _said(self, conversation: Conversation, text: str, name: str) -> None:
        conversation = await self._store.get(conversation.id)
        said = Said(text, None, name)
        for message in reversed(await self._store.messages(conversation.id)):
            for button in message.buttons:
                if text.strip().lower() in (button["title"].lower(), button["payload"]):
                    said = Said(button["title"], button["payload"], name)
            if message.buttons:
                break
        try:
            await self._turns.begin(conversation, said)
        except MessageConflict:
            return  # known under this id already

    async def _sent(
        self, conversation: Conversation, files: list[dict[str, Any]], name: str, *, with_words: bool
    ) -> None:
        """A person's files are in Chatwoot, where agents see them: the log says so, and nothing is copied.

        An adviser at our own desk, who may have the chat while Chatwoot is down, does not see them.
        """
        kinds = [_KINDS.get(str(one.get("file_type")), "other") for one in files]
        mark = " ".join(voice.media_mark(kind, kept=True) for kind in kinds)
        answer = [] if with_words else [voice.media_elsewhere(kinds[0])]
        said = Said(mark, None, name, {STANDS_FOR: kinds}, answer)
        conversation = await self._store.get(conversation.id)
        try:
            if conversation.owner is Owner.ADVISER and conversation.adviser_id != self._desk_id:
                await self._unseen(conversation, said, kinds[0])
            else:
                await self._turns.begin(conversation, said)
        except MessageConflict:
            return  # known under this id already

    async def _unseen(self, conversation: Conversation, said: Said, kind: str) -> None:
        """An adviser of our own has the chat, and has no window onto Chatwoot: the person is told."""
        logged = await self._store.append_user(
            conversation.id, said.client_message_id, said.text, meta=said.to_keep()
        )
        adviser = await self._store.adviser_name(conversation.id)
        draft = voice.media_elsewhere(kind) if adviser is None else voice.media_unseen(kind, adviser)
        await self._store.append_assistant(
            conversation.id, [draft], reply_to=logged.message.seq, unless_owned_by_adviser=False
        )

    async def _chosen(self, event: dict[str, Any]) -> None:
        """A choice below one of our messages: Chatwoot adds it to that message."""
        there, attributes = event.get("conversation"), event.get("content_attributes")
        values = attributes.get("submitted_values") if isinstance(attributes, dict) else None
        number = _number(there) if isinstance(there, dict) else None
        if number is None or not isinstance(values, list) or not values or not isinstance(values[0], dict):
            return
        conversation = await self._conversation(number)
        payload = str(values[0].get("value"))
        title = await self._turns.button(conversation.id, payload)
        if title is not None:
            said = Said(title, payload, f"chatwoot-{event.get('id')}-{payload}"[:64])
            await self._turns.begin(conversation, said)

    async def _conversation(self, number: str) -> Conversation:
        conversation = await self._store.for_sender(CHATWOOT, number)
        await self._recipients.heard(conversation.id, CHATWOOT, number)
        return conversation

    async def _status(self, conversation: Conversation, status: str) -> None:
        """Make who has the chat here what it is there."""
        conversation = await self._store.get(conversation.id)
        theirs = conversation.owner is Owner.ADVISER and conversation.adviser_id == self._desk_id
        try:
            if status in ("open", "snoozed") and not theirs:
                if conversation.owner is not Owner.QUEUED:
                    await self._store.escalate(
                        conversation.id,
                        reason="opened_in_chatwoot",
                        priority=Priority.NORMAL,
                        summary={},
                        who="system",
                    )
                await self._store.claim(conversation.id, self._desk_id)
            elif status in ("pending", "resolved") and theirs:
                await self._store.close(
                    conversation.id,
                    self._desk_id,
                    outcome="given_back" if status == "pending" else "closed",
                    for_good=status == "resolved",
                )
        except StoreUnavailable:
            raise
        except ConversationsError as error:
            log.warning("Chatwoot and we disagree on a chat", extra={"cause": type(error).__name__})


def _is_signed(request: web.Request, body: bytes, secret: str) -> bool:
    """Whether Chatwoot signed the very bytes, with the bot's secret, not long ago."""
    stamp = request.headers.get("X-Chatwoot-Timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and abs(time.time() - int(stamp)) <= _SIGNED_WITHIN_SECONDS):
        return False
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    sent = request.headers.get("X-Chatwoot-Signature", "")
    return is_secret(sent, f"sha256={digest}")


def _number(conversation: dict[str, Any]) -> str | None:
    number = conversation.get("id")
    return str(number) if isinstance(number, int) else None


def _name(attachment: dict[str, Any]) -> str:
    """What a file is called: the end of the address that Chatwoot gives it out at."""
    name = unquote(urlsplit(str(attachment.get("data_url") or "")).path.rpartition("/")[2])
    return " ".join(name.split())[:_LONGEST_NAME] or "no name"


def _by_a_person(event: dict[str, Any]) -> bool:
    sender = event.get("sender")
    return isinstance(sender, dict) and sender.get("type", "user") == "user"
