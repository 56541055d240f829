"""What became of a record over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import Revision


@dataclass(frozen=True)
class Difference:
    """A field that a revision changed."""

    field: str  # "answer", "sources"
    before: Any  # as it is written in content files; None when there was none
    after: Any


def revisions_of(session: Session, record_id: str) -> Sequence[Revision]:
    """Every state a record has been in, the oldest first; withdrawn records have them too."""
    return session.scalars(
        select(Revision).where(Revision.record_id == record_id).order_by(Revision.number)
    ).all()


def differences(before: Revision, after: Revision) -> list[Difference]:
    """Which fields differ between two revisions, in the order of the fields."""
    return list(_differences(before.content, after.content))


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for field in dict.fromkeys([*before, *after]):
        old, new = before.get(field), after.get(field)
        if old != new:
            yield Difference(field, old, new)


def last_written(revisions: Sequence[Revision], number: int) -> Revision | None:
    """The newest revision up to ``number`` that holds content: a withdrawal holds none of its own."""
    return next((r for r in reversed(revisions) if r.number <= number and r.content), None)
