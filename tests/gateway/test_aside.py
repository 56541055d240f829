"""The question beside a mention of danger: which part of a message it is."""

from __future__ import annotations

import pytest

from gateway.aside import NEARLY_SURE, is_answered_at_once, question_beside
from tests.gateway.conftest import FakeAssessment

#: Nothing is asked in so many words, and yet an answer is hoped for.
STORY = (
    "He flaps when he is thinking. On Tuesday the new maths teacher bellowed at him in front of everybody to"
    " put his hands down. He has not flapped since, not even at his trains, and I met the head at the gate."
)


def assess(text: str) -> FakeAssessment:
    """Danger and distress are told by their words here."""
    if "danger" in text:
        return FakeAssessment("crisis", "crisis_self_harm_suicide")
    return FakeAssessment("distress" if "sink" in text else "safe")


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("He is in danger. How long is the wait in Derby?", "How long is the wait in Derby?"),
        # Asked in distress it is a question all the same.
        (
            "He is in danger. Is there anything left, or do I just sink?",
            "Is there anything left, or do I just sink?",
        ),
        (
            "He is in danger. I just need to understand what comes next",
            "I just need to understand what comes next",
        ),
        ("He is in danger. My wife went white.", None),
        ("How do I tell them of the danger?", None),
        ("Is he in danger? Is there danger tonight too?", None),
    ],
)
def test_what_is_asked_besides(message: str, question: str | None) -> None:
    assert question_beside(message, assess) == question


@pytest.mark.parametrize(
    ("message", "asks"),
    [
        ("my lad is 8 and i dont no what to do anymore how much longer is it gona be", True),
        ("He screams in the supermarket, people stare. Any tips?", True),
        ("whats dla how do i fill it in my hands full with twins", True),
        ("i dont no what to do anymore", False),
        (STORY, True),
        ("He hasn't flapped since, not even at his trains.", False),
    ],
)
def test_where_danger_is_not_certain_the_whole_message_may_be_the_question(message: str, asks: bool) -> None:
    def likely(_text: str) -> FakeAssessment:
        return FakeAssessment("crisis", "crisis_self_harm_suicide", score=0.6)

    assert question_beside(message, likely) == (message if asks else None)


@pytest.mark.parametrize(
    "question",
    [
        "my lad is 8 and i dont no what to do anymore how much longer is it gona be",
        "He screams in the supermarket, people stare. Any tips?",
        "whats dla how do i fill it in my hands full with twins",
        "What do I do about transport?",
        "What should I do with his EHCP letter, is there a deadline?",
        "who can I talk to about respite",
        STORY,
    ],
)
def test_an_everyday_question_is_answered_at_once_unless_danger_is_nearly_sure(question: str) -> None:
    assert is_answered_at_once(question, 0.5)
    assert not is_answered_at_once(question, NEARLY_SURE)


@pytest.mark.parametrize(
    "question",
    [
        "what do i do",
        f"{STORY} What do I do now?",
        f"{STORY} Please tell me what to do.",
        f"{STORY} I need someone to talk to tonight.",
        f"{STORY} i dont know what to do",
        f"{STORY} please help",
        "She has gone very quiet. What should I do now?",
        "how do i stop him",
        "is he safe?",
        "can someone please help me?",
        "who do i ring",
        "Who can I tell about this?",
        "is that normal?",
    ],
)
def test_a_call_for_rescue_is_no_everyday_question(question: str) -> None:
    assert not is_answered_at_once(question, 0.5)
