"""The crisis reply: what to do now and whom to contact, ready in memory before anyone needs it.

The cards come from the store. When the store cannot be read they come from the content files that ship
with the helpline, so that a broken database never keeps the numbers from somebody in danger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, overload

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from knowledge import models
from knowledge.content import read_content
from knowledge.content_schema import Danger, Status
from knowledge.database import StoreUnavailable, open_engine, sessions
from knowledge.dates import say_partial
from knowledge.queries.common import published
from knowledge.queries.records import newest_revision
from knowledge.sources import source_of

_logger = logging.getLogger(__name__)

#: Shown at first; a long list is hard to use in danger.
_MOST_CONTACTS = 5


@dataclass(frozen=True)
class Contact:
    """A crisis contact as it is shown."""

    name: str
    phone: str | None
    phone_note: str | None
    text: str | None
    url: str | None
    hours: str | None
    says: str
    dangers: frozenset[str]
    areas: frozenset[str]
    rank: int
    minimum_age: int | None
    maximum_age: int | None
    source: dict[str, Any]

    def suits(self, danger: str, areas: Iterable[str], age: int | None) -> bool:
        """Whether to show it for this danger, in these areas, at this age (None: any)."""
        return (
            danger in self.dangers
            and not self.areas.isdisjoint(areas)
            and (age is None or self.minimum_age is None or self.minimum_age <= age)
            and (age is None or self.maximum_age is None or age <= self.maximum_age)
        )

    def line(self) -> str:
        """One line to read or hear: who, how to reach them, when."""
        ways = [f"call {self.phone}"] if self.phone else []
        if self.text:
            ways.append(self.text[0].lower() + self.text[1:])
        sentences = [f"{self.name}: {' or '.join(ways)}", self.says, self.phone_note or ""]
        return " ".join(_as_sentence(words) for words in sentences if words)

    def public(self) -> dict[str, Any]:
        """The fields a page shows."""
        return {
            "name": self.name,
            "phone": self.phone,
            "phone_note": self.phone_note,
            "text": self.text,
            "url": self.url,
            "hours": self.hours,
            "says": self.says,
        }


def _as_sentence(words: str) -> str:
    """With a capital, and with a full stop if it has no mark of its own."""
    words = words.strip()
    return words[0].upper() + words[1:] + ("" if words[-1] in ".?!" else ".")


@dataclass(frozen=True)
class CrisisReply:
    """What to say and show."""

    text: str  # everything, numbers included, for channels that show text only
    easy_read: str
    contacts: list[dict[str, Any]]
    sources: list[dict[str, Any]]


@dataclass(frozen=True)
class _Words:
    says: str
    easy_read: str
    young_person: str


class CrisisCards:
    """All crisis replies and contacts, held in memory."""

    def __init__(
        self, words: dict[str, _Words], contacts: list[Contact], origin: str, revision: int | None = None
    ) -> None:
        self._words = words
        self._contacts = sorted(contacts, key=lambda contact: (contact.rank, contact.name))
        #: "store" or "shipped content": where the cards came from.
        self.origin = origin
        # The newest revision of the store when it was read; None when it was not.
        self._revision = revision

    @classmethod
    def load(cls, knowledge_url: str) -> CrisisCards:
        """Read the cards from the store, or from the shipped content when the store fails or has none.

        Args:
            knowledge_url: SQLAlchemy URL of the knowledge store.
        """
        try:
            cards = cls._from_store(knowledge_url)
        except (SQLAlchemyError, StoreUnavailable, OSError) as error:
            _logger.error("crisis cards: the store cannot be read, using the shipped content: %s", error)
            return cls._from_shipped_content()
        if lacking := cards._lacking():
            _logger.warning("crisis cards: the store has nothing for %s, using the shipped content", lacking)
            return cls._from_shipped_content()
        return cards

    def refresh(self, knowledge_url: str) -> bool:
        """Take what the store holds now, if it changed since it was read; never raises.

        When the store cannot be read, or lacks a danger, what is held stays.

        Returns:
            Whether anything was taken.
        """
        try:
            cards = self._from_store(knowledge_url, self._revision)
        except (SQLAlchemyError, StoreUnavailable, OSError) as error:
            _logger.warning("crisis cards: the store cannot be read, keeping what is held: %s", error)
            return False
        if cards is None:
            return False
        if lacking := cards._lacking():
            _logger.warning("crisis cards: the store has nothing for %s, keeping what is held", lacking)
            return False
        self._words, self._contacts = cards._words, cards._contacts
        self.origin, self._revision = cards.origin, cards._revision
        return True

    def _lacking(self) -> str:
        return ", ".join(danger.value for danger in Danger if not self._can_answer(danger.value))

    def _can_answer(self, danger: str) -> bool:
        """Whether there are words for this danger, and somebody to contact wherever one is."""
        return danger in self._words and bool(self.contacts(danger))

    @overload
    @classmethod
    def _from_store(cls, knowledge_url: str) -> CrisisCards: ...

    @overload
    @classmethod
    def _from_store(cls, knowledge_url: str, unless: int | None) -> CrisisCards | None: ...

    @classmethod
    def _from_store(cls, knowledge_url: str, unless: int | None = None) -> CrisisCards | None:
        """What the store holds; None when its newest revision is ``unless``."""
        engine = open_engine(knowledge_url)
        try:
            with sessions(engine)() as session:
                revision = newest_revision(session)
                if revision == unless:
                    return None
                rows = session.scalars(select(models.CrisisContact).where(published())).unique().all()
                replies = session.scalars(select(models.CrisisReply).where(published())).unique().all()
                contacts = [
                    Contact(
                        name=row.name,
                        phone=row.phone,
                        phone_note=row.phone_note,
                        text=row.text,
                        url=row.url,
                        hours=row.hours,
                        says=row.says,
                        dangers=frozenset(row.dangers),
                        areas=frozenset(area.area_id for area in row.areas),
                        rank=row.rank,
                        minimum_age=row.minimum_age,
                        maximum_age=row.maximum_age,
                        source=source_of(row),
                    )
                    for row in rows
                ]
                words = {row.danger: _Words(row.says, row.easy_read, row.young_person) for row in replies}
        finally:
            engine.dispose()
        return cls(words, contacts, "store", revision)

    @classmethod
    def _from_shipped_content(cls) -> CrisisCards:
        content = read_content()
        titles = {source.id: source for source in content.sources}
        contacts = [
            Contact(
                name=contact.name,
                phone=contact.phone,
                phone_note=contact.phone_note,
                text=contact.text,
                url=contact.url,
                hours=contact.hours,
                says=contact.says,
                dangers=frozenset(danger.value for danger in contact.dangers),
                areas=frozenset(area.value for area in contact.areas),
                rank=contact.rank,
                minimum_age=contact.min_age,
                maximum_age=contact.max_age,
                source={
                    "title": titles[contact.sources[0].source].title,
                    "publisher": titles[contact.sources[0].source].publisher,
                    "published": titles[contact.sources[0].source].published
                    or titles[contact.sources[0].source].published_note,
                    "url": titles[contact.sources[0].source].url,
                    "locator": contact.sources[0].locator,
                    "as_of": contact.as_of,
                    "as_of_said": say_partial(contact.as_of),
                },
            )
            for contact in content.crisis_contacts
            if contact.status is Status.PUBLISHED
        ]
        words = {
            reply.danger.value: _Words(reply.says, reply.easy_read, reply.young_person)
            for reply in content.crisis_replies
            if reply.status is Status.PUBLISHED
        }
        return cls(words, contacts, "shipped content")

    def contacts(self, danger: str, area: str | None = None, age: int | None = None) -> list[Contact]:
        """Whom to contact, most urgent first; somebody young sees the lines for young people higher up."""
        areas = {area, "england", "uk"}
        suited = [
            contact for contact in self._contacts if contact.suits(danger, [a for a in areas if a], age)
        ]
        if age is not None and age < 18:
            # The emergency number stays first; then what is made for their age, and lines they can text.
            suited.sort(
                key=lambda contact: (
                    contact.rank > 1,
                    contact.maximum_age is None,
                    contact.text is None,
                    contact.rank,
                )
            )
        return suited[:_MOST_CONTACTS]

    def reply(
        self, danger: str, area: str | None = None, age: int | None = None, young: bool = False
    ) -> CrisisReply:
        """The whole reply to one danger.

        Args:
            danger: a crisis topic, "crisis_self_harm_suicide" ...
            area: area id, if known.
            age: years, if known.
            young: the person writing is under 18 as far as we know.
        """
        words = self._words[danger]
        says = words.young_person if young or (age is not None and age < 18) else words.says
        contacts = self.contacts(danger, area, age if age is not None else (15 if young else None))
        lines = [contact.line() for contact in contacts]
        sources: dict[str, dict[str, Any]] = {}
        for contact in contacts:
            sources.setdefault(contact.source["title"], contact.source)
        return CrisisReply(
            text="\n".join([says, *(f"- {line}" for line in lines)]),
            easy_read="\n".join([words.easy_read, *lines]),
            contacts=[contact.public() for contact in contacts],
            sources=list(sources.values()),
        )
