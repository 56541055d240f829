"""A database of before, with chats and an adviser who has a sign-in key, is brought to the current form."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import conversations.migrations
from conversations.database import _prepare_sqlite
from conversations.keys import hashed
from conversations.models import DeskRole
from conversations.store import open_store


async def test_an_adviser_with_a_key_keeps_their_chat_and_chooses_a_password_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/c.sqlite3"
    engine = create_engine(url)
    _prepare_sqlite(engine)
    config = Config()
    config.set_main_option("script_location", str(Path(conversations.migrations.__file__).parent))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(
            text("INSERT INTO adviser VALUES ('a', 'Sam', :key, 0, '2026-01-01', NULL)"),
            {"key": hashed("the key")},
        )
        connection.execute(
            text(
                "INSERT INTO conversation (id, token_hash, channel, young, owner, adviser_id, last_seq, "
                "created_at, updated_at) "
                "VALUES ('c', 't', 'web', 0, 'adviser', 'a', 0, '2026-01-01', '2026-01-01')"
            )
        )
    engine.dispose()

    store = open_store(url)
    adviser = await store.adviser_called("Sam")
    assert adviser.role is DeskRole.ADVISER
    assert [chat.id for chat in await store.claimed_by(adviser.id)] == ["c"]
    assert await store.choose_password("the key", "quiet-harbour-otter")
    assert await store.choose_password("the key", "another-harbour-otter") is None
    await store.database.close()
