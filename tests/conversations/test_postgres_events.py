"""Two machines on one PostgreSQL hear of each other, also after the connection broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import text

from conversations.database import Database, migrate
from conversations.events import QUEUE
from conversations.models import Priority
from conversations.postgres_events import PostgresEvents
from conversations.store import Store

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def machines(postgres_url: str) -> AsyncGenerator[tuple[Store, Store]]:
    migrate(postgres_url)
    stores = [Store(Database(postgres_url), PostgresEvents(postgres_url)) for _ in range(2)]
    for store in stores:
        await store.events.start()
    yield stores[0], stores[1]
    for store in stores:
        await store.events.close()
        await store.database.close()


async def test_a_message_on_one_machine_wakes_the_reader_on_the_other(machines: tuple[Store, Store]) -> None:
    here, there = machines
    chat = (await here.create("web")).conversation.id
    with there.events.subscribe(chat) as subscription, there.events.subscribe(QUEUE) as queue:
        await subscription.wait(0.2)  # what the connection itself woke
        await queue.wait(0.2)
        await here.append_user(chat, "c1", "hello")
        assert await subscription.wait(5)
        assert [m.text for m in await there.messages(chat)] == ["hello"]
        assert not subscription.take_typing()

        here.events.typing(chat)
        assert await subscription.wait(5)
        assert subscription.take_typing()

        await here.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
        assert await queue.wait(5)


async def test_what_happened_while_the_connection_was_cut_is_read_at_the_next(
    machines: tuple[Store, Store], postgres_url: str
) -> None:
    here, there = machines
    chat = (await here.create("web")).conversation.id
    with there.events.subscribe(chat) as subscription:
        await subscription.wait(0.2)
        with psycopg.connect(postgres_url, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%' OR query = 'SELECT 1')"
            )
            server.execute("SELECT 1")
        await here.append_user(chat, "c1", "written while nobody heard")
        async with asyncio.timeout(20):
            while not await there.messages(chat):
                await subscription.wait(5)
        await subscription.wait(1)
        await asyncio.sleep(1)  # both connections are back

        await here.append_user(chat, "c2", "and heard again")
        assert await subscription.wait(10)

    assert [m.text for m in await there.messages(chat)] == ["written while nobody heard", "and heard again"]


async def test_postgresql_forgets_a_machine_that_vanished_and_its_locks(postgres_url: str) -> None:
    database = Database(postgres_url)
    async with database.reading() as session:
        assert await session.scalar(text("SHOW tcp_user_timeout")) == "8000"
        assert await session.scalar(text("SHOW tcp_keepalives_idle")) == "5"
    await database.close()


async def test_a_machine_starts_and_serves_while_notifications_cannot_be_had(postgres_url: str) -> None:
    migrate(postgres_url)
    store = Store(Database(postgres_url), PostgresEvents("postgresql://nobody@127.0.0.1:1/none"))
    starting = asyncio.create_task(store.events.start())
    await asyncio.sleep(0.1)
    chat = (await store.create("web")).conversation.id
    with store.events.subscribe(chat) as subscription:
        await store.append_user(chat, "c1", "hello")
        assert await subscription.wait(5)
    starting.cancel()
    await store.events.close()
    await store.database.close()
