"""The shape of the project: which room imports which, names that must agree, and facts kept out of code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

import conversations.database
import knowledge.database
from helpline.settings import ROOT
from knowledge.content import read_content
from tests.knowledge.conftest import plain_encoder

_ROOMS = ("encoder", "bot", "actions", "knowledge", "conversations", "gateway", "desk", "helpline")


def test_no_room_imports_what_its_arrows_forbid() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--config", "pyproject.toml"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_both_stores_give_a_postgresql_up_after_the_same_time() -> None:
    ours, theirs = (
        {name: str(value) for name, value in module._POSTGRES_GIVES_UP.items()}
        for module in (conversations.database, knowledge.database)
    )
    assert ours == theirs


def test_every_topic_is_an_intent_with_at_least_25_examples() -> None:
    counts = {intent: len(examples) for intent, examples in _training_examples().items()}
    topics = {topic.name for topic in read_content().topics}
    domain = YAML(typ="safe").load((ROOT / "domain.yml").read_text())
    intents = {next(iter(entry)) for entry in domain["intents"]}
    assert topics <= intents
    assert {topic: counts.get(topic, 0) for topic in topics if counts.get(topic, 0) < 25} == {}


def test_every_area_that_a_place_stands_for_is_an_area_of_the_store() -> None:
    areas = {area.id.value for area in read_content().areas} | {"elsewhere"}
    text = (ROOT / "data" / "nlu" / "entities.yml").read_text()
    synonyms = {block["synonym"] for block in YAML(typ="safe").load(text)["nlu"] if "synonym" in block}
    stands_for = {area for synonym in synonyms for area in synonym.split(" or ")}
    assert stands_for - areas == {"child", "adult"}


def test_no_telephone_number_is_typed_into_code() -> None:
    # 999 in "9990" or ports are no telephone numbers; what a person could ring is.
    number = re.compile(r"\b0\d{3,4} ?\d{3} ?\d{3,4}\b|\b116 ?\d{3}\b|\b0800 ?\d{3,4}\b|\b85258\b")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for room in _ROOMS
        for pattern in ("*.py", "*.js", "*.ts", "*.html", "patterns.yml")
        for path in (ROOT / room).rglob(pattern)
        if ".venv" not in path.parts
        for match in [number.search(path.read_text(encoding="utf-8"))]
        if match
    ]
    assert found == []


@pytest.mark.parametrize("name", ["nlu_dev.jsonl", "nlu_test.jsonl", "nlu_dev2.jsonl", "nlu_test2.jsonl"])
def test_no_held_out_message_is_a_training_example_or_nearly_one(name: str) -> None:
    training = [text for examples in _training_examples().values() for text in examples]
    lines = (ROOT / "tests" / "heldout" / name).read_text().splitlines()
    held_out = [json.loads(line)["text"] for line in lines]
    encoder = plain_encoder()
    likeness = encoder.encode(held_out) @ encoder.encode(training).T
    near = np.argwhere(likeness >= 0.97)
    # Two or three words ("hello", "thank you") leave little room for difference.
    shared = [(held_out[row], training[column]) for row, column in near if len(held_out[row].split()) > 3]
    assert shared == []


def test_no_held_out_question_is_a_wording_of_a_record_or_nearly_one() -> None:
    records = (*read_content().guidance, *read_content().services, *read_content().entitlements)
    wordings = [wording for record in records for wording in record.also_asked]
    lines = (ROOT / "tests" / "heldout" / "search.jsonl").read_text().splitlines()
    held_out = [json.loads(line)["text"] for line in lines]
    encoder = plain_encoder()
    likeness = encoder.encode(held_out) @ encoder.encode(wordings).T
    near = np.argwhere(likeness >= 0.97)
    shared = [(held_out[row], wordings[column]) for row, column in near if len(held_out[row].split()) > 3]
    assert shared == []


def _training_examples() -> dict[str, list[str]]:
    """Intent -> its examples, entity marks removed."""
    examples: dict[str, list[str]] = {}
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for block in YAML(typ="safe").load(path.read_text())["nlu"]:
            if "intent" in block:
                lines = re.findall(r"^- (.+)$", block["examples"], re.MULTILINE)
                plain = [re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", line) for line in lines]
                examples.setdefault(block["intent"], []).extend(plain)
    return examples
