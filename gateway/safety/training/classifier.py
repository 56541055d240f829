"""Training of the encoder's layers with one layer on top that tells labels apart.

Dropout and label smoothing keep it from learning the examples by heart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from encoder import DIMENSIONS
from encoder.training.learning import descend, rate_of
from encoder.training.network import Arrays, dropped, padded, vectors
from encoder.training.weights import Weights
from gateway.safety.reader import SCALE

_SMOOTHING = 0.05
#: From the plain encoder, and from what was learned before.
_RATE, _RATE_FURTHER = 2e-4, 1e-4
#: A new layer on top starts from nothing and learns so much faster.
_TOP_FASTER = 10
_BATCH = 32
#: Texts are padded to one of these lengths (word pieces).
_LENGTHS = (8, 16, 24, 32, 48, 64, 96)
LONGEST = _LENGTHS[-1]

#: The layers' weights and those of the layer on top, by part and name.
_Tree = dict[str, Arrays]
#: Word pieces, mask, labels, weights.
_Batch = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Trained:
    """The layers' weights, and the layer on top."""

    layers: Weights
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def train(
    embeddings: Weights,
    layers: Weights,
    texts: Sequence[Sequence[int]],
    labels: NDArray[np.integer],
    counts: NDArray[np.floating],
    top: tuple[NDArray[np.float32], NDArray[np.float32]] | None,
    epochs: int,
    seed: int,
) -> Trained:
    """Train ``layers`` and a layer on top; about half an hour for twenty thousand texts on two cores.

    Args:
        embeddings: as ``ModelFile.embeddings`` gives them; they stay as they are.
        layers: the weights to start from, as ``ModelFile.layers`` gives them.
        texts: word piece numbers of each text.
        labels: the number of each text's label.
        counts: how much each text counts.
        top: weights and bias of the layer on top to start from; None for one that knows nothing.
        epochs: how often each text is seen.
        seed: of the order and the dropout; the same seed gives the same weights on the same machine.
    """
    classes = int(labels.max()) + 1
    # The square root: danger is rarer among the examples than safe talk but must not be drowned by it.
    weight = counts / np.sqrt(np.bincount(labels, weights=counts)[labels])
    weight = (weight / weight.mean()).astype(np.float32)
    order = np.random.default_rng(seed)
    fixed = {name: jnp.asarray(value) for name, value in embeddings.items()}
    weights, bias = top or (order.normal(0, 0.02, (DIMENSIONS, classes)), np.zeros(classes))
    learned = {
        "layers": {name: jnp.asarray(value) for name, value in layers.items()},
        "top": {"weight": jnp.asarray(weights, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)},
    }
    highest, faster = (_RATE, _TOP_FASTER) if top is None else (_RATE_FURTHER, 1)
    rate = rate_of(highest, epochs * -(-len(texts) // _BATCH))
    optimiser = optax.multi_transform(
        {
            "layers": optax.adamw(rate, weight_decay=0.01),
            "top": optax.adamw(lambda step: rate(step) * faster, weight_decay=0.01),
        },
        {"layers": "layers", "top": "top"},
    )

    def loss(learned: _Tree, batch: _Batch, key: jax.Array) -> jax.Array:
        ids, mask, wanted, weight = batch
        logits = _logits(fixed, learned, ids, mask, key)
        smooth = jax.nn.one_hot(wanted, classes) * (1 - _SMOOTHING) + _SMOOTHING / classes
        return (optax.softmax_cross_entropy(logits, smooth) * weight).mean()

    def batches() -> Iterator[_Batch]:
        for rows in _batches(texts, order):
            yield *padded([texts[row] for row in rows], _LENGTHS), labels[rows], weight[rows]

    learned = descend(learned, loss, optimiser, batches, epochs, seed)
    return Trained(
        {name: np.asarray(value) for name, value in learned["layers"].items()},
        np.asarray(learned["top"]["weight"]),
        np.asarray(learned["top"]["bias"]),
    )


def _batches(texts: Sequence[Sequence[int]], order: np.random.Generator) -> Iterator[NDArray[np.integer]]:
    """Batches in random order, texts of like length together; the last is filled up with others."""
    shuffled = order.permutation(len(texts))
    batches = []
    for start in range(0, len(shuffled), _BATCH * 20):
        some = sorted(shuffled[start : start + _BATCH * 20], key=lambda row: len(texts[row]))
        batches += [some[n : n + _BATCH] for n in range(0, len(some), _BATCH)]
    for number in order.permutation(len(batches)):
        rows = np.array(batches[number])
        yield np.append(rows, order.integers(len(texts), size=_BATCH - len(rows)))


def _logits(fixed: Arrays, learned: _Tree, ids: jax.Array, mask: jax.Array, key: jax.Array) -> jax.Array:
    inner, last = jax.random.split(key)
    found = dropped(SCALE * vectors(fixed, learned["layers"], ids, mask, inner), last)
    return found @ learned["top"]["weight"] + learned["top"]["bias"]
