"""The people who answer: their accounts, sign-in keys and sessions."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from conversations.database import Database, rows_changed
from conversations.errors import AdviserExists, NotFound, StoreUnavailable
from conversations.events import Events
from conversations.keys import hashed, new_id, new_token
from conversations.log import utc_now
from conversations.models import DEFAULT_CAPACITY, Adviser, AdviserSession


class Advisers:
    """Adviser accounts. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def add_adviser(self, name: str) -> tuple[Adviser, str]:
        """Make an account; returns it with its sign-in key, which is shown this once and never stored.

        Raises ``AdviserExists`` when the name is taken.
        """
        key = new_token()
        adviser = Adviser(
            id=new_id(),
            name=name,
            key_hash=hashed(key),
            disabled=False,
            created_at=utc_now(),
            last_seen=None,
            away=False,
            capacity=DEFAULT_CAPACITY,
        )
        try:
            async with self.database.writing() as session:
                session.add(adviser)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, IntegrityError):
                raise AdviserExists(f"there is already an adviser called {name!r}") from error
            raise
        return adviser, key

    async def advisers(self) -> list[Adviser]:
        """Every account, by name."""
        async with self.database.reading() as session:
            return list(await session.scalars(select(Adviser).order_by(Adviser.name)))

    async def adviser_by_key(self, key: str) -> Adviser | None:
        """The enabled account behind a sign-in key, else None. Found by its hash, so timing tells nothing."""
        async with self.database.reading() as session:
            return await session.scalar(
                select(Adviser).where(Adviser.key_hash == hashed(key), Adviser.disabled.is_(False))
            )

    async def disable_adviser(self, name: str) -> None:
        """Close an account; its chats go back to the queue once it counts as unseen. Raises ``NotFound``."""
        async with self.database.writing() as session:
            result = await session.execute(
                update(Adviser).where(Adviser.name == name).values(disabled=True, last_seen=None)
            )
        if rows_changed(result) == 0:
            raise NotFound(f"there is no adviser called {name!r}")

    async def open_session(self, adviser_id: str, lasts: timedelta) -> str:
        """Sign an adviser in for ``lasts``; returns the session's token, which is shown this once.

        Raises ``NotFound`` for an unknown or disabled adviser.
        """
        now, token = utc_now(), new_token()
        async with self.database.writing() as session:
            adviser = await session.get(Adviser, adviser_id)
            if adviser is None or adviser.disabled:
                raise NotFound("there is no such adviser")
            await session.execute(delete(AdviserSession).where(AdviserSession.expires_at <= now))
            session.add(
                AdviserSession(token_hash=hashed(token), adviser_id=adviser_id, expires_at=now + lasts)
            )
        return token

    async def adviser_in_session(self, token: str) -> Adviser | None:
        """Who is signed in with this token; None once it ended, ran out or the account was disabled."""
        async with self.database.reading() as session:
            return await session.scalar(
                select(Adviser)
                .join(AdviserSession, AdviserSession.adviser_id == Adviser.id)
                .where(
                    AdviserSession.token_hash == hashed(token),
                    AdviserSession.expires_at > utc_now(),
                    Adviser.disabled.is_(False),
                )
            )

    async def close_session(self, token: str) -> None:
        """Sign out. A token that is not known is no error."""
        async with self.database.writing() as session:
            await session.execute(delete(AdviserSession).where(AdviserSession.token_hash == hashed(token)))
