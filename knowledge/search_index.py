"""The search index of one process: every findable record in memory, as numpy columns.

An index never changes once it is there. ``refreshed`` makes the next one: records that changed are added at
the end and their old rows marked as gone, so that one change among many records costs little. The matrix of
vectors, by far the largest part, is shared by both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, text, true
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from encoder import DIMENSIONS
from encoder.spelling import Spelling, words_of
from knowledge.models import (
    Area,
    Guidance,
    Pathway,
    Record,
    RecordArea,
    RecordTopic,
    Revision,
    SearchPhrase,
    SearchText,
    Service,
)
from knowledge.queries.records import newest_revision
from knowledge.told import Told

Flags = NDArray[np.bool_]

#: No limit of age.
_OLDEST = 999

#: Vectors read from the database at a time: bounds the memory a build takes beyond the matrix itself.
_CHUNK = 5_000

#: Databases take so many values in one statement without complaint.
_AT_ONCE = 500

#: A word in more than this share of all records says nothing about which is meant ("autism", "the").
_COMMON = 0.2
_COMMON_AT_LEAST = 5

#: So many of a record's phrases tell how close it is beside the closest one (docs/decisions/0007-search.md).
_FEW_PHRASES = 3

#: A record without stories counts as if its closest were as near as its wordings, times this: so much nearer
#: are stories. With a fifth of the records' stories taken out at a time, the 220 long development stories
#: found those records first as often as before there were any (docs/decisions/0007-search.md).
_STORIES_ARE_NEARER = 1.1

#: A message's words beyond these are not looked up.
_MOST_WORDS = 80

#: So many words' records are remembered; at 50,000 records that is some 100 MB if all were frequent.
_REMEMBERED_WORDS = 1_000

# One quoted word is never FTS5 syntax.
_FTS5_HOLD = "FROM search_text_fts WHERE search_text_fts MATCH '\"' || :word || '\"'"
_FTS5 = text(
    f"SELECT rowid, 0 {_FTS5_HOLD} UNION ALL"  # noqa: S608 - our own constants
    " SELECT rowid, 1 FROM search_text_fts WHERE search_text_fts MATCH 'asked : \"' || :word || '\"'"
)
_TSVECTOR_HOLD = "FROM search_text, plainto_tsquery('english', :word) query WHERE document @@ query"
_TSVECTOR = text(
    f"SELECT id, 0 {_TSVECTOR_HOLD} UNION ALL"
    f" SELECT id, 1 {_TSVECTOR_HOLD} AND ts_filter(document, '{{a}}') @@ query"
)

# A frequent word's texts are only counted, and no further than it takes: there are tens of thousands.
_FTS5_COUNT, _TSVECTOR_COUNT = (
    text(f"SELECT count(*) FROM (SELECT 1 {hold} LIMIT :most + 1) held")  # noqa: S608
    for hold in (_FTS5_HOLD, _TSVECTOR_HOLD)
)


@dataclass(frozen=True)
class Filters:
    """Which records may be found."""

    kinds: Collection[str]  # "guidance", "service", ...
    areas: Collection[str]  # records that hold in at least one of these
    topic: str | None = None
    age: int | None = None  # years: leaves out records for other ages
    audience: str | None = None  # leaves out records written for another audience
    no_diagnosis_needed: bool = False  # leaves out services that need a diagnosis or do not say


@dataclass(frozen=True)
class _Word:
    """The records that hold a word."""

    rows: NDArray[np.int64]
    asked: NDArray[np.int64]  # those among them that hold it in a name or question
    weight: float  # the rarer the heavier


@dataclass(frozen=True)
class Closeness:
    """How close each row is; of the phrases -1 where a row has none."""

    closest: NDArray[np.float32]  # the cosine of its closest phrase
    few: NDArray[np.float32]  # the mean of its few closest ones, of all when they are fewer
    told: NDArray[np.float32]  # that of its closest story or pair; without any, what ``few`` stands for


@dataclass(frozen=True)
class Index:
    """The findable records at one revision. A row is a position in ``record_ids``."""

    revision: int  # the newest revision it was built from
    record_ids: list[str]
    row_of: dict[str, int]  # the live row of a record
    row_of_text: dict[int, int]  # search_text.id -> live row
    live: Flags  # False: a record that changed or went since
    kinds: dict[str, Flags]
    areas: dict[str, Flags]
    topics: dict[str, Flags]
    audiences: dict[str, Flags]
    asks_for_diagnosis: Flags  # services that need one, or do not say
    youngest: NDArray[np.int16]
    oldest: NDArray[np.int16]
    vectors: NDArray[np.float32]  # one row a phrase, and room to grow
    owners: NDArray[np.int32]  # phrase -> row; as many as there are phrases
    told: Told  # stories; shared by all indexes, as the pairs are
    told_owners: NDArray[np.int32]  # story -> row; -1 where its record is not there
    chats: Told
    chat_owners: NDArray[np.int32]
    places: re.Pattern[str] | None  # the names of the covered areas
    spelling: Spelling  # of the records' words
    _words: dict[str, _Word | None] = field(default_factory=dict)

    def keep(self, filters: Filters) -> Flags:
        """Which rows pass the filters."""
        kept = self.live & self._any(self.kinds, filters.kinds) & self._any(self.areas, filters.areas)
        if filters.topic is not None:
            kept &= self._any(self.topics, [filters.topic])
        if filters.age is not None:
            kept &= (self.youngest <= filters.age) & (filters.age <= self.oldest)
        if filters.audience is not None:
            kept &= self._any(self.audiences, ["all", filters.audience])
        if filters.no_diagnosis_needed:
            kept &= ~self.asks_for_diagnosis
        return kept

    def without_places(self, words: str) -> str:
        """The words without the names of covered areas.

        Where somebody lives is told by the filter. In the words it only draws to records that name the place.
        """
        rest = self.places.sub(" ", words) if self.places else words
        return rest if len(rest.split()) > 1 else words

    def _any(self, flags: dict[str, Flags], names: Collection[str]) -> Flags:
        any_of = np.zeros(len(self.record_ids), dtype=bool)
        for name in names:
            if name in flags:
                any_of |= flags[name]
        return any_of

    def closeness(self, vector: NDArray[np.float32], *, carried_on: bool = False) -> Closeness:
        """How close each row's phrases are to a unit vector of the encoder.

        Beside them stand the stories, and the pairs too where a question is carried on.
        """
        vectors = self.vectors[: len(self.owners)]
        alike = vectors @ vector
        closest = nearest = self._closest(alike, self.owners)
        total, counted = np.zeros_like(closest), np.zeros_like(closest)
        for _ in range(_FEW_PHRASES):
            found = nearest > -np.inf
            total[found] += nearest[found]
            counted += found
            # Taken away, so that the next one is found; phrases exactly as close count once.
            alike[alike >= nearest[self.owners]] = -np.inf
            nearest = self._closest(alike, self.owners)
        none = np.float32(-1.0)
        some = counted > 0
        few = np.divide(total, counted, out=np.full_like(closest, none), where=some)
        told = self._closest(self.told.vectors @ vector, self.told_owners)
        if carried_on:
            told = np.maximum(told, self._closest(self.chats.vectors @ vector, self.chat_owners))
        return Closeness(
            closest=np.where(some, closest, none),
            few=few,
            told=np.where(told > -np.inf, told, few * np.float32(_STORIES_ARE_NEARER)),
        )

    def _closest(self, cosines: NDArray[np.float32], owners: NDArray[np.int32]) -> NDArray[np.float32]:
        # One row more than there are, the last: owner -1 is nobody's.
        closest = np.full(len(self.record_ids) + 1, -np.inf, dtype=np.float32)
        np.maximum.at(closest, owners, cosines)
        return closest[:-1]

    def shares(self, session: Session, words: str) -> NDArray[np.float32]:
        """For each row how much of the words it holds, by full text: 0 to 1.

        Rare words weigh more (inverse document frequency, as in BM25); very common and unknown ones weigh
        nothing. A word counts in full in a name or question, and a third of that elsewhere.
        """
        shares = np.zeros(len(self.record_ids), dtype=np.float32)
        known = [word for word in self._look_up(session, words) if word is not None]
        for word in known:
            shares[word.rows] += word.weight / 3
            shares[word.asked] += word.weight * 2 / 3
        return shares / sum(word.weight for word in known) if known else shares

    def _look_up(self, session: Session, words: str) -> Iterator[_Word | None]:
        if len(self._words) > _REMEMBERED_WORDS:
            self._words.clear()
        for word in list(dict.fromkeys(re.findall(r"\w+", words.lower())))[:_MOST_WORDS]:
            if word not in self._words:
                self._words[word] = self._find(session, word)
            yield self._words.get(word)

    def _find(self, session: Session, word: str) -> _Word | None:
        size = len(self.row_of)
        most = max(_COMMON_AT_LEAST, int(size * _COMMON))
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        count, query = (_FTS5_COUNT, _FTS5) if is_sqlite else (_TSVECTOR_COUNT, _TSVECTOR)
        if not 0 < session.execute(count, {"word": word, "most": most}).scalar_one() <= most:
            return None
        found = session.execute(query, {"word": word}).all()
        # A text of a later revision than this index is left out.
        every = {self.row_of_text[text_id] for text_id, _ in found if text_id in self.row_of_text}
        if not every:
            return None
        asked = {
            self.row_of_text[text_id] for text_id, named in found if named and text_id in self.row_of_text
        }
        return _Word(
            np.array(sorted(every), dtype=np.int64),
            np.array(sorted(asked), dtype=np.int64),
            weight=float(np.log1p((size - len(every) + 0.5) / (len(every) + 0.5))),
        )


@dataclass
class _Row:
    """One record as it is read from the store."""

    record_id: str
    kind: str
    audience: str
    areas: list[str] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    youngest: int = 0
    oldest: int = _OLDEST
    asks_for_diagnosis: bool = False
    text_id: int | None = None


def refreshed(session: Session, index: Index | None, told: Told, chats: Told) -> Index:
    """The index at the newest revision: ``index`` with what changed since, or a new one.

    Args:
        index: what there is; None when there is none.
        told: stories; those of records that the store does not hold are left out.
        chats: pairs of messages, the same.
    """
    newest = newest_revision(session)
    if index is None or newest < index.revision:
        return _built(session, newest, told, chats)
    changed = session.scalars(select(Revision.record_id).where(Revision.id > index.revision).distinct()).all()
    # Rows that are gone are searched too: once they are many, a new index is the cheaper one.
    gone = len(index.record_ids) - len(index.row_of)
    if gone + len(changed) > max(1_000, len(index.record_ids) // 4):
        return _built(session, newest, told, chats)
    return _with_changes(session, index, newest, changed)


def _built(session: Session, revision: int, told: Told, chats: Told) -> Index:
    rows = _read(session, None)
    row_of = {row.record_id: position for position, row in enumerate(rows)}
    phrases = session.scalar(select(func.count()).select_from(SearchPhrase)) or 0
    vectors, owners = _read_vectors(session, None, row_of, _room_for(phrases), 0)
    return Index(
        revision=revision,
        record_ids=[row.record_id for row in rows],
        row_of=row_of,
        row_of_text={row.text_id: position for position, row in enumerate(rows) if row.text_id is not None},
        live=np.ones(len(rows), dtype=bool),
        kinds=_flags([[row.kind] for row in rows]),
        areas=_flags([row.areas for row in rows]),
        topics=_flags([row.topics for row in rows]),
        audiences=_flags([[row.audience] for row in rows]),
        asks_for_diagnosis=np.array([row.asks_for_diagnosis for row in rows], dtype=bool),
        youngest=np.array([row.youngest for row in rows], dtype=np.int16),
        oldest=np.array([row.oldest for row in rows], dtype=np.int16),
        vectors=vectors,
        owners=owners,
        told=told,
        told_owners=_owners(told, row_of),
        chats=chats,
        chat_owners=_owners(chats, row_of),
        places=_places(session),
        spelling=Spelling(words_of(_texts(session, None))),
    )


def _with_changes(session: Session, old: Index, revision: int, changed: Sequence[str]) -> Index:
    rows = _read(session, changed)
    before = len(old.record_ids)
    live = np.concatenate([old.live, np.ones(len(rows), dtype=bool)])
    row_of = dict(old.row_of)
    for record_id in changed:
        if (position := row_of.pop(record_id, None)) is not None:
            live[position] = False
    new_rows = {row.record_id: before + position for position, row in enumerate(rows)}
    row_of.update(new_rows)
    row_of_text = {text_id: row for text_id, row in old.row_of_text.items() if live[row]}
    row_of_text.update({row.text_id: new_rows[row.record_id] for row in rows if row.text_id is not None})
    vectors, owners = _read_vectors(session, changed, new_rows, old.vectors, len(old.owners))
    return Index(
        revision=revision,
        record_ids=[*old.record_ids, *(row.record_id for row in rows)],
        row_of=row_of,
        row_of_text=row_of_text,
        live=live,
        kinds=_joined(old.kinds, _flags([[row.kind] for row in rows]), before, len(rows)),
        areas=_joined(old.areas, _flags([row.areas for row in rows]), before, len(rows)),
        topics=_joined(old.topics, _flags([row.topics for row in rows]), before, len(rows)),
        audiences=_joined(old.audiences, _flags([[row.audience] for row in rows]), before, len(rows)),
        asks_for_diagnosis=np.append(old.asks_for_diagnosis, [row.asks_for_diagnosis for row in rows]),
        youngest=np.append(old.youngest, np.array([row.youngest for row in rows], dtype=np.int16)),
        oldest=np.append(old.oldest, np.array([row.oldest for row in rows], dtype=np.int16)),
        vectors=vectors,
        owners=np.concatenate([old.owners, owners]),
        told=old.told,
        told_owners=_owners(old.told, row_of),
        chats=old.chats,
        chat_owners=_owners(old.chats, row_of),
        places=_places(session),
        spelling=Spelling(old.spelling.counts + words_of(_texts(session, changed))),
    )


def _owners(told: Told, row_of: dict[str, int]) -> NDArray[np.int32]:
    """The row of each story's record; -1 where that is not there."""
    return np.array([row_of.get(record_id, -1) for record_id in told.record_ids], dtype=np.int32)


def _texts(session: Session, ids: Sequence[str] | None) -> Iterator[str]:
    """The words of all records, or of those among ``ids``."""
    for some in _parts(ids):
        query = select(SearchText.asked, SearchText.body).where(_among(SearchText.record_id, some))
        for row in session.execute(query.execution_options(yield_per=_CHUNK)):
            yield from row


def _places(session: Session) -> re.Pattern[str] | None:
    names = session.scalars(select(Area.name).where(Area.covered)).all()
    if not names:
        return None
    # The longest first: "Derbyshire" is not "Derby" and a rest.
    alternatives = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    before = r"(?:\b(?:in|around|near|from|to|of|round|for)\s+)?"
    # Before a capital letter it is a part of a name: "Derby County Community Trust".
    return re.compile(rf"(?i:{before}\b(?:{alternatives})\b)(?!\s+[A-Z])")


def _flags(names: Sequence[Sequence[str]]) -> dict[str, Flags]:
    """For each name the rows that have it."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, own in enumerate(names):
        for name in own:
            rows[name].append(row)
    flags = {name: np.zeros(len(names), dtype=bool) for name in rows}
    for name, having in rows.items():
        flags[name][having] = True
    return flags


def _joined(old: dict[str, Flags], new: dict[str, Flags], before: int, added: int) -> dict[str, Flags]:
    none_before, none_added = np.zeros(before, dtype=bool), np.zeros(added, dtype=bool)
    return {
        name: np.concatenate([old.get(name, none_before), new.get(name, none_added)])
        for name in {**old, **new}
    }


def _read(session: Session, ids: Sequence[str] | None) -> list[_Row]:
    """The published records, all of them or those among ``ids``."""
    rows: dict[str, _Row] = {}
    for some in _parts(ids):
        found = session.execute(
            select(Record.id, Record.kind, Record.audience)
            .where(Record.status == "published", _among(Record.id, some))
            .order_by(Record.id)
        )
        rows.update({row.id: _Row(row.id, row.kind, row.audience) for row in found})
        for record_id, area in session.execute(
            select(RecordArea.record_id, RecordArea.area_id).where(_among(RecordArea.record_id, some))
        ):
            if record_id in rows:
                rows[record_id].areas.append(area)
        for record_id, topic in session.execute(
            select(RecordTopic.record_id, RecordTopic.topic).where(_among(RecordTopic.record_id, some))
        ):
            if record_id in rows:
                rows[record_id].topics.append(topic)
        for model in (Service, Guidance, Pathway):
            table = model.__table__
            for record_id, youngest, oldest in session.execute(
                select(table.c.id, table.c.minimum_age, table.c.maximum_age).where(_among(table.c.id, some))
            ):
                if record_id in rows:
                    rows[record_id].youngest = 0 if youngest is None else youngest
                    rows[record_id].oldest = _OLDEST if oldest is None else oldest
        services = Service.__table__
        for (record_id,) in session.execute(
            select(services.c.id).where(services.c.needs_diagnosis != "no", _among(services.c.id, some))
        ):
            if record_id in rows:
                rows[record_id].asks_for_diagnosis = True
        for text_id, record_id in session.execute(
            select(SearchText.id, SearchText.record_id).where(_among(SearchText.record_id, some))
        ):
            if record_id in rows:
                rows[record_id].text_id = text_id
    return list(rows.values())


def _read_vectors(
    session: Session,
    ids: Sequence[str] | None,
    row_of: dict[str, int],
    vectors: NDArray[np.float32],
    used: int,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Put the phrases' vectors behind the ``used`` rows of a matrix, or of a larger copy of it.

    Rows that are used already are not touched: another index may be reading them.

    Returns:
        The matrix, and for each added phrase the row of its record.
    """
    owners: list[int] = []
    for some in _parts(ids):
        query = select(SearchPhrase.record_id, SearchPhrase.vector).where(
            _among(SearchPhrase.record_id, some)
        )
        for part in session.execute(query.execution_options(yield_per=_CHUNK)).partitions():
            own = [(row_of[record_id], vector) for record_id, vector in part if record_id in row_of]
            start = used + len(owners)
            if start + len(own) > len(vectors):
                larger = _room_for(start + len(own))
                larger[:start] = vectors[:start]
                vectors = larger
            read = np.frombuffer(b"".join(vector for _, vector in own), dtype="<f2")
            vectors[start : start + len(own)] = read.reshape(-1, DIMENSIONS)
            owners += [row for row, _ in own]
    return vectors, np.array(owners, dtype=np.int32)


def _room_for(phrases: int) -> NDArray[np.float32]:
    # float32: numpy multiplies float16 some twenty times more slowly.
    return np.empty((phrases + max(phrases // 20, 1_000), DIMENSIONS), dtype=np.float32)


def _parts(ids: Sequence[str] | None) -> Iterator[Sequence[str] | None]:
    """All at once, or few enough ids for one statement."""
    if ids is None:
        yield None
    else:
        yield from batched(ids, _AT_ONCE)


def _among(
    column: ColumnElement[str] | InstrumentedAttribute[str], ids: Sequence[str] | None
) -> ColumnElement[bool]:
    return true() if ids is None else column.in_(ids)
