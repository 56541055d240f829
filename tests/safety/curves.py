"""The curves of docs/measurements: data as CSV, drawn as PNG.

    .venv/bin/python tests/safety/curves.py            draws both files that are there
    .venv/bin/python tests/safety/curves.py measure    measures the safety check's trade-off first

The trade-off is measured on the development sets and on safety.jsonl: what is found against false alarms as
the threshold of the likeness half moves (rules fire as ever). A question needs 0.10 more, as in the check.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib

from encoder import SentenceEncoder
from gateway.safety import SafetyCheck
from gateway.safety import check as settings
from gateway.safety.patterns import Patterns
from gateway.safety.reader import Changes, Reader
from gateway.safety.similarity import Learned, Likeness, Similarity
from helpline.evaluation.files import SafetyLine, read_lines
from helpline.settings import ROOT

matplotlib.use("Agg")
from matplotlib import pyplot as plt

MEASUREMENTS = ROOT / "docs" / "measurements"
IMAGES = ROOT / "docs" / "images"
SETS = ("safety_dev5", "safety_dev3", "safety_dev2", "safety")
THRESHOLDS = [round(0.30 + 0.05 * step, 2) for step in range(13)]


class Remembering(Similarity):
    """Compares each text once, however many thresholds look at it."""

    def __init__(self, similarity: Similarity) -> None:
        self._inner = similarity
        self._seen: dict[str, Likeness] = {}

    def compare(self, pieces: Sequence[str]) -> list[Likeness]:
        """As ``Similarity``."""
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._seen]
        self._seen.update(zip(new, self._inner.compare(new), strict=True))
        return [self._seen[piece] for piece in pieces]


def measure() -> None:
    """Write safety-trade-off.csv."""
    learned = Learned.read(settings.LEARNED_FILE, settings.learned_from())
    changes = Changes.read()
    assert learned is not None, "learned.npz is out of date"
    assert changes is not None, "reader.npz is missing"
    similarity = Remembering(Similarity(SentenceEncoder(threads=2), learned))
    check = SafetyCheck(Patterns.load(), similarity, Reader(changes[0], threads=2))
    sets = {name: read_lines(ROOT / "tests" / "heldout" / f"{name}.jsonl", SafetyLine) for name in SETS}
    rows = []
    for threshold in THRESHOLDS:
        settings.CRISIS_FROM = threshold
        row: dict[str, float] = {"threshold": threshold}
        for name, lines in sets.items():
            taken = [(line.label, check.assess(line.text).level) for line in lines]
            for label, column in (
                ("crisis", "found"),
                ("distress", "distress_alarms"),
                ("safe", "false_alarms"),
            ):
                levels = [level for wanted, level in taken if wanted == label]
                row[f"{name}_{column}"] = round(levels.count("crisis") / len(levels), 4)
        rows.append(row)
        print(row, flush=True)
    with (MEASUREMENTS / "safety-trade-off.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _read(name: str) -> list[dict[str, float]]:
    with (MEASUREMENTS / name).open(encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def draw_trade_off() -> None:
    """Draw safety-trade-off.png."""
    rows = _read("safety-trade-off.csv")
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, marker in zip(SETS, "os^", strict=True):
        alarms = [100 * row[f"{name}_false_alarms"] for row in rows]
        found = [100 * row[f"{name}_found"] for row in rows]
        axes.plot(alarms, found, marker=marker, label=f"{name}.jsonl")
        for row, x, y in zip(rows, alarms, found, strict=True):
            if round(100 * row["threshold"]) in (30, 60, 90):
                axes.annotate(f"{row['threshold']:.2f}", (x, y), textcoords="offset points", xytext=(5, -12))
    axes.set(xlabel="harmless messages taken for a crisis, %", ylabel="crisis messages found, %")
    axes.set_title("Safety check: what is found against false alarms, by threshold")
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, "safety-trade-off.png")


def draw_learning_curve() -> None:
    """Draw learning-curve.png."""
    rows = _read("learning-curve.csv")
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, marker in (("nlu_dev", "o"), ("nlu_dev2", "s")):
        axes.plot([row["examples"] for row in rows], [row[name] for row in rows], marker=marker, label=name)
    axes.set(xlabel="training examples", ylabel="share of topics right, no threshold")
    axes.set_title("Topics: more examples, more right")
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, "learning-curve.png")


def _save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(IMAGES / name, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Measure if asked, then draw what there is."""
    if "measure" in sys.argv[1:]:
        measure()
    for file, draw in (("safety-trade-off.csv", draw_trade_off), ("learning-curve.csv", draw_learning_curve)):
        if Path(MEASUREMENTS / file).exists():
            draw()


if __name__ == "__main__":
    main()
