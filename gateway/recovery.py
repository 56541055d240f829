"""Turns that were cut off, because a gateway was killed in the middle, are taken up: at the start and on.

On SQLite there is one gateway, so at its start every open turn is one that was cut off. On PostgreSQL another
gateway may be busy with it: a turn counts as cut off once it is older than any turn takes. Two gateways never
take up the same one, and an answer is logged once whatever happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from conversations.errors import ConversationsError, StoreUnavailable
from gateway.channels.keys import RECEIVER, SET_ASIDE
from gateway.channels.set_aside import SetAside, what_failed
from gateway.keys import SETTINGS, STORE, TURNS
from gateway.turn import Begun

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 5

#: No more chats at once than this go to the bot: it has new questions to answer too.
_CHATS_AT_ONCE = 4

#: An alert older than this is no news to anybody.
_ALERTS_FOR = timedelta(hours=24)


async def take_up_cut_off_turns(app: web.Application) -> AsyncGenerator[None]:
    """Looks at the start and every few seconds, and answers what nobody answers.

    At the start the turns are begun before anybody is served: what people write next then waits its turn
    behind what they wrote before.
    """
    # Several turns of a chat may wait for one another, each as long as the bot's time-out.
    longest_turn = timedelta(
        seconds=app[SETTINGS].bot_start_seconds + 3 * app[SETTINGS].bot_timeout_seconds + 10
    )
    room = asyncio.Semaphore(_CHATS_AT_ONCE)
    before = datetime.now(UTC) - (timedelta(0) if app[STORE].database.is_sqlite else longest_turn)
    begun = await begin_again(app, before, room)

    async def watch(begun: list[Begun], before: datetime) -> None:
        while True:
            # Whatever it is: if this ended, nobody would be taken up any more.
            with _going_on("cannot look for dangers that nobody was told of"):
                await _tell_of_dangers(app, before)
            await asyncio.gather(*(_end(app[SET_ASIDE], turn) for turn in begun))
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            before, begun = datetime.now(UTC) - longest_turn, []
            with _going_on("cannot look for turns that were cut off"):
                begun = await begin_again(app, before, room)

    task = asyncio.create_task(watch(begun, before))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@contextmanager
def _going_on(event: str) -> Generator[None]:
    """Log what fails as ``event``, and go on with the others: what was left is found again."""
    try:
        yield
    except ConversationsError as error:  # erased meanwhile, or the database is gone
        log.warning(event, extra=what_failed(error))
    except Exception as error:  # a fault of our own
        log.error(event, extra=what_failed(error))


async def _tell_of_dangers(app: web.Application, before: datetime) -> None:
    try:
        alerts = await app[STORE].untold_dangers(datetime.now(UTC) - _ALERTS_FOR)
    except StoreUnavailable as error:
        log.error("cannot look for dangers that nobody was told of", extra={"cause": str(error)})
        return
    for alert in alerts:
        # A turn that is under way tells advisers itself, right after its reply.
        if alert.created_at < before:
            log.warning("advisers are told late of a danger", extra={"conversation": alert.conversation_id})
            with _going_on("advisers could not be told of a danger"):
                await app[TURNS].tell_of(alert)


async def begin_again(
    app: web.Application, before: datetime, room: AbstractAsyncContextManager[Any]
) -> list[Begun]:
    """The turns that were cut off before ``before``, begun anew in the order of each chat's log."""
    begun: list[Begun] = []
    cut_off = 0
    try:
        while found := await app[STORE].take_unanswered(before):
            cut_off += len(found)
            for message in sorted(found, key=lambda message: (message.conversation_id, message.seq)):
                if "media" in message.meta:
                    with _going_on("turn not taken up"):
                        await app[RECEIVER].take_up_media(message)
                else:
                    begun.append(await app[TURNS].take_up(message, room))
    except StoreUnavailable as error:
        log.error("cannot look for turns that were cut off", extra={"cause": str(error)})
    if cut_off:
        log.warning("turns were cut off", extra={"count": cut_off})
    return begun


async def _end(set_aside: SetAside, turn: Begun) -> None:
    with _going_on("turn not taken up"):
        await set_aside.see_through(turn)
