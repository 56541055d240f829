"""``helpline hours``: when people answer, as the public is told it."""

from __future__ import annotations

import click

from conversations.opening import read_weekly
from conversations.service import ServiceState
from conversations.store import Store
from helpline.conversations_store import in_store


@click.group()
def hours() -> None:
    """Show or set when people answer."""


@hours.command("show")
def show() -> None:
    """Print the opening hours, the closures to come and what the public is told now."""

    async def read(store: Store) -> ServiceState:
        return await store.service_state()

    state = in_store(read)
    click.echo(f"Hours:         {state.opening.in_words() or 'not set'}")
    click.echo(f"Bank holidays: {'closed' if state.opening.closed_on_bank_holidays else 'open as usual'}")
    for closed in state.opening.closures:
        click.echo(f"Closed:        {closed.first} to {closed.last}: {closed.reason}")
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
