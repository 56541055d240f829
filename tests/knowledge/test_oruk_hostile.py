"""A directory that is broken, huge, endless or malicious costs little and does no harm."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from knowledge import models
from knowledge.database import sessions
from knowledge.oruk.errors import FeedError, Refused
from knowledge.oruk.fetch import USER_AGENT, Limits, is_public, open_fetcher
from knowledge.oruk.importer import Report, Source, read_directory
from knowledge.oruk.reader import ApiReader
from knowledge.oruk.report import MOST, Problems
from knowledge.oruk.shapes import SERVICE, VERSION_1, clean_service, complete
from knowledge.oruk.text import plain_text
from tests.knowledge.conftest import WORDS, load
from tests.knowledge.directory_server import Directory, Running, directory_service, many_services, uid

QUICK = Limits(
    requests_per_second=1000, first_wait_seconds=0.01, timeout_seconds=2, per_page=10, max_bytes=200_000
)
COUNTY = Source("county", "https://directory.example/api", "Example County Council")


@pytest.fixture
def store(engine: Engine, folder: Callable[..., Path]) -> Engine:
    load(engine, folder())
    return engine


@pytest.fixture
def directory() -> Generator[Directory]:
    with Running(Directory([directory_service("Tuesday Club")])) as running:
        yield running


async def read(engine: Engine, directory: Directory, limits: Limits = QUICK, private: bool = True) -> Report:
    async with open_fetcher(limits, allow_private=private) as fetcher:
        return await read_directory(engine, WORDS, COUNTY, ApiReader(fetcher, directory.url)).run()


def of_the_directory(engine: Engine) -> int:
    with sessions(engine)() as session:
        return session.query(models.Service).where(models.Service.origin == "oruk:county").count()


# -- where it leads --------------------------------------------------------------------------------


async def test_an_address_of_a_private_network_is_not_asked(store: Engine, directory: Directory) -> None:
    with pytest.raises(Refused, match="not an address of the public internet"):
        await read(store, directory, private=False)
    assert directory.asked == []


async def test_a_name_that_leads_into_a_private_network_is_not_asked(
    store: Engine, directory: Directory
) -> None:
    directory.url = directory.url.replace("127.0.0.1", "localhost")
    with pytest.raises(Refused, match="not an address of the public internet"):
        await read(store, directory, private=False)
    assert directory.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # where clouds keep the keys of a machine
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_private_addresses_are_known_however_they_are_written(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"])
def test_public_addresses_are_let_through(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("file:///etc/passwd", "no web address"),
        ("ftp://example.org/x", "no web address"),
        ("http://user:pass@127.0.0.1/", "name or password"),
        ("http://[bad", "no web address"),
    ],
)
async def test_a_redirect_elsewhere_is_not_followed(
    store: Engine, directory: Directory, to: str, told: str
) -> None:
    directory.answer = lambda _request: web.Response(status=302, headers={"Location": to})
    with pytest.raises(Refused, match=told):
        await read(store, directory)


async def test_a_redirect_is_judged_at_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address passes as public, the one it leads to does not, and is never connected to."""
    with Running(Directory()) as first, Running(Directory()) as second:
        inner = second.url.replace("127.0.0.1", "127.0.0.2")
        first.answer = lambda _request: web.Response(status=302, headers={"Location": inner})
        monkeypatch.setattr("knowledge.oruk.fetch.is_public", lambda address: address == "127.0.0.1")
        async with open_fetcher(QUICK) as fetcher:
            with pytest.raises(Refused, match="public internet"):
                await fetcher.json(first.url)
        assert len(first.asked) == 1
        assert second.asked == []


async def test_redirects_end(store: Engine, directory: Directory) -> None:
    directory.answer = lambda request: web.Response(status=302, headers={"Location": str(request.url)})
    with pytest.raises(Refused, match="more than 3 redirects"):
        await read(store, directory)


# -- how much --------------------------------------------------------------------------------------


async def test_a_huge_answer_is_cut_off(store: Engine, directory: Directory) -> None:
    directory.answer = lambda request: (
        web.Response(body=b" " * 1_000_000) if request.path == "/api/services" else None
    )
    with pytest.raises(Refused, match="more than 195 KB"):
        await read(store, directory)


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off(
    store: Engine, directory: Directory
) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < QUICK.max_bytes
    directory.answer = lambda request: (
        web.Response(body=bomb, headers={"Content-Encoding": "gzip"})
        if request.path == "/api/services"
        else None
    )
    worked = time.process_time()
    with pytest.raises(Refused, match="more than 195 KB"):
        await read(store, directory)
    assert time.process_time() - worked < 2


async def test_packed_answers_are_read(store: Engine, directory: Directory) -> None:
    directory.compressed = True
    assert (await read(store, directory)).changes["created"] == 1


async def test_a_list_that_repeats_itself_ends(store: Engine) -> None:
    with Running(Directory(many_services(10))) as directory:
        directory.answer = lambda request: (
            directory._json({**directory._page(1, 10), "total_pages": 10**9, "last_page": False})
            if request.path == "/api/services"
            else None
        )
        with pytest.raises(FeedError, match="would never end"):
            await read(store, directory)
        assert directory.asked.count("/api/services") == 2
    assert of_the_directory(store) == 10  # what was read is kept


async def test_a_list_that_never_ends_is_ended(store: Engine, directory: Directory) -> None:
    def page(request: web.Request) -> web.StreamResponse | None:
        if request.path != "/api/services":
            return directory._json(directory_service(request.path) | {"id": request.path.rsplit("/", 1)[1]})
        number = int(request.query["page"])
        contents = [{"id": uid(f"{number}/{n}"), "name": "Club"} for n in range(3)]
        return directory._json({"contents": contents, "total_pages": 10**9})

    directory.answer = page
    with pytest.raises(FeedError, match="more than 5 pages"):
        await read(store, directory, replace(QUICK, max_pages=5))
    with pytest.raises(FeedError, match="more than 7 services"):
        await read(store, directory, replace(QUICK, max_services=7))


async def test_a_server_that_says_nothing_is_left(store: Engine, directory: Directory) -> None:
    directory.delay = 30
    started = time.perf_counter()
    with pytest.raises(FeedError, match="failed 2 times, the last time: it took too long"):
        await read(store, directory, replace(QUICK, tries=2, timeout_seconds=0.2))
    assert time.perf_counter() - started < directory.delay


# -- politeness ------------------------------------------------------------------------------------


async def test_it_says_who_it_is_and_keeps_to_the_rate(store: Engine) -> None:
    with Running(Directory(many_services(10))) as directory:
        started = time.perf_counter()
        await read(store, directory, replace(QUICK, requests_per_second=25))
        assert time.perf_counter() - started >= 11 / 25  # the version, a page, ten services
        assert directory.agents == {USER_AGENT}


@pytest.mark.parametrize("status", [429, 503])
async def test_it_waits_as_long_as_it_is_told(store: Engine, directory: Directory, status: int) -> None:
    times: list[float] = []

    def busy(request: web.Request) -> web.StreamResponse | None:
        if request.path != "/api/services":
            return None
        times.append(time.perf_counter())
        return web.Response(status=status, headers={"Retry-After": "1"}) if len(times) == 1 else None

    directory.answer = busy
    assert (await read(store, directory)).changes["created"] == 1
    assert times[1] - times[0] >= 0.99


async def test_it_stops_when_it_should_come_back_much_later(store: Engine, directory: Directory) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    directory.answer = lambda _request: web.Response(status=429, headers={"Retry-After": then})
    with pytest.raises(FeedError, match=r"come back in 3[56]\d\d seconds"):
        await read(store, directory)


async def test_passing_faults_are_passed_over(store: Engine) -> None:
    failed: set[str] = set()

    def shaky(request: web.Request) -> web.StreamResponse | None:
        if request.path_qs in failed:
            return None
        failed.add(request.path_qs)
        return web.Response(status=500)

    with Running(Directory(many_services(5), answer=shaky)) as directory:
        assert (await read(store, directory)).changes["created"] == 5


async def test_a_service_that_cannot_be_read_costs_only_itself(store: Engine) -> None:
    with Running(Directory(many_services(5))) as directory:
        lost = directory.services[2]["id"]
        directory.answer = lambda request: web.Response(status=404) if lost in request.path else None
        report = await read(store, directory)
    assert (report.changes["created"], report.failed) == (4, 1)
    assert [(problem.record, problem.field) for problem in report.problems.listed] == [(lost, "(details)")]


async def test_a_server_that_has_gone_ends_the_reading_which_goes_on_later(store: Engine) -> None:
    with Running(Directory(many_services(40))) as directory:
        directory.answer = lambda request: (
            web.Response(status=500)
            if "/services/" in request.path and len(directory.details_asked) > 25
            else None
        )
        with pytest.raises(FeedError, match=r"1\d services in a row"):
            await read(store, directory)
        kept = of_the_directory(store)
        assert 20 < kept < 40  # pages are of 10: what was read of the one that broke off is kept
        directory.answer = lambda _request: None
        directory.asked.clear()
        await read(store, directory)
        assert len(directory.details_asked) == 40 - kept
    assert of_the_directory(store) == 40


@pytest.mark.parametrize("status", [404, 410, 403])
async def test_services_that_are_not_given_never_end_the_reading(store: Engine, status: int) -> None:
    with Running(Directory(many_services(40))) as directory:
        closed = {service["id"] for service in directory.services[:15]}
        directory.answer = lambda request: (
            web.Response(status=status) if request.path.rsplit("/", 1)[1] in closed else None
        )
        report = await read(store, directory)
    assert (report.changes["created"], report.failed) == (25, 15)


async def test_nothing_is_written_before_the_directory_answers(store: Engine, directory: Directory) -> None:
    directory.answer = lambda _request: web.Response(status=404)
    with pytest.raises(FeedError):
        await read(store, directory)
    with sessions(store)() as session:
        assert session.get(models.Feed, "county") is None
        assert session.get(models.Source, "oruk-county") is None


async def test_an_address_with_a_password_is_refused() -> None:
    with pytest.raises(Refused, match="name or password"):
        replace(COUNTY, address="https://me:secret@directory.example/api?key=K")


async def test_a_key_in_the_address_is_not_stored(store: Engine, directory: Directory) -> None:
    source = replace(COUNTY, address="https://directory.example/api?key=K")
    async with open_fetcher(QUICK, allow_private=True) as fetcher:
        await read_directory(store, WORDS, source, ApiReader(fetcher, directory.url)).run()
    with sessions(store)() as session:
        assert session.get_one(models.Feed, "county").url == "https://directory.example/api"
        assert session.get_one(models.Source, "oruk-county").url == "https://directory.example/api"


# -- what it says ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Not found</html>",
        b"",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 30_000,
        b"9" * 10_000,
        b'"text"',
        b"null",
        b'{"contents": 7}',
        b'{"contents": {"id": 1}}',
    ],
)
async def test_what_is_no_page_is_refused(store: Engine, directory: Directory, body: bytes) -> None:
    directory.answer = lambda request: web.Response(body=body) if request.path == "/api/services" else None
    with pytest.raises(Refused, match=r"JSON|page of services"):
        await read(store, directory)


async def test_half_a_character_is_left_out(store: Engine, directory: Directory) -> None:
    directory.services.append(directory_service("Other Club", id="\ud800x", description="A\udc00 club"))
    directory.answer = lambda request: (
        directory._json(directory.services[1]) if request.path == "/api/services/x" else None
    )
    report = await read(store, directory)
    assert report.changes["created"] == 2
    with sessions(store)() as session:
        found = session.query(models.Service).where(models.Service.name == "Other Club").one()
        assert found.description == "A club"


async def test_html_becomes_plain_text(store: Engine, directory: Directory) -> None:
    directory.services = [
        directory_service(
            "<b>Bold</b> Club",
            description="<p>One &amp; two</p><ul><li>three</li><li>four</li></ul><script>steal()</script>"
            "&lt;img src=x onerror=steal()&gt;",
        )
    ]
    await read(store, directory)
    with sessions(store)() as session:
        service = session.get_one(models.Service, uid("<b>Bold</b> Club"))
        assert service.name == "Bold Club"
        assert service.description == "One & two\n\n- three\n- four"


async def test_characters_that_a_database_refuses_do_no_harm(store: Engine, directory: Directory) -> None:
    directory.services = [directory_service("Odd", description="a\x00b\u202ec\ud800d")]
    assert (await read(store, directory)).changes["created"] == 1
    with sessions(store)() as session:
        assert session.get_one(models.Service, uid("Odd")).description == "abcd"


@pytest.mark.parametrize(
    "text", ["<" * 20_000, "<a" * 10_000, "<p " * 7_000, "<li>" * 5_000, "&lt;" * 5_000, "<![" * 6_000]
)
def test_text_made_to_keep_the_parser_busy_does_not(text: str) -> None:
    worked = time.thread_time()
    assert "<a" not in plain_text(text)
    assert time.thread_time() - worked < 2


@given(st.text(st.sampled_from("<>/&;abp li!-[\n'\"=#1"), max_size=60))
def test_plain_text_stays_as_it_is(text: str) -> None:
    once = plain_text(text)
    assert plain_text(once) == once
    assert not re.search(r"</?[a-z]+>", once)


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*SERVICE.values, *SERVICE.many, *SERVICE.one]), _ANY_JSON))
def test_whatever_a_field_holds_the_rest_is_read(fields: dict[str, Any]) -> None:
    raw = {**fields, "id": uid("x"), "name": "Club"}
    problems = Problems()
    document = clean_service(raw, "county", problems)
    assert document is not None
    assert document["name"] == "Club"
    json.dumps(document, allow_nan=False)
    # What is clean stays as it is, also after what is required was filled in.
    again = Problems()
    assert clean_service(document, "county", again) == document
    assert clean_service(complete(SERVICE, document), "county", again) == document


@given(_ANY_JSON)
def test_anything_at_all_is_a_service_or_a_problem(raw: Any) -> None:
    if isinstance(raw, dict) and VERSION_1 & raw.keys():
        return
    problems = Problems()
    assert clean_service(raw, "county", problems) is not None or problems.total


def test_an_endless_list_of_problems_stays_short(tmp_path: Path) -> None:
    problems = Problems()
    for number in range(MOST + 5000):
        problems.add(f"record {number}", f"field {number}", "=1+1" * 1000)
    assert problems.total == MOST + 5000
    assert len(problems.listed) == MOST
    assert len(problems.by_kind) <= 1001
    assert len(problems.summary()) <= 21
    problems.write(tmp_path / "report.csv")
    lines = (tmp_path / "report.csv").read_text().splitlines()
    assert len(lines) == MOST + 2
    assert "'=1+1" in lines[1]  # no formula for a spreadsheet


def test_a_list_of_thousands_in_one_record_is_cut() -> None:
    problems = Problems()
    raw = directory_service("Club", funding=[{"id": uid(n), "source": "x"} for n in range(5000)])
    document = clean_service(raw, "county", problems)
    assert document is not None
    assert len(document["funding"]) == 200
    assert "more than 200 entries" in problems.listed[0].problem
