"""``helpline hours``: when people answer and when there is no school, as the public is told it."""

from __future__ import annotations

from datetime import datetime

import click

from conversations.models import SchoolHoliday
from conversations.opening import read_weekly
from conversations.service import ServiceState
from conversations.store import Store
from helpline.area_option import COVERED_AREA
from helpline.conversations_store import in_store

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def hours() -> None:
    """Show or set when people answer, and when there is no school."""


@hours.command("show")
def show() -> None:
    """Print the opening hours, the closures and school holidays to come and what the public is told now."""

    async def read(store: Store) -> ServiceState:
        return await store.service_state()

    state = in_store(read)
    click.echo(f"Hours:         {state.opening.in_words() or 'not set'}")
    click.echo(f"Bank holidays: {'closed' if state.opening.closed_on_bank_holidays else 'open as usual'}")
    for closed in state.opening.closures:
        click.echo(f"Closed:        {closed.first} to {closed.last}: {closed.reason}")
    for holiday in state.school_holidays:
        click.echo(f"No school:     {_in_words(holiday)} [{holiday.id}]")
    click.echo(f"Announcement:  {state.announcement or 'none'}")
    click.echo(f"Assistant:     {'on' if state.assistant_on else 'switched off'}")


@hours.command("set")
@click.argument("weekly")
@click.option("--open-on-bank-holidays", is_flag=True, help="Bank holidays in England count as other days.")
def set_hours(weekly: str, open_on_bank_holidays: bool) -> None:
    """Set the hours of the week, in UK time: "mon-fri 09:00-17:00; sat 10:00-12:00, 13:00-15:00".

    An empty text takes the hours away: then nobody is told any.
    """
    try:
        read = read_weekly(weekly)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None

    async def write(store: Store) -> None:
        await store.set_hours(read, closed_on_bank_holidays=not open_on_bank_holidays, by="command line")

    in_store(write)
    click.echo("The opening hours are set.")


@hours.command("add-school-holiday")
@click.argument("first", type=_DAY, metavar="FIRST")
@click.argument("last", type=_DAY, metavar="LAST")
@click.argument("name")
@click.option("--source", required=True, help="The address of the page where the dates are published.")
@click.option(
    "--area",
    type=COVERED_AREA,
    help="Where it holds; without it, everywhere.",
)
def add_school_holiday(first: datetime, last: datetime, name: str, source: str, area: str | None) -> None:
    """Record the school holiday NAME from the FIRST to the LAST day without school, each as YYYY-MM-DD.

    In messaging channels people are told of it when they are sent to school.
    """

    async def write(store: Store) -> SchoolHoliday:
        return await store.add_school_holiday(
            first.date(), last.date(), name, source_url=source, area=area, by="command line"
        )

    click.echo(f"Recorded: {_in_words(in_store(write))}")


@hours.command("remove-school-holiday")
@click.argument("number", type=int)
def remove_school_holiday(number: int) -> None:
    """Take the school holiday out that `helpline hours show` prints with [NUMBER]."""

    async def write(store: Store) -> None:
        await store.remove_school_holiday(number, by="command line")

    in_store(write)
    click.echo("The school holiday is removed.")


def _in_words(holiday: SchoolHoliday) -> str:
    where = holiday.area or "everywhere"
    return f"{holiday.first_day} to {holiday.last_day}: {holiday.name}, {where} ({holiday.source_url})"
