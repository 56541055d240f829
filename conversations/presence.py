"""Who is at the desk now: the heartbeat, being away, and how many chats one takes at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from conversations.database import Database, rows_changed
from conversations.errors import NotFound
from conversations.events import QUEUE, Events
from conversations.log import utc_now
from conversations.models import Adviser, Conversation, DeskRole, Owner

#: An adviser counts as present this long after being seen.
PRESENT_FOR = timedelta(seconds=60)

#: Who answers families; editors do not, and so nobody waits for them.
ANSWERING = frozenset({DeskRole.ADVISER, DeskRole.SUPERVISOR, DeskRole.ADMIN})

#: Nobody answers more chats at once than this.
MOST_CAPACITY = 20

_A_WHOLE_DESK = 1_000_000


@dataclass(frozen=True, slots=True)
class OnTheDesk:
    """One adviser as a supervisor sees them. ``on_duty``: present and not away; ``chats``: how many now."""

    adviser: Adviser
    present: bool
    on_duty: bool
    chats: int


def is_on_duty(adviser: Adviser, now: datetime) -> bool:
    """Whether the adviser is at the desk and takes chats."""
    return _is_present(adviser, now) and not adviser.away and adviser.role in ANSWERING


def _is_present(adviser: Adviser, now: datetime) -> bool:
    return not adviser.disabled and adviser.last_seen is not None and adviser.last_seen >= now - PRESENT_FOR


class Presence:
    """Presence of advisers. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def adviser_seen(self, adviser_id: str) -> None:
        """The heartbeat: the adviser is here now."""
        async with self.database.writing() as session:
            await session.execute(
                update(Adviser)
                .where(Adviser.id == adviser_id, Adviser.disabled.is_(False))
                .values(last_seen=utc_now())
            )

    async def adviser_left(self, adviser_id: str) -> None:
        """The adviser signed out: not present from now on."""
        async with self.database.writing() as session:
            await session.execute(update(Adviser).where(Adviser.id == adviser_id).values(last_seen=None))
        self.events.publish(QUEUE)

    async def set_away(self, adviser_id: str, away: bool) -> None:
        """Away: still signed in, with the chats they have, but without new ones. Raises ``NotFound``."""
        await self._change_adviser(adviser_id, away=away)

    async def set_capacity(self, adviser_id: str, capacity: int) -> None:
        """How many chats the adviser has at once, from 1 to ``MOST_CAPACITY``; a crisis comes on top.

        Raises ``ValueError`` or ``NotFound``.
        """
        if not 1 <= capacity <= MOST_CAPACITY:
            raise ValueError(f"an adviser has from 1 to {MOST_CAPACITY} chats at once, not {capacity}")
        await self._change_adviser(adviser_id, capacity=capacity)

    async def stands_for_a_desk(self, adviser_id: str) -> None:
        """This account stands for another desk: many people at once, and not on duty at ours."""
        await self._change_adviser(adviser_id, away=True, capacity=_A_WHOLE_DESK)

    async def _change_adviser(self, adviser_id: str, **values: bool | int) -> None:
        async with self.database.writing() as session:
            result = await session.execute(update(Adviser).where(Adviser.id == adviser_id).values(**values))
        if rows_changed(result) == 0:
            raise NotFound("there is no such adviser")
        self.events.publish(QUEUE)

    async def advisers_present(self) -> int:
        """How many advisers are on duty: seen within the last ``PRESENT_FOR`` and not away."""
        async with self.database.reading() as session:
            count = await session.scalar(
                select(func.count())
                .select_from(Adviser)
                .where(
                    Adviser.disabled.is_(False),
                    Adviser.away.is_(False),
                    Adviser.role.in_(ANSWERING),
                    Adviser.last_seen >= utc_now() - PRESENT_FOR,
                )
            )
            return count or 0

    async def on_the_desk(self) -> list[OnTheDesk]:
        """Every enabled adviser by name, with whether they are here and how many chats they have."""
        now = utc_now()
        async with self.database.reading() as session:
            chats = (
                select(func.count())
                .select_from(Conversation)
                .where(Conversation.owner == Owner.ADVISER, Conversation.adviser_id == Adviser.id)
                .scalar_subquery()
            )
            rows = await session.execute(
                select(Adviser, chats)
                .where(Adviser.disabled.is_(False), Adviser.role.in_(ANSWERING))
                .order_by(Adviser.name)
            )
            return [
                OnTheDesk(adviser, _is_present(adviser, now), is_on_duty(adviser, now), count or 0)
                for adviser, count in rows
            ]
