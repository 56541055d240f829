"""What advisers add to a chat and look for later: private notes, labels, history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.database import Database
from conversations.errors import NotFound
from conversations.events import QUEUE, Events
from conversations.log import Draft, append_as, utc_now
from conversations.models import (
    PRIORITY_RANK,
    Adviser,
    Conversation,
    Delivery,
    DeliveryState,
    Escalation,
    EscalationStatus,
    Label,
    Message,
    Recipient,
    Role,
)

#: The longest label; longer ones are cut.
LABEL_CHARS = 40

#: How many requests a search of the history gives at most.
_MOST_FOUND = 200


@dataclass(frozen=True, slots=True)
class Case:
    """One request for a person, with its chat and the chat's labels."""

    escalation: Escalation
    conversation: Conversation
    labels: list[str]


@dataclass(frozen=True, slots=True)
class LastWord:
    """The newest that an adviser wrote in a chat on the web, and whether the person's page has it."""

    said_at: datetime
    arrived: bool


class Casework:
    """Notes, labels and history. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    async def add_note(self, conversation_id: str, adviser_id: str, text: str) -> Message:
        """Write a private note into the chat: advisers see it among the messages, the family never.

        Whoever has the chat, any adviser may add one. It is a message with ``private`` set, the adviser's
        full name as ``author`` and ``meta["kind"] == "note"``. Raises ``NotFound``.
        """
        now = utc_now()
        async with self.database.writing() as session:
            adviser = await _author(session, adviser_id)
            draft = Draft(text=text, role=Role.ADVISER, private=True, meta={"kind": "note", "by": adviser_id})
            message = await append_as(session, conversation_id, draft, now, author=adviser.name)
        self._tell(conversation_id)
        return message

    async def add_label(self, conversation_id: str, adviser_id: str, name: str) -> str:
        """Put a label on the chat; returns it as it is stored: lower case, single spaces, 40 characters.

        Putting it on twice is no error. Raises ``ValueError`` for an empty one, or ``NotFound``.
        """
        label = label_name(name)
        if not label:
            raise ValueError("a label needs at least one letter")
        async with self.database.writing() as session:
            await _author(session, adviser_id)
            if await session.get(Conversation, conversation_id, with_for_update=True) is None:
                raise NotFound("there is no such conversation")
            if await session.get(Label, (conversation_id, label)) is None:
                session.add(
                    Label(
                        conversation_id=conversation_id,
                        name=label,
                        adviser_id=adviser_id,
                        created_at=utc_now(),
                    )
                )
        self._tell(conversation_id)
        return label

    async def remove_label(self, conversation_id: str, name: str) -> None:
        """Take a label off. One that is not there is no error."""
        async with self.database.writing() as session:
            await session.execute(
                delete(Label).where(Label.conversation_id == conversation_id, Label.name == label_name(name))
            )
        self._tell(conversation_id)

    async def labels(self, conversation_id: str) -> list[str]:
        """The labels of a chat, in order of the alphabet."""
        async with self.database.reading() as session:
            rows = await session.scalars(
                select(Label.name).where(Label.conversation_id == conversation_id).order_by(Label.name)
            )
            return list(rows)

    async def label_counts(self) -> dict[str, int]:
        """Every label in use with the number of its chats, the most used first."""
        async with self.database.reading() as session:
            count = func.count().label("chats")
            rows = await session.execute(
                select(Label.name, count).group_by(Label.name).order_by(count.desc(), Label.name)
            )
            return {row.name: row.chats for row in rows}

    async def deliveries(self, conversation_id: str) -> dict[DeliveryState, int]:
        """How far what was sent to the person's messaging channel has come; empty for a chat on the web."""
        async with self.database.reading() as session:
            rows = await session.execute(
                select(Delivery.state, func.count().label("parts"))
                .join(
                    Recipient,
                    (Recipient.conversation_id == Delivery.conversation_id)
                    & (Recipient.kind == Delivery.kind),
                )
                .where(Delivery.conversation_id == conversation_id)
                .group_by(Delivery.state)
            )
            return {row.state: row.parts for row in rows}

    async def last_word(self, conversation_id: str) -> LastWord | None:
        """None when no adviser has written yet, or the person is not on the web."""
        async with self.database.reading() as session:
            row = (
                await session.execute(
                    select(Message.created_at, Message.seq, Conversation.arrived_seq)
                    .join(Conversation, Conversation.id == Message.conversation_id)
                    .where(
                        Message.conversation_id == conversation_id,
                        Message.role == Role.ADVISER,
                        Message.private.is_(False),
                        Conversation.sender_hash.is_(None),  # a sender is known on every other channel
                    )
                    .order_by(Message.seq.desc())
                    .limit(1)
                )
            ).one_or_none()
        return None if row is None else LastWord(row.created_at, row.arrived_seq >= row.seq)

    async def live(self) -> list[Case]:
        """Every request that waits or is with somebody: the most urgent first, then the oldest."""
        async with self.database.reading() as session:
            rows = (
                await session.execute(
                    select(Escalation, Conversation)
                    .join(Conversation, Conversation.id == Escalation.conversation_id)
                    .where(Escalation.status != EscalationStatus.CLOSED)
                    .order_by(
                        case(PRIORITY_RANK, value=Escalation.priority).desc(),
                        Escalation.created_at,
                        Escalation.reference,
                    )
                )
            ).all()
        return [Case(escalation, conversation, []) for escalation, conversation in rows]

    async def history(
        self,
        *,
        reference: str | None = None,
        label: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Case]:
        """Requests for a person, the newest first and at most 200, that fit everything that is given.

        ``reference`` in any case, with or without ``HL-``; ``since`` (included) and ``until`` (not included)
        are aware times of asking.
        """
        wanted = []
        if reference is not None:
            wanted.append(Escalation.reference == spoken_reference(reference))
        if label is not None:
            wanted.append(
                Escalation.conversation_id.in_(
                    select(Label.conversation_id).where(Label.name == label_name(label))
                )
            )
        if since is not None:
            wanted.append(Escalation.created_at >= since)
        if until is not None:
            wanted.append(Escalation.created_at < until)
        async with self.database.reading() as session:
            rows = (
                await session.execute(
                    select(Escalation, Conversation)
                    .join(Conversation, Conversation.id == Escalation.conversation_id)
                    .where(*wanted)
                    .order_by(Escalation.created_at.desc())
                    .limit(_MOST_FOUND)
                )
            ).all()
            labels: dict[str, list[str]] = {}
            for conversation_id, name in await session.execute(
                select(Label.conversation_id, Label.name)
                .where(Label.conversation_id.in_({conversation.id for _, conversation in rows}))
                .order_by(Label.name)
            ):
                labels.setdefault(conversation_id, []).append(name)
        return [Case(found, conversation, labels.get(conversation.id, [])) for found, conversation in rows]

    def _tell(self, conversation_id: str) -> None:
        self.events.publish(conversation_id)
        self.events.publish(QUEUE)


def label_name(typed: str) -> str:
    """A label as it is stored, from what somebody typed."""
    return " ".join(typed.split()).lower()[:LABEL_CHARS].strip()


def spoken_reference(typed: str) -> str:
    """A reference as it is stored, from how somebody read it out: ``hl 7k3qpx`` as ``HL-7K3QPX``."""
    signs = "".join(sign for sign in typed.upper() if sign.isalnum())
    return "HL-" + signs.removeprefix("HL")


async def _author(session: AsyncSession, adviser_id: str) -> Adviser:
    adviser = await session.get(Adviser, adviser_id)
    if adviser is None or adviser.disabled:
        raise NotFound("there is no such adviser")
    return adviser
