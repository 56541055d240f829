"""The question beside a mention of danger: it is answered after the crisis reply, at one press or at once.

Where no rule fired but likeness alone, which a worried question may cause, the whole message is the question.
If likeness is not even nearly sure, and what is asked is an everyday thing, the answer follows the crisis
reply without a press (docs/clinical-safety.md says why, and how often). Who tells a long story often asks
nothing in so many words ("so I don't know where that leaves us"): all of it is the question then.

It may be asked in distress ("or do I just sink?"): then it is answered with the kind line that distress gets.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.ports import Assessment

#: Where a sentence ends, and where a question begins inside one.
_PARTS = re.compile(
    r"(?<=[.!?])\s+|\n+|(?:\s*[,;]\s*|\s+)(?:(?:and|also|but|plus)\s+)+(?=(?:how|what|who|where|when|which"
    r"|can|could|do"
    r"|does|is|are|am|will|would|should)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\?\s*$|^(?:(?:so|please|also|and|but|hi|hello)[\s,]+)*(?:how|what|who|where|when|which|can|could|do"
    r"|does|is|are|will|would|should)\b"
    r"|\b(?:how (?:do|can|long|much|many|often)|what(?:s|['’]s| is| are)|(?:can|could|should) (?:i|we)"
    r"|any (?:advice|help|ideas|tips)|(?:is|are) there|who (?:can|do|does)"
    r"|(?:want|need) to (?:know|understand))\b",
    re.IGNORECASE,
)
#: These ask for what the crisis reply says; with more behind them ("what do I do about transport") they do
#: not.
_ASKS_FOR_RESCUE = re.compile(
    r"\b(?:what (?:else )?(?:do|can|could|should|shall|must|would) (?:i|we|you) (?:\w+ )?do"
    r"|what (?:now|next)"
    r"|how (?:do|can|could|should) (?:i|we) (?:stop|help|save|protect|calm)"
    r" (?:him|her|them|it|this|me|myself|my \w+)"
    r"|(?:is|are|was) (?:it|that|this|he|she|they|i|we) (?:\w+ )?"
    r"(?:normal|okay?|all ?right|bad|serious|dangerous|safe|urgent|in danger|going to die)"
    r"|(?:can|could|will|would|does) (?:you|(?:any|some) ?(?:one|body))(?: please)? help"
    r"(?: me| us| him| her)?"
    r"|(?:who|where) (?:do|can|could|should|would) (?:i|we) (?:ring|call|phone|tell|report|go|turn|run)"
    r"(?: (?:it|this|that|him|her))?(?: to)?)"
    r"(?: (?:now|next|please|about (?:it|this|that)|tonight|today|for (?:him|her)|to help(?: \w+)?|at all))*"
    r"\s*(?:[?!.,;]+|$|\n)",
    re.IGNORECASE,
)
#: Who asks nothing in so many words may still call for somebody.
_CALLS_FOR_SOMEBODY = re.compile(
    r"\b(?:(?:please|pls|plz) (?:\w+ )?(?:help|come|answer|hurry|tell me|do something)|help (?:me|us|him|her)"
    r"|tell (?:me|us) what to do|(?:do not|don['’]?t|dont) know what (?:else )?to do"
    r"|(?:need|want) (?:some ?(?:one|body)|to talk|help|you)|come (?:quick|now|and)|hurry)\b",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s+")
_FEWEST_WORDS = 4
#: So many words are a story (docs/clinical-safety.md says what that answers, and what it costs).
_STORY_WORDS = 30
#: From here on the crisis reply stands alone, with the question at one press. Chosen on the development sets
#: (docs/clinical-safety.md).
NEARLY_SURE = 0.8

#: The crisis reply waits for this: no more than so many characters and parts are looked at, the last ones.
_MOST_CHARS = 4000
_MOST_PARTS = 8


def question_beside(text: str, assess: Callable[[str], Assessment]) -> str | None:
    """What a message asks in the parts that speak of no danger; None when it asks nothing there.

    All of it, where no part is free of danger and the danger is not certain.

    Args:
        text: a message that was found to speak of danger.
        assess: the safety check.
    """
    # Each blank of a run would be tried as the beginning of all that follow it.
    single = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", text)
    parts = [part.strip() for part in _PARTS.split(single[-_MOST_CHARS:]) if part and part.strip()]
    if len(single) > _MOST_CHARS:
        parts = parts[1:]  # it may have lost its beginning, and with that the words of danger
    asked = [
        part
        for part in parts[-_MOST_PARTS:]
        if len(part.split()) >= _FEWEST_WORDS and _ASKS.search(part) and assess(part).level != "crisis"
    ]
    if asked and len(parts) > 1:
        return " ".join(asked)
    if len(single) > _MOST_CHARS or not (_ASKS.search(single) or _is_story(single)):
        return None
    return None if is_certain(assess(text)) else text.strip()


def _is_story(text: str) -> bool:
    return len(text.split()) >= _STORY_WORDS


def is_certain(assessment: Assessment) -> bool:
    """Whether a rule decided, and not likeness alone."""
    return assessment.score >= 1.0


def is_answered_at_once(question: str, score: float) -> bool:
    """Whether the answer to what is asked beside a danger follows the crisis reply without a press.

    Args:
        question: what is asked (``question_beside``).
        score: how sure it is that the message speaks of danger.
    """
    if score >= NEARLY_SURE:
        return False
    rest, rescues = _ASKS_FOR_RESCUE.subn(" ", question)
    calls = rescues > 0 or _CALLS_FOR_SOMEBODY.search(question) is not None
    return _ASKS.search(rest.strip()) is not None or (_is_story(question) and not calls)
