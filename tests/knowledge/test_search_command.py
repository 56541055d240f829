"""``helpline knowledge search`` and ``helpline evaluate search``: what is printed, and wrong input named."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

import knowledge.search
from helpline.cli import main
from tests.knowledge.conftest import WORDS, Folder, guidance, load, service, url_of

Files = dict[str, dict[str, Any]]


def more(files: Files) -> None:
    """A few more records than the small content has."""
    files["records.yml"]["services"] += [
        service("Toddler club", max_age=4, areas=["derbyshire"]),
        service("Strict club", needs_diagnosis="yes"),
    ]
    files["records.yml"]["guidance"] += [
        guidance("teachers-ask", "Where is the club for teachers?", audience="professionals"),
    ]


@pytest.fixture
def store(engine: Engine, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> str:
    """A loaded store that the commands use; its URL."""
    load(engine, folder(more))
    monkeypatch.setenv("HELPLINE_KNOWLEDGE_URL", url_of(engine))
    monkeypatch.setattr(knowledge.search, "search_encoder", lambda: WORDS)
    return url_of(engine)


def helpline(*words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, words)


def test_a_line_says_rank_kind_closeness_date_id_and_title(store: str) -> None:
    result = helpline("knowledge", "search", "what happens at the lunch club?")

    assert result.exit_code == 0
    first = result.output.splitlines()[0]
    said = ["1", "guidance", "1.00", "as of January 2026", "what-is-lunch-club"]
    assert re.split(r"\s{2,}", first.strip()) == [*said, "What happens at the lunch club?"]
    assert [line.split()[0] for line in result.output.splitlines()] == ["1", "2", "3", "4", "5"]


def test_filters_of_the_command(store: str) -> None:
    def found(*options: str) -> set[str]:
        result = helpline("knowledge", "search", "club", "--limit", "50", *options)
        assert result.exit_code == 0
        return set(re.findall(r"as of .+?  (\S+)  ", result.output))

    everywhere = found("--kind", "service")
    assert everywhere == {"lunch-club", "strict-club"}
    assert found("--kind", "service", "--area", "derbyshire") == everywhere | {"toddler-club"}
    assert found("--kind", "service", "--area", "derbyshire", "--age", "9") == everywhere
    assert found("--kind", "service", "--no-diagnosis-needed") == {"lunch-club"}
    assert "teachers-ask" in found()
    assert "teachers-ask" not in found("--audience", "families")
    assert found("--topic", "wait_time") == {"long-waits"}


def test_nothing_found_is_said(store: str) -> None:
    result = helpline("knowledge", "search", "club", "--kind", "letter")

    assert (result.exit_code, result.output) == (0, "Nothing found.\n")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--area", "narnia", "There is no area 'narnia'. Use one of: derby-city, derbyshire, england, uk."),
        ("--topic", "zoo", "There is no topic 'zoo'. Use one of: support_school, wait_time."),
        ("--kind", "zoo", "There is no kind 'zoo'. Use one of: entitlement, glossary, guidance"),
        ("--audience", "zoo", "There is no audience 'zoo'. Use one of: adults, all, families"),
        ("--age", "900", "900 is not in the range"),
        ("--limit", "0", "0 is not in the range"),
    ],
)
def test_an_unknown_value_is_named_with_those_allowed(
    store: str, option: str, value: str, message: str
) -> None:
    result = helpline("knowledge", "search", "club", option, value)

    assert result.exit_code != 0
    assert message in result.output


def test_a_store_that_cannot_be_opened_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPLINE_KNOWLEDGE_URL", "postgresql://u:secret@127.0.0.1:9/x?connect_timeout=2")

    result = helpline("knowledge", "search", "club")

    assert result.exit_code == 1
    assert result.output.startswith("the knowledge store ")
    assert "secret" not in result.output
    assert "Traceback" not in result.output


# --- evaluate search ---


def questions(path: Path, *lines: dict[str, Any]) -> str:
    """A file of labelled questions."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def test_figures_of_a_labelled_set(store: str, tmp_path: Path) -> None:
    file = questions(
        tmp_path / "set.jsonl",
        {"text": "What happens at the lunch club?", "records": ["what-is-lunch-club"]},
        {"text": "What happens at the lunch club?", "records": ["derby-child"], "area": "derby-city"},
        {
            "text": "What happens at the lunch club?",
            "records": ["long-waits"],
            "also": ["what-is-lunch-club"],
        },
        {"text": "Toddler club", "area": "derbyshire", "age": 9, "records": ["toddler-club"]},
    )

    result = helpline("evaluate", "search", file, "--store", "--json", "--errors", str(tmp_path / "e.csv"))

    assert result.exit_code == 0, result.output
    scores = json.loads(result.output)
    assert scores["questions"] == 4
    assert scores["hit_at_1"] == 0.5
    misses = list(csv.DictReader((tmp_path / "e.csv").open(encoding="utf-8")))
    # Outside the ages: it cannot be found at all.
    assert [miss["rank"] for miss in misses if miss["records"] == "toddler-club"] == [""]
    assert all(miss["found"] for miss in misses)
    assert scores["hit_at_3"] == (4 - len(misses)) / 4
    # The third is helped by what was found, not answered in full.
    assert scores["in_full_at_3"] == scores["hit_at_3"] - 0.25
    assert scores["hit_at_1"] <= scores["mrr"] <= scores["hit_at_1"] + 0.25


def test_every_wrong_id_of_a_labelled_set_is_named(store: str, tmp_path: Path) -> None:
    file = questions(
        tmp_path / "set.jsonl",
        {"text": "one", "records": ["what-is-lunch-club"], "also": ["no-such-record"]},
        {"text": "two", "records": ["nor-this"], "area": "narnia"},
    )

    result = helpline("evaluate", "search", file, "--store")

    assert result.exit_code == 1
    assert "line 1, 'one': there is no record 'no-such-record'" in result.output
    assert "line 2, 'two': there is no record 'nor-this'" in result.output
    assert "line 2, 'two': there is no area 'narnia'" in result.output


@pytest.mark.parametrize(
    ("line", "field"),
    [({"text": "a"}, "records"), ({"text": "a", "records": []}, "records"), ({"records": ["x"]}, "text")],
)
def test_a_wrong_line_of_a_labelled_set_is_named(tmp_path: Path, line: dict[str, Any], field: str) -> None:
    result = helpline("evaluate", "search", questions(tmp_path / "set.jsonl", line), "--store")

    assert result.exit_code == 1
    assert f"line 1, {field}" in result.output
