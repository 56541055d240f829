"""The examples of data/nlu: apart from every held-out set, and enough of each intent."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from ruamel.yaml import YAML

from helpline.settings import ROOT
from tests.near_copies import near_copies

_MARKED = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")


def examples() -> list[tuple[str, str]]:
    """All training examples as (intent, text), entity marks taken off."""
    found = []
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for entry in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["nlu"]:
            if "intent" in entry:
                lines = [line[2:].strip() for line in entry["examples"].splitlines() if line.startswith("- ")]
                found += [(entry["intent"], _MARKED.sub(r"\1", line)) for line in lines]
    return found


def test_no_example_is_a_line_of_a_held_out_set_or_a_near_copy() -> None:
    held_out = [
        json.loads(line)["text"]
        for path in sorted((ROOT / "tests" / "heldout").glob("nlu_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(held_out) > 1500
    assert not near_copies([text for _, text in examples()], held_out)


@pytest.mark.parametrize(("intent", "count"), sorted(Counter(intent for intent, _ in examples()).items()))
def test_every_intent_has_60_to_120_examples(intent: str, count: int) -> None:
    # Out of scope is everything else there is; 120 lines cannot show that.
    assert 60 <= count <= (300 if intent == "out_of_scope" else 120)


def test_no_text_is_an_example_of_two_intents() -> None:
    intents: dict[str, set[str]] = {}
    for intent, text in examples():
        intents.setdefault(text.lower(), set()).add(intent)
    assert not {text: names for text, names in intents.items() if len(names) > 1}
