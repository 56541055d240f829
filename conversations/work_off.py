"""Working off the outbox: claim what is due, send it, look again. The same for everybody who sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial

from conversations.errors import StoreFailed, StoreUnavailable
from conversations.events import OUTBOX, Events
from conversations.outbox import Claimed, Outbox

log = logging.getLogger(__name__)

#: Looked at this often even when nothing wakes us: another process may have written.
_LOOK_EVERY_SECONDS = 5.0

#: What seems to be due at once may be claimed by another process: it is not asked for again at once.
_SHORTEST_WAIT = 0.05

_AFTER_AN_ERROR = timedelta(minutes=1)

#: At the end a claim that is under way is waited for so long, whatever the database does.
_CLAIM_ENDS_WITHIN_SECONDS = 5.0


async def work_off(
    outbox: Outbox,
    events: Events,
    kinds: Collection[str],
    send: Callable[[Claimed], Awaitable[None]],
    *,
    at_once: int = 20,
    finish_seconds: float = 0.0,
) -> None:
    """Send whatever is due of these kinds, until cancelled.

    ``send`` says of its entry how it went: ``sent``, ``retry``, ``failed`` or ``hold``. So many entries of
    each kind are sent ``at_once``, never two of one lane: one that takes long holds up no other, and a
    provider that hangs holds up no other provider.
    When this is cancelled, what is under way has ``finish_seconds`` to end, and is cancelled then; whoever
    works off the same outbox next may have at once what did not end.
    """
    sending: dict[str, dict[asyncio.Task[None], Claimed]] = {kind: {} for kind in kinds}
    with events.subscribe(OUTBOX) as woken:

        def ended(kind: str, task: asyncio.Task[None]) -> None:
            if len(sending[kind]) >= at_once:
                woken.wake()  # there is room for this kind again
            del sending[kind][task]

        async def take(room: dict[str, int]) -> bool:
            # No more than fit if all should be of one kind; there is another look right after it.
            claimed = await outbox.claim(room, limit=min(room.values()))
            for entry in claimed:
                task = asyncio.create_task(_send(outbox, send, entry))
                sending[entry.kind][task] = entry
                task.add_done_callback(partial(ended, entry.kind))
            return bool(claimed)

        taking: asyncio.Task[bool] | None = None
        try:
            while True:
                room = {kind: at_once - len(tasks) for kind, tasks in sending.items() if len(tasks) < at_once}
                wait = _LOOK_EVERY_SECONDS
                try:
                    if room:
                        # Not cut off half way: what was claimed would be nobody's until its lease ends.
                        taking = asyncio.create_task(take(room))
                        if await asyncio.shield(taking):
                            continue
                    if room and (due := await outbox.next_due(room)) is not None:
                        wait = min(wait, max(due.total_seconds(), _SHORTEST_WAIT))
                except StoreFailed as error:
                    log.error("the outbox cannot be read", extra={"cause": str(error)})
                await woken.wait(wait)
        finally:
            if taking is not None:
                await asyncio.wait({taking}, timeout=_CLAIM_ENDS_WITHIN_SECONDS)
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)
            under_way = {task: entry for tasks in sending.values() for task, entry in tasks.items()}
            if under_way:
                await asyncio.wait(under_way, timeout=finish_seconds)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            for task, entry in under_way.items():
                if task.cancelled():
                    await _give_back(outbox, entry)


async def _send(outbox: Outbox, send: Callable[[Claimed], Awaitable[None]], entry: Claimed) -> None:
    try:
        try:
            await send(entry)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("an entry cannot be sent", extra={"reference": entry.reference})
            await outbox.retry(entry, "an error of our own", not_before=_AFTER_AN_ERROR)
    except StoreFailed as error:
        # The claim ends by itself, and the entry is then known to be uncertain.
        log.error("the outbox cannot be written", extra={"cause": str(error)})


async def _give_back(outbox: Outbox, entry: Claimed) -> None:
    try:
        await outbox.give_back(entry)
    except StoreFailed as error:
        log.error("an entry is free only when its claim ends", extra={"cause": str(error)})
