"""A wrong safety file is refused with its name and the field, and nothing is half-loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.safety import SafetyCheck, SafetyFileError
from gateway.safety.patterns import PATTERNS_FILE, Patterns, read_file
from gateway.safety.similarity import EXAMPLES_FILE, ExampleFile


def changed(tmp_path: Path, source: Path, old: str, new: str) -> Path:
    text = source.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / source.name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("danger: crisis_missing", "danger: crisis_lost", "patterns.yml: rules"),
        ("    past: safe", "    past: maybe", "past"),
        ("  - id: seizure", "  - id: unconscious", "used twice"),
        ("  - id: seizure", "  - name: seizure", "patterns.yml: rules"),
        (
            "(?:floppy|limp|lifeless)",
            "(?:floppy|limp|lifeless",
            "rules.unconscious.any: not a regular expression",
        ),
        ("<meds> (?:time", "<medz> (?:time", "<medz> is not among `words`"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(SafetyFileError, match=r"patterns\.yml") as error:
        Patterns.load(changed(tmp_path, PATTERNS_FILE, old, new))
    assert told in str(error.value)


def test_a_wrong_example_is_named(tmp_path: Path) -> None:
    path = changed(tmp_path, EXAMPLES_FILE, "  crisis_missing:", "  crisis_mising:")
    with pytest.raises(SafetyFileError, match=r"examples\.yml: crisis\.crisis_mising"):
        SafetyCheck.load(examples_file=path)


def test_broken_yaml_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    broken = tmp_path / "patterns.yml"
    broken.write_text("words: [", encoding="utf-8")
    with pytest.raises(SafetyFileError, match="not valid YAML"):
        Patterns.load(broken)
    with pytest.raises(SafetyFileError, match="can not be read"):
        Patterns.load(tmp_path / "absent.yml")


def test_no_placeholder_is_left_in_a_rule() -> None:
    """A word list that was not put in would make its rule deaf without any error."""
    patterns = Patterns.load()
    for compiled in patterns._rules:
        for expression in (compiled.find, compiled.with_, compiled.unless):
            assert expression is None or "<" not in expression.pattern.replace("(?<", "")


def test_there_are_enough_examples_of_every_kind() -> None:
    examples = read_file(EXAMPLES_FILE, ExampleFile)
    assert len(examples.crisis) == 5
    assert all(len(texts) >= 40 for texts in examples.crisis.values())
    assert len(examples.distress) >= 120
    assert len(examples.safe) >= 250


def test_no_example_is_given_twice() -> None:
    texts = [text.lower() for text, _ in read_file(EXAMPLES_FILE, ExampleFile).labelled()]
    assert len(texts) == len(set(texts)), {text for text in texts if texts.count(text) > 1}
