"""``helpline knowledge``: load, check, search and trace what the assistant knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from encoder import EncoderUnavailable
from helpline.cli import fail
from helpline.commands.directory import export_group, import_group
from helpline.commands.unanswered import unanswered
from helpline.commands.waits import waits
from helpline.settings import Settings
from helpline.stack import load_shipped_content
from knowledge.check import check_content
from knowledge.content import SHIPPED, ContentError, read_content
from knowledge.content_schema import Audience
from knowledge.database import StoreUnavailable, migrate, open_engine, sessions, told_plainly
from knowledge.dates import say_partial
from knowledge.models import Area, Revision, Topic
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.kept import records_by_id
from knowledge.queries.records import title_of
from knowledge.revisions import differences, last_written, revisions_of
from knowledge.search import KINDS, open_search


@click.group()
def knowledge() -> None:
    """The knowledge store."""


knowledge.add_command(import_group)
knowledge.add_command(export_group)
knowledge.add_command(waits)
knowledge.add_command(unanswered)


@knowledge.command()
def load() -> None:
    """Load the content files into the store."""
    try:
        click.echo(load_shipped_content(Settings()))
    except ContentError as error:
        fail(f"Nothing was loaded:\n{error}")
    except StoreUnavailable as error:
        fail(str(error))


@knowledge.command()
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=SHIPPED, required=False
)
def check(folder: Path) -> None:
    """Check the content files of a FOLDER (default: those that ship) and print what answers which topic."""
    try:
        report = check_content(read_content(folder))
    except ContentError as error:
        fail(f"{error}\n{len(error.problems)} problem(s)")
        return
    click.echo(report.table())
    for warning in report.warnings:
        click.echo(f"warning: {warning}")
    for problem in report.problems:
        click.echo(f"problem: {problem}")
    if report.problems:
        fail(f"{len(report.problems)} problem(s)")
    click.echo("The content is good.")


@knowledge.command()
@click.argument("words")
@click.option("--area", help="Area id, such as derbyshire; with it, what holds around it.")
@click.option("--age", type=click.IntRange(0, 120), help="Leave out what is for other ages.")
@click.option("--audience", help="Leave out what is written for others: families, young-people, adults ...")
@click.option(
    "--kind", "kinds", multiple=True, help="Only this kind: guidance, service ... (again for more)."
)
@click.option("--topic", help="Only what is about this topic.")
@click.option("--no-diagnosis-needed", is_flag=True, help="Leave out services that ask for a diagnosis.")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True)
def search(
    words: str,
    area: str | None,
    age: int | None,
    audience: str | None,
    kinds: tuple[str, ...],
    topic: str | None,
    no_diagnosis_needed: bool,
    limit: int,
) -> None:
    """Find records by meaning and words: rank, kind, id, how close (1 is the same), date, title."""
    try:
        engine = open_engine(Settings().knowledge_database())
        migrate(engine)
        with told_plainly(engine), sessions(engine)() as session:
            _must_be_known("area", area, session.scalars(select(Area.id)))
            _must_be_known("topic", topic, session.scalars(select(Topic.name)))
            _must_be_known("audience", audience, Audience)
            for kind in kinds:
                _must_be_known("kind", kind, KINDS)
            found = open_search(engine).closest(
                words,
                kinds or KINDS,
                areas_from_near_to_wide(session, area),
                topic,
                limit,
                age=age,
                audience=audience,
                no_diagnosis_needed=no_diagnosis_needed,
            )
            records = records_by_id(session, [match.record_id for match in found])
    except (EncoderUnavailable, StoreUnavailable) as error:
        fail(str(error))
        return
    if not found:
        click.echo("Nothing found.")
    for rank, match in enumerate(found, start=1):
        record = records[match.record_id]
        click.echo(
            f"{rank:2}  {match.kind:11}  {match.score:.2f}  as of {say_partial(record.as_of)}  "
            f"{match.record_id}  {title_of(record)}"
        )


@knowledge.command()
@click.argument("record_id", metavar="RECORD")
@click.option("--revision", type=click.IntRange(min=1), help="Print all that the record held at this one.")
def history(record_id: str, revision: int | None) -> None:
    """What became of the record with the id RECORD, the newest first: when, and each field that changed."""
    try:
        engine = open_engine(Settings().knowledge_database())
        migrate(engine)
        with told_plainly(engine), sessions(engine)() as session:
            revisions = revisions_of(session, record_id)
    except StoreUnavailable as error:
        fail(str(error))
        return
    if not revisions:
        fail(f"There is no record {record_id!r} in the store.")
    elif revision is None:
        _print_history(revisions)
    elif revision > revisions[-1].number:
        fail(f"{record_id} has {revisions[-1].number} revision(s), no number {revision}.")
    elif state := last_written(revisions, revision):
        click.echo(json.dumps(state.content, indent=2, ensure_ascii=False))
    else:
        fail(f"{record_id} held nothing at revision {revision}.")


def _print_history(revisions: Sequence[Revision]) -> None:
    for revision in reversed(revisions):
        click.echo(f"{revision.number:3}  {revision.change:9}  {revision.recorded_at:%Y-%m-%d %H:%M} UTC")
        before = last_written(revisions, revision.number - 1)
        if before is None or not revision.content:
            continue
        for difference in differences(before, revision):
            click.echo(f"     {difference.field}")
            if difference.before is not None:
                click.echo(f"       was: {_in_one_line(difference.before)}")
            click.echo(f"       now: {_in_one_line(difference.after)}")


def _in_one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _must_be_known(what: str, value: str | None, known: Iterable[str]) -> None:
    allowed = sorted(known)
    if value is not None and value not in allowed:
        fail(f"There is no {what} {value!r}. Use one of: {', '.join(allowed)}.")
