"""Telling others of what happened to a chat: from each recorded change of ownership, once, and surely.

The changes themselves are the list of what is to be told (``Transition.published``), so nothing is told that
did not happen and nothing that happened is forgotten, whichever process dies in between. What is to be sent
goes into the outbox in the same transaction that ticks the change off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from conversations.database import Database, rows_changed
from conversations.events import OUTBOX, Events
from conversations.log import Draft, append_in, utc_now
from conversations.models import (
    Adviser,
    Conversation,
    Escalation,
    EscalationStatus,
    Json,
    Owner,
    Priority,
    Transition,
)
from conversations.outbox import Outbox
from conversations.presence import ANSWERING, PRESENT_FOR

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of ownership. ``owner`` has the chat by now; ``adviser`` is the one who acted, if any."""

    transition: Transition
    conversation: Conversation
    owner: Owner
    escalation: Escalation | None
    adviser: Adviser | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something for the outbox: what sends it, to where, and what it needs to know."""

    kind: str
    target: str
    payload: Json
    give_up_after: timedelta
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from a change: entries for the outbox, and messages for the chat."""

    entries: Sequence[Entry] = ()
    drafts: Sequence[Draft] = ()


class Outgoing:
    """Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events, outbox: Outbox) -> None:
        self._database = database
        self._events = events
        self._outbox = outbox

    async def publish(self, plan: Callable[[Changed], Plan]) -> int:
        """Let ``plan`` say what follows from each change that was not told yet, in their order; how many.

        Of several processes that call this, one gets each change.
        """
        async with self._database.reading() as session:
            waiting = (
                await session.execute(
                    select(Transition.id, Transition.conversation_id)
                    .where(Transition.published.is_(False))
                    .order_by(Transition.id)
                    .limit(_AT_ONCE)
                )
            ).all()
        told = 0
        for transition_id, conversation_id in waiting:
            told += await self._publish(transition_id, conversation_id, plan)
            self._events.publish(conversation_id)
        if told:
            self._events.publish(OUTBOX)
        return told

    async def _publish(
        self, transition_id: int, conversation_id: str, plan: Callable[[Changed], Plan]
    ) -> bool:
        async with self._database.writing() as session:
            conversation = await session.scalar(
                select(Conversation).where(Conversation.id == conversation_id).with_for_update()
            )
            ticked = await session.execute(
                update(Transition)
                .where(Transition.id == transition_id, Transition.published.is_(False))
                .values(published=True)
                .execution_options(synchronize_session=False)
            )
            if conversation is None or rows_changed(ticked) == 0:
                return False
            transition = await session.get_one(Transition, transition_id)
            escalation = await session.scalar(
                select(Escalation)
                .where(Escalation.conversation_id == conversation_id, Escalation.created_at <= transition.at)
                .order_by(Escalation.created_at.desc())
                .limit(1)
            )
            adviser = await session.get(Adviser, transition.who)
            planned = plan(Changed(transition, conversation, conversation.owner, escalation, adviser))
            for entry in planned.entries:
                await self._outbox.enqueue_in(
                    session,
                    entry.kind,
                    entry.target,
                    entry.payload,
                    conversation_id=conversation_id,
                    urgent=entry.urgent,
                    give_up_after=entry.give_up_after,
                )
            await append_in(session, conversation_id, planned.drafts, utc_now())
        return True

    async def alert(self, plan: Callable[[Escalation], Sequence[Entry]]) -> list[str]:
        """While nobody is on duty: what to send of each crisis that waits and was not alerted yet.

        Returns the references. Nothing is ticked off when ``plan`` names nothing to send to. An alert goes
        out also when the chat is erased meanwhile: it names no more than the reference.
        """
        now, alerted = utc_now(), []
        waits = (
            Escalation.status == EscalationStatus.OPEN,
            Escalation.priority == Priority.CRISIS,
            Escalation.alerted_at.is_(None),
        )
        async with self._database.reading() as session:
            on_duty = await session.scalar(
                select(Adviser.id)
                .where(
                    Adviser.disabled.is_(False),
                    Adviser.away.is_(False),
                    Adviser.role.in_(ANSWERING),
                    Adviser.last_seen >= now - PRESENT_FOR,
                )
                .limit(1)
            )
            waiting = [] if on_duty else list(await session.scalars(select(Escalation).where(*waits)))
        for escalation in waiting:
            entries = plan(escalation)
            if not entries:
                continue
            async with self._database.writing() as session:
                ticked = await session.execute(
                    update(Escalation)
                    .where(Escalation.reference == escalation.reference, *waits)
                    .values(alerted_at=now)
                    .execution_options(synchronize_session=False)
                )
                if rows_changed(ticked) == 0:
                    continue
                for entry in entries:
                    await self._outbox.enqueue_in(
                        session,
                        entry.kind,
                        entry.target,
                        entry.payload,
                        urgent=True,
                        give_up_after=entry.give_up_after,
                    )
            alerted.append(escalation.reference)
        if alerted:
            self._events.publish(OUTBOX)
        return alerted
