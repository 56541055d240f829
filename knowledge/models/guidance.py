"""Answers to real questions, and hard words explained."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models.record import Record


class Guidance(Record):
    """An answer to one question; its topics say what it is about and for which it is the general answer."""

    __tablename__ = "guidance"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    easy_read: Mapped[str] = mapped_column(Text)
    young_person: Mapped[str | None] = mapped_column(Text)
    next_step: Mapped[str | None] = mapped_column(Text)
    minimum_age: Mapped[int | None]
    maximum_age: Mapped[int | None]
    services: Mapped[list[Any]] = mapped_column(JSON)  # service ids, shown as cards

    __mapper_args__ = {"polymorphic_identity": "guidance"}


class GlossaryTerm(Record):
    """A hard word, explained."""

    __tablename__ = "glossary_term"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    term: Mapped[str] = mapped_column(Text)
    alternate_terms: Mapped[list[Any]] = mapped_column(JSON)
    meaning: Mapped[str] = mapped_column(Text)
    easy_read: Mapped[str] = mapped_column(Text)

    __mapper_args__ = {"polymorphic_identity": "glossary"}
