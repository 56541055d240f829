"""Letters that a person can fill in. What is filled in is never a row of any table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models.base import RecordId
from knowledge.models.record import Record


class Letter(Record):
    """A template: what it is for, what can be filled in, and its words for each kind of writer."""

    __tablename__ = "letter"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    rank: Mapped[int]  # 1 is offered first
    title: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    easy_read: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    fields: Mapped[list[Any]] = mapped_column(JSON)  # [{name, label, hint, multiline, blank, known}]
    voices: Mapped[list[Any]] = mapped_column(JSON)  # [{id, label, audiences, entitlement, body}]
    limits: Mapped[list[Any]] = mapped_column(JSON)  # ids of deadline rules
    limit_from: Mapped[str | None] = mapped_column(RecordId)  # name of the field with the day of the event

    __mapper_args__ = {"polymorphic_identity": "letter"}
