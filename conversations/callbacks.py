"""Call backs: how and when to reach a person who does not want to wait, sealed and kept until it is done."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.audit import audit_in
from conversations.database import Database
from conversations.errors import CannotUnseal, NotFound, OwnershipChanged
from conversations.events import QUEUE, Events
from conversations.handoff import close_escalation
from conversations.keys import new_id, new_reference
from conversations.log import Draft, append_in, utc_now
from conversations.models import (
    Adviser,
    CallBack,
    CallBackAttempt,
    CallBackStatus,
    Conversation,
    Json,
    Owner,
)
from conversations.ownership import move
from conversations.sealing import Sealer

log = logging.getLogger(__name__)

#: What may come of an attempt that did not reach the person.
ATTEMPT_RESULTS = {
    "no_answer": "No answer",
    "engaged": "Engaged",
    "message_left": "A message was left",
    "not_delivered": "The email or text could not be delivered",
    "other_person": "Somebody else answered",
    "asked_for_later": "They asked for another time",
}

_LIVE = (CallBackStatus.DRAFT, CallBackStatus.OPEN, CallBackStatus.CLAIMED)
_TO_DO = (CallBackStatus.OPEN, CallBackStatus.CLAIMED)


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the person, in clear: never log it. The name may be invented."""

    how: str  # "phone", "text" or "email"
    address: str  # a number in international form, or an email address
    when: str
    name: str


@dataclass(frozen=True, slots=True)
class ToCall:
    """One call back of the list, without the contact: who has it, and how many attempts reached nobody."""

    call_back: CallBack
    adviser_name: str | None
    attempts: int


class CallBacks:
    """The call backs. Every method raises ``StoreUnavailable``.

    A chat has at most one that is not finished. While the person is still being asked for their contact it is
    a draft that nobody sees.
    """

    def __init__(self, database: Database, events: Events, sealer: Sealer) -> None:
        self._database = database
        self._events = events
        self._sealer = sealer

    # -- the person -----------------------------------------------------------------------------------

    async def of_chat(self, conversation_id: str) -> CallBack | None:
        """The draft or the call back of a chat that is not finished, if there is one."""
        async with self._database.reading() as session:
            return await _of_chat(session, conversation_id)

    async def known(self, call_back: CallBack) -> Json:
        """What the person has said for a draft so far: any of ``how``, ``address``, ``when``, ``name``.

        Nothing when no key opens it any more: they are asked again.
        """
        return self._open_draft(call_back)

    async def begin(self, conversation_id: str) -> CallBack:
        """A draft for this chat; the one that there is, if there is one. Raises ``NotFound``."""
        async with self._database.writing() as session:
            if await session.get(Conversation, conversation_id, with_for_update=True) is None:
                raise NotFound("there is no such conversation")
            found = await _of_chat(session, conversation_id)
            if found is None:
                found = CallBack(
                    id=new_id(),
                    reference=new_reference(),
                    conversation_id=conversation_id,
                    status=CallBackStatus.DRAFT,
                    how=None,
                    sealed=None,
                    adviser_id=None,
                    created_at=utc_now(),
                    finished_at=None,
                )
                session.add(found)
        return found

    async def tell(self, call_back_id: str, **said: str) -> Json:
        """Add what the person said to the draft, sealed; returns all that is known. Raises ``NotFound``."""
        async with self._database.writing() as session:
            draft = await session.get(CallBack, call_back_id, with_for_update=True)
            if draft is None or draft.status is not CallBackStatus.DRAFT:
                raise NotFound("there is no such call back to fill in")
            known = {**self._open_draft(draft), **said}
            draft.how = str(known["how"]) if "how" in known else None
            draft.sealed = self._sealer.seal(json.dumps(known))
        return known

    async def place(self, call_back_id: str, *, notice: Draft | None = None) -> CallBack:
        """The draft is complete: the chat leaves the queue, and an adviser will call back.

        Raises ``NotFound``, or ``OwnershipChanged`` while an adviser has the chat: they agree it in words.
        """
        now = utc_now()
        async with self._database.writing() as session:
            draft = await _locked(session, call_back_id)
            if draft is None or draft.status is not CallBackStatus.DRAFT:
                raise NotFound("there is no such call back to place")
            owner = await session.scalar(
                select(Conversation.owner).where(Conversation.id == draft.conversation_id)
            )
            if owner is Owner.ADVISER:
                raise OwnershipChanged(owner)
            if owner in (Owner.BOT, Owner.QUEUED):
                await move(
                    session,
                    draft.conversation_id,
                    expected=owner,
                    to=Owner.CALLBACK,
                    who="user",
                    why="call back asked for",
                    at=now,
                )
                await close_escalation(session, draft.conversation_id, "call_back", now)
            draft.status, draft.created_at = CallBackStatus.OPEN, now
            await append_in(session, draft.conversation_id, [notice] if notice else [], now)
        self._tell(draft.conversation_id)
        return draft

    async def cancel(self, conversation_id: str, *, who: str, notice: Draft | None = None) -> bool:
        """No call back any more, at whatever stage: the contact is deleted. False if there was none."""
        now = utc_now()
        async with self._database.writing() as session:
            await session.scalar(
                select(Conversation.id).where(Conversation.id == conversation_id).with_for_update()
            )
            found = await _of_chat(session, conversation_id)
            if found is None:
                return False
            if found.status is CallBackStatus.DRAFT:
                await session.delete(found)
            else:
                await _finish(session, found, CallBackStatus.CANCELLED, who, "call back cancelled")
            await append_in(session, conversation_id, [notice] if notice else [], now)
        self._tell(conversation_id)
        return True

    # -- the adviser ------------------------------------------------------------------------------------

    async def to_call(self) -> list[ToCall]:
        """Every call back that is to be made, the oldest first."""
        attempts = (
            select(func.count())
            .select_from(CallBackAttempt)
            .where(CallBackAttempt.call_back_id == CallBack.id)
            .scalar_subquery()
        )
        async with self._database.reading() as session:
            rows = await session.execute(
                select(CallBack, Adviser.name, attempts)
                .outerjoin(Adviser, Adviser.id == CallBack.adviser_id)
                .where(CallBack.status.in_(_TO_DO))
                .order_by(CallBack.created_at)
            )
            return [ToCall(call_back, name, count or 0) for call_back, name, count in rows]

    async def attempts(self, call_back_id: str) -> Sequence[CallBackAttempt]:
        """The attempts that did not reach the person, the oldest first."""
        async with self._database.reading() as session:
            rows = await session.scalars(
                select(CallBackAttempt)
                .where(CallBackAttempt.call_back_id == call_back_id)
                .order_by(CallBackAttempt.id)
            )
            return list(rows)

    async def claim(self, call_back_id: str, adviser_id: str) -> CallBack:
        """Take it on. Of two, one wins; the other gets ``OwnershipChanged`` naming the winner.

        Raises ``NotFound`` when it is done, cancelled or unknown.
        """
        async with self._database.writing() as session:
            found = await _locked(session, call_back_id)
            if found is None or found.status not in _TO_DO:
                raise NotFound("there is no such call back any more")
            if found.status is CallBackStatus.CLAIMED and found.adviser_id != adviser_id:
                winner = await session.get(Adviser, found.adviser_id)
                raise OwnershipChanged(Owner.CALLBACK, winner.name if winner else None)
            found.status, found.adviser_id = CallBackStatus.CLAIMED, adviser_id
        self._tell(found.conversation_id)
        return found

    async def contact(self, call_back_id: str, adviser_id: str) -> Contact:
        """How to reach the person, for the adviser who has claimed it; that it was shown is audited.

        Raises ``NotFound``, ``OwnershipChanged`` or ``CannotUnseal``.
        """
        async with self._database.writing() as session:
            found = await self._claimed(session, call_back_id, adviser_id)
            known = self._open(found)
            if not known.get("address"):
                raise CannotUnseal("no contact is stored for this call back")
            await audit_in(
                session,
                who=adviser_id,
                action="call back contact shown",
                conversation_id=found.conversation_id,
                reference=found.reference,
            )
        return Contact(known["how"], known["address"], known.get("when", ""), known.get("name", ""))

    async def attempted(self, call_back_id: str, adviser_id: str, result: str) -> None:
        """The person was not reached: ``result`` is a key of ``ATTEMPT_RESULTS``. It goes back on the list.

        Raises ``ValueError``, ``NotFound`` or ``OwnershipChanged``.
        """
        if result not in ATTEMPT_RESULTS:
            raise ValueError(f"{result!r} is not one of: {', '.join(ATTEMPT_RESULTS)}")
        async with self._database.writing() as session:
            found = await self._claimed(session, call_back_id, adviser_id)
            session.add(
                CallBackAttempt(call_back_id=found.id, adviser_id=adviser_id, at=utc_now(), result=result)
            )
            found.status, found.adviser_id = CallBackStatus.OPEN, None
        self._tell(found.conversation_id)

    async def done(self, call_back_id: str, adviser_id: str, *, notice: Draft | None = None) -> None:
        """The person was reached: the contact is deleted. Raises ``NotFound`` or ``OwnershipChanged``."""
        async with self._database.writing() as session:
            found = await self._claimed(session, call_back_id, adviser_id)
            await _finish(session, found, CallBackStatus.DONE, adviser_id, "called back")
            await append_in(session, found.conversation_id, [notice] if notice else [], utc_now())
        self._tell(found.conversation_id)
        await self._database.forget_erased()

    # -- inside -------------------------------------------------------------------------------------

    async def _claimed(self, session: AsyncSession, call_back_id: str, adviser_id: str) -> CallBack:
        found = await _locked(session, call_back_id)
        if found is None or found.status not in _TO_DO:
            raise NotFound("there is no such call back any more")
        if found.adviser_id != adviser_id:
            holder = await session.get(Adviser, found.adviser_id) if found.adviser_id else None
            raise OwnershipChanged(Owner.CALLBACK, holder.name if holder else None)
        return found

    def _open(self, call_back: CallBack) -> Json:
        if call_back.sealed is None:
            return {}
        known: Json = json.loads(self._sealer.unseal(call_back.sealed))
        return known

    def _open_draft(self, draft: CallBack) -> Json:
        try:
            return self._open(draft)
        except CannotUnseal:
            log.warning("a call back's draft cannot be read any more", extra={"reference": draft.reference})
            return {}

    def _tell(self, conversation_id: str) -> None:
        self._events.publish(conversation_id)
        self._events.publish(QUEUE)


async def _of_chat(session: AsyncSession, conversation_id: str) -> CallBack | None:
    return await session.scalar(
        select(CallBack).where(CallBack.conversation_id == conversation_id, CallBack.status.in_(_LIVE))
    )


async def _locked(session: AsyncSession, call_back_id: str) -> CallBack | None:
    """The call back, its chat locked first: everybody locks in this order, so no two wait for one another."""
    await session.scalar(
        select(Conversation.id)
        .join(CallBack, CallBack.conversation_id == Conversation.id)
        .where(CallBack.id == call_back_id)
        .with_for_update(of=Conversation)
    )
    return await session.get(CallBack, call_back_id, with_for_update=True)


async def _finish(
    session: AsyncSession, call_back: CallBack, status: CallBackStatus, who: str, why: str
) -> None:
    now = utc_now()
    await session.execute(
        update(CallBack)
        .where(CallBack.id == call_back.id)
        .values(status=status, sealed=None, finished_at=now)
        .execution_options(synchronize_session=False)
    )
    owner = await session.scalar(
        select(Conversation.owner).where(Conversation.id == call_back.conversation_id)
    )
    if owner is Owner.CALLBACK:
        await move(
            session,
            call_back.conversation_id,
            expected=owner,
            to=Owner.BOT,
            who=who,
            why=why,
            at=now,
        )
