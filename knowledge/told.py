"""What people told before and around the questions that the shipped records answer, as vectors.

A long message is closer to another long message about the same need than to the short question that its
record is called by, and a short one that carries a question on to another such pair. So the search compares a
message with both. The stories are in ``training/stories.jsonl``, the pairs in ``training/chats.jsonl``;
``python -m knowledge.learn`` encodes them, since that takes minutes and they change seldom. A record that has
none, as one of a council's own, is found by its wordings alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from encoder import DIMENSIONS, EncoderUnavailable
from encoder.archives import save_whole
from knowledge.search_encoder import fingerprint

#: Written by ``python -m knowledge.learn``: the stories, and the pairs.
TOLD_FILE = Path(__file__).parent / "told.npz"
CHATS_FILE = Path(__file__).parent / "chats.npz"

#: Vectors of length 1 are kept as whole numbers up to this: a quarter of the size, and a likeness that is at
#: most .002 off.
_GREATEST = 127


#: What the encoder was taught to see between a question and what carries it on: its own mark between texts.
_CARRIES_ON = " [SEP] "


def carried_on(before: str, text: str) -> str:
    """A message together with the question before it, as the search's encoder reads them."""
    return f"{before}{_CARRIES_ON}{text}"


@dataclass(frozen=True)
class Told:
    """Stories, or pairs that carry on, each with the record that answers it."""

    record_ids: Sequence[str]
    vectors: NDArray[np.float32]  # (stories, 384), unit length, of the search's encoder
    #: What they were encoded from, as ``knowledge.learn.digest_of``.
    digest: str = ""

    def save(self, path: Path = TOLD_FILE) -> None:
        """Write them to a file; whoever reads meanwhile has the old one whole."""
        names, numbers = np.unique(list(self.record_ids), return_inverse=True)
        greatest = np.abs(self.vectors).max(axis=1, keepdims=True)
        save_whole(
            path,
            fingerprint=np.array(fingerprint()),
            digest=np.array(self.digest),
            names=names,
            numbers=numbers.astype(np.int32),
            vectors=np.rint(self.vectors / greatest * _GREATEST).astype(np.int8),
        )


#: For a search whose encoder is not the one that ships.
NOTHING_TOLD = Told((), np.empty((0, DIMENSIONS), dtype=np.float32))


def shipped_stories(path: Path = TOLD_FILE) -> Told:
    """The stories that ship.

    Raises:
        EncoderUnavailable: the file is missing, damaged, or of another encoder than the search's.
    """
    return _read(path)


def shipped_chats(path: Path = CHATS_FILE) -> Told:
    """The pairs that ship, as ``carried_on`` joins them.

    Raises:
        EncoderUnavailable: as for the stories.
    """
    return _read(path)


def _read(path: Path) -> Told:
    try:
        with np.load(path, allow_pickle=False) as stored:
            names, numbers = stored["names"], stored["numbers"]
            vectors = stored["vectors"].astype(np.float32)
            made_by, digest = str(stored["fingerprint"]), str(stored["digest"])
            record_ids = [str(name) for name in names[numbers]]
    except (OSError, EOFError, KeyError, ValueError, IndexError, BadZipFile, zlib.error) as error:
        raise EncoderUnavailable(
            f"the search's file {path.name} is missing or damaged; get it from the repository again"
        ) from error
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if made_by != fingerprint() or vectors.shape != (len(record_ids), DIMENSIONS) or not lengths.all():
        raise EncoderUnavailable(
            f"the search's file {path.name} was not made by the search encoder that is installed;"
            " run `python -m knowledge.learn`"
        )
    return Told(record_ids, vectors / lengths, digest)
