"""``helpline knowledge waits``, as somebody at a council runs it."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from helpline.cli import main
from helpline.commands import waits as commands
from helpline.settings import ROOT
from knowledge import models
from knowledge.database import writing
from knowledge.load import add_revision
from knowledge.waits_csv import COLUMNS
from tests.knowledge.conftest import Folder, load, url_of

EXAMPLE = ROOT / "docs" / "examples" / "waits.csv"


def rename_pathway(files: dict[str, dict[str, Any]]) -> None:
    """The pathway that the example file names."""
    files["records.yml"]["pathways"][0]["id"] = "example-child-pathway"
    files["records.yml"]["waits"] = []


@pytest.fixture
def run(engine: Engine, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command against a store of the small content."""
    load(engine, folder(rename_pathway))
    monkeypatch.setenv("HELPLINE_KNOWLEDGE_URL", url_of(engine))

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(main, ["knowledge", "waits", *words])

    return invoke


def test_the_example_of_the_documents_is_taken_listed_and_taken_once(run: Any) -> None:
    first = run("import", str(EXAMPLE))
    again = run("import", str(EXAMPLE))
    listed = run("list", "--area", "derby-city")

    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert "3 new, 0 changed, 0 as before." in first.output
    assert "0 new, 0 changed, 3 as before." in again.output
    for words in ("40 weeks", "66.5 weeks", "1250 people", "2026-09", "Example NHS Foundation Trust"):
        assert words in listed.output
    assert "No figures for derbyshire" in run("list", "--area", "derbyshire").output


def test_a_dry_run_changes_nothing(run: Any) -> None:
    tried = run("import", str(EXAMPLE), "--dry-run")

    assert tried.exit_code == 0
    assert "Nothing was written. It would be: 3 new" in tried.output
    assert run("list").output.strip() == "No figures."


def test_a_row_that_is_not_taken_is_told_and_ends_with_one(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "waits.csv"
    file.write_text(EXAMPLE.read_text().replace(",40,", ",forty,"))

    done = run("import", str(file))

    assert done.exit_code == 1
    assert "left out: line 2, value: is not a number such as 33 or 33.5: 'forty'" in done.output
    assert "2 new" in done.output
    assert "1 row(s) not taken" in done.output


def test_a_conflict_is_told_and_replace_takes_it(run: Any, tmp_path: Path) -> None:
    run("import", str(EXAMPLE))
    file = tmp_path / "waits.csv"
    file.write_text(EXAMPLE.read_text().replace(",40,", ",44,"))

    refused = run("import", str(file))
    taken = run("import", str(file), "--replace")

    assert refused.exit_code == 1
    assert "conflict: line 2, value: the store has 40 weeks" in refused.output
    assert taken.exit_code == 0
    assert "44 weeks" in run("list").output


def test_a_file_of_another_kind_is_refused_in_one_line(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "waits.csv"
    file.write_text("name,number\nx,1\n")

    refused = run("import", str(file))

    assert refused.exit_code == 1
    assert refused.output.startswith("Nothing was taken: the header is not right")
    assert refused.output.count("\n") == 1


def test_a_figure_is_withdrawn_by_its_id(run: Any) -> None:
    run("import", str(EXAMPLE))
    [record_id] = re.findall(r"(waits-csv-\S*longest-wait\S*)", run("list").output)

    assert run("withdraw", record_id).exit_code == 0
    assert "longest-wait" not in run("list").output
    again = run("withdraw", record_id)
    assert (again.exit_code, record_id in again.output) == (1, True)


def test_a_store_that_cannot_be_opened_is_one_line(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a-folder").mkdir()
    monkeypatch.setenv("HELPLINE_KNOWLEDGE_URL", f"sqlite:///{tmp_path}/a-folder")

    refused = run("list")

    assert refused.exit_code == 1
    assert "cannot be opened" in refused.output


def test_the_documents_list_every_column_and_no_other() -> None:
    text = (ROOT / "docs" / "content.md").read_text()
    section = text.split("### Wait figures from a spreadsheet")[1].split("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (yes)? ?\|", section, re.MULTILINE)

    assert {name: must == "yes" for name, must in rows} == {
        name: required for name, (required, _) in COLUMNS.items()
    }
    assert set(EXAMPLE.read_text().splitlines()[0].split(",")) <= set(COLUMNS)


@pytest.mark.parametrize("name", ["import_waits", "withdraw_wait"])
def test_another_writer_waits_until_it_is_done(
    run: Any, engine: Engine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "withdraw_wait":
        assert run("import", str(EXAMPLE)).exit_code == 0
        record_id = re.findall(r"waits-csv-\S+", run("list").output)[0]
        words = ["withdraw", record_id]
    else:
        words = ["import", str(EXAMPLE)]
    work = getattr(commands, name)
    ended: list[str] = []

    def write_elsewhere() -> None:
        with writing(engine).begin() as session:
            add_revision(session, "example-child-pathway", "updated", {})
        ended.append("the other writer")

    other = threading.Thread(target=write_elsewhere)

    def meanwhile(session: Session, *given: Any, **named: Any) -> Any:
        session.scalars(select(models.Wait)).unique().all()
        other.start()
        other.join(0.5)
        assert ended == []
        return work(session, *given, **named)

    monkeypatch.setattr(commands, name, meanwhile)
    done = run(*words)
    other.join(30)

    assert done.exit_code == 0, (done.output, done.exception)
    assert ended == ["the other writer"]


def test_a_store_that_cannot_be_written_is_told_in_one_line(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(session: Session, *_given: Any, **_named: Any) -> None:
        session.execute(text("SELECT * FROM no_such_table"))

    monkeypatch.setattr(commands, "import_waits", fails)
    done = run("import", str(EXAMPLE))

    assert done.exit_code == 1
    assert "Nothing was taken: the knowledge store" in done.output
