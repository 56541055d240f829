"""Opening the store: every step of its tables, two that start at once, and what goes wrong said plainly."""

from __future__ import annotations

import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, event, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from knowledge import models
from knowledge.content import read_content
from knowledge.database import MIGRATIONS, StoreUnavailable, migrate, open_engine, sessions, writing
from knowledge.load import load_content
from knowledge.models import Base
from knowledge.search import Search
from tests.knowledge.conftest import POSTGRES, WORDS, Folder, postgres_schema

# --- migrations ---


def revisions() -> list[str]:
    """The steps of the tables, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def test_the_migrations_are_one_chain() -> None:
    numbers = [path.name.split("_")[0] for path in sorted((MIGRATIONS / "versions").glob("0*.py"))]

    assert revisions() == numbers


#: What a store of the first version held: each table with its rows.
OLD_ROWS: dict[str, list[dict[str, Any]]] = {
    "source": [{"id": "a-leaflet", "title": "A leaflet", "publisher": "A charity", "archived_copy": False}],
    "area": [{"id": "england", "name": "England", "covered": False}],
    "topic": [{"name": "support_school", "topic_group": "support", "title": "School", "boundary": "School."}],
    "organization": [{"id": "a-charity", "name": "A charity", "description": "Helps."}],
    "record": [
        {
            "id": record_id,
            "kind": kind,
            "status": status,
            "audience": "all",
            "as_of": "2026-01",
            "review_by": date(2099, 1, 31),
            "freshness": "current",
            "origin": "content",
            "content_hash": "",
        }
        for record_id, kind, status in [
            ("old-club", "service", "published"),
            ("old-answer", "guidance", "published"),
            ("old-draft", "guidance", "draft"),
            ("old-reply", "crisis_reply", "published"),
        ]
    ],
    "service": [
        {
            "id": "old-club",
            "organization_id": "a-charity",
            "name": "Kangaroo club",
            "description": "Plays.",
            "application_process": "Ask.",
            "easy_read": "Play.",
            "needs_diagnosis": "no",
        }
    ],
    "guidance": [
        {
            "id": record_id,
            "question": "Where is the kangaroo?",
            "answer": "At the zoo.",
            "easy_read": "Zoo.",
            "services": [],
        }
        for record_id in ("old-answer", "old-draft")
    ],
    "crisis_reply": [
        {
            "id": "old-reply",
            "danger": "medical_emergency",
            "says": "Call.",
            "easy_read": "Call.",
            "young_person": "Call.",
        }
    ],
    "phone": [
        {
            "service_id": "old-club",
            "position": 0,
            "number": "01632 960001",
            "type": "voice",
            "confidence": "verified-in-seed",
            "freshness": "current",
        }
    ],
    "citation": [{"record_id": "old-club", "position": 0, "source_id": "a-leaflet"}],
    "record_area": [{"record_id": slug, "area_id": "england"} for slug in ("old-club", "old-answer")],
    "record_topic": [{"record_id": "old-answer", "topic": "support_school", "position": 0, "general": False}],
    "search_phrase": [
        {
            "record_id": "old-answer",
            "position": 0,
            "phrase": "Where is the kangaroo?",
            "vector": WORDS.encode(["Where is the kangaroo?"])[0].astype(np.dtype("<f2")).tobytes(),
        }
    ],
    "revision": [
        {
            "record_id": "old-answer",
            "number": 1,
            "change": "created",
            "recorded_at": datetime(2026, 1, 1, tzinfo=UTC),
            "content": {},
        }
    ],
}


def fill(engine: Engine) -> None:
    """Write the rows of the first version."""
    tables = MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for name, rows in OLD_ROWS.items():
            connection.execute(insert(tables.tables[name]), rows)


def counts(engine: Engine) -> Counter[str]:
    """How many rows each of the first version's tables holds."""
    tables = MetaData()
    tables.reflect(engine, only=list(OLD_ROWS))
    with engine.connect() as connection:
        return Counter(
            {
                name: connection.scalar(select(func.count()).select_from(tables.tables[name])) or 0
                for name in OLD_ROWS
            }
        )


def test_every_step_keeps_what_the_store_holds(url: str, folder: Folder) -> None:
    engine = open_engine(url)
    steps = revisions()
    migrate(engine, steps[0])
    fill(engine)
    before = counts(engine)

    for step in steps[1:]:
        migrate(engine, step)
        assert counts(engine) == before, step

    # What was there is found at once, by its words as well; what is not published is not.
    found = Search(engine, WORDS).closest("kangaroo", ["guidance", "service"], ["england"], limit=9)
    assert {match.record_id for match in found} == {"old-answer", "old-club"}
    with writing(engine).begin() as session:
        report = load_content(session, read_content(folder()), WORDS)
    assert report.created > 0
    assert report.withdrawn == 4
    found = Search(engine, WORDS).closest("kangaroo", ["guidance", "service"], ["england"], limit=9)
    assert not {"old-answer", "old-club"} & {match.record_id for match in found}
    engine.dispose()


def test_a_migration_cut_short_leaves_nothing_behind(url: str) -> None:
    engine = open_engine(url)
    seen = 0

    def pull_the_plug(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        seen += "CREATE TABLE" in statement
        if seen == 6:
            raise RuntimeError("the plug was pulled")

    event.listen(engine, "before_cursor_execute", pull_the_plug)
    with pytest.raises(RuntimeError, match="plug"):
        migrate(engine)
    engine.dispose()

    again = open_engine(url)
    assert inspect(again).get_table_names() == []
    migrate(again)
    assert set(Base.metadata.tables) <= set(inspect(again).get_table_names())
    again.dispose()


# --- two at once ---


def test_two_that_start_at_once_on_an_empty_database(url: str, folder: Folder) -> None:
    content = read_content(folder())
    together = Barrier(2)

    def start(_: int) -> tuple[int, int]:
        engine = open_engine(url)
        together.wait()
        migrate(engine)
        with writing(engine).begin() as session:
            report = load_content(session, content, WORDS)
        engine.dispose()
        return report.created, report.unchanged

    with ThreadPoolExecutor(2) as pool:
        reports = sorted(pool.map(start, range(2)))

    everything = len(list(content.records()))
    assert reports == [(0, everything), (everything, 0)]
    engine = open_engine(url)
    with sessions(engine)() as session:
        assert session.scalar(select(func.max(models.Revision.number))) == 1
    engine.dispose()


def test_two_that_open_a_new_file_at_once_both_get_it(tmp_path: Path) -> None:
    together = Barrier(2, timeout=20)

    def opened(round_: int) -> str:
        engine = open_engine(f"sqlite:///{tmp_path}/{round_}.sqlite3")
        event.listen(engine, "connect", lambda *_: together.wait(), insert=True)
        with engine.connect() as connection:
            mode = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
        engine.dispose()
        return mode

    with ThreadPoolExecutor(2) as pool:
        # What goes wrong without care is one time in fifty or so.
        modes = list(pool.map(opened, [round_ for round_ in range(200) for _ in range(2)]))
    assert set(modes) == {"wal"}


def test_readers_do_not_wait_for_a_writer(engine: Engine) -> None:
    with writing(engine).begin() as session:
        session.add(models.Topic(name="a", group="support", title="A", boundary="A."))
        session.flush()
        with sessions(engine)() as reader:
            assert reader.scalar(select(func.count()).select_from(models.Topic)) == 0


# --- what goes wrong, said plainly ---


@pytest.mark.parametrize(
    "url", ["", "not a url", "postgresql://user:secret@host:port/x", "mysql://user:secret@host/x"]
)
def test_an_address_that_cannot_be_is_told_without_its_password(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="knowledge store") as refused:
        open_engine(url)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "knowledge.sqlite3").write_text("Dear diary, this is no database." * 100)
    engine = open_engine(f"sqlite:///{tmp_path}/knowledge.sqlite3")

    with pytest.raises(StoreUnavailable, match="file is not a database"):
        migrate(engine)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(StoreUnavailable, match="taken"):
        open_engine(f"sqlite:///{tmp_path}/taken/knowledge.sqlite3")


def test_a_database_that_is_not_there_is_told() -> None:
    engine = open_engine("postgresql://helpline:secret@127.0.0.1:9/helpline?connect_timeout=2")

    with pytest.raises(StoreUnavailable) as refused:
        migrate(engine)
    assert "secret" not in str(refused.value)


@pytest.mark.timeout(15)
def test_a_database_that_takes_connections_and_never_answers_is_told_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = open_engine(f"postgresql://helpline@127.0.0.1:{silent.getsockname()[1]}/helpline")

        with pytest.raises(StoreUnavailable, match="timeout"):
            migrate(engine)


def test_postgresql_forgets_a_machine_that_vanished_and_its_locks() -> None:
    with postgres_schema():  # skips where there is no PostgreSQL
        engine = open_engine(POSTGRES)
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW tcp_user_timeout")) == "8000"
            assert connection.scalar(text("SHOW tcp_keepalives_idle")) == "5"
        engine.dispose()


def test_what_the_database_refuses_is_told_without_what_people_wrote(engine: Engine) -> None:
    statement = text("INSERT INTO no_such_table (words) VALUES (:words)")

    with pytest.raises(DBAPIError, match="no_such_table") as refused, writing(engine).begin() as session:
        session.execute(statement, {"words": "a secret of the family"})
    assert "a secret of the family" not in str(refused.value)


def test_a_store_of_a_newer_version_is_told(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE knowledge_version SET version_num = '9999'"))

    with pytest.raises(StoreUnavailable, match="does not fit this version"):
        migrate(engine)
    engine.dispose()
