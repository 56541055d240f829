"""The safety check: rules first, then likeness to labelled examples; the worst of all sentences counts."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from encoder import EncoderUnavailable, SentenceEncoder
from encoder.recent import Encoder, RecentlyEncoded
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
from gateway.safety.reader import READER_FILE, Changes, Reader
from gateway.safety.similarity import (
    EXAMPLES_FILE,
    ExampleFile,
    Learned,
    Likeness,
    Similarity,
    fingerprint,
    learn,
)

log = logging.getLogger(__name__)

#: Chances from which likeness decides: together with the reader, and alone. They were chosen on the
#: development sets (docs/decisions/0012-safety-reader.md).
CRISIS_FROM: float = 0.45
CRISIS_FROM_ALONE: float = 0.55
#: A word or two ("tonight", "my self") resemble much: the rules know those that are danger.
CRISIS_FROM_FEW_WORDS: float = 0.80
DISTRESS_FROM: float = 0.50
#: A practical question ("who signs for his inhaler?") resembles danger more often than it is danger, so it
#: needs more: .65 instead of .55, as odds.
ASKING: float = 0.42
#: How much the likeness of the worst piece counts, and how the reader sees the worst piece and the whole
#: message. The whole counts most: it knows what a piece is a part of.
LIKENESS_COUNTS, PIECE_COUNTS, WHOLE_COUNTS = 0.40, 0.18, 0.42
#: Below this chance of distress or danger a rule for distress ("at the end of the form") is overruled, and
#: below the other one that only found a word ("suicide" in a figure of speech).
HARMLESS: float = 0.25
HARMLESS_MENTION: float = 0.10
#: A sentence is judged with what stands around it: so much counts the surrounding, the rest the sentence.
#: "Nothing's happened" alone is alarming, before a question about a course it is not.
CONTEXT = 0.6
#: The reader was taught texts of up to some eighty words: a longer message is read as several.
WHOLE_WORDS = 80
#: In a longer message than so many stretches the reader has no say: it would take too long.
MAX_WHOLES = 8
#: Fewer different words say too little.
FEWEST_WORDS = 3
#: Beside the whole the reader looks at so many pieces, those that are likest to danger.
READ_PIECES = 4
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
            by_likeness = self._by_likeness(parts, _pieces(parts, findings))
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

    def _by_likeness(self, parts: list[str], pieces: list[_Piece]) -> Assessment | None:
        if self._similarity is None or not pieces:
            return None
        texts = _texts(pieces)
        found = dict(zip(texts, self._similarity.compare(texts), strict=True))
        likest = _worst_piece(pieces, found)
        crisis, sad, danger, from_ = likest.crisis, likest.sad, likest.danger, CRISIS_FROM_ALONE
        wholes = _wholes(parts)
        if _few_words(wholes):
            from_ = CRISIS_FROM_FEW_WORDS
        elif self._reader is not None and len(wholes) <= MAX_WHOLES:
            few = sorted(pieces, key=lambda piece: _crisis(piece, found), reverse=True)[:READ_PIECES]
            texts = list(dict.fromkeys([*_texts(few), *wholes]))
            read = dict(zip(texts, self._reader.read(texts), strict=True))
            worst = _worst_piece(few, read)
            whole = max((read[text] for text in wholes), key=lambda meaning: meaning.crisis)
            saddest = max(read[text].distress + read[text].crisis for text in wholes)
            crisis = _together(likest.crisis, worst.crisis, _log_odds(whole.crisis))
            sad = _together(likest.sad, worst.sad, _log_odds(saddest))
            danger, from_ = whole.danger, CRISIS_FROM
        level: Level = "safe"
        if crisis >= _log_odds(from_):
            level = "crisis"
        elif sad >= _log_odds(DISTRESS_FROM):
            level = "distress"
        nearest = self._similarity.nearest(likest.text, danger if level == "crisis" else level)
        return Assessment(
            level,
            danger if level == "crisis" else None,
            f'like the example "{nearest}"',
            _chance(crisis if level == "crisis" else sad),
        )


@dataclass(frozen=True)
class _Worst:
    """The most alarming piece: its text and danger, and the log odds of crisis and of distress or crisis."""

    text: str
    danger: Danger
    crisis: float
    sad: float


def _worst_piece(pieces: list[_Piece], found: Mapping[str, Likeness]) -> _Worst:
    def sad(piece: _Piece) -> float:
        own, around = found[piece.text], found[piece.around]
        return _mixed(own.distress + own.crisis, around.distress + around.crisis)

    worst = max(pieces, key=lambda piece: _crisis(piece, found))
    return _Worst(worst.text, found[worst.text].danger, _crisis(worst, found), max(map(sad, pieces)))


def _crisis(piece: _Piece, found: Mapping[str, Likeness]) -> float:
    odds = _mixed(found[piece.text].crisis, found[piece.around].crisis)
    return odds - (ASKING if _asks(piece.text) else 0.0)


def _few_words(wholes: list[str]) -> bool:
    """Whether a text has too few different words; one letter by the thousand is one."""
    words = {frozenset(filter(str.isalpha, word)) for whole in wholes for word in whole.split()}
    return len(words - {frozenset()}) < FEWEST_WORDS


def _not_longer(part: str) -> list[str]:
    """A part, or stretches of one that runs on, each of which shares its half with the next."""
    words, half = part.split(), WHOLE_WORDS // 2
    if len(words) <= WHOLE_WORDS:
        return [part]
    return [" ".join(words[start : start + WHOLE_WORDS]) for start in range(0, len(words) - half, half)]


def _together(likeness: float, piece: float, whole: float) -> float:
    return LIKENESS_COUNTS * likeness + PIECE_COUNTS * piece + WHOLE_COUNTS * whole


def _wholes(parts: list[str]) -> list[str]:
    """The message in as few stretches as the reader can take, in the form in which it learned (``plain``)."""
    wholes: list[str] = []
    for part in (stretch for sentence in parts for stretch in _not_longer(sentence)):
        if wholes and len(wholes[-1].split()) + len(part.split()) <= WHOLE_WORDS:
            wholes[-1] = _joined([wholes[-1], part])
        else:
            wholes.append(_joined([part]))
    return wholes


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


@dataclass(frozen=True)
class _Piece:
    """A sentence, a clause or a whole message, and what stands around it."""

    text: str
    around: str


def _texts(pieces: Iterable[_Piece]) -> list[str]:
    return list(dict.fromkeys(text for piece in pieces for text in (piece.text, piece.around)))


def _mixed(own: float, around: float) -> float:
    """The log odds of two chances together: either can be sure enough to outweigh the other."""
    return (1 - CONTEXT) * _log_odds(own) + CONTEXT * _log_odds(around)


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(chance: float) -> float:
    chance = min(max(chance, 0.001), 0.999)
    return math.log(chance / (1 - chance))


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
    return _joined(patterns.plain_meaning(part) for part in sentences(normalise(text)))


def _joined(parts: Iterable[str]) -> str:
    """Sentences as one text: one full stop between them and none at the end, however they came."""
    return ". ".join(part.rstrip(".") for part in parts)


def compared(patterns: Patterns, text: str) -> list[str]:
    """Everything that is compared when this message is assessed: it, its sentences, clauses and windows."""
    return _texts(_pieces(*_read(patterns, dict.fromkeys(sentences(normalise(text))))))


def _asks(piece: str) -> bool:
    if len(piece.split()) <= 3:
        # "my son", "and my brother": two words resemble every story that begins with them.
        return True
    return bool(_ASKING.search(piece)) and not _NO_IDEA_WHAT_TO_DO.search(piece)


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
            groups.append([_joined([part]), *clauses])
        elif clauses:
            groups.append([_joined(clauses), *clauses])
    sentences_ = [group[0] for group in groups]
    short = sum(len(sentence.split()) for sentence in sentences_) <= SHORT_MESSAGE
    pieces: list[_Piece] = []
    for number, group in enumerate(groups):
        around = sentences_ if short else sentences_[max(number - 1, 0) : number + 2]
        window = _joined(around)
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
    return [_joined(pieces[n : n + each]) for n in range(0, len(pieces), each)]
