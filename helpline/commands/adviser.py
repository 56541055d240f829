"""``helpline adviser``: who may answer at the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import click

from conversations.errors import AdviserExists, NotFound, StoreUnavailable
from conversations.store import Store, open_store
from helpline.cli import fail
from helpline.settings import Settings


@click.group()
def adviser() -> None:
    """The advisers' accounts."""


@adviser.command()
@click.argument("name")
def add(name: str) -> None:
    """Make an account for NAME and print its sign-in key, this once."""
    _, key = _in_store(lambda store: store.add_adviser(name))
    click.echo(f"{name} can sign in at {Settings().gateway_url}/desk/ with this key:\n{key}")
    click.echo("It is shown this once. Give it to nobody else.")


@adviser.command(name="list")
def list_() -> None:
    """List the accounts."""
    for account in _in_store(lambda store: store.advisers()):
        seen = account.last_seen.isoformat(timespec="minutes") if account.last_seen else "never"
        click.echo(f"{account.name}{' (disabled)' if account.disabled else ''}, last seen: {seen}")


@adviser.command()
@click.argument("name")
def disable(name: str) -> None:
    """Close NAME's account."""
    _in_store(lambda store: store.disable_adviser(name))
    click.echo(f"{name} can no longer sign in.")


def _in_store(work: Any) -> Any:
    async def run(store: Store) -> Any:
        try:
            call: Coroutine[Any, Any, Any] = work(store)
            return await call
        finally:
            await store.database.close()

    try:
        return asyncio.run(run(open_store(Settings().conversations_database())))
    except (AdviserExists, NotFound, StoreUnavailable) as error:
        return fail(str(error))
