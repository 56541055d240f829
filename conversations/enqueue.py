"""Writing an entry of the outbox (``conversations.outbox``) in the transaction of what it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.keys import hashed, new_id
from conversations.models import Delivery, DeliveryState, Json, Message, Recipient, Role

#: A message is worth sending for so long; who waits longer has asked somebody else.
GIVE_UP_AFTER = timedelta(hours=24)

#: In the notes of a session.
_ENQUEUED = "enqueued"


def lane_of(kind: str, target: str) -> str:
    """What keeps its order: everything of one ``kind`` for one ``target``. Nobody can read it back."""
    return hashed(f"{kind}\n{target}")


async def enqueue_in(
    session: AsyncSession,
    *,
    kind: str,
    sealed_target: str,
    lane: str,
    payload: Json,
    at: datetime,
    conversation_id: str | None = None,
    urgent: bool = False,
    give_up_after: timedelta = GIVE_UP_AFTER,
) -> Delivery:
    """Write an entry inside the caller's transaction. Publish ``OUTBOX`` once that is committed.

    ``payload`` is what the sender of this ``kind`` understands.
    """
    entry = Delivery(
        reference=new_id(),
        conversation_id=conversation_id,
        kind=kind,
        target=sealed_target,
        lane=lane,
        number=0,
        part=0,
        urgent=urgent,
        payload=payload,
        state=DeliveryState.PENDING,
        attempts=0,
        uncertain=False,
        due_at=at,
        expires_at=at + give_up_after,
        claim=None,
        claimed_until=None,
        provider_id=None,
        error=None,
        created_at=at,
        changed_at=at,
    )
    session.add(entry)
    await session.flush()
    entry.number = entry.id
    await session.flush()
    return entry


async def enqueue_messages(
    session: AsyncSession, conversation_id: str, messages: Sequence[Message], at: datetime
) -> None:
    """Write one entry for messages that were logged together, if the conversation is held in a channel.

    Its payload is ``{"seqs": [...]}``: the log has the words. What the person wrote, and notes for advisers,
    are not sent. ``is_enqueued`` tells whether one was written in this session.
    """
    shown = [message for message in messages if message.role is not Role.USER and not message.private]
    if not shown:
        return
    recipient = await session.get(Recipient, conversation_id)
    if recipient is None or not recipient.active:
        return
    await enqueue_in(
        session,
        kind=recipient.kind,
        sealed_target=recipient.target,
        lane=recipient.lane,
        payload={"seqs": [message.seq for message in shown]},
        at=at,
        conversation_id=conversation_id,
        urgent=any(card.get("kind") == "crisis" for message in shown for card in message.cards),
    )
    session.info[_ENQUEUED] = True


def is_enqueued(session: AsyncSession) -> bool:
    """Whether messages that were logged in this session are to be sent: most chats are on our own page."""
    return _ENQUEUED in session.info
