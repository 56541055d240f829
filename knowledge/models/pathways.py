"""How to get an assessment, and what is known of the wait for one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from knowledge.models.base import Base
from knowledge.models.record import Record


class Pathway(Record):
    """From a first worry to an assessment, for one cohort in one or more areas."""

    __tablename__ = "pathway"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    cohort: Mapped[str] = mapped_column(String(10))  # child, adult
    minimum_age: Mapped[int | None]
    maximum_age: Mapped[int | None]
    answer: Mapped[str] = mapped_column(Text)
    easy_read: Mapped[str] = mapped_column(Text)
    young_person: Mapped[str | None] = mapped_column(Text)
    self_referral: Mapped[str] = mapped_column(String(12))  # yes, no, not-stated
    referrers: Mapped[list[Any]] = mapped_column(JSON)
    assessed_by: Mapped[list[Any]] = mapped_column(JSON)  # service ids
    check_with: Mapped[list[Any]] = mapped_column(JSON)  # record ids
    steps: Mapped[list[PathwayStep]] = relationship(
        order_by="PathwayStep.position", cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__ = {"polymorphic_identity": "pathway"}


class PathwayStep(Base):
    """One step, in order."""

    __tablename__ = "pathway_step"

    pathway_id: Mapped[str] = mapped_column(ForeignKey("pathway.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    while_waiting: Mapped[bool] = mapped_column(default=False)


class Wait(Record):
    """One reported figure. A newer figure is a new row: nothing is overwritten."""

    __tablename__ = "wait_observation"

    id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    pathway_id: Mapped[str | None] = mapped_column(ForeignKey("pathway.id"))
    cohort: Mapped[str] = mapped_column(String(10))  # child, adult, all
    measure: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(Text)
    value: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    unit: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)

    __mapper_args__ = {"polymorphic_identity": "wait", "inherit_condition": id == Record.id}
