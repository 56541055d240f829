"""Services in the shape of Open Referral UK 3.0 (openreferraluk.org), the standard UK councils publish in.

Table and column names are the standard's. Columns marked "ours" are what families asked for and the
standard has no field for.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from knowledge.models.base import Base, RecordId
from knowledge.models.record import Record


class Organization(Base):
    """Who runs services."""

    __tablename__ = "organization"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    alternate_name: Mapped[str | None] = mapped_column(Text)  # several, separated by "; "
    description: Mapped[str] = mapped_column(Text)
    website: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(40), default="content")  # ours: as of a record


class Service(Record):
    """Something a person can use."""

    __tablename__ = "service"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[str] = mapped_column(Text)
    alternate_name: Mapped[str | None] = mapped_column(Text)  # several, separated by "; "
    description: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    application_process: Mapped[str] = mapped_column(Text)  # how to reach it
    eligibility_description: Mapped[str | None] = mapped_column(Text)  # who it is for
    minimum_age: Mapped[int | None]
    maximum_age: Mapped[int | None]
    fees_description: Mapped[str | None] = mapped_column(Text)
    hours_text: Mapped[str | None] = mapped_column(Text)  # ours: opening hours in words
    easy_read: Mapped[str | None] = mapped_column(Text)  # ours; a council's directory has none
    needs_diagnosis: Mapped[str] = mapped_column(String(12), index=True)  # ours: yes, no, not-stated
    last_modified: Mapped[datetime | None]  # as its directory says; None: ours, dated by its revisions

    organization: Mapped[Organization] = relationship(lazy="selectin")
    phones: Mapped[list[Phone]] = relationship(
        order_by="Phone.position", cascade="all, delete-orphan", lazy="selectin"
    )
    cost_options: Mapped[list[CostOption]] = relationship(
        order_by="CostOption.position", cascade="all, delete-orphan", lazy="selectin"
    )
    schedules: Mapped[list[Schedule]] = relationship(cascade="all, delete-orphan")
    service_areas: Mapped[list[ServiceArea]] = relationship(cascade="all, delete-orphan")
    contacts: Mapped[list[Contact]] = relationship(order_by="Contact.position", cascade="all, delete-orphan")
    languages: Mapped[list[Language]] = relationship(cascade="all, delete-orphan")
    funding: Mapped[list[Funding]] = relationship(cascade="all, delete-orphan")
    service_at_locations: Mapped[list[ServiceAtLocation]] = relationship(
        cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__ = {"polymorphic_identity": "service"}


class Phone(Base):
    """A telephone number: one that somebody confirmed, or as a council's directory publishes it.

    ``confidence`` says which: ``verified-in-seed``, ``verified-in-archived-page`` or, for an imported one,
    ``published-in-directory``, which is nobody's confirmation and so always goes with freshness ``check``.
    """

    __tablename__ = "phone"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    number: Mapped[str] = mapped_column(String(20))
    extension: Mapped[str | None] = mapped_column(String(10))
    type: Mapped[str] = mapped_column(String(10), default="voice")  # voice, text
    description: Mapped[str | None] = mapped_column(Text)
    confidence: Mapped[str] = mapped_column(String(30))  # ours
    freshness: Mapped[str] = mapped_column(String(10))  # ours


class CostOption(Base):
    """A price, or that there is none."""

    __tablename__ = "cost_option"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    option: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    currency: Mapped[str] = mapped_column(String(3), default="GBP")


class Schedule(Base):
    """When a service is open (RFC 5545 words: WEEKLY, MO,TU)."""

    __tablename__ = "schedule"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    freq: Mapped[str | None] = mapped_column(String(10))
    interval: Mapped[int | None]
    byday: Mapped[str | None] = mapped_column(String(40))
    opens_at: Mapped[time | None]
    closes_at: Mapped[time | None]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    description: Mapped[str | None] = mapped_column(Text)


class ServiceArea(Base):
    """Where a service is offered, in the words of its directory."""

    __tablename__ = "service_area"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    area_id: Mapped[str | None] = mapped_column(String(40))  # ours: which of our areas; None: outside them


class Contact(Base):
    """Whom to ask for; telephone numbers are the service's."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    name: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)


class Language(Base):
    """A language in which a service is given."""

    __tablename__ = "language"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(String(10))  # ISO 639


class Funding(Base):
    """Who pays for a service."""

    __tablename__ = "funding"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(Text)


class Location(Base):
    """A place, a postal address or a virtual one."""

    __tablename__ = "location"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    location_type: Mapped[str] = mapped_column(String(10))  # physical, postal, virtual
    name: Mapped[str | None] = mapped_column(Text)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    accessibility: Mapped[str | None] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(40), default="content")  # ours: as of a record
    addresses: Mapped[list[Address]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class Address(Base):
    """An address as far as it is known."""

    __tablename__ = "address"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id", ondelete="CASCADE"), index=True)
    address_1: Mapped[str] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    state_province: Mapped[str | None] = mapped_column(Text)
    postal_code: Mapped[str | None] = mapped_column(String(10))
    country: Mapped[str] = mapped_column(String(2), default="GB")
    address_type: Mapped[str] = mapped_column(String(10), default="physical")


class ServiceAtLocation(Base):
    """That a service is given at a location."""

    __tablename__ = "service_at_location"

    service_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), primary_key=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"), primary_key=True)
    id: Mapped[str | None] = mapped_column(String(36), index=True)  # its directory's UUID; None: ours
    location: Mapped[Location] = relationship(lazy="selectin")


class Taxonomy(Base):
    """A list of terms, ours or a directory's."""

    __tablename__ = "taxonomy"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    uri: Mapped[str | None] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(40), default="content")  # ours: as of a record


class TaxonomyTerm(Base):
    """One term of a taxonomy."""

    __tablename__ = "taxonomy_term"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    taxonomy_id: Mapped[str] = mapped_column(ForeignKey("taxonomy.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[str | None] = mapped_column(String(120))
    term_uri: Mapped[str | None] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(40), default="content")  # ours: as of a record


class Attribute(Base):
    """That a term applies to something (Open Referral UK's way to say topic, audience, diagnosis needed)."""

    __tablename__ = "attribute"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    link_type: Mapped[str] = mapped_column(String(20), default="service")
    taxonomy_term_id: Mapped[str] = mapped_column(ForeignKey("taxonomy_term.id"), index=True)
