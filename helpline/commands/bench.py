"""``helpline bench``: how time and memory grow."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any

import click

from bench import hosts, parts, running
from bench.machines import missing
from bench.processes import BenchFailed
from bench.report import write
from bench.results import keep
from bench.search import SIZES, measure, table
from encoder import EncoderUnavailable
from helpline.cli import fail
from helpline.training import is_current


@click.group()
def bench() -> None:
    """Measure how time and memory grow. Nothing of your own data is used or changed.

    Figures are kept in results/bench.json; `report` makes docs/performance.md of them.
    """


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
    keep("search", [asdict(row) for row in figures], command="helpline bench search")


@bench.command()
@click.option("--rounds", type=click.IntRange(min=3), default=40, show_default=True)
@click.option("--seconds", type=click.IntRange(min=1), default=10, show_default=True)
def chats(rounds: int, seconds: int) -> None:
    """Turns: 1 to 200 chats, early and late in a chat, beside stock Rasa with the same model."""
    _run(running.measure_chats(click.echo, rounds, seconds, 6 * seconds))


@bench.command()
def engine() -> None:
    """The parts of a turn inside Rasa, stock and ours, in processor time: no model and no server needed."""
    rows = [asdict(row) for row in parts.measure()]
    click.echo(parts.table(rows))
    keep("engine", rows, command="helpline bench engine")


@bench.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
def changes(rounds: int) -> None:
    """Each change to Rasa alone, none, and all together. Starts Rasa eight times: needs 6 GB of memory."""
    _run(running.measure_changes(click.echo, rounds))


@bench.command()
@click.option("--count", type=click.IntRange(min=1), default=5_000, show_default=True)
@click.option("--seconds", type=click.IntRange(min=5), default=60, show_default=True)
def sockets(count: int, seconds: int) -> None:
    """Idle open sockets, and how quickly an adviser's word is on the screens of 200 chats."""
    _run(running.measure_sockets(click.echo, count, seconds))


@bench.command()
@click.option("--minutes", type=click.IntRange(min=1), default=30, show_default=True)
def soak(minutes: int) -> None:
    """Half of the most that goes, for long: time and memory have to stay flat."""
    _run(running.measure_soak(click.echo, minutes))


@bench.command()
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--chats", "people", type=click.IntRange(min=1), default=20, show_default=True)
@click.option(
    "--hosts",
    "separate",
    is_flag=True,
    help="On separate hosts (network namespaces), whose network is cut, too. Needs root and iproute2.",
)
def machines(rounds: int, people: int, separate: bool) -> None:
    """Two of everything, with PostgreSQL and Redis of their own; each is killed while people write."""
    lacking = missing() or (hosts.missing() if separate else None)
    if lacking:
        fail(lacking)
    measure = running.measure_hosts if separate else running.measure_machines
    _run(measure(click.echo, rounds, people))


@bench.command()
def report() -> None:
    """Write docs/performance.md and its plots from what has been measured."""
    click.echo(f"Written: {write()}")


@bench.command("all")
@click.option("--short", is_flag=True, help="Fewer turns, and a soak of two minutes.")
@click.pass_context
def everything(context: click.Context, short: bool) -> None:
    """Measure everything and write the report: about an hour, or ten minutes with --short."""
    context.invoke(chats, rounds=10 if short else 40, seconds=3 if short else 10)
    context.invoke(engine)
    context.invoke(changes, rounds=2 if short else 5)
    context.invoke(search, sizes=SIZES[:2] if short else SIZES)
    context.invoke(sockets, count=500 if short else 5_000, seconds=10 if short else 60)
    context.invoke(soak, minutes=2 if short else 30)
    if missing() is None:
        for separate in (False, True) if hosts.missing() is None else (False,):
            context.invoke(machines, rounds=1 if short else 3, people=10 if short else 20, separate=separate)
    context.invoke(report)


def _run(work: Coroutine[Any, Any, None]) -> None:
    if not is_current():
        work.close()
        fail("There is no model of these files; run `helpline train` first.")
        return
    # Whoever stops us stops all that we started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(work)
    except BenchFailed as error:
        fail(str(error))
