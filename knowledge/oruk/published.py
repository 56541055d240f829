"""What this store gives to others, in the shape of the standard: for the export and for the API.

Published are the services that may be shown, and those of a directory that lie outside our areas. Ours are
made from their tables; an imported one is given back as its directory published it, with its own ids. What
is only history is left out: the standard's services are those that can be used.

What the standard cannot hold stays here: sources, Easy Read, the marks of telephone numbers, review dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from knowledge.models import (
    Area,
    Attribute,
    FeedService,
    Location,
    Organization,
    Revision,
    Schedule,
    Service,
    ServiceAtLocation,
    Taxonomy,
    TaxonomyTerm,
)
from knowledge.oruk.ids import public_id, stable_uuid
from knowledge.oruk.report import Problems
from knowledge.oruk.shapes import (
    LOCATION,
    ORGANIZATION,
    SERVICE,
    SERVICE_AT_LOCATION,
    TAXONOMY_TERM,
    Document,
    Shape,
    clean_service,
    complete,
)
from knowledge.oruk.vocabulary import outward_postcode

#: What ``GET /`` of the API says of itself.
VERSION = "HSDS-UK-3.0"
PROFILE = "https://docs.openreferraluk.org/"


@dataclass(frozen=True)
class Wanted:
    """Which services; None leaves a condition out. Ids are the published UUIDs."""

    search: str | None = None  # words that are all in its name or description
    taxonomy_term_id: str | None = None
    taxonomy_id: str | None = None
    organization_id: str | None = None
    minimum_age: float | None = None  # its minimum age is this or more
    maximum_age: float | None = None  # its maximum age is this or less
    modified_after: datetime | None = None
    day: str | None = None  # MO, TU ...: open then
    start_time: time | None = None  # opens then or later
    end_time: time | None = None  # closes then or earlier


@dataclass(frozen=True)
class Slice:
    """One page of what there is."""

    total: int
    contents: list[Document]


def services(session: Session, wanted: Wanted, offset: int, limit: int, *, full: bool = False) -> Slice:
    """A page of services: the short form, without lists, unless ``full``."""
    query = _service_ids(session, wanted)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    ids = session.scalars(query.order_by(Service.id).offset(offset).limit(limit)).all()
    found = _documents(session, ids)
    return Slice(total, found if full else [_short(document) for document in found])


def service(session: Session, service_id: str) -> Document | None:
    """One service with all there is of it, None if there is no such service."""
    local = _local_id(session, Service, "service", service_id)
    ids = session.scalars(select(Service.id).where(_published(), Service.id == local)).all()
    return next(iter(_documents(session, ids)), None)


def every_service(session: Session, batch: int = 200) -> Iterator[Document]:
    """All services with all there is of them, a batch in memory at a time."""
    last = ""
    while True:
        ids = session.scalars(
            select(Service.id).where(_published(), Service.id > last).order_by(Service.id).limit(batch)
        ).all()
        if not ids:
            return
        yield from _documents(session, ids)
        last = ids[-1]
        session.expunge_all()


def count_services(session: Session) -> int:
    """How many services ``every_service`` gives."""
    return session.scalar(select(func.count()).select_from(Service).where(_published())) or 0


def services_at_locations(session: Session, wanted: Wanted, offset: int, limit: int) -> Slice:
    """A page of services at places, each with its place and its service in the short form."""
    at = ServiceAtLocation
    query = select(at).where(at.service_id.in_(_service_ids(session, wanted)))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.scalars(query.order_by(at.service_id, at.location_id).offset(offset).limit(limit)).all()
    by_id = _documents_by_id(session, {row.service_id for row in rows})
    contents = []
    for row in rows:
        whole = _at_location(row, by_id[row.service_id])
        contents.append(
            {
                **_values(SERVICE_AT_LOCATION, whole),
                "location": complete_values(LOCATION, whole["location"]),
                "service": _short(by_id[row.service_id]),
            }
        )
    return Slice(total, contents)


def service_at_location(session: Session, entry_id: str) -> Document | None:
    """One service at one place, with all there is of both."""
    at = ServiceAtLocation
    visible = at.service_id.in_(select(Service.id).where(_published()))
    row = session.scalars(
        select(at).where(visible, at.id == entry_id).order_by(at.service_id).limit(1)
    ).first()
    if row is None:
        ours = session.scalars(select(at).where(visible, at.id.is_(None)))
        row = next((own for own in ours if _at_location_id(own) == entry_id), None)
    if row is None:
        return None
    document = _documents_by_id(session, {row.service_id})[row.service_id]
    return {**_at_location(row, document), "service": document}


def organizations(session: Session, offset: int, limit: int) -> Slice:
    """A page of the organizations that have a service here."""
    query = select(Organization).where(_has_service())
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.scalars(query.order_by(Organization.id).offset(offset).limit(limit))
    return Slice(total, [complete_values(ORGANIZATION, _organization(row)) for row in rows])


def organization(session: Session, organization_id: str) -> Document | None:
    """One organization with all there is of it."""
    local = _local_id(session, Organization, "organization", organization_id)
    row = session.scalars(select(Organization).where(Organization.id == local, _has_service())).first()
    if row is None:
        return None
    as_imported = session.scalars(
        select(FeedService.document)
        .join(Service, FeedService.record_id == Service.id)
        .where(Service.organization_id == row.id, _published())
        .limit(1)
    ).first()
    own = (as_imported or {}).get("organization", {})
    return complete(ORGANIZATION, own if own.get("id") == row.id else _organization(row))


def taxonomies(session: Session, offset: int, limit: int) -> Slice:
    """A page of the taxonomies whose terms services here have."""
    total = session.scalar(select(func.count()).select_from(Taxonomy)) or 0
    rows = session.scalars(select(Taxonomy).order_by(Taxonomy.id).offset(offset).limit(limit))
    return Slice(total, [_taxonomy(row) for row in rows])


def taxonomy(session: Session, taxonomy_id: str) -> Document | None:
    """One taxonomy."""
    row = session.get(Taxonomy, _local_id(session, Taxonomy, "taxonomy", taxonomy_id))
    return _taxonomy(row) if row else None


def taxonomy_terms(session: Session, offset: int, limit: int, taxonomy_id: str | None = None) -> Slice:
    """A page of terms, of one taxonomy or of all."""
    query = select(TaxonomyTerm, Taxonomy).join(Taxonomy, TaxonomyTerm.taxonomy_id == Taxonomy.id)
    if taxonomy_id is not None:
        query = query.where(Taxonomy.id == _local_id(session, Taxonomy, "taxonomy", taxonomy_id))
    total = session.scalar(
        select(func.count()).select_from(query.with_only_columns(TaxonomyTerm.id).subquery())
    )
    rows = session.execute(query.order_by(TaxonomyTerm.id).offset(offset).limit(limit))
    return Slice(total or 0, [complete(TAXONOMY_TERM, _term(term, own)) for term, own in rows])


def taxonomy_term(session: Session, term_id: str) -> Document | None:
    """One term."""
    row = session.get(TaxonomyTerm, _local_id(session, TaxonomyTerm, "taxonomy_term", term_id))
    if row is None:
        return None
    return complete(TAXONOMY_TERM, _term(row, session.get_one(Taxonomy, row.taxonomy_id)))


def _published() -> ColumnElement[bool]:
    note = aliased(FeedService)  # apart from the one that a query around this may ask
    outside = exists().where(note.record_id == Service.id, note.outcome == "outside")
    return and_(or_(Service.status == "published", outside), Service.freshness != "historic")


def _has_service() -> ColumnElement[bool]:
    return select(Service.id).where(Service.organization_id == Organization.id, _published()).exists()


def _service_ids(session: Session, wanted: Wanted) -> Select[str]:
    query = select(Service.id).where(_published())
    for word in (wanted.search or "").split()[:10]:
        query = query.where(
            or_(
                *(
                    column.icontains(word, autoescape=True)
                    for column in (Service.name, Service.alternate_name, Service.description)
                )
            )
        )
    if wanted.taxonomy_term_id is not None:
        local = _local_id(session, TaxonomyTerm, "taxonomy_term", wanted.taxonomy_term_id)
        query = query.where(
            exists().where(Attribute.link_id == Service.id, Attribute.taxonomy_term_id == local)
        )
    if wanted.taxonomy_id is not None:
        local = _local_id(session, Taxonomy, "taxonomy", wanted.taxonomy_id)
        query = query.where(
            exists().where(
                Attribute.link_id == Service.id,
                Attribute.taxonomy_term_id == TaxonomyTerm.id,
                TaxonomyTerm.taxonomy_id == local,
            )
        )
    if wanted.organization_id is not None:
        local = _local_id(session, Organization, "organization", wanted.organization_id)
        query = query.where(Service.organization_id == local)
    if wanted.minimum_age is not None:
        query = query.where(Service.minimum_age >= wanted.minimum_age)
    if wanted.maximum_age is not None:
        query = query.where(Service.maximum_age <= wanted.maximum_age)
    if wanted.modified_after is not None:
        changed = (
            select(func.max(Revision.recorded_at)).where(Revision.record_id == Service.id).scalar_subquery()
        )
        query = query.where(func.coalesce(Service.last_modified, changed) >= wanted.modified_after)
    if wanted.day or wanted.start_time or wanted.end_time:
        open_then: list[ColumnElement[bool]] = [Schedule.service_id == Service.id]
        if wanted.day:
            open_then.append(Schedule.byday.contains(wanted.day))
        if wanted.start_time:
            open_then.append(Schedule.opens_at >= wanted.start_time)
        if wanted.end_time:
            open_then.append(Schedule.closes_at <= wanted.end_time)
        query = query.where(exists().where(*open_then))
    return query


def _local_id(
    session: Session,
    model: type[Service | Organization | Taxonomy | TaxonomyTerm],
    entity: str,
    wanted: str,
) -> str:
    """Our id of a published one. Ours are few enough to be gone through; an imported one keeps its id."""
    ours = session.scalars(select(model.id).where(model.origin == "content"))
    return next((own for own in ours if stable_uuid(entity, own) == wanted), wanted)


def _documents(session: Session, ids: Sequence[str]) -> list[Document]:
    by_id = _documents_by_id(session, set(ids))
    return [by_id[service_id] for service_id in ids]


def _documents_by_id(session: Session, ids: set[str]) -> dict[str, Document]:
    imported = session.execute(
        select(FeedService.record_id, FeedService.document).where(FeedService.record_id.in_(ids))
    )
    found: dict[str, Document] = {
        record_id: complete(SERVICE, document) for record_id, document in imported if record_id
    }
    rest = ids - found.keys()
    if not rest:
        return found
    modified = dict(
        session.execute(
            select(Revision.record_id, func.max(Revision.recorded_at))
            .where(Revision.record_id.in_(rest))
            .group_by(Revision.record_id)
        ).all()
    )
    terms: dict[str, list[tuple[TaxonomyTerm, Taxonomy]]] = {}
    for link_id, term, own in session.execute(
        select(Attribute.link_id, TaxonomyTerm, Taxonomy)
        .join(TaxonomyTerm, Attribute.taxonomy_term_id == TaxonomyTerm.id)
        .join(Taxonomy, TaxonomyTerm.taxonomy_id == Taxonomy.id)
        .where(Attribute.link_id.in_(rest))
        .order_by(Attribute.id)
    ):
        terms.setdefault(link_id, []).append((term, own))
    areas = {area.id: area.name for area in session.scalars(select(Area))}
    rows = session.scalars(
        select(Service)
        .where(Service.id.in_(rest))
        .options(joinedload(Service.service_areas), joinedload(Service.organization))
    ).unique()
    for row in rows:
        document = _ours(row, areas, terms.get(row.id, []), modified.get(row.id))
        # Cleaned as it would be on its way in, so that nobody who reads it finds anything to change.
        cleaned = clean_service(document, "ours", Problems())
        if cleaned is not None:
            found[row.id] = complete(SERVICE, cleaned)
    return found


def _ours(
    row: Service,
    areas: dict[str, str],
    terms: list[tuple[TaxonomyTerm, Taxonomy]],
    modified: datetime | None,
) -> Document:
    own_id = public_id("service", row.id, row.origin)

    def part(entity: str, position: object) -> str:
        return stable_uuid(entity, f"{row.id}/{position}")

    return {
        "id": own_id,
        "name": row.name,
        "alternate_name": row.alternate_name,
        "description": row.description,
        "url": row.url,
        "email": row.email,
        "status": "active",
        "application_process": row.application_process,
        "eligibility_description": row.eligibility_description,
        "fees": row.fees_description,
        "minimum_age": row.minimum_age,
        "maximum_age": row.maximum_age,
        # The standard wants a day. Of a month or year the first: never newer than what is known.
        "assured_date": f"{row.as_of}-01-01"[:10] if len(row.as_of) == 4 else f"{row.as_of}-01"[:10],
        "alert": row.caveat,
        "last_modified": modified.astimezone(UTC).isoformat() if modified else None,
        "organization": _organization(row.organization),
        "schedules": [{"id": part("schedule", 0), "description": row.hours_text}] if row.hours_text else [],
        "service_areas": [
            {"id": part("service_area", area.name), "name": areas.get(area.name, area.name)}
            for area in sorted(row.service_areas, key=lambda area: area.name)
        ],
        "service_at_locations": [
            {"id": _at_location_id(entry), "location": _location(entry.location)}
            for entry in row.service_at_locations
        ],
        "cost_options": [
            {
                "id": part("cost_option", cost.position),
                "option": cost.option,
                "amount": float(cost.amount) if cost.amount is not None else None,
                "currency": cost.currency if cost.amount is not None else None,
            }
            for cost in row.cost_options
        ],
        "contacts": [
            {
                "id": part("contact", 0),
                "phones": [
                    {
                        "id": part("phone", phone.position),
                        "number": phone.number,
                        "extension": phone.extension,
                        "type": phone.type,
                        "description": phone.description,
                    }
                    for phone in row.phones
                ],
            }
        ]
        if row.phones
        else [],
        "attributes": [
            {
                "id": part("attribute", term.id),
                "link_id": own_id,
                "link_type": "service",
                "taxonomy_term": _term(term, own),
            }
            for term, own in terms
        ],
    }


def _organization(row: Organization) -> Document:
    return _without_empty(
        {
            "id": public_id("organization", row.id, row.origin),
            "name": row.name,
            "alternate_name": row.alternate_name,
            "description": row.description,
            "email": row.email,
            "website": row.website,
        }
    )


def _location(row: Location) -> Document:
    """Ours: an address as far as it is known, which is one line."""
    own_id = public_id("location", row.id, row.origin)
    return {
        "id": own_id,
        "location_type": row.location_type,
        "name": row.name,
        "addresses": [
            {
                "id": stable_uuid("address", f"{row.id}/{position}"),
                "address_1": address.address_1,
                "city": address.city,
                "state_province": address.state_province,
                "postal_code": address.postal_code or _postcode(address.address_1),
                "country": address.country,
                "address_type": address.address_type,
            }
            for position, address in enumerate(row.addresses)
        ],
    }


def _postcode(line: str) -> str | None:
    outward = outward_postcode(line)
    if outward is None:
        return None
    found = line.upper().rindex(outward)
    return line[found:].strip().rstrip(".")[:8].strip()


def _at_location_id(row: ServiceAtLocation) -> str:
    return row.id or stable_uuid("service_at_location", f"{row.service_id}/{row.location_id}")


def _at_location(row: ServiceAtLocation, document: Document) -> Document:
    wanted = _at_location_id(row)
    return next(
        dict(entry)
        for entry in document["service_at_locations"]
        if entry["id"] == wanted and "location" in entry
    )


def _taxonomy(row: Taxonomy) -> Document:
    return {
        **_without_empty({"id": public_id("taxonomy", row.id, row.origin), "name": row.name, "uri": row.uri}),
        "description": row.description,
    }


def _term(row: TaxonomyTerm, own: Taxonomy) -> Document:
    return _without_empty(
        {
            "id": public_id("taxonomy_term", row.id, row.origin),
            "name": row.name,
            "description": row.description,
            "parent_id": row.parent_id,
            "taxonomy": own.name,
            "taxonomy_id": public_id("taxonomy", own.id, own.origin),
            "term_uri": row.term_uri,
        }
    )


def _without_empty(values: dict[str, Any]) -> Document:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _values(shape: Shape, document: Document) -> Document:
    return {name: value for name, value in document.items() if name == "id" or name in shape.values}


def complete_values(shape: Shape, document: Document) -> Document:
    """The short form of an object: what stands in it once, and no lists."""
    return complete(shape, _values(shape, document))


def _short(document: Document) -> Document:
    short = complete_values(SERVICE, document)
    if "organization" in document:
        short["organization"] = complete_values(ORGANIZATION, document["organization"])
    return short
