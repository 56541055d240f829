"""Entitlements and their time limits."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from knowledge.models import Deadline, Entitlement
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.common import about, holds_in, nearness, position_in, published
from knowledge.queries.kept import records_found


def entitlements_about(session: Session, topic: str, area: str | None) -> list[Entitlement]:
    """Entitlements for a topic, the nearest area first, main topic before side topics."""
    areas = areas_from_near_to_wide(session, area)
    found = records_found(session, select(Entitlement).where(published(), holds_in(areas), about(topic)))

    def fit(entitlement: Entitlement) -> tuple[int, int, str]:
        position = position_in(entitlement, topic)
        return position, nearness(entitlement, areas), entitlement.id

    return sorted(found, key=fit)


def deadlines_from(session: Session, trigger: str) -> list[Deadline]:
    """The time limits that run from an event, the shortest first; their entitlement is loaded.

    Args:
        trigger: "request-received", "decision-letter", ...
    """
    query = select(Deadline).join(Deadline.entitlement).where(published(), Deadline.trigger == trigger)
    query = query.options(joinedload(Deadline.entitlement))
    days = {"days": 1, "school-days": 1, "working-days": 1, "weeks": 7, "months": 30}

    def order(rule: Deadline) -> tuple[int, str, int]:
        return rule.count * days[rule.unit], rule.entitlement_id, rule.position

    return sorted(session.scalars(query).unique(), key=order)
