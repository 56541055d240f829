"""What was measured, kept in one file so that parts can be measured again, and written as a page."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

from helpline.settings import ROOT

FILE = ROOT / "results" / "bench.json"
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"


def keep(part: str, figures: Any, **how: Any) -> None:
    """Put a part's figures into the results file, with when and how they were measured."""
    results = read()
    results[part] = {
        "figures": _plain(figures),
        "how": {
            **how,
            "at": datetime.now(UTC).isoformat(timespec="minutes"),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "machine": platform.machine(),
        },
    }
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(results, indent=1) + "\n")


def read() -> dict[str, Any]:
    """All that has been measured so far."""
    found: dict[str, Any] = json.loads(FILE.read_text()) if FILE.is_file() else {}
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def shown(rows: list[dict[str, Any]]) -> str:
    """Rows of turns as a plain table, with ratios to the first row of each number of chats."""
    lines = [
        f"{'what':<34} {'chats':>6} {'turns':>6} {'errors':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}"
        f" {'turns/s':>8} {'cpu ms':>7} {'p50 x':>6} {'p95 x':>6} {'cpu x':>6}"
    ]
    base: dict[int, dict[str, Any]] = {}
    for row in rows:
        ours = base.setdefault(row["chats"], row)
        lines.append(
            f"{row['what']:<34} {row['chats']:>6} {row['turns']:>6} {row['errors']:>7} {row['p50']:>8.1f}"
            f" {row['p95']:>8.1f} {row['p99']:>8.1f} {row['per_second']:>8.1f} {row['cpu']:>7.1f}"
            f" {row['p50'] / ours['p50']:>6.2f} {row['p95'] / ours['p95']:>6.2f}"
            f" {row['cpu'] / ours['cpu']:>6.2f}"
        )
    return "\n".join(lines)
