"""The dialogue model's examples: messages as people write them, with what they were written for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

_FOLDER = Path(__file__).parents[2] / "data" / "nlu"
_MARKED = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")


def messages(folder: Path = _FOLDER) -> Iterator[tuple[str, str]]:
    """Each as (intent, text), without the marks of its entities."""
    for path in sorted(folder.glob("*.yml")):
        for entry in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in entry["examples"].splitlines() if "intent" in entry else ():
                if line.startswith("- "):
                    yield entry["intent"], _MARKED.sub(r"\1", line[2:].strip())
