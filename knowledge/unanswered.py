"""The log of questions without an answer: what content is missing, in people's own words."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from knowledge.database import sessions, writing
from knowledge.dates import today
from knowledge.models import UnansweredQuestion
from knowledge.redaction import redacted

log = logging.getLogger(__name__)

#: Why there was no answer: the store is silent on an understood topic; the message was not understood; it was
#: taken to be about something else than autism and SEND.
REASONS = ("nothing_known", "not_understood", "out_of_scope")

#: A question is kept up to so many characters.
_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Unanswered:
    """A question that was not answered, as often as it was asked in the same words."""

    question: str
    reason: str
    topic: str | None
    area: str | None
    times: int
    last_asked: date


def note_unanswered(
    engine: Engine, text: str, reason: str, topic: str | None, area: str | None, names: Iterable[str] = ()
) -> None:
    """Keep a question without an answer. A fault is logged and costs nobody their reply.

    Args:
        text: the message as the person wrote it; kept redacted.
        reason: one of ``REASONS``.
        topic: as the dialogue model understood it.
        area: area id.
        names: words of the text that were recognised as people's names.
    """
    row = UnansweredQuestion(
        asked_on=today(),
        question=redacted(text, names)[:_MOST_CHARACTERS],
        reason=reason,
        topic=topic,
        area=area,
    )
    try:
        with writing(engine).begin() as session:
            session.add(row)
    except SQLAlchemyError as error:
        log.warning("unanswered question not kept", extra={"cause": type(error).__name__})


def unanswered_questions(engine: Engine, since: date | None = None, limit: int = 50) -> list[Unanswered]:
    """What was asked without an answer, the most often asked and then the newest first.

    Args:
        since: only what was asked on this day or later.
        limit: at most so many.
    """
    row = UnansweredQuestion
    times, last = func.count(), func.max(row.asked_on)
    query = select(row.question, row.reason, row.topic, row.area, times, last)
    if since is not None:
        query = query.where(row.asked_on >= since)
    query = query.group_by(row.question, row.reason, row.topic, row.area)
    with sessions(engine)() as session:
        found = session.execute(query.order_by(times.desc(), last.desc(), row.question).limit(limit)).all()
    return [Unanswered(*one) for one in found]


def forget_unanswered(engine: Engine, before: date) -> int:
    """Delete what was asked before a day; gives how many there were."""
    with writing(engine).begin() as session:
        deleted = session.execute(delete(UnansweredQuestion).where(UnansweredQuestion.asked_on < before))
        return int(getattr(deleted, "rowcount", 0))
