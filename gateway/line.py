"""Whose turn it is: turns of one chat run one at a time and in the order of its log, whoever has them.

In this process a turn waits for the tasks before it. On PostgreSQL another gateway may have an earlier
message of the same chat, or the same one: the log names the process that has the turn of each message
(``Message.taken_by``), and a turn waits until those before it are over, were let go, or are older than any
turn takes. No connection and no lock of the database is held meanwhile. What a process left behind that
ended is taken up, in the order of the log, by whoever notices (``recovery.py``); what waits behind it waits
for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

from conversations.log import utc_now
from conversations.models import Message, Role
from conversations.store import Store

#: The end of a turn elsewhere wakes who waits for it; a wake-up that was lost delays no longer than this.
_LOOK_AGAIN_SECONDS = 1.0


class Line:
    """Who waits for whom. One instance a gateway."""

    def __init__(self, store: Store, longest_turn: timedelta) -> None:
        """``longest_turn``: a turn that began longer ago holds nobody up any more."""
        self._store = store
        self._longest_turn = longest_turn
        self._acting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._taking_up = asyncio.Lock()
        self._waiting: set[asyncio.Task[Any]] = set()
        self._left = False

    async def others_first(self, conversation_id: str, seq: int, history: Sequence[Message]) -> bool:
        """Wait for what other processes have before message ``seq``; whether there was anything to wait for.

        ``history`` ends with the message. After a wait it may be answered, and earlier ones may have been
        taken up by this process, which are then under way. Raises ``StoreUnavailable``.
        """
        if not any(self._is_elsewhere(message) for message in history):
            return False
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        if self._left:
            task.cancel()
        try:
            with self._store.events.subscribe(conversation_id) as woken:
                while await self._store.is_before_in_line(
                    conversation_id, seq, utc_now() - self._longest_turn
                ):
                    await woken.wait(_LOOK_AGAIN_SECONDS)
            async with self._taking_up:
                return True
        finally:
            self._waiting.discard(task)

    def acting(self, conversation_id: str) -> AbstractAsyncContextManager[Any]:
        """Held by the one turn of the chat that acts; one that is tried again comes between two others."""
        return _kept_alive(self._acting.setdefault(conversation_id, asyncio.Lock()))

    def taking_up(self) -> AbstractAsyncContextManager[Any]:
        """Held from when this process takes messages of others until their turns are under way."""
        return self._taking_up

    def leave(self) -> None:
        """Give up what waits for another process: it is in the log, and taken up when this one is gone."""
        self._left = True
        for task in self._waiting:
            task.cancel()

    def _is_elsewhere(self, message: Message) -> bool:
        return (
            message.role is Role.USER
            and not message.answered
            and message.taken_by not in (None, self._store.events.process)
        )


@asynccontextmanager
async def _kept_alive(lock: asyncio.Lock) -> AsyncGenerator[None]:
    # The dictionary lets go of a lock that nobody refers to.
    async with lock:
        yield
