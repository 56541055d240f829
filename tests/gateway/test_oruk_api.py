"""Our services as open data: the API of Open Referral UK 3.0 below ``/oruk/``."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from ruamel.yaml import YAML

from gateway.app import init_app
from gateway.settings import Settings
from knowledge.database import migrate, open_engine, sessions
from knowledge.oruk.exporter import export_lines
from knowledge.oruk.fetch import Limits, open_fetcher
from knowledge.oruk.ids import stable_uuid
from knowledge.oruk.importer import Source, read_directory
from knowledge.oruk.reader import ApiReader, FileReader
from tests.gateway.conftest import FakeCrisis, FakeSafety
from tests.knowledge.conftest import SMALL, WORDS, _fresh_url, load
from tests.knowledge.directory_server import directory_service, uid
from tests.knowledge.oruk_schema import (
    LOCATION,
    ORGANIZATION,
    SERVICE,
    SERVICE_AT_LOCATION,
    SHORT_SERVICE,
    TAXONOMY,
    TAXONOMY_TERM,
    wrong_with,
    wrong_with_page,
)

Client = TestClient[web.Request, web.Application]

CLUB = directory_service("Tuesday Club", minimum_age=5, maximum_age=11)
TEENS = directory_service(
    "Teen Evening",
    minimum_age=13,
    maximum_age=19,
    description="100% fun_time on Fridays.",
    last_modified="2026-06-01T00:00:00Z",
    attributes=[],
)
TEENS["schedules"][0].update(byday="FR", opens_at="18:00:00", closes_at="20:00:00")
HIDDEN = directory_service("Closed Club", status="inactive")


def _settings(url: str, tmp_path: Path) -> Settings:
    return Settings(
        conversations_url=f"sqlite:///{tmp_path}/conversations.sqlite3",
        knowledge_url=url,
        bot_url="http://127.0.0.1:9",
        actions_url="http://127.0.0.1:9",
    )


async def _serve(settings: Settings) -> Client:
    app = init_app(
        settings,
        load_safety=FakeSafety,
        load_crisis=lambda _url: FakeCrisis(),
        load_areas=lambda _url: frozenset(),
    )
    return TestClient(TestServer(app))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def knowledge_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A store with ours (a lunch club) and three services of a directory, one closed. Only read it."""
    place = tmp_path_factory.mktemp("store")
    content = place / "content"
    content.mkdir()
    for name, kinds in SMALL.items():
        with (content / name).open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(kinds, file)
    with _fresh_url(request.param, place) as url:
        engine = open_engine(url)
        migrate(engine)
        load(engine, content)
        path = place / "county.ndjson"
        path.write_text("\n".join(map(json.dumps, [CLUB, TEENS, HIDDEN])))
        reading = read_directory(
            engine, WORDS, Source("county", "county.ndjson", "A Council"), FileReader(path, Limits())
        )
        asyncio.run(reading.run())
        engine.dispose()
        yield url


@pytest_asyncio.fixture
async def client(knowledge_url: str, tmp_path: Path) -> AsyncGenerator[Client]:
    async with await _serve(_settings(knowledge_url, tmp_path)) as running:
        yield running


async def get(client: Client, path: str, **query: Any) -> Any:
    response = await client.get(path, params=query)
    assert response.status == 200, await response.text()
    return await response.json()


async def names(client: Client, **query: Any) -> set[str]:
    return {service["name"] for service in (await get(client, "/oruk/services", **query))["contents"]}


async def test_it_says_which_standard_it_is(client: Client) -> None:
    about = await get(client, "/oruk/")
    assert about["version"] == "HSDS-UK-3.0"
    assert about["openapi_url"].endswith("/api/openapi.json")


async def test_a_list_holds_the_short_form_and_one_service_all(client: Client) -> None:
    page = await get(client, "/oruk/services")
    assert wrong_with_page(SHORT_SERVICE, page) == []
    assert {service["name"] for service in page["contents"]} == {"Lunch club", "Tuesday Club", "Teen Evening"}
    for short in page["contents"]:
        whole = await get(client, f"/oruk/services/{short['id']}")
        assert wrong_with(SERVICE, whole) == []
        assert all(whole[name] == value for name, value in short.items() if name != "organization")
    whole = await get(client, f"/oruk/services/{CLUB['id']}")
    assert whole["cost_options"] == CLUB["cost_options"]


async def test_what_is_told_here_is_what_is_exported(client: Client, knowledge_url: str) -> None:
    engine, out = open_engine(knowledge_url), io.StringIO()
    with sessions(engine)() as session:
        export_lines(session, out)
    engine.dispose()
    for line in out.getvalue().splitlines():
        document = json.loads(line)
        assert await get(client, f"/oruk/services/{document['id']}") == document


async def test_pages(client: Client) -> None:
    first = await get(client, "/oruk/services", per_page=2)
    second = await get(client, "/oruk/services", per_page=2, page=2)
    third = await get(client, "/oruk/services", per_page=2, page=3)
    about = ["total_items", "total_pages", "page_number", "size", "first_page", "last_page", "empty"]
    assert [first[name] for name in about] == [3, 2, 1, 2, True, False, False]
    assert [second[name] for name in about] == [3, 2, 2, 1, False, True, False]
    assert [third[name] for name in about] == [3, 2, 3, 0, False, True, True]
    ids = [service["id"] for page in (first, second, third) for service in page["contents"]]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"search": "club TUESDAY"}, {"Tuesday Club"}),
        ({"text": "evening"}, {"Teen Evening"}),
        ({"search": "100% fun_time"}, {"Teen Evening"}),
        ({"search": "1_0"}, set()),  # no wild cards
        ({"minimum_age": 6}, {"Teen Evening"}),
        ({"maximum_age": 12}, {"Tuesday Club"}),
        ({"taxonomy_term_id": uid("term peer")}, {"Tuesday Club"}),
        ({"taxonomy_term_id": stable_uuid("taxonomy_term", "topic:support_school")}, {"Lunch club"}),
        ({"taxonomy_id": stable_uuid("taxonomy", "needs-diagnosis")}, {"Lunch club"}),
        ({"organization_id": uid("charity")}, {"Tuesday Club", "Teen Evening"}),
        ({"modified_after": "2026-05-01"}, {"Teen Evening", "Lunch club"}),
        ({"modified_after": "2999-01-01T00:00:00+02:00"}, set()),
        ({"day": "FR"}, {"Teen Evening"}),
        ({"start_time": "17:00"}, {"Teen Evening"}),
        ({"end_time": "13:00:00"}, {"Tuesday Club"}),
    ],
)
async def test_filters(client: Client, query: dict[str, Any], found: set[str]) -> None:
    assert await names(client, **query) == found


async def test_whole_services_in_a_list(client: Client) -> None:
    page = await get(client, "/oruk/services", full="true", search="tuesday")
    assert page["contents"][0]["contacts"] == CLUB["contacts"]


@pytest.mark.parametrize(
    ("path", "schema", "known"),
    [
        ("organizations", ORGANIZATION, uid("charity")),
        ("organizations", ORGANIZATION, stable_uuid("organization", "a-charity")),
        ("taxonomies", TAXONOMY, stable_uuid("taxonomy", "topic")),
        ("taxonomy_terms", TAXONOMY_TERM, uid("term peer")),
        ("taxonomy_terms", TAXONOMY_TERM, stable_uuid("taxonomy_term", "needs-diagnosis:no")),
    ],
)
async def test_the_other_lists(client: Client, path: str, schema: Any, known: str) -> None:
    page = await get(client, f"/oruk/{path}")
    assert wrong_with_page(schema, page) == []
    assert known in {entry["id"] for entry in page["contents"]}
    one = await get(client, f"/oruk/{path}/{known}")
    assert wrong_with(schema, one) == []
    assert one["id"] == known


async def test_terms_of_one_taxonomy(client: Client) -> None:
    page = await get(client, "/oruk/taxonomy_terms", taxonomy_id=stable_uuid("taxonomy", "needs-diagnosis"))
    assert page["total_items"] == 3


async def test_an_organization_has_all_its_directory_said(client: Client) -> None:
    assert await get(client, f"/oruk/organizations/{uid('charity')}") == CLUB["organization"]


async def test_services_at_places(client: Client) -> None:
    page = await get(client, "/oruk/service_at_locations")
    assert page["total_items"] == 3
    for entry in page["contents"]:
        assert wrong_with(LOCATION, entry["location"]) == []
        assert wrong_with(SHORT_SERVICE, entry["service"]) == []
        assert "addresses" not in entry["location"]
        whole = await get(client, f"/oruk/service_at_locations/{entry['id']}")
        assert wrong_with(SERVICE_AT_LOCATION, whole) == []
        assert whole["location"]["addresses"]
        assert whole["service"]["id"] == entry["service"]["id"]
    found = await get(client, "/oruk/service_at_locations", search="tuesday")
    assert [entry["id"] for entry in found["contents"]] == [uid("Tuesday Club at hall")]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"page": "0"}, "page"),
        ({"page": "x"}, "page"),
        ({"page": "99999999999999999999"}, "page"),
        ({"per_page": "501"}, "per_page"),
        ({"taxonomy_term_id": "topic:support_school"}, "taxonomy_term_id"),
        ({"minimum_age": "nan"}, "minimum_age"),
        ({"modified_after": "yesterday"}, "modified_after"),
        ({"modified_after": "0001-01-01T00:00:00+14:00"}, "modified_after"),
        ({"modified_after": "9999-12-31T23:59:59-14:00"}, "modified_after"),
        ({"day": "Monday"}, "day"),
        ({"search": "a\x00b"}, "search"),
        ({"search": "x" * 201}, "search"),
        ({"postcode": "DE1 1AA"}, "postcode"),
    ],
)
async def test_bad_parameters_are_told_in_the_gateways_shape(
    client: Client, query: dict[str, str], field: str
) -> None:
    for path in ("/oruk/services", "/oruk/service_at_locations"):
        response = await client.get(path, params=query)
        assert response.status == 422
        assert response.content_type == "application/problem+json"
        problem = await response.json()
        assert problem["code"] == "invalid_fields"
        assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "record", [HIDDEN["id"], uid("nothing"), "lunch-club", "topic:support_school", "' or 1=1"]
)
async def test_what_is_not_published_is_not_there(client: Client, record: str) -> None:
    for path in ("services", "organizations", "taxonomies", "taxonomy_terms", "service_at_locations"):
        response = await client.get(f"/oruk/{path}/{record}")
        assert response.status == 404
        assert (await response.json())["code"] == "no_such_record"


async def test_any_page_may_read_it_and_nothing_else(client: Client) -> None:
    for path in ("/oruk/", "/oruk/services", "/oruk/services/nothing", "/oruk/services?page=0", "/oruk/x"):
        response = await client.get(path, headers={"Origin": "https://elsewhere.example"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers
    for path in ("/", "/api/openapi.json", "/api/v1/conversations/x/messages", "/orukx"):
        response = await client.get(path, headers={"Origin": "https://elsewhere.example"})
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_nothing_can_be_written(client: Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        response = await client.request(method, f"/oruk/services/{CLUB['id']}")
        assert response.status == 405


async def test_a_store_that_does_not_answer_is_told(tmp_path: Path) -> None:
    settings = _settings(f"sqlite:///{tmp_path}/no-tables.sqlite3", tmp_path)
    async with await _serve(settings) as running:
        response = await running.get("/oruk/services")
        assert response.status == 503
        assert (await response.json())["code"] == "knowledge_unavailable"
        assert (await running.get("/healthz")).status == 200


async def test_another_store_reads_this_api(client: Client, knowledge_url: str, tmp_path: Path) -> None:
    """The whole way: from our tables through HTTP into an empty store."""
    other = open_engine(f"sqlite:///{tmp_path}/other.sqlite3")
    migrate(other)
    limits = Limits(requests_per_second=1000, per_page=2)
    async with open_fetcher(limits, allow_private=True) as fetcher:
        reader = ApiReader(fetcher, str(client.make_url("/oruk/services")))
        report = await read_directory(other, WORDS, Source("ours", "ours", "Ours"), reader).run()
    assert report.changes["created"] == 3
    assert not report.not_withdrawn
    other.dispose()
