"""``helpline purge`` and ``helpline erase``: conversations are not kept longer than said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click
from sqlalchemy.exc import DBAPIError

from bot.engine.memory import Memory
from gateway.settings import Settings as GatewaySettings
from helpline.cli import fail
from helpline.conversations_store import in_store
from helpline.settings import Settings
from knowledge.database import StoreUnavailable, migrate, open_engine, told_plainly
from knowledge.unanswered import forget_unanswered


@click.command()
@click.option("--days", type=click.IntRange(min=0), help="Default: the setting HELPLINE_RETENTION_DAYS.")
def purge(days: int | None) -> None:
    """Delete conversations that nobody wrote in for some DAYS, and unanswered questions as old."""
    kept = days if days is not None else GatewaySettings().retention_days
    before = datetime.now(UTC) - timedelta(days=kept)
    deleted = in_store(lambda store: store.purge(before, by="command line"))
    in_memory(lambda memory: memory.purge(before.timestamp()))
    click.echo(f"{deleted} conversation(s) older than {kept} days deleted.")
    try:
        engine = open_engine(Settings().knowledge_database())
        migrate(engine)
        with told_plainly(engine):
            forgotten = forget_unanswered(engine, before.date())
    except StoreUnavailable as error:
        fail(str(error))
        return
    click.echo(f"{forgotten} unanswered question(s) older than {kept} days deleted.")


@click.command()
@click.argument("conversation")
def erase(conversation: str) -> None:
    """Delete one CONVERSATION, by its id, for good."""
    known = in_store(lambda store: store.erase(conversation, by="command line"))
    # Also when the log no longer knows of it: an erasure that was interrupted is finished by the next.
    remembered = in_memory(lambda memory: memory.erase(conversation))
    if known or remembered:
        click.echo("Deleted.")
    else:
        fail(f"There is no conversation {conversation!r}.")


def in_memory[Result](work: Callable[[Memory], Result]) -> Result:
    """Run one piece of work on what the bot remembers; ends the command clearly when it fails."""
    try:
        memory = Memory(Settings().tracker_database())
        try:
            return work(memory)
        finally:
            memory.close()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except DBAPIError as error:
        raise click.ClickException(f"The bot's memory cannot be reached: {error.orig}") from error
