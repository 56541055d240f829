"""The encoder's weights out of its pinned ONNX file, and changed ones as what takes their place in it.

The file holds each matrix as whole numbers (-127 to 127) with a scale for each column, and everything else as
float32. A changed weight takes the very bytes of the old one, so that a change is an offset and bytes.
"""

from __future__ import annotations

import re

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from encoder.changes import Replacements
from encoder.sentence_encoder import model_file

LAYERS = 6
#: The exporter numbered the matrices in the order in which they are used: a layer's are these.
_PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
_NUMBERED = re.compile(r"(val_(\d+))_q")
_NORMS = ("attention.output.LayerNorm", "output.LayerNorm")

Weights = dict[str, NDArray[np.float32]]


class ModelFile:
    """The encoder's file, read once."""

    def __init__(self, changes: Replacements = ()) -> None:
        """Read it.

        Args:
            changes: what was learned before, to begin from.

        Raises:
            EncoderUnavailable: the package that ships it is not installed.
        """
        self._bytes = model_file().read_bytes()
        self._stored = _initializers(self._bytes)
        changed = bytearray(self._bytes)
        for offset, values in changes:
            changed[offset : offset + len(values)] = values
        self._now = _initializers(bytes(changed))
        numbered = sorted(
            (int(found[2]), found[1]) for name in self._stored if (found := _NUMBERED.fullmatch(name))
        )
        names = [(layer, part) for layer in range(LAYERS) for part in _PARTS]
        self._matrices = {name: stored for name, (_, stored) in zip(names, numbered, strict=True)}

    def embeddings(self) -> Weights:
        """The embeddings, which stay as they are."""
        return {
            "words": self._matrix("inner.embeddings.word_embeddings.weight"),
            "positions": self._matrix("inner.embeddings.position_embeddings.weight"),
            "types": self._array("inner.embeddings.token_type_embeddings.weight"),
            "norm.weight": self._array("inner.embeddings.LayerNorm.weight"),
            "norm.bias": self._array("inner.embeddings.LayerNorm.bias"),
        }

    def layers(self) -> Weights:
        """All weights of the layers; a matrix is (inputs, outputs)."""
        matrices = {
            f"{layer}.{part}.weight": self._matrix(stored) for (layer, part), stored in self._matrices.items()
        }
        return matrices | {name: self._array(stored) for name, stored in self._vectors()}

    def changes(self, weights: Weights) -> list[tuple[int, bytes]]:
        """Changed ``layers()`` as (byte offset in the file, bytes)."""
        changes = []
        for (layer, part), stored in self._matrices.items():
            matrix = weights[f"{layer}.{part}.weight"]
            scale = np.maximum(np.abs(matrix).max(axis=0, keepdims=True) / 127, 1e-12).astype(np.float32)
            changes.append(self._change(f"{stored}_q", np.rint(matrix / scale).astype(np.int8)))
            changes.append(self._change(f"{stored}_scale", scale))
        changes += [self._change(stored, weights[name]) for name, stored in self._vectors()]
        return changes

    def _vectors(self) -> list[tuple[str, str]]:
        """Names of biases and normalisations: ours, and the file's."""
        ours = [f"{layer}.{part}.bias" for layer, part in self._matrices]
        ours += [
            f"{layer}.{part}.{kind}"
            for layer in range(LAYERS)
            for part in _NORMS
            for kind in ("weight", "bias")
        ]
        return [(name, f"inner.encoder.layer.{name}") for name in ours]

    def _array(self, name: str) -> NDArray[np.float32]:
        return np.array(numpy_helper.to_array(self._now[name]))

    def _matrix(self, name: str) -> NDArray[np.float32]:
        return self._array(f"{name}_q").astype(np.float32) * self._array(f"{name}_scale")

    def _change(self, name: str, values: NDArray[np.float32] | NDArray[np.int8]) -> tuple[int, bytes]:
        old = self._stored[name].raw_data
        if self._bytes.count(old) != 1:
            raise ValueError(f"{name}: its bytes are not found exactly once in the encoder's file")
        new = np.ascontiguousarray(values).tobytes()
        if len(new) != len(old):
            raise ValueError(f"{name}: {len(new)} bytes cannot take the place of {len(old)}")
        return self._bytes.index(old), new


def _initializers(file: bytes) -> dict[str, onnx.TensorProto]:
    return {item.name: item for item in onnx.load_from_string(file).graph.initializer}
