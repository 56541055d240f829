"""How the thresholds of likeness alone are chosen: cross-validation over examples.yml, never held-out sets.

    python tests/safety/evaluate.py             what is found against false alarms, by threshold
    python tests/safety/evaluate.py FILE.jsonl  one set of {"text", "label", "accept"?}, as the gateway scores

The examples are hard on purpose (rules miss half of the crisis ones), so the first table compares settings;
it does not foretell how the check does on messages as they come.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from encoder import SentenceEncoder
from gateway.safety import SafetyCheck
from gateway.safety import check as settings
from gateway.safety.patterns import Patterns, read_file
from gateway.safety.similarity import DISTRESS, EXAMPLES_FILE, SAFE, ExampleFile, Similarity, learn

FOLDS = 5
KINDS = ("crisis", DISTRESS, SAFE)


def kind(label: str) -> str:
    """crisis, distress or safe."""
    return label if label in (DISTRESS, SAFE) else "crisis"


def thresholds() -> None:
    """Print the trade-off of the crisis thresholds."""
    encoder, patterns = SentenceEncoder(threads=2), Patterns.load()
    rows = read_file(EXAMPLES_FILE, ExampleFile).labelled()
    order = np.random.default_rng(0).permutation(len(rows))
    print("crisis distress | crisis found | distress right, for crisis | safe right, for crisis")
    checks = []
    for fold in range(FOLDS):
        held = set(order[fold::FOLDS].tolist())
        training = [
            (settings.plain(patterns, text), label) for n, (text, label) in enumerate(rows) if n not in held
        ]
        similarity = Similarity(encoder, learn(encoder, training))
        checks.append((SafetyCheck(patterns, similarity), [rows[n] for n in sorted(held)]))
    for plain, sad in (
        (0.40, 0.50),
        (0.45, 0.50),
        (0.50, 0.50),
        (0.50, 0.60),
        (0.55, 0.50),
        (0.55, 0.60),
        (0.60, 0.60),
    ):
        settings.CRISIS_FROM_ALONE, settings.DISTRESS_FROM = plain, sad
        outcome: Counter[tuple[str, str]] = Counter()
        for check, held_rows in checks:
            outcome.update((kind(label), check.assess(text).level) for text, label in held_rows)
        total = {name: sum(n for (label, _), n in outcome.items() if label == name) for name in KINDS}
        wanted = [
            ("crisis", "crisis"),
            (DISTRESS, DISTRESS),
            (DISTRESS, "crisis"),
            (SAFE, SAFE),
            (SAFE, "crisis"),
        ]
        print(
            f"{plain:.2f}   {sad:.2f}     |",
            " | ".join(f"{outcome[pair] / total[pair[0]]:.3f}" for pair in wanted),
            flush=True,
        )


def score(path: Path) -> None:
    """Print what the check makes of a labelled set; misses are counted, not shown."""
    check = SafetyCheck.load()
    outcome: Counter[tuple[str, str]] = Counter()
    seconds = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        started = time.perf_counter()
        level = check.assess(row["text"]).level
        seconds.append(time.perf_counter() - started)
        outcome[row["label"], "right" if level in [row["label"], *row.get("accept", [])] else level] += 1
    for label in KINDS:
        parts = {verdict: count for (name, verdict), count in outcome.items() if name == label}
        print(f"{label:9} {parts.get('right', 0) / max(sum(parts.values()), 1):.3f} right  {parts}")
    print(
        f"median {np.median(seconds) * 1000:.1f} ms, 95 % within {np.quantile(seconds, 0.95) * 1000:.1f} ms"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        score(Path(sys.argv[1]))
    else:
        thresholds()
