"""What search looks through: short phrases of a record, each with its sentence vector."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models.base import Base


class SearchPhrase(Base):
    """One way a record may be asked for: its question, its name, what it does."""

    __tablename__ = "search_phrase"

    record_id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    phrase: Mapped[str] = mapped_column(Text)
    vector: Mapped[bytes] = mapped_column(LargeBinary)  # 384 little-endian float16
