"""Which training lines are nearly a held-out line."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from tests.knowledge.conftest import plain_encoder

#: Nearer than this (cosine of the sentence vectors) is the same sentence with a word changed.
NEAR_COPY = 0.97
#: "yes please", "thank you": everybody's words, which no two people write differently.
STOCK_PHRASE = 2

#: Such a pair shares nearly all its letters, so only pairs that share half of them are encoded.
_SHARED = 0.5
_COLUMNS = 4096


def near_copies(lines: Sequence[str], held_out: Sequence[str]) -> list[str]:
    """The ``lines`` that are a held-out line or a near copy; a held-out line itself is never told."""
    lines, held_out = (
        [text for text in texts if len(text.split()) > STOCK_PHRASE] for texts in (lines, held_out)
    )
    rows, columns = np.nonzero(_letters(lines) @ _letters(held_out).T >= _SHARED)
    some, others = np.unique(rows), np.unique(columns)
    encoder = plain_encoder()
    ours = dict(zip(some, encoder.encode([lines[row] for row in some]), strict=True))
    theirs = dict(zip(others, encoder.encode([held_out[column] for column in others]), strict=True))
    copied = {
        row for row, column in zip(rows, columns, strict=True) if ours[row] @ theirs[column] >= NEAR_COPY
    }
    return [lines[row] for row in sorted(copied)]


def _letters(texts: Sequence[str]) -> np.ndarray:
    """Runs of three letters as unit vectors."""
    found = np.zeros((len(texts), _COLUMNS), dtype=np.float32)
    for row, text in enumerate(texts):
        spaced = f" {text.lower()} "
        runs = {zlib.crc32(spaced[n : n + 3].encode()) % _COLUMNS for n in range(len(spaced) - 2)}
        found[row, list(runs)] = 1 / max(len(runs), 1) ** 0.5
    return found
