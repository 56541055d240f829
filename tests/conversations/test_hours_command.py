"""``helpline hours``: what is set on the command line is what the helpline knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
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


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[int, str]]:
    """Runs the doctor, whose other checks find nothing: its exit code and its line on school holidays."""
    for check in ("_encoder", "_bot", "_model", "_content", "_store", "_channels", "_machine"):
        monkeypatch.setattr(f"helpline.commands.doctor.{check}", lambda _: "fine")

    def run() -> tuple[int, str]:
        result = CliRunner().invoke(main, ["doctor"])
        [line] = [line for line in result.output.splitlines() if " school holidays: " in line]
        return result.exit_code, line

    return run


def record(first: int, last: int, area: str | None = None) -> None:
    """A school holiday from and to so many days from now."""
    days = [str(TODAY + timedelta(days=day)) for day in (first, last)]
    where = ("--area", area) if area else ()
    assert hours("add-school-holiday", *days, "Holiday", "--source", DATES, *where).exit_code == 0


def day(after: int) -> str:
    on = TODAY + timedelta(days=after)
    return f"{on.day} {on:%B %Y}"


def test_the_doctor_says_nothing_is_recorded(doctor: Callable[[], tuple[int, str]]) -> None:
    assert doctor() == (0, "ok     school holidays: none recorded, so nobody is told of any")


def test_the_doctor_reminds_60_days_before_the_last_school_holiday_is_over(
    doctor: Callable[[], tuple[int, str]],
) -> None:
    record(50, 61, "derbyshire")
    assert doctor() == (0, f"ok     school holidays: recorded until {day(61)}")
    record(5, 9, "herefordshire")
    record(50, 60, "herefordshire")
    command = "`helpline hours add-school-holiday FIRST LAST NAME --source PAGE --area herefordshire`"
    said = f"the last recorded for herefordshire ends on {day(60)}; record the next with {command}"
    assert doctor() == (0, f"soon   school holidays: {said}")


def test_the_doctor_reminds_of_what_holds_everywhere_and_of_what_is_over(
    doctor: Callable[[], tuple[int, str]], tmp_path: Path
) -> None:
    record(0, 3, "derbyshire")
    record(0, 10)
    with sqlite3.connect(tmp_path / "c.sqlite3") as connection:  # the year has gone by
        connection.execute("UPDATE school_holiday SET first_day = '2020-01-01', last_day = '2020-01-02'")
    code, line = doctor()
    assert code == 0
    assert "the last recorded for everywhere ends on 2 January 2020" in line
    assert "PAGE`;" in line
    assert "the last recorded for derbyshire ends on 2 January 2020" in line

    record(70, 80, "derbyshire")  # from now on by area: for everywhere nobody need record any
    assert doctor() == (0, f"ok     school holidays: recorded until {day(80)}")
    record(70, 90)  # holds in derbyshire too
    assert doctor() == (0, f"ok     school holidays: recorded until {day(90)}")
