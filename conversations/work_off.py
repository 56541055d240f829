"""Working off the outbox: claim what is due, send it, look again. The same for everybody who sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from conversations.errors import StoreUnavailable
from conversations.events import OUTBOX, Events
from conversations.outbox import Claimed, Outbox

log = logging.getLogger(__name__)

#: Looked at this often even when nothing wakes us: another process may have written.
_LOOK_EVERY_SECONDS = 5.0

#: What seems to be due at once may be claimed by another process: it is not asked for again at once.
_SHORTEST_WAIT = 0.05

_AFTER_AN_ERROR = timedelta(minutes=1)


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

    ``send`` says of its entry how it went: ``sent``, ``retry``, ``failed`` or ``hold``. So many entries are
    sent ``at_once``, never two of one lane; one that takes long holds up no other.
    When this is cancelled, what is under way has ``finish_seconds`` to end, and is cancelled then.
    """
    sending: set[asyncio.Task[None]] = set()
    with events.subscribe(OUTBOX) as woken:
        try:
            while True:
                if len(sending) >= at_once:
                    await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
                wait = _LOOK_EVERY_SECONDS
                try:
                    claimed = await outbox.claim(kinds, limit=at_once - len(sending))
                    for entry in claimed:
                        task = asyncio.create_task(_send(outbox, send, entry))
                        sending.add(task)
                        task.add_done_callback(sending.discard)
                    if claimed:
                        continue
                    if (due := await outbox.next_due(kinds)) is not None:
                        wait = min(wait, max(due.total_seconds(), _SHORTEST_WAIT))
                except StoreUnavailable as error:
                    log.error("the outbox cannot be read", extra={"cause": str(error)})
                await woken.wait(wait)
        finally:
            if sending:
                await asyncio.wait(sending, timeout=finish_seconds)
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)


async def _send(outbox: Outbox, send: Callable[[Claimed], Awaitable[None]], entry: Claimed) -> None:
    try:
        try:
            await send(entry)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("an entry cannot be sent", extra={"reference": entry.reference})
            await outbox.retry(entry, "an error of our own", not_before=_AFTER_AN_ERROR)
    except StoreUnavailable as error:
        # The claim ends by itself, and the entry is then known to be uncertain.
        log.error("the outbox cannot be written", extra={"cause": str(error)})
