"""A council's wait figures: bad rows named, good ones kept, nothing twice, nothing half-done."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from knowledge import models
from knowledge.database import sessions
from knowledge.queries.waits import reported_waits, wait_series
from knowledge.waits_csv import COLUMNS, MAX_BYTES, FileRefused, read_table
from knowledge.waits_import import ORIGIN, ImportReport, NotThere, import_waits, withdraw_wait
from tests.knowledge.conftest import Folder, load

NOW = date(2026, 11, 22)

HEADER = "pathway,measure,value,as_of,source_title,source_publisher,source_url,note\n"
END = ',Waits,A council,https://council.example/waits,"Counted, by us"\n'
TWO = f"{HEADER}derby-child,average-wait,41,2026-09{END}derby-child,longest-wait,88.5,2026-09{END}"

#: Imports a text (or bytes) as a file and commits.
Importing = Callable[..., ImportReport]


@pytest.fixture
def store(engine: Engine, folder: Folder) -> Engine:
    """The small content, loaded: its Derby children wait 10 weeks on average (January 2026)."""
    load(engine, folder())
    return engine


@pytest.fixture
def importing(store: Engine, tmp_path: Path) -> Importing:
    def run(content: str | bytes, *, replace: bool = False, **for_the_file: str) -> ImportReport:
        file = tmp_path / "waits.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        table = read_table(file)
        with sessions(store).begin() as session:
            return import_waits(session, table, for_the_file, replace=replace, now=NOW)

    return run


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged


def values(engine: Engine) -> dict[tuple[str, str], Decimal]:
    """(measure, as of) -> value of Derby's published figures."""
    with sessions(engine)() as session:
        return {(row.measure, row.as_of): row.value for row in reported_waits(session, "derby-city")}


def everything(engine: Engine) -> list[str]:
    """Every row that an import could touch."""
    with sessions(engine)() as session:
        records = session.execute(select(models.Record.id, models.Record.status, models.Record.content_hash))
        found = [str(tuple(row)) for row in records]
        for table in (models.Revision, models.Source, models.Citation):
            number = session.scalar(select(func.count()).select_from(table))
            found += [f"{table.__name__}: {number}"]
    return sorted(found)


# --- what goes in ---


def test_figures_are_stored_with_source_date_and_place(importing: Importing, store: Engine) -> None:
    report = importing(TWO)

    assert counts(report) == (2, 0, 0)
    assert report.problems == report.conflicts == []
    with sessions(store)() as session:
        found = wait_series(session, "derby-city", "child")
    average, longest = (wait for series in found for wait in series.newest if wait.origin == ORIGIN)
    assert (average.value, average.unit, average.as_of) == (Decimal(41), "weeks", "2026-09")
    assert longest.value == Decimal("88.50")
    assert average.origin == ORIGIN
    assert average.note == "Counted, by us"
    assert [area.area_id for area in average.areas] == ["derby-city"]
    assert average.citations[0].source.url == "https://council.example/waits"
    assert average.review_by == date(2027, 9, 30)


def test_older_figures_stay_as_history(importing: Importing, store: Engine) -> None:
    importing(TWO, subject="Assessment")  # the content's figure is for "assessment"

    with sessions(store)() as session:
        [series] = wait_series(session, "derby-city", "child")
    assert [(wait.as_of, wait.value) for wait in series.averages] == [("2026-09", 41), ("2026-01", 10)]
    assert [wait.as_of for wait in series.newest] == ["2026-09", "2026-09"]
    assert [wait.as_of for wait in series.older] == ["2026-01"]


def test_the_same_file_again_changes_nothing(importing: Importing, store: Engine) -> None:
    importing(TWO)
    before = everything(store)

    report = importing(TWO)

    assert counts(report) == (0, 0, 2)
    assert report.conflicts == []
    assert everything(store) == before


def test_another_value_is_a_conflict_and_is_not_taken(importing: Importing, store: Engine) -> None:
    importing(TWO)
    before = everything(store)

    report = importing(TWO.replace(",41,", ",44,"))

    assert counts(report) == (0, 0, 1)
    [conflict] = report.conflicts
    assert (conflict.line, conflict.value) == (2, "44 weeks")
    assert "41 weeks" in conflict.what
    assert everything(store) == before


def test_replace_takes_the_file_s_value_and_keeps_the_old_one_as_a_revision(
    importing: Importing, store: Engine
) -> None:
    importing(TWO)
    report = importing(TWO.replace(",41,", ",44,"), replace=True)

    assert counts(report) == (0, 1, 1)
    assert values(store)["average-wait", "2026-09"] == 44
    with sessions(store)() as session:
        kept = session.scalars(
            select(models.Revision)
            .where(models.Revision.record_id.like(f"{ORIGIN}%average%"))
            .order_by(models.Revision.number)
        ).all()
    assert [revision.content["value"] for revision in kept] == ["41", "44"]


def test_other_words_for_the_same_figure_are_told_too(importing: Importing) -> None:
    importing(TWO)

    [conflict, _] = importing(TWO.replace("Counted, by us", "Counted by us")).conflicts

    assert "another note" in conflict.what


def test_what_the_content_files_say_is_changed_there(importing: Importing, store: Engine) -> None:
    row = "derby-child,average-wait,{},2026-01,assessment,Waits,A council\n"
    header = "pathway,measure,value,as_of,subject,source_title,source_publisher\n"

    same = importing(header + row.format("10.00"))
    other = importing(header + row.format("11"), replace=True)

    assert counts(same) == (0, 0, 1)
    assert counts(other) == (0, 0, 0)
    assert "derby-wait" in other.conflicts[0].what
    assert values(store)["average-wait", "2026-01"] == 10


def test_loading_the_content_leaves_imported_figures_alone(
    importing: Importing, store: Engine, folder: Folder
) -> None:
    importing(TWO)
    load(store, folder())

    assert values(store)["average-wait", "2026-09"] == 41


def test_a_date_that_content_and_a_file_tell_has_the_one_figure_of_the_content(
    importing: Importing, store: Engine, folder: Folder
) -> None:
    def later(files: dict[str, dict[str, Any]]) -> None:
        [known] = [wait for wait in files["records.yml"]["waits"] if wait["id"] == "derby-wait"]
        files["records.yml"]["waits"].append({**known, "id": "derby-later", "value": 44, "as_of": "2026-09"})

    importing(TWO, subject="Assessment")
    load(store, folder(later))

    with sessions(store)() as session:
        [series] = wait_series(session, "derby-city", "child")
    assert [(wait.as_of, wait.value) for wait in series.averages] == [("2026-09", 44), ("2026-01", 10)]
    assert [wait.as_of for wait in series.longest] == ["2026-09"]


def test_a_figure_can_be_withdrawn_and_taken_up_again(importing: Importing, store: Engine) -> None:
    importing(TWO)
    with sessions(store)() as session:
        ids = {row.measure: row.id for row in reported_waits(session, "derby-city") if row.origin == ORIGIN}
    with sessions(store).begin() as session:
        withdraw_wait(session, ids["average-wait"])
    assert ("average-wait", "2026-09") not in values(store)

    assert "withdrawn" in importing(TWO).conflicts[0].what
    assert counts(importing(TWO, replace=True)) == (0, 1, 1)
    assert values(store)["average-wait", "2026-09"] == 41


@pytest.mark.parametrize("record_id", ["derby-wait", "nothing-like-this"])
def test_only_a_figure_from_a_file_can_be_withdrawn(store: Engine, record_id: str) -> None:
    with sessions(store).begin() as session, pytest.raises(NotThere, match=record_id):
        withdraw_wait(session, record_id)
    assert ("average-wait", "2026-01") in values(store)


def test_nothing_is_seen_before_the_commit(store: Engine, tmp_path: Path) -> None:
    file = tmp_path / "waits.csv"
    file.write_text(TWO)
    before = everything(store)
    with sessions(store)() as session:
        report = import_waits(session, read_table(file), {}, now=NOW)
        session.rollback()

    assert report.created == 2
    assert everything(store) == before


def test_source_and_date_may_be_given_for_the_whole_file(importing: Importing, store: Engine) -> None:
    text = "Pathway,Measure,Value\nderby-child,average-wait,41\n"

    assert {problem.column for problem in importing(text).problems} == {"as_of", "source"}
    assert counts(importing(text, as_of="2026-09", source="a-leaflet")) == (1, 0, 0)
    with sessions(store)() as session:
        [wait] = [row for row in reported_waits(session, "derby-city") if row.origin == ORIGIN]
    assert wait.citations[0].source.title == "A leaflet"


@pytest.mark.parametrize("value", ["4" * 40, "0." + "3" * 40, "9" * 27 + ".25"])
def test_a_number_of_very_many_digits_is_named(importing: Importing, value: str) -> None:
    report = importing(f"{HEADER}derby-child,average-wait,{value},2026-09{END}")

    assert [problem.column for problem in report.problems] == ["value"]
    assert counts(report) == (0, 0, 0)


def test_every_measure_has_its_unit(importing: Importing, store: Engine) -> None:
    measures = {
        "people-waiting": "people",
        "referrals": "per month",
        "assessments-funded": "per month",
        "share-in-time": "%",
    }
    rows = "".join(f"derby-child,{measure},26,2026-09{END}" for measure in measures)

    assert counts(importing(HEADER + rows)) == (4, 0, 0)
    with sessions(store)() as session:
        found = {row.measure: row.unit for row in reported_waits(session, None) if row.origin == ORIGIN}
    assert found == measures


# --- what stays out: (row, column named, words of the message) ---

BAD_ROWS: list[tuple[str, str | None, str]] = [
    (f"derby-chidl,average-wait,41,2026-09{END}", "pathway", "did you mean derby-child"),
    (f"nowhere,average-wait,41,2026-09{END}", "pathway", "known are derby-child"),
    (f",average-wait,41,2026-09{END}", "pathway", "is missing"),
    (f"derby-child,mean,41,2026-09{END}", "measure", "none of"),
    (f"derby-child,standard,41,2026-09{END}", "measure", "none of"),
    (f"derby-child,average-wait,,2026-09{END}", "value", "is missing"),
    (f"derby-child,average-wait,41 weeks,2026-09{END}", "value", "not a number"),
    (f'derby-child,average-wait,"41,5",2026-09{END}', "value", "not a number"),
    (f"derby-child,average-wait,n/a,2026-09{END}", "value", "not a number"),
    (f"derby-child,average-wait,NaN,2026-09{END}", "value", "not a number"),
    (f"derby-child,average-wait,1e3,2026-09{END}", "value", "not a number"),
    (f"derby-child,average-wait,41.333,2026-09{END}", "value", "two decimal"),
    (f"derby-child,average-wait,-4,2026-09{END}", "value", "less than nothing"),
    (f"derby-child,average-wait,0,2026-09{END}", "value", "no wait lasts"),
    (f"derby-child,average-wait,4100,2026-09{END}", "value", "no wait lasts"),
    (f"derby-child,share-in-time,101,2026-09{END}", "value", "more than there can be"),
    (f"derby-child,average-wait,=40+1,2026-09{END}", "value", "formula"),
    (f"derby-child,average-wait,+41,2026-09{END}", "value", "formula"),
    ('derby-child,average-wait,41,2026-09,Waits,A council,,"=HYPERLINK(""x"")"\n', "note", "formula"),
    ("derby-child,average-wait,41,2026-09,Waits,A council,,@SUM(1)\n", "note", "formula"),
    ("derby-child,average-wait,41,2026-09,Waits,A council,,ring 01632 960001\n", "note", "number"),
    (f"derby-child,average-wait,41,2027-01{END}", "as_of", "has not come yet"),
    (f"derby-child,average-wait,41,2026-13{END}", "as_of", "no date"),
    (f"derby-child,average-wait,41,31/02/2026{END}", "as_of", "no date"),
    (f"derby-child,average-wait,41,last month{END}", "as_of", "no date"),
    (f"derby-child,average-wait,41,{END}", "as_of", "is missing"),
    ("derby-child,average-wait,41,2026-09,Waits,,,\n", "source", "is missing"),
    ("derby-child,average-wait,41,2026-09,Waits,A council,javascript:x,\n", "source_url", "no web address"),
    (f"derby-child,average-wait,41,2026-09,x{END}", None, "cells"),
    ("derby-child,average-wait,41,2026-09,Waits,A council,,a\x07bell\n", "note", "no text"),
    (f"derby-child,average-wait,41,2026-09,Waits,A council,,{'x' * 3000}\n", "note", "longer than"),
]


@pytest.mark.parametrize(("row", "column", "words"), BAD_ROWS)
def test_a_bad_row_is_named_and_the_good_ones_kept(
    importing: Importing, store: Engine, row: str, column: str | None, words: str
) -> None:
    report = importing(TWO + row)

    assert counts(report) == (2, 0, 0)
    assert [(problem.line, problem.column) for problem in report.problems] == [(4, column)]
    assert words in str(report.problems[0])
    assert len(values(store)) == 3


def test_cohort_and_unit_must_fit(importing: Importing) -> None:
    header = "pathway,cohort,measure,value,unit,as_of,source\n"
    rows = (
        "derby-child,adult,average-wait,41,weeks,2026-09,a-leaflet\n"
        "derby-child,everybody,average-wait,41,weeks,2026-09,a-leaflet\n"
        "derby-child,Child,average-wait,41,people,2026-09,a-leaflet\n"
        "derby-child,child,average-wait,41,Weeks,2026-09,no-such-source\n"
        "derby-child,Child,average-wait,9.5,months,2026-09,a-leaflet\n"
    )
    report = importing(header + rows)

    assert [(problem.line, problem.column) for problem in report.problems] == [
        (2, "cohort"),
        (3, "cohort"),
        (4, "unit"),
        (5, "source"),
    ]
    assert counts(report) == (1, 0, 0)


def test_every_problem_of_a_row_is_told_at_once(importing: Importing) -> None:
    report = importing(f"{HEADER}derby-child,mean,many,soon{END}")

    assert {problem.column for problem in report.problems} == {"measure", "value", "as_of"}


def test_a_figure_that_a_file_tells_twice(importing: Importing) -> None:
    rows = TWO.splitlines(keepends=True)
    same = importing("".join([*rows, rows[1]]))
    other = importing("".join([*rows, rows[1].replace(",41,", ",42,")]))

    assert counts(same) == (2, 0, 1)
    assert [(problem.line, problem.what) for problem in other.problems] == [
        (4, "line 2 tells the same figure otherwise")
    ]


def test_what_a_message_shows_cannot_steer_a_terminal(importing: Importing) -> None:
    [problem] = importing(f"{HEADER}\x1b[2Jderby,average-wait,41,2026-09{END}").problems

    assert "\x1b" not in str(problem)


# --- how files come ---

PLAIN = "pathway,measure,value,as_of,source_title,source_publisher\n"
ROW = "derby-child,average-wait,41,2026-09,Café – waits,A council\n"

FORMS: dict[str, bytes] = {
    "UTF-8": (PLAIN + ROW).encode(),
    "byte order mark": b"\xef\xbb\xbf" + (PLAIN + ROW).encode(),
    "Windows-1252": (PLAIN + ROW).encode("cp1252"),
    "UTF-16 with tabs": (PLAIN + ROW).replace(",", "\t").encode("utf-16"),
    "semicolons": (PLAIN + ROW).replace(",", ";").encode(),
    "CRLF": (PLAIN + ROW).replace("\n", "\r\n").encode(),
    "CR": (PLAIN + ROW).replace("\n", "\r").encode(),
    "no line end at the end": (PLAIN + ROW).strip().encode(),
    "empty lines": f"\n\n{PLAIN}\n,,,,,\n\n{ROW}\n\n".encode(),
    "a separator line": f"sep=;\r\n{(PLAIN + ROW).replace(',', ';')}".encode(),
    "spaces around": (PLAIN + ROW).replace(",", " , ").encode(),
    "a header for people": (PLAIN.replace("as_of", "As of").replace("pathway", "PATHWAY") + ROW).encode(),
    "empty columns at the end": (PLAIN + ROW).replace("\n", ",,,\n").encode(),
    "quoted": "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in (PLAIN + ROW).splitlines()
    ).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_however_it_was_saved(importing: Importing, store: Engine, form: str) -> None:
    report = importing(FORMS[form])

    assert report.problems == []
    assert counts(report) == (1, 0, 0)
    with sessions(store)() as session:
        titles = session.scalars(select(models.Source.title).where(models.Source.id.like(f"{ORIGIN}%"))).all()
    assert titles == ["Café – waits"]


@pytest.mark.parametrize("said", ["2026-10-31", "31/10/2026", "Oct 2026", "October 2026", "Oct-26", "2026"])
def test_dates_as_spreadsheets_write_them(importing: Importing, store: Engine, said: str) -> None:
    importing(HEADER + f"derby-child,average-wait,41,{said}{END}")

    expected = {"2026": "2026"}.get(said, "2026-10-31" if "31" in said else "2026-10")
    assert ("average-wait", expected) in values(store)


REFUSED: list[tuple[str | bytes, str]] = [
    ("", "is empty"),
    ("\n\n", "is empty"),
    ("a,b,c\n1,2,3\n", "header"),
    ("pathway,measure,valeu,as_of\n", "did you mean 'value'"),
    ("pathway,measure,value,value,as_of\n", "twice"),
    ("pathway,value,as_of\n", "'measure' is missing"),
    (TWO + 'derby-child,"average-wait,41\n', "line 4"),
    (b"PK\x03\x04rest of a workbook", "save it as CSV"),
    (b"\x00\x01\x02", "not a text file"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED)
def test_a_file_that_cannot_be_understood_is_refused_whole(
    importing: Importing, store: Engine, content: str | bytes, words: str
) -> None:
    before = everything(store)
    with pytest.raises(FileRefused, match=words):
        importing(content)
    assert everything(store) == before


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.csv"
    with file.open("wb") as made:
        made.truncate(MAX_BYTES + 1)
    with pytest.raises(FileRefused, match="larger than"):
        read_table(file)


def test_a_file_of_very_many_rows_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text(PLAIN + "a,b,1,2026,c,d\n" * 20_001)
    with pytest.raises(FileRefused, match="more than 20000 rows"):
        read_table(file)


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=8), max_size=5)
)
def test_whatever_the_cells_hold_each_row_is_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    file = tmp_path_factory.mktemp("any") / "waits.csv"
    out = io.StringIO()
    csv.writer(out).writerows([list(COLUMNS)[:6], *rows])
    file.write_bytes(out.getvalue().encode())
    try:
        table = read_table(file)
    except FileRefused:
        assert any("\x00" in cell for row in rows for cell in row)
        return
    told = len(table.rows) + len({problem.line for problem in table.problems})
    assert told == sum(any(cell.strip() for cell in row) for row in rows)


def test_the_session_may_go_on_after_an_import(store: Engine, tmp_path: Path) -> None:
    file = tmp_path / "waits.csv"
    file.write_text(TWO)
    with sessions(store).begin() as session:
        import_waits(session, read_table(file), {}, now=NOW)
        again = import_waits(session, read_table(file), {}, now=NOW)
        assert isinstance(session, Session)

    assert counts(again) == (0, 0, 2)
