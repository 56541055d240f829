"""Hand-off: asking for a person, the queue, and a person taking, passing on and giving back a chat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import and_, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.audit import audit_in
from conversations.database import Database, rows_changed
from conversations.errors import AtCapacity, NotFound, NotOnDuty, OwnershipChanged
from conversations.events import QUEUE, Events
from conversations.keys import new_reference
from conversations.log import Draft, append_in, storable, told_of_dangers_in, utc_now
from conversations.models import (
    PRIORITY_RANK,
    Adviser,
    CallBack,
    CallBackStatus,
    Conversation,
    Escalation,
    EscalationStatus,
    Json,
    LostChat,
    Owner,
    Priority,
    Role,
)
from conversations.outcomes import checked
from conversations.ownership import move, raise_current_owner
from conversations.presence import is_on_duty

_RANK = case(PRIORITY_RANK, value=Escalation.priority)

#: A call back that somebody is still to make.
PROMISED = (CallBackStatus.OPEN, CallBackStatus.CLAIMED)

#: The expected wait comes from so many of the latest first claims.
_RECENT_CLAIMS = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry of the queue. ``position`` counts from 1."""

    position: int
    escalation: Escalation
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Lost:
    """A chat that an adviser lost with their connection. ``holder``: the full name of who has it now."""

    conversation: Conversation
    reference: str
    at: datetime
    holder: str | None


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
        the two and what is newly known for the summary. ``who`` asked: "user", "assistant" or "system".
        Raises ``NotFound``.
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
            if owner in (Owner.BOT, Owner.CALLBACK):
                await move(
                    session, conversation_id, expected=owner, to=Owner.QUEUED, who=who, why=reason, at=now
                )
            escalation = await _live(session, conversation_id)
            if escalation is None:
                escalation = _new(conversation_id, reason, priority, summary, now)
                session.add(escalation)
            else:
                # What is not known this time was told before, and nobody should have to tell it twice.
                known = {name: value for name, value in summary.items() if value not in (None, "", [])}
                escalation.summary = {**escalation.summary, **known}
                if PRIORITY_RANK[priority] > PRIORITY_RANK[escalation.priority]:
                    escalation.priority, escalation.reason = priority, reason[:64]
            if priority is Priority.CRISIS:
                await told_of_dangers_in(session, conversation_id)
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
        async with self.database.reading() as session:
            mine = await session.scalar(
                select(Escalation).where(
                    Escalation.conversation_id == conversation_id,
                    Escalation.status == EscalationStatus.OPEN,
                )
            )
            if mine is None:
                return None
            rank = PRIORITY_RANK[mine.priority]
            ours = _RANK.in_([rank])
            earlier = or_(
                Escalation.created_at < mine.created_at,
                and_(Escalation.created_at == mine.created_at, Escalation.reference < mine.reference),
            )
            before_us = or_(rank < _RANK, and_(ours, earlier))
            before = await session.scalar(
                select(func.count())
                .select_from(Escalation)
                .where(
                    Escalation.status == EscalationStatus.OPEN,
                    before_us,
                )
            )
            return (before or 0) + 1

    async def queue_length(self) -> int:
        """How many chats wait for a person now."""
        async with self.database.reading() as session:
            count = await session.scalar(
                select(func.count()).select_from(Escalation).where(Escalation.status == EscalationStatus.OPEN)
            )
            return count or 0

    async def expected_wait(self) -> timedelta | None:
        """How long people waited lately from asking to the first claim: the median of the last twenty.

        None while nobody has been served yet. Chats that are put back count once, with their first claim.
        """
        async with self.database.reading() as session:
            rows = (
                await session.execute(
                    select(Escalation.created_at, Escalation.first_claimed_at)
                    .where(Escalation.first_claimed_at.is_not(None))
                    .order_by(Escalation.first_claimed_at.desc())
                    .limit(_RECENT_CLAIMS)
                )
            ).all()
        waits = [(claimed - asked).total_seconds() for asked, claimed in rows if claimed is not None]
        return timedelta(seconds=median(waits)) if waits else None

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

        A chat for which a call back is agreed can be taken too: the adviser then writes in it.
        ``notice`` is logged in the same moment, so that the family learns of it exactly when it is true.
        Raises ``AtCapacity`` (a crisis is always taken), or ``NotFound`` for an unknown conversation or an
        unknown or disabled adviser.
        """
        now = utc_now()
        async with self.database.writing() as session:
            adviser = await _adviser(session, adviser_id)
            owner = await session.scalar(select(Conversation.owner).where(Conversation.id == conversation_id))
            expected = Owner.CALLBACK if owner is Owner.CALLBACK else Owner.QUEUED
            await move(
                session,
                conversation_id,
                expected=expected,
                to=Owner.ADVISER,
                who=adviser_id,
                why="claimed",
                at=now,
                taken_by=adviser_id,
            )
            escalation = await _live(session, conversation_id)
            if escalation is None:  # only a queued chat always has one
                escalation = _new(conversation_id, "call_back", Priority.NORMAL, {}, now)
                session.add(escalation)
            if escalation.priority is not Priority.CRISIS:
                await _check_capacity(session, adviser)
            adviser.last_seen = now
            _claimed(escalation, adviser_id, now)
            await append_in(session, conversation_id, [notice] if notice else [], now)
            await _recorded(session, escalation, adviser_id, "claimed")
        self._tell(conversation_id)
        return escalation

    async def release(
        self, conversation_id: str, adviser_id: str, *, why: str, notice: Draft | None = None
    ) -> None:
        """Put a chat back in the queue, with its priority and place by time. Raises ``OwnershipChanged``."""
        async with self.database.writing() as session:
            escalation = await _requeue(session, conversation_id, adviser_id, adviser_id, why, notice)
            await _recorded(session, escalation, adviser_id, "put back", why=why)
        self._tell(conversation_id)

    async def transfer(
        self,
        conversation_id: str,
        *,
        to_adviser_id: str,
        by: str,
        why: str,
        held_by: str | None = None,
        notice: Draft | None = None,
    ) -> Escalation:
        """Hand a chat to a named colleague, who has it from this moment on.

        ``held_by`` is the adviser who must have it now: an adviser passes on only their own. A supervisor
        leaves it out and reassigns, or takes over, any chat that waits or is with somebody. ``by`` is the id
        of whoever does it. Handing it to whoever has it already changes nothing.
        Raises ``OwnershipChanged``, ``NotOnDuty``, ``AtCapacity`` (not for a crisis) or ``NotFound``.
        """
        now = utc_now()
        async with self.database.writing() as session:
            colleague = await _adviser(session, to_adviser_id)
            conversation = await session.scalar(
                select(Conversation).where(Conversation.id == conversation_id).with_for_update()
            )
            escalation = await _live(session, conversation_id)
            if (
                conversation is None
                or escalation is None
                or conversation.owner not in (Owner.QUEUED, Owner.ADVISER)
                or (held_by is not None and conversation.adviser_id != held_by)
            ):
                await raise_current_owner(session, conversation_id)
            if conversation.adviser_id == to_adviser_id:
                return escalation
            if to_adviser_id != by and not is_on_duty(colleague, now):
                raise NotOnDuty(colleague.name)
            await move(
                session,
                conversation_id,
                expected=conversation.owner,
                to=Owner.ADVISER,
                who=by,
                why=why,
                at=now,
                held_by=conversation.adviser_id,
                taken_by=to_adviser_id,
            )
            if escalation.priority is not Priority.CRISIS:
                await _check_capacity(session, colleague)
            _claimed(escalation, to_adviser_id, now)
            await append_in(session, conversation_id, [notice] if notice else [], now)
            await _recorded(session, escalation, by, "handed over", to=to_adviser_id)
        self._tell(conversation_id)
        return escalation

    async def reopen(
        self, conversation_id: str, adviser_id: str, *, notice: Draft | None = None
    ) -> Escalation:
        """An adviser takes up again a chat that ended, under a new reference.

        Raises ``OwnershipChanged`` if it is not closed (the person has written meanwhile, or somebody has
        it), ``AtCapacity`` or ``NotFound``.
        """
        now = utc_now()
        async with self.database.writing() as session:
            adviser = await _adviser(session, adviser_id)
            await move(
                session,
                conversation_id,
                expected=Owner.CLOSED,
                to=Owner.ADVISER,
                who=adviser_id,
                why="reopened",
                at=now,
                taken_by=adviser_id,
            )
            await _check_capacity(session, adviser)
            before = await session.scalar(
                select(Escalation)
                .where(Escalation.conversation_id == conversation_id)
                .order_by(Escalation.created_at.desc())
                .limit(1)
            )
            summary = before.summary if before is not None else {}
            escalation = _new(conversation_id, "reopened", Priority.NORMAL, summary, now)
            _claimed(escalation, adviser_id, now)
            escalation.first_claimed_at = None  # nobody waited: it is no wait to learn from
            session.add(escalation)
            await append_in(session, conversation_id, [notice] if notice else [], now)
            await _recorded(session, escalation, adviser_id, "reopened")
        self._tell(conversation_id)
        return escalation

    async def set_priority(self, conversation_id: str, priority: Priority, *, by: str) -> None:
        """An adviser judges how urgent a waiting or claimed chat is, up or down. Recorded as a private note.

        Raises ``NotFound`` if nobody asked for a person in it.
        """
        now = utc_now()
        async with self.database.writing() as session:
            adviser = await session.get(Adviser, by)
            # Locked before what belongs to it, as everywhere: else two wait for one another.
            await session.scalar(
                select(Conversation.id).where(Conversation.id == conversation_id).with_for_update()
            )
            escalation = await _live(session, conversation_id)
            if escalation is None or adviser is None:
                raise NotFound("there is no such request for a person")
            before, escalation.priority = escalation.priority, priority
            note = Draft(
                role=Role.SYSTEM,
                private=True,
                text=f"{adviser.name} changed the priority from {before} to {priority}.",
                meta={"kind": "priority", "by": by},
            )
            await append_in(session, conversation_id, [note], now)
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

        While a call back is still to be made, the chat stands at that either way.

        ``outcome`` is a code of ``outcomes.yml``. A chat that ended is taken up by the bot when the person
        writes again. Raises ``OwnershipChanged`` or ``UnknownOutcome``.
        """
        now, code = utc_now(), checked(outcome)
        async with self.database.writing() as session:
            promised = await session.scalar(
                select(CallBack.id).where(
                    CallBack.conversation_id == conversation_id, CallBack.status.in_(PROMISED)
                )
            )
            to = Owner.CALLBACK if promised else Owner.CLOSED if for_good else Owner.BOT
            await move(
                session,
                conversation_id,
                expected=Owner.ADVISER,
                to=to,
                who=adviser_id,
                why=code,
                at=now,
                held_by=adviser_id,
            )
            await _recorded(
                session, await _live(session, conversation_id), adviser_id, "closed", outcome=code
            )
            await close_escalation(session, conversation_id, code, now)
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
            await close_escalation(session, conversation_id, "withdrawn", now)
            await append_in(session, conversation_id, [notice] if notice else [], now)
        self._tell(conversation_id)

    async def lost_by(self, adviser_id: str) -> list[Lost]:
        """The chats that went back to the queue because this adviser was not seen, the newest loss first.

        For an adviser who returns; until ``told_of_lost``. What they have again is left out.
        """
        async with self.database.reading() as session:
            newest = (
                select(Escalation.conversation_id, func.max(Escalation.created_at).label("at"))
                .group_by(Escalation.conversation_id)
                .subquery()
            )
            rows = await session.execute(
                select(LostChat.at, Conversation, Escalation.reference, Adviser.name)
                .join(Conversation, Conversation.id == LostChat.conversation_id)
                .join(newest, newest.c.conversation_id == Conversation.id)
                .join(
                    Escalation,
                    and_(Escalation.conversation_id == Conversation.id, Escalation.created_at == newest.c.at),
                )
                .outerjoin(Adviser, Adviser.id == Conversation.adviser_id)
                .where(
                    LostChat.adviser_id == adviser_id,
                    func.coalesce(Conversation.adviser_id, "") != adviser_id,
                )
                .order_by(LostChat.at.desc(), Escalation.reference)
            )
            return [Lost(conversation, reference, at, holder) for at, conversation, reference, holder in rows]

    async def told_of_lost(self, adviser_id: str) -> None:
        """The adviser has read which chats they lost."""
        async with self.database.writing() as session:
            await session.execute(delete(LostChat).where(LostChat.adviser_id == adviser_id))
        self.events.publish(QUEUE)

    async def long_waits(self, limit: timedelta, *, notice: Draft) -> list[str]:
        """Tell everybody who has waited for ``limit`` and was not told before; the ids of their chats."""
        now, told = utc_now(), []
        due = (
            Escalation.status == EscalationStatus.OPEN,
            Escalation.created_at <= now - limit,
            Escalation.wait_told_at.is_(None),
        )
        async with self.database.reading() as session:
            waiting = list(await session.scalars(select(Escalation.conversation_id).where(*due)))
        for conversation_id in waiting:
            async with self.database.writing() as session:
                await session.scalar(
                    select(Conversation.id).where(Conversation.id == conversation_id).with_for_update()
                )
                result = await session.execute(
                    update(Escalation)
                    .where(Escalation.conversation_id == conversation_id, *due)
                    .values(wait_told_at=now)
                )
                if rows_changed(result) == 0:
                    continue  # served, or told by another gateway, since we looked
                await append_in(session, conversation_id, [notice], now)
            told.append(conversation_id)
            self.events.publish(conversation_id)
        return told

    async def rate_hand_off(
        self, conversation_id: str, *, rating: int | None = None, comment: str | None = None
    ) -> bool:
        """Keep what the person thinks of the last request that was closed: 1 to 5, a comment, or both.

        False when no request was closed in this chat. Raises ``ValueError`` for a rating outside 1 to 5.
        """
        if rating is not None and rating not in range(1, 6):
            raise ValueError(f"a rating is from 1 to 5, not {rating}")
        async with self.database.writing() as session:
            escalation = await session.scalar(
                select(Escalation)
                .where(
                    Escalation.conversation_id == conversation_id,
                    Escalation.status == EscalationStatus.CLOSED,
                    Escalation.first_claimed_at.is_not(None) | (Escalation.reason == "reopened"),
                )
                .order_by(Escalation.closed_at.desc())
                .limit(1)
            )
            if escalation is None:
                return False
            if rating is not None:
                escalation.rating = rating
            if comment is not None:
                escalation.rating_comment = storable(comment)[:2000]
        return True

    async def requeue_unseen(self, unseen: timedelta, *, notice: Draft) -> list[str]:
        """Put back in the queue every chat whose adviser was not seen for ``unseen``; their ids.

        The family is told (``notice``) in the same moment, the adviser when they return (``lost_by``).
        """
        limit = utc_now() - unseen
        async with self.database.reading() as session:
            lost = (
                await session.execute(
                    select(Conversation.id, Adviser.id, Adviser.name)
                    .join(Adviser, Adviser.id == Conversation.adviser_id)
                    .where(
                        Conversation.owner == Owner.ADVISER,
                        func.coalesce(Adviser.last_seen, Adviser.created_at) < limit,
                    )
                )
            ).all()
        moved = []
        for conversation_id, adviser_id, name in lost:
            note = Draft(
                role=Role.SYSTEM,
                private=True,
                text=f"{name} was not seen for a while, so this chat went back to the queue.",
                meta={"kind": "adviser_unseen", "adviser": adviser_id},
            )
            try:
                async with self.database.writing() as session:
                    escalation = await _requeue(
                        session, conversation_id, adviser_id, "system", "adviser unseen", notice
                    )
                    await _recorded(session, escalation, "system", "put back", why="adviser unseen")
                    await append_in(session, conversation_id, [note], utc_now())
                    await session.merge(
                        LostChat(adviser_id=adviser_id, conversation_id=conversation_id, at=utc_now())
                    )
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
) -> Escalation | None:
    now = utc_now()
    await move(
        session,
        conversation_id,
        expected=Owner.ADVISER,
        to=Owner.QUEUED,
        who=who,
        why=why,
        at=now,
        held_by=adviser_id,
    )
    await session.execute(
        update(Escalation)
        .where(Escalation.conversation_id == conversation_id, Escalation.status == EscalationStatus.CLAIMED)
        # It waits anew: when nobody is on duty, people away from the desk are alerted anew.
        .values(status=EscalationStatus.OPEN, adviser_id=None, claimed_at=None, alerted_at=None)
    )
    await append_in(session, conversation_id, [notice] if notice else [], now)
    return await _live(session, conversation_id)


async def _recorded(
    session: AsyncSession, escalation: Escalation | None, who: str, action: str, **detail: str
) -> None:
    """Write in the audit log who did what with a chat: done and recorded, or neither."""
    if escalation is not None:
        await audit_in(
            session,
            who=who,
            action=action,
            conversation_id=escalation.conversation_id,
            reference=escalation.reference,
            detail=detail,
        )


async def close_escalation(session: AsyncSession, conversation_id: str, outcome: str, at: datetime) -> None:
    """End the request that stands, in the caller's transaction. ``outcome``: a code of ``outcomes.yml``."""
    await session.execute(
        update(Escalation)
        .where(Escalation.conversation_id == conversation_id, Escalation.status != EscalationStatus.CLOSED)
        .values(status=EscalationStatus.CLOSED, outcome=outcome, closed_at=at)
    )


def _new(conversation_id: str, reason: str, priority: Priority, summary: Json, at: datetime) -> Escalation:
    return Escalation(
        reference=new_reference(),
        conversation_id=conversation_id,
        reason=reason[:64],
        priority=priority,
        summary=summary,
        status=EscalationStatus.OPEN,
        adviser_id=None,
        outcome=None,
        created_at=at,
        claimed_at=None,
        first_claimed_at=None,
        closed_at=None,
        alerted_at=None,
        wait_told_at=None,
        rating=None,
        rating_comment=None,
    )


def _claimed(escalation: Escalation, adviser_id: str, at: datetime) -> None:
    escalation.status, escalation.adviser_id, escalation.claimed_at = EscalationStatus.CLAIMED, adviser_id, at
    escalation.first_claimed_at = escalation.first_claimed_at or at


async def _adviser(session: AsyncSession, adviser_id: str) -> Adviser:
    """The enabled account, locked until the commit: its chats are counted one taking at a time.

    Always locked before a conversation, so that no two wait for one another. Raises ``NotFound``.
    """
    adviser = await session.get(Adviser, adviser_id, with_for_update={"key_share": True})
    if adviser is None or adviser.disabled:
        raise NotFound("there is no such adviser")
    return adviser


async def _check_capacity(session: AsyncSession, adviser: Adviser) -> None:
    """Called when the chat has been taken already. Raises ``AtCapacity``, which undoes the taking."""
    held = await session.scalar(
        select(func.count())
        .select_from(Conversation)
        .where(Conversation.owner == Owner.ADVISER, Conversation.adviser_id == adviser.id)
    )
    if (held or 0) > adviser.capacity:
        raise AtCapacity(adviser.name, adviser.capacity)
