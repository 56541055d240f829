"""How search grows with the number of services: ``helpline bench search`` or ``python -m bench.search``.

The services are made up, each of other words. Their vectors are random unit vectors, since encoding 50,000
services takes long; the questions are encoded by the real encoder, inside the time that is measured. Times
are compared within one run only: with the smallest store, and with encoding a question alone.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import batched, product
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Table, insert

from encoder import DIMENSIONS, SentenceEncoder
from encoder.threads import multiply_with_one_thread
from knowledge import models
from knowledge.database import migrate, open_engine, writing
from knowledge.search import KINDS, Search
from knowledge.search_encoder import search_encoder

SIZES = (100, 1_000, 10_000, 50_000)

#: Phrases a service: its name, another name, its name with what it does.
_PHRASES = 3

_AREAS = ("derby-city", "derbyshire", "herefordshire", "england")
_TOPICS = ("support_school", "support_carer", "support_peer_social", "support_short_breaks")

_NEEDS = (
    *("sleep", "school", "speech", "swimming", "anxiety", "transport"),
    *("money", "work", "friends", "siblings", "respite", "exclusion"),
)
_WHOM = ("my son", "my daughter", "a teenager", "an adult", "me", "our family", "a carer", "my brother")
_WAYS = (
    "is there any help with {need} for {whom}",
    "who do I ring about {need}, it is getting hard for {whom}",
    "{need} group near us for {whom} without a diagnosis",
)


@dataclass(frozen=True)
class Figures:
    """What was measured for one number of services. Times in milliseconds unless they say seconds."""

    services: int
    load_seconds: float
    build_seconds: float
    index_megabytes: float
    process_megabytes: float
    one_change: float  # the first search after one record of all changed
    median: float
    p95: float
    cpu_p95: float  # processor time, all threads: what is left on a machine that is busy with other things
    encoding_median: float  # of encoding alone, in the same minutes


def measure(sizes: Sequence[int] = SIZES, say: Callable[[str], None] = lambda _: None) -> list[Figures]:
    """Measure stores of these sizes, in SQLite files that are removed at the end.

    Args:
        sizes: numbers of services.
        say: told which size comes next.
    """
    multiply_with_one_thread()  # as a process that serves
    encoder = search_encoder()
    figures = []
    for size in sizes:
        say(f"{size:,} services ...")
        with tempfile.TemporaryDirectory() as folder:
            figures.append(_measure_one(size, f"sqlite:///{Path(folder)}/knowledge.sqlite3", encoder))
    return figures


def table(figures: Sequence[Figures]) -> str:
    """The figures as a plain table, with ratios to its first row."""
    lines = [
        f"{'services':>8} {'load s':>7} {'build s':>8} {'index MB':>9} {'process MB':>11}"
        f" {'one change ms':>14} {'p50 ms':>7} {'p95 ms':>7} {'cpu p95':>8} {'encoding ms':>12}"
        f" {'p50 x':>6} {'p95 x':>6}"
    ]
    lines += [
        f"{row.services:>8,} {row.load_seconds:>7.1f} {row.build_seconds:>8.2f} {row.index_megabytes:>9.0f}"
        f" {row.process_megabytes:>11.0f} {row.one_change:>14.1f} {row.median:>7.1f} {row.p95:>7.1f}"
        f" {row.cpu_p95:>8.1f} {row.encoding_median:>12.1f} {row.median / figures[0].median:>6.1f}"
        f" {row.p95 / figures[0].p95:>6.1f}"
        for row in figures
    ]
    lines.append(
        f"p50 and p95: one search, the encoding of the question included. x: against {figures[0].services:,}"
        " services in this run. Vectors of services: random, a stand-in. Encoder of questions: the real one."
    )
    return "\n".join(lines)


def _measure_one(size: int, url: str, encoder: SentenceEncoder) -> Figures:
    engine = open_engine(url)
    migrate(engine)
    start = time.perf_counter()
    _fill(engine, size)
    load_seconds = time.perf_counter() - start

    before = _resident_megabytes()
    search = Search(engine, encoder)
    start = time.perf_counter()
    search.closest("hello", KINDS, _AREAS)
    build_seconds = time.perf_counter() - start
    process = _resident_megabytes() - before

    times, processor, encodings = [], [], []
    for number, question in enumerate(_questions()):
        areas = (_AREAS[number % 3], "england")
        start, used = time.perf_counter(), time.process_time()
        search.closest(question, KINDS, areas, age=number % 20 if number % 2 else None)
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
        start = time.perf_counter()
        encoder.encode([question])
        encodings.append(time.perf_counter() - start)

    _change_one(engine)
    start = time.perf_counter()
    search.closest("hello", KINDS, _AREAS)
    one_change = time.perf_counter() - start
    engine.dispose()
    return Figures(
        services=size,
        load_seconds=load_seconds,
        build_seconds=build_seconds,
        index_megabytes=size * _PHRASES * DIMENSIONS * 4 / 2**20,
        process_megabytes=process,
        one_change=one_change * 1000,
        median=float(np.median(times)) * 1000,
        p95=float(np.percentile(times, 95)) * 1000,
        cpu_p95=float(np.percentile(processor, 95)) * 1000,
        encoding_median=float(np.median(encodings)) * 1000,
    )


def _questions() -> Iterator[str]:
    for way, need, whom in product(_WAYS, _NEEDS, _WHOM):
        yield way.format(need=need, whom=whom)


def _fill(engine: Engine, size: int) -> None:
    chance = np.random.default_rng(7)
    syllables = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words = np.array(
        [*" ".join((*_NEEDS, *_WHOM)).split(), *("".join(chance.choice(syllables, 3)) for _ in range(8_000))]
    )
    # As in real language, few words are frequent and most are rare.
    often = 1 / np.arange(1, len(words) + 1)
    often /= often.sum()

    def text(count: int) -> str:
        return " ".join(chance.choice(words, count, p=often))

    with writing(engine).begin() as session:
        session.add_all(models.Area(id=area, name=area, covered=area != "england") for area in _AREAS)
        session.add_all(models.Topic(name=t, group="support", title=t, boundary=t) for t in _TOPICS)
        session.add(models.Organization(id="a-council", name="A council", description="Made up."))
        session.flush()
        for numbers in batched(range(size), 1_000):
            rows = [_service(number, text(4), text(45), chance) for number in numbers]
            for model in rows[0]:
                values = [value for row in rows for value in row[model]]
                # By the table, since a service's own row and its record's are written apart.
                session.connection().execute(insert(cast("Table", model.__table__)), values)


def _service(
    number: int, name: str, description: str, chance: np.random.Generator
) -> dict[type[models.Base], list[dict[str, Any]]]:
    """The rows of one service, by table."""
    slug = f"service-{number}"
    vectors: NDArray[np.float32] = chance.standard_normal((_PHRASES, DIMENSIONS), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    record = {
        "id": slug,
        "kind": "service",
        "status": "published",
        "audience": "all",
        "as_of": "2026-01",
        "review_by": date(2099, 1, 1),
        "freshness": "current",
        "origin": "bench",
        "content_hash": "",
    }
    service = {
        "id": slug,
        "organization_id": "a-council",
        "name": name,
        "description": description,
        "application_process": "Ask.",
        "easy_read": "Ask.",
        "minimum_age": number % 12,
        "maximum_age": 25,
        "needs_diagnosis": ("no", "yes", "not-stated")[number % 3],
    }
    return {
        models.Record: [record],
        models.Service: [service],
        models.RecordArea: [{"record_id": slug, "area_id": _AREAS[number % len(_AREAS)]}],
        models.RecordTopic: [
            {"record_id": slug, "topic": _TOPICS[number % len(_TOPICS)], "position": 0, "general": False}
        ],
        models.SearchText: [{"record_id": slug, "asked": name, "body": description, "made_from": ""}],
        models.SearchPhrase: [
            {
                "record_id": slug,
                "position": position,
                "phrase": name,
                "vector": vector.astype(np.dtype("<f2")).tobytes(),
            }
            for position, vector in enumerate(vectors)
        ],
        models.Revision: [_revision(slug, 1)],
    }


def _revision(slug: str, number: int) -> dict[str, Any]:
    return {
        "record_id": slug,
        "number": number,
        "change": "created" if number == 1 else "updated",
        "recorded_at": datetime.now(UTC),
        "content": {},
    }


def _change_one(engine: Engine) -> None:
    with writing(engine).begin() as session:
        session.execute(insert(models.Revision), [_revision("service-7", 2)])


def _resident_megabytes() -> float:
    """Memory of this process; 0 where the system does not tell it this way."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    print(table(measure(say=print)))
