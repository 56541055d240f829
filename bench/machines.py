"""Several of everything, as on several machines, and one after the other killed while people write.

Two gateways, two bots, two action servers, PostgreSQL and Redis, all private, behind small proxies that
know nothing of sessions. People send messages one after the other, and send one again (with the same
``client_message_id``) until it is taken, as the page does. At the end every chat is read back.

On separate hosts (``bench/hosts.py``) a host's network is cut, too: nothing there answers or refuses.
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
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.hosts import Hosts, separate
from bench.processes import BenchFailed, Host, Measured, Rig, free_port
from bench.talk import QUESTIONS

#: What is killed, in this order.
VICTIMS = ("gateway", "bot", "actions", "redis", "postgresql")

#: Whose network is cut, after that: a host with a gateway, a bot and an action server; the host of the data.
APPLICATIONS, DATA = CUTS = ("host of applications", "host of the data")

#: Longer than any side of a connection may need to notice.
_CUT_SECONDS = 13.0

#: Whoever is not served again by then never will be.
_WELL_WITHIN_SECONDS = 240.0

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
    """What became of one kill or cut: the seconds until everybody had a message taken that was sent later."""

    victim: str
    recovery: float
    refused: int  # attempts that were refused meanwhile, and made again
    away: float | None = None  # how long the network was cut
    returned: float | None = None  # as ``recovery``, from when it was given back
    served: int | None = None  # how many people had a message taken meanwhile that was sent meanwhile


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


async def run(
    rounds: int,
    chats: int,
    quiet: float,
    tell: Callable[[str], None],
    folder: Path,
    victims: Sequence[str] = VICTIMS,
    *,
    separate_hosts: bool = False,
) -> Verdict:
    """Harm each of ``victims`` ``rounds`` times, with ``quiet`` seconds of ordinary work between.

    Args:
        rounds: how often.
        chats: how many people write.
        quiet: seconds.
        tell: is told one line of each victim.
        folder: for data and logs.
        victims: of ``VICTIMS``, which are killed, and with ``separate_hosts`` of ``CUTS``.
        separate_hosts: each host is a network namespace of its own.

    Raises:
        BenchFailed: something did not start, or people were never served again.
    """
    with separate() if separate_hosts else nullcontext(Hosts()) as hosts:
        return await _run(rounds, chats, quiet, tell, folder, victims, hosts)


async def _run(
    rounds: int,
    chats: int,
    quiet: float,
    tell: Callable[[str], None],
    folder: Path,
    victims: Sequence[str],
    hosts: Hosts,
) -> Verdict:
    async with _machines(folder, hosts) as machines:
        people = [_Person(machines.front) for _ in range(chats)]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http:
            for person in people:
                await person.begin(http)
            writing = [asyncio.create_task(person.write(http)) for person in people]
            outcomes = []
            await asyncio.sleep(quiet)
            for number in range(rounds):
                for victim in victims:
                    harm = _cut if victim in CUTS else _kill
                    outcome = await harm(machines, victim, number, people)
                    tell(_line(outcome))
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


def _line(outcome: Outcome) -> str:
    away = "" if outcome.away is None else f"cut for {outcome.away:.0f} s, "
    line = f"{outcome.victim:<20} {away}all well after {outcome.recovery:.1f} s"
    if outcome.returned is not None:
        line += f", {outcome.returned:.1f} s after its return, {outcome.served} people served meanwhile"
    return f"{line}, {outcome.refused} tries refused"


class _Person:
    """Somebody who writes, one message after the other, and does not give up."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sent: list[str] = []
        self._id = self._token = ""
        self.stop = False
        self.refused = 0
        self.last_sent = 0.0  # when the last try that was taken was sent

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
            await asyncio.sleep(0.3)

    async def _send(self, http: aiohttp.ClientSession, body: dict[str, str]) -> bool:
        sent = time.perf_counter()
        try:
            async with http.post(
                f"{self._url}/api/v1/conversations/{self._id}/messages",
                json=body,
                headers={"Authorization": f"Bearer {self._token}"},
            ) as response:
                await response.read()
                if response.status != 201:
                    return False
                self.last_sent = sent
                return True
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
    hosts: Hosts
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
    recovery = await _all_well(people, begun)
    if victim in machines.again:
        await machines.again[victim](number)
    return Outcome(victim, recovery, sum(person.refused for person in people) - refused)


async def _cut(machines: _Machines, victim: str, number: int, people: Sequence[_Person]) -> Outcome:
    hosts = machines.hosts
    host = hosts.data if victim == DATA else hosts.applications[number % len(hosts.applications)]
    refused = sum(person.refused for person in people)
    begun = time.perf_counter()
    hosts.cut(host)
    well = asyncio.create_task(_all_well(people, begun))
    await asyncio.sleep(_CUT_SECONDS)
    served = sum(person.last_sent >= begun for person in people)
    hosts.join(host)
    back = time.perf_counter()
    recovery, returned = await asyncio.gather(well, _all_well(people, back))
    refused = sum(person.refused for person in people) - refused
    return Outcome(victim, recovery, refused, away=back - begun, returned=returned, served=served)


async def _all_well(people: Sequence[_Person], since: float) -> float:
    """The seconds from ``since`` until something that was sent later was taken, of everybody."""
    while any(person.last_sent < since for person in people):
        if time.perf_counter() - since > _WELL_WITHIN_SECONDS:
            raise BenchFailed(f"somebody was not served for {_WELL_WITHIN_SECONDS:.0f} s")
        await asyncio.sleep(0.05)
    return time.perf_counter() - since


@asynccontextmanager
async def _machines(folder: Path, hosts: Hosts) -> AsyncGenerator[_Machines]:
    redis, postgresql = _Redis(folder, hosts.data), _PostgreSQL(folder, hosts.data)
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
            lock_url=f"redis://{hosts.data.address}:{redis.port}/0",
        )
        await asyncio.to_thread(rig.load_knowledge)

        async def proxy(targets: Sequence[Measured]) -> _Proxy:
            proxies.append(await _Proxy.start(targets, hosts.front))
            return proxies[-1]

        places = list(enumerate(hosts.applications))
        actions = [await rig.actions(on=host) for _, host in places]
        to_actions = await proxy(actions)
        bots = [await rig.bot(to_actions.url, name=f"bot{number}", on=host) for number, host in places]
        to_bots = await proxy(bots)
        gateways = [
            await rig.gateway(to_bots.url, to_actions.url, name=f"gateway{number}", on=host)
            for number, host in places
        ]
        front = await proxy(gateways)
        made = rig

        def port(measured: Measured) -> int:
            return int(measured.url.rpartition(":")[2])

        async def actions_again(number: int) -> None:
            lost = actions[number % 2]
            actions[number % 2] = await made.actions(port=port(lost), on=hosts.applications[number % 2])

        async def bot_again(number: int) -> None:
            lost = bots[number % 2]
            bots[number % 2] = await made.bot(
                to_actions.url, name=lost.name, port=port(lost), on=hosts.applications[number % 2]
            )

        async def gateway_again(number: int) -> None:
            lost = gateways[number % 2]
            gateways[number % 2] = await made.gateway(
                to_bots.url,
                to_actions.url,
                port=port(lost),
                name=lost.name,
                on=hosts.applications[number % 2],
            )

        again = {"actions": actions_again, "bot": bot_again, "gateway": gateway_again}
        yield _Machines(hosts, front.url, rig, gateways, bots, actions, redis, postgresql, again)
    finally:
        for each in proxies:
            each.close()
        if rig is not None:
            rig.stop()
        redis.kill()
        postgresql.kill()


#: As load balancers have it: who cannot be connected to within so long is passed over, and who fails so many
#: checks in a row is left out until a check succeeds, and the connections there are closed.
_CONNECT_SECONDS, _CHECK_EVERY_SECONDS, _FAILED_CHECKS = 1.0, 1.0, 2


@dataclass(eq=False)
class _Target:
    host: str
    port: int
    failed: int = 0
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def is_out(self) -> bool:
        return self.failed >= _FAILED_CHECKS

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await asyncio.open_connection(self.host, self.port)

    async def watch(self) -> None:
        while True:
            try:
                (await self.connect())[1].close()
                self.failed = 0
            except OSError:
                self.failed += 1
            if self.is_out:
                for connection in list(self.connections):
                    connection.transport.abort()
            await asyncio.sleep(_CHECK_EVERY_SECONDS)


class _Proxy:
    """Passes each connection to the next of its servers that answers; it knows nothing of what is said."""

    def __init__(self, targets: Sequence[Measured]) -> None:
        addresses = [target.url.rpartition("/")[2].split(":") for target in targets]
        self._targets = [_Target(host, int(port)) for host, port in addresses]
        self._next = 0
        self._watching = [asyncio.create_task(target.watch()) for target in self._targets]
        self.url = ""
        self._server: asyncio.Server

    @classmethod
    async def start(cls, targets: Sequence[Measured], on: Host) -> _Proxy:
        proxy = cls(targets)
        proxy._server = await asyncio.start_server(proxy._pass_on, on.address, 0)
        proxy.url = f"http://{on.address}:{proxy._server.sockets[0].getsockname()[1]}"
        return proxy

    def close(self) -> None:
        for task in self._watching:
            task.cancel()
        self._server.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._next = (self._next + 1) % len(self._targets)
        in_turn = self._targets[self._next :] + self._targets[: self._next]
        for target in sorted(in_turn, key=lambda target: target.is_out):
            try:
                answers, there = await target.connect()
            except OSError:
                continue
            target.connections.add(there)
            # Who is cancelled is cancelled at the end of all; Python 3.12 would print each.
            with suppress(asyncio.CancelledError):
                await asyncio.gather(_copy(reader, there), _copy(answers, writer))
            target.connections.discard(there)
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

    def __init__(self, folder: Path, on: Host) -> None:
        self.port = free_port()
        self._on = on
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # Protected, it serves its own host only. There is nobody but us where it listens.
        command = ["redis-server", "--bind", self._on.address, "--protected-mode", "no"]
        command += ["--port", str(self.port), "--save", ""]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._on.command(command),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class _PostgreSQL:
    """A PostgreSQL of our own in a temporary folder."""

    def __init__(self, folder: Path, on: Host) -> None:
        self.port = free_port()
        self.url = f"postgresql+psycopg://postgres@{on.address}:{self.port}/postgres"
        self._on = on
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
        with (self._folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")  # the other hosts, if there are any
        self.start()

    def start(self) -> None:
        deadline = time.monotonic() + 180  # on a busy machine it is long in reading what was not written
        ready = [_postgres("pg_isready") or "", "-q", "-h", self._on.address, "-p", str(self.port)]
        process = self._process = self._begin()
        while subprocess.run(self._on.command(ready), check=False).returncode:
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
                    *("-p", str(self.port), "-c", f"listen_addresses={self._on.address}"),
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
        command = [*owner, _postgres(program) or program, "-D", str(self._folder), *arguments]
        return self._on.command(command)


def _postgres(program: str) -> str | None:
    """Where a program of PostgreSQL's server is; distributions keep them off the PATH."""
    if found := shutil.which(program):
        return found
    for folder in _POSTGRES_FOLDERS:
        for path in sorted(Path(folder).glob(f"*/bin/{program}"), reverse=True):
            return str(path)
    return None
