"""What Open Referral UK 3.0 holds, and how a service of a directory is cleaned into it.

Fields are those of the UK profile (github.com/OpenReferralUK/uk-profile, ``schema/``). Those marked "base"
are of the international standard (HSDS 3.0) and are read and written too, since many directories have them.
Anything else a directory sends is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid5

from knowledge.oruk.errors import Refused
from knowledge.oruk.ids import NAMESPACE
from knowledge.oruk.report import Problems
from knowledge.oruk.values import (
    Value,
    clock,
    day,
    email,
    moment,
    number,
    one_of,
    text,
    url,
    uuid,
    weekdays,
)

type Document = dict[str, Any]

#: The most entries that one list of a record may hold.
MOST_ENTRIES = 200

_NAME = text(500)
_TEXT = text()
_AGE = number(0, 150)


@dataclass(frozen=True)
class Shape:
    """One kind of object: its values, the objects and lists inside it, and old names for them."""

    name: str
    values: Mapping[str, Value]
    one: Mapping[str, Shape] = field(default_factory=dict)
    many: Mapping[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()  # beside the id
    # Where other versions of the standard have it. Read only if the field itself is missing.
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


TAXONOMY_TERM = Shape(
    "taxonomy_term",
    {
        "name": _NAME,
        "description": _TEXT,
        "parent_id": uuid,
        "taxonomy": _NAME,
        "taxonomy_id": uuid,
        "term_uri": url,
        "term": _NAME,
        "code": text(100),  # base
    },
    required=("name", "description"),
)
ATTRIBUTE = Shape(
    "attribute",
    {"link_id": uuid, "link_type": text(60), "taxonomy_term_id": uuid, "value": _NAME, "label": _NAME},
    one={"taxonomy_term": TAXONOMY_TERM},
    also={"link_type": ("link_entity",)},
)
LANGUAGE = Shape("language", {"name": _NAME, "code": text(10), "note": _TEXT}, also={"name": ("language",)})
PHONE = Shape(
    "phone",
    {
        "number": text(60),
        "extension": text(10),  # base
        "type": text(20),  # base
        "description": _TEXT,
    },
    many={"languages": LANGUAGE},
    required=("number",),
)
CONTACT = Shape(
    "contact",
    {"name": _NAME, "title": _NAME, "department": _NAME, "email": email},
    many={"phones": PHONE, "attributes": ATTRIBUTE},
)
SCHEDULE = Shape(
    "schedule",
    {
        "valid_from": day,
        "valid_to": day,
        "dtstart": day,
        "until": day,  # base
        "count": number(0, 10_000),  # base
        "freq": one_of("WEEKLY", "MONTHLY"),
        "interval": number(0, 1000),
        "byday": weekdays,
        "bymonthday": text(100),
        "description": _TEXT,
        "opens_at": clock,
        "closes_at": clock,
        "schedule_link": url,
        "attending_type": _NAME,
        "notes": _TEXT,
    },
    also={"opens_at": ("opensAt",), "closes_at": ("closesAt",)},
)
ADDRESS = Shape(
    "address",
    {
        "attention": _NAME,
        "address_1": _NAME,
        "address_2": _NAME,  # base
        "city": _NAME,
        "region": _NAME,
        "state_province": _NAME,
        "postal_code": text(20),
        "country": text(60),
        "address_type": one_of("physical", "postal", "virtual"),
    },
    many={"attributes": ATTRIBUTE},
    required=("address_1", "city", "state_province", "postal_code", "country", "address_type"),
)
ACCESSIBILITY = Shape(
    "accessibility",
    {"description": _TEXT, "details": _TEXT, "url": url, "accessibility": _TEXT},
    many={"attributes": ATTRIBUTE},
)
LOCATION = Shape(
    "location",
    {
        "location_type": one_of("physical", "postal", "virtual"),
        "name": _NAME,
        "alternate_name": _NAME,  # base
        "description": _TEXT,
        "transportation": _TEXT,  # base
        "url": url,  # base
        "latitude": number(-90, 90),
        "longitude": number(-180, 180),
        "external_identifier": text(100),
        "external_identifier_type": text(100),
    },
    many={"addresses": ADDRESS, "accessibility": ACCESSIBILITY, "phones": PHONE, "attributes": ATTRIBUTE},
    required=("location_type",),
    also={
        "addresses": ("physical_addresses", "physical_address"),
        "accessibility": ("accessibility_for_disabilities",),
    },
)
SERVICE_AT_LOCATION = Shape(
    "service_at_location",
    {"description": _TEXT},
    one={"location": LOCATION},
    many={"schedules": SCHEDULE, "contacts": CONTACT, "phones": PHONE},
)
SERVICE_AREA = Shape(
    "service_area",
    {"name": _TEXT, "extent": _TEXT, "extent_type": text(60), "uri": _NAME, "service_area": _TEXT},
)
IDENTIFIER = Shape(
    "organization_identifier",
    {"identifier_scheme": _NAME, "identifier_type": _NAME, "identifier": _NAME},
    required=("identifier_type", "identifier"),
)
ORGANIZATION = Shape(
    "organization",
    {
        "name": _NAME,
        "alternate_name": _NAME,  # base
        "description": _TEXT,
        "email": email,
        "website": url,
        "logo": url,
        "uri": url,
        "parent_organization_id": uuid,
    },
    many={"organization_identifiers": IDENTIFIER, "phones": PHONE, "attributes": ATTRIBUTE},
    required=("name", "description"),
    also={"website": ("url",)},
)
COST_OPTION = Shape(
    "cost_option",
    {
        "valid_from": day,
        "valid_to": day,
        "option": _NAME,
        "currency": text(3),  # base
        "amount": number(0, 10_000_000),
        "amount_description": _TEXT,
    },
)
FUNDING = Shape("funding", {"source": _TEXT})
SERVICE = Shape(
    "service",
    {
        "name": _NAME,
        "alternate_name": _NAME,  # base
        "description": _TEXT,
        "url": url,
        "email": email,
        "status": one_of("active", "inactive", "defunct", "temporarily closed"),
        "application_process": _TEXT,  # base
        "eligibility_description": _TEXT,  # base
        "interpretation_services": _TEXT,  # base
        "wait_time": _TEXT,  # base
        "fees": _TEXT,
        "fees_description": _TEXT,  # base
        "accreditations": _TEXT,
        "licenses": _TEXT,  # base
        "minimum_age": _AGE,
        "maximum_age": _AGE,
        "assured_date": day,
        "assurer_email": email,
        "alert": _TEXT,
        "last_modified": moment,
    },
    one={"organization": ORGANIZATION},
    many={
        "schedules": SCHEDULE,
        "service_areas": SERVICE_AREA,
        "service_at_locations": SERVICE_AT_LOCATION,
        "languages": LANGUAGE,
        "funding": FUNDING,
        "cost_options": COST_OPTION,
        "contacts": CONTACT,
        "phones": PHONE,  # base
        "attributes": ATTRIBUTE,
    },
    required=("name", "status"),
    also={"status": ("service_status",), "attributes": ("service_attributes",), "url": ("website",)},
)

#: Fields that only version 1 has (uk-profile, docs/changelog.md).
VERSION_1 = frozenset(
    {
        "eligibilitys",
        "regular_schedules",
        "regularSchedules",
        "holiday_schedules",
        "holidaySchedules",
        "service_taxonomys",
        "serviceTaxonomys",
        "deliverable_type",
        "fundings",
    }
)

_VERSION_1_REFUSED = (
    "this is a version 1 directory of Open Referral UK: it has {found}, which version 3.0 has not. "
    "Ask its supplier for the address of the version 3.0 API"
)


def refuse_version_1(raw: Mapping[str, Any]) -> None:
    """Raises ``Refused``, naming the fields, when an object is of version 1."""
    found = sorted(VERSION_1 & raw.keys())
    if found:
        raise Refused(_VERSION_1_REFUSED.format(found=", ".join(f"'{name}'" for name in found)))
    if "totalElements" in raw and "content" in raw:
        raise Refused(_VERSION_1_REFUSED.format(found="pages with 'totalElements' and 'content'"))


def identify(raw: Any, feed: str, problems: Problems) -> str | None:
    """The UUID of a service as a directory lists it; None, with the reason noted, when it is no service.

    Raises:
        Refused: it is of version 1.
    """
    if not isinstance(raw, dict):
        problems.add("(unknown)", "service", "must be an object")
        return None
    refuse_version_1(raw)
    own_id = raw.get("id")
    if not isinstance(own_id, str | int) or isinstance(own_id, bool) or own_id == "":
        problems.add("(unknown)", "id", "is missing")
        return None
    name = raw.get("name")
    if not isinstance(name, str | int) or not _NAME(str(name)):
        problems.add(str(own_id), "name", "is missing")
        return None
    try:
        return str(uuid(own_id))
    except ValueError:
        return own_uuid(SERVICE, own_id, feed)


def own_uuid(shape: Shape, value: str | int, feed: str) -> str:
    """What stands for an id that is no UUID: always the same in the same directory."""
    return str(uuid5(NAMESPACE, f"{feed}/{shape.name}/{str(value)[:200]}"))


def clean_service(raw: Any, feed: str, problems: Problems) -> Document | None:
    """A service as the standard has it; what is wrong is left out and noted, the rest is kept.

    Args:
        raw: what the directory sent, any JSON.
        feed: id of the directory: an id that is no UUID gets one of its own from it.
        problems: takes what was wrong.

    Returns:
        The document, with UUIDs and without empty fields. None when it is no service at all: no object,
        no id or no name. Cleaning a clean document changes nothing.

    Raises:
        Refused: it is of version 1.
    """
    if identify(raw, feed, problems) is None:
        return None
    cleaner = _Cleaner(feed, str(raw["id"]), problems)
    service = cleaner.clean(SERVICE, raw, "", "service")
    if "status" not in service:
        # Missing: it is listed, so it is taken to run. A word nobody knows: rather not shown.
        service["status"] = "active" if raw.get("status") in (None, "") else "inactive"
    if service.get("minimum_age", 0) > service.get("maximum_age", 150):
        problems.add(cleaner.record, "minimum_age", "is greater than maximum_age; both are left out")
        del service["minimum_age"], service["maximum_age"]
    return service


class _Cleaner:
    def __init__(self, feed: str, record: str, problems: Problems) -> None:
        self.feed = feed
        self.record = record
        self._problems = problems

    def clean(self, shape: Shape, raw: dict[str, Any], path: str, place: str) -> Document:
        """``place`` names the object among all of the record, for an id where there is none."""
        found: Document = {"id": self._id(shape, raw, path, place)}
        for name, read in shape.values.items():
            value = self._named(shape, raw, name)
            if value is None or value == "":
                # An empty text where the standard requires one is a way to say that it is not known.
                needed = value is None or name in ("name", "number")
                if needed and name in shape.required and name != "description":
                    self._note(path, name, "is missing")
                continue
            try:
                kept = read(value)
            except ValueError as error:
                self._note(path, name, str(error))
                continue
            if kept != "":
                found[name] = kept
        for name, inner in shape.one.items():
            value = self._named(shape, raw, name)
            if isinstance(value, dict):
                found[name] = self.clean(inner, value, f"{path}{name}.", f"{place}/{name}")
            elif value not in (None, "", []):
                self._note(path, name, "must be an object")
        for name, inner in shape.many.items():
            entries = self._entries(inner, self._named(shape, raw, name), path, name, place)
            if entries:
                found[name] = entries
        return found

    def _entries(self, shape: Shape, value: Any, path: str, name: str, place: str) -> list[Document]:
        if value is None or value == "":
            return []
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, list):
            self._note(path, name, "must be a list")
            return []
        if len(value) > MOST_ENTRIES:
            self._note(path, name, f"has more than {MOST_ENTRIES} entries; the others are left out")
        entries: dict[str, Document] = {}
        for position, raw in enumerate(value[:MOST_ENTRIES]):
            if not isinstance(raw, dict):
                self._note(path, name, "holds something that is no object")
                continue
            entry = self.clean(shape, raw, f"{path}{name}.", f"{place}/{name}/{position}")
            if entry["id"] in entries:
                self._note(path, name, "holds the same id twice; the second is left out")
                continue
            entries[entry["id"]] = entry
        return list(entries.values())

    def _named(self, shape: Shape, raw: dict[str, Any], name: str) -> Any:
        value = raw.get(name)
        for old in shape.also.get(name, ()):
            if value in (None, "", []):
                value = raw.get(old)
        return value

    def _id(self, shape: Shape, raw: dict[str, Any], path: str, place: str) -> str:
        value = raw.get("id")
        if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
            self._note(path, "id", "is missing")
            return str(uuid5(NAMESPACE, f"{self.feed}/{self.record[:200]}/{place}"))
        try:
            return str(uuid(value))
        except ValueError as error:
            self._note(path, "id", str(error))
            return own_uuid(shape, value, self.feed)

    def _note(self, path: str, name: str, problem: str) -> None:
        self._problems.add(self.record, f"{path}{name}", problem)


def complete(shape: Shape, document: Document) -> Document:
    """The document with every field that the standard requires: what nobody told is an empty text."""
    whole = dict(document)
    for name in shape.required:
        whole.setdefault(name, "")
    for name, inner in shape.one.items():
        if name in whole:
            whole[name] = complete(inner, whole[name])
    for name, inner in shape.many.items():
        if name in whole:
            whole[name] = [complete(inner, entry) for entry in whole[name]]
    return whole
