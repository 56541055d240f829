"""Turns that were cut off, because a gateway was killed in the middle, are taken up: at the start and on.

On SQLite there is one gateway, so at its start every open turn is one that was cut off. On PostgreSQL another
gateway may be busy with it: a turn counts as cut off once its gateway was not connected to the database at
two looks in a row, or once it is older than any turn takes. Two gateways never take up the same one, and an
answer is logged once whatever happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
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
    longest_turn = app[SETTINGS].longest_turn
    room = asyncio.Semaphore(_CHATS_AT_ONCE)
    before = datetime.now(UTC) - (timedelta(0) if app[STORE].database.is_sqlite else longest_turn)
    begun: list[Begun] = []
    with _going_on("cannot look for turns that were cut off"):
        begun = await begin_again(app, before, room)
    # Beside the watch: one may wait for another that only the next look finds.
    ending: set[asyncio.Task[None]] = set()

    async def watch(begun: list[Begun], before: datetime) -> None:
        absent = frozenset[int]()
        with _going_on("cannot look for gateways that are gone"):
            absent = await app[STORE].absent()
        while True:
            for turn in begun:
                task = asyncio.create_task(_end(app[SET_ASIDE], turn))
                ending.add(task)
                task.add_done_callback(ending.discard)
            # Whatever it is: if this ended, nobody would be taken up any more.
            with _going_on("cannot look for dangers that nobody was told of"):
                await _tell_of_dangers(app, before)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            before, begun = datetime.now(UTC) - longest_turn, []
            with _going_on("cannot look for turns that were cut off"):
                # Whoever is away at one look only lost the connection and has it again.
                were_absent, absent = absent, await app[STORE].absent()
                begun = await begin_again(app, before, room, gone=absent & were_absent)

    watching = asyncio.create_task(watch(begun, before))
    yield
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    tasks = list(ending)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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
    app: web.Application,
    before: datetime,
    room: AbstractAsyncContextManager[Any],
    *,
    gone: Collection[int] = (),
) -> list[Begun]:
    """The turns that were cut off before ``before``, or by processes that are ``gone``, begun anew.

    In the order of each chat's log.
    """
    begun: list[Begun] = []
    cut_off = 0
    try:
        async with app[TURNS].line.taking_up():
            while found := await app[STORE].take_unanswered(before, gone=gone):
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
