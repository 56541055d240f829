"""The codes with which a request for a person ends, from ``outcomes.yml``: the one place that names them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from conversations.errors import UnknownOutcome

_FILE = Path(__file__).with_name("outcomes.yml")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One code. ``resolved`` is None where it cannot be told whether the person got what they came for."""

    code: str
    title: str
    chosen_by_adviser: bool
    resolved: bool | None


@cache
def outcomes() -> dict[str, Outcome]:
    """Every outcome by its code, in the order of the file."""
    read = YAML(typ="safe").load(_FILE)
    return {
        code: Outcome(code, entry["title"], entry["chosen_by"] == "adviser", entry["resolved"])
        for code, entry in read.items()
    }


def offered() -> list[Outcome]:
    """What an adviser may choose when closing a chat."""
    return [outcome for outcome in outcomes().values() if outcome.chosen_by_adviser]


def checked(code: str) -> str:
    """``code`` itself. Raises ``UnknownOutcome``."""
    if code not in outcomes():
        raise UnknownOutcome(f"{code!r} is no outcome; there are: {', '.join(outcomes())}")
    return code
