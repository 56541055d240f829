"""The safety check: rules first, then likeness to labelled examples; the worst of all sentences counts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from encoder import EncoderUnavailable, SentenceEncoder
from encoder.recent import Encoder, RecentlyEncoded
from gateway.languages import foreign
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
from gateway.safety.pieces import (
    LONG_SENTENCE,
    MAX_WINDOWS,
    Piece,
    Window,
    joined,
    pieces_of,
    texts_of,
    windows_of,
)
from gateway.safety.reader import READER_FILE, Changes, Reader
from gateway.safety.similarity import (
    EXAMPLES_FILE,
    ExampleFile,
    Learned,
    Similarity,
    fingerprint,
    learn,
)
from gateway.safety.weighing import chance, log_odds, pieces_to_read, sadness, together, worst_piece

log = logging.getLogger(__name__)

#: Chances from which likeness decides: together with the reader, and alone. They were chosen on the
#: development sets (docs/decisions/0012-safety-reader.md).
CRISIS_FROM: float = 0.42
CRISIS_FROM_ALONE: float = 0.55
#: A word or two ("tonight", "my self") resemble much, and so do words of a language that no example is in:
#: the rules know those that are danger.
CRISIS_FROM_LITTLE: float = 0.80
DISTRESS_FROM: float = 0.50
#: Below this chance of distress or danger a rule for distress ("at the end of the form") is overruled, and
#: below the other one that only found a word ("suicide" in a figure of speech).
HARMLESS: float = 0.25
HARMLESS_MENTION: float = 0.10
#: Fewer different words say too little.
FEWEST_WORDS = 3

#: Written by ``python -m gateway.safety.learn``.
LEARNED_FILE = Path(__file__).parent / "learned.npz"

_SENTENCE_ENDS = re.compile(r"[.?!\n]+")
_WORDS_OF_A_SENTENCE = 4

_FOR_THE_RECORD = re.compile(
    r"\b(?:declare|mention|list|disclose|put (?:it|that|this|those|them) (?:down|in|on)"
    r"|ask(?:ed)? (?:me |us |her |him )?(?:about|if)|on (?:the|my|his|her) (?:\w+ )?form"
    r"|need to know|want to know|go(?:es)? (?:in|on) (?:the|my|his|her)"
    r"|(?:should|do|must) (?:i|we) (?:\w+ )?(?:say|tell|put|mention|write|bring)"
    r"|(?:does|do|will|would|did) (?:it|that|this|they|those) (?:\w+ )?(?:matter|count|affect|show|stop))\b"
)


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

    def __init__(
        self, patterns: Patterns, similarity: Similarity | None, reader: Reader | None = None
    ) -> None:
        """Put the parts together; without ``similarity`` the rules work alone."""
        self._patterns = patterns
        self._similarity = similarity
        self._reader = reader

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
        similarity, reader = None, None
        try:
            encoder = RecentlyEncoded(encoder or SentenceEncoder())
            learned = Learned.read(LEARNED_FILE, learned_from(patterns_file, examples_file))
            if learned is None:
                log.warning("%s is out of date: learning from %s", LEARNED_FILE.name, examples_file.name)
                learned = learn(encoder, training_rows(patterns, examples_file))
            similarity, reader = Similarity(encoder, learned), _reader()
        except EncoderUnavailable as error:
            # A helpline that still knows its rules is better than none: say so once and go on.
            log.error("Safety check works with its rules alone: %s", error)
        return cls(patterns, similarity, reader)

    @property
    def uses_examples(self) -> bool:
        """False when the encoder could not be loaded and the rules work alone."""
        return self._similarity is not None

    def assess(self, text: str) -> Assessment:
        """How dangerous is what this message tells of?"""
        normal = normalise(_storable(text))
        parts, findings = _read(self._patterns, dict.fromkeys(sentences(normal)))  # said twice is read once
        if "\n" in normal and not any(finding.level == "crisis" for _, finding in findings):
            # Text-speak is often sent with a line break in the middle of a sentence.
            findings += _read(self._patterns, [normal.replace("\n", " ")])[1]

        by_rule = _worst([finding for _, finding in findings])
        if by_rule is not None and by_rule.level == "crisis" and not by_rule.mention:
            return Assessment("crisis", by_rule.danger, f"rule {by_rule.rule}", 1.0)
        by_likeness: Assessment | None = None
        try:
            windows = windows_of(parts)
            by_likeness = self._by_likeness(
                windows, pieces_of(parts, findings, windows), is_foreign=_is_foreign(text)
            )
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

    def _by_likeness(
        self, windows: list[Window], pieces: list[Piece], *, is_foreign: bool
    ) -> Assessment | None:
        if self._similarity is None or not pieces:
            return None
        texts = texts_of(pieces)
        found = dict(zip(texts, self._similarity.compare(texts), strict=True))
        likest = worst_piece(pieces, found)
        crisis, sad, danger, from_ = likest.crisis, likest.sad, likest.danger, CRISIS_FROM_ALONE
        wholes = [text for window in windows for text in window.texts]
        if is_foreign or _few_words(wholes):
            from_ = CRISIS_FROM_LITTLE
        elif self._reader is not None and len(wholes) <= MAX_WINDOWS:
            few = pieces_to_read(pieces, found)
            texts = list(dict.fromkeys([*texts_of(few), *wholes]))
            read = dict(zip(texts, self._reader.read(texts), strict=True))
            worst = worst_piece(few, read)
            saddest = max(read[text].distress + read[text].crisis for text in wholes)
            crisis, danger = together(windows, pieces, found, read)
            sad = sadness(likest, worst, saddest)
            from_ = CRISIS_FROM
        level: Level = "safe"
        if crisis >= log_odds(from_):
            level = "crisis"
        elif sad >= log_odds(CRISIS_FROM_LITTLE if is_foreign else DISTRESS_FROM):
            level = "distress"
        nearest = self._similarity.nearest(likest.text, danger if level == "crisis" else level)
        return Assessment(
            level,
            danger if level == "crisis" else None,
            f'like the example "{nearest}"',
            chance(crisis if level == "crisis" else sad),
        )


def _is_foreign(text: str) -> bool:
    """Whether a message is in another language, and no sentence of it in English."""
    return foreign(text) is not None and not any(
        len(part.split()) >= _WORDS_OF_A_SENTENCE and foreign(part) is None
        for part in _SENTENCE_ENDS.split(text)
    )


def _few_words(wholes: list[str]) -> bool:
    """Whether a text has too few different words; one letter by the thousand is one."""
    words = {frozenset(filter(str.isalpha, word)) for whole in wholes for word in whole.split()}
    return len(words - {frozenset()}) < FEWEST_WORDS


def _read(patterns: Patterns, sentences_: Iterable[str]) -> tuple[list[str], list[tuple[str, Finding]]]:
    """The stretches of the sentences, and what the rules find in each."""
    parts: list[str] = []
    findings: list[tuple[str, Finding]] = []
    for sentence in sentences_:
        for stretch in dict.fromkeys(stretches(sentence)):  # so are the stretches of what runs on and on
            # Idioms go first: neither rules nor examples should see that a wait is killing somebody.
            part = patterns.plain_meaning(stretch.text)
            parts.append(part)
            found = patterns.find(part, begins=stretch.begins, ends=stretch.ends)
            findings.extend((part, finding) for finding in found)
    return parts, findings


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


def _storable(text: str) -> str:
    """The text without lone surrogates, which neither the encoder nor a file can take."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _reader() -> Reader | None:
    """The reader; None, and a line in the log, when its file is missing or damaged."""
    stored = Changes.read(READER_FILE)
    if stored is None:
        log.error("%s is missing or damaged: likeness works without it", READER_FILE.name)
        return None
    return Reader(stored[0])


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
    return joined(patterns.plain_meaning(part) for part in sentences(normalise(text)))


def compared(patterns: Patterns, text: str) -> list[str]:
    """Everything that is compared when this message is assessed: it, its sentences, clauses and windows."""
    parts, findings = _read(patterns, dict.fromkeys(sentences(normalise(text))))
    return texts_of(pieces_of(parts, findings, windows_of(parts)))


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
