"""Diagnostic pathways."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import Pathway
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.common import holds_in, nearness, published, suits_age
from knowledge.queries.kept import records_found


def pathways_for(session: Session, area: str | None, cohort: str | None, age: int | None) -> list[Pathway]:
    """The pathways that fit, nearest area and youngest first.

    Args:
        area: area id, or None for what holds everywhere.
        cohort: "child", "adult", or None for both.
        age: years, or None.
    """
    areas = areas_from_near_to_wide(session, area)
    query = select(Pathway).where(published(), holds_in(areas))
    query = query.where(suits_age(age, Pathway.minimum_age, Pathway.maximum_age))
    if cohort is not None:
        query = query.where(Pathway.cohort == cohort)
    found = records_found(session, query)
    if not found:
        return []
    nearest = min(nearness(pathway, areas) for pathway in found)
    return sorted(
        (pathway for pathway in found if nearness(pathway, areas) == nearest),
        key=lambda pathway: (pathway.cohort != "child", pathway.minimum_age or 0, pathway.id),
    )
