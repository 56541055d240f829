"""A whole helpline, started as `helpline run` starts it, on free ports and with data of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpline.settings import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Stack:
    """A running helpline, reached as its users reach it."""

    url: str
    bot_port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None  # None: not ours to stop
    log: Path

    def say(self, sender: str, message: str) -> list[dict[str, Any]]:
        """One message over the REST webhook."""
        body = json.dumps({"sender": sender, "message": message}).encode()
        request = urllib.request.Request(
            f"{self.url}/webhooks/rest/webhook", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            replies: list[dict[str, Any]] = json.load(response)
            return replies

    def chat(self, *messages: str) -> list[str]:
        """A fresh chat: the text of each turn's replies."""
        sender = uuid.uuid4().hex
        return ["\n".join(reply.get("text", "") for reply in self.say(sender, text)) for text in messages]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait_until_ready(self, within: float = 120.0) -> None:
        deadline = time.monotonic() + within
        while not self.is_ready():
            assert self.process is None or self.process.poll() is None, (
                f"the helpline ended: {self.log.read_text()[-2000:]}"
            )
            assert time.monotonic() < deadline, f"not ready in {within} s: {self.log.read_text()[-2000:]}"
            time.sleep(0.3)

    def command(self, *words: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """The ``helpline`` command, pointed at this stack."""
        return subprocess.run(
            [sys.executable, "-m", "helpline", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def start_stack(folder: Path) -> Stack:
    """Start a helpline whose data lie in a folder; does not wait until it is ready."""
    port, bot_port = free_port(), free_port()
    environment = {
        **os.environ,
        "HELPLINE_HOST": "127.0.0.1",
        "HELPLINE_PORT": str(port),
        "HELPLINE_BOT_PORT": str(bot_port),
        "HELPLINE_ACTIONS_PORT": str(free_port()),
        "HELPLINE_DATA_DIR": str(folder),
    }
    log = folder / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "helpline", "run"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Stack(f"http://127.0.0.1:{port}", bot_port, environment, process, log)


def processes_of(folder: Path) -> list[int]:
    """The processes whose environment names a folder: everything that a stack has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(folder).encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return [pid for pid in found if pid != os.getpid()]


#: A headless browser that asks nothing of the outside world.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
