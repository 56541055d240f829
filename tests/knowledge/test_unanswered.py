"""Questions without an answer are kept for the editors, and nobody can be told from them."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from helpline.cli import main
from knowledge.database import migrate, open_engine, writing
from knowledge.dates import today
from knowledge.models import UnansweredQuestion
from knowledge.redaction import redacted
from knowledge.unanswered import forget_unanswered, note_unanswered, unanswered_questions

#: What a person wrote -> what must not be left of it.
TELLING = {
    "ring me on 0113 496 0000 or 07911123456": ["496", "07911"],
    "my number is +44 7911 123456": ["7911"],
    "email me jo.bloggs+send@example.co.uk": ["jo.bloggs", "example"],
    "we live at DE1 2AB": ["2AB"],
    "we are at 14 Station Road": ["Station"],
    "her NHS number is 943 476 5919": ["943", "5919"],
    "my NI number is QQ 12 34 56 C": ["34 56"],
    "he was born on 3 May 2017": ["May", "2017"],
    "my name is Jo Bloggs and I am tired": ["Jo", "Bloggs"],
    "my son is called Kasper": ["Kasper"],
    "Mrs Ahmed at school said no": ["Ahmed"],
    "my son Alfie's plan": ["Alfie"],
    "our file is 12345678": ["12345678"],
}


@pytest.mark.parametrize(("text", "gone"), TELLING.items(), ids=list(TELLING))
def test_what_could_tell_who_it_is_is_taken_out(text: str, gone: list[str]) -> None:
    left = redacted(text, names=["Alfie"])
    assert "[" in left
    for words in gone:
        assert words not in left


#: What an editor needs to read stays.
@pytest.mark.parametrize(
    "text",
    [
        "how long is the wait in DE23 for a 7 year old",
        "is there a group near Bakewell on Tuesdays at 10",
        "we asked on 3 March 2026 and it is 22 weeks now",
        "does the 0-25 team do EHC plans, section 36 and regulation 5(1)?",
    ],
)
def test_a_question_without_such_things_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@pytest.fixture
def store(tmp_path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{tmp_path}/knowledge.sqlite3")
    migrate(engine)
    return engine


def test_the_most_frequent_comes_first(store: Engine) -> None:
    for text in ("swimming lessons for autistic kids", "horse riding", "swimming lessons for autistic kids"):
        note_unanswered(store, text, "nothing_known", "support_peer_social", "derbyshire")

    first, second = unanswered_questions(store)

    assert (first.question, first.times) == ("swimming lessons for autistic kids", 2)
    assert (second.question, second.times, second.area) == ("horse riding", 1, "derbyshire")
    assert first.last_asked == today()


def test_only_what_is_old_is_forgotten(store: Engine) -> None:
    note_unanswered(store, "new", "not_understood", None, None)
    with writing(store).begin() as session:
        session.add(
            UnansweredQuestion(asked_on=today() - timedelta(days=40), question="old", reason="not_understood")
        )

    assert forget_unanswered(store, today() - timedelta(days=30)) == 1
    assert [one.question for one in unanswered_questions(store)] == ["new"]


def test_a_store_that_cannot_be_written_costs_nobody_their_reply(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/never-made.sqlite3")

    note_unanswered(engine, "anything", "nothing_known", None, None)  # no table is there


def test_the_command_lists_and_exports(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPLINE_KNOWLEDGE_URL", str(store.url))
    note_unanswered(store, "=HYPERLINK(1)", "out_of_scope", None, None)
    run = CliRunner()

    listed = run.invoke(main, ["knowledge", "unanswered"])
    assert listed.exit_code == 0
    assert "=HYPERLINK(1)  (out_of_scope)" in listed.output

    [row] = json.loads(run.invoke(main, ["knowledge", "unanswered", "--json"]).output)
    assert row["question"] == "=HYPERLINK(1)"
    assert row["times"] == 1

    [cells] = csv.DictReader(io.StringIO(run.invoke(main, ["knowledge", "unanswered", "--csv"]).output))
    assert cells["question"] == "'=HYPERLINK(1)"  # no formula in a spreadsheet

    later = str(today() + timedelta(days=1))
    assert (
        "Every question had an answer"
        in run.invoke(main, ["knowledge", "unanswered", "--since", later]).output
    )
