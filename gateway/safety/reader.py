"""What a sentence means as a whole: the sentence encoder, trained further on the labelled examples.

The encoder as it comes knows what a sentence is about; whether "I want it to stop" is about a tap or a life
it was never taught. Here its layers have learned just that (``gateway/safety/training``), together with one
layer that turns a vector into the chance of each label. What was learned is kept in ``reader.npz`` as
changes to the encoder's pinned file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from encoder import SentenceEncoder
from encoder.archives import save_whole
from encoder.changes import packed, unpacked
from encoder.recent import RecentlyEncoded
from gateway.safety.similarity import Likeness, likeness, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Written by ``python -m gateway.safety.training``.
READER_FILE = Path(__file__).parent / "reader.npz"
#: Vectors have length 1; the layer above them learns faster on longer ones.
SCALE = 8.0


@dataclass(frozen=True)
class Changes:
    """What training leaves."""

    #: The labels in the order of the weights' columns.
    labels: list[str]
    #: Weights of the encoder, as (byte offset in its file, bytes).
    encoder: list[tuple[int, bytes]]
    #: The layer above: (384, labels) and (labels,).
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def save(self, path: Path, fingerprint: str) -> None:
        """Write them to a file; ``fingerprint`` is the digest of the examples they were learned from."""
        save_whole(
            path,
            fingerprint=np.array(fingerprint),
            labels=np.frombuffer(json.dumps(self.labels).encode(), dtype=np.uint8),
            weights=self.weights,
            bias=self.bias,
            **packed(self.encoder),
        )

    @classmethod
    def read(cls, path: Path = READER_FILE) -> tuple[Changes, str] | None:
        """The file's content and its fingerprint; None when there is none or it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                changes = cls(
                    labels=json.loads(stored["labels"].tobytes()),
                    encoder=unpacked(stored),
                    weights=stored["weights"],
                    bias=stored["bias"],
                )
                return changes, str(stored["fingerprint"])
        except (OSError, KeyError, ValueError, BadZipFile):
            return None


class Reader:
    """Says how likely each label is for a text. May be used from several threads."""

    def __init__(self, changes: Changes, threads: int = 1) -> None:
        """Load the encoder with its changed weights (about 0.3 s, 60 MB).

        Raises:
            EncoderUnavailable: the encoder's own file is missing or not the pinned one.
        """
        self.labels = changes.labels
        self._encoder = RecentlyEncoded(SentenceEncoder(threads=threads, changes=changes.encoder))
        self._weights, self._bias = changes.weights * np.float32(SCALE), changes.bias

    def chances(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text, one column a label, each row adding up to 1."""
        return softmax(self._encoder.encode(texts) @ self._weights + self._bias)

    def read(self, texts: Sequence[str]) -> list[Likeness]:
        """What each text means."""
        return [likeness(self.labels, row) for row in self.chances(texts)]
