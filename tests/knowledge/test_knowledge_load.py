"""Loading: the store holds exactly what the files say, every change is kept, and nothing is half-loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.orm import Session

from encoder import SentenceEncoder
from knowledge import models
from knowledge.content import read_content
from knowledge.database import StoreUnavailable, migrate, open_engine, sessions
from knowledge.load import LoadReport, load_content
from knowledge.queries.areas import covered_areas
from knowledge.queries.guidance import general_answer, glossary_by_id, guidance_by_id
from knowledge.queries.pathways import pathways_for
from knowledge.queries.rights import deadlines_from, entitlements_about
from knowledge.queries.services import names_of_services, services_about, services_by_id
from knowledge.queries.waits import standards, wait_series
from knowledge.search import Search
from tests.knowledge.conftest import WORDS, Folder, WordEncoder, guidance, load, record, service

Files = dict[str, dict[str, Any]]

#: Records in the small content: 1 service, pathway, wait, entitlement, 3 answers, 1 contact, 5 replies.
SMALL_COUNT = 13


def history(engine: Engine, record_id: str) -> list[tuple[int, str]]:
    """The revisions of a record: number and change, oldest first."""
    with sessions(engine)() as session:
        rows = session.scalars(
            select(models.Revision)
            .where(models.Revision.record_id == record_id)
            .order_by(models.Revision.number)
        )
        return [(row.number, row.change) for row in rows]


def answers(engine: Engine, slug: str) -> str | None:
    """What the store answers for a piece of guidance, if it may be shown."""
    with sessions(engine)() as session:
        found = guidance_by_id(session, [slug])
        return found[slug].answer if slug in found else None


def test_the_first_load_holds_every_record(engine: Engine, folder: Folder) -> None:
    assert load(engine, folder()) == LoadReport(created=SMALL_COUNT, updated=0, unchanged=0, withdrawn=0)

    with sessions(engine)() as session:
        club = services_by_id(session, ["lunch-club"])[0]
        assert club.name == "Lunch club"
        assert [phone.number for phone in club.phones] == ["01632 960002"]
        assert club.service_at_locations[0].location.addresses[0].address_1 == "1 High Street, Derby"
        assert [cost.option for cost in club.cost_options] == ["Free"]
        assert club.organization.name == "A charity"
        assert club.citations[0].source.title == "A leaflet"
        assert {area.area_id for area in club.areas} == {"england"}
        assert {topic.topic for topic in club.topics} == {"support_school"}


def test_a_second_load_changes_nothing(engine: Engine, folder: Folder) -> None:
    content = folder()
    load(engine, content)
    before = whole_store(engine)

    assert load(engine, content) == LoadReport(created=0, updated=0, unchanged=SMALL_COUNT, withdrawn=0)
    assert whole_store(engine) == before


def test_a_changed_record_is_a_revision(engine: Engine, folder: Folder) -> None:
    load(engine, folder())

    report = load(engine, folder(change_answer("A better answer.")))

    assert report == LoadReport(created=0, updated=1, unchanged=SMALL_COUNT - 1, withdrawn=0)
    assert answers(engine, "what-is-lunch-club") == "A better answer."
    assert history(engine, "what-is-lunch-club") == [(1, "created"), (2, "updated")]
    assert history(engine, "help-in-class") == [(1, "created")]
    with sessions(engine)() as session:
        first = session.scalars(
            select(models.Revision)
            .where(models.Revision.record_id == "what-is-lunch-club")
            .order_by(models.Revision.number)
        ).first()
        assert first is not None
        assert first.content["answer"] == "An answer to: What happens at the lunch club?"


#: What an editor may change of each kind of record, as (file, kind, index, fields). A part that stands in a
#: table of its own (a phone, an address, a step, a time limit) has to give way to the new one.
EDITS: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "a service's description": ("records.yml", "services", 0, {"description": "New words."}),
    "a service's address": ("records.yml", "services", 0, {"address": "2 High Street, Derby"}),
    "a service without its address": ("records.yml", "services", 0, {"address": None}),
    "a service's phones": (
        "records.yml",
        "services",
        0,
        {"phones": [{"number": "01632 960003", "confidence": "verified-in-seed"}]},
    ),
    "a pathway's steps": ("records.yml", "pathways", 0, {"steps": [{"title": "A", "text": "B"}] * 3}),
    "a wait's figure": ("records.yml", "waits", 0, {"value": 11}),
    "an entitlement's words": ("records.yml", "entitlements", 0, {"answer": "It must."}),
    "an answer's topics": ("records.yml", "guidance", 1, {"topics": ["wait_time", "support_school"]}),
    "an answer's areas": ("records.yml", "guidance", 1, {"areas": ["derby-city", "derbyshire"]}),
    "a crisis contact's number": ("crisis.yml", "crisis_contacts", 0, {"phone": "01632 960009"}),
    "a crisis reply's words": ("crisis.yml", "crisis_replies", 0, {"says": "Ring now."}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_kind_of_record_can_be_edited(engine: Engine, folder: Folder, edit: str) -> None:
    file, kind, index, fields = EDITS[edit]
    load(engine, folder())

    report = load(engine, folder(lambda files: files[file][kind][index].update(fields)))

    assert report == LoadReport(created=0, updated=1, unchanged=SMALL_COUNT - 1, withdrawn=0)


def test_an_edited_address_replaces_the_old_one(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    load(engine, folder(lambda files: files["records.yml"]["services"][0].update(address="2 High Street")))

    with sessions(engine)() as session:
        [club] = services_by_id(session, ["lunch-club"])
        places = [place.location.addresses[0].address_1 for place in club.service_at_locations]
        assert places == ["2 High Street"]


def test_a_changed_deadline_replaces_the_old_one(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    load(
        engine,
        folder(lambda files: files["records.yml"]["entitlements"][0]["deadlines"][0].update(count=3)),
    )

    with sessions(engine)() as session:
        assert [(rule.id, rule.count) for rule in deadlines_from(session, "request-received")] == [
            ("reply-in-time", 3)
        ]


def test_a_time_limit_may_move_to_another_record(engine: Engine, folder: Folder) -> None:
    def move(files: Files) -> None:
        old = files["records.yml"]["entitlements"][0]
        files["records.yml"]["entitlements"].insert(0, {**old, "id": "a-new-right"})
        files["records.yml"]["entitlements"][1] = {**old, "deadlines": []}

    load(engine, folder())
    load(engine, folder(move))

    with sessions(engine)() as session:
        [rule] = deadlines_from(session, "request-received")
        assert rule.entitlement.id == "a-new-right"


def test_a_crisis_reply_may_get_another_id(engine: Engine, folder: Folder) -> None:
    load(engine, folder())

    report = load(
        engine, folder(lambda files: files["crisis.yml"]["crisis_replies"][0].update(id="a-better-name"))
    )

    assert (report.created, report.withdrawn) == (1, 1)


def test_an_area_that_is_no_longer_in_the_files_is_not_offered(engine: Engine, folder: Folder) -> None:
    def leave_derbyshire(files: Files) -> None:
        files["base.yml"]["areas"].pop()

    load(engine, folder())
    load(engine, folder(leave_derbyshire))

    with sessions(engine)() as session:
        assert [area.id for area in covered_areas(session)] == ["derby-city"]


def test_an_id_keeps_its_kind(engine: Engine, folder: Folder) -> None:
    # A button or a log that names the record would otherwise mean something else from one day to the next.
    def change(files: Files) -> None:
        files["records.yml"]["guidance"].pop()
        files["records.yml"]["services"].append(service("Long waits"))

    load(engine, folder())
    before = whole_store(engine)

    with pytest.raises(ValueError, match="'long-waits' is a guidance in the store"):
        load(engine, folder(change))
    assert whole_store(engine) == before


# --- withdrawn ---


def everything_shown(session: Session, engine: Engine) -> set[str]:
    """The ids that any query or the search gives, for every topic and area of the small content."""
    search = Search(engine, WORDS)
    found: set[str] = set()
    for area in (None, "derby-city", "derbyshire", "england"):
        for topic in ("support_school", "wait_time"):
            found |= {row.id for row in services_about(session, topic, area)}
            found |= {row.id for row in entitlements_about(session, topic, area)}
            for audience in (None, "families", "young-people", "adults"):
                answer = general_answer(session, topic, area, audience)
                found |= {answer.id} if answer else set()
        found |= {row.id for row in pathways_for(session, area, None, None)}
        found |= {row.id for series in wait_series(session, area, None) for row in series.newest}
        found |= {row.id for row in standards(session, area)}
        found |= {service for service, _, _ in names_of_services(session)}
        kinds = ["guidance", "service", "pathway", "entitlement", "glossary", "wait"]
        found |= {
            match.record_id
            for match in search.closest("help", kinds, [area or "england", "england"], limit=99)
        }
    ids = list(session.scalars(select(models.Record.id)))
    found |= {row.id for row in services_by_id(session, ids)}
    found |= set(guidance_by_id(session, ids))
    found |= {row_id for row_id in ids if glossary_by_id(session, row_id) is not None}
    for trigger in session.scalars(select(models.Deadline.trigger)).all():
        found |= {rule.entitlement.id for rule in deadlines_from(session, trigger)}
    return found


#: One record of each kind that a query can give.
SHOWN = {
    "lunch-club": ("records.yml", "services"),
    "derby-child": ("records.yml", "pathways"),
    "derby-wait": ("records.yml", "waits"),
    "help-at-school": ("records.yml", "entitlements"),
    "help-in-class": ("records.yml", "guidance"),
    "term-ehc": ("records.yml", "glossary"),
}


def with_a_word(files: Files) -> None:
    """The small content and a hard word."""
    files["records.yml"]["glossary"] = [
        record(id="term-ehc", term="EHC", meaning="Education, health and care.", easy_read="A plan.")
    ]


def without(*slugs: str) -> Callable[[Files], None]:
    """The small content with a hard word, without these records and what refers to them."""

    def change(files: Files) -> None:
        with_a_word(files)
        for slug in slugs:
            file, kind = SHOWN[slug]
            files[file][kind] = [entry for entry in files[file][kind] if entry["id"] != slug]
        if "lunch-club" in slugs:
            files["records.yml"]["guidance"][0].pop("services")
            for pathway in files["records.yml"]["pathways"]:
                pathway["assessed_by"] = []

    return change


def test_each_record_is_shown_while_it_is_published(engine: Engine, folder: Folder) -> None:
    load(engine, folder(without()))

    with sessions(engine)() as session:
        assert set(SHOWN) <= everything_shown(session, engine)


def test_records_that_are_taken_out_are_never_shown_again(engine: Engine, folder: Folder) -> None:
    load(engine, folder(without()))

    report = load(engine, folder(without(*SHOWN)))

    assert report.withdrawn == len(SHOWN)
    for slug in SHOWN:
        assert history(engine, slug)[-1] == (2, "withdrawn")
    with sessions(engine)() as session:
        assert everything_shown(session, engine).isdisjoint(SHOWN)


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_a_draft_or_withdrawn_record_is_never_shown(engine: Engine, folder: Folder, status: str) -> None:
    def change(files: Files) -> None:
        without()(files)
        for slug, (file, kind) in SHOWN.items():
            next(entry for entry in files[file][kind] if entry["id"] == slug)["status"] = status

    load(engine, folder(change))

    with sessions(engine)() as session:
        shown = everything_shown(session, engine)
    assert shown.isdisjoint(SHOWN)
    assert {"what-is-lunch-club", "long-waits"} <= shown  # the queries did look


def test_taking_out_is_recorded_once(engine: Engine, folder: Folder) -> None:
    load(engine, folder(without()))
    load(engine, folder(without("help-in-class")))

    assert load(engine, folder(without("help-in-class"))).withdrawn == 0
    assert history(engine, "help-in-class") == [(1, "created"), (2, "withdrawn")]


def test_a_record_that_comes_back_is_shown_again(engine: Engine, folder: Folder) -> None:
    load(engine, folder(without()))
    load(engine, folder(without("help-in-class")))

    report = load(engine, folder(without()))

    assert (report.created, report.updated) == (0, 1)
    assert answers(engine, "help-in-class") == "An answer to: What help is there in class?"
    assert history(engine, "help-in-class") == [(1, "created"), (2, "withdrawn"), (3, "updated")]


def test_records_of_an_imported_directory_are_left_alone(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    with sessions(engine).begin() as session:
        club = services_by_id(session, ["lunch-club"])[0]
        club.origin = "a council's directory"

    load(engine, folder(without("lunch-club")))

    with sessions(engine)() as session:
        assert [row.id for row in services_by_id(session, ["lunch-club"])] == ["lunch-club"]


# --- a crash ---


class FailingEncoder(WordEncoder):
    """Fails in the middle of a load, as a full disk or a killed process would."""

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        raise OSError("no space left on device")


def test_a_crash_in_the_middle_leaves_the_old_content_whole(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    before = whole_store(engine)

    def change(files: Files) -> None:
        change_answer("A better answer.")(files)
        files["records.yml"]["guidance"].append(guidance("brand-new", "What is new?"))
        files["records.yml"]["entitlements"] = []

    with pytest.raises(OSError, match="no space"):
        load(engine, folder(change), cast("SentenceEncoder", FailingEncoder()))

    assert whole_store(engine) == before
    assert load(engine, folder(change)).created == 1


def test_readers_see_the_old_content_until_it_is_all_there(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    content = read_content(folder(change_answer("A better answer.")))

    with sessions(engine)() as writing:
        load_content(writing, content, WORDS)
        assert answers(engine, "what-is-lunch-club") == "An answer to: What happens at the lunch club?"
        writing.commit()
    assert answers(engine, "what-is-lunch-club") == "A better answer."


def change_answer(words: str) -> Callable[[Files], None]:
    """Change the first answer's words."""

    def change(files: Files) -> None:
        files["records.yml"]["guidance"][0]["answer"] = words

    return change


def whole_store(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)).all())
            if not any(column.type.python_type in (dict, list) for column in table.columns)
            else sorted(tuple(map(str, row)) for row in connection.execute(select(table)).all())
            for table in models.Base.metadata.sorted_tables
        }


# --- migrations ---


def test_migrating_an_empty_database_makes_every_table(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)

    made = set(inspect(engine).get_table_names())
    engine.dispose()
    assert {table.name for table in models.Base.metadata.sorted_tables} <= made
    # Apart from the conversations' own version table: both may live in one PostgreSQL database.
    assert "knowledge_version" in made
    assert "alembic_version" not in made


def test_migrated_tables_have_the_columns_of_the_models(engine: Engine) -> None:
    inspector = inspect(engine)
    for table in models.Base.metadata.sorted_tables:
        columns = {
            column["name"]: column["nullable"]
            for column in inspector.get_columns(table.name)
            if "computed" not in column  # the database fills it by itself
        }
        assert columns == {column.name: column.nullable for column in table.columns}, table.name


def test_migrating_twice_keeps_the_content(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    before = whole_store(engine)

    migrate(engine)

    assert whole_store(engine) == before


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "knowledge.sqlite3").mkdir()
    engine = open_engine(f"sqlite:///{tmp_path}/knowledge.sqlite3")

    with pytest.raises(StoreUnavailable, match=r"knowledge\.sqlite3 cannot be opened"):
        migrate(engine)


def test_a_password_is_not_told() -> None:
    # Port 9 (discard) is not a database; the message goes to a log.
    engine = open_engine("postgresql+psycopg://helpline:secret@127.0.0.1:9/helpline?connect_timeout=2")

    with pytest.raises(StoreUnavailable) as refused:
        migrate(engine)
    assert "secret" not in str(refused.value)


def test_sqlite_readers_go_on_while_the_loader_writes(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/deep/down/knowledge.sqlite3")
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()
