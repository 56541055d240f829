"""Gateways in processes of their own, on fixed ports, that a test kills and starts again."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.gateway.conftest import free_port

ROOT = Path(__file__).parents[2]


@dataclass
class Gateways:
    """Processes that serve on fixed ports, one by one killed and started again."""

    environment: dict[str, str]
    ports: list[int] = field(default_factory=lambda: [free_port(), free_port()])
    running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    kills: int = 0

    async def start(self, port: int) -> None:
        self.running[port] = await asyncio.create_subprocess_exec(
            sys.executable,
            "tests/gateway/serve.py",
            cwd=ROOT,
            env={**self.environment, "HELPLINE_PORT": str(port)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(150), aiohttp.ClientSession() as session:
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port}/healthz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.1)

    async def kill(self, port: int) -> None:
        process = self.running.pop(port)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        self.kills += 1

    def any(self) -> str:
        return f"http://127.0.0.1:{random.choice(self.ports)}"

    async def stop(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
