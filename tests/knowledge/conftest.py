"""Content and stores for the tests: a small folder to break and change, and what ships, loaded once a run.

Every test of the store runs on SQLite, and on PostgreSQL where one can be reached.
"""

from __future__ import annotations

import copy
import hashlib
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import psycopg
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from ruamel.yaml import YAML
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from encoder import DIMENSIONS, SentenceEncoder
from knowledge import models
from knowledge.content import Content, read_content
from knowledge.database import migrate, open_engine, sessions, writing
from knowledge.load import LoadReport, load_content
from knowledge.search_encoder import search_encoder

# On a busy machine a quick example may take long, and that is no fault of the code.
settings.register_profile("busy", deadline=None, max_examples=50)
settings.load_profile("busy")

#: A PostgreSQL where the tests may make and drop a schema of their own.
POSTGRES = os.environ.get("HELPLINE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")

#: Makes a copy of the small content with some of it changed, and gives its folder.
Folder = Callable[..., Path]


class WordEncoder:
    """A stand-in encoder: sentences that share words are alike. Quick, and the same everywhere."""

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(sentences), DIMENSIONS), dtype=np.float32)
        for row, sentence in enumerate(sentences):
            for word in re.findall(r"\w+", sentence.lower()):
                vectors[row, int(hashlib.md5(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.maximum(lengths, 1)).astype(np.float32)


class RememberingEncoder:
    """A real encoder, which encodes each sentence of a run once."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._known]
        if new:
            self._known.update(zip(new, self._encoder.encode(new), strict=True))
        rows = [self._known[sentence] for sentence in sentences]
        return np.array(rows, dtype=np.float32).reshape(-1, DIMENSIONS)


class VectorsOf:
    """The vectors that a store in a SQLite file holds: to load the same content into another one."""

    def __init__(self, file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            self._known = dict(connection.execute("SELECT phrase, vector FROM search_phrase"))

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        joined = b"".join(self._known[sentence] for sentence in sentences)
        return np.frombuffer(joined, dtype="<f2").astype(np.float32).reshape(-1, DIMENSIONS)


WORDS = cast("SentenceEncoder", WordEncoder())


@lru_cache(maxsize=1)
def real_encoder() -> SentenceEncoder:
    """The search's encoder that ships, one for the whole run."""
    return cast("SentenceEncoder", RememberingEncoder(search_encoder(threads=2)))


@lru_cache(maxsize=1)
def plain_encoder() -> SentenceEncoder:
    """The sentence encoder with its own weights, one for the whole run: to tell near copies."""
    return cast("SentenceEncoder", RememberingEncoder(SentenceEncoder(threads=2)))


@lru_cache(maxsize=1)
def shipped_content() -> Content:
    """What ships, read once."""
    return read_content()


@contextmanager
def postgres_schema() -> Generator[str]:
    """A schema of this test's own in PostgreSQL, dropped at the end; its URL."""
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL for the tests (HELPLINE_TEST_POSTGRES): {error}")
    name = f"helpline_knowledge_{secrets.token_hex(4)}"
    with server:
        server.execute(f"CREATE SCHEMA {name}")
        try:
            base = POSTGRES.replace("postgresql://", "postgresql+psycopg://", 1)
            yield f"{base}?options=-csearch_path%3D{name}"
        finally:
            server.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def _fresh_url(kind: str, folder: Path) -> Generator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/knowledge.sqlite3"
    else:
        with postgres_schema() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """An empty database of each kind, without tables."""
    with _fresh_url(request.param, tmp_path) as fresh:
        yield fresh


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def migrated_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Engine]:
    """One store of each kind with its tables, for the tests to empty and fill."""
    with _fresh_url(request.param, tmp_path_factory.mktemp("store")) as fresh:
        opened = open_engine(fresh)
        migrate(opened)
        yield opened
        opened.dispose()


@pytest.fixture
def engine(migrated_engine: Engine) -> Engine:
    """An empty store with its tables."""
    # Emptying is much quicker than migrating again, and the migrations have tests of their own.
    with migrated_engine.begin() as connection:
        for table in reversed(models.Base.metadata.sorted_tables):
            connection.execute(delete(table))
    return migrated_engine


def url_of(engine: Engine) -> str:
    """The URL that opens the same store."""
    return engine.url.render_as_string(hide_password=False)


def load(engine: Engine, content: Content | Path, encoder: SentenceEncoder = WORDS) -> LoadReport:
    """Load as the command does: read, then one transaction."""
    whole = read_content(content) if isinstance(content, Path) else content
    with writing(engine).begin() as session:
        return load_content(session, whole, encoder)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shipped_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shipped_file: Path
) -> Generator[Engine]:
    """What ships, loaded with the real encoder. Only read it."""
    with _fresh_url(request.param, tmp_path_factory.mktemp("shipped")) as fresh:
        opened = open_engine(fresh)
        if request.param == "sqlite":
            shutil.copy(shipped_file, str(opened.url.database))
        else:
            migrate(opened)
            load(opened, shipped_content(), cast("SentenceEncoder", VectorsOf(shipped_file)))
        yield opened
        opened.dispose()


@pytest.fixture
def shipped(shipped_engine: Engine) -> Generator[Session]:
    """A session on what ships."""
    with sessions(shipped_engine)() as session:
        yield session


# --- a small folder of content, whole and right, that a test changes in one place ---


def record(**fields: Any) -> dict[str, Any]:
    """What every record has, with these fields besides."""
    common = {
        "areas": ["england"],
        "topics": ["support_school"],
        "as_of": "2026-01",
        "review_by": "2099-01-31",
        "sources": [{"source": "a-leaflet"}],
    }
    return {**common, **fields}


def service(name: str, **fields: Any) -> dict[str, Any]:
    """A service; its id is its name with hyphens."""
    values = {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "organization": "a-charity",
        "description": f"{name} helps families.",
        "easy_read": f"{name} helps you.",
        "needs_diagnosis": "no",
        "how_to_reach": "Ask the school.",
        **fields,
    }
    return record(**values)


def guidance(slug: str, question: str, **fields: Any) -> dict[str, Any]:
    """An answer to one question."""
    values = {
        "id": slug,
        "question": question,
        "answer": f"An answer to: {question}",
        "easy_read": "A short answer.",
        **fields,
    }
    return record(**values)


def crisis_contact(name: str, **fields: Any) -> dict[str, Any]:
    """Somebody to contact in danger, with an invented number."""
    values = {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "dangers": ["medical_emergency"],
        "rank": 1,
        "areas": ["uk"],
        "phone": "01632 960001",
        "says": "Call now.",
        "confidence": "verified-in-archived-page",
        **fields,
    }
    return record(**values)


#: The dangers, by the names of the crisis topics.
DANGERS = (
    "crisis_self_harm_suicide",
    "crisis_abuse_safeguarding",
    "crisis_violence_danger",
    "crisis_missing",
    "medical_emergency",
)

SMALL: dict[str, dict[str, Any]] = {
    "base.yml": {
        "topics": [
            {"name": "support_school", "group": "support", "title": "Help at school", "boundary": "School."},
            {"name": "wait_time", "group": "waits", "title": "How long is the wait", "boundary": "Waits."},
        ],
        "areas": [
            {"id": "uk", "name": "the UK", "covered": False},
            {"id": "england", "name": "England", "covered": False, "inside": ["uk"]},
            {"id": "derby-city", "name": "Derby", "covered": True, "inside": ["england", "uk"]},
            {"id": "derbyshire", "name": "Derbyshire", "covered": True, "inside": ["england", "uk"]},
        ],
        "sources": [
            {"id": "a-leaflet", "title": "A leaflet", "publisher": "A charity", "published": "2026-01"}
            | {"document": "leaflet.pdf"},
        ],
        "organizations": [
            {
                "id": "a-charity",
                "name": "A charity",
                "description": "Helps.",
                "sources": [{"source": "a-leaflet"}],
            },
        ],
    },
    "records.yml": {
        "services": [
            service(
                "Lunch club",
                phones=[{"number": "01632 960002", "confidence": "verified-in-seed"}],
                address="1 High Street, Derby",
                costs=[{"option": "Free"}],
            ),
        ],
        "pathways": [
            record(
                id="derby-child",
                areas=["derby-city"],
                topics=["support_school"],
                title="Assessment in Derby",
                cohort="child",
                answer="Ask the school.",
                easy_read="Ask the school.",
                referrers=["School"],
                self_referral="no",
                assessed_by=["lunch-club"],
                steps=[{"title": "Ask", "text": "Ask the school."}],
            ),
        ],
        "waits": [
            record(
                id="derby-wait",
                areas=["derby-city"],
                topics=["wait_time"],
                pathway="derby-child",
                cohort="child",
                measure="average-wait",
                subject="assessment",
                value=10,
                unit="weeks",
            ),
        ],
        "entitlements": [
            record(
                id="help-at-school",
                title="Help at school",
                who="Pupils",
                answer="The school must help.",
                easy_read="School must help.",
                how_to_use="Ask in writing.",
                legal_basis=[{"name": "An act", "section": "section 1"}],
                deadlines=[
                    {
                        "id": "reply-in-time",
                        "title": "The school must reply",
                        "trigger": "request-received",
                        "count": 2,
                        "unit": "weeks",
                        "legal_basis": {"name": "An act", "section": "section 2"},
                        "if_missed": "Write again.",
                    }
                ],
            ),
        ],
        "guidance": [
            guidance("what-is-lunch-club", "What happens at the lunch club?", services=["lunch-club"]),
            guidance("help-in-class", "What help is there in class?", general_for=["support_school"]),
            guidance("long-waits", "Why is the wait long?", topics=["wait_time"]),
        ],
    },
    "crisis.yml": {
        "crisis_contacts": [crisis_contact("Ambulance", dangers=list(DANGERS))],
        "crisis_replies": [
            record(
                id=f"reply-{danger.replace('_', '-')}",
                danger=danger,
                areas=["uk"],
                says="Call now.",
                easy_read="Call now.",
                young_person="Call now, or tell an adult.",
            )
            for danger in DANGERS
        ],
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes the small content, changed by a function, into a new folder."""

    def write(change: Callable[[dict[str, dict[str, Any]]], object] | None = None) -> Path:
        files = copy.deepcopy(SMALL)
        if change is not None:
            change(files)
        place = tmp_path / f"content-{secrets.token_hex(3)}"
        place.mkdir()
        yaml = YAML(typ="safe")
        yaml.default_flow_style = False
        for name, kinds in files.items():
            with (place / name).open("w", encoding="utf-8") as file:
                yaml.dump(kinds, file)
        return place

    return write
