"""A council's directory for the tests, shaped like the standard's published examples.

Its API runs on this machine and can be told to misbehave.
"""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aiohttp import web

Json = dict[str, Any]


def uid(name: object) -> str:
    """A UUID that is always the same for the same name."""
    return str(uuid5(NAMESPACE_OID, f"test/{name}"))


def directory_service(name: str, **changes: Any) -> Json:
    """A service with everything the standard has, as its full example does; all of it is invented."""
    own = uid(name)
    service: Json = {
        "id": own,
        "name": name,
        "description": f"{name} is for autistic children.",
        "url": f"https://directory.example/{name.lower().replace(' ', '-')}",
        "email": "hello@example.org",
        "status": "active",
        "fees": "Free for residents",
        "accreditations": "None",
        "minimum_age": 5,
        "maximum_age": 18,
        "assured_date": "2026-03-01",
        "assurer_email": "assurer@example.org",
        "alert": "Closed on bank holidays.",
        "last_modified": "2026-04-02T10:30:45.123Z",
        "schedules": [
            {
                "id": uid(f"{name} schedule"),
                "freq": "WEEKLY",
                "interval": 1,
                "byday": "TU,TH",
                "opens_at": "10:00:00",
                "closes_at": "12:30:00",
                "attending_type": "in person",
                "notes": "Term time",
            }
        ],
        "service_areas": [
            {
                "id": uid(f"{name} area"),
                "name": "Derbyshire",
                "extent_type": "text",
                "uri": "http://example.com",
            }
        ],
        "service_at_locations": [
            {
                "id": uid(f"{name} at hall"),
                "location": {
                    "id": uid("hall"),
                    "location_type": "physical",
                    "name": "Village Hall",
                    "latitude": 53.1,
                    "longitude": -1.5,
                    "external_identifier": "10092008082",
                    "external_identifier_type": "UPRN",
                    "addresses": [
                        {
                            "id": uid("hall address"),
                            "address_1": "1 High Street",
                            "city": "Matlock",
                            "region": "East Midlands",
                            "state_province": "Derbyshire",
                            "postal_code": "DE4 3NN",
                            "country": "GB",
                            "address_type": "physical",
                        }
                    ],
                    "accessibility": [
                        {
                            "id": uid("hall access"),
                            "description": "Step-free.",
                            "details": "A ramp at the side.",
                        }
                    ],
                },
            }
        ],
        "languages": [{"id": uid(f"{name} language"), "name": "Polish", "code": "pl"}],
        "organization": {
            "id": uid("charity"),
            "name": "An Example Charity",
            "description": "Helps.",
            "website": "https://charity.example",
            "organization_identifiers": [
                {"id": uid("charity number"), "identifier_type": "Charity number", "identifier": "123"}
            ],
        },
        "funding": [{"id": uid(f"{name} funding"), "source": "The county council"}],
        "cost_options": [
            {
                "id": uid(f"{name} cost"),
                "option": "A session",
                "amount": 3.5,
                "amount_description": "for each child",
            }
        ],
        "contacts": [
            {
                "id": uid(f"{name} contact"),
                "name": "Ann Person",
                "title": "Manager",
                "phones": [{"id": uid(f"{name} phone"), "number": "01629 580000", "description": "Weekdays"}],
            }
        ],
        "attributes": [
            {
                "id": uid(f"{name} attribute"),
                "link_id": own,
                "link_type": "service",
                "taxonomy_term": {
                    "id": uid("term peer"),
                    "name": "Support groups",
                    "description": "Groups.",
                    "taxonomy": "County terms",
                    "term_uri": "https://terms.example/1",
                    "term": "Support groups",
                },
            }
        ],
    }
    for path, value in changes.items():
        service[path] = value
    return copy.deepcopy(service)


def many_services(count: int) -> list[Json]:
    """So many different services."""
    return [directory_service(f"Club number {number}") for number in range(count)]


def short(service: Json) -> Json:
    """The form that the list holds: no lists, and the organization without its own."""
    one = {name: value for name, value in service.items() if not isinstance(value, list | dict)}
    organization = service.get("organization")
    if isinstance(organization, dict):
        one["organization"] = {n: v for n, v in organization.items() if not isinstance(v, list)}
    return one


@dataclass
class Directory:
    """The API of a directory. ``answer`` may take over a request by giving a response of its own."""

    services: list[Json] = field(default_factory=list)
    answer: Callable[[web.Request], web.StreamResponse | None] = lambda _request: None
    about: Json | None = None
    compressed: bool = False
    delay: float = 0.0  # seconds before each answer
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    url: str = ""

    @property
    def details_asked(self) -> list[str]:
        """Ids of the services that were asked for in detail."""
        return [path.rsplit("/", 1)[1] for path in self.asked if path.startswith("/api/services/")]

    @property
    def _by_id(self) -> dict[str, Json]:
        return {str(service["id"]): service for service in self.services}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.agents.add(request.headers.get("User-Agent", ""))
        await asyncio.sleep(self.delay)
        own = self.answer(request)
        if own is not None:
            return own
        if request.path == "/api/":
            return self._json(self.about) if self.about else web.Response(status=404)
        if request.path == "/api/services":
            return self._json(self._page(int(request.query["page"]), int(request.query["per_page"])))
        found = self._by_id.get(request.match_info["tail"].rsplit("/", 1)[-1])
        return self._json(found) if found else web.Response(status=404)

    def _page(self, number: int, size: int) -> Json:
        pages = max(1, -(-len(self.services) // size))
        contents = [
            short(s) if isinstance(s, dict) else s for s in self.services[(number - 1) * size :][:size]
        ]
        return {
            "total_items": len(self.services),
            "total_pages": pages,
            "page_number": number,
            "size": len(contents),
            "first_page": number == 1,
            "last_page": number == pages,
            "empty": not contents,
            "contents": contents,
        }

    def _json(self, data: Any) -> web.Response:
        body = json.dumps(data).encode()
        if self.compressed:
            return web.Response(
                body=gzip.compress(body),
                headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
            )
        return web.Response(body=body, content_type="application/json")


class Running:
    """A directory served on this machine, on a thread of its own, so that other processes can read it too."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Directory:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self._directory

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._directory.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._directory.url = f"http://{host}:{port}/api"

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
