"""Conditions that several queries share."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from knowledge.models import Record, RecordArea, RecordTopic


def published() -> ColumnElement[bool]:
    """Only what may be shown."""
    return Record.status == "published"


def holds_in(areas: Sequence[str]) -> ColumnElement[bool]:
    """Records of at least one of these areas."""
    return Record.areas.any(RecordArea.area_id.in_(areas))


def about(topic: str) -> ColumnElement[bool]:
    """Records that answer this topic."""
    return Record.topics.any(RecordTopic.topic == topic)


def suits_age(
    age: int | None,
    minimum: InstrumentedAttribute[int | None],
    maximum: InstrumentedAttribute[int | None],
) -> ColumnElement[bool]:
    """Records for this age in years; all records when the age is not known."""
    if age is None:
        return true()
    return or_(minimum.is_(None), minimum <= age) & or_(maximum.is_(None), maximum >= age)


def nearness(record: Record, areas: Sequence[str]) -> int:
    """Sort key: 0 for the nearest area the record holds in."""
    own = {area.area_id for area in record.areas}
    return next((position for position, area in enumerate(areas) if area in own), len(areas))


def position_in(record: Record, topic: str) -> int:
    """Sort key: 0 for a record's main topic; after all of them when an edit has just taken the topic away."""
    return next((one.position for one in record.topics if one.topic == topic), len(record.topics))
