"""Several of everything, as on several machines, and one after the other killed while people write.

Two gateways, two bots, two action servers, PostgreSQL and Redis, all private, behind small proxies that
know nothing of sessions. People send messages one after the other, and send one again (with the same
``client_message_id``) until it is taken, as the page does. At the end every chat is read back.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.processes import BenchFailed, Measured, Rig, free_port
from bench.talk import QUESTIONS

#: What is killed, in this order.
VICTIMS = ("gateway", "bot", "actions", "redis", "postgresql")

_POSTGRES_FOLDERS = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")


def missing() -> str | None:
    """What this machine lacks for it, in words; None when nothing."""
    if shutil.which("redis-server") is None:
        return "redis-server is not installed"
    if _postgres("initdb") is None:
        return "PostgreSQL's server is not installed"
    return None


@dataclass
class Outcome:
    """What became of one kill. Seconds from the kill until a turn went through again for everybody."""

    victim: str
    recovery: float
    refused: int  # attempts that were refused meanwhile, and made again


@dataclass
class Verdict:
    """What the log says at the end."""

    chats: int
    sent: int
    lost: int  # messages that were taken but are not in the log
    doubled: int
    out_of_order: int  # chats in which the log has another order than the person
    unanswered: int
    without_bot: int  # answered with the honest line, as the bot could not be asked
    outcomes: list[Outcome] = field(default_factory=list)


async def run(rounds: int, chats: int, quiet: float, tell: Callable[[str], None], folder: Path) -> Verdict:
    """Kill each of ``VICTIMS`` ``rounds`` times, with ``quiet`` seconds of ordinary work between.

    Raises:
        BenchFailed: something did not start.
    """
    async with _machines(folder) as machines:
        people = [_Person(machines.front) for _ in range(chats)]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http:
            for person in people:
                await person.begin(http)
            writing = [asyncio.create_task(person.write(http)) for person in people]
            outcomes = []
            await asyncio.sleep(quiet)
            for number in range(rounds):
                for victim in VICTIMS:
                    outcome = await _kill(machines, victim, number, people)
                    tell(f"{victim:<11} back after {outcome.recovery:.1f} s, {outcome.refused} tries refused")
                    outcomes.append(outcome)
                    await asyncio.sleep(quiet)
            for person in people:
                person.stop = True
            await asyncio.gather(*writing)
            verdict = Verdict(len(people), 0, 0, 0, 0, 0, 0, outcomes)
            for person in people:
                await person.judge(http, verdict)
    return verdict


def shown(verdict: Verdict) -> str:
    """The verdict in words."""
    worst: dict[str, float] = {}
    for outcome in verdict.outcomes:
        worst[outcome.victim] = max(worst.get(outcome.victim, 0.0), outcome.recovery)
    times = ", ".join(f"{victim} {seconds:.1f} s" for victim, seconds in worst.items())
    return (
        f"{verdict.sent} messages in {verdict.chats} chats: {verdict.lost} lost, {verdict.doubled} doubled,"
        f" {verdict.out_of_order} chats out of order, {verdict.unanswered} unanswered,"
        f" {verdict.without_bot} answered without the bot. Longest until all was well again: {times}."
    )


class _Person:
    """Somebody who writes, one message after the other, and does not give up."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sent: list[str] = []
        self._id = self._token = ""
        self.stop = False
        self.refused = 0
        self.last_taken = 0.0

    async def begin(self, http: aiohttp.ClientSession) -> None:
        async with http.post(f"{self._url}/api/v1/conversations", json={}) as response:
            chat = await response.json()
        self._id, self._token = chat["id"], chat["token"]

    async def write(self, http: aiohttp.ClientSession) -> None:
        while not self.stop:
            name = uuid.uuid4().hex
            body = {"client_message_id": name, "text": QUESTIONS[len(self._sent) % len(QUESTIONS)]}
            while not await self._send(http, body):
                self.refused += 1
                await asyncio.sleep(0.2)
            self._sent.append(name)
            self.last_taken = time.perf_counter()
            await asyncio.sleep(0.3)

    async def _send(self, http: aiohttp.ClientSession, body: dict[str, str]) -> bool:
        try:
            async with http.post(
                f"{self._url}/api/v1/conversations/{self._id}/messages",
                json=body,
                headers={"Authorization": f"Bearer {self._token}"},
            ) as response:
                await response.read()
                return response.status == 201
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def judge(self, http: aiohttp.ClientSession, verdict: Verdict) -> None:
        """Read the chat back and add what is found."""
        async with http.get(
            f"{self._url}/api/v1/conversations/{self._id}/messages?after=0",
            headers={"Authorization": f"Bearer {self._token}"},
        ) as response:
            messages: list[dict[str, Any]] = (await response.json())["messages"]
        said = [message for message in messages if message["role"] == "user"]
        names = [message["client_message_id"] for message in said]
        answered = Counter(message["reply_to"] for message in messages if message["reply_to"])
        texts = Counter((message["reply_to"], message["text"]) for message in messages if message["reply_to"])
        verdict.sent += len(self._sent)
        verdict.lost += len(set(self._sent) - set(names))
        verdict.doubled += len(names) - len(set(names)) + sum(count - 1 for count in texts.values())
        verdict.out_of_order += names != self._sent
        verdict.unanswered += sum(1 for message in said if not answered[message["seq"]])
        verdict.without_bot += sum(
            1
            for message in messages
            if any(button["payload"] == "/try_again" for button in message["buttons"])
        )


@dataclass
class _Machines:
    front: str
    rig: Rig
    gateways: list[Measured]
    bots: list[Measured]
    actions: list[Measured]
    redis: _Redis
    postgresql: _PostgreSQL
    again: Mapping[str, Callable[[int], Awaitable[None]]]


async def _kill(machines: _Machines, victim: str, number: int, people: Sequence[_Person]) -> Outcome:
    refused = sum(person.refused for person in people)
    begun = time.perf_counter()
    if victim == "redis":
        machines.redis.kill()
        await asyncio.sleep(1)
        machines.redis.start()
    elif victim == "postgresql":
        machines.postgresql.kill()
        await asyncio.sleep(1)
        await asyncio.to_thread(machines.postgresql.start)
    else:
        several = {"gateway": machines.gateways, "bot": machines.bots, "actions": machines.actions}[victim]
        several[number % len(several)].process.send_signal(signal.SIGKILL)
        several[number % len(several)].process.wait()
    # All is well when everybody's next message was taken.
    while any(person.last_taken < begun for person in people):  # noqa: ASYNC110 - they only write a time
        await asyncio.sleep(0.05)
    recovery = max(person.last_taken for person in people) - begun
    if victim in machines.again:
        await machines.again[victim](number)
    return Outcome(victim, recovery, sum(person.refused for person in people) - refused)


@asynccontextmanager
async def _machines(folder: Path) -> AsyncGenerator[_Machines]:
    redis, postgresql = _Redis(folder), _PostgreSQL(folder)
    rig = None
    proxies: list[_Proxy] = []
    try:
        redis.start()
        await asyncio.to_thread(postgresql.begin)
        rig = Rig(
            folder,
            conversations_url=postgresql.url,
            tracker_url=postgresql.url,
            knowledge_url=postgresql.url,
            lock_url=f"redis://127.0.0.1:{redis.port}/0",
        )
        await asyncio.to_thread(rig.load_knowledge)
        actions = [await rig.actions() for _ in range(2)]
        to_actions = await _Proxy.start(actions)
        bots = [await rig.bot(to_actions.url, name=f"bot{number}") for number in range(2)]
        to_bots = await _Proxy.start(bots)
        gateways = [
            await rig.gateway(to_bots.url, to_actions.url, name=f"gateway{number}") for number in range(2)
        ]
        front = await _Proxy.start(gateways)
        proxies = [to_actions, to_bots, front]
        made = rig

        def port(measured: Measured) -> int:
            return int(measured.url.rpartition(":")[2])

        async def actions_again(number: int) -> None:
            lost = actions[number % 2]
            actions[number % 2] = await made.actions(port=port(lost))

        async def bot_again(number: int) -> None:
            lost = bots[number % 2]
            bots[number % 2] = await made.bot(to_actions.url, name=lost.name, port=port(lost))

        async def gateway_again(number: int) -> None:
            lost = gateways[number % 2]
            gateways[number % 2] = await made.gateway(
                to_bots.url, to_actions.url, port=port(lost), name=lost.name
            )

        again = {"actions": actions_again, "bot": bot_again, "gateway": gateway_again}
        yield _Machines(front.url, rig, gateways, bots, actions, redis, postgresql, again)
    finally:
        for proxy in proxies:
            proxy.server.close()
        if rig is not None:
            rig.stop()
        redis.kill()
        postgresql.kill()


class _Proxy:
    """Passes each connection to the next of its servers, or to the one after that; no more than that."""

    def __init__(self, targets: Sequence[Measured]) -> None:
        self._ports = [int(target.url.rpartition(":")[2]) for target in targets]
        self._next = 0
        self.url = ""
        self.server: asyncio.Server

    @classmethod
    async def start(cls, targets: Sequence[Measured]) -> _Proxy:
        proxy = cls(targets)
        proxy.server = await asyncio.start_server(proxy._pass_on, "127.0.0.1", 0)
        proxy.url = f"http://127.0.0.1:{proxy.server.sockets[0].getsockname()[1]}"
        return proxy

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self._ports:
            self._next += 1
            with suppress(OSError):
                target = await asyncio.open_connection(
                    "127.0.0.1", self._ports[self._next % len(self._ports)]
                )
                await asyncio.gather(_copy(reader, target[1]), _copy(target[0], writer))
                return
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


class _Redis:
    """A Redis of our own that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class _PostgreSQL:
    """A PostgreSQL of our own in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"
        self._folder = folder / "postgresql"
        self._log = folder / "postgresql.log"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self._folder.mkdir()
        if os.geteuid() == 0:  # it refuses to run as root
            for path in (self._folder, *self._folder.parents):
                if path == Path("/tmp"):
                    break
                path.chmod(0o755)
            shutil.chown(self._folder, "postgres", "postgres")
        done = subprocess.run(
            self._command("initdb", "-A", "trust", "-U", "postgres", "--no-sync"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchFailed(f"initdb failed: {done.stderr[-500:]}")
        self.start()

    def start(self) -> None:
        deadline = time.monotonic() + 180  # on a busy machine it is long in reading what was not written
        ready = [_postgres("pg_isready") or "", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        process = self._process = self._begin()
        while subprocess.run(ready, check=False).returncode:
            if time.monotonic() > deadline:
                raise BenchFailed(f"PostgreSQL did not start; its log: {self._log}")
            time.sleep(0.1)
            if process.poll() is not None:  # one of those that were killed has not gone yet
                process = self._process = self._begin()

    def _begin(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            return subprocess.Popen(
                self._command(
                    "postgres",
                    *("-p", str(self.port), "-c", "listen_addresses=127.0.0.1"),
                    *("-c", f"unix_socket_directories={self._folder}"),
                ),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """As a machine that loses power: no goodbye to any connection."""
        pid_file = self._folder / "postmaster.pid"
        with suppress(OSError, ValueError):
            os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGQUIT)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)

    def _command(self, program: str, *arguments: str) -> list[str]:
        owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return [*owner, _postgres(program) or program, "-D", str(self._folder), *arguments]


def _postgres(program: str) -> str | None:
    """Where a program of PostgreSQL's server is; distributions keep them off the PATH."""
    if found := shutil.which(program):
        return found
    for folder in _POSTGRES_FOLDERS:
        for path in sorted(Path(folder).glob(f"*/bin/{program}"), reverse=True):
            return str(path)
    return None
