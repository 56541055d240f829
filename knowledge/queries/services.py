"""Services and how to reach them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import Service
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.common import about, holds_in, nearness, position_in, published, suits_age
from knowledge.queries.kept import records_found

#: "No diagnosis needed" comes first: families are told too often that help starts with a diagnosis.
_DIAGNOSIS_ORDER = {"no": 0, "not-stated": 1, "yes": 2}


def services_about(session: Session, topic: str, area: str | None, age: int | None = None) -> list[Service]:
    """Services for a topic: the nearest first, then those that need no diagnosis.

    Args:
        topic: a topic name.
        area: area id, or None for what holds everywhere.
        age: years, or None for any.
    """
    areas = areas_from_near_to_wide(session, area)
    query = select(Service).where(published(), holds_in(areas), about(topic))
    query = query.where(suits_age(age, Service.minimum_age, Service.maximum_age))
    found = [one for one in records_found(session, query) if one.audience != "professionals"]

    def fit(service: Service) -> tuple[int, int, int, str]:
        position = position_in(service, topic)
        return nearness(service, areas), _DIAGNOSIS_ORDER[service.needs_diagnosis], position, service.name

    return sorted(found, key=fit)


def services_by_id(session: Session, ids: Iterable[str], area: str | None = None) -> list[Service]:
    """The published services among these ids, each once, in the order given.

    Args:
        area: leaves out services that do not hold in this area; None keeps all.
    """
    wanted = list(dict.fromkeys(ids))
    query = select(Service).where(published(), Service.id.in_(wanted))
    if area is not None:
        query = query.where(holds_in(areas_from_near_to_wide(session, area)))
    found = {service.id: service for service in records_found(session, query)}
    return [found[service_id] for service_id in wanted if service_id in found]


def names_of_services(session: Session) -> list[tuple[str, str, str | None]]:
    """Of every published service its id, its name, and its other names as they are stored ("A; B")."""
    query = select(Service.id, Service.name, Service.alternate_name).where(published())
    return [(row.id, row.name, row.alternate_name) for row in session.execute(query)]
