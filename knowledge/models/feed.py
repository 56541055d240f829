"""What we remember of a directory that we read: how far, what changed when, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models.base import Base, RecordId


class Feed(Base):
    """A directory in Open Referral UK that is imported; its records have the origin ``oruk:<id>``."""

    __tablename__ = "feed"

    id: Mapped[str] = mapped_column(String(34), primary_key=True)
    url: Mapped[str] = mapped_column(Text)  # without its query, which may hold a key; or the name of the file
    publisher: Mapped[str] = mapped_column(Text)
    # Where services hold that do not say where; the operator gives it once for all later readings.
    default_area: Mapped[str | None] = mapped_column(String(80))
    source_id: Mapped[str] = mapped_column(ForeignKey("source.id"))
    run: Mapped[int]  # counts the readings; one that was cut short is taken up again under its number
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # None: being read, or cut short


class FeedService(Base):
    """One service of a directory: when it changed, what it said, and what we did with it."""

    __tablename__ = "feed_service"

    feed_id: Mapped[str] = mapped_column(ForeignKey("feed.id", ondelete="CASCADE"), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(36), primary_key=True)  # UUID
    record_id: Mapped[str | None] = mapped_column(RecordId, index=True)  # None: no record was made of it
    last_modified: Mapped[str | None] = mapped_column(String(40))  # as published, to be compared
    read_in: Mapped[int]  # the run in which its details were read last
    # shown, outside (of our areas), duplicate, inactive, taken (the id is another directory's), gone
    outcome: Mapped[str] = mapped_column(String(12), index=True)
    duplicate_of: Mapped[str | None] = mapped_column(RecordId)
    digest: Mapped[str] = mapped_column(String(64))  # of the document and of how it was mapped
    # The service as it was published, cleaned: the record is made from it again when the mapping
    # changes, and export gives it back whole.
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
