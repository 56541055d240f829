"""Any record, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import batched

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectin_polymorphic

from knowledge.models import Record, Revision
from knowledge.queries.common import published

#: What a record is called, by whichever of these its kind has.
_NAMES = ("question", "title", "name", "term")

_AT_ONCE = 500


def records_by_id(session: Session, ids: Iterable[str]) -> dict[str, Record]:
    """The published records among these ids."""
    found: dict[str, Record] = {}
    # The columns of each kind too, which a select of the common part alone would leave to be asked for later.
    whole = selectin_polymorphic(Record, [mapper.class_ for mapper in Record.__mapper__.self_and_descendants])
    for some in batched(dict.fromkeys(ids), _AT_ONCE):
        rows = session.scalars(select(Record).where(published(), Record.id.in_(some)).options(whole))
        found.update({record.id: record for record in rows.unique()})
    return found


def newest_revision(session: Session) -> int:
    """The number of the store's newest change; 0 in an empty store. What was read at it is up to date."""
    return session.scalar(select(func.max(Revision.id))) or 0


def title_of(record: Record) -> str:
    """What a record is called: its question, title, name or term; its id where it has none."""
    for name in _NAMES:
        if value := getattr(record, name, None):
            return str(value)
    return record.id
