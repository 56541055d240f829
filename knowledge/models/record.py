"""What every record has: where it comes from, when it was true, where it holds, and its history."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from knowledge.models.base import Base, RecordId


class Source(Base):
    """A document or page that records cite."""

    __tablename__ = "source"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    publisher: Mapped[str] = mapped_column(Text)
    published: Mapped[str | None] = mapped_column(String(10))  # partial ISO date: 2022, 2022-12, 2022-12-31
    published_note: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    document: Mapped[str | None] = mapped_column(Text)
    archived_copy: Mapped[bool] = mapped_column(default=False)


class Area(Base):
    """A place that records hold for."""

    __tablename__ = "area"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    covered: Mapped[bool]
    local_offer: Mapped[str | None] = mapped_column(RecordId)
    advice_service: Mapped[str | None] = mapped_column(RecordId)


class AreaInside(Base):
    """That one area lies inside a wider one, nearest first."""

    __tablename__ = "area_inside"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id", ondelete="CASCADE"), primary_key=True)
    wider_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    position: Mapped[int]


class Topic(Base):
    """A topic a message can be about."""

    __tablename__ = "topic"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    group: Mapped[str] = mapped_column("topic_group", String(20))
    title: Mapped[str] = mapped_column(Text)
    boundary: Mapped[str] = mapped_column(Text)


class Record(Base):
    """The part common to services, pathways, waits, entitlements, guidance, glossary and crisis records."""

    __tablename__ = "record"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    status: Mapped[str] = mapped_column(String(12), index=True)  # draft, published, withdrawn
    audience: Mapped[str] = mapped_column(String(20))
    as_of: Mapped[str] = mapped_column(String(10))  # partial ISO date, compares as text
    review_by: Mapped[date]
    freshness: Mapped[str] = mapped_column(String(10))
    caveat: Mapped[str | None] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(40), default="content")  # which importer owns the row
    content_hash: Mapped[str] = mapped_column(String(64))

    citations: Mapped[list[Citation]] = relationship(
        order_by="Citation.position", cascade="all, delete-orphan", lazy="selectin"
    )
    areas: Mapped[list[RecordArea]] = relationship(
        order_by="RecordArea.area_id", cascade="all, delete-orphan", lazy="selectin"
    )
    topics: Mapped[list[RecordTopic]] = relationship(
        order_by="RecordTopic.position", cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "record"}


class Citation(Base):
    """Where exactly in a source a record comes from."""

    __tablename__ = "citation"

    record_id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("source.id"), index=True)
    locator: Mapped[str | None] = mapped_column(Text)
    source: Mapped[Source] = relationship(lazy="selectin")


class RecordArea(Base):
    """That a record holds in an area."""

    __tablename__ = "record_area"

    record_id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True, index=True)


class RecordTopic(Base):
    """That a record answers a topic, the main one first; ``general`` marks the topic's general answer."""

    __tablename__ = "record_topic"

    record_id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    topic: Mapped[str] = mapped_column(ForeignKey("topic.name"), primary_key=True)
    position: Mapped[int]
    general: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (Index("ix_record_topic_topic_general", "topic", "general"),)


class Revision(Base):
    """One state a record has been in; the newest is the present one."""

    __tablename__ = "revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    record_id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    change: Mapped[str] = mapped_column(String(10))  # created, updated, withdrawn
    recorded_at: Mapped[datetime]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (UniqueConstraint("record_id", "number"),)
