"""The reader: what becomes of it when its file is not as it should be."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from encoder import SentenceEncoder
from gateway.safety import SafetyCheck
from gateway.safety import check as check_module
from gateway.safety.reader import READER_FILE, Changes, Reader

TEXTS = ["they have lost our forms again", "he has taken all of my tablets"]


def shipped() -> Changes:
    stored = Changes.read()
    assert stored is not None
    return stored[0]


def test_chances_of_all_labels_add_up_to_one_and_danger_is_told_from_trouble() -> None:
    reader = Reader(shipped())
    chances = reader.chances(TEXTS)
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert [reader.labels[n] for n in chances.argmax(axis=1)] == ["safe", "medical_emergency"]


def test_the_other_users_of_the_encoder_keep_its_own_weights() -> None:
    before = SentenceEncoder().encode(TEXTS)
    changed = SentenceEncoder(changes=shipped().encoder).encode(TEXTS)
    assert not np.allclose(before, changed, atol=0.05)
    assert np.array_equal(SentenceEncoder().encode(TEXTS), before)


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    changes = shipped()
    changes.save(tmp_path / "reader.npz", "from here")
    again = Changes.read(tmp_path / "reader.npz")
    assert again is not None
    assert again[1] == "from here"
    assert (again[0].labels, again[0].encoder) == (changes.labels, changes.encoder)
    assert np.array_equal(again[0].weights, changes.weights)


@pytest.mark.parametrize("damage", ["missing", "cut short", "not an archive"])
def test_without_a_good_file_the_check_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    file = tmp_path / "reader.npz"
    if damage == "cut short":
        file.write_bytes(READER_FILE.read_bytes()[:100_000])
    elif damage == "not an archive":
        file.write_text("x")
    monkeypatch.setattr(check_module, "READER_FILE", file)
    with caplog.at_level(logging.ERROR):
        check = SafetyCheck.load()
    assert [record.message for record in caplog.records] == [
        "reader.npz is missing or damaged: likeness works without it"
    ]
    assert check.assess(TEXTS[1]).level == "crisis"
    assert check.uses_examples
