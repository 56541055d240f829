"""The log: conversations and their messages, numbered, idempotent, never lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypedDict, Unpack

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.audit import audit_in
from conversations.database import Database, rows_changed
from conversations.enqueue import enqueue_messages, is_enqueued
from conversations.errors import Clash, MessageConflict, NotFound
from conversations.events import OUTBOX, QUEUE, Events
from conversations.files import NewFile, came_with, keep_in
from conversations.keys import hashed, matches, new_id, new_token
from conversations.models import (
    Adviser,
    Conversation,
    Escalation,
    Json,
    Message,
    Owner,
    Role,
    Transition,
)
from conversations.ownership import move, raise_current_owner
from conversations.postgres_events import connected_in

#: In the ``meta`` of a safety alert: whether advisers are still to be told of it.
UNTOLD = "untold"

_UNTOLD = (Message.private.is_(True), Message.meta[UNTOLD].as_boolean().is_(True))

_OPEN = (Message.role == Role.USER, Message.answered.is_(False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that is not in the log yet. ``buttons`` are ``{"title", "payload"}``."""

    text: str
    role: Role = Role.ASSISTANT
    easy_read: str | None = None
    buttons: Sequence[Json] = ()
    cards: Sequence[Json] = ()
    sources: Sequence[Json] = ()
    attachments: Sequence[Json] = ()
    file: NewFile | None = None  # kept with the message, and named among its attachments
    topic: str | None = None
    private: bool = False  # for advisers only
    meta: Json = field(default_factory=dict)


class Person(TypedDict, total=False):
    """What is known of the person: the area's id, the age in years, whether the writer is under 18."""

    area: str | None
    age: int | None
    young: bool


@dataclass(frozen=True, slots=True)
class Created:
    """A new conversation. ``token`` is shown this once; only its hash is kept."""

    conversation: Conversation
    token: str
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A user's message in the log.

    ``is_new`` is False for a repeat. ``is_answered`` tells whether its turn is over; if so ``replies``
    holds what was answered (nothing, when an adviser has the chat).
    """

    message: Message
    replies: list[Message]
    is_new: bool
    is_answered: bool


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def first_name(name: str) -> str:
    """How an adviser is called in front of a family: the first word of the account's name."""
    return (name.split() or [name])[0]


def storable(text: str) -> str:
    """``text`` as every database can hold it: NUL and half characters become the replacement sign."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class ConversationLog:
    """Reads and writes conversations and messages. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database = database
        self.events = events

    # -- conversations ------------------------------------------------------------------------------

    async def create(
        self,
        channel: str,
        *,
        area: str | None = None,
        sender: str | None = None,
        welcome: Sequence[Draft] = (),
    ) -> Created:
        """Begin a conversation that already holds the ``welcome`` messages.

        ``sender`` is who writes on a channel that names senders; only its hash is kept.
        """
        now, token = utc_now(), new_token()
        conversation = Conversation(
            id=new_id(),
            token_hash=hashed(token),
            channel=channel,
            sender_hash=_sender_hash(channel, sender),
            area=area,
            age=None,
            young=False,
            owner=Owner.BOT,
            adviser_id=None,
            last_seq=0,
            arrived_seq=0,
            created_at=now,
            updated_at=now,
        )
        async with self.database.writing() as session:
            session.add(conversation)
            await session.flush()
            messages = await _append(session, conversation.id, welcome, now)
            await session.refresh(conversation)
        return Created(conversation, token, messages)

    async def of_sender(self, channel: str, sender: str) -> Conversation | None:
        """The conversation of ``sender`` on ``channel``, if there is one."""
        return await self._find(
            Conversation.channel == channel, Conversation.sender_hash == _sender_hash(channel, sender)
        )

    async def for_sender(self, channel: str, sender: str, *, area: str | None = None) -> Conversation:
        """The one conversation of ``sender`` on ``channel``, begun if there is none."""
        if found := await self.of_sender(channel, sender):
            return found
        try:
            return (await self.create(channel, area=area, sender=sender)).conversation
        except Clash:
            # Two first messages at once: the other one made the conversation.
            if found := await self.of_sender(channel, sender):
                return found
            raise

    async def get(self, conversation_id: str) -> Conversation:
        """The conversation. Raises ``NotFound``."""
        if found := await self._find(Conversation.id == conversation_id):
            return found
        raise _no_such()

    async def authenticate(self, conversation_id: str, token: str) -> Conversation | None:
        """The conversation if ``token`` is its token, else None (also when there is no such conversation)."""
        found = await self._find(Conversation.id == conversation_id)
        return found if found is not None and matches(token, found.token_hash) else None

    async def set_person(self, conversation_id: str, **learned: Unpack[Person]) -> None:
        """Remember what was learned of the person: a crisis reply has to fit them without asking the bot.

        What is not given stays: a message and the turn of the one before it may each learn something at once.
        """
        async with self.database.writing() as session:
            await session.execute(
                update(Conversation).where(Conversation.id == conversation_id).values(**learned)
            )

    async def count_by_owner(self) -> dict[Owner, int]:
        """How many conversations there are with each owner."""
        async with self.database.reading() as session:
            rows = await session.execute(
                select(Conversation.owner, func.count().label("count")).group_by(Conversation.owner)
            )
            return dict.fromkeys(Owner, 0) | {row[0]: row[1] for row in rows}

    async def adviser_name(self, conversation_id: str) -> str | None:
        """The first name of the adviser who has the conversation now, if one has: what the family is told."""
        async with self.database.reading() as session:
            name = await session.scalar(
                select(Adviser.name)
                .join(Conversation, Conversation.adviser_id == Adviser.id)
                .where(Conversation.id == conversation_id)
            )
        return None if name is None else first_name(name)

    async def transitions(self, conversation_id: str) -> list[Transition]:
        """Every change of ownership, the oldest first."""
        async with self.database.reading() as session:
            rows = await session.scalars(
                select(Transition)
                .where(Transition.conversation_id == conversation_id)
                .order_by(Transition.id)
            )
            return list(rows)

    async def erase(self, conversation_id: str, *, by: str = "user") -> bool:
        """Delete a conversation and everything about it, for good. False if there was none.

        That it was erased is in the audit log from the same moment; ``by``: the person whose chat it is, an
        adviser's id or "command line".
        """
        async with self.database.writing() as session:
            reference = await session.scalar(
                select(Escalation.reference)
                .where(Escalation.conversation_id == conversation_id)
                .order_by(Escalation.created_at.desc())
                .limit(1)
            )
            erased = await _delete_in(session, Conversation.id == conversation_id)
            if erased:
                await audit_in(
                    session, who=by, action="erased", conversation_id=conversation_id, reference=reference
                )
        await self._forget(erased)
        return bool(erased)

    async def purge(self, before: datetime, *, by: str = "system") -> int:
        """Delete every conversation untouched since ``before`` (aware time); how many there were.

        The audit log keeps the number. ``by``: "system" or "command line".
        """
        async with self.database.writing() as session:
            erased = await _delete_in(session, Conversation.updated_at < before)
            if erased:
                await audit_in(session, who=by, action="old chats deleted", detail={"chats": len(erased)})
        await self._forget(erased)
        return len(erased)

    async def _find(self, *wanted: ColumnElement[bool]) -> Conversation | None:
        async with self.database.reading() as session:
            return await session.scalar(select(Conversation).where(*wanted))

    async def _take_from_the_gone(self, session: AsyncSession, message: Message, now: datetime) -> None:
        """Whoever sends it again gets the answer from us at once, if the process that owed it has ended."""
        ours, theirs = self.events.process, message.taken_by
        if message.answered or ours is None or theirs in (None, ours):
            return
        if theirs not in await connected_in(session):
            message.taken_at, message.taken_by = now, ours

    async def _forget(self, erased: Sequence[str]) -> None:
        """After the commit: nothing of it stays in the database's file, and whoever listens looks again."""
        if erased:
            await self.database.forget_erased()
        for conversation_id in erased:
            self.events.publish(conversation_id)
        self.events.publish(QUEUE)

    # -- messages -----------------------------------------------------------------------------------

    async def append_user(
        self, conversation_id: str, client_message_id: str | None, text: str, *, meta: Json | None = None
    ) -> Accepted:
        """Log what the person said. Nothing else happens to a message before this has returned.

        A repeat (same ``client_message_id``) adds nothing and returns the first one with its replies.
        A chat that was closed is taken up again by the bot.
        Raises ``NotFound``, or ``MessageConflict`` when the id came with another text before.
        """
        now = utc_now()
        async with self.database.writing() as session:
            owner = await session.scalar(
                select(Conversation.owner).where(Conversation.id == conversation_id).with_for_update()
            )
            if owner is None:
                raise _no_such()
            if client_message_id is not None and (
                known := await _sent_as(session, conversation_id, client_message_id)
            ):
                # Words that were kept apart (a contact) are not in the log to be compared with.
                same = known.text == storable(text) or "kept_apart" in known.meta
                if known.role is not Role.USER or not same:
                    raise MessageConflict("this client_message_id was used for another message")
                await self._take_from_the_gone(session, known, now)
                return Accepted(known, await _replies(session, known), False, known.answered)
            if owner is Owner.CLOSED:
                await move(
                    session,
                    conversation_id,
                    expected=Owner.CLOSED,
                    to=Owner.BOT,
                    who="user",
                    why="the person wrote again",
                    at=now,
                )
            draft = Draft(text=text, role=Role.USER, meta=meta or {})
            [message] = await _append(
                session,
                conversation_id,
                [draft],
                now,
                client_message_id=client_message_id,
                taken_by=self.events.process,
            )
        self.events.publish(conversation_id)
        return Accepted(message, [], True, False)

    async def append_assistant(
        self,
        conversation_id: str,
        drafts: Sequence[Draft],
        *,
        reply_to: int | None = None,
        unless_owned_by_adviser: bool = True,
    ) -> list[Message]:
        """Log what the assistant (or the system) says; ends the turn of message ``reply_to``.

        Ownership is checked again inside the transaction: if an adviser has taken the chat meanwhile,
        nothing is said, the turn still ends, and the list is empty. ``unless_owned_by_adviser=False`` is for
        what must be said whoever has the chat: crisis numbers, and notices about the chat itself.
        A message is answered once: if another process was quicker, its replies are returned, nothing added.
        """
        now = utc_now()
        async with self.database.writing() as session:
            owner = await session.scalar(
                select(Conversation.owner).where(Conversation.id == conversation_id).with_for_update()
            )
            if owner is None:
                raise _no_such()
            if reply_to is not None:
                asked = await session.get(Message, (conversation_id, reply_to))
                if asked is None:
                    raise NotFound("there is no such message")
                if asked.answered:
                    return await _replies(session, asked)
                asked.answered = True
            silent = unless_owned_by_adviser and owner is Owner.ADVISER
            messages = (
                [] if silent else await _append(session, conversation_id, drafts, now, reply_to=reply_to)
            )
        self.events.publish(conversation_id)
        if is_enqueued(session):
            self.events.publish(OUTBOX)
        return messages

    async def arrived(self, conversation_id: str, seq: int) -> None:
        """Note that the person's page has everything up to ``seq``, for an adviser who waits for a word.

        What comes late or is not in the log yet changes nothing, and nothing is kept while no adviser has it.
        """
        async with self.database.writing() as session:
            result = await session.execute(
                update(Conversation)
                .where(
                    Conversation.id == conversation_id,
                    Conversation.owner == Owner.ADVISER,
                    Conversation.arrived_seq < seq,
                    Conversation.last_seq >= seq,
                )
                .values(arrived_seq=seq)
                .execution_options(synchronize_session=False)
            )
        if rows_changed(result):
            self.events.publish(conversation_id)

    async def is_before_in_line(self, conversation_id: str, seq: int, since: datetime) -> bool:
        """Whether a turn of another process comes first: of an earlier message, or of this very one.

        One that began before ``since`` (aware time) counts no more: it was cut off.
        """
        if self.events.process is None:
            return False
        async with self.database.reading() as session:
            found = await session.scalar(
                select(Message.seq)
                .where(
                    Message.conversation_id == conversation_id,
                    Message.seq <= seq,
                    Message.taken_by != self.events.process,
                    *_OPEN,
                    _begun() >= since,
                )
                .limit(1)
            )
        return found is not None

    async def replies_to(self, conversation_id: str, seq: int) -> list[Message] | None:
        """What was answered to a user's message, None while its turn is not over. Raises ``NotFound``."""
        async with self.database.reading() as session:
            asked = await session.get(Message, (conversation_id, seq))
            if asked is None:
                raise NotFound("there is no such message")
            return await _replies(session, asked) if asked.answered else None

    async def let_go(self, conversation_id: str, seq: int) -> None:
        """Note that the turn of a message failed: what came after it in other processes waits no longer."""
        if self.events.process is None:
            return
        async with self.database.writing() as session:
            await session.execute(
                update(Message)
                .where(
                    Message.conversation_id == conversation_id,
                    Message.seq == seq,
                    Message.taken_by == self.events.process,
                )
                .values(taken_by=None)
                .execution_options(synchronize_session=False)
            )
        self.events.publish(conversation_id)

    async def absent(self) -> frozenset[int]:
        """The processes that have turns open and are not connected now.

        They may only be between two connections.
        """
        if self.events.process is None:
            return frozenset()
        async with self.database.reading() as session:
            busy = await session.scalars(select(Message.taken_by).where(*_OPEN).distinct())
            others = {one for one in busy if one is not None and one != self.events.process}
            return frozenset(others - await connected_in(session) if others else ())

    async def take_unanswered(
        self, before: datetime, *, gone: Collection[int] = (), limit: int = 100
    ) -> list[Message]:
        """People's messages whose turn began before ``before`` (aware time) and never ended, oldest first.

        Those of processes that are ``gone`` too, however young. Each is given to one caller only, who answers
        it; should that process end too, it is free again.
        """
        now = utc_now()
        cut_off = (*_OPEN, or_(_begun() < before, Message.taken_by.in_(gone)) if gone else _begun() < before)
        async with self.database.writing() as session:
            found = (
                await session.scalars(
                    select(Message).where(*cut_off).order_by(Message.created_at, Message.seq).limit(limit)
                )
            ).all()
            taken = []
            for message in found:
                result = await session.execute(
                    update(Message)
                    .where(
                        Message.conversation_id == message.conversation_id,
                        Message.seq == message.seq,
                        *cut_off,
                    )
                    .values(taken_at=now, taken_by=self.events.process)
                    .execution_options(synchronize_session=False)
                )
                if rows_changed(result):
                    taken.append(message)
        return taken

    async def untold_dangers(self, since: datetime) -> list[Message]:
        """Safety alerts since ``since`` (aware time) of which no adviser was told, because a process ended.

        What an adviser has judged since changes nothing: the alert itself says whether it was told.
        """
        async with self.database.reading() as session:
            rows = await session.scalars(
                select(Message).where(Message.created_at >= since, *_UNTOLD).order_by(Message.created_at)
            )
            return list(rows)

    async def append_adviser(
        self,
        conversation_id: str,
        adviser_id: str,
        text: str,
        *,
        file: NewFile | None = None,
        client_message_id: str | None = None,
    ) -> Message:
        """Log what the adviser says, under their first name, with a file if they send one.

        A repeat (same ``client_message_id``) adds nothing and returns the first one.
        Raises ``OwnershipChanged`` unless the chat is theirs, ``NotFound``, or ``MessageConflict`` when the
        id was used for another message.
        """
        now = utc_now()
        async with self.database.writing() as session:
            author = await session.scalar(
                select(Adviser.name)
                .join(Conversation, Conversation.adviser_id == Adviser.id)
                .where(
                    Conversation.id == conversation_id,
                    Conversation.owner == Owner.ADVISER,
                    Adviser.id == adviser_id,
                )
                .with_for_update(of=Conversation)
            )
            if author is None:
                await raise_current_owner(session, conversation_id)
            if client_message_id is not None and (
                known := await _sent_as(session, conversation_id, client_message_id)
            ):
                if (
                    known.role is not Role.ADVISER
                    or known.text != storable(text)
                    or not came_with(known, file)
                ):
                    raise MessageConflict("this client_message_id was used for another message")
                return known
            draft = Draft(text=text, role=Role.ADVISER, file=file)
            [message] = await _append(
                session,
                conversation_id,
                [draft],
                now,
                client_message_id=client_message_id,
                author=first_name(author),
            )
        self.events.publish(conversation_id)
        self.events.publish(QUEUE)
        if is_enqueued(session):
            self.events.publish(OUTBOX)
        return message

    async def rate(self, conversation_id: str, seq: int, *, helpful: bool) -> bool:
        """Keep whether an answer helped, with the answer. False if there is no such answer."""
        async with self.database.writing() as session:
            message = await session.get(Message, (conversation_id, seq))
            if message is None or message.private or message.role not in (Role.ASSISTANT, Role.ADVISER):
                return False
            message.meta = {**message.meta, "helpful": helpful}
        return True

    async def messages(
        self,
        conversation_id: str,
        after: int = 0,
        *,
        until: int | None = None,
        last: int | None = None,
        include_private: bool = False,
    ) -> list[Message]:
        """The messages with a sequence number above ``after`` and up to ``until``, in order.

        ``last`` asks for no more than so many, the newest. ``include_private`` adds the notes that are for
        advisers only.
        """
        async with self.database.reading() as session:
            return await _messages(
                session, conversation_id, after, until=until, last=last, include_private=include_private
            )

    async def with_messages(self, conversation_id: str, after: int) -> tuple[Conversation, list[Message]]:
        """The conversation, and its ``messages`` as the family sees them, read together.

        The conversation is read last: it is never older than its messages. Raises ``NotFound``.
        """
        async with self.database.reading() as session:
            messages = await _messages(session, conversation_id, after)
            conversation = await session.get(Conversation, conversation_id)
        if conversation is None:
            raise _no_such()
        return conversation, messages


def _no_such() -> NotFound:
    return NotFound("there is no such conversation")


async def _messages(
    session: AsyncSession,
    conversation_id: str,
    after: int,
    *,
    until: int | None = None,
    last: int | None = None,
    include_private: bool = False,
) -> list[Message]:
    wanted = [Message.conversation_id == conversation_id, Message.seq > after]
    if until is not None:
        wanted.append(Message.seq <= until)
    if not include_private:
        wanted.append(Message.private.is_(False))
    newest = select(Message).where(*wanted).order_by(Message.seq.desc()).limit(last)
    return list(await session.scalars(newest))[::-1]


async def _delete_in(session: AsyncSession, wanted: ColumnElement[bool]) -> list[str]:
    """Delete these conversations; messages, transitions and escalations go with them (ON DELETE CASCADE)."""
    ids = list(await session.scalars(select(Conversation.id).where(wanted)))
    await session.execute(delete(Conversation).where(wanted))
    return ids


async def append_in(
    session: AsyncSession, conversation_id: str, drafts: Sequence[Draft], at: datetime
) -> None:
    """Log ``drafts`` inside another operation's transaction (a hand-over and the words that tell of it)."""
    await _append(session, conversation_id, drafts, at)


async def told_of_dangers_in(session: AsyncSession, conversation_id: str) -> None:
    """Note on the chat's safety alerts, in the transaction that tells advisers of it, that they were told."""
    for alert in await session.scalars(
        select(Message).where(Message.conversation_id == conversation_id, *_UNTOLD)
    ):
        alert.meta = {**alert.meta, UNTOLD: False}


async def append_as(
    session: AsyncSession, conversation_id: str, draft: Draft, at: datetime, *, author: str
) -> Message:
    """Log one message under somebody's name, inside another operation's transaction. Raises ``NotFound``."""
    [message] = await _append(session, conversation_id, [draft], at, author=author)
    return message


async def _append(
    session: AsyncSession,
    conversation_id: str,
    drafts: Sequence[Draft],
    now: datetime,
    *,
    client_message_id: str | None = None,
    reply_to: int | None = None,
    author: str | None = None,
    taken_by: int | None = None,
) -> list[Message]:
    """Number ``drafts`` and add them. The UPDATE also locks the conversation until the commit."""
    if not drafts:
        return []
    last = await session.scalar(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(last_seq=Conversation.last_seq + len(drafts), updated_at=now)
        .returning(Conversation.last_seq)
        .execution_options(synchronize_session=False)
    )
    if last is None:
        raise _no_such()
    kept = [
        [await keep_in(session, conversation_id, draft.file, now)] if draft.file is not None else []
        for draft in drafts
    ]
    messages = [
        Message(
            conversation_id=conversation_id,
            seq=seq,
            role=draft.role,
            author=author,
            text=storable(draft.text),
            easy_read=draft.easy_read,
            buttons=list(draft.buttons),
            cards=list(draft.cards),
            sources=list(draft.sources),
            attachments=[*draft.attachments, *files],
            topic=draft.topic,
            client_message_id=client_message_id,
            reply_to=reply_to,
            answered=False,
            private=draft.private,
            meta=draft.meta,
            created_at=now,
            taken_at=None,
            taken_by=taken_by,
        )
        for seq, (draft, files) in enumerate(zip(drafts, kept, strict=True), start=last - len(drafts) + 1)
    ]
    session.add_all(messages)
    await session.flush()
    await enqueue_messages(session, conversation_id, messages, now)
    return messages


async def _sent_as(session: AsyncSession, conversation_id: str, client_message_id: str) -> Message | None:
    """The message that was sent under the client's own name for it, if it is in the log already."""
    return await session.scalar(
        select(Message).where(
            Message.conversation_id == conversation_id, Message.client_message_id == client_message_id
        )
    )


async def _replies(session: AsyncSession, message: Message) -> list[Message]:
    """What was answered to a user's message, in order, as the family sees it."""
    rows = await session.scalars(
        select(Message)
        .where(
            Message.conversation_id == message.conversation_id,
            Message.reply_to == message.seq,
            Message.private.is_(False),
        )
        .order_by(Message.seq)
    )
    return list(rows)


def _begun() -> ColumnElement[datetime]:
    """When the turn of a message was begun the last time."""
    return func.coalesce(Message.taken_at, Message.created_at)


def _sender_hash(channel: str, sender: str | None) -> str | None:
    return None if sender is None else hashed(f"{channel}\n{sender}")
