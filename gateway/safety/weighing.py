"""How what the examples and the reader see in the pieces of a message is put together: as log odds.

Figures: docs/decisions/0012-safety-reader.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.safety.patterns import Danger
from gateway.safety.pieces import Piece, Window
from gateway.safety.similarity import Likeness

#: A practical question ("who signs for his inhaler?") resembles danger more often than it is danger, so it
#: needs more: .65 instead of .55, as odds.
ASKING: float = 0.42
#: A sentence is judged with what stands around it: so much counts the surrounding, the rest the sentence.
#: "Nothing's happened" alone is alarming, before a question about a course it is not.
CONTEXT = 0.6
#: Beside the whole the reader looks at so many pieces, those that are likest to danger.
READ_PIECES = 4

_ASKING = re.compile(
    r"\?|^(?:who|what|where|how|is|are|does|do|can|which|when|could|should|would|any|i need)\b"
    r"|, (?:who|what|where|how|is|can|does|do|which|any|when)\b"
)
_NO_IDEA_WHAT_TO_DO = re.compile(
    r"what (?:do|can|should|shall) (?:i|we)(?: even)? do\b|how do (?:i|we) stop\b|is that normal"
)


@dataclass(frozen=True)
class Worst:
    """The most alarming piece: its text and danger, and the log odds of crisis and of distress or crisis."""

    text: str
    danger: Danger
    crisis: float
    sad: float


#: How much the likeness of the worst piece counts, and how the reader sees the worst piece and the whole
#: message. The whole counts most: it knows what a piece is a part of.
LIKENESS_COUNTS, PIECE_COUNTS, WHOLE_COUNTS = 0.40, 0.18, 0.42


def together(
    windows: Sequence[Window],
    pieces: Sequence[Piece],
    found: Mapping[str, Likeness],
    read: Mapping[str, Likeness],
) -> tuple[float, Danger]:
    """The log odds of danger, and which: those of the worst window, so that all views are of its words.

    Args:
        windows: of the message.
        pieces: of the message, at least one.
        found: what each text of the pieces resembles.
        read: what the reader makes of the texts of the windows, and of those of the pieces to read.
    """
    seen: list[tuple[float, Danger]] = []
    for place, window in enumerate(windows):
        own = [piece for piece in pieces if piece.window == place]
        if not own:  # rules have settled all that it says
            continue
        to_read = [piece for piece in own if {piece.text, piece.around} <= read.keys()]
        whole = max((read[text] for text in window.texts), key=lambda meaning: meaning.crisis)
        odds = (
            LIKENESS_COUNTS * max(alarm(piece, found) for piece in own)
            + PIECE_COUNTS * max(alarm(piece, read) for piece in to_read)
            + WHOLE_COUNTS * log_odds(whole.crisis)
        )
        seen.append((odds, whole.danger))
    return max(seen)


def pieces_to_read(pieces: Sequence[Piece], found: Mapping[str, Likeness]) -> list[Piece]:
    """The pieces that are likest to danger, and the likest of each window."""
    order = sorted(pieces, key=lambda piece: alarm(piece, found), reverse=True)
    first_of = {piece.window: piece for piece in reversed(order)}
    return list(dict.fromkeys([*order[:READ_PIECES], *first_of.values()]))


def worst_piece(pieces: Sequence[Piece], found: Mapping[str, Likeness]) -> Worst:
    """The most alarming piece."""

    def sad(piece: Piece) -> float:
        own, around = found[piece.text], found[piece.around]
        return _mixed(own.distress + own.crisis, around.distress + around.crisis)

    worst = max(pieces, key=lambda piece: alarm(piece, found))
    return Worst(worst.text, found[worst.text].danger, alarm(worst, found), max(map(sad, pieces)))


def sadness(likest: Worst, read: Worst, whole: float) -> float:
    """The log odds of distress or danger.

    Args:
        likest: the worst piece by its likeness.
        read: the worst of the pieces that the reader has read.
        whole: the chance that the reader gives the saddest stretch of the message.
    """
    return LIKENESS_COUNTS * likest.sad + PIECE_COUNTS * read.sad + WHOLE_COUNTS * log_odds(whole)


def alarm(piece: Piece, found: Mapping[str, Likeness]) -> float:
    """The log odds that a piece tells of danger."""
    odds = _mixed(found[piece.text].crisis, found[piece.around].crisis)
    return odds - (ASKING if _asks(piece.text) else 0.0)


def chance(odds: float) -> float:
    """Log odds as a chance from 0 to 1."""
    return 1 / (1 + math.exp(-odds))


def log_odds(chance_: float) -> float:
    """A chance as log odds; nothing is surer than one in a thousand."""
    kept = min(max(chance_, 0.001), 0.999)
    return math.log(kept / (1 - kept))


def _mixed(own: float, around: float) -> float:
    """The log odds of two chances together: either can be sure enough to outweigh the other."""
    return (1 - CONTEXT) * log_odds(own) + CONTEXT * log_odds(around)


def _asks(piece: str) -> bool:
    if len(piece.split()) <= 3:
        # "my son", "and my brother": two words resemble every story that begins with them.
        return True
    return bool(_ASKING.search(piece)) and not _NO_IDEA_WHAT_TO_DO.search(piece)
