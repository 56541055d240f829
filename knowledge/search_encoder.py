"""The encoder of the search: the sentence encoder, trained further on the wordings of the shipped content.

The encoder as it comes was trained on all kinds of text: to it, two questions about a plan's deadline are as
good as the same, and a long story is about all that is told in it. Here its layers have learned
(``knowledge/training``) to bring a question close to the other wordings of the record that answers it. What
was learned is kept in ``search_encoder.npz`` as changes to the encoder's pinned file.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from encoder import EncoderUnavailable, SentenceEncoder
from encoder.archives import save_whole
from encoder.changes import Replacements, packed, unpacked
from encoder.sentence_encoder import MODEL_SHA256

#: Written by ``python -m knowledge.training``.
SEARCH_ENCODER_FILE = Path(__file__).parent / "search_encoder.npz"


def save(changes: Replacements, path: Path = SEARCH_ENCODER_FILE) -> None:
    """Write what was learned; whoever reads meanwhile has the old file whole."""
    save_whole(path, **packed(changes))


def search_encoder(threads: int = 1, path: Path = SEARCH_ENCODER_FILE) -> SentenceEncoder:
    """An encoder whose vectors the store holds (about 0.3 s, 60 MB).

    Args:
        threads: threads it may use inside one call.
        path: what was learned.

    Raises:
        EncoderUnavailable: a file is missing, damaged or not the pinned one.
    """
    return SentenceEncoder(threads=threads, changes=learned(path))


def learned(path: Path = SEARCH_ENCODER_FILE) -> list[tuple[int, bytes]]:
    """What the search's encoder has in place of the pinned file's bytes, as (byte offset, bytes).

    Raises:
        EncoderUnavailable: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return unpacked(stored)
    except (OSError, EOFError, KeyError, ValueError, BadZipFile, zlib.error) as error:
        raise EncoderUnavailable(
            f"the search encoder's file {path.name} is missing or damaged; get it from the repository again"
        ) from error


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Which encoder it is: another one gives other vectors for the same words."""
    learned = SEARCH_ENCODER_FILE.read_bytes()
    return hashlib.sha256(MODEL_SHA256.encode() + learned).hexdigest()
