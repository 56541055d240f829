"""Turns that were cut off, because a gateway was killed in the middle, are taken up: at the start and on.

On SQLite there is one gateway, so at its start every open turn is one that was cut off. On PostgreSQL another
gateway may be busy with it: a turn counts as cut off once it is older than any turn takes. Two gateways never
take up the same one, and an answer is logged once whatever happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby

from aiohttp import web

from conversations.errors import ConversationsError, StoreUnavailable
from conversations.models import Message
from gateway.channels.keys import RECEIVER
from gateway.keys import SETTINGS, STORE, TURNS

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 5

#: No more chats at once than this: the bot has new questions to answer too.
_CHATS_AT_ONCE = 4

#: An alert older than this is no news to anybody.
_ALERTS_FOR = timedelta(hours=24)


async def take_up_cut_off_turns(app: web.Application) -> AsyncGenerator[None]:
    """Looks at the start and every few seconds, and answers what nobody answers."""
    # Several turns of a chat may wait for one another, each as long as the bot's time-out.
    longest_turn = timedelta(seconds=3 * app[SETTINGS].bot_timeout_seconds + 10)

    async def watch() -> None:
        before = datetime.now(UTC) - (timedelta(0) if app[STORE].database.is_sqlite else longest_turn)
        while True:
            try:
                await _look(app, before)
            except StoreUnavailable as error:
                log.error("cannot look for turns that were cut off", extra={"cause": str(error)})
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            before = datetime.now(UTC) - longest_turn

    task = asyncio.create_task(watch())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _look(app: web.Application, before: datetime) -> None:
    now = datetime.now(UTC)
    for alert in await app[STORE].untold_dangers(now - _ALERTS_FOR):
        # A turn that is under way tells advisers itself, right after its reply.
        if alert.created_at < before:
            log.warning("advisers are told late of a danger", extra={"conversation": alert.conversation_id})
            with suppress(ConversationsError):
                await app[TURNS].tell_of(alert)
    found = await app[STORE].take_unanswered(before)
    if not found:
        return
    log.warning("turns were cut off", extra={"count": len(found)})
    at_once = asyncio.Semaphore(_CHATS_AT_ONCE)
    found.sort(key=lambda message: (message.conversation_id, message.seq))
    await asyncio.gather(
        *(
            _take_up(app, list(messages), at_once)
            for _, messages in groupby(found, key=lambda message: message.conversation_id)
        )
    )


async def _take_up(app: web.Application, messages: list[Message], at_once: asyncio.Semaphore) -> None:
    """The open turns of one chat, in the order of the log."""
    async with at_once:
        for message in messages:
            try:
                if "media" in message.meta:
                    await app[RECEIVER].take_up_media(message)
                else:
                    await app[TURNS].take_up(message)
            except ConversationsError as error:
                # Erased meanwhile, or the database is gone: then it is found again.
                log.warning("turn not taken up", extra={"cause": type(error).__name__})
