"""``helpline knowledge``: load, check and search what the assistant knows."""

from __future__ import annotations

from pathlib import Path

import click

from helpline.cli import fail
from helpline.commands.directory import export_group, import_group
from helpline.commands.waits import waits
from helpline.settings import Settings
from helpline.stack import load_shipped_content
from knowledge.check import check_content
from knowledge.content import SHIPPED, ContentError, read_content
from knowledge.database import StoreUnavailable, open_engine
from knowledge.queries.areas import EVERYWHERE
from knowledge.search import open_search


@click.group()
def knowledge() -> None:
    """The knowledge store."""


knowledge.add_command(import_group)
knowledge.add_command(export_group)
knowledge.add_command(waits)


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
@click.option("--area", help="Area id, such as derbyshire.")
@click.option("--limit", default=5, show_default=True)
def search(words: str, area: str | None, limit: int) -> None:
    """Find records by meaning."""
    finder = open_search(open_engine(Settings().knowledge_database()))
    areas = [area, *EVERYWHERE] if area else list(EVERYWHERE)
    kinds = ["guidance", "service", "pathway", "entitlement", "glossary"]
    for match in finder.closest(words, kinds, areas, limit=limit):
        click.echo(f"{match.score:.2f}  {match.kind:12} {match.record_id}")
