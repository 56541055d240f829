"""Putting content into the store: one transaction, every change kept as a revision, nothing half-loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from encoder import SentenceEncoder
from knowledge import models
from knowledge.content import Content
from knowledge.content_schema import (
    CrisisContact,
    CrisisReply,
    Entitlement,
    GlossaryTerm,
    Guidance,
    Letter,
    Pathway,
    Record,
    Service,
    Wait,
)
from knowledge.indexing import findable, make_findable, make_unfindable

#: Marks the rows that come from content files, so that loading never touches an imported directory.
ORIGIN = "content"


@dataclass(frozen=True)
class LoadReport:
    """What loading did, in numbers of records."""

    created: int
    updated: int
    unchanged: int
    withdrawn: int


def load_content(session: Session, content: Content, encoder: SentenceEncoder) -> LoadReport:
    """Make the store hold exactly this content.

    New records are added, changed ones updated, and those that are no longer in the files withdrawn; each
    change is a revision. The caller commits: until then nobody sees anything of it.

    Args:
        session: one of ``writing``, with no transaction begun.
        content: what ``read_content`` gave.
        encoder: makes the vectors that search compares.
    """
    for topic in content.topics:
        session.merge(models.Topic(**topic.model_dump()))
    _load_areas(session, content)
    for source in content.sources:
        session.merge(models.Source(**source.model_dump()))
    for organization in content.organizations:
        session.merge(
            models.Organization(
                id=organization.id,
                name=organization.name,
                alternate_name=_joined(organization.alternate_names),
                description=organization.description,
                website=organization.website,
            )
        )
    session.flush()
    _load_taxonomies(session, content)
    _release_deadlines(session, content)

    stored = {
        record.id: record
        for record in session.scalars(select(models.Record).where(models.Record.origin == ORIGIN))
    }
    counts = {"created": 0, "updated": 0, "unchanged": 0, "withdrawn": 0}
    for record in content.records():
        counts[put_record(session, record, stored.pop(record.id, None))] += 1
    for row in stored.values():
        if row.status != "withdrawn":
            row.status = "withdrawn"
            row.content_hash = ""  # so that it is taken up again when it comes back to the files
            add_revision(session, row.id, "withdrawn", {})
            counts["withdrawn"] += 1
    session.flush()
    _index(session, content, list(stored), encoder)
    return LoadReport(**counts)


def _index(session: Session, content: Content, withdrawn: list[str], encoder: SentenceEncoder) -> None:
    """Make what is published findable, and nothing else."""
    found_by = {record.id: findable(record) for record in content.records()}
    make_unfindable(session, [*withdrawn, *(record_id for record_id, found in found_by.items() if not found)])
    make_findable(session, [found for found in found_by.values() if found], encoder)


def _load_areas(session: Session, content: Content) -> None:
    # First the areas, then what lies inside what: an area may come before the wider one it names.
    for area in content.areas:
        session.merge(models.Area(**area.model_dump(mode="json", exclude={"inside"})))
    session.flush()
    # Records may still stand in an area that has left the files; it is only no longer offered.
    kept = [area.id.value for area in content.areas]
    session.execute(update(models.Area).where(models.Area.id.not_in(kept)).values(covered=False))
    session.execute(delete(models.AreaInside))
    session.add_all(
        models.AreaInside(area_id=area.id.value, wider_id=wider.value, position=position)
        for area in content.areas
        for position, wider in enumerate(area.inside)
    )


def _release_deadlines(session: Session, content: Content) -> None:
    """Take out the rules that move to another entitlement: an id may stand only once, even for a moment."""
    owners = {
        deadline.id: entitlement.id
        for entitlement in content.entitlements
        for deadline in entitlement.deadlines
    }
    moved = [
        rule
        for rule in session.scalars(select(models.Deadline).where(models.Deadline.id.in_(owners)))
        if rule.entitlement_id != owners[rule.id]
    ]
    for rule in moved:
        session.delete(rule)
    if moved:
        session.flush()
        session.expire_all()


def digest_of(record: Record) -> str:
    """What a record holds, as one hash: a stored row with the same one is unchanged."""
    return hashlib.sha256(json.dumps(record.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def put_record(session: Session, record: Record, row: models.Record | None, origin: str = ORIGIN) -> str:
    """Make a record's row hold what the record holds, with a revision if that changes it.

    Args:
        session: in a transaction; the caller commits.
        record: the record, whose topics, areas and sources are in the store.
        row: its row, or None when it is new.
        origin: which importer owns a new row.

    Returns:
        "created", "updated" or "unchanged".

    Raises:
        ValueError: the row is of another kind.
    """
    content = record.model_dump(mode="json")
    digest = digest_of(record)
    if row is not None and row.content_hash == digest:
        return "unchanged"
    change = "created" if row is None else "updated"
    model, columns = _BUILDERS[type(record)]
    if row is not None and not isinstance(row, model):
        raise ValueError(
            f"the record {record.id!r} is a {row.kind} in the store; give the new one another id"
        )
    if row is None:
        row = model(id=record.id, origin=origin)
        session.add(row)
    general = getattr(record, "general_for", [])
    values: dict[str, Any] = {
        "status": record.status.value,
        "audience": record.audience.value,
        "as_of": record.as_of,
        "review_by": record.review_by,
        "freshness": record.freshness.value,
        "caveat": record.caveat,
        "content_hash": digest,
        "citations": [
            models.Citation(position=position, source_id=citation.source, locator=citation.locator)
            for position, citation in enumerate(record.sources)
        ],
        "areas": [models.RecordArea(area_id=area.value) for area in record.areas],
        "topics": [
            models.RecordTopic(topic=topic, position=position, general=topic in general)
            for position, topic in enumerate(dict.fromkeys([*record.topics, *general]))
        ],
        **columns(record),
    }
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    if isinstance(record, Service):
        _load_attributes(session, record)
        _load_place(session, record)
    add_revision(session, record.id, change, content)
    return change


def add_revision(session: Session, record_id: str, change: str, content: dict[str, Any]) -> None:
    """Write down a record's new state (created, updated, withdrawn) with its whole content."""
    newest = session.scalar(
        select(func.max(models.Revision.number)).where(models.Revision.record_id == record_id)
    )
    session.add(
        models.Revision(
            record_id=record_id,
            number=(newest or 0) + 1,
            change=change,
            recorded_at=datetime.now(UTC),
            content=content,
        )
    )


def _joined(names: list[str]) -> str | None:
    return "; ".join(names) or None


def _service(service: Service) -> dict[str, Any]:
    return {
        "organization_id": service.organization,
        "name": service.name,
        "alternate_name": _joined(service.alternate_names),
        "description": service.description,
        "easy_read": service.easy_read,
        "url": service.url,
        "email": service.email,
        "application_process": service.how_to_reach,
        "eligibility_description": service.who_for,
        "minimum_age": service.min_age,
        "maximum_age": service.max_age,
        "hours_text": service.hours,
        "needs_diagnosis": service.needs_diagnosis,
        "phones": [
            models.Phone(
                position=position,
                number=phone.number,
                extension=phone.extension,
                type="text" if phone.text_only else "voice",
                description=phone.label,
                confidence=phone.confidence.value,
                freshness=phone.freshness.value,
            )
            for position, phone in enumerate(service.phones)
        ],
        "cost_options": [
            models.CostOption(position=position, option=cost.option, amount=cost.amount)
            for position, cost in enumerate(service.costs)
        ],
        "service_areas": [models.ServiceArea(name=area.value) for area in service.areas],
    }


def _pathway(pathway: Pathway) -> dict[str, Any]:
    return {
        **pathway.model_dump(
            include={
                "title",
                "cohort",
                "answer",
                "easy_read",
                "young_person",
                "self_referral",
                "referrers",
                "assessed_by",
                "check_with",
            }
        ),
        "minimum_age": pathway.min_age,
        "maximum_age": pathway.max_age,
        "steps": [
            models.PathwayStep(
                position=position, title=step.title, text=step.text, while_waiting=step.while_waiting
            )
            for position, step in enumerate(pathway.steps)
        ],
    }


def _wait(wait: Wait) -> dict[str, Any]:
    return {
        **wait.model_dump(include={"cohort", "measure", "subject", "value", "unit", "note"}),
        "pathway_id": wait.pathway,
    }


def _entitlement(entitlement: Entitlement) -> dict[str, Any]:
    return {
        **entitlement.model_dump(
            include={"title", "who", "answer", "easy_read", "young_person", "how_to_use", "legal_basis"}
        ),
        "deadlines": [
            models.Deadline(
                **deadline.model_dump(exclude={"legal_basis"}),
                position=position,
                legal_name=deadline.legal_basis.name,
                legal_section=deadline.legal_basis.section,
            )
            for position, deadline in enumerate(entitlement.deadlines)
        ],
    }


def _guidance(guidance: Guidance) -> dict[str, Any]:
    return {
        **guidance.model_dump(
            include={"question", "answer", "easy_read", "young_person", "next_step", "services"}
        ),
        "minimum_age": guidance.min_age,
        "maximum_age": guidance.max_age,
    }


def _letter(letter: Letter) -> dict[str, Any]:
    own = set(Letter.model_fields) - set(Record.model_fields) - {"also_asked"}
    return letter.model_dump(mode="json", include=own)


def _glossary(term: GlossaryTerm) -> dict[str, Any]:
    return term.model_dump(include={"term", "alternate_terms", "meaning", "easy_read"})


def _crisis_contact(contact: CrisisContact) -> dict[str, Any]:
    return {
        **contact.model_dump(
            include={"name", "rank", "phone", "phone_note", "text", "url", "email", "hours", "says"}
        ),
        "dangers": [danger.value for danger in contact.dangers],
        "minimum_age": contact.min_age,
        "maximum_age": contact.max_age,
        "confidence": contact.confidence.value,
    }


def _crisis_reply(reply: CrisisReply) -> dict[str, Any]:
    return {**reply.model_dump(include={"says", "easy_read", "young_person"}), "danger": reply.danger.value}


#: For each kind of record: its table, and its own columns made from the record.
_BUILDERS: dict[type[Record], tuple[type[models.Record], Callable[[Any], dict[str, Any]]]] = {
    Service: (models.Service, _service),
    Pathway: (models.Pathway, _pathway),
    Wait: (models.Wait, _wait),
    Entitlement: (models.Entitlement, _entitlement),
    Guidance: (models.Guidance, _guidance),
    Letter: (models.Letter, _letter),
    GlossaryTerm: (models.GlossaryTerm, _glossary),
    CrisisContact: (models.CrisisContact, _crisis_contact),
    CrisisReply: (models.CrisisReply, _crisis_reply),
}


_DIAGNOSIS_TERMS = {
    "yes": "A diagnosis is needed",
    "no": "No diagnosis needed",
    "not-stated": "Not stated whether a diagnosis is needed",
}


def _load_taxonomies(session: Session, content: Content) -> None:
    """Topic and diagnosis-needed as taxonomies, since Open Referral UK has no field for either."""
    session.merge(models.Taxonomy(id="topic", name="Helpline topic", description="What a service helps with"))
    session.merge(
        models.Taxonomy(id="needs-diagnosis", name="Diagnosis", description="Whether a diagnosis is needed")
    )
    session.flush()
    for topic in content.topics:
        session.merge(
            models.TaxonomyTerm(
                id=f"topic:{topic.name}", taxonomy_id="topic", name=topic.title, description=topic.boundary
            )
        )
    for value, name in _DIAGNOSIS_TERMS.items():
        session.merge(
            models.TaxonomyTerm(id=f"needs-diagnosis:{value}", taxonomy_id="needs-diagnosis", name=name)
        )
    session.flush()


def _load_attributes(session: Session, service: Service) -> None:
    session.execute(delete(models.Attribute).where(models.Attribute.link_id == service.id))
    terms = [f"topic:{topic}" for topic in dict.fromkeys(service.topics)]
    terms.append(f"needs-diagnosis:{service.needs_diagnosis}")
    session.add_all(models.Attribute(link_id=service.id, taxonomy_term_id=term) for term in terms)


def _load_place(session: Session, service: Service) -> None:
    """The service's own location, made anew: a directory's shared locations are not touched."""
    place = f"{service.id}-location"[:80]
    session.execute(delete(models.ServiceAtLocation).where(models.ServiceAtLocation.location_id == place))
    session.execute(delete(models.Location).where(models.Location.id == place))
    if service.address:
        address = models.Address(address_1=service.address)
        session.add(models.Location(id=place, location_type="physical", addresses=[address]))
        session.flush()
        session.add(models.ServiceAtLocation(service_id=service.id, location_id=place))
        session.flush()
