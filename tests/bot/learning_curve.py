"""Whether more examples would help: the topic classifier of config.yml, on growing shares of data/nlu.

    bot/.venv/bin/python tests/bot/learning_curve.py     writes docs/measurements/learning-curve.csv

The same features and classifier as in the pipeline, without Rasa around them; no threshold. Measured on the
development sets. Draw it with ``.venv/bin/python tests/safety/curves.py``.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from encoder import SentenceEncoder  # noqa: E402 - the path comes first

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
SETS = ("nlu_dev", "nlu_dev2")
SCALE = 4.0
_MARKED = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")


def examples():
    """All training examples as (intent, text)."""
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for entry in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in entry["examples"].splitlines() if "intent" in entry else ():
                yield entry["intent"], _MARKED.sub(r"\1", line[2:].strip())


def main() -> None:
    """Fit on each share and write the shares that are right."""
    encoder = SentenceEncoder(threads=2)
    intents, texts = (np.array(column) for column in zip(*examples(), strict=True))
    vectors = encoder.encode(list(texts))
    rng = np.random.default_rng(0)
    held = {}
    for name in SETS:
        file = ROOT / "tests" / "heldout" / f"{name}.jsonl"
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        held[name] = (lines, encoder.encode([line["text"] for line in lines]))
    order = rng.permutation(len(texts))
    rows = []
    for share in SHARES:
        # The same share of each intent, each larger one holding the smaller.
        kept = np.concatenate(
            [
                of[: max(2, round(share * len(of)))]
                for i in set(intents)
                for of in [order[intents[order] == i]]
            ]
        )
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=2)
        letters.fit(texts[kept])

        def features(of, with_vectors, letters=letters):
            return hstack([csr_matrix(with_vectors * SCALE), letters.transform(of) * SCALE]).tocsr()

        model = LogisticRegression(max_iter=50, class_weight="balanced")
        model.fit(features(texts[kept], vectors[kept]), intents[kept])
        row = {"share": share, "examples": len(kept)}
        for name, (lines, encoded) in held.items():
            found = model.predict(features([line["text"] for line in lines], encoded))
            right = [
                topic in (line["topic"], *line.get("also", []))
                for topic, line in zip(found, lines, strict=True)
            ]
            row[name] = round(float(np.mean(right)), 4)
        rows.append(row)
        print(row, flush=True)
    target = ROOT / "docs" / "measurements" / "learning-curve.csv"
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
