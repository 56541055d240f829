"""The two data files: which places and which terms of a directory are which of ours."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_HERE = Path(__file__).parent
_PLACES, _TERMS = _HERE / "places.yml", _HERE / "terms.yml"

_CODE = re.compile(r"\b[EKNSW]\d{8}\b")
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?)\s*\d[A-Z]{2}\b")


def normalised(words: str) -> str:
    """Words to compare names by: small letters and digits, one space between; "&" is "and"."""
    return " ".join(re.findall(r"[a-z0-9]+", words.casefold().replace("&", " and ").replace("'", "")))


def outward_postcode(text: str) -> str | None:
    """The first half of the first whole postcode in a text."""
    found = _POSTCODE.search(text.upper())
    return found[1] if found else None


@dataclass(frozen=True)
class Places:
    """Our areas, by the names, codes and postcodes of directories."""

    codes: dict[str, str]
    names: dict[str, str]  # normalised -> area
    whole: dict[str, str]
    outward_postcodes: dict[str, str]
    _names: re.Pattern[str]
    _except: re.Pattern[str]

    def areas(self, words: str) -> list[str]:
        """The areas that a text names, each once, in order; empty when it names none of ours."""
        found = [self.codes[code] for code in _CODE.findall(words) if code in self.codes]
        said = self._except.split(normalised(words), maxsplit=1)[0].strip()
        if said in self.whole:
            found.append(self.whole[said])
        found += [self.names[name] for name in self._names.findall(said)]
        return list(dict.fromkeys(found))

    def area_of_postcode(self, text: str) -> str | None:
        """The area that a postcode lies in; None also for one that straddles a border."""
        return self.outward_postcodes.get(outward_postcode(text) or "")


@dataclass(frozen=True)
class Terms:
    """Topics and the like, by the names of terms."""

    for_us: frozenset[str]
    topics: dict[str, str]  # normalised term -> topic
    needs_diagnosis: dict[str, str]
    words: re.Pattern[str]
    exact_words: re.Pattern[str]  # in just these letters: SEND is no word of "send us an email"

    def is_for_us(self, terms: list[str], *texts: str | None) -> bool:
        """Whether a service is for autistic or disabled people: by its terms (normalised) or own words."""
        return not self.for_us.isdisjoint(terms) or any(
            self.words.search(normalised(text)) or self.exact_words.search(text) for text in texts if text
        )


@lru_cache(maxsize=1)
def places() -> Places:
    """``places.yml``, read once."""
    data = _read(_PLACES)
    areas = data["areas"].items()

    def by(field: str) -> dict[str, str]:
        return {normalised(name): area for area, own in areas for name in own.get(field, ())}

    names = by("names")
    return Places(
        codes={code: area for area, own in areas for code in own["codes"]},
        names=names,
        whole=by("whole"),
        outward_postcodes={code.upper(): area for code, area in by("outward_postcodes").items()},
        _names=_any_of(names),
        _except=_any_of([normalised(word) for word in data["except_words"]]),
    )


@lru_cache(maxsize=1)
def terms() -> Terms:
    """``terms.yml``, read once."""
    data = _read(_TERMS)
    words = data["for_us"]["words"]

    def by(field: str) -> dict[str, str]:
        return {normalised(name): value for value, names in data[field].items() for name in names}

    return Terms(
        for_us=frozenset(normalised(name) for name in data["for_us"]["terms"]),
        topics=by("topics"),
        needs_diagnosis=by("needs_diagnosis"),
        words=_any_of([normalised(word) for word in words if word.islower()]),
        exact_words=_any_of([word for word in words if not word.islower()]),
    )


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Changes when one of the two files does: what was imported is then mapped again."""
    return hashlib.sha256(_PLACES.read_bytes() + _TERMS.read_bytes()).hexdigest()


def _any_of(words: Any) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return data
