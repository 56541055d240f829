"""Canned replies: words that are written once and used often, found by a short code."""

from __future__ import annotations

import re

from sqlalchemy import select

from conversations.audit import audit_in
from conversations.database import Database
from conversations.errors import NotFound
from conversations.events import Events
from conversations.log import storable, utc_now
from conversations.models import CannedReply

#: The longest reply.
CANNED_CHARS = 2000

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,23}")


class CannedReplies:
    """Reads and writes them. ``by`` is the id of whoever does. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def canned_replies(self) -> list[CannedReply]:
        """Every reply, by its code."""
        async with self.database.reading() as session:
            return list(await session.scalars(select(CannedReply).order_by(CannedReply.code)))

    async def set_canned_reply(self, code: str, text: str, *, by: str) -> CannedReply:
        """Write the reply of this code anew, or for the first time.

        Raises ``ValueError`` that says what is wrong with ``code`` or ``text``.
        """
        code, text = code.strip().removeprefix("/").lower(), storable(text.replace("\r\n", "\n")).strip()
        if not _CODE.fullmatch(code):
            raise ValueError("a short code has 1 to 24 letters, figures and hyphens")
        if not 0 < len(text) <= CANNED_CHARS:
            raise ValueError(f"a canned reply has between 1 and {CANNED_CHARS} characters")
        async with self.database.writing() as session:
            row = await session.get(CannedReply, code, with_for_update=True)
            if row is None:
                row = CannedReply(code=code, text=text, changed_at=utc_now(), changed_by=by[:64])
                session.add(row)
            else:
                row.text, row.changed_at, row.changed_by = text, utc_now(), by[:64]
            await audit_in(session, who=by, action="canned reply set", detail={"code": code, "text": text})
        return row

    async def remove_canned_reply(self, code: str, *, by: str) -> None:
        """Take a reply away. Raises ``NotFound``."""
        async with self.database.writing() as session:
            row = await session.get(CannedReply, code)
            if row is None:
                raise NotFound("there is no such canned reply")
            await session.delete(row)
            await audit_in(session, who=by, action="canned reply removed", detail={"code": code})
