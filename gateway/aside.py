"""The question beside a mention of danger: it is answered after the crisis reply, at one press.

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
    r"|\b(?:how (?:do|can|long)|what (?:is|are)|(?:can|could) (?:i|we)"
    r"|(?:want|need) to (?:know|understand))\b",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s+")
_FEWEST_WORDS = 4

#: The crisis reply waits for this: no more than so many characters and parts are looked at, the last ones.
_MOST_CHARS = 4000
_MOST_PARTS = 8


def question_beside(text: str, assess: Callable[[str], Assessment]) -> str | None:
    """What a message asks in the parts that speak of no danger; None when it asks nothing there.

    Args:
        text: a message that was found to speak of danger.
        assess: the safety check.
    """
    # Each blank of a run would be tried as the beginning of all that follow it.
    single = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", text)
    parts = [part.strip() for part in _PARTS.split(single[-_MOST_CHARS:]) if part and part.strip()]
    if len(single) > _MOST_CHARS:
        parts = parts[1:]  # it may have lost its beginning, and with that the words of danger
    if len(parts) < 2:
        return None
    asked = [
        part
        for part in parts[-_MOST_PARTS:]
        if len(part.split()) >= _FEWEST_WORDS and _ASKS.search(part) and assess(part).level != "crisis"
    ]
    return " ".join(asked) or None
