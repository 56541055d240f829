"""What a channel is: it checks webhooks, reads them, and sends. The rest is the same for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from conversations.models import DeliveryState, Json

#: Kinds of what people send that are fetched, for an adviser who has the chat.
FETCHED = frozenset({"photo", "voice", "file"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can show. Lengths are in characters, counted as the provider counts them."""

    text: int  # the longest message
    bubble: int  # what one message should hold at most, to be read on a phone
    buttons: int = 0  # 0: choices are numbered, and the number is sent back
    files: frozenset[str] = frozenset()  # the media types of files that it carries
    short_answers: bool = False  # each message costs: one is sent, with a link to the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Something besides words. ``ref``: what the provider gives it out for; None when it is not fetched."""

    kind: str  # "photo", "voice", "sticker" ...
    ref: str | None = None
    name: str = ""  # what the person's phone calls it


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One thing that a person did. ``id`` is the provider's own and the same in each repeat."""

    id: str
    address: str
    text: str = ""
    button: str | None = None  # what came back with a button that was pressed
    media: Media | None = None
    edited: bool = False
    blocked: bool | None = None  # the person blocked (True) or unblocked (False) us; nothing was said
    token: str | None = None  # what the channel needs to say that a button was seen
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the provider tells of something we sent."""

    state: DeliveryState
    provider_id: str | None = None
    reference: str | None = None
    error: str | None = None
    window_closed: bool = False  # refused because the person has to write first


type Event = Inbound | Receipt

#: Takes what came in, in its order; returns once it is safely in the log. Raises ``NotTaken``.
type Receive = Callable[[Sequence[Event]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message to be sent. ``buttons`` are ``{"title", "id"}``.

    ``file`` is ``{"name", "media_type"}`` with the ``id`` of one that is kept, or the ``url`` of one that is
    made when it is sent.
    """

    text: str
    buttons: Sequence[Json] = ()
    file: Json | None = None

    def json(self) -> Json:
        """The bubble as the outbox keeps it."""
        return {"text": self.text, "buttons": list(self.buttons), "file": self.file}

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Bubble:
        """The bubble that ``json`` made."""
        return cls(str(payload["text"]), payload.get("buttons") or (), payload.get("file"))


class Refused(Exception):
    """A webhook that is not the provider's, or that cannot be read. ``status`` is the HTTP status."""

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


class NotTaken(Exception):
    """Events that are not in the log: the provider must tell them again. ``cause``: of the first of them."""

    def __init__(self, events: Sequence[Event], cause: Exception) -> None:
        self.events = events
        self.cause = cause
        super().__init__(f"{len(events)} events were not taken in")


class NotSent(Exception):
    """The provider did not take a message.

    ``for_good``: it never will. ``uncertain``: it may have taken it. ``not_before``: what it asked to wait.
    """

    def __init__(
        self,
        why: str,
        *,
        for_good: bool = False,
        uncertain: bool = False,
        not_before: timedelta | None = None,
    ) -> None:
        self.for_good = for_good
        self.uncertain = uncertain
        self.not_before = not_before
        super().__init__(why)


class NotFetched(Exception):
    """The provider did not give out what a person sent. ``for_good``: it never will."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        self.for_good = for_good
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Sending:
    """One bubble on its way."""

    address: str
    bubble: Bubble
    reference: str
    heard_at: datetime | None = None  # when the person last wrote; None when that is not known any more
    file: bytes | None = field(default=None, repr=False)


class Channel(ABC):
    """One channel. An instance lives as long as the gateway."""

    #: Whether what was taken may be refused later, and may then be sent again.
    refuses_late = False

    name: str  # in addresses, tables and settings
    title: str  # for people
    can: Capabilities

    @abstractmethod
    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise ``Refused`` unless the webhook is the provider's."""

    @abstractmethod
    def read(self, body: Any) -> list[Event]:
        """What a webhook's JSON tells; kinds that do not matter here are left out. Raises ``Refused``."""

    def challenge(self, query: Mapping[str, str]) -> str:
        """The answer to a provider that asks whether this address is ours. Raises ``Refused``."""
        raise Refused(404, "this channel asks nothing")

    @abstractmethod
    async def send(self, sending: Sending) -> str | None:
        """Give one bubble to the provider; returns its id there. Raises ``NotSent``, or ``Held``."""

    async def find_sent(self, reference: str) -> str | None:
        """The provider's id of what it took under our reference, if it can be asked. Raises ``NotSent``."""
        return None

    async def fetch(self, ref: str, most: int) -> bytes:
        """What a person sent, of at most so many bytes. Raises ``NotFetched``."""
        raise NotFetched("this channel gives no files out", for_good=True)

    async def seen(self, inbound: Inbound) -> None:
        """Show the person that a button they pressed was seen, where the channel has that. Never fails."""
        return None

    @property
    def asks_to_write(self) -> bool:
        """Whether there is a way to ask a person to write, when nothing else may be sent."""
        return False

    async def ask_to_write(self, address: str, reference: str) -> None:  # noqa: B027 - few channels have it
        """Ask the person to write, if ``asks_to_write``. Raises ``NotSent``."""

    @asynccontextmanager
    async def running(self, receive: Receive) -> AsyncGenerator[None]:
        """What the channel does besides, for as long as the gateway runs."""
        yield

    def close(self) -> None:  # noqa: B027 - few channels have it
        """Give back what the channel holds. Nothing is sent any more."""


class Held(Exception):
    """The provider allows no message now: what waits is kept until the person writes. Says why."""
