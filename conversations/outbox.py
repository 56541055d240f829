"""What is to be sent to the outside: messages of a channel, webhooks, alerts. Nothing is lost, order is kept.

An entry is written in the transaction of what it tells of, and stays until the provider has it. A worker
claims entries (``Outbox.claim``), sends each and says how it went: ``sent``, ``retry`` or ``failed``.

What is promised, and what cannot be:

- Per target (its "lane") entries leave in the order in which they were written. Urgent ones go first.
- One worker has an entry at a time, for as long as its lease. A worker that stops gives it back; when one
  dies, the entry is free again after the lease.
- Delivery is **at least once**. A worker that dies, or whose connection breaks, between the provider's taking
  the message and our noting it leaves an entry that is ``uncertain``: it is sent again. Where a provider can
  be asked by our ``reference``, or drops what repeats it, the sender must use that; where it cannot, a
  message may arrive twice, because the other choice is that it may not arrive at all.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from conversations.database import Database, rows_changed
from conversations.enqueue import GIVE_UP_AFTER, enqueue_in, lane_of
from conversations.errors import CannotUnseal
from conversations.events import OUTBOX, Events
from conversations.keys import new_id
from conversations.log import utc_now
from conversations.models import Delivery, DeliveryState, Json, Recipient
from conversations.recipients import close_window_in
from conversations.sealing import Sealer

#: Longer than any one attempt to send may take.
LEASE = timedelta(seconds=60)

#: The pause before the second attempt; it doubles from one to the next up to the longest.
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=10)

#: Which state may follow: a receipt that comes late or twice takes nothing back.
_RANK = {DeliveryState.PENDING: 0, DeliveryState.SENT: 1, DeliveryState.DELIVERED: 2, DeliveryState.READ: 3}


@dataclass(frozen=True, slots=True)
class Claimed:
    """An entry that this worker has to send now. ``target`` is in clear; never log it."""

    id: int
    reference: str
    claim: str
    conversation_id: str | None
    kind: str
    target: str
    payload: Json
    part: int
    urgent: bool
    attempts: int  # that came before
    uncertain: bool
    created_at: datetime


def pause(attempts: int, *, first: timedelta = FIRST_PAUSE, longest: timedelta = LONGEST_PAUSE) -> timedelta:
    """How long to wait after so many failed attempts: doubling, and by chance between half and all of it.

    Chance keeps everybody who failed together from coming back together.
    """
    whole = min(longest, first * float(2 ** min(attempts - 1, 30)))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it


class Outbox:
    """The entries, for whoever writes and whoever sends them. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events, sealer: Sealer) -> None:
        self._database = database
        self._events = events
        self._sealer = sealer

    # -- writing ------------------------------------------------------------------------------------

    async def enqueue(
        self,
        kind: str,
        target: str,
        payload: Json,
        *,
        conversation_id: str | None = None,
        urgent: bool = False,
        give_up_after: timedelta = GIVE_UP_AFTER,
    ) -> str:
        """Write an entry in a transaction of its own; returns its reference."""
        async with self._database.writing() as session:
            entry = await self.enqueue_in(
                session,
                kind,
                target,
                payload,
                conversation_id=conversation_id,
                urgent=urgent,
                give_up_after=give_up_after,
            )
        self._events.publish(OUTBOX)
        return entry.reference

    async def enqueue_in(
        self,
        session: AsyncSession,
        kind: str,
        target: str,
        payload: Json,
        *,
        conversation_id: str | None = None,
        urgent: bool = False,
        give_up_after: timedelta = GIVE_UP_AFTER,
    ) -> Delivery:
        """The same inside the caller's transaction."""
        return await enqueue_in(
            session,
            kind=kind,
            sealed_target=self._sealer.seal(target),
            lane=lane_of(kind, target),
            payload=payload,
            at=utc_now(),
            conversation_id=conversation_id,
            urgent=urgent,
            give_up_after=give_up_after,
        )

    async def enqueue_for(self, recipient: Recipient, payload: Json, *, also_inactive: bool = False) -> None:
        """Write an entry for where a conversation's replies go, if replies go there now."""
        if not (recipient.active or also_inactive):
            return
        async with self._database.writing() as session:
            await enqueue_in(
                session,
                kind=recipient.kind,
                sealed_target=recipient.target,
                lane=recipient.lane,
                payload=payload,
                at=utc_now(),
                conversation_id=recipient.conversation_id,
            )
        self._events.publish(OUTBOX)

    # -- sending ------------------------------------------------------------------------------------

    async def claim(
        self, kinds: Collection[str], *, limit: int = 20, lease: timedelta = LEASE
    ) -> list[Claimed]:
        """The entries of these kinds that are to be sent now, at most one a lane (and one urgent one).

        Nobody else gets them before the ``lease`` ends. One whose address no key opens any more is failed.
        """
        now, claim = utc_now(), new_id()
        async with self._database.writing() as session:
            entries = await session.scalars(
                select(Delivery)
                .where(
                    Delivery.kind.in_(kinds),
                    Delivery.state == DeliveryState.PENDING,
                    Delivery.due_at <= now,
                    or_(Delivery.claimed_until.is_(None), Delivery.claimed_until <= now),
                    ~_waits_for_another(),
                )
                .order_by(Delivery.urgent.desc(), Delivery.due_at, Delivery.id)
                .limit(limit)
                .with_for_update(skip_locked=True, of=Delivery)
            )
            claimed = []
            for entry in entries:
                if entry.expires_at <= now:
                    _finish(entry, DeliveryState.FAILED, now, error=f"given up: {entry.error or 'too late'}")
                    continue
                if entry.claim is not None:
                    entry.uncertain = True  # whoever had it never told how it ended
                try:
                    target = self._sealer.unseal(entry.target)
                except CannotUnseal:
                    _finish(entry, DeliveryState.FAILED, now, error="the address cannot be read any more")
                    continue
                entry.claim, entry.claimed_until = claim, now + lease
                entry.attempts += 1
                claimed.append(_claimed(entry, target))
        return claimed

    async def split(self, claimed: Claimed, payloads: Sequence[Json]) -> Claimed | None:
        """Put parts in the place of an entry, in order; returns the first, still claimed.

        No part: there is nothing to send, and the entry is done. None as well when it was erased meanwhile.
        """
        now = utc_now()
        async with self._database.writing() as session:
            entry = await session.get(Delivery, claimed.id)
            if entry is None or entry.claim != claimed.claim:
                return None
            if not payloads:
                _finish(entry, DeliveryState.SENT, now)
                return None
            entry.payload = payloads[0]
            for part, payload in enumerate(payloads[1:], start=1):
                new = await enqueue_in(
                    session,
                    kind=entry.kind,
                    sealed_target=entry.target,
                    lane=entry.lane,
                    payload=payload,
                    at=entry.created_at,
                    conversation_id=entry.conversation_id,
                    urgent=entry.urgent,
                    give_up_after=entry.expires_at - entry.created_at,
                )
                new.number, new.part = entry.number, part
            first = _claimed(entry, claimed.target)
        return first

    async def sent(
        self, claimed: Claimed, provider_id: str | None = None, *, may_come_back: bool = False
    ) -> None:
        """The provider has it, under this id. True whoever holds the claim by now.

        ``may_come_back``: what is to be sent is kept until a receipt tells the end of it, for ``reopen``.
        """
        await self._finish(claimed, DeliveryState.SENT, provider_id=provider_id, keep=may_come_back)

    async def failed(self, claimed: Claimed, error: str) -> None:
        """It can never be sent. ``error`` says why, without anybody's words or address."""
        await self._finish(claimed, DeliveryState.FAILED, error=error)

    async def retry(
        self,
        claimed: Claimed,
        error: str,
        *,
        not_before: timedelta | None = None,
        uncertain: bool = False,
        first: timedelta = FIRST_PAUSE,
        longest: timedelta = LONGEST_PAUSE,
    ) -> None:
        """Try again later: after a growing pause, and never before what the provider asked for.

        ``uncertain``: the provider may have it all the same. Past its time the entry fails instead.
        """
        now = utc_now()
        wait = pause(claimed.attempts + 1, first=first, longest=longest)
        if not_before is not None:
            wait = max(wait, not_before + pause(1, first=first))
        async with self._database.writing() as session:
            entry = await session.get(Delivery, claimed.id, with_for_update=True)
            if entry is None or entry.claim != claimed.claim or entry.state is not DeliveryState.PENDING:
                return
            if now + wait >= entry.expires_at:
                _finish(entry, DeliveryState.FAILED, now, error=f"given up: {error}")
                return
            entry.claim = entry.claimed_until = None
            entry.due_at, entry.changed_at, entry.error = now + wait, now, error[:200]
            entry.uncertain = entry.uncertain or uncertain
        self._events.publish(OUTBOX)  # when to look again has changed

    async def give_back(self, claimed: Claimed) -> None:
        """Let another have it at once: whoever had it stops, and cannot tell whether the provider has it."""
        now = utc_now()
        async with self._database.writing() as session:
            entry = await session.get(Delivery, claimed.id, with_for_update=True)
            if entry is None or entry.claim != claimed.claim or entry.state is not DeliveryState.PENDING:
                return
            entry.claim = entry.claimed_until = None
            entry.due_at = entry.changed_at = now
            entry.uncertain = True
        self._events.publish(OUTBOX)

    async def hold(self, claimed: Claimed, why: str, *, give_up_after: timedelta) -> None:
        """Keep it, and all that follows it, until ``release``; past ``give_up_after`` it fails."""
        now = utc_now()
        async with self._database.writing() as session:
            entry = await session.get(Delivery, claimed.id, with_for_update=True)
            if entry is None or entry.claim != claimed.claim or entry.state is not DeliveryState.PENDING:
                return
            entry.claim = entry.claimed_until = None
            entry.attempts -= 1  # it was not tried
            entry.due_at = entry.expires_at = now + give_up_after
            entry.changed_at, entry.error = now, why[:200]

    async def release(self, conversation_id: str, kind: str) -> None:
        """What of this kind was held for this conversation may be sent now."""
        now = utc_now()
        async with self._database.writing() as session:
            await session.execute(
                update(Delivery)
                .where(
                    Delivery.conversation_id == conversation_id,
                    Delivery.kind == kind,
                    Delivery.state == DeliveryState.PENDING,
                    Delivery.claim.is_(None),
                )
                .values(
                    due_at=case((Delivery.due_at == Delivery.expires_at, now), else_=Delivery.due_at),
                    expires_at=now + GIVE_UP_AFTER,
                )
            )
        self._events.publish(OUTBOX)

    async def _finish(self, claimed: Claimed, state: DeliveryState, **known: Any) -> None:
        now = utc_now()
        async with self._database.writing() as session:
            entry = await session.get(Delivery, claimed.id, with_for_update=True)
            if entry is None:
                return  # erased meanwhile, with its conversation
            if entry.state is DeliveryState.PENDING:
                _finish(entry, state, now, **known)
            elif known.get("provider_id") and entry.provider_id is None:
                entry.provider_id = known["provider_id"]  # a receipt was quicker than the answer
        self._events.publish(OUTBOX)

    # -- afterwards ---------------------------------------------------------------------------------

    async def report(
        self,
        kind: str,
        state: DeliveryState,
        *,
        provider_id: str | None = None,
        reference: str | None = None,
        error: str | None = None,
    ) -> bool:
        """What the provider tells of something that was sent, found by its id or by our reference.

        Late and repeated receipts change nothing. False when there is no such entry (or no longer).
        """
        named = [Delivery.reference == reference] if reference else []
        if provider_id:
            named.append(Delivery.provider_id == provider_id)
        if not named:
            return False
        async with self._database.writing() as session:
            entry = await session.scalar(
                select(Delivery).where(Delivery.kind == kind, or_(*named)).with_for_update()
            )
            if entry is None:
                return False
            known, told = _RANK.get(entry.state), _RANK.get(state)
            if known is not None and (told is None or told > known):
                _finish(entry, state, utc_now(), provider_id=provider_id, error=error)
        self._events.publish(OUTBOX)
        return True

    async def reopen(self, kind: str, provider_id: str, *, error: str) -> bool:
        """Something that was sent was refused after all, until the person writes: it waits in its place.

        False when there is no such entry, its words are gone, or it has arrived. It has a new reference, so
        that a repeat of what the provider told finds nothing.
        """
        now = utc_now()
        async with self._database.writing() as session:
            entry = await session.scalar(
                select(Delivery)
                .where(Delivery.kind == kind, Delivery.provider_id == provider_id)
                .with_for_update()
            )
            if entry is None or entry.state is not DeliveryState.SENT or not entry.payload:
                return False
            if entry.conversation_id is not None:
                await close_window_in(session, entry.conversation_id, entry.changed_at)
            entry.state, entry.changed_at, entry.error = DeliveryState.PENDING, now, error[:200]
            entry.reference, entry.provider_id, entry.uncertain = new_id(), None, False
            entry.due_at, entry.expires_at = now, now + GIVE_UP_AFTER
        self._events.publish(OUTBOX)
        return True

    async def entries(self, conversation_id: str) -> list[Delivery]:
        """Everything that was or is to be sent of a conversation, in order."""
        async with self._database.reading() as session:
            rows = await session.scalars(
                select(Delivery)
                .where(Delivery.conversation_id == conversation_id)
                .order_by(Delivery.number, Delivery.part)
            )
            return list(rows)

    async def counts(self, kind: str) -> dict[DeliveryState, int]:
        """How many entries of a kind there are in each state."""
        async with self._database.reading() as session:
            rows = await session.execute(
                select(Delivery.state, func.count()).where(Delivery.kind == kind).group_by(Delivery.state)
            )
            return dict.fromkeys(DeliveryState, 0) | {row[0]: row[1] for row in rows}

    async def cancel(self, conversation_id: str, kind: str, *, why: str) -> int:
        """Do not send what of this kind waits of a conversation; how many entries that were.

        What is for others than the person, such as a council's webhooks, goes out all the same.
        """
        async with self._database.writing() as session:
            result = await session.execute(
                update(Delivery)
                .where(
                    Delivery.conversation_id == conversation_id,
                    Delivery.kind == kind,
                    Delivery.state == DeliveryState.PENDING,
                )
                .values(
                    state=DeliveryState.FAILED,
                    payload={},
                    claim=None,
                    claimed_until=None,
                    error=why[:200],
                    changed_at=utc_now(),
                )
            )
        return rows_changed(result)

    async def forget(self, before: datetime) -> int:
        """Delete what was finished before and belongs to no conversation; the rest goes with its own."""
        async with self._database.writing() as session:
            result = await session.execute(
                delete(Delivery).where(
                    Delivery.conversation_id.is_(None),
                    Delivery.state != DeliveryState.PENDING,
                    Delivery.changed_at < before,
                )
            )
        return rows_changed(result)

    async def next_due(self, kinds: Collection[str]) -> timedelta | None:
        """How long until the next entry of these kinds may be due; None when nothing waits."""
        free_at = case(
            (Delivery.claimed_until > Delivery.due_at, Delivery.claimed_until), else_=Delivery.due_at
        )
        async with self._database.reading() as session:
            due = await session.scalar(
                select(free_at)
                .where(
                    Delivery.kind.in_(kinds),
                    Delivery.state == DeliveryState.PENDING,
                    ~_waits_for_another(),
                )
                .order_by(free_at)
                .limit(1)
            )
        return None if due is None else max(timedelta(0), due - utc_now())


def _waits_for_another() -> ColumnElement[bool]:
    """Whether an entry has one before it in its lane that was not sent yet."""
    earlier = aliased(Delivery)
    return (
        select(earlier.id)
        .where(
            earlier.lane == Delivery.lane,
            earlier.state == DeliveryState.PENDING,
            or_(
                and_(earlier.urgent, ~Delivery.urgent),
                and_(
                    earlier.urgent == Delivery.urgent,
                    or_(
                        earlier.number < Delivery.number,
                        and_(earlier.number == Delivery.number, earlier.part < Delivery.part),
                    ),
                ),
            ),
        )
        .exists()
    )


def _claimed(entry: Delivery, target: str) -> Claimed:
    assert entry.claim is not None
    return Claimed(
        id=entry.id,
        reference=entry.reference,
        claim=entry.claim,
        conversation_id=entry.conversation_id,
        kind=entry.kind,
        target=target,
        payload=entry.payload,
        part=entry.part,
        urgent=entry.urgent,
        attempts=entry.attempts - 1,
        uncertain=entry.uncertain,
        created_at=entry.created_at,
    )


def _finish(
    entry: Delivery,
    state: DeliveryState,
    now: datetime,
    *,
    provider_id: str | None = None,
    error: str | None = None,
    keep: bool = False,
) -> None:
    entry.state, entry.changed_at = state, now
    entry.claim = entry.claimed_until = None
    if not keep:
        entry.payload = {}
    entry.provider_id = provider_id or entry.provider_id
    entry.error = None if error is None else error[:200]
