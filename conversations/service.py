"""What a supervisor sets for everybody: opening hours, closures, the announcement, the assistant on or off.

Each change is written in the audit log in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.audit import audit_in
from conversations.database import Database
from conversations.errors import NotFound
from conversations.events import QUEUE, SERVICE, Events
from conversations.log import storable, utc_now
from conversations.models import Closure, Json, SchoolHoliday, ServiceSetting
from conversations.opening import LOCAL_TIME, Closed, Hours, Opening, checked_weekly
from conversations.school_holidays import school_holidays_in

#: The longest announcement: a few short sentences.
ANNOUNCEMENT_CHARS = 500

_HOURS, _ANNOUNCEMENT, _ASSISTANT = "opening_hours", "announcement", "assistant"


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What everybody is to know now.

    ``announcement`` is shown to the public, None if there is none. ``assistant_on`` is False while a
    supervisor has switched the assistant off: then people get the human contacts and no answers.
    ``school_holidays`` are those that the council recorded, the next one first.
    """

    opening: Opening = field(default_factory=Opening)
    announcement: str | None = None
    assistant_on: bool = True
    school_holidays: Sequence[SchoolHoliday] = ()


class Service:
    """Reads and sets it. ``by`` is the id of whoever does. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def service_state(self) -> ServiceState:
        """Everything at once, as it stands now. Closures and school holidays that are over are left out."""
        today = utc_now().astimezone(LOCAL_TIME).date()
        async with self.database.reading() as session:
            settings = {row.name: row.value for row in await session.scalars(select(ServiceSetting))}
            closures = await session.scalars(
                select(Closure).where(Closure.last_day >= today).order_by(Closure.first_day, Closure.id)
            )
            closed = tuple(Closed(row.id, row.first_day, row.last_day, row.reason) for row in closures)
            school_holidays = await school_holidays_in(session, today)
        hours = settings.get(_HOURS, {})
        return ServiceState(
            opening=Opening(
                weekly={
                    int(day): tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in each)
                    for day, each in hours.get("weekly", {}).items()
                },
                closed_on_bank_holidays=hours.get("closed_on_bank_holidays", True),
                closures=closed,
            ),
            announcement=settings.get(_ANNOUNCEMENT, {}).get("text") or None,
            assistant_on=_is_on(settings.get(_ASSISTANT)),
            school_holidays=school_holidays,
        )

    async def is_assistant_on(self) -> bool:
        """That alone, which each turn asks."""
        async with self.database.reading() as session:
            return _is_on(
                await session.scalar(select(ServiceSetting.value).where(ServiceSetting.name == _ASSISTANT))
            )

    async def set_hours(
        self, weekly: Mapping[int, Sequence[Hours]], *, closed_on_bank_holidays: bool, by: str
    ) -> None:
        """Set the hours of the week, 0 for Monday, in UK local time. A day that is missing is closed.

        Raises ``ValueError`` that names the day when hours overlap or end before they begin.
        """
        value: Json = {
            "weekly": {
                str(day): [[at.isoformat("minutes") for at in each] for each in hours]
                for day, hours in checked_weekly(weekly).items()
            },
            "closed_on_bank_holidays": closed_on_bank_holidays,
        }
        await self._change(_HOURS, value, by, "opening hours set")

    async def add_closure(self, first: date, last: date, reason: str, *, by: str) -> Closed:
        """Close from ``first`` to ``last``, both days included. ``reason`` is shown to people.

        Raises ``ValueError`` when ``last`` is before ``first`` or no reason is given.
        """
        words = storable(reason).strip()[:120]
        if last < first:
            raise ValueError("the last day of a closure cannot be before its first day")
        if not words:
            raise ValueError("say why it is closed: people are shown the reason")
        async with self.database.writing() as session:
            row = Closure(first_day=first, last_day=last, reason=words)
            session.add(row)
            await session.flush()
            detail = {"first": first.isoformat(), "last": last.isoformat(), "reason": words}
            await audit_in(session, who=by, action="closure added", detail=detail)
        self._tell_all()
        return Closed(row.id, first, last, words)

    async def remove_closure(self, closure_id: int, *, by: str) -> None:
        """Take a closure out again. Raises ``NotFound``."""
        async with self.database.writing() as session:
            row = await session.get(Closure, closure_id)
            if row is None:
                raise NotFound("there is no such closure")
            detail = {"first": row.first_day.isoformat(), "last": row.last_day.isoformat()}
            await session.delete(row)
            await audit_in(session, who=by, action="closure removed", detail=detail)
        self._tell_all()

    async def announce(self, text: str | None, *, by: str) -> None:
        """Show ``text`` to the public above every chat; None or empty takes it down. At most 500 characters.

        Raises ``ValueError`` when it is longer.
        """
        words = storable(text or "").strip()
        if len(words) > ANNOUNCEMENT_CHARS:
            raise ValueError(f"an announcement has at most {ANNOUNCEMENT_CHARS} characters, not {len(words)}")
        action = "announcement set" if words else "announcement taken down"
        await self._change(_ANNOUNCEMENT, {"text": words}, by, action)

    async def switch_assistant(self, on: bool, *, by: str, why: str) -> None:
        """Switch the assistant off (or on again) for everybody. The safety check and people go on answering.

        Raises ``ValueError`` without a reason: it is kept in the audit log.
        """
        reason = storable(why).strip()[:200]
        if not reason:
            raise ValueError("say why: the reason is kept in the audit log")
        action = "assistant switched on" if on else "assistant switched off"
        await self._change(_ASSISTANT, {"on": on}, by, action, why=reason)

    async def _change(self, name: str, value: Json, by: str, action: str, **detail: str) -> None:
        async with self.database.writing() as session:
            await _put(session, name, value, by)
            await audit_in(session, who=by, action=action, detail={**value, **detail})
        self._tell_all()

    def _tell_all(self) -> None:
        self.events.publish(SERVICE)
        self.events.publish(QUEUE)


def _is_on(setting: Json | None) -> bool:
    return bool((setting or {}).get("on", True))


async def _put(session: AsyncSession, name: str, value: Json, by: str) -> None:
    row = await session.get(ServiceSetting, name, with_for_update=True)
    if row is None:
        session.add(ServiceSetting(name=name, value=value, changed_at=utc_now(), changed_by=by[:64]))
    else:
        row.value, row.changed_at, row.changed_by = value, utc_now(), by[:64]
