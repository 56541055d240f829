"""How alike two questions are to this store: a measure learned from wordings that ask for the same record.

The sentence encoder was trained on all kinds of text: to it, two questions about a plan's deadline are
as good as the same. A symmetric matrix A in place of the plain scalar product (a Mahalanobis metric, as in
Xing et al. 2002, "Distance Metric Learning") learns which directions of the vectors tell records apart. The
vectors in the store stay the encoder's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder import DIMENSIONS

#: Written by ``python -m knowledge.learn_metric``.
METRIC_FILE = Path(__file__).parent / "metric.npz"

#: Rows measured at a time: bounds the memory that measuring a large store takes beside its matrix.
_CHUNK = 5_000

#: Keeps an empty vector's length from being 0.
_SHORTEST = 1e-12


@dataclass(frozen=True)
class Metric:
    """A scalar product of sentence vectors: x A y."""

    matrix: NDArray[np.float32]  # (384, 384), symmetric and positive definite

    def towards(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vector whose plain product with a row, over the row's length here, is how alike they are.

        Args:
            vector: one unit vector of the encoder, shape ``(384,)``.
        """
        turned = self.matrix @ vector
        length = math.sqrt(max(float(turned @ vector), _SHORTEST))
        return np.asarray(turned / length, dtype=np.float32)

    def lengths(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The length of each row in this measure; never 0, shape ``(len(rows),)``."""
        lengths = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            lengths[start : start + _CHUNK] = np.einsum("ij,ij->i", some @ self.matrix, some)
        return np.sqrt(np.maximum(lengths, np.float32(_SHORTEST)))


@lru_cache(maxsize=1)
def shipped_metric() -> Metric:
    """The metric that was learned from the shipped content."""
    with np.load(METRIC_FILE, allow_pickle=False) as stored:
        return Metric(stored["matrix"].astype(np.float32))


def plain_metric() -> Metric:
    """The plain scalar product: the cosine of the encoder's own vectors."""
    return Metric(np.eye(DIMENSIONS, dtype=np.float32))
