"""Learns from the shipped content which wordings ask for the same record, and writes ``metric.npz``.

    python -m knowledge.learn_metric

Run it after a large change of the content (docs/content.md). Search works with an older metric too: what it
has learned is a way of telling questions apart, and no record is in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoder import DIMENSIONS, SentenceEncoder
from knowledge.content import read_content
from knowledge.content_schema import GlossaryTerm
from knowledge.indexing import findable, phrases
from knowledge.metric import METRIC_FILE, Metric

#: Chosen on the development questions and on wordings held back (docs/decisions/0007-search.md).
EPOCHS = 20
_BATCH = 512
_STEP = 0.001
#: How sharply the right record must stand out among the others of a batch.
_SHARPNESS = 20.0
#: How dear a change of the encoder's own measure is.
_KEPT_SMALL = 0.03
#: How much of the encoder's own measure stays in what was learned.
_OWN = np.float32(0.2)


def learn_metric(
    vectors: NDArray[np.float32], owners: Sequence[int], *, epochs: int = EPOCHS, seed: int = 0
) -> Metric:
    """Learn the metric in which a phrase is closest to the other phrases of its own record.

    Each step takes a batch of phrases, each with another phrase of its record, and raises the likeness of the
    pairs over that of all other pairs in the batch (the multiple negatives ranking loss of Henderson et al.
    2017, "Efficient Natural Language Response Suggestion"), by Adam on W in x + xW.

    Args:
        vectors: unit vectors, shape ``(n, 384)``.
        owners: the record of each, as a number; phrases that are alone in their record teach nothing.
        epochs: how often each phrase is looked at.
        seed: the same seed gives the same metric.

    Raises:
        ValueError: fewer than two records have two phrases or more.
    """
    owner_of = np.asarray(owners)
    of_record = {owner: np.flatnonzero(owner_of == owner) for owner in np.unique(owner_of)}
    anchors = np.concatenate([[], *(rows for rows in of_record.values() if len(rows) > 1)]).astype(np.int64)
    if len({owner_of[row] for row in anchors}) < 2:
        raise ValueError("at least two records with two phrases are needed")
    chance = np.random.default_rng(seed)
    change = np.zeros((DIMENSIONS, DIMENSIONS), dtype=np.float32)
    adam = _Adam(change)
    for _ in range(epochs):
        chance.shuffle(anchors)
        for start in range(0, len(anchors), _BATCH):
            batch = anchors[start : start + _BATCH]
            partners = np.array([_another(of_record[owner_of[row]], row, chance) for row in batch])
            slope = _slope(change, vectors[batch], vectors[partners], owner_of[batch])
            adam.step(slope + np.float32(2 * _KEPT_SMALL) * change)
    plain = np.eye(DIMENSIONS, dtype=np.float32)
    turned = plain + change
    return Metric((1 - _OWN) * (turned @ turned.T) + _OWN * plain)


def _another(rows: NDArray[np.int64], row: int, chance: np.random.Generator) -> int:
    others = rows[rows != row]
    return int(others[chance.integers(len(others))])


def _slope(
    change: NDArray[np.float32],
    asked: NDArray[np.float32],
    partners: NDArray[np.float32],
    owners: NDArray[np.int64],
) -> NDArray[np.float32]:
    """How the loss of one batch changes with W."""
    count = len(asked)
    left, left_length = _turned(change, asked)
    right, right_length = _turned(change, partners)
    likeness = np.float32(_SHARPNESS) * (left @ right.T)
    # Another phrase of the same record is no wrong answer.
    likeness[(owners[:, None] == owners[None, :]) & ~np.eye(count, dtype=bool)] = -np.inf
    error = np.asarray(_softmax(likeness) + _softmax(likeness.T).T, dtype=np.float32) / 2
    error[np.arange(count), np.arange(count)] -= 1
    error = np.asarray(error * (_SHARPNESS / count), dtype=np.float32)
    by_left = _through_length(np.asarray(error @ right, dtype=np.float32), left, left_length)
    by_right = _through_length(np.asarray(error.T @ left, dtype=np.float32), right, right_length)
    return np.asarray(asked.T @ by_left + partners.T @ by_right, dtype=np.float32)


def _turned(
    change: NDArray[np.float32], rows: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    turned = rows + rows @ change
    length = np.asarray(np.linalg.norm(turned, axis=1, keepdims=True), dtype=np.float32)
    return np.asarray(turned / length), length


def _through_length(
    slope: NDArray[np.float32], unit: NDArray[np.float32], length: NDArray[np.float32]
) -> NDArray[np.float32]:
    along = (slope * unit).sum(axis=1, keepdims=True)
    return np.asarray((slope - unit * along) / length, dtype=np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


class _Adam:
    """Adam (Kingma and Ba 2015) with its usual constants, on one matrix in place."""

    def __init__(self, weights: NDArray[np.float32]) -> None:
        self._weights = weights
        self._mean, self._square = np.zeros_like(weights), np.zeros_like(weights)
        self._steps = 0

    def step(self, slope: NDArray[np.float32]) -> None:
        self._steps += 1
        self._mean += np.float32(0.1) * (slope - self._mean)
        self._square += np.float32(0.001) * (slope * slope - self._square)
        mean = self._mean / np.float32(1 - 0.9**self._steps)
        square = self._square / np.float32(1 - 0.999**self._steps)
        self._weights -= np.float32(_STEP) * mean / (np.sqrt(square) + np.float32(1e-8))


def main() -> None:
    """Write the file.

    Raises:
        ContentError: the content has a fault; nothing is written.
        EncoderUnavailable: the sentence encoder is missing; nothing is written.
    """
    texts: list[str] = []
    owners: list[int] = []
    for number, record in enumerate(read_content().records()):
        found = findable(record)
        # "What is X?" is all that is asked of a term: it tells nothing of how people word a question.
        if found is None or isinstance(record, GlossaryTerm):
            continue
        own = list(phrases(found))
        texts += own
        owners += [number] * len(own)
    metric = learn_metric(SentenceEncoder(threads=2).encode(texts), owners)
    np.savez_compressed(METRIC_FILE, matrix=metric.matrix.astype(np.float16))
    print(f"{METRIC_FILE.name}: learned from {len(texts)} phrases")


if __name__ == "__main__":
    main()
