"""Asking for a person, and telling the truth about what happens next."""

from __future__ import annotations

from collections.abc import Sequence

from conversations.log import Draft
from conversations.models import Conversation, Escalation, Json, Message, Owner, Priority, Role
from conversations.store import Store
from gateway import wording
from gateway.elsewhere import Elsewhere

#: How many of the person's last messages a summary holds. The adviser sees the whole chat beside it.
_MOST_ASKED = 8

#: Buttons that say nothing about what the person wants to know.
_NO_QUESTION = frozenset({wording.HUMAN_REQUEST, wording.TRY_AGAIN, wording.STOP_WAITING})


async def ask_for_person(
    store: Store,
    elsewhere: Elsewhere,
    conversation: Conversation,
    *,
    reason: str,
    priority: Priority,
    summary: Json,
    who: str,
) -> Draft:
    """Put the chat in the queue and return what to tell the person.

    ``who`` asked: "user" or "assistant". Raises ``StoreUnavailable`` or ``NotFound``.
    """
    escalation = await store.escalate(
        conversation.id, reason=reason, priority=priority, summary=summary, who=who
    )
    name = await store.adviser_name(conversation.id)
    if name is not None:
        return wording.adviser_has_it(name)
    if await store.advisers_present():
        position = await store.queue_position(conversation.id) or 1
        return wording.waiting_with_adviser_here(escalation.reference, position)
    places = await elsewhere.near(summary.get("area") or conversation.area)
    return wording.waiting_with_nobody_here(
        escalation.reference, [place.name for place in places], [place.card for place in places]
    )


async def mark_urgent(
    store: Store, conversation: Conversation, *, danger: str, reason: str, summary: Json
) -> Draft | None:
    """Record that the chat speaks of danger; what to tell the person, or None when they were told before."""
    before = await store.escalation(conversation.id)
    escalation = await store.escalate(
        conversation.id,
        reason=danger,
        priority=Priority.CRISIS,
        summary={**summary, "danger": danger, "safety_reason": reason},
        who="system",
    )
    if (before is not None and before.priority is Priority.CRISIS) or await _with_person(store, escalation):
        return None
    return wording.after_crisis(await store.advisers_present() > 0, escalation.reference)


async def _with_person(store: Store, escalation: Escalation) -> bool:
    return (await store.get(escalation.conversation_id)).owner is Owner.ADVISER


def summary_of(conversation: Conversation, messages: Sequence[Message]) -> Json:
    """A summary from the log alone, for when the bot cannot give a better one."""
    asked = [
        message.text[:300]
        for message in messages
        if message.role is Role.USER
        and message.text.strip()
        and message.meta.get("payload") not in _NO_QUESTION
    ]
    topics = [message.topic for message in messages if message.topic]
    return {
        "asked": asked[-_MOST_ASKED:],
        "area": conversation.area,
        "age": conversation.age,
        "writer_is_under_18": conversation.young,
        "last_topic": topics[-1] if topics else None,
    }
