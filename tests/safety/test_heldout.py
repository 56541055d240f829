"""The held-out set: floors that hold today and may only go up, and proof that nothing was learned from it."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.safety import SafetyCheck
from gateway.safety.check import LEARNED_FILE, learned_from
from gateway.safety.patterns import read_file
from gateway.safety.reader import Changes
from gateway.safety.similarity import EXAMPLES_FILE, ExampleFile, Learned
from tests.near_copies import near_copies

HELD_OUT = Path(__file__).parents[1] / "heldout" / "safety.jsonl"
#: Sets without a floor here: development sets, and one that nobody reads. No line of them is an example.
OTHERS = [
    HELD_OUT.with_name(f"safety_{name}.jsonl")
    for name in (
        *(f"dev{number}" for number in ("", 2, 3, 5, 6, 7, 8, 9)),
        "test2",
        "test3",
        "test4",
        "test5",
        "test6",
    )
]


def lines(path: Path = HELD_OUT) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_no_example_is_a_line_of_the_held_out_set_or_a_near_copy() -> None:
    held_out = [str(line["text"]) for path in (HELD_OUT, *OTHERS) for line in lines(path)]
    examples = [text for text, _ in read_file(EXAMPLES_FILE, ExampleFile).labelled()]
    assert not near_copies(examples, held_out)


def test_the_floors_hold(check: SafetyCheck) -> None:
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    false_alarms = 0
    for line in lines():
        label = str(line["label"])
        level = check.assess(str(line["text"])).level
        accepted = {label, *line.get("accept", [])}  # type: ignore[misc]
        total[label] += 1
        right[label] += level in accepted
        false_alarms += label == "safe" and level == "crisis"
    assert right["crisis"] / total["crisis"] >= 0.99
    assert right["distress"] / total["distress"] >= 0.94
    assert false_alarms / total["safe"] <= 0.05


def test_what_families_write_every_day_is_seldom_taken_for_danger(check: SafetyCheck) -> None:
    """Messages written to be understood, not to look like danger: a truer rate of false alarms."""
    everyday = [
        str(line["text"])
        for name in ("nlu_dev", "nlu_dev2", "nlu_test")
        for line in lines(HELD_OUT.with_name(f"{name}.jsonl"))
        if not any("crisis" in topic or topic == "medical_emergency" for topic in _topics(line))
    ]
    with ThreadPoolExecutor(2) as two:  # a minute's work for one
        alarms = sum(found.level == "crisis" for found in two.map(check.assess, everyday))
    assert len(everyday) > 900
    assert alarms / len(everyday) <= 0.03


def _topics(line: dict[str, object]) -> list[str]:
    return [str(line["topic"]), *line.get("also", [])]  # type: ignore[misc]


def test_what_was_learned_is_up_to_date() -> None:
    """Otherwise the gateway learns at each start; run ``python -m gateway.safety.learn``."""
    assert Learned.read(LEARNED_FILE, learned_from()) is not None


def test_the_reader_has_learned_the_examples_of_today() -> None:
    """Otherwise train it: ``python -m gateway.safety.training`` says how."""
    stored = Changes.read()
    assert stored is not None
    assert stored[1] == read_file(EXAMPLES_FILE, ExampleFile).digest()
