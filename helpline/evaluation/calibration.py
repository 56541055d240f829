"""Whether a sureness of 0.7 is right seven times in ten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_BINS = 10


def reliability(results: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """The expected calibration error, and a row for each tenth of the scale that has results.

    Args:
        results: how sure (0 to 1) and whether right, one a message.

    Returns:
        ``ece``: the mean gap between sureness and the share that is right, weighted by the number of results
        (Guo et al. 2017, "On Calibration of Modern Neural Networks"); ``table``: from, to, count, mean
        sureness and share right of each row.
    """
    rows: list[dict[str, float]] = []
    error = 0.0
    for number in range(_BINS):
        inside = [(sure, right) for sure, right in results if min(int(sure * _BINS), _BINS - 1) == number]
        if not inside:
            continue
        mean = sum(sure for sure, _ in inside) / len(inside)
        share = sum(right for _, right in inside) / len(inside)
        error += len(inside) / len(results) * abs(mean - share)
        rows.append(
            {
                "from": number / _BINS,
                "to": (number + 1) / _BINS,
                "messages": len(inside),
                "sure": round(mean, 4),
                "right": round(share, 4),
            }
        )
    return {"ece": round(error, 4), "table": rows}
