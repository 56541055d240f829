"""Finding records by meaning: a person's words against the phrases by which each record may be asked for."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from encoder import DIMENSIONS, SentenceEncoder
from knowledge.database import sessions
from knowledge.models import Record, RecordArea, RecordTopic, Revision, SearchPhrase


@dataclass(frozen=True)
class Match:
    """A record that fits the words."""

    record_id: str
    kind: str
    score: float  # cosine of the closest phrase, -1 to 1


@dataclass(frozen=True)
class _Index:
    revision: int  # the newest revision it was built from
    vectors: NDArray[np.float32]  # one row a phrase
    rows: NDArray[np.int64]  # phrase -> position in record_ids
    record_ids: list[str]
    kinds: list[str]
    areas: list[frozenset[str]]
    topics: list[frozenset[str]]


class Search:
    """Search over the published records; sees new content at the next call."""

    def __init__(self, engine: Engine, encoder: SentenceEncoder) -> None:
        self._sessions = sessions(engine)
        self._encoder = encoder
        self._index: _Index | None = None
        self._building = threading.Lock()
        # One turn asks several times with the same words.
        self._vector = lru_cache(maxsize=64)(self._encode)

    def closest(
        self,
        words: str,
        kinds: Collection[str],
        areas: Collection[str],
        topic: str | None = None,
        limit: int = 5,
    ) -> list[Match]:
        """The records closest in meaning.

        Args:
            words: what the person wrote.
            kinds: kinds of record: "guidance", "service", ...
            areas: keep records that hold in at least one of these.
            topic: keep records about this topic; None keeps all.
            limit: at most so many.

        Returns:
            Matches, best first; empty when nothing passes the filters.
        """
        index = self._current()
        keep = np.array(
            [
                kind in kinds and not own.isdisjoint(areas) and (topic is None or topic in topics)
                for kind, own, topics in zip(index.kinds, index.areas, index.topics, strict=True)
            ],
            dtype=bool,
        )
        if not keep.any():
            return []
        scores = np.full(len(index.record_ids), -1.0, dtype=np.float32)
        np.maximum.at(scores, index.rows, index.vectors @ self._vector(words))
        scores[~keep] = -1.0
        best = np.argsort(-scores)[:limit]
        return [
            Match(index.record_ids[row], index.kinds[row], float(scores[row])) for row in best if keep[row]
        ]

    def _encode(self, words: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self._encoder.encode([words])[0]
        return vector

    def _current(self) -> _Index:
        with self._building, self._sessions() as session:
            newest = session.scalar(select(func.max(Revision.id))) or 0
            if self._index is None or self._index.revision != newest:
                self._index = _build(session, newest)
            return self._index


def open_search(engine: Engine) -> Search:
    """A search of its own encoder over a store; one a process is enough.

    Raises:
        EncoderUnavailable: the encoder's files are missing.
    """
    return Search(engine, SentenceEncoder())


def _build(session: Session, revision: int) -> _Index:
    records = session.execute(
        select(Record.id, Record.kind).where(Record.status == "published").order_by(Record.id)
    ).all()
    position = {record_id: row for row, (record_id, _) in enumerate(records)}
    areas: list[set[str]] = [set() for _ in records]
    topics: list[set[str]] = [set() for _ in records]
    for record_id, area in session.execute(select(RecordArea.record_id, RecordArea.area_id)):
        if record_id in position:
            areas[position[record_id]].add(area)
    for record_id, topic in session.execute(select(RecordTopic.record_id, RecordTopic.topic)):
        if record_id in position:
            topics[position[record_id]].add(topic)
    phrases = [
        (position[record_id], vector)
        for record_id, vector in session.execute(select(SearchPhrase.record_id, SearchPhrase.vector))
        if record_id in position
    ]
    vectors = np.frombuffer(b"".join(vector for _, vector in phrases), dtype="<f2").astype(np.float32)
    return _Index(
        revision=revision,
        vectors=vectors.reshape(-1, DIMENSIONS),
        rows=np.array([row for row, _ in phrases], dtype=np.int64),
        record_ids=[record_id for record_id, _ in records],
        kinds=[kind for _, kind in records],
        areas=[frozenset(own) for own in areas],
        topics=[frozenset(own) for own in topics],
    )
