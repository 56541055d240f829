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

#: The crisis reply waits for this: no more than so many parts are looked at, the last ones.
_MOST_PARTS = 8


def question_beside(text: str, assess: Callable[[str], Assessment]) -> str | None:
    """What a message asks in the parts that speak of no danger; None when it asks nothing there.

    Args:
        text: a message that was found to speak of danger.
        assess: the safety check.
    """
    parts = [part.strip() for part in _PARTS.split(text) if part and part.strip()]
    if len(parts) < 2:
        return None
    asked = [
        part
        for part in parts[-_MOST_PARTS:]
        if len(part.split()) >= _FEWEST_WORDS and _ASKS.search(part) and assess(part).level == "safe"
    ]
    return " ".join(asked) or None
