"""The question beside a mention of danger: it is answered after the crisis reply, at one press."""

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
    r"|does|is|are"
    r"|will|would|should)\b|\b(?:how (?:do|can|long)|what (?:is|are)|(?:can|could) (?:i|we)|want to know"
    r"|need to know)\b",
    re.IGNORECASE,
)
_FEWEST_WORDS = 4

#: A rule's certainty; what resembles an example has less.
_CERTAIN = 1.0
_OFTEN_NONE = ("crisis_missing", "crisis_abuse_safeguarding", "crisis_violence_danger")

#: The crisis reply waits for this: no more than so many parts are looked at, the last ones.
_MOST_PARTS = 8


def question_beside(text: str, assess: Callable[[str], Assessment]) -> str | None:
    """What a message asks in the parts that speak of no danger; None when it asks nothing there.

    A whole question that only resembles an example of danger may be an everyday one ("will my mum see what I
    type?"): then it is the message itself. Not of suicide and medicine, where a question can be the plan.

    Args:
        text: a message that was found to speak of danger.
        assess: the safety check.
    """
    parts = [part.strip() for part in _PARTS.split(text) if part and part.strip()]
    beside = [
        part
        for part in (parts[-_MOST_PARTS:] if len(parts) > 1 else ())
        if len(part.split()) >= _FEWEST_WORDS and _ASKS.search(part) and assess(part).level == "safe"
    ]
    if beside:
        return " ".join(beside)
    return text if any(map(_ASKS.search, parts)) and _may_be_none(assess(text)) else None


def _may_be_none(found: Assessment) -> bool:
    return found.score < _CERTAIN and found.danger in _OFTEN_NONE
