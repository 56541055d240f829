"""Which language a message is in, as far as it takes to say in that language how to reach a person.

A language of another script is told by its letters. In Latin letters py3langid (its model ships with it)
decides, and only when it is nearly sure: English in text-speak, with typos or made of names has to stay
English. The limits were set on 8,000 English lines, of which none passes them
(docs/decisions/0003-understanding.md).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from py3langid.langid import MODEL_FILE, LanguageIdentifier
from ruamel.yaml import YAML

_FILE = Path(__file__).parent / "languages.yml"
_WORD = re.compile(r"[^\W\d_]+")

#: So sure (0 to 1) the detector has to be that a message is not English, and with so many words or more.
_SURE = 0.9
_SURE_OF_A_SENTENCE = 0.85

#: Told apart besides those of ``languages.yml``, so that they are not taken for one of them.
_OTHERS = ("en", "hu", "lt", "bg", "sk", "cs", "gu", "hi", "it", "de", "ps")

#: Words that hardly ever occur in the languages that are told by their words: one of them and it is English.
_ENGLISH = frozenset(
    re.findall(r"\S+", "the is are was my he she they it we you what how when where who why can do does")
)

#: A sentence has so many words; fewer are not enough to tell a language by its words.
_FEWEST_WORDS = 4
#: The share of a message's words that must be words of the language.
_SHARE = 0.4


@dataclass(frozen=True)
class Language:
    """One entry of ``languages.yml``."""

    name: str
    line: str
    code: str = ""
    tag: str = ""  # BCP 47, for screen readers
    script: str = ""
    words: frozenset[str] = field(default_factory=frozenset)
    phrases: frozenset[str] = field(default_factory=frozenset)


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
            code=entry.get("code", ""),
            tag=entry.get("tag") or entry["code"],
            script=entry.get("script", ""),
            words=frozenset(entry.get("words", ())),
            phrases=frozenset(entry.get("phrases", ())),
        )
        for entry in entries
    )


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([*_OTHERS, *(language.code for language in languages() if language.code)])
    return identifier


def foreign(text: str) -> Foreign | None:
    """Whether ``text`` is in another language than English; None when it is English or too short to tell."""
    # Letters dressed up as mathematical symbols, or made wide, are what they look like.
    text = unicodedata.normalize("NFKC", text)
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return None
    latin = sum(1 for c in letters if unicodedata.name(c, "").startswith("LATIN"))
    if latin < len(letters) / 2:
        return Foreign(_by_script(letters) or _by_letters(text))
    said = " ".join(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text.lower()))
    language = _by_phrase(said) or _by_letters(text) or _by_words(said)
    return Foreign(language) if language else None


def _by_script(letters: list[str]) -> Language | None:
    counts = {
        language: sum(1 for c in letters if c in language.script)
        for language in languages()
        if language.script
    }
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else None


def _by_letters(text: str) -> Language | None:
    code, sure = _identifier().classify(text)
    if sure < (_SURE_OF_A_SENTENCE if len(text.split()) >= _FEWEST_WORDS else _SURE):
        return None
    return next((language for language in languages() if language.code == code), None)


def _by_phrase(said: str) -> Language | None:
    return next((language for language in languages() if said in language.phrases), None)


def _by_words(said: str) -> Language | None:
    words = said.split()
    if len(words) < _FEWEST_WORDS or not _ENGLISH.isdisjoint(words):
        return None
    hits = {
        language: sum(1 for word in words if word in language.words)
        for language in languages()
        if language.words
    }
    best = max(hits, key=lambda language: hits[language])
    # Three different words: "no la la la" is no language.
    if hits[best] < len(words) * _SHARE or len(best.words.intersection(words)) < 3:
        return None
    return best
