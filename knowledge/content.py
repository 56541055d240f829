"""Reading the content files: every problem is told with its file, line and field.

``read_content`` gives either all records of a folder or a ``ContentError`` that lists every problem found,
so that an editor mends them in one go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from knowledge.content_schema import (
    AreaDescription,
    ContentFile,
    CrisisContact,
    CrisisReply,
    Danger,
    Entitlement,
    GlossaryTerm,
    Guidance,
    Letter,
    Organization,
    Pathway,
    Record,
    Service,
    Source,
    Topic,
    Wait,
)

#: The content that ships with the helpline.
SHIPPED = Path(__file__).parent / "content"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a content file."""

    file: str
    line: int  # 1 is the first
    field: str  # "services.3.phones.0.number"
    message: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, {self.field}: {self.message}"


class ContentError(ValueError):
    """The content cannot be used; ``problems`` says all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass
class Content:
    """All records of a folder of content files."""

    topics: list[Topic] = field(default_factory=list)
    areas: list[AreaDescription] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    organizations: list[Organization] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    pathways: list[Pathway] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    entitlements: list[Entitlement] = field(default_factory=list)
    guidance: list[Guidance] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    glossary: list[GlossaryTerm] = field(default_factory=list)
    crisis_contacts: list[CrisisContact] = field(default_factory=list)
    crisis_replies: list[CrisisReply] = field(default_factory=list)

    def records(self) -> Iterator[Record]:
        """Every answerable record."""
        for kind in RECORD_KINDS:
            yield from getattr(self, kind)


RECORD_KINDS = (
    "services",
    "pathways",
    "waits",
    "entitlements",
    "guidance",
    "letters",
    "glossary",
    "crisis_contacts",
    "crisis_replies",
)


def read_content(folder: Path = SHIPPED) -> Content:
    """Read every ``*.yml`` of a folder.

    Raises:
        ContentError: a file cannot be read, has a wrong field, or refers to what does not exist.
    """
    content = Content()
    problems: list[Problem] = []
    places: dict[tuple[str, str], Place] = {}
    for path in sorted(folder.glob("*.yml")):
        file = _read_file(path, problems)
        if file is None:
            continue
        for kind in ContentFile.model_fields:
            for index, record in enumerate(getattr(file, kind)):
                place = Place(path, (kind, index))
                key = record.name if kind == "topics" else record.id
                space = kind if kind in ("topics", "areas", "sources", "organizations") else "record"
                if (space, key) in places:
                    problems.append(place.problem("id", f"{key!r} is already used in {places[space, key]}"))
                    continue
                places[space, key] = place
                getattr(content, kind).append(record)
    if not places:
        problems.append(Problem(str(folder), 1, "", "no content files (*.yml) here"))
    # References are checked only among records that are whole: a broken file would name hundreds.
    if not problems:
        problems.extend(_broken_references(content, places))
    if problems:
        raise ContentError(problems)
    return content


@dataclass(frozen=True)
class Place:
    """Where a record stands."""

    path: Path
    keys: tuple[str | int, ...]

    def __str__(self) -> str:
        return f"{self.path.name}, line {_line(self.path, self.keys)}"

    def problem(self, field_name: str, message: str) -> Problem:
        """Something wrong with one field of this record."""
        keys = (*self.keys, *(int(part) if part.isdigit() else part for part in field_name.split(".")))
        return Problem(self.path.name, _line(self.path, keys), ".".join(map(str, keys)), message)


class _DatesAsText(SafeConstructor):
    """Leaves dates as they are written: the schema judges them, and names the field of a wrong one."""


_DatesAsText.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def _read_file(path: Path, problems: list[Problem]) -> ContentFile | None:
    yaml = YAML(typ="safe")
    yaml.Constructor = _DatesAsText
    try:
        text = path.read_text(encoding="utf-8")
        return ContentFile.model_validate(yaml.load(text) or {})
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.append(Problem(path.name, line, "", f"not readable as YAML: {error.problem}"))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.append(Problem(path.name, line, "", f"not readable as YAML: {error.reason}"))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(path.name, 1, "", f"not readable: {error}"))
    except ValidationError as error:
        for detail in error.errors():
            keys = detail["loc"]
            problems.append(Problem(path.name, _line(path, keys), ".".join(map(str, keys)), detail["msg"]))
    return None


@lru_cache(maxsize=32)
def _with_lines(path: Path, changed_ns: int) -> Any:
    # Only composed, not built: building is slow, and stops at a value that is wrong.
    return YAML(typ="safe", pure=True).compose(path.read_text(encoding="utf-8"))


def _line(path: Path, keys: tuple[str | int, ...]) -> int:
    """The line of the deepest of ``keys`` that exists in the file, counted from 1."""
    node: Node | None = _with_lines(path, path.stat().st_mtime_ns)
    line = 1
    for part in keys:
        if isinstance(node, MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value if isinstance(key, ScalarNode)}
            if part not in pairs:
                break
            key, node = pairs[part]
            line = key.start_mark.line + 1
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _broken_references(content: Content, places: dict[tuple[str, str], Place]) -> Iterator[Problem]:
    sources = {source.id for source in content.sources}
    organizations = {organization.id for organization in content.organizations}
    services = {service.id for service in content.services}
    pathways = {pathway.id for pathway in content.pathways}
    topics = {topic.name for topic in content.topics}
    known = {record.id for record in content.records()}

    def missing(
        space: str, key: str, field_name: str, value: str, among: set[str], what: str
    ) -> Iterator[Problem]:
        if value not in among:
            yield places[space, key].problem(field_name, f"there is no {what} {value!r}")

    for organization in content.organizations:
        for index, citation in enumerate(organization.sources):
            yield from missing(
                "organizations",
                organization.id,
                f"sources.{index}.source",
                citation.source,
                sources,
                "source",
            )
    for area in content.areas:
        for name in ("local_offer", "advice_service"):
            if value := getattr(area, name):
                yield from missing("areas", area.id, name, value, services, "service")
    for record in content.records():
        for index, citation in enumerate(record.sources):
            yield from missing(
                "record", record.id, f"sources.{index}.source", citation.source, sources, "source"
            )
        for index, topic in enumerate(record.topics):
            yield from missing("record", record.id, f"topics.{index}", topic, topics, "topic")
    for service in content.services:
        yield from missing(
            "record", service.id, "organization", service.organization, organizations, "organization"
        )
    for pathway in content.pathways:
        for index, value in enumerate(pathway.assessed_by):
            yield from missing("record", pathway.id, f"assessed_by.{index}", value, services, "service")
        for index, value in enumerate(pathway.check_with):
            yield from missing("record", pathway.id, f"check_with.{index}", value, known, "record")
    for wait in content.waits:
        if wait.pathway:
            yield from missing("record", wait.id, "pathway", wait.pathway, pathways, "pathway")
    for guidance in content.guidance:
        for index, value in enumerate(guidance.services):
            yield from missing("record", guidance.id, f"services.{index}", value, services, "service")
        for index, value in enumerate(guidance.general_for):
            yield from missing("record", guidance.id, f"general_for.{index}", value, topics, "topic")
    entitlements = {entitlement.id for entitlement in content.entitlements}
    limits = {rule.id for entitlement in content.entitlements for rule in entitlement.deadlines}
    for letter in content.letters:
        for index, voice in enumerate(letter.voices):
            if voice.entitlement:
                field_name = f"voices.{index}.entitlement"
                yield from missing(
                    "record", letter.id, field_name, voice.entitlement, entitlements, "entitlement"
                )
        for index, value in enumerate(letter.limits):
            yield from missing("record", letter.id, f"limits.{index}", value, limits, "deadline rule")
    yield from _twice(content, places)
    yield from _missing_crisis_replies(content, places)


def _twice(content: Content, places: dict[tuple[str, str], Place]) -> Iterator[Problem]:
    """Two general answers to the same thing, two deadline rules of one name, two replies to one danger."""
    general: dict[tuple[str, str, str], str] = {}
    for guidance in content.guidance:
        for topic in guidance.general_for:
            for area in guidance.areas:
                first = general.setdefault((topic, area, guidance.audience), guidance.id)
                if first != guidance.id:
                    message = (
                        f"{first!r} is already the general answer to {topic} for {area}, {guidance.audience}"
                    )
                    yield places["record", guidance.id].problem("general_for", message)
    deadlines: dict[str, str] = {}
    for entitlement in content.entitlements:
        for index, deadline in enumerate(entitlement.deadlines):
            first = deadlines.setdefault(deadline.id, entitlement.id)
            if first != entitlement.id:
                yield places["record", entitlement.id].problem(
                    f"deadlines.{index}.id", f"{deadline.id!r} is already used in {first!r}"
                )
    dangers: dict[str, str] = {}
    for reply in content.crisis_replies:
        first = dangers.setdefault(reply.danger, reply.id)
        if first != reply.id:
            yield places["record", reply.id].problem(
                "danger", f"{first!r} is already the reply to {reply.danger}"
            )


def _missing_crisis_replies(content: Content, places: dict[tuple[str, str], Place]) -> Iterator[Problem]:
    if not content.crisis_replies and not content.crisis_contacts:
        return  # a council's own additions need not repeat them
    found = {reply.danger for reply in content.crisis_replies}
    for danger in Danger:
        if danger not in found:
            place = next(iter(places.values()))
            yield Problem(place.path.name, 1, "crisis_replies", f"there is no crisis reply for {danger}")
