"""The way into this room: everything that is written or read goes through ``Store``."""

from __future__ import annotations

from conversations.advisers import Advisers
from conversations.audit import Audit
from conversations.canned import CannedReplies
from conversations.casework import Casework
from conversations.database import Database, migrate
from conversations.events import Events
from conversations.files import Files
from conversations.handoff import HandOff
from conversations.log import ConversationLog
from conversations.postgres_events import PostgresEvents
from conversations.presence import Presence
from conversations.school_holidays import SchoolHolidays
from conversations.service import Service
from conversations.statistics import Statistics


class Store(
    ConversationLog,
    Files,
    HandOff,
    Casework,
    Advisers,
    Presence,
    Service,
    SchoolHolidays,
    CannedReplies,
    Statistics,
    Audit,
):
    """The log, the hand-off, what advisers note and the advisers on one database. One instance a process.

    ``events`` wakes whoever listens after each change has been committed. On PostgreSQL call ``events.start``
    to hear of what other processes do, and ``events.close`` at the end.
    """

    def __init__(self, database: Database, events: Events) -> None:
        super().__init__(database, events)


def open_store(url: str) -> Store:
    """Migrate the database at ``url`` (SQLAlchemy URL of SQLite or PostgreSQL) and open it.

    Raises ``StoreUnavailable``. Blocks for the migration: call it before serving, or in a thread.
    """
    migrate(url)
    database = Database(url)
    return Store(database, Events() if database.is_sqlite else PostgresEvents(url))
