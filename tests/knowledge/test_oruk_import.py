"""A council's directory becomes services of ours: what of it, when again, and what stays away."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from actions.cards import service_card
from knowledge import models
from knowledge.database import sessions
from knowledge.oruk.errors import FeedError, Refused
from knowledge.oruk.fetch import Limits, open_fetcher
from knowledge.oruk.importer import Report, Source, read_directory
from knowledge.oruk.reader import ApiReader, FileReader
from knowledge.queries.services import services_about
from tests.knowledge.conftest import WORDS, load
from tests.knowledge.directory_server import Directory, Running, directory_service, many_services, uid

QUICK = Limits(requests_per_second=1000, first_wait_seconds=0.01, timeout_seconds=5, per_page=10)
COUNTY = Source("county", "https://directory.example/api", "Example County Council")


@pytest.fixture
def store(engine: Engine, folder: Callable[..., Path]) -> Engine:
    """A store with the small content: areas, topics, a charity's lunch club."""
    load(engine, folder())
    return engine


@pytest.fixture
def directory() -> Generator[Directory]:
    """A directory with one service, on this machine."""
    with Running(Directory([directory_service("Tuesday Club")])) as running:
        yield running


async def read(
    engine: Engine, directory: Directory, source: Source = COUNTY, limits: Limits = QUICK, **options: Any
) -> Report:
    async with open_fetcher(limits, allow_private=True) as fetcher:
        reader = ApiReader(fetcher, directory.url)
        return await read_directory(engine, WORDS, source, reader, **options).run()


def stored(session: Session, name: str) -> models.Service:
    """The service of this name."""
    return session.scalars(select(models.Service).where(models.Service.id == uid(name))).one()


def contents(engine: Engine) -> dict[str, list[Any]]:
    """All rows of the store but those that only say when it was read."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in models.Base.metadata.sorted_tables
            if table.name != "feed"
        }


async def test_a_service_says_what_its_directory_says(store: Engine, directory: Directory) -> None:
    report = await read(store, directory)
    assert (report.listed, report.read, report.failed, report.problems.total) == (1, 1, 0, 0)
    with sessions(store)() as session:
        service = stored(session, "Tuesday Club")
        assert service.status == "published"
        assert service.origin == "oruk:county"
        assert service.name == "Tuesday Club"
        assert (service.minimum_age, service.maximum_age) == (5, 18)
        assert [area.area_id for area in service.areas] == ["derbyshire"]
        assert [(area.name, area.area_id) for area in service.service_areas] == [("Derbyshire", "derbyshire")]
        assert service.hours_text == "Tuesday, Thursday, 10:00 to 12:30"
        assert [(cost.option, cost.amount) for cost in service.cost_options] == [("A session", 3.5)]
        assert [language.code for language in service.languages] == ["pl"]
        assert [funding.source for funding in service.funding] == ["The county council"]
        assert [contact.title for contact in service.contacts] == ["Manager"]
        assert service.organization.name == "An Example Charity"
        location = service.service_at_locations[0].location
        assert (location.accessibility, location.latitude) == ("Step-free.", 53.1)
        assert location.addresses[0].postal_code == "DE4 3NN"
        assert [schedule.byday for schedule in service.schedules] == ["TU,TH"]


async def test_what_nobody_of_ours_confirmed_is_marked(store: Engine, directory: Directory) -> None:
    await read(store, directory)
    with sessions(store)() as session:
        service = stored(session, "Tuesday Club")
        (phone,) = service.phones
        assert (phone.number, phone.description) == ("01629 580000", "Weekdays")
        assert (phone.confidence, phone.freshness) == ("published-in-directory", "check")
        assert service.freshness == "check"
        assert service.as_of == "2026-03-01"
        assert service.review_by == date(2027, 3, 1)
        assert service.caveat is not None
        assert "service directory of Example County Council" in service.caveat
        assert "1 March 2026" in service.caveat
        assert "Closed on bank holidays." in service.caveat
        assert service.easy_read is None  # nobody wrote one, and none is made up
        (citation,) = service.citations
        assert citation.source.url == "https://directory.example/api"
        assert citation.source.publisher == "Example County Council"


async def test_it_is_found_by_its_topic_and_its_words(store: Engine, directory: Directory) -> None:
    directory.services[0]["attributes"][0]["taxonomy_term"]["name"] = "SEN support"
    await read(store, directory)
    with sessions(store)() as session:
        found = services_about(session, "support_school", "derbyshire", 7)
        assert "Tuesday Club" in [service.name for service in found]
        assert "Tuesday Club" not in [s.name for s in services_about(session, "support_school", "derby-city")]
        phrases = session.scalars(
            select(models.SearchPhrase.phrase).where(models.SearchPhrase.record_id == uid("Tuesday Club"))
        ).all()
        assert phrases == ["Tuesday Club", "Tuesday Club Tuesday Club is for autistic children."]


async def test_a_term_says_nothing_of_a_service_that_is_for_everybody(
    store: Engine, directory: Directory
) -> None:
    directory.services = [
        directory_service("Choir", description="We sing. Send us an email.", eligibility_description="All")
    ]
    directory.services[0]["attributes"][0]["taxonomy_term"]["name"] = "SEN support"
    await read(store, directory)
    with sessions(store)() as session:
        assert stored(session, "Choir").topics == []


async def test_loading_our_content_leaves_it_alone(
    store: Engine, directory: Directory, folder: Callable[..., Path]
) -> None:
    await read(store, directory)
    before = contents(store)
    assert load(store, folder()).withdrawn == 0
    assert contents(store) == before


async def test_a_second_reading_asks_for_no_details_and_changes_nothing(store: Engine) -> None:
    with Running(Directory(many_services(25))) as directory:
        await read(store, directory)
        before = contents(store)
        directory.asked.clear()
        report = await read(store, directory)
    assert directory.details_asked == []
    assert report.changes == {"unchanged": 25}
    assert contents(store) == before


async def test_only_what_changed_is_asked_for(store: Engine) -> None:
    with Running(Directory(many_services(25))) as directory:
        await read(store, directory)
        directory.asked.clear()
        directory.services[7].update(description="It moved.", last_modified="2026-05-01T00:00:00Z")
        report = await read(store, directory)
    assert directory.details_asked == [directory.services[7]["id"]]
    assert report.changes == {"unchanged": 24, "updated": 1}
    with sessions(store)() as session:
        assert stored(session, "Club number 7").description == "It moved."
        revisions = session.scalars(
            select(models.Revision.change)
            .where(models.Revision.record_id == uid("Club number 7"))
            .order_by(models.Revision.number)
        ).all()
        assert revisions == ["created", "updated"]


async def test_without_last_modified_everything_is_read_again_but_nothing_is_changed(store: Engine) -> None:
    services = [directory_service(f"Club {number}") for number in range(3)]
    for service in services:
        del service["last_modified"]
    with Running(Directory(services)) as directory:
        await read(store, directory)
        report = await read(store, directory)
    assert report.read == 3
    assert report.changes == {"unchanged": 3}


async def test_services_that_are_gone_or_not_active_are_withdrawn(store: Engine) -> None:
    with Running(Directory(many_services(12))) as directory:
        await read(store, directory)
        gone = directory.services.pop()
        directory.services[0].update(status="temporarily closed", last_modified="2026-06-01T00:00:00Z")
        report = await read(store, directory)
        assert report.changes["withdrawn"] == 2
        with sessions(store)() as session:
            assert stored(session, "Club number 0").status == "withdrawn"
            assert stored(session, str(gone["name"])).status == "withdrawn"
            assert stored(session, "Club number 1").status == "published"
        directory.services.append(gone)
        directory.services[0].update(status="active", last_modified="2026-06-02T00:00:00Z")
        await read(store, directory)
    with sessions(store)() as session:
        assert stored(session, "Club number 0").status == "published"
        assert stored(session, str(gone["name"])).status == "published"


async def test_only_this_directorys_services_are_withdrawn(store: Engine, directory: Directory) -> None:
    await read(store, directory)
    with Running(Directory([directory_service("Other Club")])) as other:
        await read(store, other, replace(COUNTY, feed_id="city"))
        other.services = [directory_service("Third Club")]
        await read(store, other, replace(COUNTY, feed_id="city"))
    with sessions(store)() as session:
        assert stored(session, "Tuesday Club").status == "published"
        assert stored(session, "Other Club").status == "withdrawn"
        assert session.get_one(models.Service, "lunch-club").status == "published"


async def test_a_directory_that_lost_most_of_its_services_is_not_believed(store: Engine) -> None:
    with Running(Directory(many_services(50))) as directory:
        await read(store, directory)
        everything, directory.services = directory.services, directory.services[:3]
        report = await read(store, directory)
        assert report.changes["withdrawn"] == 0
        assert "47 of 50" in (report.not_withdrawn or "")
        assert everything[20]["name"] == "Club number 20"
        report = await read(store, directory, withdraw_many=True)
        assert report.changes["withdrawn"] == 47


@pytest.mark.parametrize(("had", "left"), [(1, 0), (20, 0), (9, 4)])
async def test_a_small_directory_is_not_emptied_either(store: Engine, had: int, left: int) -> None:
    with Running(Directory(many_services(had))) as directory:
        await read(store, directory)
        del directory.services[left:]
        report = await read(store, directory)
        assert report.changes["withdrawn"] == 0
        assert "--withdraw-many" in (report.not_withdrawn or "")
        assert (await read(store, directory, withdraw_many=True)).changes["withdrawn"] == had - left


async def test_publisher_and_area_are_remembered(store: Engine, directory: Directory) -> None:
    for name in ("service_areas", "service_at_locations"):
        directory.services[0][name] = []
    await read(store, directory, replace(COUNTY, default_area="derbyshire"))
    report = await read(store, directory, replace(COUNTY, publisher=None))
    assert report.changes == {"unchanged": 1}
    with sessions(store)() as session:
        assert stored(session, "Tuesday Club").status == "published"
        assert session.get_one(models.Source, "oruk-county").publisher == "Example County Council"
    report = await read(store, directory, replace(COUNTY, default_area=""))
    assert report.outcomes == {"outside": 1}


async def test_hours_and_prices_hold_from_their_first_to_their_last_day(
    store: Engine, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.services[0]["cost_options"] = [
        {"id": uid("old"), "option": "Old price", "valid_to": "2026-06-30"},
        {"id": uid("new"), "option": "New price", "valid_from": "2026-07-01"},
    ]
    directory.services[0]["schedules"][0]["valid_from"] = "2026-07-01"
    for day, price, hours in (
        (date(2026, 6, 30), "Old price", None),
        (date(2026, 7, 1), "New price", "Tuesday, Thursday, 10:00 to 12:30"),
    ):
        monkeypatch.setattr("knowledge.oruk.importer.today", lambda day=day: day)
        directory.asked.clear()
        await read(store, directory)
        with sessions(store)() as session:
            service = stored(session, "Tuesday Club")
            assert [cost.option for cost in service.cost_options] == [price]
            assert service.hours_text == hours
    assert directory.details_asked == []  # a day alone asks nobody


async def test_a_card_does_not_say_that_we_checked(store: Engine, directory: Directory) -> None:
    await read(store, directory)
    with sessions(store)() as session:
        assert service_card(stored(session, "Tuesday Club"))["checked"] is None
        assert service_card(session.get_one(models.Service, "lunch-club"))["checked"]


async def test_an_incomplete_list_withdraws_nothing(store: Engine) -> None:
    with Running(Directory(many_services(12))) as directory:
        await read(store, directory)
        whole = directory._page(1, 12)
        whole["contents"] = whole["contents"][:-1]  # says 12, gives 11
        directory.answer = lambda request: directory._json(whole) if request.path == "/api/services" else None
        report = await read(store, directory)
    assert report.changes["withdrawn"] == 0
    assert "1 more" in (report.not_withdrawn or "")


@pytest.mark.parametrize(
    ("words", "areas"),
    [
        ("Derbyshire", ["derbyshire"]),
        ("All residents of South Derbyshire and Derby City", ["derbyshire", "derby-city"]),
        ("Derbyshire (not in Derby)", ["derbyshire"]),
        ("E06000015", ["derby-city"]),
        ("http://statistics.data.gov.uk/id/statistical-geography/E07000034", ["derbyshire"]),
        ("Nationwide", ["uk"]),
        ("North East England", []),
        ("Peak District National Park", []),
        ("The residents of MyCity", []),
    ],
)
async def test_where_it_is_offered_by_name_or_code(
    store: Engine, directory: Directory, words: str, areas: list[str]
) -> None:
    directory.services[0]["service_areas"] = [{"id": uid("a"), "name": words}]
    report = await read(store, directory)
    with sessions(store)() as session:
        service = stored(session, "Tuesday Club")
        assert sorted(area.area_id for area in service.areas) == sorted(areas)
        # What is outside is kept, marked, and never answered with.
        assert service.status == ("published" if areas else "draft")
        assert report.outcomes == {"shown" if areas else "outside": 1}


async def test_where_it_is_by_postcode_and_else_where_the_operator_says(
    store: Engine, directory: Directory
) -> None:
    here, nowhere, abroad = (directory_service(name, service_areas=[]) for name in ("A 1", "B 2", "C 3"))
    nowhere["service_at_locations"] = []
    abroad["service_at_locations"][0]["location"].update(
        id=uid("far"),
        addresses=[
            {**here["service_at_locations"][0]["location"]["addresses"][0], "postal_code": "SW1A 1AA"}
        ],
    )
    directory.services = [here, nowhere, abroad]
    await read(store, directory, replace(COUNTY, default_area="derby-city"))
    with sessions(store)() as session:
        assert [area.area_id for area in stored(session, "A 1").areas] == ["derbyshire"]
        assert [area.area_id for area in stored(session, "B 2").areas] == ["derby-city"]
        assert stored(session, "C 3").areas == []


async def test_an_area_that_the_store_has_not_is_refused(store: Engine, directory: Directory) -> None:
    with pytest.raises(FeedError, match="'narnia' is none of the store's"):
        await read(store, directory, replace(COUNTY, default_area="narnia"))


async def test_what_is_ours_already_is_not_shown_twice(
    store: Engine, directory: Directory, folder: Callable[..., Path]
) -> None:
    same_name = directory_service("The LUNCH club!", url="https://other.example/x")
    same_name["organization"]["name"] = "A Charity"
    another = directory_service("Lunch Club", url="https://other.example/y")
    directory.services = [same_name, another]
    report = await read(store, directory)
    assert report.duplicates == [(same_name["id"], "lunch-club")]
    with sessions(store)() as session:
        assert stored(session, "The LUNCH club!").status == "draft"
        assert stored(session, "Lunch Club").status == "published"  # another organization's

    # Ours goes: the directory's is shown, without asking for it again.
    load(store, folder(lambda data: data["records.yml"]["services"][0].update(status="withdrawn")))
    directory.asked.clear()
    report = await read(store, directory)
    assert report.duplicates == []
    assert directory.details_asked == []
    with sessions(store)() as session:
        assert stored(session, "The LUNCH club!").status == "published"


async def test_two_directories_cannot_share_or_take_an_id(store: Engine, directory: Directory) -> None:
    await read(store, directory)
    stolen = directory_service("Tuesday Club") | {"name": "Another name", "organization": None}
    shared = directory_service("Fresh Club")
    shared["organization"]["name"] = "Renamed by a stranger"
    with Running(Directory([stolen, shared])) as other:
        report = await read(store, other, replace(COUNTY, feed_id="city"))
    assert report.outcomes == {"taken": 1, "shown": 1}
    with sessions(store)() as session:
        assert stored(session, "Tuesday Club").name == "Tuesday Club"
        assert stored(session, "Tuesday Club").organization.name == "An Example Charity"


async def test_a_rule_that_changes_is_used_without_asking_again(store: Engine, directory: Directory) -> None:
    await read(store, directory)
    directory.asked.clear()
    await read(store, directory, replace(COUNTY, publisher="New Name Council"))
    assert directory.details_asked == []
    with sessions(store)() as session:
        assert "New Name Council" in (stored(session, "Tuesday Club").caveat or "")


async def test_bad_values_are_told_and_the_rest_is_loaded(store: Engine, directory: Directory) -> None:
    bad = directory_service(
        "Bad Club",
        minimum_age="5",
        maximum_age="eighteen",
        url="javascript:alert(1)",
        email="nobody",
        assured_date="31/12/2025",
        cost_options=[{"id": uid("c"), "amount": "£4.50", "option": "Each"}],
        phones=[{"id": uid("p1"), "number": "ring us"}, {"number": "+44 1629 580001"}],
        languages="English",
        funding=None,
        contacts={"id": uid("k"), "name": "One, not in a list"},
    )
    bad["service_at_locations"][0]["location"] |= {"latitude": 100, "longitude": "-1.5"}
    directory.services = [bad, directory_service("Good Club")]
    report = await read(store, directory)
    told = {problem.field: problem.problem for problem in report.problems.listed}
    assert {problem.record for problem in report.problems.listed} == {bad["id"]}
    assert told == {
        "maximum_age": "must be a number",
        "url": "must be a web address that starts with http:// or https://",
        "email": "must be an email address",
        "service_at_locations.location.latitude": "must be from -90 to 90",
        "phones.id": "is missing",
        "phones.number": "is no telephone number; it is not shown",
        "languages": "must be a list",
    }
    with sessions(store)() as session:
        service = stored(session, "Bad Club")
        assert (service.minimum_age, service.maximum_age) == (5, None)
        assert service.as_of == "2025-12-31"
        assert [str(cost.amount) for cost in service.cost_options] == ["4.50"]
        assert [phone.number for phone in service.phones] == ["01629 580001"]
        assert service.service_at_locations[0].location.latitude is None
        assert service.service_at_locations[0].location.longitude == -1.5
        assert stored(session, "Good Club").status == "published"


async def test_a_poor_service_is_enough(store: Engine, directory: Directory) -> None:
    directory.services = [{"id": uid("Poor Club"), "name": "Poor Club", "status": "active"}]
    report = await read(store, directory, replace(COUNTY, default_area="derbyshire"))
    assert report.changes["created"] == 1
    with sessions(store)() as session:
        service = stored(session, "Poor Club")
        assert service.application_process == "The directory does not say how to contact it."
        assert service.organization.name == "Not stated in the directory"
        assert service.needs_diagnosis == "not-stated"


async def test_what_is_no_service_is_told_and_left_out(store: Engine, directory: Directory) -> None:
    good = directory_service("Good Club")
    directory.services = [7, {"name": "No id"}, {"id": uid("x")}, good, good]  # type: ignore[list-item]
    directory.answer = lambda request: (
        directory._json({"contents": directory.services, "total_pages": 1})
        if request.path == "/api/services"
        else directory._json(good)
    )
    report = await read(store, directory)
    assert (report.changes["created"], report.failed) == (1, 3)
    assert sorted((p.field, p.problem) for p in report.problems.listed) == [
        ("id", "is listed twice; the second is left out"),
        ("id", "is missing"),
        ("name", "is missing"),
        ("service", "must be an object"),
    ]


async def test_an_id_that_is_no_uuid_is_asked_for_as_it_is(store: Engine, directory: Directory) -> None:
    directory.services = [directory_service("Old Club", id="club/17")]
    directory.answer = lambda request: (
        directory._json(directory.services[0]) if "club" in request.path else None
    )
    await read(store, directory)
    assert "/api/services/club/17" in directory.asked  # the path as aiohttp decodes it
    first = (
        sessions(store)().scalars(select(models.Service.id).where(models.Service.name == "Old Club")).one()
    )
    report = await read(store, directory)
    assert report.changes == {"unchanged": 1}
    assert len(first) == 36


@pytest.mark.parametrize(
    "change",
    [
        {"eligibilitys": [{"eligibility": "child"}]},
        {"regular_schedules": []},
        {"service_taxonomys": []},
    ],
)
async def test_a_version_1_directory_is_refused_by_name(
    store: Engine, directory: Directory, change: dict[str, Any]
) -> None:
    directory.services.append(directory_service("Old Club", **change))
    before = contents(store)
    with pytest.raises(Refused, match=f"version 1 .*'{next(iter(change))}'"):
        await read(store, directory)
    after = contents(store)
    assert after["record"] == before["record"]


async def test_version_1_pages_and_versions_are_refused(store: Engine, directory: Directory) -> None:
    directory.about = {"version": "HSDS-UK-3.0"}
    await read(store, directory)
    directory.about = {"version": "1.3"}
    with pytest.raises(Refused, match=r"version '1\.3'"):
        await read(store, directory)
    directory.about = None
    directory.answer = lambda request: directory._json({"totalElements": 1, "totalPages": 1, "content": []})
    with pytest.raises(Refused, match="totalElements"):
        await read(store, directory)


async def test_files_hold_whole_services(store: Engine, tmp_path: Path) -> None:
    import json

    services = many_services(23)
    lines, page, folder = tmp_path / "a.ndjson", tmp_path / "b.json", tmp_path / "c"
    lines.write_text("\n".join(map(json.dumps, services)))
    page.write_text(json.dumps({"contents": services}))
    folder.mkdir()
    for start in (0, 10, 20):
        (folder / f"services-{start:05}.json").write_text(json.dumps({"contents": services[start:][:10]}))
    expected = {"created": 23}
    for path in (lines, page, folder):
        report = await read_directory(store, WORDS, COUNTY, FileReader(path, QUICK)).run()
        assert report.changes == expected
        expected = {"unchanged": 23}
    with sessions(store)() as session:
        assert session.scalar(select(func.count()).where(models.Service.origin == "oruk:county")) == 23


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "nonsense"])
async def test_a_broken_file_is_named(store: Engine, tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(FeedError, match=r"broken\.json is not JSON"):
        await read_directory(store, WORDS, COUNTY, FileReader(path, QUICK)).run()
