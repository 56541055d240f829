"""Wake-ups inside one process: "something changed, read again from where you are".

A wake-up carries no data. Whoever is woken re-reads the log by sequence number, so a missed, doubled or
late wake-up can delay a message but never lose or repeat one.
See ``postgres_events`` for several machines.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager

#: Subscribe to this instead of a conversation's id to hear of every change of the queue.
QUEUE = "*queue*"

#: Who is writing: the person whose chat it is, the assistant, or else the id of an adviser.
PERSON, ASSISTANT = "user", "assistant"

#: Subscribe to this to hear that something waits to be sent.
OUTBOX = "*outbox*"

#: ... or of every change that a supervisor makes for everybody.
SERVICE = "*service*"


class Subscription:
    """One listener. ``wait`` returns at once if something happened since it last returned."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._typing: set[str] = set()
        self._news = False

    async def wait(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - says whether time ran out
        """Wait for a change, at most ``timeout`` seconds. True if there was one, False if time ran out."""
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            return False
        # Cleared before the caller reads, so that a change during that reading wakes it again.
        self._changed.clear()
        return True

    def take_typing(self) -> set[str]:
        """Who was writing since this was last asked: "assistant", "user" or the ids of advisers."""
        typing, self._typing = self._typing, set()
        return typing

    def take_news(self) -> bool:
        """Whether anything happened since this was last asked, but for somebody's writing."""
        news, self._news = self._news, False
        return news

    def wake(self, *, typing: str | None = None) -> None:
        """Called by ``Events``."""
        if typing is None:
            self._news = True
        else:
            self._typing.add(typing)
        self._changed.set()


class Events:
    """Who listens to which conversation. Use it from the event loop's own thread."""

    #: The number of this process among those that share the database; None where there is only one.
    process: int | None = None

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Subscription]] = defaultdict(set)

    async def start(self) -> None:
        """Begin to hear of what happens in other processes, where there is a way to."""

    async def close(self) -> None:
        """Stop hearing of it."""

    def wake_all(self) -> None:
        """Wake every listener: something may have been missed."""
        for listeners in list(self._listeners.values()):
            for subscription in listeners:
                subscription.wake()

    @contextmanager
    def subscribe(self, conversation_id: str) -> Generator[Subscription]:
        """Listen to a conversation (or to ``QUEUE``) for as long as the block runs.

        Subscribe first, then read: what happens between the two wakes you.
        """
        subscription = Subscription()
        self._listeners[conversation_id].add(subscription)
        try:
            yield subscription
        finally:
            listeners = self._listeners[conversation_id]
            listeners.discard(subscription)
            if not listeners:
                del self._listeners[conversation_id]

    def publish(self, conversation_id: str) -> None:
        """Wake everybody who listens to this conversation (or to ``QUEUE``)."""
        for subscription in self._listeners.get(conversation_id, ()):
            subscription.wake()

    def typing(self, conversation_id: str, who: str = ASSISTANT) -> None:
        """Tell listeners that ``who`` ("assistant", "user" or an adviser's id) is writing."""
        for subscription in self._listeners.get(conversation_id, ()):
            subscription.wake(typing=who)
