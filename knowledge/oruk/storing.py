"""Services of a directory into the store: each an ordinary record, and a note of where it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from encoder import SentenceEncoder
from knowledge import models
from knowledge.indexing import Findable, make_findable, make_unfindable
from knowledge.load import add_revision
from knowledge.oruk.duplicates import Shown, names_of
from knowledge.oruk.ids import stable_uuid
from knowledge.oruk.mapping import Mapper, locations, terms_of
from knowledge.oruk.report import Problems
from knowledge.oruk.shapes import Document

#: What became of a service -> the status of its record. What is outside our areas and what seems to be there
#: already is kept as a draft: never answered with, and at hand when our areas or our content change.
STATUS = {"shown": "published", "outside": "draft", "duplicate": "draft", "inactive": "withdrawn"}


@dataclass(frozen=True)
class Entry:
    """A service as it was read: cleaned, with the ``last_modified`` that the list gave for it."""

    document: Document
    last_modified: str | None

    @property
    def id(self) -> str:
        """Its UUID."""
        return str(self.document["id"])


@dataclass
class Keeper:
    """Keeps what one directory says. Every method works inside the caller's transaction."""

    feed_id: str
    source_id: str
    run: int
    mapper: Mapper
    shown: Shown
    encoder: SentenceEncoder
    problems: Problems
    #: created, updated, unchanged, withdrawn, left out
    changes: Counter[str] = field(default_factory=Counter)

    @property
    def origin(self) -> str:
        """Marks the rows that are this directory's."""
        return f"oruk:{self.feed_id}"

    def keep(self, session: Session, entries: Iterable[Entry]) -> None:
        """Store services: new ones are added, changed ones updated, the others only noted as read."""
        listed = {entry.id: entry for entry in entries}
        if not listed:
            return
        notes = self._notes(session, listed)
        records = {
            record.id: record
            for record in session.scalars(select(models.Record).where(models.Record.id.in_(listed)))
        }
        found_by: list[Findable] = []
        hidden: list[str] = []
        parts = _Parts(session, self.origin)
        for entry in listed.values():
            note, record = notes.get(entry.id), records.get(entry.id)
            outcome, same = self._outcome(entry, record)
            digest = self.mapper.digest(entry.document)
            before = (note.digest, note.outcome, note.duplicate_of) if note else None
            if note is None:
                note = models.FeedService(feed_id=self.feed_id, external_id=entry.id)
                session.add(note)
            note.last_modified, note.read_in = entry.last_modified, self.run
            if before == (digest, outcome, same):
                self.changes["unchanged"] += 1
                continue
            note.digest, note.outcome, note.duplicate_of = digest, outcome, same
            note.document = entry.document
            status = STATUS.get(outcome)
            if status is None or (status == "withdrawn" and record is None):
                note.record_id = None
                self.changes["left out"] += 1
                continue
            note.record_id = entry.id
            if status == "withdrawn":
                self._withdraw(session, entry.id, record)
                continue
            created = self._write(session, entry.document, record, status, digest, parts)
            if status == "published":
                found_by.append(self.mapper.findable(entry.document))
            else:
                hidden.append(entry.id)
            self.changes["created" if created else "updated"] += 1
        session.flush()
        make_unfindable(session, hidden)
        make_findable(session, found_by, self.encoder)

    def withdraw(self, session: Session, external_ids: Iterable[str]) -> None:
        """Take out services that the directory no longer has."""
        for external_id, note in self._notes(session, external_ids).items():
            note.outcome, note.duplicate_of = "gone", None
            record = session.get(models.Record, note.record_id) if note.record_id else None
            self._withdraw(session, external_id, record)

    def again(self, session: Session, external_ids: Iterable[str]) -> None:
        """Store services once more from what is known of them, without asking the directory."""
        notes = self._notes(session, external_ids)
        self.keep(session, [Entry(note.document, note.last_modified) for note in notes.values()])

    def _notes(self, session: Session, external_ids: Iterable[str]) -> dict[str, models.FeedService]:
        found = session.scalars(
            select(models.FeedService).where(
                models.FeedService.feed_id == self.feed_id,
                models.FeedService.external_id.in_(list(external_ids)),
            )
        )
        return {note.external_id: note for note in found}

    def _outcome(self, entry: Entry, record: models.Record | None) -> tuple[str, str | None]:
        document = entry.document
        if record is not None and record.origin != self.origin:
            self.problems.add(entry.id, "id", "is the id of a service of another directory; it is left out")
            return "taken", None
        if document["status"] != "active":
            return "inactive", None
        same = self.shown.same_as(
            entry.id,
            names_of(document["name"], document.get("alternate_name")),
            document.get("organization", {}).get("name"),
            document.get("url"),
        )
        if same:
            return "duplicate", same
        return ("shown" if self.mapper.area_ids(document) else "outside"), None

    def _withdraw(self, session: Session, record_id: str, record: models.Record | None) -> None:
        if record is not None and record.status != "withdrawn":
            record.status = "withdrawn"
            record.content_hash = ""
            add_revision(session, record_id, "withdrawn", {})
            make_unfindable(session, [record_id])
        self.changes["withdrawn"] += 1

    def _write(
        self,
        session: Session,
        document: Document,
        record: models.Record | None,
        status: str,
        digest: str,
        parts: _Parts,
    ) -> bool:
        values = {
            **self.mapper.columns(document, self.problems),
            "organization_id": parts.organization(document.get("organization")),
            "status": status,
            "content_hash": digest,
            "citations": [
                models.Citation(position=0, source_id=self.source_id, locator=f"service {document['id']}")
            ],
            "areas": [models.RecordArea(area_id=area) for area in self.mapper.area_ids(document)],
            "topics": [
                models.RecordTopic(topic=topic, position=position)
                for position, topic in enumerate(self.mapper.topic_names(document))
            ],
            "service_at_locations": [
                models.ServiceAtLocation(id=entry_id, location_id=location_id)
                for location_id, entry_id in parts.places(document).items()
            ],
        }
        created = record is None
        if record is None:
            record = models.Service(id=document["id"], origin=self.origin)
            session.add(record)
        else:
            # A place or area that stays would otherwise be added before it is taken out.
            for name in ("citations", "areas", "topics", "service_at_locations"):
                setattr(record, name, [])
            session.flush()
        for name, value in values.items():
            setattr(record, name, value)
        session.flush()
        if not created:
            session.execute(delete(models.Attribute).where(models.Attribute.link_id == document["id"]))
        session.add_all(
            models.Attribute(link_id=document["id"], taxonomy_term_id=term_id)
            for term_id in parts.terms(document)
        )
        add_revision(session, document["id"], "created" if created else "updated", document)
        return created


class _Parts:
    """Organizations, locations and terms, which services share.

    Each belongs to whoever brought it first: a directory cannot change another's, or ours, by using its id.
    """

    def __init__(self, session: Session, origin: str) -> None:
        self._session = session
        self._origin = origin
        self._done: set[tuple[type[models.Base], str]] = set()

    def organization(self, document: Document | None) -> str:
        """The row of this organization; one that says so where the directory names none."""
        if document is None or "name" not in document:
            document = {
                "id": stable_uuid("organization", f"not-stated/{self._origin}"),
                "name": "Not stated in the directory",
            }
        self._put(
            models.Organization,
            document["id"],
            name=document["name"],
            alternate_name=document.get("alternate_name"),
            description=document.get("description", ""),
            website=document.get("website"),
            email=document.get("email"),
        )
        return str(document["id"])

    def places(self, document: Document) -> dict[str, str]:
        """Location id -> service_at_location id, with the rows of the locations put in."""
        entries: dict[str, str] = {}
        for entry in document.get("service_at_locations", ()):
            if "location" in entry:
                entries.setdefault(entry["location"]["id"], entry["id"])
        for location in locations(document):
            self._location(location)
        return entries

    def terms(self, document: Document) -> list[str]:
        """Ids of the terms of the service, with their rows put in."""
        found = []
        for term in terms_of(document):
            if "name" not in term:
                continue
            taxonomy = term.get("taxonomy") or "Terms of a directory"
            taxonomy_id = term.get("taxonomy_id") or stable_uuid("taxonomy", f"{self._origin}/{taxonomy}")
            self._put(models.Taxonomy, taxonomy_id, name=taxonomy, description="")
            self._put(
                models.TaxonomyTerm,
                term["id"],
                taxonomy_id=taxonomy_id,
                name=term["name"],
                description=term.get("description"),
                parent_id=term.get("parent_id"),
                term_uri=term.get("term_uri"),
            )
            found.append(term["id"])
        return list(dict.fromkeys(found))

    def _location(self, document: Document) -> None:
        accessibility = "\n".join(
            entry.get("description") or entry.get("accessibility") or entry.get("details", "")
            for entry in document.get("accessibility", ())
        )
        self._put(
            models.Location,
            document["id"],
            location_type=document.get("location_type", "physical"),
            name=document.get("name"),
            latitude=document.get("latitude"),
            longitude=document.get("longitude"),
            accessibility=accessibility or None,
            addresses=[
                models.Address(
                    address_1=", ".join(
                        address[name] for name in ("address_1", "address_2") if name in address
                    ),
                    city=address.get("city"),
                    state_province=address.get("state_province"),
                    postal_code=address.get("postal_code")
                    if len(address.get("postal_code", "")) <= 10
                    else None,
                    country=address["country"] if len(address.get("country", "")) == 2 else "GB",
                    address_type=address.get("address_type", "physical"),
                )
                for address in document.get("addresses", ())
                if "address_1" in address
            ],
        )

    def _put(self, model: type[models.Base], row_id: str, **values: object) -> None:
        if (model, row_id) in self._done:
            return
        self._done.add((model, row_id))
        row = self._session.get(model, row_id)
        if row is None:
            self._session.add(model(id=row_id, origin=self._origin, **values))
            self._session.flush()
        elif getattr(row, "origin") == self._origin:  # noqa: B009 - each of these tables has it, Base has not
            for name, value in values.items():
                if name == "addresses" or getattr(row, name) != value:
                    setattr(row, name, value)
