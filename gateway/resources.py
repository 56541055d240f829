"""What the gateway opens at the start and closes at the end, in this order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from conversations.callbacks import CallBacks
from conversations.errors import StoreFailed
from conversations.events import SERVICE
from conversations.log import Draft
from conversations.models import Conversation
from conversations.quotas import SharedQuotas
from conversations.sealing import Sealer, key_in
from conversations.store import open_store
from gateway import person_wording, wording
from gateway.bot_client import BotClient, socket_that_breaks
from gateway.call_back import CallBackTalk
from gateway.channels import voice
from gateway.channels.registry import CHANNELS
from gateway.crisis import check_complete
from gateway.elsewhere import Elsewhere
from gateway.keys import (
    AREAS,
    BOT,
    CALL_BACKS,
    CRISIS,
    HTTP,
    LIMITS,
    METRICS,
    RECORDS,
    SEALER,
    SERVICE_STATE,
    SETTINGS,
    STORE,
    TURNS,
)
from gateway.limits import WINDOW_SECONDS, Limits
from gateway.ports import Crisis, Safety
from gateway.records import Records
from gateway.turn import Turns

log = logging.getLogger(__name__)

#: How often we look for advisers who vanished.
_LOOK_EVERY_SECONDS = 5

_PURGE_EVERY_SECONDS = 3600

#: Another process may have changed it; a wake-up in this one does not wait for that.
_REREAD_STATE_SECONDS = 15

_KEY_FILE = Path("var/secret.key")

#: A wrong number in a crisis contact is shown no longer than this once it is mended.
_REREAD_CRISIS_EVERY_SECONDS = 60

type Resource = Callable[[web.Application], AsyncGenerator[None]]


async def database(app: web.Application) -> AsyncGenerator[None]:
    """The conversations, migrated."""
    app[STORE] = await asyncio.to_thread(open_store, app[SETTINGS].conversations_url)
    await app[STORE].events.start()
    yield
    await app[STORE].events.close()
    await app[STORE].database.close()


async def sealing(app: web.Application) -> AsyncGenerator[None]:
    """The keys for what is stored encrypted, and the call backs that need them."""
    keys = app[SETTINGS].secret_keys.get_secret_value()
    # A gateway that is started by hand keeps its key where its databases are by default.
    app[SEALER] = Sealer(keys or await asyncio.to_thread(key_in, _KEY_FILE))
    app[CALL_BACKS] = CallBacks(app[STORE].database, app[STORE].events, app[SEALER])
    yield


async def limits(app: web.Application) -> AsyncGenerator[None]:
    """How fast anybody may send: counted together with the other gateways where there can be any."""
    settings, database = app[SETTINGS], app[STORE].database
    shared = None if database.is_sqlite else SharedQuotas(database, app[SEALER])
    app[LIMITS] = Limits(
        messages=settings.messages_per_minute,
        address_messages=settings.address_messages_per_minute,
        address_conversations=settings.address_conversations_per_minute,
        trusted_proxies=settings.trusted_proxies,
        meter=shared,
    )

    async def forget(quotas: SharedQuotas) -> None:
        while True:
            await asyncio.sleep(WINDOW_SECONDS)
            try:
                await quotas.forget()
            except StoreFailed as error:
                log.error("cannot delete used quotas", extra={"cause": str(error)})

    task = asyncio.create_task(forget(shared)) if shared else None
    yield
    if task:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def service_state(app: web.Application) -> AsyncGenerator[None]:
    """Opening hours, announcement and off switch as they stand, for the welcome; read at each change."""
    app[SERVICE_STATE] = [await app[STORE].service_state()]

    async def follow() -> None:
        with app[STORE].events.subscribe(SERVICE) as changed:
            while True:
                await changed.wait(_REREAD_STATE_SECONDS)
                try:
                    app[SERVICE_STATE][0] = await app[STORE].service_state()
                except StoreFailed as error:
                    log.error("cannot read the service's state", extra={"cause": str(error)})

    task = asyncio.create_task(follow())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def bot(app: web.Application) -> AsyncGenerator[None]:
    """One pool of connections for Rasa and the health checks; no cookies, no proxies, loopback only."""
    settings = app[SETTINGS]
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=100, socket_factory=socket_that_breaks),
    ) as session:
        app[HTTP] = session
        app[BOT] = BotClient(
            session,
            settings.bot_url,
            timeout_seconds=settings.bot_timeout_seconds,
            start_seconds=settings.bot_start_seconds,
            token=settings.bot_token,
        )
        yield


async def records(app: web.Application) -> AsyncGenerator[None]:
    """The knowledge store, for what is served straight from it."""
    app[RECORDS] = Records(app[SETTINGS].knowledge_url)
    yield
    app[RECORDS].close()


def areas(load_areas: Callable[[str], frozenset[str]]) -> Resource:
    """The ids of the areas that a conversation may begin with."""

    async def resource(app: web.Application) -> AsyncGenerator[None]:
        app[AREAS] = await asyncio.to_thread(load_areas, app[SETTINGS].knowledge_url)
        yield

    return resource


def turns(load_safety: Callable[[], Safety], load_crisis: Callable[[str], Crisis]) -> Resource:
    """The safety check, the crisis cards and the turns that use them."""

    async def resource(app: web.Application) -> AsyncGenerator[None]:
        settings = app[SETTINGS]
        safety = await asyncio.to_thread(load_safety)
        app[CRISIS] = await asyncio.to_thread(load_crisis, settings.knowledge_url)
        check_complete(app[CRISIS])
        elsewhere = Elsewhere(settings.knowledge_url)
        app[TURNS] = Turns(
            store=app[STORE],
            bot=app[BOT],
            safety=safety,
            crisis=app[CRISIS],
            elsewhere=elsewhere,
            call_backs=CallBackTalk(app[STORE], app[CALL_BACKS]),
            metrics=app[METRICS],
            max_message_chars=settings.max_message_chars,
            call_back_after=timedelta(minutes=settings.long_wait_minutes),
            longest_turn=settings.longest_turn,
            aside=_aside,
        )
        yield
        await app[TURNS].drain()
        app[TURNS].close()
        elsewhere.close()

    return resource


def _aside(conversation: Conversation, text: str) -> Draft | None:
    return voice.aside(conversation, text) if conversation.channel in CHANNELS else None


async def keep_crisis_current(app: web.Application) -> AsyncGenerator[None]:
    """Takes up crisis contacts and words that were changed in the store."""

    async def look() -> None:
        while True:
            await asyncio.sleep(_REREAD_CRISIS_EVERY_SECONDS)
            if await asyncio.to_thread(app[CRISIS].refresh, app[SETTINGS].knowledge_url):
                log.info("crisis contacts read again")

    task = asyncio.create_task(look())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def keep_no_longer_than_said(app: web.Application) -> AsyncGenerator[None]:
    """Deletes the chats that are older than the page says we keep them, at the start and every hour."""
    kept = timedelta(days=app[SETTINGS].retention_days)

    async def purge() -> None:
        while True:
            try:
                deleted = await app[STORE].purge(datetime.now(UTC) - kept)
                if deleted:
                    log.info("old conversations deleted", extra={"count": deleted})
            except StoreFailed as error:
                log.error("cannot delete old conversations", extra={"cause": str(error)})
            await asyncio.sleep(_PURGE_EVERY_SECONDS)

    task = asyncio.create_task(purge())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def watch_advisers(app: web.Application) -> AsyncGenerator[None]:
    """Puts the chats of advisers who vanished back in the queue; tells those people, and who waits long."""
    unseen = timedelta(seconds=app[SETTINGS].adviser_unseen_seconds)
    long_wait = timedelta(minutes=app[SETTINGS].long_wait_minutes)

    async def watch() -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            try:
                for conversation_id in await app[STORE].requeue_unseen(unseen, notice=wording.adviser_lost()):
                    log.warning("adviser lost", extra={"conversation": conversation_id})
                await app[STORE].long_waits(long_wait, notice=person_wording.long_wait())
            except StoreFailed as error:
                log.error("cannot look for lost advisers", extra={"cause": str(error)})

    task = asyncio.create_task(watch())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
