"""A real store on each database: SQLite always, PostgreSQL when one is reachable."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from conversations.database import Database, migrate
from conversations.events import Events
from conversations.store import Store
from tests.conftest import EmptyStores

#: A PostgreSQL where the tests may make and drop a database of their own.
POSTGRES = os.environ.get("HELPLINE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")


@contextmanager
def _new_postgres() -> Generator[str]:
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL for the tests (HELPLINE_TEST_POSTGRES): {error}")
    name = f"helpline_conversations_{secrets.token_hex(4)}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
        base, _, _ = POSTGRES.rpartition("/")
        yield f"{base}/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_url() -> Generator[str]:
    """A database of this run's own, dropped at the end."""
    with _new_postgres() as url:
        yield url


@pytest.fixture
def empty_postgres_url() -> Generator[str]:
    """A database of this test's own, without a table."""
    with _new_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, empty_stores: EmptyStores) -> str:
    """A migrated database."""
    if request.param == "sqlite":
        return empty_stores.conversations(tmp_path)
    address: str = request.getfixturevalue("postgres_url")
    migrate(address)
    return address


@pytest_asyncio.fixture
async def store(url: str) -> AsyncGenerator[Store]:
    """A store without conversations (PostgreSQL keeps one database for the whole run)."""
    store = Store(Database(url), Events())
    await store.purge(datetime.now(UTC) + timedelta(days=1))
    yield store
    await store.database.close()
