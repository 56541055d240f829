"""What of a message is compared: its sentences, the clauses of long ones, and the message in stretches."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.safety.patterns import Finding

#: The reader was taught texts of up to some eighty words: a longer message is read as several.
WHOLE_WORDS = 80
#: A message of no more words is its own surrounding; in a longer one it is the sentence and its neighbours.
SHORT_MESSAGE = 45
#: Pieces of one message that are compared with the examples; in a longer one neighbours go together.
MAX_PIECES = 24
#: In a message of more stretches than so many the reader has no say: it would take too long.
MAX_WINDOWS = 8
#: A sentence of more words is also looked at clause by clause, so that no clause is drowned by the others.
LONG_SENTENCE = 14
SHORTEST_CLAUSE = 4

_CLAUSES = re.compile(r"[,;:()]+|\b(?:but|and then|and|because|so|although|though|except|while|since|then)\b")


@dataclass(frozen=True)
class Piece:
    """A sentence, a clause or a whole message, what stands around it, and in which window it stands."""

    text: str
    around: str
    window: int = 0


@dataclass(frozen=True)
class Window:
    """A stretch of a message that is judged by itself: danger at its end is not drowned by the rest."""

    #: The numbers of its sentences.
    parts: tuple[int, ...]
    #: What the reader reads, in the form in which it learned; several if a sentence runs on and on.
    texts: tuple[str, ...]


def joined(parts: Iterable[str]) -> str:
    """Sentences as one text: one full stop between them and none at the end, however they came."""
    return ". ".join(part.rstrip(".") for part in parts)


def texts_of(pieces: Iterable[Piece]) -> list[str]:
    """Everything that is encoded for these pieces, once each."""
    return list(dict.fromkeys(text for piece in pieces for text in (piece.text, piece.around)))


def windows_of(parts: Sequence[str]) -> list[Window]:
    """Sentences in as few windows as the reader can take, and the longest as short as can be."""
    lengths = [len(part.split()) for part in parts]
    fewest = len(_filled(lengths, WHOLE_WORDS))
    enough = bisect_left(range(WHOLE_WORDS), -fewest, key=lambda most: -len(_filled(lengths, most)))
    return [
        Window(tuple(group), tuple(_not_longer(joined(parts[number] for number in group))))
        for group in _filled(lengths, enough)
    ]


def _filled(lengths: Sequence[int], most: int) -> list[list[int]]:
    """The numbers of the sentences, one list a window of at most so many words or of one sentence."""
    groups: list[list[int]] = []
    filled = 0
    for number, length in enumerate(lengths):
        if groups and filled + length <= most:
            groups[-1].append(number)
            filled += length
        else:
            groups.append([number])
            filled = length
    return groups


def _not_longer(text: str) -> list[str]:
    """A text, or stretches of one that runs on, each of which shares its half with the next."""
    words, half = text.split(), WHOLE_WORDS // 2
    if len(words) <= WHOLE_WORDS:
        return [text]
    return [" ".join(words[start : start + WHOLE_WORDS]) for start in range(0, len(words) - half, half)]


def pieces_of(
    parts: Sequence[str], findings: Sequence[tuple[str, Finding]], windows: Sequence[Window]
) -> list[Piece]:
    """What is compared with the examples: the message, its sentences, and the clauses of long ones.

    Args:
        parts: the sentences.
        findings: what the rules found, each with its sentence; what they settled is left out.
        windows: of these sentences (``windows_of``).
    """
    settled: dict[str, list[tuple[int, int]]] = {}
    for part, finding in findings:
        if finding.settled:
            settled.setdefault(part, []).append((finding.start, finding.end))
    window_of = {number: place for place, window in enumerate(windows) for number in window.parts}
    groups: list[tuple[int, list[str]]] = []
    for number, part in enumerate(parts):
        spans = settled.get(part, [])
        clauses = _clauses(part, spans) if spans or len(part.split()) > LONG_SENTENCE else []
        if not spans:
            # Without its full stop: a message of one sentence is its own surrounding, encoded once.
            groups.append((window_of[number], [joined([part]), *clauses]))
        elif clauses:
            groups.append((window_of[number], [joined(clauses), *clauses]))
    sentences = [group[0] for _, group in groups]
    short = sum(len(sentence.split()) for sentence in sentences) <= SHORT_MESSAGE
    pieces: list[Piece] = []
    for number, (window, group) in enumerate(groups):
        around = joined(sentences if short else sentences[max(number - 1, 0) : number + 2])
        pieces.append(Piece(around, around, window))
        pieces += [Piece(text, around, window) for text in group]
    pieces = list(dict.fromkeys(pieces))
    return pieces if len(pieces) <= MAX_PIECES else _merged(sentences, [window for window, _ in groups])


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


def _merged(sentences: Sequence[str], windows: Sequence[int]) -> list[Piece]:
    """Neighbours joined: a very long message is read more coarsely but to its end.

    At most ``MAX_PIECES``; or some more where the windows count, since none may lie in two of them.
    """
    once: dict[str, int] = {}
    for sentence, window in zip(sentences, windows, strict=True):
        once.setdefault(sentence, window)
    each = -(-len(once) // MAX_PIECES)
    runs: dict[int, list[str]] = {}
    for sentence, window in once.items():
        runs.setdefault(window if windows[-1] < MAX_WINDOWS else 0, []).append(sentence)
    return [
        Piece(text, text, window)
        for window, run in runs.items()
        for text in (joined(run[n : n + each]) for n in range(0, len(run), each))
    ]
