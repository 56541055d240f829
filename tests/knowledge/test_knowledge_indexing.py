"""Being findable: the full-text index holds what is published, as it is now, whoever wrote or removed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, delete, func, select, text

from encoder import SentenceEncoder
from knowledge import models
from knowledge.content import read_content
from knowledge.database import sessions
from knowledge.indexing import Findable, make_findable, make_unfindable
from knowledge.load import load_content
from tests.knowledge.conftest import WORDS, Folder, WordEncoder, guidance, load, record

Files = dict[str, dict[str, Any]]


def found(engine: Engine, word: str) -> set[str]:
    """The records that the database's own full-text index gives for a word."""
    query = (
        "SELECT t.record_id FROM search_text t JOIN search_text_fts f ON f.rowid = t.id "
        "WHERE search_text_fts MATCH :word"
        if engine.dialect.name == "sqlite"
        else "SELECT record_id FROM search_text WHERE document @@ plainto_tsquery('english', :word)"
    )
    with engine.connect() as connection:
        return set(connection.scalars(text(query), {"word": word}))


class CountingEncoder(WordEncoder):
    """Counts the sentences it encodes."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += len(sentences)
        return super().encode(sentences)


def ask(question: str) -> Any:
    """Change the first answer's question."""
    return lambda files: files["records.yml"]["guidance"][0].update(question=question)


#: A word that stands in just one field of a record, and the change that puts it there.
PLACES: dict[str, tuple[str, dict[str, Any]]] = {
    "an answer's later paragraph": ("guidance", {"answer": "Yes.\n\nBring a kangaroo."}),
    "an answer's next step": ("guidance", {"next_step": "Ring the kangaroo."}),
    "an answer's easy read": ("guidance", {"easy_read": "The kangaroo helps."}),
    "an answer's other wordings": ("guidance", {"also_asked": ["where is my kangaroo"]}),
    "a service's other name": ("services", {"alternate_names": ["Kangaroo club"]}),
    "whom a service is for": ("services", {"who_for": "Kangaroos and their carers"}),
    "how a service is reached": ("services", {"how_to_reach": "Hop to the kangaroo."}),
    "a step of a pathway": ("pathways", {"steps": [{"title": "Hop", "text": "See the kangaroo."}]}),
    "how to use a right": ("entitlements", {"how_to_use": "Write to the kangaroo."}),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_word_that_a_record_says_is_found(engine: Engine, folder: Folder, place: str) -> None:
    kind, fields = PLACES[place]
    content = folder(lambda files: files["records.yml"][kind][0].update(fields))
    load(engine, content)

    # In another form than it was written, and only in that record.
    assert found(engine, "kangaroos") == {getattr(read_content(content), kind)[0].id}


def test_the_index_follows_every_change(engine: Engine, folder: Folder) -> None:
    load(engine, folder(ask("Where is the kangaroo?")))
    assert found(engine, "kangaroo") == {"what-is-lunch-club"}

    load(engine, folder(ask("Where is the wombat?")))
    assert found(engine, "kangaroo") == set()
    assert found(engine, "wombat") == {"what-is-lunch-club"}


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_only_what_is_published_is_in_the_index(engine: Engine, folder: Folder, status: str) -> None:
    load(engine, folder(ask("Where is the kangaroo?")))

    def take_back(files: Files) -> None:
        ask("Where is the kangaroo?")(files)
        files["records.yml"]["guidance"][0]["status"] = status

    load(engine, folder(take_back))
    assert found(engine, "kangaroo") == set()

    load(engine, folder(ask("Where is the kangaroo?")))
    assert found(engine, "kangaroo") == {"what-is-lunch-club"}


def test_a_record_that_left_the_files_is_not_in_the_index(engine: Engine, folder: Folder) -> None:
    extra = guidance("about-kangaroos", "Where is the kangaroo?")
    load(engine, folder(lambda files: files["records.yml"]["guidance"].append(extra)))
    assert found(engine, "kangaroo") == {"about-kangaroos"}

    load(engine, folder())
    assert found(engine, "kangaroo") == set()


def test_a_load_that_is_not_committed_changes_nothing(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    content = read_content(folder(ask("Where is the kangaroo?")))

    with sessions(engine)() as writing:
        load_content(writing, content, WORDS)
        assert found(engine, "kangaroo") == set()
        writing.rollback()
    assert found(engine, "kangaroo") == set()
    assert found(engine, "lunch") == {"what-is-lunch-club", "lunch-club"}


def test_a_record_that_is_deleted_leaves_the_index(engine: Engine, folder: Folder) -> None:
    load(engine, folder(ask("Where is the kangaroo?")))

    with engine.begin() as connection:
        connection.execute(delete(models.Record).where(models.Record.id == "what-is-lunch-club"))
    assert found(engine, "kangaroo") == set()


def test_only_what_changed_is_encoded(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    counting = CountingEncoder()

    load(engine, folder(ask("Where is the kangaroo?")), cast("SentenceEncoder", counting))

    assert counting.encoded == 2  # the question and the answer


def test_a_new_date_is_no_reason_to_encode(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    counting = CountingEncoder()

    report = load(
        engine,
        folder(lambda files: files["records.yml"]["guidance"][0].update(as_of="2026-02")),
        cast("SentenceEncoder", counting),
    )

    assert (report.updated, counting.encoded) == (1, 0)


def test_texts_that_a_migration_made_are_made_anew_without_a_revision(engine: Engine, folder: Folder) -> None:
    load(engine, folder(ask("Where is the kangaroo?")))
    with sessions(engine).begin() as session:
        session.execute(delete(models.SearchPhrase))
        for row in session.scalars(select(models.SearchText)):
            row.asked, row.body, row.made_from = "", "", ""
    assert found(engine, "kangaroo") == set()

    report = load(engine, folder(ask("Where is the kangaroo?")))

    assert found(engine, "kangaroo") == {"what-is-lunch-club"}
    assert report.updated == 0
    with sessions(engine)() as session:
        phrases = select(func.count()).select_from(models.SearchPhrase)
        assert session.scalar(phrases.where(models.SearchPhrase.record_id == "what-is-lunch-club")) == 2


def test_many_records_at_once(engine: Engine, folder: Folder) -> None:
    many = [
        record(id=f"term-{n}", term=f"Word{n}", meaning="A word.", easy_read="Word.") for n in range(1200)
    ]
    load(engine, folder(lambda files: files["records.yml"].update(glossary=many)))
    ids = [word["id"] for word in many]

    with sessions(engine).begin() as session:
        words = [Findable(slug, [f"kangaroo {slug}"], [], []) for slug in ids]
        assert make_findable(session, words, WORDS) == 1200
        assert make_findable(session, words, WORDS) == 0
    assert found(engine, "kangaroo") == set(ids)

    with sessions(engine).begin() as session:
        make_unfindable(session, [*ids, "no-such-record"])
    assert found(engine, "kangaroo") == set()


def test_making_nothing_findable(engine: Engine) -> None:
    with sessions(engine).begin() as session:
        assert make_findable(session, [], WORDS) == 0
        make_unfindable(session, [])
