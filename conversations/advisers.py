"""The people who answer: their accounts, how they sign in and their sessions."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.database import Database, rows_changed
from conversations.errors import AdviserExists, Clash, LastAdmin, NotFound
from conversations.events import Events
from conversations.keys import hashed, new_id, new_token
from conversations.log import utc_now
from conversations.models import DEFAULT_CAPACITY, Adviser, AdviserSession, DeskRole
from conversations.passwords import check_strength, hash_password, is_password

#: How long a one-time link can be used.
LINK_LASTS = timedelta(hours=72)

#: So many wrong tries in a row lock the account; each further one locks it for twice as long as the last.
TRIES = 5
_FIRST_LOCK = timedelta(minutes=1)
_LONGEST_LOCK = timedelta(hours=1)

#: Each hash takes 64 MiB and a core while it is made: a flood of sign-ins must not take the machine.
_MOST_HASHES_AT_ONCE = 2


class Advisers:
    """Adviser accounts. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    @cached_property
    def _hashing(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(_MOST_HASHES_AT_ONCE)

    # -- accounts -----------------------------------------------------------------------------------

    async def add_adviser(
        self, name: str, *, role: DeskRole = DeskRole.ADVISER, link_lasts: timedelta = LINK_LASTS
    ) -> tuple[Adviser, str]:
        """Make an account; returns it with the secret of its one-time link, which is shown this once.

        Whoever has the secret chooses the account's password (``choose_password``).
        Raises ``AdviserExists`` when the name is taken, ``ValueError`` for one that is empty or too long.
        """
        secret = new_token()
        adviser = _new(name, role)
        adviser.link_hash, adviser.link_expires_at = hashed(secret), utc_now() + link_lasts
        await self._insert(adviser)
        return adviser, secret

    async def advisers(self) -> list[Adviser]:
        """Every account, by name."""
        async with self.database.reading() as session:
            return list(await session.scalars(select(Adviser).order_by(Adviser.name)))

    async def adviser(self, adviser_id: str) -> Adviser:
        """One account. Raises ``NotFound``."""
        async with self.database.reading() as session:
            return await _one(session, Adviser.id == adviser_id)

    async def adviser_called(self, name: str) -> Adviser:
        """The account of that name, however it is capitalised. Raises ``NotFound``."""
        async with self.database.reading() as session:
            found = await _by_name(session, name)
        if found is None:
            raise NotFound(f"there is no adviser called {name!r}")
        return found

    async def disable_adviser(self, name: str) -> None:
        """Close an account; its chats go back to the queue once it counts as unseen.

        Raises ``NotFound``, or ``LastAdmin`` when nobody else could look after the accounts.
        """
        async with self.database.writing() as session:
            adviser = await _named(session, name)
            await _keep_an_admin(session, adviser)
            adviser.disabled, adviser.last_seen, adviser.link_expires_at = True, None, None
            await _end_sessions(session, adviser.id)

    async def set_role(self, name: str, role: DeskRole) -> None:
        """Give an account another role, from its next click on. Raises ``NotFound`` or ``LastAdmin``."""
        async with self.database.writing() as session:
            adviser = await _named(session, name)
            if role is not DeskRole.ADMIN:
                await _keep_an_admin(session, adviser)
            adviser.role = role

    async def reset_adviser(self, name: str, *, link_lasts: timedelta = LINK_LASTS) -> str:
        """Forget an account's password and second factor, open it and end its sessions.

        Returns the secret of a new one-time link. Raises ``NotFound``.
        """
        secret = new_token()
        async with self.database.writing() as session:
            adviser = await _named(session, name)
            adviser.link_hash, adviser.link_expires_at = hashed(secret), utc_now() + link_lasts
            adviser.password_hash, adviser.totp_sealed, adviser.disabled = None, None, False
            adviser.wrong_tries, adviser.locked_until = 0, None
            await _end_sessions(session, adviser.id)
        return secret

    # -- signing in ---------------------------------------------------------------------------------

    async def adviser_of_link(self, secret: str) -> Adviser | None:
        """Whose one-time link this is, while it can be used. Found by its hash, so timing tells nothing."""
        async with self.database.reading() as session:
            return await session.scalar(select(Adviser).where(*_usable_link(secret)))

    async def choose_password(self, secret: str, password: str) -> Adviser | None:
        """Use up a one-time link: its account has this password now. None if the link cannot be used.

        Raises ``passwords.WeakPassword``, which leaves the link usable.
        """
        owner = await self.adviser_of_link(secret)
        if owner is None:
            return None
        check_strength(password, owner.name)
        password_hash = await self._hashed(password)
        async with self.database.writing() as session:
            # Again, inside the transaction: of two at once, one uses the link.
            adviser = await session.scalar(select(Adviser).where(*_usable_link(secret)).with_for_update())
            if adviser is None:
                return None
            adviser.password_hash, adviser.link_expires_at = password_hash, None
            adviser.wrong_tries, adviser.locked_until = 0, None
            await _end_sessions(session, adviser.id)
        return adviser

    async def change_password(self, adviser_id: str, old: str, new: str) -> bool:
        """Replace a password by its owner; every session ends. False when ``old`` is not the password.

        A wrong ``old`` counts as a wrong try. Raises ``passwords.WeakPassword`` and ``NotFound``.
        """
        adviser = await self.adviser(adviser_id)
        check_strength(new, adviser.name)
        if await self.adviser_by_password(adviser.name, old) is None:
            return False
        password_hash = await self._hashed(new)
        async with self.database.writing() as session:
            changed = await _one(session, Adviser.id == adviser_id)
            changed.password_hash, changed.wrong_tries, changed.locked_until = password_hash, 0, None
            await _end_sessions(session, adviser_id)
        return True

    async def adviser_by_password(self, name: str, password: str) -> Adviser | None:
        """The enabled account of that name and password, else None. Counts the try; see ``signed_in``.

        A try is counted before it is looked at, so that many at once are not free. A locked account says no
        to the right password as well, and nobody is told which of the two it was.
        """
        async with self.database.writing() as session:
            adviser = await _by_name(session, name, lock=True)
            if adviser is not None and (adviser.disabled or _is_locked(adviser, utc_now())):
                adviser = None
            if adviser is not None:
                adviser.wrong_tries += 1
                adviser.locked_until = _lock_after(adviser.wrong_tries, utc_now())
        # Without an account it takes as long: the time must not tell which names exist.
        stored = adviser.password_hash if adviser else None
        async with self._hashing:
            right = await asyncio.to_thread(is_password, password, stored)
        return adviser if right else None

    async def signed_in(self, adviser_id: str) -> None:
        """Everything that was asked of the adviser was right: earlier wrong tries are forgotten."""
        await self._change_account(adviser_id, wrong_tries=0, locked_until=None)

    async def set_second_factor(self, adviser_id: str, sealed: str | None) -> None:
        """Keep the sealed secret of the codes that are asked for from now on; None: no codes any more."""
        await self._change_account(adviser_id, totp_sealed=sealed, totp_step=0)

    async def use_code(self, adviser_id: str, step: int) -> bool:
        """Use the code of time step ``step``. False when that one, or a newer one, was used before."""
        async with self.database.writing() as session:
            result = await session.execute(
                update(Adviser)
                .where(Adviser.id == adviser_id, Adviser.totp_step < step)
                .values(totp_step=step)
            )
        return rows_changed(result) == 1

    async def adviser_from_elsewhere(self, issuer: str, subject: str, name: str, role: DeskRole) -> Adviser:
        """The account of whoever signed in at a council's own sign-in service; made at the first time.

        ``issuer`` and ``subject`` tell who it is, whatever their name becomes. Name and role are taken over
        each time. Raises ``NotFound`` when the account is disabled, ``AdviserExists`` when the name is taken.
        """
        wanted = Adviser.subject_hash == hashed(f"{issuer}\n{subject}")
        async with self.database.writing() as session:
            known = await session.scalar(select(Adviser).where(wanted))
            if known is not None:
                if known.disabled:
                    raise NotFound("this account is disabled")
                known.role = role
                if known.name != name and await _by_name(session, name) is None:
                    known.name = name
                return known
        adviser = _new(name, role)
        adviser.subject_hash = hashed(f"{issuer}\n{subject}")
        await self._insert(adviser)
        return adviser

    async def lock_out(self, issuer: str, subject: str) -> None:
        """The council's sign-in service gives this person no role any more: end their sessions."""
        async with self.database.writing() as session:
            known = await session.scalar(
                select(Adviser).where(Adviser.subject_hash == hashed(f"{issuer}\n{subject}"))
            )
            if known is not None:
                await _end_sessions(session, known.id)

    # -- sessions -------------------------------------------------------------------------------------

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

    # -- inside ---------------------------------------------------------------------------------------

    async def _change_account(self, adviser_id: str, **values: object) -> None:
        async with self.database.writing() as session:
            result = await session.execute(update(Adviser).where(Adviser.id == adviser_id).values(**values))
        if rows_changed(result) == 0:
            raise NotFound("there is no such adviser")

    async def _insert(self, adviser: Adviser) -> None:
        name = adviser.name
        try:
            async with self.database.writing() as session:
                if await _by_name(session, name) is not None:
                    raise AdviserExists(f"there is already an adviser called {name!r}")
                session.add(adviser)
        except Clash as error:  # two at once
            raise AdviserExists(f"there is already an adviser called {name!r}") from error

    async def _hashed(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(hash_password, password)


def _new(name: str, role: DeskRole) -> Adviser:
    name = " ".join(name.split())
    if not 0 < len(name) <= 120:
        raise ValueError("an adviser's name has between 1 and 120 characters")
    return Adviser(
        id=new_id(),
        name=name,
        role=role,
        link_hash=hashed(new_token()),  # of a link that nobody has
        link_expires_at=None,
        password_hash=None,
        wrong_tries=0,
        locked_until=None,
        totp_sealed=None,
        totp_step=0,
        subject_hash=None,
        away=False,
        capacity=DEFAULT_CAPACITY,
        disabled=False,
        created_at=utc_now(),
        last_seen=None,
    )


def _usable_link(secret: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Adviser.link_hash == hashed(secret),
        Adviser.link_expires_at > utc_now(),
        Adviser.disabled.is_(False),
    )


def _is_locked(adviser: Adviser, now: datetime) -> bool:
    return adviser.locked_until is not None and adviser.locked_until > now


def _lock_after(wrong_tries: int, now: datetime) -> datetime | None:
    """Until when the account is locked after so many wrong tries in a row, if it is."""
    beyond = wrong_tries - TRIES
    if beyond < 0:
        return None
    lock: timedelta = min(_FIRST_LOCK * 2 ** min(beyond, 10), _LONGEST_LOCK)
    return now + lock


async def _by_name(session: AsyncSession, name: str, *, lock: bool = False) -> Adviser | None:
    name = " ".join(name.split())
    wanted = select(Adviser).where(or_(Adviser.name == name, func.lower(Adviser.name) == name.lower()))
    found = list(await session.scalars(wanted.with_for_update() if lock else wanted))
    # From the time when names that differ in capitals only could be made: the exact one.
    return next((adviser for adviser in found if adviser.name == name), found[0] if found else None)


async def _named(session: AsyncSession, name: str) -> Adviser:
    found = await _by_name(session, name, lock=True)
    if found is None:
        raise NotFound(f"there is no adviser called {name!r}")
    return found


async def _one(session: AsyncSession, wanted: ColumnElement[bool]) -> Adviser:
    found = await session.scalar(select(Adviser).where(wanted))
    if found is None:
        raise NotFound("there is no such adviser")
    return found


async def _keep_an_admin(session: AsyncSession, adviser: Adviser) -> None:
    """Refuse to take the last admin away: the accounts would have nobody to look after them at the desk."""
    if adviser.role is not DeskRole.ADMIN or adviser.disabled:
        return
    others = await session.scalar(
        select(func.count())
        .select_from(Adviser)
        .where(Adviser.role == DeskRole.ADMIN, Adviser.disabled.is_(False), Adviser.id != adviser.id)
    )
    if not others:
        raise LastAdmin(f"{adviser.name} is the only admin; make somebody else an admin first")


async def _end_sessions(session: AsyncSession, adviser_id: str) -> None:
    await session.execute(delete(AdviserSession).where(AdviserSession.adviser_id == adviser_id))
