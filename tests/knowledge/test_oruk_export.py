"""What we publish keeps to the standard, and another store that reads it has all of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from knowledge import models
from knowledge.database import migrate, open_engine, sessions
from knowledge.oruk import published
from knowledge.oruk.exporter import PER_FILE, export_file, export_folder, export_lines
from knowledge.oruk.fetch import Limits
from knowledge.oruk.ids import stable_uuid
from knowledge.oruk.importer import Report, Source, read_directory
from knowledge.oruk.reader import FileReader
from tests.knowledge.conftest import WORDS, load, service, shipped_content
from tests.knowledge.directory_server import directory_service, many_services
from tests.knowledge.oruk_schema import SERVICE, wrong_with, wrong_with_page

COUNTY = Source("county", "county.ndjson", "Example County Council")


def exported(engine: Engine) -> dict[str, dict[str, Any]]:
    """Every service that is published, by id."""
    out = io.StringIO()
    with sessions(engine)() as session:
        export_lines(session, out)
    documents = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len({document["id"] for document in documents}) == len(documents)
    return {document["id"]: document for document in documents}


async def read(engine: Engine, path: Path, source: Source = COUNTY) -> Report:
    return await read_directory(engine, WORDS, source, FileReader(path, Limits())).run()


def written(path: Path, services: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, services)))
    return path


@pytest.fixture
def store(engine: Engine, folder: Callable[..., Path]) -> Engine:
    load(engine, folder())
    return engine


@pytest.fixture
def empty(tmp_path: Path) -> Engine:
    """Another store, with tables and nothing else."""
    other = open_engine(f"sqlite:///{tmp_path}/other.sqlite3")
    migrate(other)
    return other


async def test_a_round_trip_loses_nothing(store: Engine, empty: Engine, tmp_path: Path) -> None:
    """Ours and imported ones: written, read into an empty store, written again."""
    await read(store, written(tmp_path / "county.ndjson", many_services(30)))
    first = exported(store)
    assert len(first) == 31
    with sessions(store)() as session:
        assert export_file(session, tmp_path / "all.ndjson") == 31

    report = await read(empty, tmp_path / "all.ndjson", Source("all", "all.ndjson", "Another"))

    # The small content has a number that nobody has, as numbers in tests do.
    assert [problem.field for problem in report.problems.listed] == ["phones.number"]
    assert exported(empty) == first


async def test_what_ships_goes_round_too(empty: Engine, tmp_path: Path) -> None:
    ours = open_engine(f"sqlite:///{tmp_path}/ours.sqlite3")
    migrate(ours)
    load(ours, shipped_content())
    first = exported(ours)
    assert len(first) > 100
    assert {slip for document in first.values() for slip in wrong_with(SERVICE, document)} == set()
    with sessions(ours)() as session:
        export_folder(session, tmp_path / "folder")

    report = await read(empty, tmp_path / "folder", Source("ours", "folder", "Another"))

    assert report.problems.summary() == []
    assert exported(empty) == first


async def test_an_imported_service_is_given_back_as_it_was(store: Engine, tmp_path: Path) -> None:
    original = directory_service("Tuesday Club")
    await read(store, written(tmp_path / "county.ndjson", [original]))
    document = exported(store)[original["id"]]
    # Only what the standard requires and nobody told is put in; a moment is written in one way.
    assert document.pop("last_modified") == "2026-04-02T10:30:45.123000Z"
    original.pop("last_modified")
    assert document == original


async def test_read_back_into_its_own_store_nothing_is_there_twice(store: Engine, tmp_path: Path) -> None:
    with sessions(store)() as session:
        export_file(session, tmp_path / "own.json")
    report = await read(store, tmp_path / "own.json")
    assert report.duplicates == [(stable_uuid("service", "lunch-club"), "lunch-club")]
    assert len(exported(store)) == 1


async def test_topics_and_diagnosis_of_ours_are_understood_by_another_of_ours(
    store: Engine, tmp_path: Path, folder: Callable[..., Path]
) -> None:
    with sessions(store)() as session:
        export_file(session, tmp_path / "own.json")
    load(store, folder(lambda data: data["records.yml"]["services"][0].update(status="withdrawn")))
    await read(store, tmp_path / "own.json")
    with sessions(store)() as session:
        copy = session.get_one(models.Service, stable_uuid("service", "lunch-club"))
        assert [topic.topic for topic in copy.topics] == ["support_school"]
        assert copy.needs_diagnosis == "no"
        assert [area.area_id for area in copy.areas] == ["england"]
        assert copy.origin == "oruk:county"


def test_ours_is_told_in_the_words_of_the_standard(store: Engine) -> None:
    (document,) = exported(store).values()
    assert document["id"] == stable_uuid("service", "lunch-club")
    assert document["status"] == "active"
    assert document["assured_date"] == "2026-01-01"  # of a month its first day: never newer than known
    assert [area["name"] for area in document["service_areas"]] == ["England"]
    assert document["contacts"][0]["phones"][0]["number"] == "01632 960002"
    assert document["cost_options"][0]["option"] == "Free"
    assert document["organization"]["name"] == "A charity"
    assert [a["taxonomy_term"]["name"] for a in document["attributes"]] == [
        "Help at school",
        "No diagnosis needed",
    ]
    (place,) = document["service_at_locations"]
    address = place["location"]["addresses"][0]
    assert (address["address_1"], address["city"], address["country"]) == ("1 High Street, Derby", "", "GB")


async def test_drafts_duplicates_and_history_are_not_published(
    engine: Engine, tmp_path: Path, folder: Callable[..., Path]
) -> None:
    def change(data: dict[str, Any]) -> None:
        data["records.yml"]["services"] += [
            service("A draft", status="draft"),
            service("Long gone", freshness="historic"),
        ]

    load(engine, folder(change))
    twice = directory_service("Lunch club")
    twice["organization"].update(name="A charity", id=twice["id"])
    outside = directory_service("Far away", service_areas=[{"id": twice["id"], "name": "Cornwall"}])
    closed = directory_service("Closed", status="inactive")
    await read(engine, written(tmp_path / "county.ndjson", [twice, outside, closed]))
    assert {document["name"] for document in exported(engine).values()} == {"Lunch club", "Far away"}
    with sessions(engine)() as session:
        named = [(entry["id"], entry["name"]) for entry in published.organizations(session, 0, 50).contents]
        assert published.organization(session, twice["id"]) is None
    assert sorted(named) == sorted(
        [
            (stable_uuid("organization", "a-charity"), "A charity"),
            (outside["organization"]["id"], "An Example Charity"),
        ]
    )


async def test_pages_hold_everything_once(store: Engine, tmp_path: Path) -> None:
    await read(store, written(tmp_path / "county.ndjson", many_services(PER_FILE + 20)))
    target = tmp_path / "out"
    target.mkdir()
    (target / "services-00009.json").write_text("of an earlier export")
    with sessions(store)() as session:
        assert export_folder(session, target) == PER_FILE + 21
    names = sorted(path.name for path in target.iterdir())
    assert names == [
        "api.json",
        "organizations.json",
        "services-00001.json",
        "services-00002.json",
        "taxonomies.json",
        "taxonomy_terms.json",
    ]
    pages = [json.loads((target / name).read_text()) for name in names if name.startswith("services")]
    assert [wrong_with_page(SERVICE, page) for page in pages] == [[], []]
    assert [(page["page_number"], page["size"], page["last_page"]) for page in pages] == [
        (1, PER_FILE, False),
        (2, 21, True),
    ]
    found = {document["id"]: document for page in pages for document in page["contents"]}
    assert found == exported(store)
    terms = json.loads((target / "taxonomy_terms.json").read_text())
    assert {"Help at school", "Support groups", "No diagnosis needed"} <= {
        t["name"] for t in terms["contents"]
    }


async def test_an_export_asks_for_a_batch_at_a_time(store: Engine, tmp_path: Path) -> None:
    await read(store, written(tmp_path / "county.ndjson", many_services(450)))
    largest = 0

    def count(session: Any, _instance: Any) -> None:
        nonlocal largest
        largest = max(largest, len(session.identity_map))

    with sessions(store)() as session:
        event.listen(session, "loaded_as_persistent", count)
        export_lines(session, io.StringIO())
    assert 0 < largest < 400


def test_a_failing_export_leaves_the_old_file(
    store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "all.json"
    path.write_text("the old one")

    def fail(*_: Any) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr("knowledge.oruk.published._documents", fail)
    with sessions(store)() as session, pytest.raises(RuntimeError):
        export_file(session, path)
    assert [p.name for p in tmp_path.glob("*all*")] == ["all.json"]
    assert path.read_text() == "the old one"


def test_a_record_keeps_its_published_id() -> None:
    # Other directories remember us by it: this test fails when the rule changes.
    assert stable_uuid("service", "diass") == "77603fc3-86ff-532e-a9d3-ea6c994880d1"
