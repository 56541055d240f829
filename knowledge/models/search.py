"""What search looks through: each record's words, and short phrases of it with their sentence vectors."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models.base import Base


class SearchPhrase(Base):
    """One way a record may be asked for: its question, its name, what it does."""

    __tablename__ = "search_phrase"

    record_id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    phrase: Mapped[str] = mapped_column(Text)
    vector: Mapped[bytes] = mapped_column(LargeBinary)  # 384 little-endian float16


class SearchText(Base):
    """The words of a record for full-text search.

    The database keeps the full-text index true by itself: on SQLite triggers copy each row into the FTS5
    table ``search_text_fts``, on PostgreSQL ``document`` is a generated column (migration 0004).
    """

    __tablename__ = "search_text"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)  # FTS5 refers to it by number
    record_id: Mapped[str] = mapped_column(ForeignKey("record.id", ondelete="CASCADE"), unique=True)
    asked: Mapped[str] = mapped_column(Text)  # names, questions and other wordings of it
    body: Mapped[str] = mapped_column(Text)  # everything else that it says
    made_from: Mapped[str] = mapped_column(String(64))  # digest: when it differs, texts and vectors are old

    # An id is never used again: a row that is made anew is told from the old one.
    __table_args__ = {"sqlite_autoincrement": True}
