"""A bot that is still starting is waited for; one that is down is not."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import AsyncGenerator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from conversations.models import Json
from gateway.bot_client import BotClient, BotFailed, socket_that_breaks
from tests.gateway.conftest import StandInBot, free_port


@pytest_asyncio.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_what_is_asked_while_the_bot_starts_is_answered_once_it_is_up(
    session: aiohttp.ClientSession,
) -> None:
    port = free_port()
    client = BotClient(session, f"http://127.0.0.1:{port}", timeout_seconds=1.0, start_seconds=30.0)
    asked = asyncio.create_task(client.ask("a chat", "how long is the wait", {}))
    await asyncio.sleep(1.5)  # longer than an answer may take
    assert not asked.done()

    server = TestServer(StandInBot(replies=[{"text": "33 weeks."}]).app(), port=port)
    await server.start_server()
    assert [message.text for message in (await asked).messages] == ["33 weeks."]

    await server.close()
    started = time.monotonic()
    with pytest.raises(BotFailed, match="refused"):  # it was up: now it is down, and that is said soon
        await client.ask("a chat", "and now", {})
    assert time.monotonic() - started < 20  # not for as long as one that starts is waited for


async def test_a_bot_that_does_not_start_is_waited_for_no_longer_than_told(
    session: aiohttp.ClientSession,
) -> None:
    client = BotClient(session, f"http://127.0.0.1:{free_port()}", timeout_seconds=1.0, start_seconds=1.0)
    with pytest.raises(BotFailed, match="refused"):
        async with asyncio.timeout(10):
            await client.ask("a chat", "hello", {})


@pytest.mark.parametrize(
    "gone",
    [
        aiohttp.ConnectionTimeoutError("takes no connection"),
        aiohttp.ClientOSError(errno.ETIMEDOUT, "gives no sign of life"),
        aiohttp.ServerDisconnectedError(),
    ],
    ids=lambda gone: type(gone).__name__,
)
async def test_another_bot_is_asked_when_one_has_vanished(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, gone: Exception
) -> None:
    asked = 0

    async def post(_path: str, _body: Json) -> object:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise gone
        return [{"text": "33 weeks."}]

    client = BotClient(session, "http://bot.example", timeout_seconds=5.0)
    monkeypatch.setattr(client, "_post", post)
    reply = await client.ask("a chat", "how long is the wait", {})
    assert [message.text for message in reply.messages] == ["33 weeks."]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has this option")
async def test_a_connection_whose_other_end_vanished_breaks_before_the_person_has_waited_for_long() -> None:
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 0))
    with socket_that_breaks(address) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        waits = [
            made.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ]
        assert waits[0] + waits[1] * waits[2] < 5
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) < 5000
