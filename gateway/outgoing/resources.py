"""The two loops: from what happened to what is to be sent, and from there to whoever takes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from functools import partial

import aiohttp
from aiohttp import web

from conversations.errors import StoreFailed
from conversations.events import QUEUE
from conversations.outbox import Outbox
from conversations.outgoing import Outgoing
from gateway.channels.keys import PAUSES
from gateway.keys import BOT, SEALER, STORE
from gateway.outgoing.planning import alerts_of, plan_of
from gateway.outgoing.queue_servers import OwnDesk, QueueServer
from gateway.outgoing.sending import OutgoingSender
from gateway.outgoing.settings import OutgoingSettings

log = logging.getLogger(__name__)

#: Looked at this often even without a wake-up: an adviser may have gone off duty.
_LOOK_EVERY_SECONDS = 5.0

SETTINGS = web.AppKey("outgoing_settings", OutgoingSettings)
#: Desks other than our own, filled in by whoever adds one before the gateway starts.
QUEUE_SERVERS: web.AppKey[list[QueueServer]] = web.AppKey("queue_servers", list)


async def outgoing(app: web.Application) -> AsyncGenerator[None]:
    """Runs both loops as long as the gateway runs."""
    store, settings = app[STORE], app[SETTINGS]
    outbox = Outbox(store.database, store.events, app[SEALER])
    work = Outgoing(store.database, store.events, outbox)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True) as session:
        sender = OutgoingSender(outbox, store.events, app[BOT], session, settings, app[PAUSES])
        servers = [*app[QUEUE_SERVERS], OwnDesk()]
        tasks = [asyncio.create_task(_follow(app, work, servers)), asyncio.create_task(sender.run())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(app: web.Application, work: Outgoing, servers: Sequence[QueueServer]) -> None:
    settings = app[SETTINGS]
    with app[STORE].events.subscribe(QUEUE) as changed:
        while True:
            try:
                while await work.publish(partial(plan_of, settings=settings, servers=servers)):
                    pass
                for reference in await work.alert(partial(alerts_of, settings=settings)):
                    log.warning("a crisis waits and nobody is on duty", extra={"reference": reference})
            except StoreFailed as error:
                log.error("cannot tell of changes", extra={"cause": str(error)})
            await changed.wait(_LOOK_EVERY_SECONDS)
