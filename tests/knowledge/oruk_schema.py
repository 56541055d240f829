"""What Open Referral UK 3.0 asks of a service, as a JSON Schema of our own.

Made from the field lists of the UK profile (github.com/OpenReferralUK/uk-profile): which fields are required,
of which type, and which words a list of words allows. Its own files are CC BY-SA and are not copied here.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]

_UUID: Schema = {"type": "string", "format": "uuid"}
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_DATE: Schema = {"type": "string", "format": "date"}
_TIME: Schema = {"type": "string", "pattern": r"^\d\d:\d\d:\d\d$"}
_MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
_URI: Schema = {"type": "string", "pattern": r"^https?://[^\s]+$"}
_EMAIL: Schema = {"type": "string", "format": "email"}


def _words(*allowed: str) -> Schema:
    return {"type": "string", "enum": list(allowed)}


def _object(required: str = "", **fields: Schema) -> Schema:
    # What the profile does not name must at least be an ordinary value.
    return {
        "type": "object",
        "required": ["id", *required.split()],
        "properties": {"id": _UUID, **fields},
        "additionalProperties": {"type": ["string", "number", "array"]},
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 1}


TAXONOMY = _object("name description", name=_TEXT, description=_TEXT, uri=_URI, version=_TEXT)
TAXONOMY_TERM = _object(
    "name description",
    name=_TEXT,
    description=_TEXT,
    parent_id=_UUID,
    taxonomy=_TEXT,
    taxonomy_id=_UUID,
    term_uri=_URI,
)
_ATTRIBUTES = _list(_object(link_id=_UUID, link_type=_TEXT, taxonomy_term=TAXONOMY_TERM))
_LANGUAGE = _object()
_PHONES = _list(_object("number", number=_TEXT, description=_TEXT, languages=_list(_LANGUAGE)))
_SCHEDULE = _object(
    valid_from=_DATE,
    valid_to=_DATE,
    dtstart=_DATE,
    freq=_words("WEEKLY", "MONTHLY"),
    interval=_NUMBER,
    byday=_TEXT,
    bymonthday=_TEXT,
    description=_TEXT,
    opens_at=_TIME,
    closes_at=_TIME,
    schedule_link=_URI,
    attending_type=_TEXT,
    notes=_TEXT,
)
_ADDRESS = _object(
    "address_1 city state_province postal_code country address_type",
    address_1=_TEXT,
    city=_TEXT,
    state_province=_TEXT,
    postal_code=_TEXT,
    country=_TEXT,
    address_type=_words("physical", "postal", "virtual"),
    attributes=_ATTRIBUTES,
)
LOCATION = _object(
    "location_type",
    location_type=_words("physical", "postal", "virtual"),
    name=_TEXT,
    latitude={"type": "number", "minimum": -90, "maximum": 90},
    longitude={"type": "number", "minimum": -180, "maximum": 180},
    addresses=_list(_ADDRESS),
    accessibility=_list(_object(description=_TEXT, details=_TEXT, url=_URI)),
    attributes=_ATTRIBUTES,
)
ORGANIZATION = _object(
    "name description",
    name=_TEXT,
    description=_TEXT,
    email=_EMAIL,
    website=_URI,
    logo=_TEXT,
    uri=_URI,
    parent_organization_id=_UUID,
    organization_identifiers=_list(
        _object("identifier_type identifier", identifier_type=_TEXT, identifier=_TEXT)
    ),
    attributes=_ATTRIBUTES,
)
SERVICE_AT_LOCATION = _object(location=LOCATION)
SERVICE_AT_LOCATION["properties"]["service"] = {"type": "object", "required": ["id", "name", "status"]}
SERVICE = _object(
    "name status",
    name=_TEXT,
    description=_TEXT,
    url=_URI,
    email=_EMAIL,
    status=_words("active", "inactive", "defunct", "temporarily closed"),
    fees=_TEXT,
    accreditations=_TEXT,
    minimum_age=_NUMBER,
    maximum_age=_NUMBER,
    assured_date=_DATE,
    assurer_email=_EMAIL,
    alert=_TEXT,
    last_modified=_MOMENT,
    schedules=_list(_SCHEDULE),
    service_areas=_list(_object(name=_TEXT, extent=_TEXT, extent_type=_TEXT, uri=_TEXT)),
    service_at_locations=_list(SERVICE_AT_LOCATION),
    languages=_list(_LANGUAGE),
    organization=ORGANIZATION,
    funding=_list(_object(source=_TEXT)),
    cost_options=_list(
        _object(valid_from=_DATE, valid_to=_DATE, option=_TEXT, amount=_NUMBER, amount_description=_TEXT)
    ),
    contacts=_list(_object(name=_TEXT, title=_TEXT, phones=_PHONES, attributes=_ATTRIBUTES)),
    phones=_PHONES,
    attributes=_ATTRIBUTES,
)
#: The list's form: each thing once, and no lists.
SHORT_SERVICE = {
    **SERVICE,
    "properties": {
        name: field for name, field in SERVICE["properties"].items() if field.get("type") != "array"
    },
    "additionalProperties": {"type": ["string", "number"]},
}


def _page(of: Schema) -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    flag: Schema = {"type": "boolean"}
    fields = {
        "total_items": count,
        "total_pages": count,
        "page_number": count,
        "size": count,
        "first_page": flag,
        "last_page": flag,
        "empty": flag,
        "contents": {"type": "array", "items": of},
    }
    return {
        "type": "object",
        "required": list(fields),
        "properties": fields,
        "additionalProperties": False,
    }


def wrong_with(schema: Schema, data: Any) -> list[str]:
    """What of this is not as the standard has it, with its place."""
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(data)]


def wrong_with_page(of: Schema, data: Any) -> list[str]:
    """The same for a page."""
    return wrong_with(_page(of), data)
