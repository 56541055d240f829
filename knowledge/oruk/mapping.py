"""A service of a directory as a record of ours: what it says, where it holds, what it is about.

Nothing is made up: what a directory does not say is said not to be known. The rules are told to editors in
docs/open-referral.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import phonenumbers
from dateutil.relativedelta import relativedelta
from phonenumbers import shortnumberinfo

from encoder.sentence_encoder import MODEL_SHA256
from knowledge import models
from knowledge.dates import say_date
from knowledge.indexing import Findable
from knowledge.oruk import vocabulary
from knowledge.oruk.ids import stable_uuid
from knowledge.oruk.report import Problems
from knowledge.oruk.shapes import Document
from knowledge.oruk.vocabulary import normalised

#: The mark of a number that nobody of ours confirmed.
PHONE_CONFIDENCE = "published-in-directory"

#: Raised when the rules here change: what was imported before is then mapped again.
_RULES = 2

#: Characters of a description that the sentence encoder reads; it would cut them off itself.
_GIST = 500

_DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
_TEXT_PHONES = ("text", "sms", "textphone", "text messages")
_NOT_CALLED = ("fax", "pager")


@dataclass(frozen=True)
class Mapper:
    """Maps the services of one directory."""

    publisher: str
    areas: frozenset[str]  # ids of the areas that the store has
    topics: frozenset[str]  # names of the topics that the store has
    default_area: str | None = None  # where services hold that do not say where
    today: date = date.max

    def digest(self, document: Document) -> str:
        """Tells whether a record is as it would be made now: from this document, by these rules, today."""
        rules = [_RULES, vocabulary.fingerprint(), MODEL_SHA256, self.publisher, self.default_area]
        dated = [*_all_schedules(document), *document.get("cost_options", ())]
        holds = [self._holds(entry) for entry in dated]
        rules += [sorted(self.areas), sorted(self.topics)]
        made_of = json.dumps([rules, document, holds], sort_keys=True)
        return hashlib.sha256(made_of.encode()).hexdigest()

    def columns(self, document: Document, problems: Problems) -> dict[str, Any]:
        """The columns and children of ``models.Service`` but organization, locations and attributes."""
        as_of = self._as_of(document)
        costs = [option for option in document.get("cost_options", ()) if self._holds(option)]
        fees = document.get("fees") or document.get("fees_description")
        return {
            "name": document["name"],
            "alternate_name": document.get("alternate_name"),
            "description": document.get("description") or "The directory does not say what it does.",
            "easy_read": None,
            "url": document.get("url"),
            "email": document.get("email"),
            "application_process": _how_to_reach(document),
            "eligibility_description": document.get("eligibility_description"),
            "minimum_age": _years(document.get("minimum_age")),
            "maximum_age": _years(document.get("maximum_age")),
            "fees_description": fees,
            "hours_text": self._hours(document),
            "needs_diagnosis": self._needs_diagnosis(document),
            "last_modified": datetime.fromisoformat(document["last_modified"])
            if "last_modified" in document
            else None,
            "audience": "all",
            "as_of": as_of.isoformat(),
            "review_by": as_of + relativedelta(years=1),
            "freshness": "check",  # nobody of ours has looked at it
            "caveat": self._caveat(document, as_of),
            "phones": _phones(document, problems),
            "cost_options": [
                models.CostOption(
                    position=position,
                    option=option.get("option") or option.get("amount_description") or "Price",
                    amount=Decimal(str(option["amount"])) if "amount" in option else None,
                    currency=option.get("currency", "GBP"),
                )
                for position, option in enumerate(costs)
            ]
            or ([models.CostOption(position=0, option=fees)] if fees else []),
            "schedules": [_schedule(schedule) for schedule in self._present(_all_schedules(document))],
            "service_areas": self._service_areas(document),
            "contacts": [
                models.Contact(
                    position=position,
                    **{name: contact.get(name) for name in ("name", "title", "email")},
                )
                for position, contact in enumerate(document.get("contacts", ()))
                if contact.keys() & {"name", "title", "email"}
            ],
            "languages": [
                models.Language(name=language["name"], code=language.get("code"))
                for language in document.get("languages", ())
                if "name" in language
            ],
            "funding": [
                models.Funding(source=entry["source"])
                for entry in document.get("funding", ())
                if "source" in entry
            ],
        }

    def area_ids(self, document: Document) -> list[str]:
        """Our areas that the service holds in; empty when it is outside them or nobody says where it is.

        What the directory calls the service area decides. Without one, the postcodes of its places do; and
        without those, the area that the operator gave for the whole directory.
        """
        told = [words for words in map(_area_words, document.get("service_areas", ())) if words]
        if told:
            found = [area for words in told for area in vocabulary.places().areas(words)]
        else:
            postcodes = [
                address.get("postal_code", "")
                for location in locations(document)
                for address in location.get("addresses", ())
            ]
            by_postcode = [vocabulary.places().area_of_postcode(postcode) for postcode in postcodes]
            found = [area for area in by_postcode if area]
            if not any(postcodes) and self.default_area:
                found = [self.default_area]
        return [area for area in dict.fromkeys(found) if area in self.areas]

    def topic_names(self, document: Document) -> list[str]:
        """The topics it is about, in the order of its terms."""
        ours = {stable_uuid("taxonomy_term", f"topic:{topic}"): topic for topic in self.topics}
        known = vocabulary.terms()
        found, others = [], []
        for term in terms_of(document):
            if term["id"] in ours:
                found.append(ours[term["id"]])
            elif "name" in term:
                others.append(normalised(term["name"]))
        texts = [document.get(name) for name in ("name", "description", "eligibility_description")]
        if known.is_for_us(others, *texts):
            found += [known.topics[name] for name in others if name in known.topics]
        return [topic for topic in dict.fromkeys(found) if topic in self.topics]

    def findable(self, document: Document) -> Findable:
        """By what it is found: its names, the first paragraph of what it does, and what else it says."""
        first, *rest = document.get("description", "").split("\n\n")
        others = (document.get("alternate_name") or "").split("; ")
        terms = [term.get("name") for term in terms_of(document)]
        told = [document.get("eligibility_description"), document.get("application_process")]
        return Findable(
            document["id"],
            [document["name"], *filter(None, others)],
            [first[:_GIST]] if first else [],
            [text for text in (*rest, *told, *terms) if text],
        )

    def _as_of(self, document: Document) -> date:
        told = document.get("assured_date") or document.get("last_modified", "")[:10]
        return min(date.fromisoformat(told), self.today) if told else self.today

    def _caveat(self, document: Document, as_of: date) -> str:
        said = f"This is from the service directory of {self.publisher}. "
        if "assured_date" in document:
            said += f"It was last checked there on {say_date(as_of)}."
        elif "last_modified" in document:
            said += f"It was last changed there on {say_date(as_of)}."
        else:
            said += "The directory does not say when it was last checked."
        said += " Ask the service before you rely on it."
        if alert := document.get("alert"):
            said += f"\n\nThe directory says: {alert}"
        return said

    def _needs_diagnosis(self, document: Document) -> str:
        ours = {
            stable_uuid("taxonomy_term", f"needs-diagnosis:{value}"): value
            for value in ("yes", "no", "not-stated")
        }
        for term in terms_of(document):
            by_name = vocabulary.terms().needs_diagnosis.get(normalised(term.get("name", "")))
            if value := ours.get(term["id"], by_name):
                return value
        return "not-stated"

    def _service_areas(self, document: Document) -> list[models.ServiceArea]:
        rows = []
        for entry in document.get("service_areas", ()):
            words = _area_words(entry)
            name = entry.get("name") or entry.get("service_area")
            if name:
                ours: list[str | None] = [
                    area for area in vocabulary.places().areas(words) if area in self.areas
                ]
                rows += [models.ServiceArea(name=name, area_id=area) for area in ours or [None]]
        return rows

    def _holds(self, entry: Document) -> bool:
        """Whether opening hours or a price have begun and are not over."""
        return str(entry.get("valid_from", "")) <= self.today.isoformat() <= str(entry.get("valid_to", "9"))

    def _present(self, schedules: list[Document]) -> list[Document]:
        return [schedule for schedule in schedules if self._holds(schedule)]

    def _hours(self, document: Document) -> str | None:
        lines = [_say_schedule(schedule) for schedule in self._present(_all_schedules(document))]
        return "\n".join(dict.fromkeys(line for line in lines if line)) or None


def locations(document: Document) -> Iterator[Document]:
    """The places of a service."""
    for entry in document.get("service_at_locations", ()):
        if "location" in entry:
            yield entry["location"]


def terms_of(document: Document) -> list[Document]:
    """The taxonomy terms that the service itself has, each with its id."""
    found = []
    for attribute in document.get("attributes", ()):
        if "taxonomy_term" in attribute:
            found.append(attribute["taxonomy_term"])
        elif "taxonomy_term_id" in attribute:
            found.append({"id": attribute["taxonomy_term_id"]})
    return found


def _area_words(entry: Document) -> str:
    parts = [entry.get(name, "") for name in ("name", "service_area", "uri")]
    # An extent may be a map of thousands of points, and that is not words.
    parts += [entry["extent"]] if len(entry.get("extent", "")) <= 200 and "extent" in entry else []
    return " ; ".join(dict.fromkeys(part for part in parts if part))


def _how_to_reach(document: Document) -> str:
    if "application_process" in document:
        return str(document["application_process"])
    contacts = any("phones" in contact or "email" in contact for contact in document.get("contacts", ()))
    if contacts or document.keys() & {"phones", "email", "url"}:
        return "Contact the service."
    return "The directory does not say how to contact it."


def _years(age: float | None) -> int | None:
    return None if age is None else int(age)


def _all_schedules(document: Document) -> list[Document]:
    own: list[Document] = document.get("schedules", [])
    at_places = [
        schedule
        for entry in document.get("service_at_locations", ())
        for schedule in entry.get("schedules", ())
    ]
    return [*own, *at_places]


def _schedule(schedule: Document) -> models.Schedule:
    def day(name: str) -> date | None:
        return date.fromisoformat(schedule[name]) if name in schedule else None

    def clock(name: str) -> time | None:
        return time.fromisoformat(schedule[name]) if name in schedule else None

    return models.Schedule(
        freq=schedule.get("freq"),
        interval=_years(schedule.get("interval")),
        byday=schedule["byday"] if len(schedule.get("byday", "x" * 99)) <= 40 else None,
        opens_at=clock("opens_at"),
        closes_at=clock("closes_at"),
        valid_from=day("valid_from"),
        valid_to=day("valid_to"),
        description=schedule.get("description"),
    )


def _say_schedule(schedule: Document) -> str | None:
    """Opening hours in words: the directory's own, or the days and times if every week has them."""
    if "description" in schedule:
        return str(schedule["description"])
    days = [_DAYS[day] for day in schedule.get("byday", "").split(",") if day in _DAYS]
    if not days or schedule.get("freq", "WEEKLY") != "WEEKLY" or schedule.get("interval", 1) != 1:
        return None
    said = ", ".join(days)
    if "opens_at" in schedule and "closes_at" in schedule:
        said += f", {schedule['opens_at'][:5]} to {schedule['closes_at'][:5]}"
    elif "opens_at" in schedule:
        said += f", from {schedule['opens_at'][:5]}"
    return said


def _phones(document: Document, problems: Problems) -> list[models.Phone]:
    listed: list[tuple[Document, str | None]] = [(phone, None) for phone in document.get("phones", ())]
    listed += [
        (phone, contact.get("name") or contact.get("title"))
        for contact in document.get("contacts", ())
        for phone in contact.get("phones", ())
    ]
    for entry in document.get("service_at_locations", ()):
        listed += [(phone, None) for phone in entry.get("phones", ())]
    rows: dict[str, models.Phone] = {}
    for phone, whose in listed:
        kind = phone.get("type", "voice").casefold()
        if "number" not in phone or kind in _NOT_CALLED:
            continue
        number, extension = _readable(phone["number"])
        if number is None:
            problems.add(document["id"], "phones.number", "is no telephone number; it is not shown")
            continue
        rows.setdefault(
            number,
            models.Phone(
                position=len(rows),
                number=number,
                extension=phone.get("extension") or extension,
                type="text" if kind in _TEXT_PHONES else "voice",
                description=phone.get("description") or whose,
                confidence=PHONE_CONFIDENCE,
                freshness="check",
            ),
        )
    return list(rows.values())


def _readable(written: str) -> tuple[str | None, str | None]:
    """A number as it is read aloud, and its extension; None when there is no such number."""
    try:
        number = phonenumbers.parse(written, "GB")
    except phonenumbers.NumberParseException:
        return None, None
    if shortnumberinfo.is_valid_short_number_for_region(number, "GB"):
        return str(number.national_number), None
    if not phonenumbers.is_valid_number(number):
        return None, None
    british = number.country_code == 44
    form = (
        phonenumbers.PhoneNumberFormat.NATIONAL if british else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    extension = number.extension
    number.extension = None
    said = phonenumbers.format_number(number, form)
    return (said if len(said) <= 20 else None), (extension[:10] if extension else None)
