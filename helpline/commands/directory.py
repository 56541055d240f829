"""``helpline knowledge import`` and ``export``: service directories in Open Referral UK 3.0."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from encoder import EncoderUnavailable
from helpline.cli import fail
from helpline.settings import Settings
from knowledge.database import StoreUnavailable, migrate, open_engine, sessions, told_plainly
from knowledge.oruk.errors import FeedError
from knowledge.oruk.exporter import export_file, export_folder, export_lines
from knowledge.oruk.fetch import Limits, check_address, open_fetcher
from knowledge.oruk.importer import Reading, Report, Source, explain, read_directory
from knowledge.oruk.reader import ApiReader, FileReader, Page
from knowledge.search_encoder import search_encoder


@click.group("import")
def import_group() -> None:
    """Read what others publish into the store."""


@click.group("export")
def export_group() -> None:
    """Write the store for others to read."""


@import_group.command("oruk")
@click.argument("source", metavar="URL|FILE|FOLDER")
@click.option(
    "--name", help="Short name of the directory (small letters, digits, hyphens). Keep it the same."
)
@click.option("--publisher", help="Who publishes it, as people are told it. Kept for later.")
@click.option("--area", help="Area id for services that do not say where they are offered. Kept for later.")
@click.option("--full", is_flag=True, help="Ask for every service again, also for those that did not change.")
@click.option("--withdraw-many", is_flag=True, help="Withdraw services also when most of them are gone.")
@click.option("--allow-private", is_flag=True, help="Read an address inside a private network.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what was wrong, record by record, to this CSV file.",
)
def import_oruk(
    source: str,
    name: str | None,
    publisher: str | None,
    area: str | None,
    full: bool,
    withdraw_many: bool,
    allow_private: bool,
    report_file: Path | None,
) -> None:
    """Read a service directory in Open Referral UK 3.0 from its API, a file or a folder.

    Run it again at any time: it goes on where it was, and reads in detail only what changed.
    """
    settings = Settings()
    if report_file is not None:
        try:  # before the directory is asked for hours
            report_file.open("a").close()
        except OSError as error:
            fail(f"{report_file} cannot be written: {error.strerror}.")
    limits = Limits(requests_per_second=settings.oruk_requests_per_second)

    async def read() -> Reading:
        if _is_url(source):
            check_address(source)
        what = Source(name or _short_name(source), _address(source), publisher, area)
        engine = open_engine(settings.knowledge_database())
        migrate(engine)
        encoder = search_encoder(threads=2)
        async with open_fetcher(limits, allow_private=allow_private) as fetcher:
            reader = ApiReader(fetcher, source) if _is_url(source) else FileReader(Path(source), limits)
            reading = read_directory(
                engine,
                encoder,
                what,
                reader,
                full=full,
                withdraw_many=withdraw_many,
                progress=_say_progress,
            )
            try:
                with told_plainly(engine):
                    await reading.run()
            except FeedError as error:
                _say_report(reading.report, report_file)
                fail(explain(error))
            return reading

    try:
        reading = asyncio.run(read())
    except FeedError as error:
        fail(explain(error))
    except (StoreUnavailable, EncoderUnavailable) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Stopped. Run the import again: it goes on where it was.")
    else:
        _say_report(reading.report, report_file)


@export_group.command("oruk")
@click.argument("target", metavar="[FILE|FOLDER]", required=False, type=click.Path(path_type=Path))
def export_oruk(target: Path | None) -> None:
    """Write the services in Open Referral UK 3.0.

    FILE.json is one page, FILE.ndjson has one service a line, and a FOLDER (a name without an ending) gets
    pages. Without a target the lines go to standard output.
    """
    engine = open_engine(Settings().knowledge_database())
    try:
        migrate(engine)
        with told_plainly(engine), sessions(engine)() as session:
            if target is None:
                export_lines(session, sys.stdout)
                return
            count = (export_file if target.suffix else export_folder)(session, target)
    except StoreUnavailable as error:
        fail(str(error))
    except BrokenPipeError:
        raise  # who read the lines has enough: click ends without a word
    except OSError as error:
        fail(f"{target or 'Standard output'} cannot be written: {error.strerror}.")
    else:
        click.echo(f"{count} services written to {target}.")


def _is_url(source: str) -> bool:
    return "://" in source


def _address(source: str) -> str:
    return source if _is_url(source) else Path(source).name


def _short_name(source: str) -> str:
    words = urlsplit(source).hostname or "" if _is_url(source) else Path(source).stem
    return re.sub(r"[^a-z0-9]+", "-", words.removeprefix("www.").lower()).strip("-")[:34].strip("-")


def _say_progress(page: Page, report: Report) -> None:
    of = f" of {page.total_pages}" if page.total_pages else ""
    changes = report.changes
    click.echo(
        f"page {page.number}{of}: {report.listed} services listed, {report.read} read, "
        f"{changes['created']} new, {changes['updated']} changed, {changes['unchanged']} as before",
        err=True,
    )


def _say_report(report: Report, report_file: Path | None) -> None:
    changes, now = report.changes, report.outcomes
    click.echo(
        f"{report.listed} services listed, {report.read} read in detail, {report.failed} not to be read.\n"
        f"{changes['created']} new, {changes['updated']} changed, {changes['unchanged']} as before, "
        f"{changes['withdrawn']} withdrawn.\n"
        f"Of this directory there are now: {now.get('shown', 0)} shown, {now.get('outside', 0)} outside our "
        f"areas (kept, not shown), {now.get('duplicate', 0)} that seem to be here already (not shown), "
        f"{now.get('inactive', 0)} not running, {now.get('gone', 0)} no longer listed."
    )
    if report.not_withdrawn:
        click.echo(f"Nothing was withdrawn: {report.not_withdrawn}.")
    for own, other in report.duplicates[:20]:
        click.echo(f"seems to be here already: {own} is {other}")
    if len(report.duplicates) > 20:
        click.echo(f"and {len(report.duplicates) - 20} more that seem to be here already")
    if report.problems.total:
        click.echo(f"{report.problems.total} problem(s) in what was read:")
        for line in report.problems.summary():
            click.echo(line)
    if report_file is not None:
        report.problems.write(report_file)
        click.echo(f"Each is listed in {report_file}.")
