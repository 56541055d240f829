"""Messages as people write them, with what they were written for: what every training here learns from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

_FOLDER = Path(__file__).parents[2] / "data" / "nlu"
_STORIES_FILE = Path(__file__).parents[2] / "knowledge" / "training" / "stories.jsonl"
_CHATS_FILE = _STORIES_FILE.with_name("chats.jsonl")
_MARKED = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")


@dataclass(frozen=True)
class Story:
    """What somebody tells before and around a question."""

    #: The id of the record that answers the question.
    record: str
    text: str
    #: The danger that it tells of, or "distress", or "unsure"; None for most, which are harmless.
    tells: str | None = None


def stories(path: Path = _STORIES_FILE) -> list[Story]:
    """All of them; several a record."""
    return [Story(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Chat:
    """Two messages of one person: a question, and what carries it on."""

    #: The id of the record that answers the second.
    record: str
    before: str
    text: str
    #: As of a story.
    tells: str | None = None


def chats(path: Path = _CHATS_FILE) -> list[Chat]:
    """All of them; several a record."""
    return [Chat(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def messages(folder: Path = _FOLDER) -> Iterator[tuple[str, str]]:
    """The dialogue model's examples as (intent, text), without the marks of their entities."""
    for path in sorted(folder.glob("*.yml")):
        for entry in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in entry["examples"].splitlines() if "intent" in entry else ():
                if line.startswith("- "):
                    yield entry["intent"], _MARKED.sub(r"\1", line[2:].strip())
