"""Hand-off: asking for a person, the queue, and a person taking, passing on and giving back a chat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.database import Database
from conversations.errors import NotFound, OwnershipChanged
from conversations.events import QUEUE, Events
from conversations.keys import new_reference
from conversations.log import Draft, append_in, utc_now
from conversations.models import (
    PRIORITY_RANK,
    Adviser,
    Conversation,
    Escalation,
    EscalationStatus,
    Json,
    Owner,
    Priority,
)
from conversations.ownership import move

_RANK = case(PRIORITY_RANK, value=Escalation.priority)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry of the queue. ``position`` counts from 1."""

    position: int
    escalation: Escalation
    conversation: Conversation


class HandOff:
    """Who waits for a person and who has whom. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def escalate(
        self, conversation_id: str, *, reason: str, priority: Priority, summary: Json, who: str
    ) -> Escalation:
        """Ask for a person: the chat joins the queue (the bot keeps answering until somebody takes it).

        Asking again does not queue twice: the request that stands is returned, with the higher priority of
        the two and the newer summary. ``who`` asked: "user", "assistant" or "system". Raises ``NotFound``.
        """
        now = utc_now()
        async with self.database.writing() as session:
            owner = await session.scalar(
                select(Conversation.owner).where(Conversation.id == conversation_id).with_for_update()
            )
            if owner is None:
                raise NotFound("there is no such conversation")
            if owner is Owner.CLOSED:
                await move(
                    session, conversation_id, expected=owner, to=Owner.BOT, who=who, why=reason, at=now
                )
                owner = Owner.BOT
            if owner is Owner.BOT:
                await move(
                    session, conversation_id, expected=owner, to=Owner.QUEUED, who=who, why=reason, at=now
                )
            escalation = await _live(session, conversation_id)
            if escalation is None:
                escalation = Escalation(
                    reference=new_reference(),
                    conversation_id=conversation_id,
                    reason=reason[:64],
                    priority=priority,
                    summary=summary,
                    status=EscalationStatus.OPEN,
                    adviser_id=None,
                    outcome=None,
                    created_at=now,
                    claimed_at=None,
                    closed_at=None,
                )
                session.add(escalation)
            else:
                escalation.summary = {**escalation.summary, **summary}
                if PRIORITY_RANK[priority] > PRIORITY_RANK[escalation.priority]:
                    escalation.priority, escalation.reason = priority, reason[:64]
            await session.flush()
        self._tell(conversation_id)
        return escalation

    async def open_escalations(self) -> list[Waiting]:
        """The queue: crisis first, then high, then normal; whoever waits longest first."""
        async with self.database.reading() as session:
            rows = await session.execute(
                select(Escalation, Conversation)
                .join(Conversation, Conversation.id == Escalation.conversation_id)
                .where(Escalation.status == EscalationStatus.OPEN)
                .order_by(_RANK.desc(), Escalation.created_at, Escalation.reference)
            )
            return [
                Waiting(position, escalation, conversation)
                for position, (escalation, conversation) in enumerate(rows, start=1)
            ]

    async def queue_position(self, conversation_id: str) -> int | None:
        """The place in the queue, counted from 1; None if the chat is not waiting."""
        for waiting in await self.open_escalations():
            if waiting.escalation.conversation_id == conversation_id:
                return waiting.position
        return None

    async def escalation(self, conversation_id: str) -> Escalation | None:
        """The request that stands (open or claimed), if there is one."""
        async with self.database.reading() as session:
            return await _live(session, conversation_id)

    async def claimed_by(self, adviser_id: str) -> list[Conversation]:
        """The chats an adviser has now, the one with the newest message first."""
        async with self.database.reading() as session:
            rows = await session.scalars(
                select(Conversation)
                .where(Conversation.owner == Owner.ADVISER, Conversation.adviser_id == adviser_id)
                .order_by(Conversation.updated_at.desc())
            )
            return list(rows)

    async def claim(
        self, conversation_id: str, adviser_id: str, *, notice: Draft | None = None
    ) -> Escalation:
        """Take a waiting chat. Of two, one wins; the other gets ``OwnershipChanged`` naming the winner.

        ``notice`` is logged in the same moment, so that the family learns of it exactly when it is true.
        Raises ``NotFound`` for an unknown conversation or an unknown or disabled adviser.
        """
        now = utc_now()
        async with self.database.writing() as session:
            adviser = await session.get(Adviser, adviser_id)
            if adviser is None or adviser.disabled:
                raise NotFound("there is no such adviser")
            await move(
                session,
                conversation_id,
                expected=Owner.QUEUED,
                to=Owner.ADVISER,
                who=adviser_id,
                why="claimed",
                at=now,
                adviser_id=adviser_id,
            )
            adviser.last_seen = now
            escalation = await _live(session, conversation_id)
            assert escalation is not None, "a queued conversation always has a live escalation"
            escalation.status, escalation.adviser_id = EscalationStatus.CLAIMED, adviser_id
            escalation.claimed_at = now
            await append_in(session, conversation_id, [notice] if notice else [], now)
        self._tell(conversation_id)
        return escalation

    async def release(
        self, conversation_id: str, adviser_id: str, *, why: str, notice: Draft | None = None
    ) -> None:
        """Put a chat back in the queue, with its priority and place by time. Raises ``OwnershipChanged``."""
        async with self.database.writing() as session:
            await _requeue(session, conversation_id, adviser_id, adviser_id, why, notice)
        self._tell(conversation_id)

    async def close(
        self,
        conversation_id: str,
        adviser_id: str,
        *,
        outcome: str,
        for_good: bool = False,
        notice: Draft | None = None,
    ) -> None:
        """The adviser is finished: the bot has the chat again, or nobody if it ends ``for_good``.

        A chat that ended is taken up by the bot when the person writes again. Raises ``OwnershipChanged``.
        """
        to = Owner.CLOSED if for_good else Owner.BOT
        now = utc_now()
        async with self.database.writing() as session:
            await move(
                session,
                conversation_id,
                expected=Owner.ADVISER,
                to=to,
                who=adviser_id,
                why=outcome,
                at=now,
                adviser_id=adviser_id,
            )
            await _close_escalation(session, conversation_id, outcome)
            await append_in(session, conversation_id, [notice] if notice else [], now)
        self._tell(conversation_id)

    async def withdraw(self, conversation_id: str, *, who: str, notice: Draft | None = None) -> None:
        """The person no longer wants to wait: the chat leaves the queue. Raises ``OwnershipChanged``."""
        now = utc_now()
        async with self.database.writing() as session:
            await move(
                session,
                conversation_id,
                expected=Owner.QUEUED,
                to=Owner.BOT,
                who=who,
                why="withdrawn",
                at=now,
            )
            await _close_escalation(session, conversation_id, "withdrawn")
            await append_in(session, conversation_id, [notice] if notice else [], now)
        self._tell(conversation_id)

    async def requeue_unseen(self, unseen: timedelta, *, notice: Draft) -> list[str]:
        """Put back in the queue every chat whose adviser was not seen for ``unseen``; their ids.

        The family is told (``notice``) in the same moment.
        """
        limit = utc_now() - unseen
        async with self.database.reading() as session:
            lost = (
                await session.execute(
                    select(Conversation.id, Adviser.id)
                    .join(Adviser, Adviser.id == Conversation.adviser_id)
                    .where(
                        Conversation.owner == Owner.ADVISER,
                        func.coalesce(Adviser.last_seen, Adviser.created_at) < limit,
                    )
                )
            ).all()
        moved = []
        for conversation_id, adviser_id in lost:
            try:
                async with self.database.writing() as session:
                    await _requeue(session, conversation_id, adviser_id, "system", "adviser unseen", notice)
            except (OwnershipChanged, NotFound):
                continue  # given back, closed or erased since we looked
            moved.append(conversation_id)
            self._tell(conversation_id)
        return moved

    def _tell(self, conversation_id: str) -> None:
        self.events.publish(conversation_id)
        self.events.publish(QUEUE)


async def _live(session: AsyncSession, conversation_id: str) -> Escalation | None:
    return await session.scalar(
        select(Escalation).where(
            Escalation.conversation_id == conversation_id, Escalation.status != EscalationStatus.CLOSED
        )
    )


async def _requeue(
    session: AsyncSession, conversation_id: str, adviser_id: str, who: str, why: str, notice: Draft | None
) -> None:
    now = utc_now()
    await move(
        session,
        conversation_id,
        expected=Owner.ADVISER,
        to=Owner.QUEUED,
        who=who,
        why=why,
        at=now,
        adviser_id=adviser_id,
    )
    await session.execute(
        update(Escalation)
        .where(Escalation.conversation_id == conversation_id, Escalation.status == EscalationStatus.CLAIMED)
        .values(status=EscalationStatus.OPEN, adviser_id=None, claimed_at=None)
    )
    await append_in(session, conversation_id, [notice] if notice else [], now)


async def _close_escalation(session: AsyncSession, conversation_id: str, outcome: str) -> None:
    await session.execute(
        update(Escalation)
        .where(Escalation.conversation_id == conversation_id, Escalation.status != EscalationStatus.CLOSED)
        .values(status=EscalationStatus.CLOSED, outcome=outcome[:200], closed_at=utc_now())
    )
