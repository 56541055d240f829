"""How messages and the state of a conversation look on the wire."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from conversations.models import Conversation, Message, Owner
from conversations.store import Store
from gateway.purposes import with_purposes
from gateway.wait_chart import with_drawings


def message_json(message: Message) -> dict[str, Any]:
    """A message of the log as the web contract shows it. ``created_at`` is ISO 8601 in UTC."""
    return {
        "seq": message.seq,
        "role": str(message.role),
        "author": message.author,
        "text": message.text,
        "easy_read": message.easy_read,
        "buttons": message.buttons,
        "cards": with_purposes(with_drawings(message.cards, f"chart-{message.seq}")),
        "sources": message.sources,
        "attachments": message.attachments,
        "topic": message.topic,
        "client_message_id": message.client_message_id,
        "reply_to": message.reply_to,
        "helpful": message.meta.get("helpful"),
        "language": message.meta.get("language"),
        "created_at": message.created_at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
    }


def rest_json(message: Message, recipient: str) -> dict[str, Any]:
    """A message in the shape of Rasa's REST channel; what has no field there is in ``custom``."""
    custom = {
        "role": str(message.role),
        "author": message.author,
        "topic": message.topic,
        "easy_read": message.easy_read,
        "cards": message.cards,
        "sources": message.sources,
        "attachments": message.attachments,
    }
    entry: dict[str, Any] = {"recipient_id": recipient, "text": message.text}
    if message.buttons:
        entry["buttons"] = message.buttons
    entry["custom"] = {key: value for key, value in custom.items() if value}
    return entry


async def status_json(store: Store, conversation_id: str) -> dict[str, Any]:
    """Who has the conversation now: ``owner``, the ``adviser``'s name, the ``position`` in the queue from 1.

    Raises ``NotFound``.
    """
    return await status_of(store, await store.get(conversation_id))


async def status_of(store: Store, conversation: Conversation) -> dict[str, Any]:
    """The same of a conversation that was read just now."""
    owner = conversation.owner
    return {
        "owner": str(owner),
        "adviser": await store.adviser_name(conversation.id) if owner is Owner.ADVISER else None,
        "position": await store.queue_position(conversation.id) if owner is Owner.QUEUED else None,
    }
