"""Weights learned further, as changes to the encoder's pinned file, and how an archive keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bytes that take the place of the pinned file's, as (byte offset, bytes).
Replacements = Sequence[tuple[int, bytes]]


class Packed(TypedDict):
    """The changes as the arrays of an archive."""

    offsets: NDArray[Any]
    lengths: NDArray[Any]
    values: NDArray[Any]


def packed(changes: Replacements) -> Packed:
    """The changes as arrays for ``np.savez_compressed``."""
    return {
        "offsets": np.array([offset for offset, _ in changes]),
        "lengths": np.array([len(values) for _, values in changes]),
        "values": np.frombuffer(b"".join(values for _, values in changes), dtype=np.uint8),
    }


def unpacked(stored: Mapping[str, NDArray[Any]]) -> list[tuple[int, bytes]]:
    """The changes out of such arrays.

    Raises:
        KeyError: an array is missing.
        ValueError: they do not fit each other.
    """
    values = stored["values"].tobytes()
    ends = list(accumulate(stored["lengths"].tolist()))
    if len(ends) != len(stored["offsets"]) or (ends[-1] if ends else 0) != len(values):
        raise ValueError("the changes' offsets, lengths and bytes do not fit each other")
    return [
        (offset, values[start:end])
        for offset, start, end in zip(stored["offsets"].tolist(), [0, *ends], ends, strict=False)
    ]
