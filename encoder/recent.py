"""An encoder that remembers what it has just encoded.

The safety check reads a thought that is sent line by line again with each line, and names the example that is
nearest to what it has compared already.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from encoder.sentence_encoder import DIMENSIONS

#: Vectors kept in each: 0.4 MB.
_KEPT = 256


class Encoder(Protocol):
    """What is needed of ``SentenceEncoder``."""

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """A unit vector for each sentence."""


class RecentlyEncoded:
    """Encodes as another encoder does, and the last few hundred sentences only once. Threads may share it."""

    def __init__(self, encoder: Encoder) -> None:
        """Remember for this encoder."""
        self._encoder = encoder
        self._lock = threading.Lock()
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        # What people wrote is not kept: only digests that nobody can make without this key.
        self._key = secrets.token_bytes(32)

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """A unit vector for each sentence, as ``SentenceEncoder.encode`` gives it."""
        digests = [
            hashlib.blake2b(sentence.encode(), key=self._key, digest_size=16).digest()
            for sentence in sentences
        ]
        with self._lock:
            known = {digest: self._vectors[digest] for digest in digests if digest in self._vectors}
        new = {digest: text for digest, text in zip(digests, sentences, strict=True) if digest not in known}
        if new:
            known |= dict(zip(new, self._encoder.encode(list(new.values())), strict=True))
        with self._lock:
            for digest in digests:
                self._vectors[digest] = known[digest]
                self._vectors.move_to_end(digest)
            while len(self._vectors) > _KEPT:
                self._vectors.popitem(last=False)
        return np.array([known[digest] for digest in digests], dtype=np.float32).reshape(-1, DIMENSIONS)
