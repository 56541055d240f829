"""Trains the reader and writes ``reader.npz``: run after many new examples; about half an hour on two cores.

    uv run --group training python -m gateway.safety.training [--further]

It learns the examples of the check, the pieces of those that are harmless, and the dialogue model's: its
dangers as dangers, all the rest as what families write every day, and so the chats that the search learns
from. With ``--further`` it begins from what was learned before, goes through everything once and stops half
way: what is new is learned, and less is forgotten (docs/decisions/0012-safety-reader.md).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoder.training.messages import chats, messages
from encoder.training.network import word_pieces
from encoder.training.weights import ModelFile
from gateway.safety.check import compared, plain, training_rows
from gateway.safety.patterns import URGENCY, Patterns, read_file
from gateway.safety.reader import READER_FILE, Changes
from gateway.safety.similarity import EVERYDAY, EXAMPLES_FILE, SAFE, ExampleFile
from gateway.safety.training.classifier import LONGEST, train

EPOCHS = 3
SEED, SEED_FURTHER = 0, 1
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
    asked = argparse.ArgumentParser(prog="python -m gateway.safety.training")
    asked.add_argument("--further", action="store_true", help="begin from what was learned before")
    further: bool = asked.parse_args().further
    stored = Changes.read() if further else None
    if further and stored is None:
        asked.error(f"{READER_FILE.name} is missing or damaged: there is nothing to begin from")
    patterns = Patterns.load()
    rows = [
        *training_rows(patterns),
        *harmless_pieces(patterns),
        *dialogue_rows(patterns),
        *chat_rows(patterns),
    ]
    learn(rows, stored[0] if stored else None).save(
        READER_FILE, read_file(EXAMPLES_FILE, ExampleFile).digest()
    )
    print(f"{READER_FILE.name}: learned {len(rows)} examples")


def learn(rows: Sequence[tuple[str, str]], before: Changes | None) -> Changes:
    """Train on (text, label), from the plain encoder or from what was learned ``before``."""
    names = [SAFE if label == EVERYDAY else label for _, label in rows]
    labels = sorted(set(names))
    model = ModelFile(before.encoder if before else ())
    trained = train(
        model.embeddings(),
        model.layers(),
        word_pieces([text for text, _ in rows], LONGEST),
        np.array([labels.index(name) for name in names]),
        np.array([_EVERYDAY_COUNTS if label == EVERYDAY else 1.0 for _, label in rows]),
        top=(before.weights, before.bias) if before else None,
        epochs=1 if before else EPOCHS,
        seed=SEED_FURTHER if before else SEED,
    )
    if before is None:
        return Changes(labels, model.changes(trained.layers), trained.weights, trained.bias)
    earlier = model.layers()
    return Changes(
        labels,
        model.changes({name: _mean(earlier[name], values) for name, values in trained.layers.items()}),
        _mean(before.weights, trained.weights),
        _mean(before.bias, trained.bias),
    )


def _mean(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    return (one + other) * np.float32(0.5)


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


def chat_rows(patterns: Patterns) -> list[tuple[str, str]]:
    """What people write one after the other, alone and together, where nothing of it tells of danger."""
    rows = []
    for chat in chats():
        if chat.tells is None:
            for text in (chat.before, chat.text, f"{chat.before}\n{chat.text}"):
                plainly = plain(patterns, text)
                if not patterns.find(plainly):
                    rows.append((plainly, EVERYDAY))
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
