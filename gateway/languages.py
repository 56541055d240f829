"""Which language a message is in, as far as it takes to say in that language how to reach a person."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

_FILE = Path(__file__).parent / "languages.yml"
_WORD = re.compile(r"[^\W\d_]+")

#: Words that hardly ever occur in the listed languages: one of them and the message counts as English.
_ENGLISH = frozenset(
    re.findall(
        r"\S+",
        "the is are was my he she they it we you what how when where who why can do does have has need help "
        "and for with this that not i'm im wait school child son daughter",
    )
)

#: Fewer words than this are not enough to tell two languages in Latin letters apart.
_FEWEST_WORDS = 4
#: The share of a message's words that must be small words of the language.
_SHARE = 0.4


@dataclass(frozen=True)
class Language:
    """One entry of ``languages.yml``."""

    name: str
    line: str
    script: str = ""
    words: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Foreign:
    """A message that is not in English. ``language`` is None when we cannot tell which it is."""

    language: Language | None


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """The languages of ``languages.yml``."""
    entries = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    return tuple(
        Language(
            name=entry["name"],
            line=entry["line"],
            script=entry.get("script", ""),
            words=frozenset(entry.get("words", ())),
        )
        for entry in entries
    )


def foreign(text: str) -> Foreign | None:
    """Whether ``text`` is in another language than English; None when it is English or too short to tell."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return None
    latin = sum(1 for c in letters if unicodedata.name(c, "").startswith(("LATIN", "FULLWIDTH LATIN")))
    # Letters dressed up as mathematical symbols are English to whoever reads them.
    latin += sum(1 for c in letters if unicodedata.name(c, "").startswith("MATHEMATICAL"))
    if latin < len(letters) / 2:
        return Foreign(_by_script(letters))
    return _by_words(text)


def _by_script(letters: list[str]) -> Language | None:
    counts = {
        language: sum(1 for c in letters if c in language.script)
        for language in languages()
        if language.script
    }
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else None


def _by_words(text: str) -> Foreign | None:
    words = _WORD.findall(text.lower())
    if len(words) < _FEWEST_WORDS or not _ENGLISH.isdisjoint(words):
        return None
    hits = {
        language: sum(1 for word in words if word in language.words)
        for language in languages()
        if language.words
    }
    best = max(hits, key=lambda language: hits[language])
    # Three different small words: "no la la la" is not Spanish.
    if hits[best] < len(words) * _SHARE or len(best.words.intersection(words)) < 3:
        return None
    return Foreign(best)
