"""Rules that a person can read: what was said, and in what sense.

A rule finds words; its surroundings decide whether they mean danger now. "She wants to die" is a crisis,
"I'm not suicidal" is not, "she self-harmed years ago" asks for care but not for an ambulance, and "what
does the strategy say on suicide" is a question. Those surroundings are the ``cues`` of the file, shared by
all rules.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Level = Literal["crisis", "distress", "safe"]
Danger = Literal[
    "crisis_self_harm_suicide",
    "crisis_abuse_safeguarding",
    "crisis_violence_danger",
    "crisis_missing",
    "medical_emergency",
]

#: Most urgent first: when several dangers fire, the reply is for the one where minutes count.
URGENCY: tuple[Danger, ...] = (
    "medical_emergency",
    "crisis_violence_danger",
    "crisis_missing",
    "crisis_self_harm_suicide",
    "crisis_abuse_safeguarding",
)

PATTERNS_FILE = Path(__file__).parent / "patterns.yml"


class SafetyFileError(ValueError):
    """A safety file is missing or wrong; the message names the file and the field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


class Idiom(_Strict):
    """A turn of phrase and what it means; rewritten before anything else looks at the sentence."""

    find: Text
    say: str
    #: The sentence must (not) hold this for the phrase to be an idiom.
    only_with: str | None = None
    never_with: str | None = None


class Rule(_Strict):
    """Words that mean danger (or distress) unless their surroundings say otherwise."""

    id: Name
    level: Literal["crisis", "distress"] = "crisis"
    danger: Danger | None = None
    #: A ``statement`` says that it happens ("she cut herself"); a ``mention`` only names it ("suicide").
    kind: Literal["statement", "mention"] = "statement"
    any: Annotated[list[Text], Field(min_length=1)]
    #: The sentence must hold one of these as well.
    with_: Annotated[list[Text], Field(alias="with")] = []
    #: The rule does not fire when the sentence holds one of these.
    unless: list[Text] = []
    #: What it becomes when it lies clearly in the past.
    past: Literal["crisis", "distress", "safe"] = "distress"
    #: False when the words hold their own "not" ("does not want to live"): another before changes nothing.
    negatable: bool = True
    #: The rule knows better than likeness: its clause is not compared with the examples.
    settles: bool = False


class Cues(_Strict):
    """What in the surroundings of a match changes its sense."""

    negation: Text
    #: After a negation these take it back: "can not stop self-harming".
    not_really_negation: Text
    #: A subject at the end of what stands before a match, or at the beginning of a match ...
    subject: Text
    #: ... takes what follows out of a negation before it, unless one of these stands between the two.
    carries_negation: Text
    minimised: Text
    past: Text
    #: What is said of the present is past only by a time in its own clause.
    present: Text
    #: Between somebody and what they may do: "i | want to | kill myself".
    wants: Text
    now: Text
    about: Text
    hypothetical: Text
    personal: Text
    first_person: Text


class PatternFile(_Strict):
    """``patterns.yml``."""

    words: dict[Name, Text]
    cues: Cues
    idioms: list[Idiom]
    rules: Annotated[list[Rule], Field(min_length=1)]

    @field_validator("rules")
    @classmethod
    def _ids_once(cls, rules: list[Rule]) -> list[Rule]:
        seen: set[str] = set()
        for rule in rules:
            if rule.id in seen:
                raise ValueError(f"rule id {rule.id!r} is used twice")
            seen.add(rule.id)
            if (rule.level == "crisis") != (rule.danger is not None):
                raise ValueError(
                    f"rule {rule.id!r}: a crisis rule names its danger, a distress rule has none"
                )
        return rules


@dataclass(frozen=True)
class Finding:
    """One rule that matched one sentence, with the level its surroundings left it."""

    rule: str
    level: Level
    danger: Danger | None
    #: Why the level is not the rule's own: "negated", "past", "asked about"; empty when it is.
    because: str
    start: int
    end: int
    #: Likeness has no say in this clause: it was excused, or the rule is the better judge.
    settled: bool
    #: The rule only found a word for it ("suicide"), nobody to whom it happens.
    mention: bool = False


@dataclass(frozen=True)
class _Compiled:
    rule: Rule
    find: re.Pattern[str]
    with_: re.Pattern[str] | None
    unless: re.Pattern[str] | None


@dataclass(frozen=True)
class _CompiledIdiom:
    find: re.Pattern[str]
    say: str
    only_with: re.Pattern[str] | None
    never_with: re.Pattern[str] | None


#: Words before a match in which a negation still belongs to it.
_NEGATION_REACH = 5
#: Words before a match in which its verb may stand: "i want to | kill myself".
_VERB_REACH = 4
_CLAUSE_BREAK = re.compile(r"[,;:()\"]|\b(?:but|and|because|so|although|though|however|except|yet|then)\b")


#: A run-on is read in stretches of so many characters, each beginning inside the one before. Rules and cues
#: look at a whole stretch for each match, so this is what keeps the work in proportion to the text. Ordinary
#: sentences are far shorter and are read whole.
STRETCH = 1200
OVERLAP = 300
#: At a cut the words that decide a match may be missing ("not | want to die"); the neighbour sees them.
_EDGE = 60

_ASKS = re.compile(r"(?:what|where|how|is|are|does|do|can|which|who|when|why|could|would)\b")


@dataclass(frozen=True)
class Stretch:
    """A sentence, or a part of one too long to be read at once."""

    text: str
    #: False where a neighbour goes on.
    begins: bool = True
    ends: bool = True


def stretches(sentence: str) -> list[Stretch]:
    """The sentence, cut between words into overlapping parts if it is very long."""
    if len(sentence) <= STRETCH:
        return [Stretch(sentence)]
    parts: list[Stretch] = []
    start = 0
    while True:
        end = start + STRETCH
        if end >= len(sentence):
            parts.append(Stretch(sentence[start:], start == 0))
            return parts
        end = _between_words(sentence, end)
        parts.append(Stretch(sentence[start:end], start == 0, ends=False))
        start = _between_words(sentence, end - OVERLAP)


def _last_words(text: str, most: int) -> str:
    """The end of a text that holds so many words."""
    words = list(re.finditer(r"\S+", text))
    return text[words[-most].start() :] if len(words) > most else text


def _between_words(sentence: str, near: int) -> int:
    space = sentence.rfind(" ", near - _EDGE, near)
    return near if space < 0 else space + 1


class _Surroundings:
    """The cues of one sentence, each looked for once, however many matches ask for it."""

    def __init__(self, text: str, cue: Mapping[str, re.Pattern[str]]) -> None:
        self._text = text
        self._cue = cue

    @cached_property
    def minimised(self) -> bool:
        return self._cue["minimised"].search(self._text) is not None

    @cached_property
    def hypothetical(self) -> bool:
        return self._cue["hypothetical"].search(self._text) is not None

    def past(self, match: re.Match[str]) -> bool:
        """Whether it lies in the past: what is said of the present, only by a time in its own clause."""
        if not self._times or self._cue["now"].search(self._text) is not None:
            return False
        begin, end = self._clause_around(match)
        near = _last_words(self._text[begin : match.start()], _VERB_REACH)
        said = self._cue["present"].search(self._text, match.start() - len(near), match.end())
        if said is None:
            return True
        return any(
            begin <= time.start() <= end
            and not self._begins_anew(
                self._text[time.end() : said.start()].strip(), self._text[said.start() : match.end()]
            )
            for time in self._times
        )

    @cached_property
    def _times(self) -> list[re.Match[str]]:
        return list(self._cue["past"].finditer(self._text))

    @cached_property
    def only_about(self) -> bool:
        if self._cue["about"].search(self._text):
            return True
        # A bare question that names nobody: "is self harm common in autism?"
        asks = "?" in self._text or _ASKS.match(self._text)
        return bool(asks) and not self._cue["personal"].search(self._text)

    @cached_property
    def _breaks(self) -> list[int]:
        return [found.end() for found in _CLAUSE_BREAK.finditer(self._text)]

    def clause_before(self, start: int) -> str:
        """What stands before ``start`` in its own clause."""
        index = bisect_right(self._breaks, start)
        return self._text[self._breaks[index - 1] if index else 0 : start]

    def _clause_around(self, match: re.Match[str]) -> tuple[int, int]:
        index = bisect_right(self._breaks, match.end())
        end = self._breaks[index] if index < len(self._breaks) else len(self._text)
        return match.start() - len(self.clause_before(match.start())), end

    def negated(self, match: re.Match[str]) -> bool:
        reach = " ".join(self.clause_before(match.start()).split()[-_NEGATION_REACH:])
        found = list(self._cue["negation"].finditer(reach))
        if not found or self._cue["not_really_negation"].search(reach[found[-1].start() :]):
            return False
        return not self._begins_anew(reach[found[-1].end() :].strip(), match.group())

    def _begins_anew(self, between: str, said: str) -> bool:
        """Whether something new is said after a negation: "i can not do this any more i want to die"."""
        # What is wanted belongs to what is said: "no reply | i want to kill myself".
        wants = [one for one in self._cue["wants"].finditer(between) if one.end() == len(between)]
        before = between = between[: wants[0].start()].strip() if wants else between
        if self._cue["subject"].match(said) is None:
            subjects = [one for one in self._cue["subject"].finditer(between) if one.end() == len(between)]
            if not subjects:
                return False
            before = between[: subjects[0].start()].strip()
        carried = [one for one in self._cue["carries_negation"].finditer(before) if one.end() == len(before)]
        return before != "" and not carried

    def hidden(self, match: re.Match[str]) -> bool:
        """People hide behind "it's not like I want to die or anything"; about others "not" is a fact."""
        own = self.clause_before(match.start()) + match.group()
        return self.minimised and self._cue["first_person"].search(own) is not None


class Patterns:
    """The compiled rules. Holds no state, so threads may share one."""

    def __init__(self, file: PatternFile, origin: Path = PATTERNS_FILE) -> None:
        """Compile every expression; a wrong one is named with its rule.

        Raises:
            SafetyFileError: an expression does not compile or uses an unknown ``<word>``.
        """
        self._file = file
        self._origin = origin
        self._idioms = [self._idiom(number, idiom) for number, idiom in enumerate(file.idioms)]
        self._rules = [self._compile_rule(rule) for rule in file.rules]
        self._cue = {
            name: self._expression([text], f"cues.{name}") for name, text in file.cues.model_dump().items()
        }

    @classmethod
    def load(cls, path: Path = PATTERNS_FILE) -> Patterns:
        """Read and check ``patterns.yml``."""
        return cls(read_file(path, PatternFile), path)

    @cached_property
    def rule_ids(self) -> frozenset[str]:
        """Names of all rules."""
        return frozenset(rule.id for rule in self._file.rules)

    def plain_meaning(self, sentence: str) -> str:
        """The sentence with its idioms replaced by what they mean."""
        for idiom in self._idioms:
            if idiom.only_with is not None and not idiom.only_with.search(sentence):
                continue
            if idiom.never_with is not None and idiom.never_with.search(sentence):
                continue
            sentence = idiom.find.sub(idiom.say, sentence)
        return sentence

    def find(self, sentence: str, *, begins: bool = True, ends: bool = True) -> list[Finding]:
        """What the rules make of one sentence (normalised, idioms replaced).

        Args:
            sentence: the sentence, or a stretch of one.
            begins: False when it is a stretch and another comes before it.
            ends: False when it is a stretch and another follows.
        """
        findings: list[Finding] = []
        surroundings = _Surroundings(sentence, self._cue)
        first = 0 if begins else _EDGE
        last = len(sentence) if ends else len(sentence) - _EDGE
        for compiled in self._rules:
            match = compiled.find.search(sentence)
            if match is None:
                continue
            if compiled.with_ is not None and not compiled.with_.search(sentence):
                continue
            if compiled.unless is not None and compiled.unless.search(sentence):
                continue
            worst: Finding | None = None
            # The worst of several matches: "I'm not suicidal any more ... I'm suicidal again".
            for found in compiled.find.finditer(sentence):
                if first <= found.start() <= last:
                    judged = _judge(compiled.rule, surroundings, found)
                else:
                    judged = _left_to_neighbour(compiled.rule, found)
                if worst is None or LEVELS.index(judged.level) < LEVELS.index(worst.level):
                    worst = judged
                if worst.level == compiled.rule.level:
                    break  # surroundings only ever make it milder
            if worst is not None:
                findings.append(worst)
        return findings

    def _idiom(self, number: int, idiom: Idiom) -> _CompiledIdiom:
        where = f"idioms.{number}"
        return _CompiledIdiom(
            self._expression([idiom.find], f"{where}.find"),
            idiom.say,
            None if idiom.only_with is None else self._expression([idiom.only_with], f"{where}.only_with"),
            None if idiom.never_with is None else self._expression([idiom.never_with], f"{where}.never_with"),
        )

    def _compile_rule(self, rule: Rule) -> _Compiled:
        where = f"rules.{rule.id}"
        return _Compiled(
            rule,
            self._expression(rule.any, f"{where}.any"),
            self._expression(rule.with_, f"{where}.with") if rule.with_ else None,
            self._expression(rule.unless, f"{where}.unless") if rule.unless else None,
        )

    def _expression(self, parts: list[str], where: str) -> re.Pattern[str]:
        joined = "|".join(rf"\b(?:{part})(?!\w)" for part in parts)
        for _ in range(4):  # a <word> may use other <words>
            joined = _PLACEHOLDER.sub(lambda found: self._word(found.group(1), where), joined)
        try:
            return re.compile(_without_accents(joined))
        except re.error as error:
            raise SafetyFileError(
                f"{self._origin.name}: {where}: not a regular expression: {error}"
            ) from error

    def _word(self, name: str, where: str) -> str:
        if name not in self._file.words:
            raise SafetyFileError(f"{self._origin.name}: {where}: <{name}> is not among `words`")
        return f"(?:{self._file.words[name]})"


def _judge(rule: Rule, surroundings: _Surroundings, match: re.Match[str]) -> Finding:
    level: Level = rule.level
    because = ""
    if rule.negatable and surroundings.negated(match):
        level, because = ("distress" if surroundings.hidden(match) else "safe"), "negated"
    elif rule.kind == "mention" and surroundings.only_about:
        level, because = "safe", "asked about"
    elif surroundings.hypothetical:
        level, because = "safe", "hypothetical"
    elif rule.past != "crisis" and surroundings.past(match):
        level, because = rule.past, "past"
        if rule.level == "distress":
            level = "safe"
    danger = rule.danger if level == "crisis" else None
    settled = level != "crisis" and (bool(because) or rule.settles)
    mention = rule.kind == "mention"
    return Finding(rule.id, level, danger, because, match.start(), match.end(), settled, mention)


def _left_to_neighbour(rule: Rule, match: re.Match[str]) -> Finding:
    return Finding(rule.id, "safe", None, "cut off", match.start(), match.end(), settled=True)


def _without_accents(expression: str) -> str:
    """Messages lose their accents and vowel signs (normalise.py), so what is looked for loses them too."""
    if expression.isascii():
        return expression
    decomposed = unicodedata.normalize("NFD", expression)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


_PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_]*)>")

#: Worst first.
LEVELS: tuple[Level, ...] = ("crisis", "distress", "safe")


def read_file[Model: BaseModel](path: Path, model: type[Model]) -> Model:
    """Read a YAML file into ``model``.

    Raises:
        SafetyFileError: naming the file and the field that is wrong.
    """
    try:
        raw = YAML(typ="safe", pure=False).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SafetyFileError(f"{path.name}: can not be read: {error.strerror}") from error
    except YAMLError as error:
        raise SafetyFileError(f"{path.name}: not valid YAML: {error}") from error
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(the whole file)"
        raise SafetyFileError(f"{path.name}: {field}: {first['msg']}") from error
