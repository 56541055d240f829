"""Our services for other directories: the read-only API of Open Referral UK 3.0, below ``/oruk/``.

Open data, as the standard wants it: no key, any web page may read it. It has threads of its own, so that
somebody who copies the whole directory keeps no family waiting.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from gateway.bodies import checked
from gateway.errors import Code, Problem
from gateway.keys import DIRECTORY, SETTINGS
from gateway.records import Records
from knowledge.oruk import published
from knowledge.oruk.exporter import envelope
from knowledge.oruk.published import PROFILE, VERSION, Slice, Wanted

#: Below this address everything is open data.
PREFIX = "/oruk/"

_KEEP = "public, max-age=300"

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f]*$")]


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be from year 1 to year 9999 in UTC") from None


class Paged(BaseModel):
    """What every list takes. A parameter that is not known is told, since its filter would be missing."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=1_000_000)
    per_page: int = Field(default=50, ge=1, le=500)


class ServicesAsked(Paged):
    """What the lists of services take: the standard's parameters, and ``text`` as another word for search."""

    search: Words | None = None
    text: Words | None = None
    taxonomy_term_id: UUID | None = None
    taxonomy_id: UUID | None = None
    organization_id: UUID | None = None
    minimum_age: float | None = Field(default=None, ge=0, le=150)
    maximum_age: float | None = Field(default=None, ge=0, le=150)
    modified_after: Annotated[datetime, AfterValidator(_in_utc)] | None = None
    day: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] | None = None
    start_time: time | None = None
    end_time: time | None = None

    def wanted(self) -> Wanted:
        """The same as conditions."""
        return Wanted(
            search=" ".join(filter(None, (self.search, self.text))) or None,
            taxonomy_term_id=_text(self.taxonomy_term_id),
            taxonomy_id=_text(self.taxonomy_id),
            organization_id=_text(self.organization_id),
            minimum_age=self.minimum_age,
            maximum_age=self.maximum_age,
            modified_after=self.modified_after,
            day=self.day,
            start_time=self.start_time and self.start_time.replace(tzinfo=None),
            end_time=self.end_time and self.end_time.replace(tzinfo=None),
        )


class FullServicesAsked(ServicesAsked):
    """``/services`` can give whole services as well."""

    full: bool = False


class TermsAsked(Paged):
    """``/taxonomy_terms`` can be of one taxonomy."""

    taxonomy_id: UUID | None = None


async def directory(app: web.Application) -> AsyncGenerator[None]:
    """Resource: the reader of the directory."""
    app[DIRECTORY] = Records(app[SETTINGS].knowledge_url)
    yield
    app[DIRECTORY].close()


async def open_to_all(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: pages of any origin may read the directory, its errors too, and nothing else of us."""
    if request.path.startswith(PREFIX):
        response.headers["Access-Control-Allow-Origin"] = "*"


def add_routes(app: web.Application) -> None:
    """Every address of the directory."""
    app.router.add_get("/oruk/", about)
    for name, read_list, read_one in (
        ("services", services, published.service),
        ("service_at_locations", services_at_locations, published.service_at_location),
        ("organizations", organizations, published.organization),
        ("taxonomies", taxonomies, published.taxonomy),
        ("taxonomy_terms", taxonomy_terms, published.taxonomy_term),
    ):
        app.router.add_get(f"/oruk/{name}", read_list)
        app.router.add_get(f"/oruk/{name}/{{id}}", _one(read_one))


async def about(request: web.Request) -> web.Response:
    """``GET /oruk/``: which standard this is."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    own = f"{'https' if scheme == 'https' else 'http'}://{request.host}"
    return _json({"version": VERSION, "profile": PROFILE, "openapi_url": f"{own}/api/openapi.json"})


async def services(request: web.Request) -> web.Response:
    """``GET /oruk/services``: a page of services."""
    asked = checked(FullServicesAsked, dict(request.query))
    return await _page(
        request,
        asked,
        lambda session, offset: published.services(
            session, asked.wanted(), offset, asked.per_page, full=asked.full
        ),
    )


async def services_at_locations(request: web.Request) -> web.Response:
    """``GET /oruk/service_at_locations``: a page of services at places."""
    asked = checked(ServicesAsked, dict(request.query))
    return await _page(
        request,
        asked,
        lambda session, offset: published.services_at_locations(
            session, asked.wanted(), offset, asked.per_page
        ),
    )


async def organizations(request: web.Request) -> web.Response:
    """``GET /oruk/organizations``: a page of who runs services."""
    asked = checked(Paged, dict(request.query))
    return await _page(
        request, asked, lambda session, offset: published.organizations(session, offset, asked.per_page)
    )


async def taxonomies(request: web.Request) -> web.Response:
    """``GET /oruk/taxonomies``: a page of taxonomies."""
    asked = checked(Paged, dict(request.query))
    return await _page(
        request, asked, lambda session, offset: published.taxonomies(session, offset, asked.per_page)
    )


async def taxonomy_terms(request: web.Request) -> web.Response:
    """``GET /oruk/taxonomy_terms``: a page of terms."""
    asked = checked(TermsAsked, dict(request.query))
    return await _page(
        request,
        asked,
        lambda session, offset: published.taxonomy_terms(
            session, offset, asked.per_page, _text(asked.taxonomy_id)
        ),
    )


async def _page(request: web.Request, asked: Paged, read: Callable[[Session, int], Slice]) -> web.Response:
    offset = (asked.page - 1) * asked.per_page
    found = await request.app[DIRECTORY].read(lambda session: read(session, offset))
    pages = max(1, -(-found.total // asked.per_page))
    return _json(envelope(found.total, asked.page, pages, len(found.contents)) | {"contents": found.contents})


def _one(
    read: Callable[[Session, str], dict[str, Any] | None],
) -> Callable[[web.Request], Any]:
    async def handler(request: web.Request) -> web.Response:
        try:
            wanted = str(UUID(request.match_info["id"]))
        except ValueError:
            raise Problem(Code.NO_SUCH_RECORD) from None
        found = await request.app[DIRECTORY].read(lambda session: read(session, wanted))
        if found is None:
            raise Problem(Code.NO_SUCH_RECORD)
        return _json(found)

    return handler


def _json(data: dict[str, Any]) -> web.Response:
    return web.json_response(data, headers={"Cache-Control": _KEEP})


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
