"""How hard a text is to read, as a school grade."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import textstat
from ruamel.yaml import YAML

#: The highest grade a text may have: about the reading age of 13, and of 10 for Easy Read. Most lie below.
NORMAL_LIMIT = 8.0
EASY_READ_LIMIT = 5.0

#: Names and legal terms that have no plainer word; editors add to it.
EXCEPTIONS = Path(__file__).with_name("readability_exceptions.yml")

#: What stands for an excepted term while the rest of its sentence is judged.
_STAND_IN = "it"


def grade(text: str, excepted: re.Pattern[str]) -> float:
    """The Flesch-Kincaid grade of a text: 0.39 words a sentence + 11.8 syllables a word - 15.59.

    Source: Kincaid, Fishburne, Rogers and Chissom (1975), Derivation of New Readability Formulas for Navy
    Enlisted Personnel. Each line ends a sentence, as in a list or in Easy Read.

    Args:
        text: plain text; a line that starts with "- " is a list item.
        excepted: from ``excepted_terms``; what it matches counts as one short word.
    """
    sentences = []
    for line in excepted.sub(_STAND_IN, text).splitlines():
        # "1.5" and "10,000" are read as one number; a full stop in them ends no sentence.
        line = re.sub(r"(?<=\d)[.,:](?=\d)", "", line.strip().removeprefix("- "))
        if line:
            sentences.append(line if line[-1] in ".!?" else f"{line.rstrip(':;,')}.")
    return float(textstat.flesch_kincaid_grade(" ".join(sentences)))


def excepted_terms(names: Iterable[str]) -> re.Pattern[str]:
    """What is not judged: the terms of the exceptions file, and names.

    Args:
        names: names the content itself holds: of services, organizations, areas.
    """
    terms = sorted({*_listed(), *names}, key=len, reverse=True)  # the longest name wins
    return re.compile(r"\b(?:" + "|".join(map(re.escape, terms)) + r")(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=1)
def _listed() -> frozenset[str]:
    listed = YAML(typ="safe").load(EXCEPTIONS.read_text(encoding="utf-8"))
    return frozenset(term for group in listed.values() for term in group)
