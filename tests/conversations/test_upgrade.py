"""A database of before, with chats and an adviser who has a sign-in key, is brought to the current form."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, make_url, text

import conversations.migrations
from conversations.database import _prepare_sqlite
from conversations.keys import hashed
from conversations.log import utc_now
from conversations.models import DeskRole
from conversations.store import open_store


@contextmanager
def database_of(url: str, revision: str) -> Generator[Connection]:
    """A new database in the form of an earlier revision, to be filled in the block."""
    parsed = make_url(url)
    postgres = parsed.get_backend_name() == "postgresql"
    engine = create_engine(parsed.set(drivername="postgresql+psycopg") if postgres else parsed)
    if not postgres:
        _prepare_sqlite(engine)
    config = Config()
    config.set_main_option("script_location", str(Path(conversations.migrations.__file__).parent))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        yield connection
    engine.dispose()


async def test_an_adviser_with_a_key_keeps_their_chat_and_chooses_a_password_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/c.sqlite3"
    with database_of(url, "0002") as connection:
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

    store = open_store(url)
    adviser = await store.adviser_called("Sam")
    assert adviser.role is DeskRole.ADVISER
    assert [chat.id for chat in await store.claimed_by(adviser.id)] == ["c"]
    assert await store.choose_password("the key", "quiet-harbour-otter")
    assert await store.choose_password("the key", "another-harbour-otter") is None
    await store.database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_closures_stay_and_school_holidays_can_be_recorded(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/c.sqlite3"
    if kind == "postgresql":
        url = request.getfixturevalue("empty_postgres_url")
    with database_of(url, "0013") as connection:
        connection.execute(text("INSERT INTO closure VALUES (1, '2099-12-24', '2099-12-26', 'Winter break')"))

    store = open_store(url)
    day = utc_now().date() + timedelta(days=2)
    made = await store.add_school_holiday(day, day, "Half term", source_url="https://x.example", by="boss")
    state = await store.service_state()
    await store.database.close()

    [closure] = state.opening.closures
    assert (closure.first, closure.last) == (date(2099, 12, 24), date(2099, 12, 26))
    assert closure.reason == "Winter break"
    assert [(one.id, one.first_day) for one in state.school_holidays] == [(made.id, day)]
