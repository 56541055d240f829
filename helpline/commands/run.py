"""``helpline run``: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import click

from helpline.cli import fail
from helpline.settings import Settings
from helpline.stack import CannotStart, running
from helpline.supervisor import NotReady
from helpline.training import TrainingFailed
from knowledge.content import ContentError
from knowledge.database import StoreUnavailable


@click.command()
def run() -> None:
    """Start the whole helpline on this machine."""
    settings = Settings()
    told_plainly(run_until_stopped(settings))


def told_plainly(work: Coroutine[Any, Any, None]) -> None:
    """Run it; what is in its way is told as one clear line."""
    try:
        asyncio.run(work)
    except ContentError as error:
        fail(f"The content cannot be loaded:\n{error}\nMend these lines and start again.")
    except (CannotStart, TrainingFailed, StoreUnavailable, NotReady) as error:
        fail(str(error))


async def run_until_stopped(settings: Settings, also: str = "") -> None:
    """The whole helpline until Ctrl-C. ``also`` is one more line to say once it is ready.

    Raises what ``helpline.stack.running`` raises.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        # While things are still starting there is no supervisor to ask: the start itself is cancelled.
        if stopping.is_set() or task is None:
            return
        stopping.set()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        async with running(settings, click.echo) as supervisor:
            click.echo(f"\nThe helpline is ready: {settings.gateway_url}")
            if also:
                click.echo(also)
            click.echo("Press Ctrl-C to stop.")
            await supervisor.wait()
    except asyncio.CancelledError:
        click.echo("Stopped.")
