"""The chats an adviser has, with enough of each to see whether it needs them now."""

from __future__ import annotations

from dataclasses import dataclass

from conversations.models import Adviser, Conversation, Escalation, Message
from conversations.store import Store

#: Enough of a chat's end to see who wrote last and whether there was a safety alert.
_LATEST = 100


@dataclass(frozen=True, slots=True)
class Held:
    """One chat and its newest messages, private notes included."""

    conversation: Conversation
    escalation: Escalation
    latest: list[Message]


async def held_by(store: Store, adviser: Adviser) -> list[Held]:
    """The adviser's chats, the one with the newest message first. Raises ``StoreUnavailable``."""
    found = []
    for conversation in await store.claimed_by(adviser.id):
        escalation = await store.escalation(conversation.id)
        if escalation is None:
            continue  # closed since it was listed
        after = max(0, conversation.last_seq - _LATEST)
        latest = await store.messages(conversation.id, after=after, include_private=True)
        found.append(Held(conversation, escalation, latest))
    return found
