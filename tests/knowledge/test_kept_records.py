"""Records kept in memory between answers: read once, never out of date, the same as read anew."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, select

import knowledge.queries.kept
from knowledge.database import sessions
from knowledge.models import Record
from knowledge.queries.guidance import general_answer, guidance_by_id
from knowledge.queries.kept import KeptRecords, records_by_id
from knowledge.queries.letters import all_letters
from knowledge.queries.pathways import pathways_for
from knowledge.queries.rights import entitlements_about
from knowledge.queries.services import services_about, services_by_id
from tests.knowledge.conftest import Folder, load

SERVICE = "lunch-club"


@contextmanager
def statements(engine: Engine) -> Generator[list[str]]:
    """What is asked of the database inside the block."""
    asked: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def whole(record: Record) -> dict[str, Any]:
    """All that is known of a record, with what belongs to it."""
    mapper = inspect(record).mapper
    columns = {attribute.key: getattr(record, attribute.key) for attribute in mapper.column_attrs}
    parts = {one.key: getattr(record, one.key) for one in mapper.relationships if one.lazy != "select"}
    numbers = {name: len(part) for name, part in parts.items() if isinstance(part, list)}
    return columns | {
        "parts": numbers,
        "sources": [(one.source.title, one.locator) for one in record.citations],
        "areas": [one.area_id for one in record.areas],
        "topics": [(one.topic, one.position) for one in record.topics],
    }


def test_kept_and_read_anew_are_the_same(shipped_engine: Engine) -> None:
    kept, compared = KeptRecords(shipped_engine), 0
    for _ in range(2):
        with kept.session() as ours, sessions(shipped_engine)() as plain:
            for area in (None, "derby-city", "herefordshire"):
                pairs: list[tuple[list[Any], list[Any]]] = [
                    (
                        services_about(ours, "support_school", area),
                        services_about(plain, "support_school", area),
                    ),
                    (entitlements_about(ours, "rights", area), entitlements_about(plain, "rights", area)),
                    (pathways_for(ours, area, None, 7), pathways_for(plain, area, None, 7)),
                    ([general_answer(ours, "wait_time", area)], [general_answer(plain, "wait_time", area)]),
                ]
                for mine, theirs in pairs:
                    compared += len([one for one in theirs if one is not None])
                    assert [one and whole(one) for one in mine] == [one and whole(one) for one in theirs]
            assert [one.id for one in all_letters(ours)] == [one.id for one in all_letters(plain)]
    assert compared > 20


def test_what_is_kept_can_be_read_after_its_session_is_closed(shipped_engine: Engine) -> None:
    with sessions(shipped_engine)() as plain:
        ids = list(plain.scalars(select(Record.id).where(Record.status == "published")))
        told = {one: whole(record) for one, record in records_by_id(plain, ids).items()}
    with KeptRecords(shipped_engine).session() as session:
        kept = records_by_id(session, ids)
    assert {one: whole(record) for one, record in kept.items()} == told


def test_many_records_are_read_with_as_few_statements_as_some(shipped_engine: Engine) -> None:
    with sessions(shipped_engine)() as session:
        by_kind: dict[str, list[str]] = {}
        for one, kind in session.execute(select(Record.id, Record.kind).order_by(Record.id)):
            by_kind.setdefault(kind, []).append(one)
    asked_for: dict[int, int] = {}
    for of_each in (10, 40):
        ids = [one for of_kind in by_kind.values() for one in of_kind[:of_each]]
        with statements(shipped_engine) as asked, sessions(shipped_engine)() as session:
            for record in records_by_id(session, ids).values():
                whole(record)
        asked_for[of_each] = len(asked)
    assert {kind for kind, ids in by_kind.items() if len(ids) >= 40} >= {"guidance", "service", "glossary"}
    assert asked_for[40] == asked_for[10]


def test_an_edit_during_an_answer_changes_nothing_of_it(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    with KeptRecords(engine).session() as session:
        [before] = services_about(session, "support_school", "derby-city")
    with KeptRecords(engine).session() as session:
        load(engine, folder(lambda files: files["records.yml"]["services"][0].update(topics=["wait_time"])))
        # On PostgreSQL a query sees what was committed meanwhile; either way it is answered.
        assert [one.id for one in services_about(session, "support_school", "derby-city")] in (
            [before.id],
            [],
        )


def test_what_was_read_before_is_not_read_again(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    kept = KeptRecords(engine)
    with kept.session() as session:
        first = services_by_id(session, [SERVICE])

    with statements(engine) as asked, kept.session() as session:
        assert services_by_id(session, [SERVICE]) == first
        assert first[0].citations[0].source.title
    assert len(asked) == 2, asked  # the newest revision, and which records the query finds


def test_an_edit_is_seen_by_the_next_session(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    kept = KeptRecords(engine)
    with kept.session() as session:
        [before] = services_by_id(session, [SERVICE])
        load(engine, folder(lambda files: files["records.yml"]["services"][0].update(name="Supper Club")))
        assert services_by_id(session, [SERVICE]) == [before]  # an answer is of one state of the store

    with kept.session() as session:
        [after] = services_by_id(session, [SERVICE])
    assert after.name == "Supper Club"
    assert before.name != after.name


def test_what_is_withdrawn_is_gone(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    kept = KeptRecords(engine)
    with kept.session() as session:
        assert records_by_id(session, ["long-waits"])
    load(engine, folder(lambda files: files["records.yml"]["guidance"].pop(2)))

    with kept.session() as session:
        assert records_by_id(session, ["long-waits"]) == {}


def test_only_so_many_are_kept(shipped_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge.queries.kept, "_MOST", 3)
    kept = KeptRecords(shipped_engine)
    with kept.session() as session, sessions(shipped_engine)() as plain:
        letters = all_letters(session)
        assert len(letters) > 3
        ids = [letter.id for letter in letters]
        assert list(records_by_id(session, ids)) == list(records_by_id(plain, ids)) == ids
        assert guidance_by_id(session, ids) == {}  # letters are no answers
