"""What the gateway opens for Chatwoot; nothing at all while it is off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta

import aiohttp
from aiohttp import web

from conversations.errors import AdviserExists, NotFound, StoreFailed
from conversations.files import is_file
from conversations.models import Json
from conversations.outbox import Claimed, Outbox
from conversations.recipients import Recipients
from conversations.sealing import Sealer
from conversations.store import Store
from conversations.work_off import work_off
from gateway.channels import voice
from gateway.channels.keys import CHANNEL_SETTINGS, PAUSES
from gateway.chatwoot.client import DESK, ChatwootClient, is_shown_there
from gateway.chatwoot.queue_server import CHATWOOT, ChatwootQueue
from gateway.chatwoot.receiving import ChatwootReceiver
from gateway.chatwoot.settings import ChatwootSettings
from gateway.errors import Code, Problem
from gateway.keys import SEALER, STORE, TURNS
from gateway.outgoing.resources import QUEUE_SERVERS
from gateway.outgoing.sending import Failed, Refused

log = logging.getLogger(__name__)

SETTINGS = web.AppKey("chatwoot_settings", ChatwootSettings)
_RECEIVER = web.AppKey("chatwoot_receiver", ChatwootReceiver)

_ATTEMPT_SECONDS = 15.0

#: A file of the largest size has so long to get there: below the lease of its entry in the outbox.
_FILE_SECONDS = 50.0

#: After so many tries of which nobody knows whether the file arrived, it is left out: each may have stored it
#: once more, and all that was written after it waits.
_UNCERTAIN_TRIES = 3

#: In these a file surely did not arrive: nobody was reached.
_NOT_REACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

_HEARTBEAT_SECONDS = 20.0


def add_chatwoot(app: web.Application, settings: ChatwootSettings) -> None:
    """Add the webhook and the loops, if Chatwoot is on."""
    app[SETTINGS] = settings
    if settings.url:
        app[QUEUE_SERVERS].append(ChatwootQueue())
        app.router.add_post("/chatwoot/{secret}", _webhook)
        app.cleanup_ctx.append(chatwoot)


async def _webhook(request: web.Request) -> web.Response:
    if _RECEIVER not in request.app:
        raise Problem(Code.NOT_SAVED)
    return await request.app[_RECEIVER].webhook(request)


async def chatwoot(app: web.Application) -> AsyncGenerator[None]:
    """The account for its agents, and sending what waits."""
    store, sealer, settings = app[STORE], app[SEALER], app[SETTINGS]
    desk_id = await _desk(store)
    recipients = Recipients(store.database, sealer)
    app[_RECEIVER] = ChatwootReceiver(settings, store, recipients, app[TURNS], desk_id)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True) as session:
        client = ChatwootClient(session, settings, app[CHANNEL_SETTINGS].public_url)
        sender = _Sender(store, sealer, recipients, client, app[PAUSES])
        tasks = [asyncio.create_task(sender.run()), asyncio.create_task(_stay(store, desk_id))]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _desk(store: Store) -> str:
    try:
        adviser, _ = await store.add_adviser(DESK, link_lasts=timedelta(0))
    except AdviserExists:
        adviser = await store.adviser_called(DESK)
    await store.stands_for_a_desk(adviser.id)
    await store.adviser_seen(adviser.id)
    return adviser.id


async def _stay(store: Store, desk_id: str) -> None:
    """Its agents do not vanish from our point of view."""
    while True:
        with suppress(StoreFailed):
            await store.adviser_seen(desk_id)
        await asyncio.sleep(_HEARTBEAT_SECONDS)


class _Sender:
    """Sends what is in the log, and changes of status, in their order."""

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        recipients: Recipients,
        client: ChatwootClient,
        pauses: tuple[timedelta, timedelta],
    ) -> None:
        self._store, self._sealer, self._recipients, self._client = store, sealer, recipients, client
        self._outbox = Outbox(store.database, store.events, sealer)
        self._first_pause, self._longest_pause = pauses

    async def run(self) -> None:
        await work_off(self._outbox, self._store.events, [CHATWOOT], self._send)

    async def _send(self, entry: Claimed) -> None:
        if "seqs" in entry.payload:  # one at a time: a failure in the middle repeats nothing
            first = await self._outbox.split(entry, await self._parts(entry))
            if first is None:
                return
            entry = first
        try:
            async with asyncio.timeout(_FILE_SECONDS if "attach" in entry.payload else _ATTEMPT_SECONDS):
                await self._tell(entry)
        except (Refused, NotFound) as error:
            log.error("not sent to Chatwoot", extra={"cause": str(error)})
            await self._outbox.failed(entry, str(error))
        except (Failed, aiohttp.ClientError, OSError, TimeoutError) as error:
            cause = str(error) if isinstance(error, Failed) else type(error).__name__
            log.warning("not sent to Chatwoot yet", extra={"cause": cause})
            if "attach" in entry.payload and not isinstance(error, (Failed, *_NOT_REACHED)):
                entry = await self._tried(entry)
            await self._outbox.retry(
                entry, cause, uncertain=True, first=self._first_pause, longest=self._longest_pause
            )
        else:
            await self._outbox.sent(entry)

    async def _tried(self, entry: Claimed) -> Claimed:
        """Count a try to send a file that ended without an answer; after too many, words go in its place."""
        tries = entry.payload.get("tries", 0) + 1
        if tries < _UNCERTAIN_TRIES:
            next_try = {**entry.payload, "tries": tries}
        else:
            log.error("a file is left out", extra={"cause": f"{tries} tries ended without an answer"})
            next_try = {"leave_out": entry.payload["name"]}
        return await self._outbox.split(entry, [next_try]) or entry

    async def _parts(self, entry: Claimed) -> list[Json]:
        """What is sent of the messages that an entry names: the words of each, then its files."""
        assert entry.conversation_id is not None
        seqs = set(entry.payload["seqs"])
        parts: list[Json] = []
        for message in await self._store.messages(entry.conversation_id):
            if message.seq in seqs and is_shown_there(message):
                parts.append({"say": message.seq})
                parts += [
                    {"attach": one["id"], "name": one["title"]} for one in message.attachments if is_file(one)
                ]
        return parts

    async def _tell(self, entry: Claimed) -> None:
        assert entry.conversation_id is not None
        recipient = await self._recipients.get(entry.conversation_id)
        if recipient is None:
            raise NotFound("the chat has been erased")
        number = self._sealer.unseal(recipient.target)
        match entry.payload.get("do"):
            case "open":
                if note := entry.payload.get("note"):
                    await self._client.note(number, note)
                await self._client.set_status(number, "open")
            case "pending":
                await self._client.set_status(number, "pending")
        if seq := entry.payload.get("say"):
            for message in await self._store.messages(entry.conversation_id, after=seq - 1, until=seq):
                await self._client.say(number, message)
        if file_id := entry.payload.get("attach"):
            await self._attach(number, entry.conversation_id, file_id, entry.payload["name"])
        if name := entry.payload.get("leave_out"):
            await self._client.say_words(number, voice.file_left_out(name))

    async def _attach(self, number: str, conversation_id: str, file_id: str, name: str) -> None:
        """Show a file there; where it is refused, say that there is one and that it cannot come this way."""
        file = await self._store.file(conversation_id, file_id)
        try:
            if file is None:
                raise Refused("the file has been erased")
            await self._client.attach(number, file)
        except Refused as error:
            log.warning("Chatwoot takes no file", extra={"cause": str(error)})
            await self._client.say_words(number, voice.file_left_out(name))
