"""Who did what at the desk: a log that can only be added to.

The database itself refuses to change or delete an entry (triggers on SQLite and PostgreSQL). So an entry
must never hold what somebody wrote or how to reach them: it names a chat by its id and reference, which tell
nothing once the chat has been erased. Erasing a chat therefore leaves its entries as they are: that it was
viewed, by whom, and erased, stays on record; what was said in it does not.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.database import Database
from conversations.events import Events
from conversations.models import AuditEntry, Json


async def audit_in(
    session: AsyncSession,
    *,
    who: str,
    action: str,
    conversation_id: str | None = None,
    reference: str | None = None,
    detail: Json | None = None,
) -> None:
    """The same as ``Audit.audit`` inside the caller's transaction: done and recorded, or neither."""
    session.add(
        AuditEntry(
            at=datetime.now(UTC),
            who=who[:64],
            action=action[:40],
            conversation_id=conversation_id,
            reference=reference,
            detail=detail or {},
        )
    )
    await session.flush()


class Audit:
    """The audit log. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def audit(
        self,
        *,
        who: str,
        action: str,
        conversation_id: str | None = None,
        reference: str | None = None,
        detail: Json | None = None,
    ) -> None:
        """Record that ``who`` (an adviser's id, "system" or "command line") did ``action``.

        ``action`` is one short word such as "viewed", "exported", "erased". ``detail`` holds settings, codes
        and ids, never words of a chat, names of people who chat or their contacts.
        """
        async with self.database.writing() as session:
            await audit_in(
                session,
                who=who,
                action=action,
                conversation_id=conversation_id,
                reference=reference,
                detail=detail,
            )

    async def audit_log(
        self,
        *,
        who: str | None = None,
        action: str | None = None,
        conversation_id: str | None = None,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[AuditEntry]:
        """Entries that fit everything that is given, the newest first; ``before_id`` is for the next page."""
        wanted = []
        if who is not None:
            wanted.append(AuditEntry.who == who)
        if action is not None:
            wanted.append(AuditEntry.action == action)
        if conversation_id is not None:
            wanted.append(AuditEntry.conversation_id == conversation_id)
        if since is not None:
            wanted.append(AuditEntry.at >= since)
        if before_id is not None:
            wanted.append(AuditEntry.id < before_id)
        async with self.database.reading() as session:
            rows = await session.scalars(
                select(AuditEntry).where(*wanted).order_by(AuditEntry.id.desc()).limit(limit)
            )
            return list(rows)
