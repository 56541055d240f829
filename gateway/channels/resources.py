"""What the channels open at the start of the gateway and close at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp
from aiohttp import web

from conversations.errors import StoreFailed
from conversations.outbox import Outbox
from conversations.recipients import Recipients
from gateway.channels.keys import CHANNEL_SETTINGS, CHANNELS, OUTBOX, PAUSES, RECEIVER, RECIPIENTS, SET_ASIDE
from gateway.channels.receiving import Receiver, Words
from gateway.channels.registry import open_channels
from gateway.channels.sending import Sender
from gateway.channels.set_aside import SetAside
from gateway.keys import BOT, CRISIS, LIMITS, METRICS, RECORDS, SEALER, SERVICE_STATE, SETTINGS, STORE, TURNS

log = logging.getLogger(__name__)

#: How often we look for what is too old to keep.
_LOOK_EVERY_SECONDS = 600

#: A finished entry that belongs to no conversation is kept so long, for its receipts.
_KEEP_FINISHED = timedelta(days=1)


async def messaging(app: web.Application) -> AsyncGenerator[None]:
    """Every channel that is on, with its sender; nothing at all when none is."""
    settings, own = app[CHANNEL_SETTINGS], app[SETTINGS]
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        )
        channels = open_channels(settings, session)
        app[CHANNELS] = channels
        for channel in channels.values():
            stack.callback(channel.close)
        store, sealer = app[STORE], app[SEALER]
        app[OUTBOX] = Outbox(store.database, store.events, sealer)
        app[RECIPIENTS] = Recipients(store.database, sealer)
        words = Words(
            service_name=own.service_name,
            retention_days=own.retention_days,
            public_url=settings.public_url.rstrip("/"),
            crossing_minutes=settings.crossing_minutes,
        )
        app[SET_ASIDE] = SetAside(
            store=store,
            outbox=app[OUTBOX],
            turns=app[TURNS],
            crisis=app[CRISIS],
            metrics=app[METRICS],
            first_pause=app[PAUSES][0],
        )
        app[RECEIVER] = receiver = Receiver(
            channels=channels,
            store=store,
            recipients=app[RECIPIENTS],
            outbox=app[OUTBOX],
            turns=app[TURNS],
            bot=app[BOT],
            crisis=app[CRISIS],
            words=words,
            limits=app[LIMITS],
            set_aside=app[SET_ASIDE],
            first_pause=app[PAUSES][0],
        )
        if not channels:
            yield
            return
        sender = Sender(
            channels=channels,
            store=store,
            recipients=app[RECIPIENTS],
            outbox=app[OUTBOX],
            records=app[RECORDS],
            words=words,
            school_holidays=lambda: app[SERVICE_STATE][0].school_holidays,
            pauses=app[PAUSES],
        )
        # Left in reverse: first nothing comes in any more, then turns end, then sending stops.
        stack.push_async_callback(_stop, asyncio.create_task(sender.run()))
        stack.push_async_callback(_stop, asyncio.create_task(_look_after(app)))
        stack.push_async_callback(receiver.drain)
        for channel in channels.values():
            await stack.enter_async_context(channel.running(partial(receiver.receive, channel)))
        log.info("channels are on", extra={"channels": ", ".join(channels)})
        yield


async def _look_after(app: web.Application) -> None:
    while True:
        try:
            await app[RECIPIENTS].forget()
            await app[OUTBOX].forget(datetime.now(UTC) - _KEEP_FINISHED)
        except StoreFailed as error:
            log.error("the channels cannot be looked after", extra={"cause": str(error)})
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
