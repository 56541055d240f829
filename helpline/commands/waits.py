"""``helpline knowledge waits``: a council's own wait figures."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import Engine

from helpline.cli import fail
from helpline.settings import Settings
from knowledge.database import StoreUnavailable, migrate, open_engine, sessions, told_plainly, writing
from knowledge.queries.waits import reported_waits
from knowledge.waits import say_amount
from knowledge.waits_csv import FileRefused, read_table
from knowledge.waits_import import ImportReport, NotThere, import_waits, withdraw_wait


@click.group()
def waits() -> None:
    """Reported wait figures."""


@waits.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as-of", help="When the figures were true, for rows that do not say: 2026-10.")
@click.option("--source", help="Id of a source in the store, for rows that name none.")
@click.option("--source-title", help="What the document or page is called, for rows that do not say.")
@click.option("--source-publisher", help="Who published it, for rows that do not say.")
@click.option("--source-url", help="Its address, for rows that do not say.")
@click.option("--source-published", help="When it was published, for rows that do not say.")
@click.option("--review-by", help="A day to look at the figures again, for rows that do not say.")
@click.option("--replace", is_flag=True, help="Take the file's figure where the store has another one.")
@click.option("--dry-run", is_flag=True, help="Say what would change and change nothing.")
def import_file(file: Path, replace: bool, dry_run: bool, **for_the_file: str | None) -> None:
    """Take the wait figures of a CSV FILE into the store.

    Rows that are wrong are named and left out. Ends with 1 when any row was not taken.
    """
    given = {column: value.strip() for column, value in for_the_file.items() if value and value.strip()}
    try:
        table = read_table(file)
        engine = _store()
        with told_plainly(engine), writing(engine)() as session:
            report = import_waits(session, table, given, replace=replace)
            if dry_run:
                session.rollback()
            else:
                session.commit()
    except (FileRefused, StoreUnavailable) as error:
        fail(f"Nothing was taken: {error}")
        return
    if table.encoding != "utf-8":
        click.echo(f"The file was read as {table.encoding}: look at its accents and dashes.")
    _print(report, dry_run)
    if report.problems or report.conflicts:
        lines = {problem.line for problem in [*report.problems, *report.conflicts]}
        fail(f"{len(lines)} row(s) not taken")


def _print(report: ImportReport, dry_run: bool) -> None:
    for problem in report.problems:
        click.echo(f"left out: {problem}")
    for conflict in report.conflicts:
        click.echo(f"conflict: {conflict}")
    would = "Nothing was written. It would be: " if dry_run else ""
    click.echo(f"{would}{report.created} new, {report.updated} changed, {report.unchanged} as before.")


@waits.command("list")
@click.option("--area", help="Area id, such as derbyshire.")
def list_waits(area: str | None) -> None:
    """Print the figures in the store, the newest of each kind first."""
    try:
        engine = _store()
        with told_plainly(engine), sessions(engine)() as session:
            rows = reported_waits(session, area)
    except StoreUnavailable as error:
        fail(str(error))
        return
    if not rows:
        click.echo(f"No figures for {area}." if area else "No figures.")
    heading = None
    for wait in rows:
        places = ", ".join(link.area_id for link in wait.areas)
        title = f"{wait.pathway_id or places} ({wait.cohort}): {wait.measure}, {wait.subject}"
        if title != heading:
            click.echo(title)
            heading = title
        source = wait.citations[0].source
        told = f"{source.title} ({source.publisher})"
        click.echo(f"  {wait.as_of:10}  {say_amount(wait):14}  {wait.origin:9}  {wait.id}\n    {told}")


@waits.command()
@click.argument("record_id")
def withdraw(record_id: str) -> None:
    """Take the figure RECORD_ID, which came from a file, out of all answers."""
    try:
        engine = _store()
        with told_plainly(engine), writing(engine).begin() as session:
            withdraw_wait(session, record_id)
    except (NotThere, StoreUnavailable) as error:
        fail(str(error))
    click.echo(f"{record_id} is withdrawn. Importing it again with --replace takes it up again.")


def _store() -> Engine:
    """The knowledge store with its tables.

    Raises:
        StoreUnavailable: it cannot be opened.
    """
    engine = open_engine(Settings().knowledge_database())
    migrate(engine)
    return engine
