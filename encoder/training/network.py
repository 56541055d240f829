"""The encoder's arithmetic in JAX, which can differentiate it.

The network is BERT (Devlin et al., 2019, https://arxiv.org/abs/1810.04805) in the size of MiniLM-L6: 6
layers, 12 heads, 384 wide.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from encoder.sentence_encoder import DIMENSIONS, TOKENIZER_FILE
from encoder.training.weights import LAYERS

_HEADS = 12
_DROPOUT = 0.1

#: Weights by name, as ``ModelFile`` names them.
Arrays = dict[str, jax.Array]


def word_pieces(texts: Sequence[str], longest: int) -> list[list[int]]:
    """The numbers of each text's word pieces, at most ``longest``."""
    tokenizer = Tokenizer.from_file(str(TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def padded(
    texts: Sequence[Sequence[int]], lengths: Sequence[int]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Word piece numbers and mask of some texts, padded to the shortest of ``lengths`` that takes them all.

    JAX compiles each shape once, so there should be few.
    """
    longest = max(map(len, texts))
    length = next(length for length in lengths if length >= longest)
    ids, mask = np.zeros((2, len(texts), length), dtype=np.int32)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    return ids, mask


def vectors(embeddings: Arrays, layers: Arrays, ids: jax.Array, mask: jax.Array, key: jax.Array) -> jax.Array:
    """The unit vectors of texts, with dropout: shape (texts, 384)."""
    keys = iter(jax.random.split(key, 2 * LAYERS + 1))
    texts, length = ids.shape
    x = embeddings["words"][ids] + embeddings["positions"][:length] + embeddings["types"][0]
    x = dropped(_norm(x, embeddings["norm.weight"], embeddings["norm.bias"]), next(keys))
    hidden_from = jnp.where(mask[:, None, None, :] > 0, 0.0, -1e9)
    for layer in range(LAYERS):

        def linear(x: jax.Array, part: str, layer: int = layer) -> jax.Array:
            return x @ layers[f"{layer}.{part}.weight"] + layers[f"{layer}.{part}.bias"]

        def norm(x: jax.Array, part: str, layer: int = layer) -> jax.Array:
            return _norm(x, layers[f"{layer}.{part}.weight"], layers[f"{layer}.{part}.bias"])

        query, keys_, values = (
            linear(x, f"attention.self.{name}").reshape(texts, length, _HEADS, -1).transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )
        heads = query @ keys_.transpose(0, 1, 3, 2) / np.sqrt(DIMENSIONS / _HEADS) + hidden_from
        mixed = (jax.nn.softmax(heads) @ values).transpose(0, 2, 1, 3).reshape(texts, length, DIMENSIONS)
        mixed = dropped(linear(mixed, "attention.output.dense"), next(keys))
        x = norm(x + mixed, "attention.output.LayerNorm")
        inner = jax.nn.gelu(linear(x, "intermediate.dense"), approximate=False)
        x = norm(x + dropped(linear(inner, "output.dense"), next(keys)), "output.LayerNorm")
    counted = mask[:, :, None].astype(jnp.float32)
    means = (x * counted).sum(1) / counted.sum(1)
    return means / jnp.linalg.norm(means, axis=1, keepdims=True)


def dropped(x: jax.Array, key: jax.Array) -> jax.Array:
    """Dropout: each number is left out with a chance of a tenth."""
    return jnp.where(jax.random.bernoulli(key, 1 - _DROPOUT, x.shape), x / (1 - _DROPOUT), 0.0)


def _norm(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-12) * weight + bias
