"""What is said first to someone in danger, and whom they can contact."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models.record import Record


class CrisisContact(Record):
    """A confirmed and current contact."""

    __tablename__ = "crisis_contact"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    dangers: Mapped[list[Any]] = mapped_column(JSON)
    rank: Mapped[int]
    phone: Mapped[str | None] = mapped_column(String(20))
    phone_note: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    hours: Mapped[str | None] = mapped_column(Text)
    says: Mapped[str] = mapped_column(Text)
    minimum_age: Mapped[int | None]
    maximum_age: Mapped[int | None]
    confidence: Mapped[str] = mapped_column(String(30))

    __mapper_args__ = {"polymorphic_identity": "crisis_contact"}


class CrisisReply(Record):
    """The first words for one kind of danger."""

    __tablename__ = "crisis_reply"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    danger: Mapped[str] = mapped_column(String(40))  # one published reply each; withdrawn ones stay
    says: Mapped[str] = mapped_column(Text)
    easy_read: Mapped[str] = mapped_column(Text)
    young_person: Mapped[str] = mapped_column(Text)

    __mapper_args__ = {"polymorphic_identity": "crisis_reply"}
