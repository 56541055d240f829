"""Questions that the store had no answer to, for the people who write its content."""

from __future__ import annotations

from datetime import date

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models.base import Base


class UnansweredQuestion(Base):
    """One question, without what could tell who asked it: no chat, no hour, no names or numbers."""

    __tablename__ = "unanswered_question"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    asked_on: Mapped[date] = mapped_column(index=True)
    question: Mapped[str] = mapped_column(Text)  # redacted (knowledge/redaction.py)
    reason: Mapped[str] = mapped_column(String(20))  # one of knowledge.unanswered.REASONS
    topic: Mapped[str | None] = mapped_column(String(60))  # as the dialogue model understood it
    area: Mapped[str | None] = mapped_column(String(40))
