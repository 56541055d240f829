"""Open sockets: what an idle one costs, and how quickly an adviser's word reaches its chat."""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from bench.processes import Measured, free_port
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


async def _open(http: aiohttp.ClientSession, url: str) -> tuple[str, aiohttp.ClientWebSocketResponse]:
    """A new chat with its socket, read up to its first status."""
    async with http.post(f"{url}/api/v1/conversations", json={}) as response:
        chat = await response.json()
    socket = await http.ws_connect(f"{url}/api/v1/conversations/{chat['id']}/socket", max_msg_size=0)
    await socket.send_str(json.dumps({"type": "hello", "token": chat["token"], "after": 0}))
    while json.loads((await socket.receive(timeout=60)).data)["type"] != "status":
        pass
    return chat["id"], socket


async def idle(gateway: Measured, sockets: int, seconds: float) -> Idle:
    """Open so many chats with a socket each, and watch them do nothing."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = gateway.megabytes
    async with session() as http:
        begun = time.perf_counter()
        opened: list[aiohttp.ClientWebSocketResponse] = []
        for _ in range(0, sockets, 50):
            opened += [
                socket
                for _, socket in await asyncio.gather(
                    *(_open(http, gateway.url) for _ in range(min(50, sockets - len(opened))))
                )
            ]
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
        await asyncio.gather(*(socket.close() for socket in opened))
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
        for conversation_id, _ in opened:
            # A crisis is always taken, whatever an adviser's capacity.
            await store.escalate(
                conversation_id, reason="bench", priority=Priority.CRISIS, summary={}, who="system"
            )
            await store.claim(conversation_id, adviser.id)
        begun = time.perf_counter()
        for _ in range(messages):
            for conversation_id, socket in opened:
                sent = time.perf_counter()
                await store.append_adviser(conversation_id, adviser.id, "Hello.")
                while True:
                    frame = json.loads((await socket.receive(timeout=60)).data)
                    if frame["type"] == "message" and frame["message"]["role"] == "adviser":
                        break
                times.seconds.append(time.perf_counter() - sent)
        times.elapsed = time.perf_counter() - begun
        await asyncio.gather(*(socket.close() for _, socket in opened))
    return times


class _Unasked:
    """A safety check for a gateway in which no person says anything."""

    def assess(self, text: str) -> Assessment:
        """Never called here."""
        raise NotImplementedError
