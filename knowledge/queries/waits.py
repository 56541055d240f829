"""Wait figures."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import Wait
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.common import holds_in, published

#: The figures that answer "how long is the wait".
WAIT_MEASURES = ("average-wait", "longest-wait")


def newest_waits(session: Session, area: str | None, cohort: str | None) -> list[Wait]:
    """The newest average and longest wait of an area for each cohort; empty when none is known.

    Args:
        area: area id. Wider areas are not searched: a national figure is not this area's wait.
        cohort: "child", "adult", or None for both.
    """
    # A figure that belongs to no pathway is about something else than the wait for an assessment.
    query = select(Wait).where(published(), Wait.measure.in_(WAIT_MEASURES), Wait.pathway_id.is_not(None))
    query = query.where(holds_in([area] if area else []))
    if cohort is not None:
        query = query.where(Wait.cohort.in_([cohort, "all"]))
    newest: dict[tuple[str, str, str], Wait] = {}
    for wait in session.scalars(query.order_by(Wait.as_of)).unique():
        newest[wait.cohort, wait.subject, wait.measure] = wait
    return sorted(newest.values(), key=lambda wait: (wait.subject, wait.cohort != "child", wait.measure))


def standards(session: Session, area: str | None) -> list[Wait]:
    """What the standards say a wait should be."""
    query = select(Wait).where(published(), Wait.measure == "standard")
    query = query.where(holds_in(areas_from_near_to_wide(session, area)))
    return sorted(session.scalars(query).unique(), key=lambda wait: wait.id)
