"""The same service in two places: ours and a directory's, or two directories'.

Two services are taken for the same when
- one is the other, come back: its id is the one under which we publish ours; or
- their names are the same and so are their organizations (or one of them names none); or
- their web pages are the same, the page is not a whole site's front page, and their names share a word that
  is not the place or the organization.
Names are compared by their letters and digits alone, with "the" and the legal form of a company left out.
The one that was there first is shown: ours before any directory's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.models import Organization, Service
from knowledge.oruk.ids import stable_uuid
from knowledge.oruk.vocabulary import normalised, places

_LEGAL_FORMS = re.compile(r"^the | (?:ltd|limited|cic|cio|plc|llp)$")
_SMALL_WORDS = frozenset(
    ["a", "and", "at", "for", "in", "of", "on", "service", "services", "the", "to", "with"]
)


@dataclass
class Shown:
    """The services that are shown already, by what would give a second one away."""

    _ids: dict[str, str] = field(default_factory=dict)  # UUID under which ours is published -> its id
    _names: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    _pages: dict[str, list[tuple[frozenset[str], str]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, record_id: str, names: list[str], organization: str | None, url: str | None) -> None:
        """Note a service that is shown."""
        self._ids[stable_uuid("service", record_id)] = record_id
        for name in names:
            self._names[_name(name)].append((_name(organization or ""), record_id))
        if page := _page(url):
            self._pages[page].append((_words(names, organization), record_id))

    def same_as(
        self, external_id: str, names: list[str], organization: str | None, url: str | None
    ) -> str | None:
        """The id of the service that this one seems to be, None if it is a new one."""
        if found := self._ids.get(external_id):
            return found
        own = _name(organization or "")
        for name in names:
            for other, record_id in self._names.get(_name(name), ()):
                if not own or not other or own == other:
                    return record_id
        for other_words, record_id in self._pages.get(_page(url) or "", ()):
            if _words(names, organization) & other_words:
                return record_id
        return None


def shown_by_others(session: Session, origin: str) -> Shown:
    """What is shown and does not come from this importer (``origin``), the content files first."""
    rows = session.execute(
        select(
            Service.id, Service.name, Service.alternate_name, Organization.name, Service.url, Service.origin
        )
        .join(Organization, Service.organization_id == Organization.id)
        .where(Service.status == "published", Service.origin != origin)
    ).all()
    shown = Shown()
    for record_id, name, alternate, organization, url, _ in sorted(rows, key=lambda row: row[5] != "content"):
        shown.add(record_id, names_of(name, alternate), organization, url)
    return shown


def names_of(name: str, alternate_name: str | None) -> list[str]:
    """All names of a service."""
    return [name, *(part for part in (alternate_name or "").split("; ") if part)]


def _name(name: str) -> str:
    return _LEGAL_FORMS.sub("", _LEGAL_FORMS.sub("", normalised(name)))


def _page(url: str | None) -> str | None:
    parts = urlsplit(url or "")
    path = parts.path.rstrip("/")
    if not parts.hostname or not (path or parts.query):
        return None
    return f"{parts.hostname.removeprefix('www.')}{path}?{parts.query}".casefold()


def _words(names: list[str], organization: str | None) -> frozenset[str]:
    words = {word for name in names for word in normalised(name).split()}
    local = {word for name in places().names for word in name.split()}
    return frozenset(words - _SMALL_WORDS - local - set(normalised(organization or "").split()))
