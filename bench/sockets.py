"""Open sockets: what an idle one costs, and how quickly an adviser's word reaches its chat."""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from bench.processes import BenchFailed, Measured, free_port
from bench.talk import Times, session
from conversations.models import Priority
from conversations.store import Store
from gateway.app import init_app
from gateway.keys import STORE
from gateway.ports import Assessment
from gateway.settings import Settings
from knowledge.database import migrate, open_engine


@dataclass(frozen=True)
class Idle:
    """What many open sockets cost. CPU as a share of one core."""

    sockets: int
    megabytes_before: float
    megabytes: float
    open_seconds: float
    cpu_share: float
    answered_ms: float  # GET /healthz meanwhile, median

    @property
    def kilobytes_each(self) -> float:
        """Memory an open chat."""
        return (self.megabytes - self.megabytes_before) * 1024 / self.sockets


class _Page:
    """An open chat. Its frames are read as they come: only who reads answers the gateway's pings."""

    def __init__(self, chat: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.chat = chat
        self._socket = socket
        self._frames: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    @property
    def is_open(self) -> bool:
        return not self._reading.done()

    async def next(self) -> dict[str, Any]:
        """The next frame. Raises ``BenchFailed`` when none comes in a minute, or the gateway closes."""
        try:
            async with asyncio.timeout(60):
                frame = await self._frames.get()
        except TimeoutError:
            raise BenchFailed("a socket said nothing for a minute") from None
        if frame is None:
            raise BenchFailed("the gateway closed a socket")
        return frame

    async def close(self) -> None:
        await self._socket.close()
        await self._reading

    async def _read(self) -> None:
        async for frame in self._socket:
            self._frames.put_nowait(json.loads(frame.data))
        self._frames.put_nowait(None)


async def _open(http: aiohttp.ClientSession, url: str) -> _Page:
    """A new chat with its socket, read up to its first status."""
    async with http.post(f"{url}/api/v1/conversations", json={}) as response:
        chat = await response.json()
    socket = await http.ws_connect(f"{url}/api/v1/conversations/{chat['id']}/socket", max_msg_size=0)
    await socket.send_str(json.dumps({"type": "hello", "token": chat["token"], "after": 0}))
    page = _Page(chat["id"], socket)
    while (await page.next())["type"] != "status":
        pass
    return page


async def idle(gateway: Measured, sockets: int, seconds: float) -> Idle:
    """Open so many chats with a socket each, and watch them do nothing.

    Raises ``BenchFailed`` when one of them is not open at the end.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = gateway.megabytes
    async with session() as http:
        begun = time.perf_counter()
        opened: list[_Page] = []
        for _ in range(0, sockets, 50):
            opened += await asyncio.gather(
                *(_open(http, gateway.url) for _ in range(min(50, sockets - len(opened))))
            )
        open_seconds = time.perf_counter() - begun
        cpu, begun = gateway.cpu, time.perf_counter()
        answers: list[float] = []
        while time.perf_counter() - begun < seconds:
            asked = time.perf_counter()
            async with http.get(f"{gateway.url}/healthz") as response:
                assert response.status == 200
            answers.append((time.perf_counter() - asked) * 1000)
            await asyncio.sleep(0.5)
        share = (gateway.cpu - cpu) / (time.perf_counter() - begun)
        megabytes = gateway.megabytes
        if lost := sum(not page.is_open for page in opened):
            raise BenchFailed(f"{lost} of {sockets} idle sockets were closed")
        await asyncio.gather(*(page.close() for page in opened))
    answers.sort()
    return Idle(len(opened), before, megabytes, open_seconds, share, answers[len(answers) // 2])


async def fan_out(chats: int, messages: int) -> Times:
    """Advisers have ``chats`` chats: from their word to the frame on the person's socket.

    The gateway runs in this process, and the word is stored through the call that the desk makes in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            conversations_url=f"sqlite:///{folder}/conversations.sqlite3",
            knowledge_url=f"sqlite:///{folder}/knowledge.sqlite3",
            address_conversations_per_minute=0,
            adviser_unseen_seconds=3600,
        )
        engine = open_engine(settings.knowledge_url)
        migrate(engine)
        engine.dispose()
        app = init_app(settings, load_safety=_Unasked)
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            return await _fan_out(app[STORE], f"http://127.0.0.1:{port}", chats, messages)
        finally:
            await runner.cleanup()


async def _fan_out(store: Store, url: str, chats: int, messages: int) -> Times:
    times = Times()
    async with session() as http:
        adviser, _ = await store.add_adviser("Bench")
        opened = [await _open(http, url) for _ in range(chats)]
        for page in opened:
            # A crisis is always taken, whatever an adviser's capacity.
            await store.escalate(
                page.chat, reason="bench", priority=Priority.CRISIS, summary={}, who="system"
            )
            await store.claim(page.chat, adviser.id)
        begun = time.perf_counter()
        for _ in range(messages):
            for page in opened:
                sent = time.perf_counter()
                await store.append_adviser(page.chat, adviser.id, "Hello.")
                while True:
                    frame = await page.next()
                    if frame["type"] == "message" and frame["message"]["role"] == "adviser":
                        break
                times.seconds.append(time.perf_counter() - sent)
        times.elapsed = time.perf_counter() - begun
        await asyncio.gather(*(page.close() for page in opened))
    return times


class _Unasked:
    """A safety check for a gateway in which no person says anything."""

    def assess(self, text: str) -> Assessment:
        """Never called here."""
        raise NotImplementedError
