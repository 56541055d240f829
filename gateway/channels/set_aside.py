"""What always fails is set aside after a few tries, so that nothing waits behind it for ever.

It is logged without a word of it, counted, and noted for advisers. Whoever wrote it is told that it could not
be read, what they can do, and whom to call in danger: it may have said so. What they wrote since may
be answered before.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta

from conversations.errors import ConversationsError, NotFound, StoreUnavailable
from conversations.log import Draft
from conversations.models import Conversation, Message
from conversations.outbox import Outbox
from conversations.store import Store
from gateway.channels import voice
from gateway.channels.base import Bubble
from gateway.crisis import emergency_lines
from gateway.metrics import Metrics
from gateway.ports import Crisis
from gateway.turn import Begun, Turns

log = logging.getLogger(__name__)

#: So often is tried what fails by a fault of our own.
TRIES = 4


class SetAside:
    """One instance a gateway."""

    def __init__(
        self,
        *,
        store: Store,
        outbox: Outbox,
        turns: Turns,
        crisis: Crisis,
        metrics: Metrics,
        first_pause: timedelta,
    ) -> None:
        """``first_pause``: before a turn is tried for the second time; it doubles from one to the next."""
        self._store = store
        self._outbox = outbox
        self._turns = turns
        self._crisis = crisis
        self._metrics = metrics
        self._first_pause = first_pause

    async def see_through(self, begun: Begun) -> None:
        """Wait for the end of a turn, and begin it again while it fails; after that it is set aside.

        Raises ``ConversationsError`` when the chat is gone or the database is: then it is taken up later.
        """
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(self._first_pause.total_seconds() * 2 ** (attempt - 1))
                begun = await self._turns.take_up(begun.message, nullcontext())
            try:
                await begun.replies()
                return
            except ConversationsError:
                raise
            except Exception as error:  # a fault of our own, whatever it is: nobody else would tell of it
                log.error(
                    "a turn failed",
                    extra={"conversation": begun.message.conversation_id, **what_failed(error)},
                )
        await self._turn(begun.message)

    async def _turn(self, message: Message) -> None:
        """Answer a message whose turn cannot be taken."""
        conversation = await self._store.get(message.conversation_id)
        self._count(conversation.channel)  # before it is written: if that fails too, somebody must still hear
        await self._store.append_assistant(
            conversation.id,
            [voice.set_aside_note(kept=True), self._words(conversation)],
            reply_to=message.seq,
            unless_owned_by_adviser=False,  # it may have spoken of danger
        )

    async def event(self, channel: str, address: str) -> None:
        """Tell of what a person sent and could not be taken in. Raises ``StoreUnavailable``."""
        if not await self._said_in_the_chat(channel, address):
            await self._outbox.enqueue(channel, address, Bubble(self._words(None).text).json())
        self._count(channel)

    async def _said_in_the_chat(self, channel: str, address: str) -> bool:
        """False if they have no chat, or the fault is in the chat itself."""
        with suppress_faults("a chat cannot be read"), suppress(NotFound):
            conversation = await self._store.of_sender(channel, address)
            if conversation is not None:
                await self._store.append_assistant(
                    conversation.id,
                    [voice.set_aside_note(kept=False), self._words(conversation)],
                    unless_owned_by_adviser=False,
                )
                return True
        return False

    def _words(self, conversation: Conversation | None) -> Draft:
        # Whoever writes in a channel is taken to be young until they say otherwise.
        area, young = (conversation.area, conversation.young) if conversation else (None, True)
        return voice.set_aside(emergency_lines(self._crisis, area, young=young))

    def _count(self, channel: str) -> None:
        self._metrics.set_aside.labels(channel).inc()
        log.error("a message was set aside", extra={"channel": channel})


@contextmanager
def suppress_faults(event: str) -> Generator[None]:
    """Log any fault of our own as ``event``, and go on; not that the database is gone."""
    try:
        yield
    except StoreUnavailable:
        raise
    except Exception as error:
        log.error(event, extra=what_failed(error))


def what_failed(error: BaseException) -> dict[str, str]:
    """For a log line: which error and where. Not what it says: that may hold the words of a person."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return {"cause": type(error).__name__, "where": where}
