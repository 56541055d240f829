"""A bot that is still starting is waited for; one that is down is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from gateway.bot_client import BotClient, BotFailed
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
    assert time.monotonic() - started < 5


async def test_a_bot_that_does_not_start_is_waited_for_no_longer_than_told(
    session: aiohttp.ClientSession,
) -> None:
    client = BotClient(session, f"http://127.0.0.1:{free_port()}", timeout_seconds=1.0, start_seconds=1.0)
    with pytest.raises(BotFailed, match="refused"):
        async with asyncio.timeout(10):
            await client.ask("a chat", "hello", {})
