"""Starting the processes that are measured, each on a port of its own, and reading what they use."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from helpline.settings import ROOT, Settings
from helpline.stack import load_shipped_content
from helpline.training import BOT_PYTHON, MODEL, RASA_ENVIRONMENT

#: A busy machine takes long to import Rasa; a process that needs longer is stuck.
_READY_WITHIN = 300.0

_TICKS = os.sysconf("SC_CLK_TCK")


class BenchFailed(RuntimeError):
    """Something that is measured did not start or did not answer; the message names it and its log."""


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Host:
    """Where a process runs and listens: this machine, or a network namespace that plays one of its own."""

    address: str = "127.0.0.1"
    namespace: str = ""

    def command(self, command: Sequence[str]) -> list[str]:
        """What to start so that ``command`` runs there; it keeps the number of the process."""
        return ["ip", "netns", "exec", self.namespace, *command] if self.namespace else [*command]


THIS_MACHINE = Host()


@dataclass
class Measured:
    """A process under measurement."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    seconds: float = 0.0  # from start to ready

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    @property
    def cpu(self) -> float:
        """Seconds of processor time since its start, all threads: steady on a busy machine, too."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def stop(self) -> None:
        """End it, the kind way first."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass
class Rig:
    """Bots, action servers and gateways that share a folder of data. Stops all of them at the end."""

    folder: Path
    conversations_url: str = ""
    tracker_url: str = ""
    knowledge_url: str = ""
    lock_url: str = ""
    running: list[Measured] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.knowledge_url = self.knowledge_url or f"sqlite:///{self.folder / 'knowledge.sqlite3'}"
        self.conversations_url = (
            self.conversations_url or f"sqlite:///{self.folder / 'conversations.sqlite3'}"
        )

    def load_knowledge(self) -> None:
        """Fill the knowledge store with the shipped content."""
        load_shipped_content(Settings(data_dir=self.folder, knowledge_url=self.knowledge_url))

    async def actions(self, port: int = 0, on: Host = THIS_MACHINE) -> Measured:
        """An action server."""
        port = port or free_port()
        return await self._start(
            "actions",
            on.command([sys.executable, "-m", "helpline.action_server", str(port), on.address]),
            f"http://{on.address}:{port}",
            "/health",
            {"HELPLINE_KNOWLEDGE_URL": self.knowledge_url},
        )

    async def bot(
        self, actions: str, name: str = "tuned", off: str = "", port: int = 0, on: Host = THIS_MACHINE
    ) -> Measured:
        """Rasa as we start it; ``off`` leaves changes out."""
        port = port or free_port()
        tracker = self.tracker_url or f"sqlite:///{self.folder / f'bot-{port}.sqlite3'}"
        command = [str(BOT_PYTHON), "-m", "bot.engine", "--model", str(MODEL)]
        command += ["--interface", on.address, "--port", str(port)]
        return await self._start(
            name,
            on.command(command),
            f"http://{on.address}:{port}",
            "/status",
            {
                **RASA_ENVIRONMENT,
                "HELPLINE_ACTIONS_URL": actions,
                "HELPLINE_TRACKER_URL": tracker,
                "HELPLINE_LOCK_URL": self.lock_url,
                "HELPLINE_ENGINE_OFF": off,
            },
        )

    async def stock(self, actions: str) -> Measured:
        """Rasa as its own command line starts it, with the same model."""
        port = free_port()
        endpoints = self.folder / "stock-endpoints.yml"
        endpoints.write_text(f'action_endpoint:\n  url: "{actions}/webhook"\n')
        command = [str(BOT_PYTHON), "-m", "rasa", "run", "--model", str(MODEL), "--enable-api"]
        command += ["--interface", "127.0.0.1", "--port", str(port), "--endpoints", str(endpoints)]
        command += ["--credentials", str(ROOT / "credentials.yml")]
        return await self._start("stock", command, f"http://127.0.0.1:{port}", "/status", RASA_ENVIRONMENT)

    async def gateway(
        self, bot: str, actions: str, port: int = 0, name: str = "gateway", on: Host = THIS_MACHINE
    ) -> Measured:
        """A gateway with the desk."""
        port = port or free_port()
        settings = Settings(data_dir=self.folder)
        return await self._start(
            name,
            on.command([sys.executable, "-m", "helpline.serve"]),
            f"http://{on.address}:{port}",
            "/readyz",
            {
                "HELPLINE_HOST": on.address,
                "HELPLINE_PORT": str(port),
                "HELPLINE_BOT_URL": bot,
                "HELPLINE_ACTIONS_URL": actions,
                "HELPLINE_KNOWLEDGE_URL": self.knowledge_url,
                "HELPLINE_CONVERSATIONS_URL": self.conversations_url,
                "HELPLINE_SECRET_KEYS": settings.sealing_keys(),
                # One machine plays all the people here: it is not held to one person's pace.
                "HELPLINE_MESSAGES_PER_MINUTE": "0",
                "HELPLINE_ADDRESS_MESSAGES_PER_MINUTE": "0",
                "HELPLINE_ADDRESS_CONVERSATIONS_PER_MINUTE": "0",
            },
        )

    def stop(self) -> None:
        """Stop everything, the last started first."""
        for measured in reversed(self.running):
            measured.stop()
        self.running.clear()

    async def _start(
        self, name: str, command: Sequence[str], url: str, ready: str, environment: Mapping[str, str]
    ) -> Measured:
        log = self.folder / f"{name}-{url.rpartition(':')[2]}.log"
        begun = time.perf_counter()
        process = _run(command, environment, log)
        measured = Measured(name, url, process, log)
        self.running.append(measured)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while True:
                try:
                    async with http.get(f"{url}{ready}") as response:
                        if response.status == 200:
                            break
                except (aiohttp.ClientError, TimeoutError, OSError):
                    pass
                if process.poll() is not None or time.perf_counter() - begun > _READY_WITHIN:
                    raise BenchFailed(f"{name} did not get ready; its log: {log}")
                await asyncio.sleep(0.1)
        measured.seconds = time.perf_counter() - begun
        return measured


def _run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
