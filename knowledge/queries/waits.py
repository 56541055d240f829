"""Wait figures."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import Pathway, Wait
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.common import holds_in, published, suits_age

#: The figures that answer "how long is the wait".
WAIT_MEASURES = ("average-wait", "longest-wait")

#: The origin of what the content files hold.
_CONTENT = "content"


@dataclass(frozen=True)
class WaitSeries:
    """What was reported over time about one wait: one pathway, one cohort, one subject."""

    pathway: Pathway
    cohort: str  # "child", "adult" or "all"
    subject: str
    averages: tuple[Wait, ...]  # newest first
    longest: tuple[Wait, ...]  # newest first

    @property
    def newest(self) -> list[Wait]:
        """The newest average and the newest longest wait, as far as there are any."""
        return [*self.averages[:1], *self.longest[:1]]

    @property
    def older(self) -> list[Wait]:
        """The averages before the newest; the longest waits where no average is known."""
        return list(self.averages[1:] if self.averages else self.longest[1:])


def wait_series(
    session: Session, area: str | None, cohort: str | None, age: int | None = None
) -> list[WaitSeries]:
    """The average and longest waits of an area over time; empty when none is known.

    Each date has one figure of a measure. Where the content files and a council's table both tell one, it is
    that of the content files: they are the ones that somebody checked.

    Args:
        area: area id. Wider areas are not searched: a national figure is not this area's wait.
        cohort: "child", "adult", or None for both.
        age: years; None for the pathways of all ages.
    """
    # A figure that belongs to no pathway is about something else than the wait for an assessment.
    query = select(Wait).where(published(), Wait.measure.in_(WAIT_MEASURES), Wait.pathway_id.is_not(None))
    query = query.where(holds_in([area] if area else []))
    if cohort is not None:
        query = query.where(Wait.cohort.in_([cohort, "all"]))
    waits = list(session.scalars(query).unique())
    suits = suits_age(age, Pathway.minimum_age, Pathway.maximum_age)
    named = select(Pathway).where(Pathway.id.in_({wait.pathway_id for wait in waits}), suits)
    pathways = {pathway.id: pathway for pathway in session.scalars(named).unique()}
    groups: dict[tuple[str, ...], list[Wait]] = {}
    told: set[tuple[str, ...]] = set()
    content_first = sorted(waits, key=lambda wait: (wait.origin != _CONTENT, wait.id))
    for wait in sorted(content_first, key=lambda wait: wait.as_of, reverse=True):
        if wait.pathway_id not in pathways:
            continue
        figure = (wait.pathway_id, wait.cohort, wait.subject.lower(), wait.measure, wait.as_of)
        if figure not in told:
            told.add(figure)
            groups.setdefault(figure[:3], []).append(wait)
    series = []
    for figures in groups.values():
        averages = tuple(wait for wait in figures if wait.measure == "average-wait")
        longest = tuple(wait for wait in figures if wait.measure == "longest-wait")
        first = figures[0]
        series.append(
            WaitSeries(pathways[str(first.pathway_id)], first.cohort, first.subject, averages, longest)
        )
    return sorted(
        series,
        key=lambda one: (one.subject, one.cohort != "child", one.pathway.minimum_age or 0, one.pathway.id),
    )


def reported_waits(session: Session, area: str | None) -> list[Wait]:
    """Every published figure by pathway, cohort and measure, the newest first; of one area if it is given."""
    query = select(Wait).where(published())
    if area is not None:
        query = query.where(holds_in([area]))
    newest_first = sorted(
        session.scalars(query).unique(), key=lambda wait: (wait.as_of, wait.id), reverse=True
    )
    return sorted(
        newest_first,
        key=lambda wait: (wait.pathway_id or "~", wait.cohort, wait.measure, wait.subject),
    )


def standards(session: Session, area: str | None) -> list[Wait]:
    """What the standards say a wait should be."""
    query = select(Wait).where(published(), Wait.measure == "standard")
    query = query.where(holds_in(areas_from_near_to_wide(session, area)))
    return sorted(session.scalars(query).unique(), key=lambda wait: wait.id)
