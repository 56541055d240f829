"""Conversations that are held in a messaging channel: where replies go, what came in, the way to the web."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.database import Database
from conversations.enqueue import lane_of
from conversations.keys import hashed, new_token
from conversations.log import utc_now
from conversations.models import Conversation, Crossing, Received, Recipient
from conversations.sealing import Sealer

#: Providers repeat a webhook for some days at most; until then a repeat must be known as one.
REPEATS_FOR = timedelta(days=8)

#: A note: nothing may be sent before the person writes, whatever our own clock says.
_WINDOW_CLOSED = "window_closed"

#: Notes: for which silence (when the person last wrote) they were asked to write, and who is asking just now.
_ASKED, _ASKING = "asked_to_write", "asking_to_write"


class Asking(Enum):
    """Who asks a person to write, of all processes that want to: one, once for each silence."""

    OURS = auto()  # ask now, then tell ``asked`` or ``not_asked``
    UNDER_WAY = auto()  # another process is asking: look again later
    DONE = auto()  # they were asked already, or the conversation is gone


def may_be_written_to(recipient: Recipient) -> bool:
    """Whether the provider has not said that the person must write first."""
    return _WINDOW_CLOSED not in recipient.notes


class Recipients:
    """Reads and writes them. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    # -- where replies go ---------------------------------------------------------------------------

    async def heard(self, conversation_id: str, kind: str, address: str) -> tuple[Recipient, bool]:
        """The person wrote in channel ``kind`` from ``address``: replies go there from now on.

        Returns the recipient, and whether replies went there before too.
        """
        now = utc_now()
        async with self._database.writing() as session:
            found = await session.get(Recipient, conversation_id, with_for_update=True)
            was_active = found is not None and found.active
            if found is None:
                found = Recipient(
                    conversation_id=conversation_id,
                    kind=kind,
                    target="",
                    lane=lane_of(kind, address),
                    active=True,
                    heard_at=now,
                    notes={},
                )
                session.add(found)
            # Sealed anew each time: what a key that is lost has sealed would fail every reply from now on.
            found.active, found.heard_at, found.target = True, now, self._sealer.seal(address)
            if _WINDOW_CLOSED in found.notes:
                found.notes = {name: value for name, value in found.notes.items() if name != _WINDOW_CLOSED}
        return found, was_active

    async def get(self, conversation_id: str) -> Recipient | None:
        """Where replies of the conversation go, if it is held in a channel."""
        async with self._database.reading() as session:
            return await session.get(Recipient, conversation_id)

    async def stop(self, conversation_id: str) -> None:
        """Send nothing there any more, until the person writes there again."""
        async with self._database.writing() as session:
            await session.execute(
                update(Recipient).where(Recipient.conversation_id == conversation_id).values(active=False)
            )

    async def note(self, conversation_id: str, **notes: Any) -> None:
        """Remember something for the channel, such as ``easy_read=True``; None forgets it."""
        async with self._database.writing() as session:
            found = await session.get(Recipient, conversation_id, with_for_update=True)
            if found is not None:
                known = {**found.notes, **notes}
                found.notes = {name: value for name, value in known.items() if value is not None}

    # -- asking a person to write -------------------------------------------------------------------

    async def begin_asking(self, conversation_id: str, within: timedelta) -> Asking:
        """Claim the asking of a person to write. A claim that is not told of ends ``within`` this time."""
        now = utc_now()
        async with self._database.writing() as session:
            found = await session.get(Recipient, conversation_id, with_for_update=True)
            if found is None or found.notes.get(_ASKED) == found.heard_at.isoformat():
                return Asking.DONE
            claim = found.notes.get(_ASKING)
            if claim is not None and datetime.fromisoformat(claim["until"]) > now:
                return Asking.UNDER_WAY
            claim = {"silent_since": found.heard_at.isoformat(), "until": (now + within).isoformat()}
            found.notes = {**found.notes, _ASKING: claim}
        return Asking.OURS

    async def asked(self, conversation_id: str) -> None:
        """The person was asked, as ``begin_asking`` let us: not again before they have written."""
        async with self._database.writing() as session:
            found = await session.get(Recipient, conversation_id, with_for_update=True)
            if found is not None and _ASKING in found.notes:
                notes = dict(found.notes)
                notes[_ASKED] = notes.pop(_ASKING)["silent_since"]
                found.notes = notes

    async def not_asked(self, conversation_id: str) -> None:
        """The person could not be asked: whoever comes next may try."""
        await self.note(conversation_id, **{_ASKING: None})

    # -- what came in -------------------------------------------------------------------------------

    async def was_received(self, kind: str, event_id: str) -> bool:
        """Whether an event of a provider was acted on before."""
        async with self._database.reading() as session:
            return await session.get(Received, _event_hash(kind, event_id)) is not None

    async def received(self, kind: str, event_id: str) -> None:
        """An event was acted on; a repeat of it is not. Survives the erasure of the conversation."""
        async with self._database.writing() as session:
            if await session.get(Received, _event_hash(kind, event_id)) is None:
                session.add(Received(event_hash=_event_hash(kind, event_id), at=utc_now()))

    # -- the way to the web -------------------------------------------------------------------------

    async def open_crossing(self, conversation_id: str, lasts: timedelta) -> str:
        """A token that goes on with the conversation on the web, once, within ``lasts``."""
        token = new_token()
        async with self._database.writing() as session:
            session.add(
                Crossing(
                    token_hash=hashed(token),
                    conversation_id=conversation_id,
                    expires_at=utc_now() + lasts,
                )
            )
        return token

    async def can_cross(self, token: str) -> bool:
        """Whether the token would be taken now. Uses nothing up: phones look at links by themselves."""
        async with self._database.reading() as session:
            found = await session.get(Crossing, hashed(token))
            return found is not None and found.expires_at > utc_now()

    async def cross(self, token: str) -> tuple[str, str] | None:
        """Use the token up: the conversation's id and its new web token; None when it is not good any more.

        From now on replies are on the web only, until the person writes in the channel again. Every other
        link to the conversation, and its earlier web token, stop working.
        """
        now, web_token = utc_now(), new_token()
        async with self._database.writing() as session:
            conversation_id = await session.scalar(
                delete(Crossing)
                .where(Crossing.token_hash == hashed(token), Crossing.expires_at > now)
                .returning(Crossing.conversation_id)
            )
            if conversation_id is None:
                return None
            await session.execute(delete(Crossing).where(Crossing.conversation_id == conversation_id))
            await session.execute(
                update(Conversation)
                .where(Conversation.id == conversation_id)
                .values(token_hash=hashed(web_token), updated_at=now)
            )
            await session.execute(
                update(Recipient).where(Recipient.conversation_id == conversation_id).values(active=False)
            )
        return conversation_id, web_token

    async def forget(self) -> None:
        """Delete what is too old to be repeated or used."""
        now = utc_now()
        async with self._database.writing() as session:
            await session.execute(delete(Received).where(Received.at < now - REPEATS_FOR))
            await session.execute(delete(Crossing).where(Crossing.expires_at < now))


async def close_window_in(session: AsyncSession, conversation_id: str, sent_at: datetime) -> None:
    """Note, in another operation's transaction, that the person has to write before anything is sent.

    Not if they have written since ``sent_at``, when what was refused was sent: that opened the window again.
    """
    found = await session.get(Recipient, conversation_id, with_for_update=True)
    if found is not None and found.heard_at <= sent_at:
        found.notes = {**found.notes, _WINDOW_CLOSED: True}


def _event_hash(kind: str, event_id: str) -> str:
    return hashed(f"{kind}\n{event_id}")
