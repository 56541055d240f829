"""The open WebSockets, so that a stopping server can say goodbye to them."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import WSCloseCode, web


class Sockets:
    """One set a desk."""

    def __init__(self) -> None:
        self._open: set[web.WebSocketResponse] = set()

    def add(self, socket: web.WebSocketResponse) -> None:
        """Remember an open socket."""
        self._open.add(socket)

    def discard(self, socket: web.WebSocketResponse) -> None:
        """Forget a closed one."""
        self._open.discard(socket)

    async def close(self) -> None:
        """Close all: the pages come back and read on from where they were."""
        for socket in list(self._open):
            with suppress(ConnectionError):
                await socket.close(code=WSCloseCode.GOING_AWAY, message=b"restarting")
