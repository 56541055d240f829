"""Taking a council's wait figures into the store: good rows kept, bad ones named, nothing twice.

A figure is one pathway, cohort, measure, subject and date. The same figure again changes nothing; another
value for it is a conflict, and is taken only when that is asked for. The rows have an origin of their own:
loading the content files leaves them alone.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge import models
from knowledge.check import said_badly
from knowledge.content_schema import Citation, Freshness, Source, Wait
from knowledge.load import add_revision, digest_of, put_record
from knowledge.waits import say_amount
from knowledge.waits_csv import Figure, Problem, RowRefused, Table, read_figure

#: Marks the rows that come from files of wait figures.
ORIGIN = "waits-csv"

#: Pathway, cohort, measure, subject in small letters, as of.
_Key = tuple[str, str, str, str, str]


class NotThere(LookupError):
    """There is no such figure of ours; the message says which."""


@dataclass
class ImportReport:
    """What an import did."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)  # rows that are left out
    conflicts: list[Problem] = field(default_factory=list)  # rows that the store says otherwise


def import_waits(
    session: Session,
    table: Table,
    for_the_file: Mapping[str, str],
    *,
    replace: bool = False,
    now: date | None = None,
) -> ImportReport:
    """Put the figures of a file into the store. The caller commits: until then nobody sees anything of it.

    Args:
        session: in a transaction.
        table: what ``read_table`` gave.
        for_the_file: values for the columns that a row leaves empty ("as_of", "source" ...).
        replace: take the file's figure where the store has another one that came from a file.
        now: the day to judge dates by; today in the UK if not given.
    """
    report = ImportReport(problems=list(table.problems))
    importer = _Importer(session, replace, report)
    for row in table.rows:
        try:
            importer.take(read_figure(row, for_the_file, now))
        except RowRefused as error:
            report.problems += error.problems
    report.problems.sort(key=lambda problem: problem.line)
    session.flush()
    return report


def withdraw_wait(session: Session, record_id: str) -> None:
    """Take a figure that came from a file out of all answers; its history stays.

    Raises:
        NotThere: no published figure of that id came from a file.
    """
    row = session.get(models.Wait, record_id)
    if row is None or row.origin != ORIGIN or row.status == "withdrawn":
        raise NotThere(f"no figure from a file has the id {record_id!r}")
    row.status = "withdrawn"
    row.content_hash = ""  # so that it can be taken up again
    add_revision(session, record_id, "withdrawn", {})


class _Importer:
    """The state of one import."""

    def __init__(self, session: Session, replace: bool, report: ImportReport) -> None:
        self._session = session
        self._replace = replace
        self._report = report
        published = select(models.Pathway).where(models.Pathway.status == "published")
        self._pathways = {pathway.id: pathway for pathway in session.scalars(published).unique()}
        self._stored: dict[_Key, list[models.Wait]] = {}
        for wait in session.scalars(select(models.Wait).where(models.Wait.pathway_id.is_not(None))).unique():
            self._stored.setdefault(_key_of(wait), []).append(wait)
        self._subjects = {
            (wait.pathway_id, wait.subject.lower()): wait.subject
            for waits in self._stored.values()
            for wait in waits
        }
        self._taken: dict[_Key, tuple[int, str]] = {}  # line and digest of the rows of this file

    def take(self, figure: Figure) -> None:
        """Put one figure into the store, or say why not.

        Raises:
            RowRefused: the row does not fit what is in the store.
        """
        pathway = self._pathway(figure)
        source = self._source(figure)
        record = self._record(figure, pathway, source)
        key: _Key = (pathway.id, record.cohort, record.measure, record.subject.lower(), record.as_of)
        digest = digest_of(record)
        if key in self._taken:
            line, before = self._taken[key]
            if before != digest:
                what = f"line {line} tells the same figure otherwise"
                raise RowRefused(Problem(figure.line, "value", what, str(figure.value)))
            self._report.unchanged += 1
            return
        self._taken[key] = (figure.line, digest)
        stored = self._stored.get(key, [])
        mine = next((row for row in stored if row.origin == ORIGIN), None)
        other = next((row for row in stored if row.origin != ORIGIN and row.status == "published"), None)
        if other is not None and (other.value, other.unit) == (record.value, record.unit):
            self._report.unchanged += 1
        elif other is not None:
            self._conflict(
                figure, f"the store has {say_amount(other)} from its {other.origin}: change {other.id} there"
            )
        elif mine is not None and mine.content_hash == digest:
            self._report.unchanged += 1
        elif mine is not None and not self._replace:
            self._conflict(figure, f"{_differs(mine, record)}; --replace takes what the file says")
        else:
            self._session.merge(models.Source(**source.model_dump()))
            self._session.flush()
            change = put_record(self._session, record, mine, ORIGIN)
            self._report.created += change == "created"
            self._report.updated += change == "updated"

    def _conflict(self, figure: Figure, what: str) -> None:
        self._report.conflicts.append(Problem(figure.line, "value", what, f"{figure.value:f} {figure.unit}"))

    def _pathway(self, figure: Figure) -> models.Pathway:
        pathway = self._pathways.get(figure.pathway)
        if pathway is None:
            close = difflib.get_close_matches(figure.pathway, self._pathways, n=1)
            known = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(self._pathways))}"
            raise RowRefused(
                Problem(figure.line, "pathway", f"is not in the store ({known})", figure.pathway)
            )
        if figure.cohort not in (None, pathway.cohort):
            what = f"the pathway {pathway.id} is for the cohort {pathway.cohort}"
            raise RowRefused(Problem(figure.line, "cohort", what, figure.cohort or ""))
        return pathway

    def _source(self, figure: Figure) -> Source:
        cells = figure.cells
        if "source" in cells:
            row = self._session.get(models.Source, cells["source"])
            if row is None:
                raise RowRefused(Problem(figure.line, "source", "is not in the store", cells["source"]))
            return Source(**{name: getattr(row, name) for name in Source.model_fields})
        title, publisher = cells["source_title"], cells["source_publisher"]
        url, published = cells.get("source_url"), cells.get("source_published")
        told: dict[str, Any] = {"title": title, "publisher": publisher, "url": url, "published": published}
        # Named by what it says: the same source of another file is the same row.
        name = hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()[:16]
        return Source(
            id=f"{ORIGIN}-{name}",
            document=None if url else title,
            published_note=None if published else "no date given",
            **told,
        )

    def _record(self, figure: Figure, pathway: models.Pathway, source: Source) -> Wait:
        # "Autism Assessment" is not another subject than "autism assessment".
        subject = self._subjects.setdefault((pathway.id, figure.subject.lower()), figure.subject)
        key: _Key = (pathway.id, pathway.cohort, figure.measure, subject.lower(), figure.as_of)
        mark = hashlib.sha256("\n".join(key).encode()).hexdigest()[:8]
        try:
            record = Wait.model_validate(
                {
                    "id": f"{ORIGIN}-{pathway.id[:28].rstrip('-')}-{figure.measure}-{figure.as_of}-{mark}",
                    "areas": [area.area_id for area in pathway.areas],
                    "topics": ["wait_time"],
                    "pathway": pathway.id,
                    "cohort": pathway.cohort,
                    "measure": figure.measure,
                    "subject": subject,
                    "value": figure.value,
                    "unit": figure.unit,
                    "note": figure.cells.get("note"),
                    "caveat": figure.cells.get("caveat"),
                    "as_of": figure.as_of,
                    "freshness": Freshness.CURRENT,
                    "review_by": figure.review_by,
                    "sources": [Citation(source=source.id, locator=figure.cells.get("locator"))],
                }
            )
        except ValidationError as error:
            raise RowRefused(
                *(
                    Problem(figure.line, str(detail["loc"][0]), detail["msg"], str(detail["input"]))
                    for detail in error.errors()
                )
            ) from error
        badly = [said.removeprefix(f"{record.id}, ").partition(": ") for said in said_badly(record)]
        if badly:
            raise RowRefused(*(Problem(figure.line, column, what) for column, _, what in badly))
        return record


def _key_of(wait: models.Wait) -> _Key:
    return (str(wait.pathway_id), wait.cohort, wait.measure, wait.subject.lower(), wait.as_of)


def _differs(row: models.Wait, record: Wait) -> str:
    """How a stored figure is not what the file says."""
    if row.status == "withdrawn":
        return "the figure was withdrawn"
    if (row.value, row.unit) != (record.value, record.unit):
        return f"the store has {say_amount(row)}"
    cited = [(citation.source_id, citation.locator) for citation in row.citations]
    differing = [
        name
        for name, same in (
            ("note", row.note == record.note),
            ("caveat", row.caveat == record.caveat),
            ("review_by", row.review_by == record.review_by),
            ("source", cited == [(citation.source, citation.locator) for citation in record.sources]),
        )
        if not same
    ]
    return f"the store has the same figure with another {' and '.join(differing) or 'pathway area'}"
