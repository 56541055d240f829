"""What the page promises about how long a chat is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner
from sqlalchemy import update

from bot.engine.memory import Memory
from conversations.errors import NotFound
from conversations.models import Conversation
from conversations.store import open_store
from gateway.app import init_app
from gateway.keys import STORE
from gateway.settings import Settings
from helpline.cli import main
from tests.gateway.conftest import FakeCrisis, FakeSafety


async def _chat_last_touched(url: str, ago: timedelta) -> str:
    store = await asyncio.to_thread(open_store, url)
    conversation = (await store.create("web")).conversation
    async with store.database.writing() as session:
        await session.execute(
            update(Conversation)
            .where(Conversation.id == conversation.id)
            .values(updated_at=datetime.now(UTC) - ago)
        )
    await store.database.close()
    return conversation.id


async def test_a_chat_is_deleted_when_its_time_is_over_and_not_before(settings: Settings) -> None:
    kept = timedelta(days=settings.retention_days)
    over = await _chat_last_touched(settings.conversations_url, kept + timedelta(hours=1))
    young = await _chat_last_touched(settings.conversations_url, kept - timedelta(hours=1))
    app = init_app(settings, load_safety=FakeSafety, load_crisis=lambda _: FakeCrisis())
    async with TestClient(TestServer(app)):
        async with asyncio.timeout(10):
            while True:
                try:
                    await app[STORE].get(over)
                except NotFound:
                    break
                await asyncio.sleep(0.05)
        assert (await app[STORE].get(young)).id == young
        with pytest.raises(NotFound):
            await app[STORE].get(over)


@pytest.mark.parametrize("words", [["erase", "CHAT"], ["purge", "--days", "0"]])
def test_a_command_deletes_what_the_bot_remembers_too(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELPLINE_DATA_DIR", str(tmp_path))
    memory = Memory(f"sqlite:///{tmp_path}/bot.sqlite3")
    conversation = asyncio.run(
        _chat_last_touched(f"sqlite:///{tmp_path}/conversations.sqlite3", timedelta(hours=1))
    )
    memory.write(conversation, '{"events": ["unmistakable"]}')
    done = CliRunner().invoke(main, [conversation if word == "CHAT" else word for word in words])
    assert done.exit_code == 0, done.output
    assert memory.keys() == []
    assert all(b"unmistakable" not in path.read_bytes() for path in tmp_path.glob("bot.sqlite3*"))
