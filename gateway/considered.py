"""Messages that are no question for the bot, each with a reply of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conversations.log import Draft
from gateway import wording
from gateway.languages import foreign

_TAG = re.compile(r"<(script|style)\b[^>]*>.*?(</\1\s*>|$)|<!--.*?(-->|$)|</?[a-zA-Z][^<>]*>", re.S | re.I)
_LEADING_COMMAND = re.compile(r"^[\s/]+")

#: The two signs that people use for a word.
_SIGNS = {"👍": "yes", "👎": "no"}
#: Skin tones and variation marks that follow an emoji.
_MODIFIERS = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")


@dataclass(frozen=True, slots=True)
class Reading:
    """Either ``text`` for the bot, or a ``reply`` of ours; ``kind`` names the case for the metrics."""

    kind: str
    text: str = ""
    reply: Draft | None = None


def read(text: str, most_chars: int) -> Reading:
    """What to do with a person's free ``text``.

    The bot's copy holds no markup and never begins with "/": Rasa would take that as a command, and what a
    person types is text. Texts over ``most_chars`` characters are not given to the bot.
    """
    if not text.strip():
        return Reading("empty", reply=wording.empty())
    if len(text) > most_chars:
        return Reading("too_long", reply=wording.too_long(len(text), most_chars))
    sign = _SIGNS.get(_MODIFIERS.sub("", text.strip()))
    if sign:
        return Reading("text", text=sign)
    words = _LEADING_COMMAND.sub("", without_markup(text)).strip()
    if not any(c.isalnum() for c in words):
        if _TAG.search(text):
            return Reading("only_markup", reply=wording.only_markup())
        return Reading("no_words", reply=wording.no_words())
    other = foreign(words)
    if other is not None:
        return Reading("other_language", reply=wording.other_language(other.language))
    return Reading("text", text=words)


def without_markup(text: str) -> str:
    """A text without tags, scripts and comments."""
    return _TAG.sub(" ", text)
