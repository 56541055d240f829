"""The safety check: rules first, then likeness to labelled examples; the worst of all sentences counts."""

from __future__ import annotations

import logging
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
    stretches,
)
from gateway.safety.similarity import EXAMPLES_FILE, Encoder, Likeness, Similarity

log = logging.getLogger(__name__)

#: Chances from which likeness alone decides, chosen by cross-validation on the examples
#: (tests/safety/evaluate.py). A practical question ("who signs for his inhaler?") resembles danger more
#: often than it is danger, so it needs more.
CRISIS_FROM: float = 0.50
CRISIS_FROM_ASKING: float = 0.72
DISTRESS_FROM = 0.68

#: Pieces of one message that are compared with the examples; in a longer one neighbours go together.
MAX_PIECES = 24
#: A sentence of more words is also looked at clause by clause, so that no clause is drowned by the others.
LONG_SENTENCE = 14
SHORTEST_CLAUSE = 4

_ASKING = re.compile(
    r"\?|^(?:who|what|where|how|is|are|does|do|can|which|when|could|should|would|any|i need)\b"
    r"|, (?:who|what|where|how|is|can|does|do|which|any|when)\b"
)
_NO_IDEA_WHAT_TO_DO = re.compile(
    r"what (?:do|can|should|shall) (?:i|we)(?: even)? do\b|how do (?:i|we) stop\b|is that normal"
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
        """Read the two files and learn the examples (some seconds: keep the result).

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
            similarity = Similarity.load(
                encoder or SentenceEncoder(),
                examples_file,
                lambda text: plain(patterns, text),
            )
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
        if by_rule is not None and by_rule.level == "crisis":
            return Assessment("crisis", by_rule.danger, f"rule {by_rule.rule}", 1.0)
        by_likeness: Assessment | None = None
        try:
            by_likeness = self._by_likeness(_pieces(parts, findings))
        except Exception as error:  # whatever it is, what the rules found stands
            # Neither the message nor the error's own words, which may quote it.
            log.error("Likeness failed (%s); the rules decided alone", type(error).__name__)
        if by_likeness is not None and by_likeness.level == "crisis":
            return by_likeness
        if by_rule is not None and by_rule.level == "distress":
            why = f" ({by_rule.because})" if by_rule.because else ""
            return Assessment("distress", None, f"rule {by_rule.rule}{why}", 1.0)
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

    def _by_likeness(self, pieces: list[str]) -> Assessment | None:
        if self._similarity is None or not pieces:
            return None
        likenesses = self._similarity.compare(pieces)
        dangerous = [
            likeness
            for piece, likeness in zip(pieces, likenesses, strict=True)
            if likeness.crisis >= _crisis_from(piece)
        ]
        if dangerous:
            worst = max(dangerous, key=lambda likeness: likeness.crisis)
            return Assessment("crisis", worst.danger, _like(worst), worst.crisis)
        saddest = max(likenesses, key=lambda likeness: likeness.distress + likeness.crisis)
        if saddest.distress + saddest.crisis >= DISTRESS_FROM:
            return Assessment("distress", None, _like(saddest), saddest.distress + saddest.crisis)
        return None


def _storable(text: str) -> str:
    """The text without lone surrogates, which neither the encoder nor a file can take."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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


def _pieces(parts: list[str], findings: list[tuple[str, Finding]]) -> list[str]:
    """What is compared with the examples: sentences, and the clauses of long ones."""
    settled: dict[str, list[tuple[int, int]]] = {}
    for part, finding in findings:
        if finding.settled:
            settled.setdefault(part, []).append((finding.start, finding.end))
    pieces: list[str] = []
    for part in parts:
        spans = settled.get(part, [])
        words = len(part.split())
        if not spans:
            pieces.append(part)
        if spans or words > LONG_SENTENCE:
            pieces.extend(_clauses(part, spans))
    pieces = list(dict.fromkeys(pieces))
    if len(pieces) > MAX_PIECES:
        pieces = _merged(pieces)
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
