"""Whole records in memory, for whoever reads the same ones again and again.

A record comes with its sources, areas, topics, telephone numbers and so on: some ten statements. An answer
looks at dozens, mostly those that the answer before looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from itertools import batched
from typing import cast

from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session, selectin_polymorphic

from knowledge.database import sessions
from knowledge.models import Record
from knowledge.queries.common import published
from knowledge.queries.records import newest_revision

#: Records kept at most: with all that belongs to them about 20 kB each.
_MOST = 2_000
#: A source, an organisation or a place may change without a revision of the records that name it.
_KEPT_SECONDS = 60.0

#: Databases take so many values in one statement without complaint.
_AT_ONCE = 500

_KEPT_BY = "kept records"


class KeptRecords:
    """The published records of a store that were read lately, until the store changes. Threads may share it.

    They belong to no session: nobody may change them, and what is loaded only when asked for (a service's
    schedules and contacts, the right that a deadline belongs to) cannot be asked of them.
    """

    def __init__(self, engine: Engine) -> None:
        """Keep records of this store; nothing is read yet."""
        self._sessions = sessions(engine)
        self._read = _Read(0, 0.0)

    def session(self) -> Session:
        """A session for reading whose records come from here; use it in a ``with`` block."""
        session = self._sessions()
        try:
            session.info[_KEPT_BY] = (self, self._up_to_date(newest_revision(session)))
        except BaseException:
            session.close()
            raise
        return session

    def _up_to_date(self, newest: int) -> _Read:
        read, now = self._read, time.monotonic()
        if read.revision != newest or now - read.since > _KEPT_SECONDS:
            # As a whole: a session that has begun goes on with what it has.
            read = self._read = _Read(newest, now)
        return read

    def by_id(self, session: Session, read: _Read, ids: Iterable[str]) -> dict[str, Record]:
        """The published records among these ids, as ``session`` sees them."""
        wanted = list(dict.fromkeys(ids))
        known = {one: record for one in wanted if (record := read.records.get(one)) is not None}
        if missing := [one for one in wanted if one not in known]:
            # A session of their own, so that no session ever changes or expires them.
            with self._sessions() as own:
                loaded = _whole(own, missing)
                is_same = newest_revision(own) == read.revision
            if is_same:
                if len(read.records) + len(loaded) > _MOST:
                    read.records.clear()
                read.records.update(loaded)
                known |= loaded
            else:
                # The store changed during the answer, which goes on with what it began with.
                known |= _whole(session, missing)
        return {one: known[one] for one in wanted if one in known}


class _Read:
    """What was read at one revision."""

    def __init__(self, revision: int, since: float) -> None:
        self.revision = revision
        self.since = since  # time.monotonic()
        self.records: dict[str, Record] = {}
        self.values: dict[Hashable, object] = {}


def records_by_id(session: Session, ids: Iterable[str]) -> dict[str, Record]:
    """The published records among these ids, in their order."""
    if _KEPT_BY in session.info:
        kept, read = session.info[_KEPT_BY]
        return cast("KeptRecords", kept).by_id(session, read, ids)
    return _whole(session, list(dict.fromkeys(ids)))


def records_found[R: Record](session: Session, query: Select[R]) -> list[R]:
    """The published records that a query finds, each once, in its order.

    Args:
        query: ``select`` of one kind of record.
    """
    if _KEPT_BY not in session.info:
        return list(session.scalars(query).unique())
    ids = session.scalars(query.with_only_columns(Record.id, maintain_column_froms=True)).all()
    return cast("list[R]", list(records_by_id(session, ids).values()))


def kept[T](session: Session, key: Hashable, read: Callable[[], T]) -> T:
    """What ``read`` gives for a key; for a session of ``KeptRecords`` it is read once at a revision."""
    if _KEPT_BY not in session.info:
        return read()
    values = session.info[_KEPT_BY][1].values
    if key not in values:
        values[key] = read()
    return cast("T", values[key])


def _whole(session: Session, ids: list[str]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    # The columns of each kind too, which a select of the common part alone would leave to be asked for later.
    whole = selectin_polymorphic(Record, [mapper.class_ for mapper in Record.__mapper__.self_and_descendants])
    for some in batched(ids, _AT_ONCE):
        rows = session.scalars(select(Record).where(published(), Record.id.in_(some)).options(whole))
        found.update({record.id: record for record in rows.unique()})
    return {one: found[one] for one in ids if one in found}
