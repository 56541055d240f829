"""Firefox as Debian ships it, driven over WebDriver BiDi: only what the tests need of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

BINARY = shutil.which("firefox-esr") or shutil.which("firefox")


#: Keys that are no letters, as WebDriver names them.
TAB, ENTER, ESCAPE = "\ue004", "\ue007", "\ue00c"


class Firefox:
    """One open tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self.tab = ""
        self.errors: list[str] = []

    async def send(self, method: str, **params: Any) -> Any:
        """Send a command and wait for its result; what happens meanwhile is looked through for errors."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json(timeout=60)
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.errors.append(str(answer["params"]["text"]))
            if answer.get("id") == self._last:
                assert answer["type"] == "success", answer
                return answer["result"]

    async def goto(self, url: str) -> None:
        """Load a page, to the end."""
        await self.send("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to: a text, a number, a truth or nothing."""
        result = await self.send(
            "script.evaluate", expression=expression, target={"context": self.tab}, awaitPromise=True
        )
        assert result["type"] == "success", result
        return result["result"].get("value")

    async def keys(self, signs: str) -> None:
        """Press and release each key, as a keyboard would; ``TAB`` and the like are signs too."""
        strokes = [{"type": kind, "value": sign} for sign in signs for kind in ("keyDown", "keyUp")]
        await self._act({"type": "key", "id": "keyboard", "actions": strokes})

    async def click(self, element: str) -> None:
        """Bring what a JavaScript expression finds into sight, move the mouse to its middle, press there."""
        await self.value(f"{element}.scrollIntoView({{ block: 'nearest' }})")
        box = f"{element}.getBoundingClientRect()"
        middle = {
            "x": await self.value(f"Math.round({box}.x + {box}.width / 2)"),
            "y": await self.value(f"Math.round({box}.y + {box}.height / 2)"),
        }
        moves = [
            {"type": "pointerMove", **middle},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._act({"type": "pointer", "id": "mouse", "actions": moves})

    async def _act(self, source: dict[str, Any]) -> None:
        await self.send("input.performActions", context=self.tab, actions=[source])

    async def until(self, expression: str, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(seconds):
            while not await self.value(expression):  # noqa: ASYNC110 - another process: nothing tells us
                await asyncio.sleep(0.1)


@asynccontextmanager
async def firefox(profile: Path, port: int) -> AsyncGenerator[Firefox]:
    """A headless Firefox with a fresh profile, ended at the end."""
    assert BINARY is not None
    process = await asyncio.create_subprocess_exec(
        BINARY, "--headless", "--no-remote", "--profile", str(profile), f"--remote-debugging-port={port}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session, await _connect(session, port) as socket:
            made = Firefox(socket)
            await made.send("session.new", capabilities={})
            await made.send("session.subscribe", events=["log.entryAdded"])
            # A tab of its own: in the one that Firefox begins with, keys press no button.
            made.tab = (await made.send("browsingContext.create", type="tab"))["context"]
            yield made
    finally:
        process.kill()
        await process.wait()


async def _connect(session: aiohttp.ClientSession, port: int) -> aiohttp.ClientWebSocketResponse:
    async with asyncio.timeout(60):
        while True:
            try:
                return await session.ws_connect(f"ws://127.0.0.1:{port}/session", max_msg_size=0)
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)
