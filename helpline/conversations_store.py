"""One piece of work on the conversations' store, for commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import click

from conversations.errors import AdviserExists, LastAdmin, NotFound, StoreUnavailable
from conversations.store import Store, open_store
from helpline.settings import Settings


def in_store[Result](work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Run one piece of work on the conversations' store; ends the command clearly when it fails."""

    async def run(store: Store) -> Result:
        try:
            return await work(store)
        finally:
            await store.database.close()

    try:
        return asyncio.run(run(open_store(Settings().conversations_database())))
    except (AdviserExists, LastAdmin, NotFound, StoreUnavailable, ValueError) as error:
        raise click.ClickException(str(error)) from error
