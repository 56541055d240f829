"""Puts mistyped words right before a message is encoded, for the search and for the dialogue model.

One slip in every seventh word costs a tenth of the questions their answer, and people write on phones, at
night and in a second language (figures: docs/decisions/0003-understanding.md and 0007-search.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from encoder.sentence_encoder import whole_words

#: A shorter word is as near to many others.
_SHORTEST = 4
#: So many slips are put right: one in a short word, two in a longer one.
_LONG, _SLIPS, _SLIPS_IN_A_LONG_WORD = 8, 1, 2
#: A word must be used so often before others are taken for it.
_USED = 3
#: More words of a message are not looked at: the encoder does not read them, and each costs a search.
_MOST_WORDS = 128

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def words_of(texts: Iterable[str]) -> Counter[str]:
    """How often each word, in lower case, is used in some texts."""
    return Counter(word for text in texts for word in _WORD.findall(text.lower()))


class Spelling:
    """Knows how often each word is used in some texts. Any thread may use it."""

    def __init__(self, counts: Counter[str]) -> None:
        """Words in lower case, and how often each is used (``words_of``)."""
        self.counts = counts
        self._often = [word for word, count in counts.items() if count >= _USED and len(word) >= _SHORTEST]
        self._nearest = lru_cache(maxsize=10_000)(self._find_nearest)

    def corrected(self, message: str) -> str:
        """The message with the words that nobody knows replaced by the word they are a slip away from.

        Words with a capital inside a sentence are names and stay as they are.
        """
        shouted = message.isupper()

        def right(match: re.Match[str]) -> str:
            word = match[0]
            before = message[: match.start()].rstrip(" \t")
            begins = not before or before[-1] in ".?!\n"
            if len(word) < _SHORTEST or not (word.islower() or shouted or (begins and word[1:].islower())):
                return word
            return self._nearest(word.lower()) or word

        return _WORD.sub(right, message, count=_MOST_WORDS)

    def _is_word(self, word: str) -> bool:
        return word in self.counts or word in whole_words()

    def _find_nearest(self, word: str) -> str | None:
        if any(self._is_word(form) for form in (word, word.replace("'", ""), word.removesuffix("'s"))):
            return None
        slips = _SLIPS if len(word) < _LONG else _SLIPS_IN_A_LONG_WORD
        found = process.extract(
            word, self._often, scorer=OSA.distance, processor=None, score_cutoff=slips, limit=None
        )
        # The first letter is seldom wrong, and words that differ in it are mostly other words.
        near = [(slip, -self.counts[other], other) for other, slip, _ in found if other[0] == word[0]]
        return min(near)[2] if near else None
