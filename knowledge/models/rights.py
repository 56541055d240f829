"""What the law gives, and by when."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from knowledge.models.base import Base, RecordId
from knowledge.models.record import Record


class Entitlement(Record):
    """A right: who has it, how to use it, what it stands on."""

    __tablename__ = "entitlement"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    easy_read: Mapped[str] = mapped_column(Text)
    young_person: Mapped[str | None] = mapped_column(Text)
    how_to_use: Mapped[str] = mapped_column(Text)
    legal_basis: Mapped[list[Any]] = mapped_column(JSON)  # [{name, section}]
    deadlines: Mapped[list[Deadline]] = relationship(
        order_by="Deadline.position", cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__ = {"polymorphic_identity": "entitlement"}


class Deadline(Base):
    """A time limit as a rule: count a period from a trigger."""

    __tablename__ = "deadline_rule"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    entitlement_id: Mapped[str] = mapped_column(ForeignKey("entitlement.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    trigger: Mapped[str] = mapped_column("trigger_event", String(30), index=True)
    count: Mapped[int] = mapped_column("period_count")
    unit: Mapped[str] = mapped_column("period_unit", String(12))
    day_rule: Mapped[str] = mapped_column(String(20))
    later_of: Mapped[str | None] = mapped_column(RecordId)
    legal_name: Mapped[str] = mapped_column(Text)
    legal_section: Mapped[str] = mapped_column(Text)
    exceptions: Mapped[str | None] = mapped_column(Text)
    if_missed: Mapped[str] = mapped_column(Text)
    entitlement: Mapped[Entitlement] = relationship(back_populates="deadlines")
