"""The safety check: rules first, then likeness to labelled examples; the worst of all sentences counts."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path

from encoder import EncoderUnavailable, SentenceEncoder
from gateway.safety.normalise import normalise, sentences
from gateway.safety.patterns import (
    LEVELS,
    PATTERNS_FILE,
    URGENCY,
    Danger,
    Finding,
    Level,
    Patterns,
    SafetyFileError,
    read_file,
    stretches,
)
from gateway.safety.similarity import (
    EXAMPLES_FILE,
    Encoder,
    ExampleFile,
    Learned,
    Likeness,
    Similarity,
    fingerprint,
    learn,
)

log = logging.getLogger(__name__)

#: Chances from which likeness alone decides, chosen by cross-validation on the examples
#: (tests/safety/evaluate.py). A practical question ("who signs for his inhaler?") resembles danger more
#: often than it is danger, so it needs more.
CRISIS_FROM: float = 0.55
CRISIS_FROM_ASKING: float = 0.65
DISTRESS_FROM: float = 0.50
#: Below this chance of distress or danger a rule for distress ("at the end of the form") is overruled, and
#: below the other one that only found a word ("suicide" in a figure of speech).
HARMLESS: float = 0.25
HARMLESS_MENTION: float = 0.10
#: A sentence is judged with what stands around it: so much counts the surrounding, the rest the sentence.
#: "Nothing's happened" alone is alarming, before a question about a course it is not.
CONTEXT = 0.6
#: A message of no more words is its own surrounding; in a longer one it is the sentence and its neighbours.
SHORT_MESSAGE = 45

#: Pieces of one message that are compared with the examples; in a longer one neighbours go together.
MAX_PIECES = 24
#: A sentence of more words is also looked at clause by clause, so that no clause is drowned by the others.
LONG_SENTENCE = 14
SHORTEST_CLAUSE = 4

#: Written by ``python -m gateway.safety.learn``.
LEARNED_FILE = Path(__file__).parent / "learned.npz"

_ASKING = re.compile(
    r"\?|^(?:who|what|where|how|is|are|does|do|can|which|when|could|should|would|any|i need)\b"
    r"|, (?:who|what|where|how|is|can|does|do|which|any|when)\b"
)
_NO_IDEA_WHAT_TO_DO = re.compile(
    r"what (?:do|can|should|shall) (?:i|we)(?: even)? do\b|how do (?:i|we) stop\b|is that normal"
)
_FOR_THE_RECORD = re.compile(
    r"\b(?:declare|mention|list|disclose|put (?:it|that|this|those|them) (?:down|in|on)"
    r"|ask(?:ed)? (?:me |us |her |him )?(?:about|if)|on (?:the|my|his|her) (?:\w+ )?form"
    r"|need to know|want to know|go(?:es)? (?:in|on) (?:the|my|his|her)"
    r"|(?:should|do|must) (?:i|we) (?:\w+ )?(?:say|tell|put|mention|write|bring)"
    r"|(?:does|do|will|would|did) (?:it|that|this|they|those) (?:\w+ )?(?:matter|count|affect|show|stop))\b"
)
_CLAUSES = re.compile(r"[,;:()]+|\b(?:but|and then|and|because|so|although|though|except|while|since|then)\b")


@dataclass(frozen=True)
class Assessment:
    """What the check makes of one message."""

    level: Level
    #: For a crisis, which; None otherwise.
    danger: Danger | None
    #: The rule or example that decided, readable by an adviser; never the person's own message.
    reason: str
    #: 0 to 1; 1 is a rule's certainty, less is the likeness to the examples.
    score: float


class SafetyCheck:
    """Assesses messages. Build one per process with ``load``; it may be used from several threads."""

    def __init__(self, patterns: Patterns, similarity: Similarity | None) -> None:
        """Put the two halves together; without ``similarity`` the rules work alone."""
        self._patterns = patterns
        self._similarity = similarity

    @classmethod
    def load(
        cls,
        encoder: Encoder | None = None,
        patterns_file: Path = PATTERNS_FILE,
        examples_file: Path = EXAMPLES_FILE,
    ) -> SafetyCheck:
        """Read the two files and what was learned from them.

        What was learned is learned again (some seconds) when one of the files has changed since.

        Args:
            encoder: one that is already loaded; otherwise the check loads its own.
            patterns_file: the rules.
            examples_file: the labelled examples.

        Raises:
            SafetyFileError: a file is missing or wrong; the message names file and field.
        """
        patterns = Patterns.load(patterns_file)
        similarity: Similarity | None = None
        try:
            encoder = encoder or SentenceEncoder()
            learned = Learned.read(LEARNED_FILE, learned_from(patterns_file, examples_file))
            if learned is None:
                log.warning("%s is out of date: learning from %s", LEARNED_FILE.name, examples_file.name)
                learned = learn(encoder, training_rows(patterns, examples_file))
            similarity = Similarity(encoder, learned)
        except EncoderUnavailable as error:
            # A helpline that still knows its rules is better than none: say so once and go on.
            log.error("Safety check works with its rules alone: %s", error)
        return cls(patterns, similarity)

    @property
    def uses_examples(self) -> bool:
        """False when the encoder could not be loaded and the rules work alone."""
        return self._similarity is not None

    def assess(self, text: str) -> Assessment:
        """How dangerous is what this message tells of?"""
        normal = normalise(_storable(text))
        parts: list[str] = []
        findings: list[tuple[str, Finding]] = []
        for sentence in dict.fromkeys(sentences(normal)):  # said twice is read once
            self._read(sentence, parts, findings)
        if "\n" in normal and not any(finding.level == "crisis" for _, finding in findings):
            # Text-speak is often sent with a line break in the middle of a sentence.
            self._read(normal.replace("\n", " "), [], findings)

        by_rule = _worst([finding for _, finding in findings])
        if by_rule is not None and by_rule.level == "crisis" and not by_rule.mention:
            return Assessment("crisis", by_rule.danger, f"rule {by_rule.rule}", 1.0)
        by_likeness: Assessment | None = None
        try:
            by_likeness = self._by_likeness(_pieces(parts, findings))
        except Exception as error:  # whatever it is, what the rules found stands
            # Neither the message nor the error's own words, which may quote it.
            log.error("Likeness failed (%s); the rules decided alone", type(error).__name__)
        if by_likeness is not None and by_likeness.level == "crisis":
            return by_likeness
        if (
            by_rule is not None
            and by_rule.level != "safe"
            and not _plainly_harmless(by_rule, by_likeness, normal)
        ):
            why = f" ({by_rule.because})" if by_rule.because else ""
            return Assessment(by_rule.level, by_rule.danger, f"rule {by_rule.rule}{why}", 1.0)
        if by_likeness is not None:
            return by_likeness
        if by_rule is not None:
            return Assessment("safe", None, f"rule {by_rule.rule} does not apply: {by_rule.because}", 0.0)
        return Assessment("safe", None, "no rule and no example fired", 0.0)

    def _read(self, sentence: str, parts: list[str], findings: list[tuple[str, Finding]]) -> None:
        for stretch in stretches(sentence):
            # Idioms go first: neither rules nor examples should see that a wait is killing somebody.
            part = self._patterns.plain_meaning(stretch.text)
            parts.append(part)
            found = self._patterns.find(part, begins=stretch.begins, ends=stretch.ends)
            findings.extend((part, finding) for finding in found)

    def _by_likeness(self, pieces: list[_Piece]) -> Assessment | None:
        if self._similarity is None or not pieces:
            return None
        texts = list(dict.fromkeys(text for piece in pieces for text in (piece.text, piece.around)))
        found = dict(zip(texts, self._similarity.compare(texts), strict=True))
        worst: tuple[float, Likeness] | None = None
        saddest: tuple[float, Likeness] | None = None
        for piece in pieces:
            own, around = found[piece.text], found[piece.around]
            crisis = _mixed(own.crisis, around.crisis)
            if crisis >= _crisis_from(piece.text) and (worst is None or crisis > worst[0]):
                worst = crisis, own
            sad = _mixed(own.distress + own.crisis, around.distress + around.crisis)
            if saddest is None or sad > saddest[0]:
                saddest = sad, own
        if worst is not None:
            return Assessment("crisis", worst[1].danger, _like(worst[1]), worst[0])
        if saddest is None:
            return None
        level: Level = "distress" if saddest[0] >= DISTRESS_FROM else "safe"
        return Assessment(level, None, _like(saddest[1]), saddest[0])


def _plainly_harmless(rule: Finding, likeness: Assessment | None, message: str) -> bool:
    """Whether likeness may overrule a rule: never one that says that danger happens."""
    if likeness is None or likeness.level != "safe":
        return False
    if rule.because and not _FOR_THE_RECORD.search(message):
        # Danger that is past or denied asks for a kind word, unless the question is where to write it down.
        return False
    if rule.level == "crisis":
        # A few words ("child protection concern") say too little to be sure.
        return likeness.score < HARMLESS_MENTION and len(message.split()) >= LONG_SENTENCE // 2
    return likeness.score < HARMLESS


@dataclass(frozen=True)
class _Piece:
    """A sentence, a clause or a whole message, and what stands around it."""

    text: str
    around: str


def _mixed(own: float, around: float) -> float:
    """One chance of two, averaged as odds, so that either can be sure enough to outweigh the other."""
    odds = (1 - CONTEXT) * _log_odds(own) + CONTEXT * _log_odds(around)
    return 1 / (1 + math.exp(-odds))


def _log_odds(chance: float) -> float:
    chance = min(max(chance, 0.001), 0.999)
    return math.log(chance / (1 - chance))


def _storable(text: str) -> str:
    """The text without lone surrogates, which neither the encoder nor a file can take."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def learned_from(patterns_file: Path = PATTERNS_FILE, examples_file: Path = EXAMPLES_FILE) -> str:
    """The fingerprint of all files that decide what is learned: examples, rules and our own reading.

    Raises:
        SafetyFileError: a file is missing.
    """
    here = Path(__file__).parent
    files = (patterns_file, examples_file, here / "normalise.py", here / "similarity.py")
    try:
        return fingerprint(*files)
    except OSError as error:
        raise SafetyFileError(f"{error.filename}: can not be read: {error.strerror}") from error


def training_rows(patterns: Patterns, examples_file: Path = EXAMPLES_FILE) -> list[tuple[str, str]]:
    """The examples as (text, label), each text put in the form in which messages are compared.

    Raises:
        SafetyFileError: the file is missing or wrong.
    """
    return [
        (plain(patterns, text), label) for text, label in read_file(examples_file, ExampleFile).labelled()
    ]


def plain(patterns: Patterns, text: str) -> str:
    """A text as the examples are learned and messages are compared: normalised, idioms replaced."""
    return ". ".join(patterns.plain_meaning(part) for part in sentences(normalise(text)))


def _crisis_from(piece: str) -> float:
    if len(piece.split()) <= 3:
        # "my son", "and my brother": two words resemble every story that begins with them.
        return CRISIS_FROM_ASKING
    if _ASKING.search(piece) and not _NO_IDEA_WHAT_TO_DO.search(piece):
        return CRISIS_FROM_ASKING
    return CRISIS_FROM


def _like(likeness: Likeness) -> str:
    return f'like the example "{likeness.nearest}"'


def _worst(findings: list[Finding]) -> Finding | None:
    if not findings:
        return None
    return min(
        findings,
        key=lambda finding: (
            LEVELS.index(finding.level),
            URGENCY.index(finding.danger) if finding.danger is not None else len(URGENCY),
        ),
    )


def _pieces(parts: list[str], findings: list[tuple[str, Finding]]) -> list[_Piece]:
    """What is compared with the examples: the message, its sentences, and the clauses of long ones."""
    settled: dict[str, list[tuple[int, int]]] = {}
    for part, finding in findings:
        if finding.settled:
            settled.setdefault(part, []).append((finding.start, finding.end))
    groups: list[list[str]] = []
    for part in parts:
        spans = settled.get(part, [])
        clauses = _clauses(part, spans) if spans or len(part.split()) > LONG_SENTENCE else []
        if not spans:
            # Without its full stop: a message of one sentence is its own surrounding, encoded once.
            groups.append([part.rstrip("."), *clauses])
        elif clauses:
            groups.append([". ".join(clauses), *clauses])
    sentences_ = [group[0].rstrip(".") for group in groups]
    short = sum(len(sentence.split()) for sentence in sentences_) <= SHORT_MESSAGE
    pieces: list[_Piece] = []
    for number, group in enumerate(groups):
        around = sentences_ if short else sentences_[max(number - 1, 0) : number + 2]
        window = ". ".join(around)
        pieces.append(_Piece(window, window))
        pieces += [_Piece(text, window) for text in group]
    pieces = list(dict.fromkeys(pieces))
    if len(pieces) > MAX_PIECES:
        pieces = [_Piece(text, text) for text in _merged(list(dict.fromkeys(sentences_)))]
    return pieces


def _clauses(part: str, spans: list[tuple[int, int]]) -> list[str]:
    """Clauses of a sentence, leaving out those that a rule has settled ("I'm not suicidal")."""
    clauses: list[str] = []
    start = 0
    for cut in [*_CLAUSES.finditer(part), None]:
        end = cut.start() if cut else len(part)
        if not any(a < end and b > start for a, b in spans):
            clause = part[start:end].strip()
            if len(clause.split()) >= SHORTEST_CLAUSE:
                clauses.append(clause)
        start = cut.end() if cut else end
    return clauses


def _merged(pieces: list[str]) -> list[str]:
    """At most ``MAX_PIECES``, neighbours joined: a very long message is read more coarsely but to its end."""
    each = -(-len(pieces) // MAX_PIECES)
    return [". ".join(pieces[n : n + each]) for n in range(0, len(pieces), each)]
