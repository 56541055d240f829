"""Any record, whatever its kind."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from knowledge.models import Record, Revision

#: What a record is called, by whichever of these its kind has.
_NAMES = ("question", "title", "name", "term")


def newest_revision(session: Session) -> int:
    """The number of the store's newest change; 0 in an empty store. What was read at it is up to date."""
    return session.scalar(select(func.max(Revision.id))) or 0


def title_of(record: Record) -> str:
    """What a record is called: its question, title, name or term; its id where it has none."""
    for name in _NAMES:
        if value := getattr(record, name, None):
            return str(value)
    return record.id
