"""Answers to questions."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import GlossaryTerm, Guidance, RecordTopic
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.common import holds_in, nearness, position_in, published
from knowledge.queries.kept import records_by_id, records_found


def general_answer(
    session: Session, topic: str, area: str | None, audience: str | None = None
) -> Guidance | None:
    """The topic's general answer for an area: the nearest area wins, then the exact audience."""
    areas = areas_from_near_to_wide(session, area)
    query = select(Guidance).where(published(), holds_in(areas))
    query = query.where(Guidance.topics.any((RecordTopic.topic == topic) & RecordTopic.general))
    found = records_found(session, query)

    def fit(guidance: Guidance) -> tuple[int, int, int]:
        position = position_in(guidance, topic)
        return nearness(guidance, areas), audience_fit(guidance.audience, audience), position

    return min(found, key=fit, default=None)


def audience_fit(written_for: str, asked_by: str | None) -> int:
    """How well a record's audience suits who is asking: 0 exact, 1 for all, 2 for the others."""
    if written_for == asked_by:
        return 0
    if written_for == "all":
        return 1
    return 2 if asked_by is not None or written_for != "families" else 1


def guidance_by_id(session: Session, ids: Iterable[str]) -> dict[str, Guidance]:
    """The published records among these ids."""
    found = records_by_id(session, ids)
    return {one: record for one, record in found.items() if isinstance(record, Guidance)}


def glossary_by_id(session: Session, record_id: str) -> GlossaryTerm | None:
    """A published glossary term."""
    found = records_by_id(session, [record_id]).get(record_id)
    return found if isinstance(found, GlossaryTerm) else None
