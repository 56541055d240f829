"""``helpline purge`` and ``helpline erase``: conversations are not kept longer than said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from gateway.settings import Settings as GatewaySettings
from helpline.cli import fail
from helpline.conversations_store import in_store


@click.command()
@click.option("--days", type=click.IntRange(min=0), help="Default: the setting HELPLINE_RETENTION_DAYS.")
def purge(days: int | None) -> None:
    """Delete conversations that nobody wrote in for some DAYS."""
    kept = days if days is not None else GatewaySettings().retention_days
    before = datetime.now(UTC) - timedelta(days=kept)
    deleted = in_store(lambda store: store.purge(before))
    click.echo(f"{deleted} conversation(s) older than {kept} days deleted.")


@click.command()
@click.argument("conversation")
def erase(conversation: str) -> None:
    """Delete one CONVERSATION, by its id, for good."""
    if in_store(lambda store: store.erase(conversation)):
        click.echo("Deleted.")
    else:
        fail(f"There is no conversation {conversation!r}.")
