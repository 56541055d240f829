"""Areas: where a record holds, from a county up to the UK."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import Area, AreaInside
from knowledge.queries.kept import kept

#: What holds for somebody whose area is not known, or not covered: the widest areas.
EVERYWHERE = ("england", "uk")


def area_named(session: Session, area_id: str) -> Area | None:
    """The area with this id."""
    return session.get(Area, area_id)


def covered_areas(session: Session) -> list[Area]:
    """The areas this helpline has local content for, by name."""
    return list(session.scalars(select(Area).where(Area.covered).order_by(Area.name)))


def areas_from_near_to_wide(session: Session, area_id: str | None) -> list[str]:
    """Where to look for an answer, nearest first: ``["derby-city", "england", "uk"]``."""
    if area_id is None:
        return list(EVERYWHERE)
    query = select(AreaInside.wider_id).where(AreaInside.area_id == area_id).order_by(AreaInside.position)
    wider = kept(session, ("areas around", area_id), lambda: session.scalars(query).all())
    return [area_id, *wider] if wider else list(EVERYWHERE)
