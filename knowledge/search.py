"""Finding records: by meaning and by full text, for a person's own words."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from encoder import SentenceEncoder
from knowledge.database import sessions
from knowledge.queries.areas import EVERYWHERE
from knowledge.queries.records import newest_revision
from knowledge.search_encoder import search_encoder
from knowledge.search_index import Filters, Index, refreshed
from knowledge.told import NOTHING_TOLD, Told, carried_on, shipped_chats, shipped_stories

#: What the full share of a message's words is worth beside its closeness. Set on development questions, as
#: the others here (docs/decisions/0007-search.md).
_WORDS_ARE_WORTH = 0.2

#: How much of a record's closeness is that of its few closest phrases on average; the rest is that of the
#: closest one, which may be close by chance.
_FEW_COUNT = 0.4

#: How much of a record's closeness is that of the closest story of somebody whom it answers, for a message
#: of so many words or more; less for a shorter one, which is itself like a wording.
_STORIES_COUNT = 0.6
_STORY_WORDS = 40

#: The same of the closest pair of messages, for one that carries on the question before it; and what the
#: words of that question are worth beside its own.
_CHATS_COUNT = 0.5
_WORDS_BEFORE_COUNT = 0.75

#: What a record of the person's own area is worth more than one that holds everywhere.
_NEAR_IS_WORTH = 0.04

#: Kinds of record that can be found.
KINDS = ("guidance", "service", "pathway", "entitlement", "glossary", "letter")

#: A term's "What is ...?" is close to every short question, and a letter to the question it is written for:
#: they have to be closer than an answer.
_HANDICAP = {"glossary": 0.07, "letter": 0.07}


@dataclass(frozen=True)
class Match:
    """A record that fits the words."""

    record_id: str
    kind: str
    score: float  # cosine of the closest phrase, -1 to 1: whether it is close at all
    fit: float  # wordings, stories and words together: what the order is by


class Search:
    """Search over the published records; sees new content at the next call. Any thread may use it."""

    def __init__(
        self,
        engine: Engine,
        encoder: SentenceEncoder,
        told: Told = NOTHING_TOLD,
        chats: Told = NOTHING_TOLD,
    ) -> None:
        """Search of a store; nothing is read before the first call.

        Args:
            engine: the store.
            encoder: the one that made the store's vectors.
            told: stories that were encoded by it.
            chats: pairs of messages, the same.
        """
        self._told, self._chats = told, chats
        self._sessions = sessions(engine)
        self._encoder = encoder
        self._index: Index | None = None
        self._refreshing = threading.Lock()
        # One turn asks several times with the same words.
        self._vector = lru_cache(maxsize=64)(self._encode)

    def closest(
        self,
        words: str,
        kinds: Collection[str],
        areas: Sequence[str],
        topic: str | None = None,
        limit: int = 5,
        *,
        before: str | None = None,
        age: int | None = None,
        audience: str | None = None,
        no_diagnosis_needed: bool = False,
    ) -> list[Match]:
        """The records that fit best.

        Args:
            words: what the person wrote; any text, none of it is query syntax.
            kinds: kinds of record, some of ``KINDS``.
            areas: keep records that hold in at least one of these, nearest first.
            topic: keep records about this topic; None keeps all.
            limit: at most so many.
            before: the question that the words carry on, if they do.
            age: keep records for this age in years, and those without ages; None keeps all.
            audience: keep records written for this audience or for all; None keeps all.
            no_diagnosis_needed: leave out services that need a diagnosis or do not say.

        Returns:
            Matches, best first by meaning and words together; empty when nothing passes the filters.
            Whether a match is close enough for a purpose is told by its ``score``, meaning alone.
        """
        filters = Filters(kinds, areas, topic, age, audience, no_diagnosis_needed)
        index = self._current()
        words = index.without_places(index.spelling.corrected(words))
        before = index.without_places(index.spelling.corrected(before)) if before else ""
        vector = self._vector(carried_on(before, words) if before else words)
        kept = np.flatnonzero(index.keep(filters))
        if len(kept) == 0:
            return []
        close = index.closeness(vector, carried_on=bool(before))
        # A session begun after the index was made: it sees at least what the index holds.
        with self._sessions() as session:
            fit = (1 - _FEW_COUNT) * close.closest + _FEW_COUNT * close.few
            as_a_story = _STORIES_COUNT * min(1.0, len(words.split()) / _STORY_WORDS)
            fit += (_CHATS_COUNT if before else as_a_story) * (close.told - fit)
            shares = index.shares(session, words)
            if before:
                shares += _WORDS_BEFORE_COUNT * (index.shares(session, before) - shares)
            fit += _WORDS_ARE_WORTH * shares
        for kind, handicap in _HANDICAP.items():
            if kind in index.kinds:
                fit[index.kinds[kind]] -= handicap
        if areas[0] not in EVERYWHERE and areas[0] in index.areas:
            fit[index.areas[areas[0]]] += _NEAR_IS_WORTH
        best = kept[_greatest(fit[kept], limit)]
        kind_of = {row: kind for kind, flags in index.kinds.items() for row in best[flags[best]].tolist()}
        return [
            Match(index.record_ids[row], kind_of[row], score, fits)
            for row, score, fits in zip(
                best.tolist(), close.closest[best].tolist(), fit[best].tolist(), strict=True
            )
        ]

    def _encode(self, words: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self._encoder.encode([words])[0]
        return vector

    def _current(self) -> Index:
        index = self._index
        with self._sessions() as session:
            newest = newest_revision(session)
        if index is not None and index.revision == newest:
            return index
        with self._refreshing, self._sessions() as session:
            # Another thread may have done it meanwhile.
            if self._index is None or self._index.revision != newest_revision(session):
                self._index = refreshed(session, self._index, self._told, self._chats)
            return self._index


def _greatest(values: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """Where the greatest values stand, the greatest first; of equal ones the first first."""
    if most < len(values):
        least = np.partition(values, -most)[-most]
        some = np.flatnonzero(values >= least)
        return some[np.argsort(-values[some], kind="stable")[:most]]
    return np.argsort(-values, kind="stable")


def open_search(engine: Engine) -> Search:
    """A search of its own encoder over a store; one a process is enough.

    Raises:
        EncoderUnavailable: the encoder's files or those of the stories are missing or do not fit.
    """
    return Search(engine, search_encoder(), shipped_stories(), shipped_chats())
