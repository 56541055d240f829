"""Which question is offered beside a crisis reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.aside import question_beside


@dataclass(frozen=True)
class Found:
    """What a check found."""

    level: str = "safe"
    danger: str | None = None
    reason: str = "a test"
    score: float = 0.0


def check(danger: str, score: float, word: str = "danger") -> Callable[[str], Found]:
    """A check that sees one danger, so surely, wherever a word stands."""
    return lambda text: Found("crisis", danger, score=score) if word in text else Found()


ASKED = "will my mum see the danger i type here?"


def test_the_question_in_another_sentence_is_offered_without_the_danger() -> None:
    text = "There is danger at home. How do I get a short break?"
    assert question_beside(text, check("crisis_violence_danger", 1.0)) == "How do I get a short break?"


@pytest.mark.parametrize("danger", ["crisis_missing", "crisis_abuse_safeguarding", "crisis_violence_danger"])
def test_a_question_that_only_resembles_danger_is_offered_whole(danger: str) -> None:
    assert question_beside(ASKED, check(danger, 0.9)) == ASKED


@pytest.mark.parametrize(
    ("danger", "score"),
    [
        ("crisis_abuse_safeguarding", 1.0),  # a rule is certain
        ("crisis_self_harm_suicide", 0.9),  # the question may be the plan
        ("medical_emergency", 0.9),
    ],
)
def test_no_answer_is_offered_to_what_is_or_may_be_the_danger_itself(danger: str, score: float) -> None:
    assert question_beside(ASKED, check(danger, score)) is None


def test_what_asks_nothing_gets_no_offer() -> None:
    assert question_beside("the danger is here", check("crisis_missing", 0.9)) is None
