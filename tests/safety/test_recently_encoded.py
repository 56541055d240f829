"""The memory of the safety check's encoders: nothing is encoded twice, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

import encoder.recent
from encoder.recent import RecentlyEncoded
from gateway.safety.check import SafetyCheck
from tests.knowledge.conftest import WordEncoder


class Counting(WordEncoder):
    """Notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        self.asked += sentences
        return super().encode(sentences)


def test_the_same_vectors_in_the_same_order_and_nothing_twice() -> None:
    counting = Counting()
    recent = RecentlyEncoded(counting)
    for texts in (["a cat", "a dog"], ["a dog", "a bird", "a cat", "a bird"], []):
        assert np.array_equal(recent.encode(texts), WordEncoder().encode(texts))
    assert counting.asked == ["a cat", "a dog", "a bird"]


def test_what_is_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder.recent, "_KEPT", 2)
    counting = Counting()
    recent = RecentlyEncoded(counting)
    for text in ("one", "two", "one", "three", "one", "two"):
        recent.encode([text])
    assert counting.asked == ["one", "two", "three", "two"]


def test_a_message_that_was_just_assessed_costs_no_encoding() -> None:
    counting = Counting()
    check = SafetyCheck.load(counting)
    first = check.assess("nobody came to the meeting about his plan on tuesday")
    asked = list(counting.asked)
    assert check.assess("nobody came to the meeting about his plan on tuesday") == first
    assert counting.asked == asked
