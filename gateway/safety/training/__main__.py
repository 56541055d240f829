"""Trains the reader and writes ``reader.npz``: run after many new examples; about half an hour on two cores.

    uv run --group training python -m gateway.safety.training

It learns the examples of the check, the pieces of those that are harmless, and the dialogue model's: its
dangers as dangers, all the rest as what families write every day.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from encoder.training.messages import messages
from encoder.training.network import word_pieces
from encoder.training.weights import ModelFile
from gateway.safety.check import compared, plain, training_rows
from gateway.safety.patterns import URGENCY, Patterns, read_file
from gateway.safety.reader import READER_FILE, Changes
from gateway.safety.similarity import EVERYDAY, EXAMPLES_FILE, SAFE, ExampleFile
from gateway.safety.training.classifier import LONGEST, train

EPOCHS = 3
SEED = 0
#: Everyday messages are many and easy; each counts less, so that they do not drown the look-alikes.
_EVERYDAY_COUNTS = 0.5
#: Topics whose examples may tell of distress: they say nothing of what is safe.
_NOT_EVERYDAY = ("support_mental_health", "support_carer", "insult")


def main() -> None:
    """Write the file.

    Raises:
        SafetyFileError: a file is missing or wrong; nothing is written.
        EncoderUnavailable: the sentence encoder is missing; nothing is written.
    """
    patterns = Patterns.load()
    rows = [*training_rows(patterns), *harmless_pieces(patterns), *dialogue_rows(patterns)]
    learn(rows).save(READER_FILE, read_file(EXAMPLES_FILE, ExampleFile).digest())
    print(f"{READER_FILE.name}: learned {len(rows)} examples")


def learn(rows: Sequence[tuple[str, str]]) -> Changes:
    """Train on (text, label)."""
    names = [SAFE if label == EVERYDAY else label for _, label in rows]
    labels = sorted(set(names))
    model = ModelFile()
    trained = train(
        model.embeddings(),
        model.layers(),
        word_pieces([text for text, _ in rows], LONGEST),
        np.array([labels.index(name) for name in names]),
        np.array([_EVERYDAY_COUNTS if label == EVERYDAY else 1.0 for _, label in rows]),
        epochs=EPOCHS,
        seed=SEED,
    )
    return Changes(labels, model.changes(trained.layers), trained.weights, trained.bias)


def dialogue_rows(patterns: Patterns) -> list[tuple[str, str]]:
    """The dialogue model's examples as (text, label); those in which a rule sees danger only as danger."""
    rows = []
    for intent, text in messages():
        text = plain(patterns, text)
        if intent in URGENCY:
            rows.append((text, str(intent)))
        elif intent not in _NOT_EVERYDAY and not patterns.find(text):
            rows.append((text, EVERYDAY))
    return list(dict.fromkeys(rows))


def harmless_pieces(patterns: Patterns) -> list[tuple[str, str]]:
    """The sentences and clauses of the longer harmless examples as (text, label).

    A message is as dangerous as the worst of its pieces, so the pieces of a long story must be known too.
    Of a message that tells of danger nobody said which of its pieces does.
    """
    examples = read_file(EXAMPLES_FILE, ExampleFile)
    pieces = [
        piece
        for text in (*examples.safe, *examples.everyday)
        for piece in compared(patterns, text)
        if piece != plain(patterns, text)
    ]
    return [(piece, EVERYDAY) for piece in dict.fromkeys(pieces)]


if __name__ == "__main__":
    main()
