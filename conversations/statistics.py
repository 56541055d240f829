"""Figures over the chats that are still kept: counts and times, never what somebody said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from sqlalchemy import func, select

from conversations.database import Database
from conversations.events import Events
from conversations.models import Conversation, Escalation, Message, Role

#: The person waited for somebody and then no longer wanted to.
_WITHDRAWN = "withdrawn"


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
    abandoned: int  # requests that were withdrawn before anybody took them
    reasons: dict[str, int]
    outcomes: dict[str, int]
    wait: Times  # from asking to the first claim
    first_reply: Times  # from the first claim to the adviser's first words
    handling: Times  # from the first claim to the end
    ratings: int
    rating: float | None  # mean, 1 to 5
    topics_by_week: dict[date, dict[str, int]]  # by the Monday of the week: answers by topic


class Statistics:
    """Counts. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def figures(self, since: datetime, until: datetime) -> Figures:
        """Everything from ``since`` (included) to ``until`` (not included), both aware times."""
        begun = (Conversation.created_at >= since, Conversation.created_at < until)
        asked = (Escalation.created_at >= since, Escalation.created_at < until)
        day = func.date(Message.created_at)
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
            requests = list(await session.scalars(select(Escalation).where(*asked)))
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
            topics = (
                await session.execute(
                    select(Message.topic, day, func.count())
                    .where(
                        Message.topic.is_not(None), Message.created_at >= since, Message.created_at < until
                    )
                    .group_by(Message.topic, day)
                )
            ).all()
        ratings = [request.rating for request in requests if request.rating is not None]
        claimed = [(one, one.first_claimed_at) for one in requests if one.first_claimed_at is not None]
        return Figures(
            chats=chats,
            handed_off=with_request,
            by_assistant_alone=chats - with_request,
            abandoned=sum(one.outcome == _WITHDRAWN and one.first_claimed_at is None for one in requests),
            reasons=_most_first(one.reason for one in requests),
            outcomes=_most_first(one.outcome for one in requests if one.outcome),
            wait=_times([at - one.created_at for one, at in claimed]),
            first_reply=_times(
                [first_words[one.reference] - at for one, at in claimed if one.reference in first_words]
            ),
            handling=_times([one.closed_at - at for one, at in claimed if one.closed_at is not None]),
            ratings=len(ratings),
            rating=sum(ratings) / len(ratings) if ratings else None,
            topics_by_week=_by_week([(topic, str(at)[:10], count) for topic, at, count in topics]),
        )


def _most_first(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _times(found: Sequence[timedelta]) -> Times:
    if not found:
        return Times(0, None, None)
    ordered = sorted(found)
    middle = timedelta(seconds=median(time.total_seconds() for time in ordered))
    return Times(len(ordered), middle, ordered[min(len(ordered) - 1, len(ordered) * 9 // 10)])


def _by_week(counted: Sequence[tuple[str, str, int]]) -> dict[date, dict[str, int]]:
    weeks: dict[date, Counter[str]] = {}
    for topic, day, count in counted:
        on = date.fromisoformat(day)
        weeks.setdefault(on - timedelta(days=on.weekday()), Counter())[topic] += count
    return {week: dict(weeks[week].most_common()) for week in sorted(weeks)}
