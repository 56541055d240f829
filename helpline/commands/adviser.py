"""``helpline adviser``: who may answer at the desk."""

from __future__ import annotations

import click

from helpline.conversations_store import in_store
from helpline.settings import Settings


@click.group()
def adviser() -> None:
    """The advisers' accounts."""


@adviser.command()
@click.argument("name")
def add(name: str) -> None:
    """Make an account for NAME and print its sign-in key, this once."""
    _, key = in_store(lambda store: store.add_adviser(name))
    click.echo(f"{name} can sign in at {Settings().gateway_url}/desk/ with this key:\n{key}")
    click.echo("It is shown this once. Give it to nobody else.")


@adviser.command(name="list")
def list_() -> None:
    """List the accounts."""
    for account in in_store(lambda store: store.advisers()):
        seen = account.last_seen.isoformat(timespec="minutes") if account.last_seen else "never"
        click.echo(f"{account.name}{' (disabled)' if account.disabled else ''}, last seen: {seen}")


@adviser.command()
@click.argument("name")
def disable(name: str) -> None:
    """Close NAME's account."""
    in_store(lambda store: store.disable_adviser(name))
    click.echo(f"{name} can no longer sign in.")
