"""``helpline knowledge history``: what became of a record, from the database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from helpline.cli import main
from tests.knowledge.conftest import Folder, load, url_of

Files = dict[str, dict[str, Any]]


def first_answer(files: Files, **fields: Any) -> None:
    """Change fields of the record "what-is-lunch-club"."""
    files["records.yml"]["guidance"][0].update(fields)


@pytest.fixture
def store(engine: Engine, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store whose first answer was written, changed, taken out and brought back; its URL."""
    load(engine, folder())
    load(engine, folder(lambda files: first_answer(files, answer="Lunch, with help.", caveat="Ask first.")))
    load(engine, folder(lambda files: files["records.yml"]["guidance"].pop(0)))
    load(engine, folder(lambda files: first_answer(files, answer="Lunch and games.", caveat="Ask first.")))
    monkeypatch.setenv("HELPLINE_KNOWLEDGE_URL", url_of(engine))
    return url_of(engine)


def history(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["knowledge", "history", *words])


def test_each_change_is_told_with_what_was_and_what_is_the_newest_first(store: str) -> None:
    result = history("what-is-lunch-club")

    assert result.exit_code == 0
    heads = [line.split()[:2] for line in result.output.splitlines() if line.endswith("UTC")]
    assert heads == [["4", "updated"], ["3", "withdrawn"], ["2", "updated"], ["1", "created"]]
    newest, second = result.output.split("  3  withdrawn")
    # What came back is compared with what was there before it was taken out.
    assert newest.splitlines()[1:] == [
        "     answer",
        '       was: "Lunch, with help."',
        '       now: "Lunch and games."',
    ]
    assert '       now: "Ask first."' in second.splitlines()
    assert '       was: "An answer to: What happens at the lunch club?"' in second.splitlines()


def test_all_that_a_record_held_then(store: str) -> None:
    held = json.loads(history("what-is-lunch-club", "--revision", "1").output)
    at_its_end = json.loads(history("what-is-lunch-club", "--revision", "3").output)

    assert held["answer"] == "An answer to: What happens at the lunch club?"
    assert at_its_end["answer"] == "Lunch, with help."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no-such-record",), "There is no record 'no-such-record' in the store."),
        (("what-is-lunch-club", "--revision", "9"), "what-is-lunch-club has 4 revision(s), no number 9."),
    ],
)
def test_what_is_not_there_is_named(store: str, words: tuple[str, ...], said: str) -> None:
    result = history(*words)

    assert result.exit_code == 1
    assert said in result.output
