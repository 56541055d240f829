"""The tables. Rows are handed to callers detached: reading them is safe, changing them does nothing.

All times are UTC and time-zone aware on the way in and out, on SQLite too.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    DateTime,
    Dialect,
    Double,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column

type Json = dict[str, Any]


class Owner(StrEnum):
    """Who answers a conversation now. The arrows between them are in ``ownership``."""

    BOT = "bot"
    QUEUED = "queued"  # waits for a person; the bot keeps answering meanwhile
    ADVISER = "adviser"
    CALLBACK = "callback"  # a person has promised to call back; the bot keeps answering meanwhile
    CLOSED = "closed"


class Role(StrEnum):
    """Who is speaking in a message."""

    USER = "user"
    ASSISTANT = "assistant"
    ADVISER = "adviser"
    SYSTEM = "system"


class Priority(StrEnum):
    """How urgent an escalation is."""

    NORMAL = "normal"
    HIGH = "high"
    CRISIS = "crisis"


#: Sorts and compares priorities: the larger is served first.
PRIORITY_RANK = {Priority.NORMAL: 0, Priority.HIGH: 1, Priority.CRISIS: 2}


class DeliveryState(StrEnum):
    """How far something to be sent has come. It only ever goes down this list, or to ``FAILED``."""

    PENDING = "pending"  # not accepted by the provider yet
    SENT = "sent"  # the provider has it
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


#: How many chats an adviser has at once unless somebody says otherwise.
DEFAULT_CAPACITY = 3


class EscalationStatus(StrEnum):
    """Where an escalation stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    CLOSED = "closed"


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time. SQLite has no time zones, so UTC goes in and UTC is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone is not stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _one_of(names: type[StrEnum]) -> Enum:
    """A column that holds one of ``names``, stored as its value in plain text."""
    return Enum(names, native_enum=False, length=16, values_callable=lambda e: [name.value for name in e])


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can find it on either database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class DeskRole(StrEnum):
    """What somebody does at the desk; what each may do is in ``desk.permissions``."""

    ADVISER = "adviser"
    SUPERVISOR = "supervisor"
    EDITOR = "editor"
    ADMIN = "admin"


class Adviser(Base):
    """An account of the desk. Passwords and links are never stored, only their hashes."""

    __tablename__ = "adviser"
    #: Named for the sign-in keys that came before the links.
    __table_args__ = (UniqueConstraint("link_hash", name="uq_adviser_key_hash"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    role: Mapped[DeskRole] = mapped_column(_one_of(DeskRole), server_default="adviser")
    link_hash: Mapped[str] = mapped_column(String(64))  # of the newest one-time link to choose a password
    link_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: used
    password_hash: Mapped[str | None] = mapped_column(String(255))  # Argon2id
    wrong_tries: Mapped[int] = mapped_column(Integer, server_default="0")  # in a row
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    totp_sealed: Mapped[str | None] = mapped_column(Text)  # the second factor's secret, encrypted
    totp_step: Mapped[int] = mapped_column(Integer, server_default="0")  # of the newest code that was used
    subject_hash: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)  # who this is there
    disabled: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen: Mapped[datetime | None] = mapped_column(UtcDateTime)
    away: Mapped[bool] = mapped_column(Boolean, default=False)  # signed in, but takes no chats just now
    capacity: Mapped[int] = mapped_column(Integer, default=DEFAULT_CAPACITY)  # chats at once


class AdviserSession(Base):
    """An adviser who is signed in somewhere. The session's token itself is never stored, only its hash."""

    __tablename__ = "adviser_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    adviser_id: Mapped[str] = mapped_column(ForeignKey("adviser.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class LostChat(Base):
    """A chat that went back to the queue because its adviser was not seen, until they have been told."""

    __tablename__ = "lost_chat"

    adviser_id: Mapped[str] = mapped_column(ForeignKey("adviser.id", ondelete="CASCADE"), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CallBackStatus(StrEnum):
    """Where a call back stands."""

    DRAFT = "draft"  # the person is still being asked for their contact
    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"
    CANCELLED = "cancelled"


class CallBack(Base):
    """A promise to call, text or email somebody. The contact is sealed, and gone once it is finished."""

    __tablename__ = "call_back"
    __table_args__ = (
        Index(
            "uq_call_back_live",
            "conversation_id",
            unique=True,
            sqlite_where=text("status IN ('draft', 'open', 'claimed')"),
            postgresql_where=text("status IN ('draft', 'open', 'claimed')"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16))
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), index=True
    )
    status: Mapped[CallBackStatus] = mapped_column(_one_of(CallBackStatus), index=True)
    how: Mapped[str | None] = mapped_column(String(16))
    sealed: Mapped[str | None] = mapped_column(Text)  # JSON of how, address, when and name
    adviser_id: Mapped[str | None] = mapped_column(ForeignKey("adviser.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Conversation(Base):
    """One chat. Its id cannot be guessed; whoever writes in it proves it with the token."""

    __tablename__ = "conversation"
    __table_args__ = (UniqueConstraint("channel", "sender_hash"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(32))
    sender_hash: Mapped[str | None] = mapped_column(String(64))  # who writes, on channels that name a sender
    area: Mapped[str | None] = mapped_column(String(64))
    age: Mapped[int | None] = mapped_column(Integer)  # of the person the chat is about, in years
    young: Mapped[bool] = mapped_column(Boolean)  # whoever writes is under 18, as far as we know
    owner: Mapped[Owner] = mapped_column(_one_of(Owner))
    adviser_id: Mapped[str | None] = mapped_column(ForeignKey("adviser.id"))  # set while owner is adviser
    last_seq: Mapped[int] = mapped_column(Integer)
    arrived_seq: Mapped[int] = mapped_column(Integer, server_default="0")  # see ``ConversationLog.arrived``
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    #: Whether the questions of a call back are open. Each turn asks it, so it comes with the row.
    is_asked_for_contact: Mapped[bool] = column_property(
        select(CallBack.id)
        .where(CallBack.conversation_id == id, CallBack.status == CallBackStatus.DRAFT)
        .correlate_except(CallBack)
        .exists()
    )


class Message(Base):
    """One entry of the log, numbered from 1 in its conversation without two entries sharing a number."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "client_message_id"),
        Index(
            "ix_message_unanswered",
            "created_at",
            sqlite_where=text("role = 'user' AND NOT answered"),
            postgresql_where=text("role = 'user' AND NOT answered"),
        ),
    )

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    role: Mapped[Role] = mapped_column(_one_of(Role))
    author: Mapped[str | None] = mapped_column(String(120))  # the adviser's first name
    text: Mapped[str] = mapped_column(Text)
    easy_read: Mapped[str | None] = mapped_column(Text)
    buttons: Mapped[list[Json]] = mapped_column(JSON)
    cards: Mapped[list[Json]] = mapped_column(JSON)
    sources: Mapped[list[Json]] = mapped_column(JSON)
    attachments: Mapped[list[Json]] = mapped_column(JSON)
    topic: Mapped[str | None] = mapped_column(String(64))
    client_message_id: Mapped[str | None] = mapped_column(String(64))
    reply_to: Mapped[int | None] = mapped_column(Integer)  # seq of the user's message this answers
    answered: Mapped[bool] = mapped_column(Boolean)  # of a user's message: its turn is over
    private: Mapped[bool] = mapped_column(Boolean)  # for advisers only, never shown to the family
    meta: Mapped[Json] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # its turn was begun again so late
    taken_by: Mapped[int | None] = mapped_column(Integer)  # the process that has its turn (PostgreSQL)


class File(Base):
    """A file that came with a message of a conversation."""

    __tablename__ = "file"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(64))  # by its content, not by what anybody said
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Recipient(Base):
    """Where the replies of a conversation are sent, when it is held in a messaging channel."""

    __tablename__ = "recipient"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(32))  # the channel's name
    target: Mapped[str] = mapped_column(Text)  # the address, sealed
    lane: Mapped[str] = mapped_column(String(64), index=True)  # what is sent to one address keeps its order
    active: Mapped[bool] = mapped_column(Boolean)  # replies go there now
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)  # when the person last wrote there
    notes: Mapped[Json] = mapped_column(JSON)  # what the channel remembers, such as "easy_read"


class Delivery(Base):
    """One thing to be sent to one target, until the provider has it; then a record that it was sent."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_waiting", "kind", "state", "due_at"),
        Index("ix_delivery_lane", "lane", "state"),
        Index("ix_delivery_provider_id", "kind", "provider_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    reference: Mapped[str] = mapped_column(String(32), unique=True)  # told to the provider with it
    conversation_id: Mapped[str | None] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(Text)  # sealed
    lane: Mapped[str] = mapped_column(String(64))
    number: Mapped[int] = mapped_column(Integer)  # the order in the lane, ...
    part: Mapped[int] = mapped_column(Integer)  # ... and of the parts that one entry was split into
    urgent: Mapped[bool] = mapped_column(Boolean)  # goes before what is not
    payload: Mapped[Json] = mapped_column(JSON)  # emptied once it was sent
    state: Mapped[DeliveryState] = mapped_column(_one_of(DeliveryState))
    attempts: Mapped[int] = mapped_column(Integer)
    uncertain: Mapped[bool] = mapped_column(Boolean)  # an attempt ended without telling how
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)  # not before
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)  # not after
    claim: Mapped[str | None] = mapped_column(String(32))  # which worker has it ...
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # ... and for how long
    provider_id: Mapped[str | None] = mapped_column(String(255))
    error: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Received(Base):
    """An event that a provider told and that was acted on. Kept longer than a provider repeats itself."""

    __tablename__ = "received"

    event_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Crossing(Base):
    """A link that was given out to go on with a conversation on the web. Its token is stored as a hash."""

    __tablename__ = "crossing"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Transition(Base):
    """One change of ownership: from where to where, who did it, why and when."""

    __tablename__ = "transition"
    __table_args__ = (
        Index(
            "ix_transition_unpublished",
            "id",
            sqlite_where=text("NOT published"),
            postgresql_where=text("NOT published"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), index=True
    )
    from_owner: Mapped[Owner] = mapped_column(_one_of(Owner))
    to_owner: Mapped[Owner] = mapped_column(_one_of(Owner))
    who: Mapped[str] = mapped_column(String(64))  # "user", "assistant", "system" or an adviser's id
    why: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    published: Mapped[bool] = mapped_column(Boolean, default=False)  # others were told, or are sure to be


class Escalation(Base):
    """A chat that needs a person. A conversation has at most one that is not closed."""

    __tablename__ = "escalation"
    __table_args__ = (
        Index(
            "uq_escalation_live",
            "conversation_id",
            unique=True,
            sqlite_where=text("status <> 'closed'"),
            postgresql_where=text("status <> 'closed'"),
        ),
    )

    reference: Mapped[str] = mapped_column(String(16), primary_key=True)  # short, to be read aloud
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), index=True
    )
    reason: Mapped[str] = mapped_column(String(64))
    priority: Mapped[Priority] = mapped_column(_one_of(Priority))
    summary: Mapped[Json] = mapped_column(JSON)
    status: Mapped[EscalationStatus] = mapped_column(_one_of(EscalationStatus), index=True)
    adviser_id: Mapped[str | None] = mapped_column(ForeignKey("adviser.id"))
    outcome: Mapped[str | None] = mapped_column(String(200))  # a code of outcomes.yml, once it is closed
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # by whoever has it now
    first_claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)  # the wait they had
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    alerted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # people away from the desk were told
    wait_told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # a call back was offered for the wait
    rating: Mapped[int | None] = mapped_column(Integer)  # how the person found it, 1 to 5, if they said
    rating_comment: Mapped[str | None] = mapped_column(Text)


class CallBackAttempt(Base):
    """A try that did not reach the person."""

    __tablename__ = "call_back_attempt"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    call_back_id: Mapped[str] = mapped_column(ForeignKey("call_back.id", ondelete="CASCADE"), index=True)
    adviser_id: Mapped[str] = mapped_column(ForeignKey("adviser.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    result: Mapped[str] = mapped_column(String(32))


class ServiceSetting(Base):
    """Something a supervisor sets for everybody; ``conversations.service`` knows the names and the values."""

    __tablename__ = "service_setting"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[Json] = mapped_column(JSON)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(64))


class Closure(Base):
    """Days on which nobody answers, both ends included."""

    __tablename__ = "closure"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(String(120))


class SchoolHoliday(Base):
    """Days on which schools are closed, both ends included, as the council recorded them."""

    __tablename__ = "school_holiday"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(120))
    area: Mapped[str | None] = mapped_column(String(64))  # None: it holds everywhere
    source_url: Mapped[str] = mapped_column(String(500))  # where the dates are published


class CannedReply(Base):
    """A reply that is written once and used often."""

    __tablename__ = "canned_reply"

    code: Mapped[str] = mapped_column(String(24), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(64))


class QuotaUse(Base):
    """How far a quota is used up; ``conversations.quotas`` counts. The key is a mark, never an address."""

    __tablename__ = "quota"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_until: Mapped[float] = mapped_column(Double)  # seconds since 1970


class AuditEntry(Base):
    """One thing that was done at the desk. The database refuses to change or delete it.

    It names a chat without a foreign key: the entry outlives the chat.
    """

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    who: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(40))
    conversation_id: Mapped[str | None] = mapped_column(String(32), index=True)
    reference: Mapped[str | None] = mapped_column(String(16))
    detail: Mapped[Json] = mapped_column(JSON)


class Label(Base):
    """A word that advisers put on a chat to find it again."""

    __tablename__ = "label"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
    adviser_id: Mapped[str] = mapped_column(ForeignKey("adviser.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
