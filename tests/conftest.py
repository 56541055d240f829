"""What the tests of all rooms share: prepared stores and cheap passwords."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

import conversations.database
import conversations.passwords
import knowledge.database


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Generator[None]:
    """The tests of this process hash with as little work as Argon2 can do.

    A test of the passwords themselves sees to it that what ships does the work that it should.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            conversations.passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        )
        yield


class EmptyStores:
    """SQLite files with their tables and nothing in them: copied, which is much quicker than migrating."""

    def __init__(self, folder: Path) -> None:
        self._conversations, self._knowledge = folder / "conversations.sqlite3", folder / "knowledge.sqlite3"
        conversations.database.migrate(f"sqlite:///{self._conversations}")
        engine = knowledge.database.open_engine(f"sqlite:///{self._knowledge}")
        knowledge.database.migrate(engine)
        engine.dispose()

    def conversations(self, folder: Path) -> str:
        """The URL of an empty store of conversations, new in this folder."""
        return f"sqlite:///{shutil.copy(self._conversations, folder)}"

    def knowledge(self, folder: Path) -> str:
        """The URL of an empty knowledge store, new in this folder."""
        return f"sqlite:///{shutil.copy(self._knowledge, folder)}"


@pytest.fixture(scope="session")
def empty_stores(tmp_path_factory: pytest.TempPathFactory) -> EmptyStores:
    """Makes empty stores."""
    return EmptyStores(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def shipped_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships in a SQLite file, loaded with the real encoder. Copy it."""
    from tests.knowledge.conftest import load, real_encoder, shipped_content

    file = tmp_path_factory.mktemp("shipped") / "knowledge.sqlite3"
    engine = knowledge.database.open_engine(f"sqlite:///{file}")
    knowledge.database.migrate(engine)
    load(engine, shipped_content(), real_encoder())
    engine.dispose()
    return file
