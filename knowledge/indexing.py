"""Making records findable: their words for full text, and phrases with their vectors for search by meaning.

Whoever writes a record calls ``make_findable`` in the same transaction, and ``make_unfindable`` when the
record is no longer shown. What did not change is not encoded again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

import numpy as np
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from encoder import SentenceEncoder
from knowledge.content_schema import (
    Entitlement,
    GlossaryTerm,
    Guidance,
    Letter,
    Pathway,
    Record,
    Service,
    Status,
)
from knowledge.models import SearchPhrase, SearchText
from knowledge.search_encoder import fingerprint

#: Databases take so many values in one statement without complaint.
_AT_ONCE = 500


@dataclass(frozen=True)
class Findable:
    """By what a record is found."""

    record_id: str
    asked: Sequence[str]  # its name or question, other names, other wordings: each gets a vector
    gist: Sequence[str]  # the first thing it says; together with the name it gets a vector too
    body: Sequence[str]  # what else it says: full text only


def findable(record: Record) -> Findable | None:
    """By what a record of the content files is found.

    Returns:
        None for kinds that are not searched (waits, crisis records) and for what is not published.
    """
    if record.status is not Status.PUBLISHED:
        return None
    match record:
        case Guidance():
            first, *rest = record.answer.split("\n\n")
            body = [*rest, record.easy_read, record.young_person, record.next_step]
            return _findable(record, [record.question, *record.also_asked], first, body)
        case Service():
            first, *rest = record.description.split("\n\n")
            names = [record.name, *record.alternate_names, *record.also_asked]
            body = [*rest, record.who_for, record.how_to_reach, record.hours, record.easy_read]
            return _findable(record, names, first, body)
        case Pathway():
            first, *rest = record.answer.split("\n\n")
            steps = [text for step in record.steps for text in (step.title, step.text)]
            body = [*rest, *record.referrers, *steps, record.easy_read, record.young_person]
            return _findable(record, [record.title, *record.also_asked], first, body)
        case Entitlement():
            first, *rest = record.answer.split("\n\n")
            laws = [f"{law.name} {law.section}" for law in record.legal_basis]
            limits = [deadline.title for deadline in record.deadlines]
            body = [*rest, record.who, record.how_to_use, *laws, *limits, record.easy_read]
            return _findable(record, [record.title, *record.also_asked], first, body)
        case Letter():
            return _findable(record, [record.title, *record.also_asked], record.about, [record.easy_read])
        case GlossaryTerm():
            terms = [f"What is {term}?" for term in (record.term, *record.alternate_terms)]
            return Findable(record.id, terms, [], [record.meaning, record.easy_read])
    return None


def _findable(record: Record, asked: list[str], gist: str, body: Iterable[str | None]) -> Findable:
    return Findable(record.id, asked, [gist], [text for text in body if text])


def make_findable(session: Session, records: Iterable[Findable], encoder: SentenceEncoder) -> int:
    """Index records that are new or by other words than before; the caller commits.

    Args:
        session: a writing session; the records' rows are flushed.
        records: each record once.
        encoder: makes the vectors.

    Returns:
        How many were indexed.
    """
    wanted = {record.record_id: record for record in records}
    stale: list[tuple[Findable, str]] = []
    for ids in batched(wanted, _AT_ONCE):
        rows = session.execute(
            select(SearchText.record_id, SearchText.made_from).where(SearchText.record_id.in_(ids))
        )
        made_from = {row.record_id: row.made_from for row in rows}
        for record_id in ids:
            digest = _digest(wanted[record_id])
            if made_from.get(record_id) != digest:
                stale.append((wanted[record_id], digest))
    if not stale:
        return 0
    make_unfindable(session, [record.record_id for record, _ in stale])
    # Encoded all at once: a batch is more than twice as fast as a call for each record.
    to_encode = [
        (record.record_id, position, phrase)
        for record, _ in stale
        for position, phrase in enumerate(phrases(record))
    ]
    vectors = encoder.encode([phrase for _, _, phrase in to_encode]).astype(np.dtype("<f2"))
    texts = [
        {
            "record_id": record.record_id,
            "asked": "\n".join(record.asked),
            "body": "\n".join([*record.gist, *record.body]),
            "made_from": digest,
        }
        for record, digest in stale
    ]
    session.execute(insert(SearchText), texts)
    session.execute(
        insert(SearchPhrase),
        [
            {"record_id": record_id, "position": position, "phrase": phrase, "vector": vector.tobytes()}
            for (record_id, position, phrase), vector in zip(to_encode, vectors, strict=True)
        ],
    )
    return len(stale)


def make_unfindable(session: Session, record_ids: Sequence[str]) -> None:
    """Take records out of the search; the caller commits. Unknown ids are no error."""
    for ids in batched(record_ids, _AT_ONCE):
        for table in (SearchPhrase, SearchText):
            session.execute(delete(table).where(table.record_id.in_(ids)))


def phrases(record: Findable) -> Iterator[str]:
    """What of a record gets a vector, each once: how it is asked for, and its name with the gist."""
    # The gist goes with the name: alone ("Yes. You can ask for it.") it does not say what it is about.
    yield from dict.fromkeys([*record.asked, *(f"{record.asked[0]} {gist}" for gist in record.gist)])


def _digest(record: Findable) -> str:
    # Another encoder gives other vectors for the same words.
    made_from = json.dumps([list(phrases(record)), list(record.body), fingerprint()])
    return hashlib.sha256(made_from.encode()).hexdigest()
