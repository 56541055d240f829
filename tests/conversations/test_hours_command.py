"""``helpline hours``: what is set on the command line is what the helpline knows."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conversations.opening import LOCAL_TIME
from helpline.cli import main

DATES = "https://www.example.gov.uk/term-dates"
TODAY = datetime.now(LOCAL_TIME).date()
FIRST, LAST = str(TODAY), str(TODAY + timedelta(days=9))


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPLINE_CONVERSATIONS_URL", f"sqlite:///{tmp_path}/c.sqlite3")


def hours(*words: str) -> Result:
    return CliRunner().invoke(main, ["hours", *words])


def test_a_school_holiday_is_added_shown_and_removed() -> None:
    add = ("add-school-holiday", FIRST, LAST, "Half term", "--source", DATES)
    assert hours(*add, "--area", "derbyshire").exit_code == 0
    assert hours(*add).exit_code == 0
    shown = hours("show").output
    assert f"No school:     {FIRST} to {LAST}: Half term, derbyshire ({DATES}) [1]" in shown
    assert f"Half term, everywhere ({DATES}) [2]" in shown

    assert hours("remove-school-holiday", "1").exit_code == 0
    shown = hours("show").output
    assert "derbyshire" not in shown
    assert "everywhere" in shown
    again = hours("remove-school-holiday", "1")
    assert again.exit_code == 1
    assert "no such school holiday" in again.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((LAST, FIRST, "Half term", "--source", DATES), "before its first day"),
        ((FIRST, LAST, "Half term", "--source", "council website"), "https://"),
        ((FIRST, LAST, "Half term"), "--source"),
        ((FIRST, "Monday", "Half term", "--source", DATES), "Monday"),
        ((FIRST, LAST, "Half term", "--source", DATES, "--area", "leicester"), "leicester"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_recorded(words: tuple[str, ...], says: str) -> None:
    refused = hours("add-school-holiday", *words)
    assert refused.exit_code != 0
    assert says in refused.output
    assert "No school" not in hours("show").output
