"""Figures over the chats that are still kept: counts and times, never what somebody said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median

from sqlalchemy import ColumnElement, Exists, exists, func, or_, select

from conversations.database import Database
from conversations.events import Events
from conversations.models import Conversation, Escalation, Message, Role
from conversations.opening import LOCAL_TIME

#: The person waited for somebody and then no longer wanted to.
_WITHDRAWN = "withdrawn"

#: An adviser's word for it: the person did not answer any more.
_NO_REPLY = "no_reply"

#: Why a person was offered where there was no answer, codes of ``conversations/reasons.py``.
_NO_ANSWER = ("nothing_known", "not_understood")


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took: how many there were, the middle one, and what nine of ten stayed under."""

    count: int
    median: timedelta | None
    nine_of_ten: timedelta | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened in a period. A chat belongs to the day it began, a request to the day it was made."""

    chats: int
    handed_off: int  # chats in which a person was asked for
    by_assistant_alone: int  # chats in which nobody asked for a person
    resolved_by_assistant: int  # those of them that were answered, wholly, and no answer said not to help
    abandoned: int  # requests withdrawn before anybody took them, or whose person had gone when somebody did
    reasons: dict[str, int]
    outcomes: dict[str, int]
    wait: Times  # from asking to the first claim
    first_reply: Times  # from the first claim to the adviser's first words
    handling: Times  # from the first claim to the end
    ratings: int
    rating: float | None  # mean, 1 to 5
    topics_by_week: dict[date, dict[str, int]]  # by the Monday of the UK week: answers by topic


class Statistics:
    """Counts. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def figures(self, since: datetime, until: datetime) -> Figures:
        """Everything from ``since`` (included) to ``until`` (not included), both aware times."""
        begun = (Conversation.created_at >= since, Conversation.created_at < until)
        asked = (Escalation.created_at >= since, Escalation.created_at < until)
        answers = (Message.topic.is_not(None), Message.created_at >= since, Message.created_at < until)
        async with self.database.reading() as session:
            chats = await session.scalar(select(func.count()).select_from(Conversation).where(*begun)) or 0
            with_request = (
                await session.scalar(
                    select(func.count(func.distinct(Conversation.id)))
                    .select_from(Conversation)
                    .join(Escalation, Escalation.conversation_id == Conversation.id)
                    .where(*begun)
                )
                or 0
            )
            resolved = (
                await session.scalar(
                    select(func.count())
                    .select_from(Conversation)
                    .where(
                        *begun,
                        ~exists().where(Escalation.conversation_id == Conversation.id),
                        _has_message(Message.topic.is_not(None)),
                        ~_has_message(Message.meta["helpful"].as_boolean().is_(False)),
                        ~_has_message(Message.meta["offers_person"].as_string().in_(_NO_ANSWER)),
                        ~_has_message(Message.meta["falls_short"].as_string().is_not(None)),
                    )
                )
                or 0
            )
            requests = list(await session.scalars(select(Escalation).where(*asked)))
            came_back = set(
                await session.scalars(
                    select(Escalation.reference)
                    .join(Message, Message.conversation_id == Escalation.conversation_id)
                    .where(
                        *asked,
                        Message.role == Role.USER,
                        Message.created_at >= Escalation.first_claimed_at,
                        # What is asked in the same chat later is asked of the assistant.
                        or_(Escalation.closed_at.is_(None), Message.created_at <= Escalation.closed_at),
                    )
                    .distinct()
                )
            )
            first_words = {
                row.reference: row.at
                for row in await session.execute(
                    select(
                        Escalation.reference,
                        func.min(Message.created_at, type_=Message.created_at.type).label("at"),
                    )
                    .join(Message, Message.conversation_id == Escalation.conversation_id)
                    .where(
                        *asked,
                        Message.role == Role.ADVISER,
                        Message.private.is_(False),
                        Message.created_at >= Escalation.first_claimed_at,
                    )
                    .group_by(Escalation.reference)
                )
            }
            first, last = (
                await session.execute(
                    select(
                        func.min(Message.created_at, type_=Message.created_at.type),
                        func.max(Message.created_at, type_=Message.created_at.type),
                    ).where(*answers)
                )
            ).one()
            topics_by_week = {}
            for monday, begins, ends in _weeks(first, last):
                rows = await session.execute(
                    select(Message.topic, func.count().label("answers"))
                    .where(*answers, Message.created_at >= begins, Message.created_at < ends)
                    .group_by(Message.topic)
                )
                if counted := {str(row.topic): row.answers for row in rows}:
                    topics_by_week[monday] = _largest_first(counted)
        ratings = [request.rating for request in requests if request.rating is not None]
        claimed = [(one, one.first_claimed_at) for one in requests if one.first_claimed_at is not None]
        return Figures(
            chats=chats,
            handed_off=with_request,
            by_assistant_alone=chats - with_request,
            resolved_by_assistant=resolved,
            abandoned=sum(_gave_up(one, came_back) for one in requests),
            reasons=_most_first(one.reason for one in requests),
            outcomes=_most_first(one.outcome for one in requests if one.outcome),
            wait=_times([at - one.created_at for one, at in claimed]),
            first_reply=_times(
                [first_words[one.reference] - at for one, at in claimed if one.reference in first_words]
            ),
            handling=_times([one.closed_at - at for one, at in claimed if one.closed_at is not None]),
            ratings=len(ratings),
            rating=sum(ratings) / len(ratings) if ratings else None,
            topics_by_week=topics_by_week,
        )


def _has_message(condition: ColumnElement[bool]) -> Exists:
    """Whether a conversation has a message of some kind."""
    return exists().where(Message.conversation_id == Conversation.id, condition)


def _gave_up(request: Escalation, came_back: Collection[str]) -> bool:
    """Whether a person no longer waited when somebody came; ``came_back``: who wrote after that."""
    if request.first_claimed_at is None:
        return request.outcome == _WITHDRAWN
    return request.outcome == _NO_REPLY and request.reference not in came_back


def _most_first(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _times(found: Sequence[timedelta]) -> Times:
    if not found:
        return Times(0, None, None)
    ordered = sorted(found)
    middle = timedelta(seconds=median(time.total_seconds() for time in ordered))
    return Times(len(ordered), middle, ordered[min(len(ordered) - 1, len(ordered) * 9 // 10)])


def _largest_first(counted: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _weeks(first: datetime | None, last: datetime | None) -> list[tuple[date, datetime, datetime]]:
    """The weeks from ``first`` to ``last``: the Monday, and where the week begins and ends in UK local time.

    The databases are not asked for the day of a time: each would answer in a time zone of its own.
    """
    if first is None or last is None:
        return []
    day, found = first.astimezone(LOCAL_TIME).date(), []
    monday = day - timedelta(days=day.weekday())
    while (begins := datetime.combine(monday, time(), LOCAL_TIME)) <= last:
        after = monday + timedelta(days=7)
        found.append((monday, begins, datetime.combine(after, time(), LOCAL_TIME)))
        monday = after
    return found
