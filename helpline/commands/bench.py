"""``helpline bench``: how time and memory grow."""

from __future__ import annotations

import click

from bench.search import SIZES, measure, table
from encoder import EncoderUnavailable
from helpline.cli import fail


@click.group()
def bench() -> None:
    """Measure how time and memory grow. Nothing of your own data is used or changed."""


@bench.command()
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(100, 200_000),
    multiple=True,
    default=SIZES,
    show_default=True,
    help="Number of services; again for more.",
)
def search(sizes: tuple[int, ...]) -> None:
    """Search among made-up services: time of a query, of loading and of building, and memory."""
    try:
        figures = measure(sizes, lambda line: click.echo(line, err=True))
    except EncoderUnavailable as error:
        fail(str(error))
        return
    click.echo(table(figures))
