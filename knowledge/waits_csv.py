"""Reading a file of wait figures: a council's monthly table as its spreadsheet saves it.

Whatever is wrong with one row is told with its line and column, and the other rows are read. A file that
cannot be understood as a whole (no text, another header, a quotation mark that is never closed) is refused.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from dateutil.relativedelta import relativedelta

from knowledge.dates import say_partial, today
from knowledge.periods import Period
from knowledge.waits import WAIT_UNITS, in_weeks

#: Each column: whether every row needs it (a value for the whole file may stand in), and what it holds.
COLUMNS: dict[str, tuple[bool, str]] = {
    "pathway": (True, "id of a pathway in the store; the figure holds in its areas"),
    "cohort": (False, "child or adult; the pathway's own if left out"),
    "measure": (
        True,
        "average-wait, longest-wait, people-waiting, referrals, assessments-funded or share-in-time",
    ),
    "subject": (False, "what is waited for; autism assessment if left out"),
    "value": (True, "a number, with two decimal places at most"),
    "unit": (
        False,
        "weeks, days, months or years for a wait (weeks if left out); fixed for the other measures",
    ),
    "as_of": (True, "when it was true: 2026-10, 2026-10-31, 31/10/2026, Oct 2026 or 2026"),
    "source": (False, "id of a source that is in the store"),
    "source_title": (False, "what the document or page is called"),
    "source_publisher": (False, "who published it"),
    "source_url": (False, "its address, if it has one"),
    "source_published": (False, "when it was published, as exactly as as_of"),
    "locator": (False, "where in the source: table 2, page 4"),
    "note": (False, "what the figure does not tell; said with it"),
    "caveat": (False, "what may have changed, and where to check"),
    "review_by": (False, "a day by which somebody looks at it again; a year after as_of if left out"),
}

#: Monthly figures are a few lines; more than this is another file.
MAX_BYTES = 5_000_000
MAX_ROWS = 20_000
_MAX_CELL = 2_000

#: For each measure: its units, the usual one first.
_UNITS: dict[str, tuple[str, ...]] = {
    "average-wait": ("weeks", "days", "months", "years"),
    "longest-wait": ("weeks", "days", "months", "years"),
    "people-waiting": ("people",),
    "referrals": ("per month",),
    "assessments-funded": ("per month",),
    "share-in-time": ("%",),
}
_MOST_WEEKS = 1040  # twenty years: more is a slip of the unit
_MOST_OF_ANYTHING = 10_000_000
_MAX_SIGNS = 20  # decimal arithmetic is exact to 28

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")
_UK_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_MONTH_YEAR = re.compile(r"([A-Za-z]{3,9})[ -](\d{4}|\d{2})")
_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?")
#: A spreadsheet would work these out; and whoever opens the list in one would run them.
_FORMULA = re.compile(r"[=+@\t\r]|-(?!\s|\d)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class FileRefused(ValueError):
    """The file as a whole cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Problem:
    """Why one row is left out."""

    line: int  # in the file, the header's being 1
    column: str | None
    what: str
    value: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        # Escaped: a file may hold anything, and this goes to a terminal.
        shown = self.value if len(self.value) <= 60 else f"{self.value[:60]}..."
        return f"{where}: {self.what}" + (f": {shown!r}" if self.value else "")


class RowRefused(ValueError):
    """One row cannot be used; ``problems`` says why."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


@dataclass(frozen=True)
class Row:
    """One row that is not empty: each known column with its text, stripped."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """What a file holds."""

    rows: list[Row]
    problems: list[Problem]
    encoding: str  # "utf-8", "utf-16" or "cp1252"


@dataclass(frozen=True)
class Figure:
    """A row whose own values are right; pathway and source are looked up later."""

    line: int
    pathway: str
    cohort: str | None
    measure: str
    subject: str
    value: Decimal
    unit: str
    as_of: str
    review_by: date
    cells: Mapping[str, str]  # source columns, locator, note, caveat


def read_table(path: Path) -> Table:
    """Read a CSV file: comma, semicolon or tab between; UTF-8, UTF-16 or Windows-1252; any line ends.

    Raises:
        FileRefused: it is no such file, or its header is not ours.
    """
    if path.stat().st_size > MAX_BYTES:
        raise FileRefused(
            f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB: that is no table of wait figures"
        )
    text, encoding = _decode(path)
    lines = io.StringIO(text, newline="")
    first = lines.readline()
    # Some spreadsheets put a line that names the separator before the header.
    skipped = 1 if re.match(r"sep=.\s*$", first, re.IGNORECASE) else 0
    delimiter = _delimiter(lines.readline() if skipped else first)
    lines.seek(len(first) if skipped else 0)
    header: list[str] | None = None
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, cells in _records(lines, delimiter, skipped):
        if not any(cells):
            continue
        if header is None:
            header = _header(cells)
        else:
            try:
                rows.append(_row(line, cells, header))
            except RowRefused as error:
                problems += error.problems
            if len(rows) > MAX_ROWS:
                raise FileRefused(
                    f"{path.name} has more than {MAX_ROWS} rows: that is no table of wait figures"
                )
    if header is None:
        raise FileRefused(f"{path.name} is empty: its first line names the columns {', '.join(_required())}")
    return Table(rows, problems, encoding)


def _decode(path: Path) -> tuple[str, str]:
    raw = path.read_bytes()
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise FileRefused(f"{path.name} is a spreadsheet: save it as CSV first")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text, encoding = raw.decode("utf-16", errors="replace"), "utf-16"
    else:
        try:
            text, encoding = raw.decode("utf-8-sig"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = raw.decode("cp1252", errors="replace"), "cp1252"
    if "\x00" in text:
        raise FileRefused(f"{path.name} is not a text file: save the table as CSV")
    return text, encoding


def _delimiter(header: str) -> str:
    """The separator that makes the most known columns of the header."""
    return max(",;\t", key=lambda sign: sum(_name(cell) in COLUMNS for cell in header.split(sign)))


def _records(lines: io.StringIO, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line of the file on which it begins, its cells stripped."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileRefused(f"line {line}: its cells or quotation marks are broken ({error})") from error
        yield line, [cell.strip() for cell in cells]


def _name(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", cell.strip().strip('"').lower())


def _required() -> list[str]:
    return [name for name, (required, _) in COLUMNS.items() if required]


def _header(cells: list[str]) -> list[str]:
    names = [_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    unknown = [name for name in names if name not in COLUMNS]
    twice = sorted({name for name in names if names.count(name) > 1})
    # as_of may be given for the whole file; then a row need not have it.
    missing = [name for name in _required() if name not in names and name != "as_of"]
    said = []
    for name in unknown:
        close = difflib.get_close_matches(name, COLUMNS, n=1)
        said.append(f"{name!r} is no column" + (f" (did you mean {close[0]!r}?)" if close else ""))
    said += [f"{name!r} is there twice" for name in twice if name in COLUMNS]
    said += [f"{name!r} is missing" for name in missing]
    if said:
        raise FileRefused(f"the header is not right: {'; '.join(said)}. The columns are {', '.join(COLUMNS)}")
    return names


def _row(line: int, cells: list[str], header: list[str]) -> Row:
    if any(cells[len(header) :]):
        raise RowRefused(Problem(line, None, f"it has {len(cells)} cells and the header {len(header)}"))
    named = dict(zip(header, [*cells, *[""] * len(header)], strict=False))
    problems = []
    for column, text in named.items():
        if len(text) > _MAX_CELL:
            problems.append(Problem(line, column, f"longer than {_MAX_CELL} characters", text))
        elif _CONTROL.search(text) or "\ufffd" in text:
            problems.append(Problem(line, column, "has characters that are no text", text))
        elif _FORMULA.match(text):
            problems.append(Problem(line, column, "a formula, not what it comes to", text))
    if problems:
        raise RowRefused(*problems)
    return Row(line, {column: text for column, text in named.items() if text})


def read_figure(row: Row, for_the_file: Mapping[str, str], now: date | None = None) -> Figure:
    """A row's own values, checked.

    Args:
        row: from ``read_table``.
        for_the_file: values for the columns that a row leaves empty.
        now: a figure of a later day is refused; today in the UK if not given.

    Raises:
        RowRefused: with every problem of the row.
    """
    now = now or today()
    cells = {**for_the_file, **row.cells}
    problems: list[Problem] = []

    def refuse(column: str, what: str) -> None:
        problems.append(Problem(row.line, column, what, cells.get(column, "")))

    for column in _required():
        if column not in cells:
            refuse(column, "is missing")
    if "source" not in cells and not {"source_title", "source_publisher"} <= cells.keys():
        refuse("source", "is missing: give source, or source_title and source_publisher")
    measure = cells.get("measure", "").lower()
    if measure and measure not in _UNITS:
        refuse("measure", f"is none of {', '.join(_UNITS)}")
    cohort = cells.get("cohort", "").lower() or None
    if cohort not in (None, "child", "adult"):
        refuse("cohort", "is neither child nor adult")
    units = _UNITS.get(measure, ())
    unit = cells.get("unit", units[0] if units else "").lower()
    if units and unit not in units:
        refuse("unit", f"{measure} is told in {' or '.join(units)}, not in this")
    value = _value(cells.get("value"), measure, unit, refuse)
    as_of = _partial(cells.get("as_of"), "as_of", now, refuse)
    review_by = _review_by(cells.get("review_by"), as_of, refuse)
    if "source_published" in cells:
        published = _partial(cells["source_published"], "source_published", now, refuse)
        cells["source_published"] = published or ""
    if not re.fullmatch(r"https?://\S+", cells.get("source_url", "https://x")):
        refuse("source_url", "is no web address")
    if problems or value is None or as_of is None or review_by is None:
        raise RowRefused(*problems)
    return Figure(
        row.line,
        cells["pathway"],
        cohort,
        measure,
        " ".join(cells.get("subject", "autism assessment").split()),
        value,
        unit,
        as_of,
        review_by,
        cells,
    )


_Refuse = Callable[[str, str], None]


def _value(text: str | None, measure: str, unit: str, refuse: _Refuse) -> Decimal | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        refuse("value", "is not a number such as 33 or 33.5")
        return None
    if len(text) > _MAX_SIGNS:
        refuse("value", f"has more than {_MAX_SIGNS} signs: no figure is so long")
        return None
    value = Decimal(text.replace(",", ""))
    if value != round(value, 2):
        refuse("value", "has more than two decimal places")
    elif value < 0:
        refuse("value", "is less than nothing")
    elif measure in ("average-wait", "longest-wait") and unit in WAIT_UNITS:
        if not 0 < in_weeks(value, unit) <= _MOST_WEEKS:
            refuse("value", f"no wait lasts {value} {unit}")
    elif value > (100 if measure == "share-in-time" else _MOST_OF_ANYTHING):
        refuse("value", "is more than there can be")
    # Written the one way: 33, 33.0 and 33.00 are the same figure.
    return Decimal(f"{value.normalize():f}")


def _partial(text: str | None, column: str, now: date, refuse: _Refuse) -> str | None:
    """A date as a partial ISO date: also in the forms into which spreadsheets turn "2026-10"."""
    if text is None:
        return None
    partial = text
    if day := _UK_DAY.fullmatch(text):
        partial = f"{day[3]}-{int(day[2]):02}-{int(day[1]):02}"
    elif month := _MONTH_YEAR.fullmatch(text):
        number = next((n for n, name in enumerate(_MONTHS, 1) if month[1].lower().startswith(name)), 0)
        partial = f"{month[2] if len(month[2]) == 4 else f'20{month[2]}'}-{number:02}"
    try:
        if not _ISO.fullmatch(partial):
            raise ValueError
        begun = Period.of(partial).first
    except ValueError:
        refuse(column, "is no date such as 2026-10, 2026-10-31 or 31/10/2026")
        return None
    if begun > now:
        refuse(column, f"{say_partial(partial)} has not come yet")
        return None
    return partial


def _review_by(text: str | None, as_of: str | None, refuse: _Refuse) -> date | None:
    if text is None:
        # Reckoned from the figure, not from today: the same file says the same tomorrow.
        return Period.of(as_of).last + relativedelta(years=1) if as_of else None
    day = _UK_DAY.fullmatch(text)
    try:
        return date(int(day[3]), int(day[2]), int(day[1])) if day else date.fromisoformat(text)
    except ValueError:
        refuse("review_by", "is no day such as 2027-03-31 or 31/03/2027")
        return None
