"""``helpline migrate``: every database in its present form, and the shipped content in the store."""

from __future__ import annotations

import click
from sqlalchemy.exc import DBAPIError

from bot.engine.memory import Memory
from conversations.database import migrate as migrate_conversations
from conversations.errors import StoreUnavailable as ConversationsUnavailable
from helpline.cli import fail
from helpline.settings import Settings
from helpline.stack import load_shipped_content
from knowledge.content import ContentError
from knowledge.database import StoreUnavailable


@click.command()
def migrate() -> None:
    """Bring all databases up to date and load the shipped content. Safe to repeat, and at any time.

    `helpline run` and the gateway do this themselves; where there are several machines, do it once before.
    """
    settings = Settings()
    try:
        migrate_conversations(settings.conversations_database())
        Memory(settings.tracker_database()).close()
        click.echo(load_shipped_content(settings))
    except ContentError as error:
        fail(f"The content cannot be loaded:\n{error}")
    except (ConversationsUnavailable, StoreUnavailable, ValueError) as error:
        fail(str(error))
    except DBAPIError as error:
        fail(f"The bot's memory cannot be reached: {error.orig}")
