"""What makes a message hard to read, so that scores can be told apart by it."""

from __future__ import annotations

import re

_TEXT_SPEAK = re.compile(
    r"\b(?:u|ur|r|pls|plz|thx|ty|idk|tbh|ngl|omg|lol|wot|wat|wen|coz|cuz|cos|bc|abt|n|2|4|b4|gr8|ppl|som1|wiv"
    r"|dis|dat|gonna|wanna|dunno|innit|hv|wud|cud|shud|dnt|cnt|wnt|nd|ta|rn|atm|w/o|yr|wks?|mths?)\b",
    re.IGNORECASE,
)
_STORY = 40
_FRAGMENT = 4
_UNPUNCTUATED = 9


def noise_class(text: str) -> str:
    """One class a message, the most telling first.

    "capitals", "text-speak", "story" (more than 40 words), "two questions", "fragment" (up to 4 words),
    "unpunctuated" (9 words or more without a stop), or "plain". Misspelling needs a reader to see it: a file
    may name a message's class itself (``noise``).
    """
    letters = [letter for letter in text if letter.isalpha()]
    words = text.split()
    if len(letters) >= 8 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters):
        return "capitals"
    if _TEXT_SPEAK.search(text):
        return "text-speak"
    if len(words) > _STORY:
        return "story"
    if text.count("?") > 1:
        return "two questions"
    if len(words) <= _FRAGMENT:
        return "fragment"
    if len(words) >= _UNPUNCTUATED and not re.search(r"[.,;:!?]", text):
        return "unpunctuated"
    return "plain"
