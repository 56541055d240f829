"""Learns the examples and writes ``learned.npz``: run after a change of examples, rules or normalising.

    python -m gateway.safety.learn

The gateway learns by itself when the file is out of date, but then it starts some seconds later.
"""

from __future__ import annotations

from encoder import SentenceEncoder
from gateway.safety.check import LEARNED_FILE, learned_from, training_rows
from gateway.safety.patterns import Patterns
from gateway.safety.similarity import learn


def main() -> None:
    """Write the file.

    Raises:
        SafetyFileError: a file is missing or wrong; nothing is written.
        EncoderUnavailable: the sentence encoder is missing; nothing is written.
    """
    learned = learn(SentenceEncoder(threads=2), training_rows(Patterns.load()))
    learned.save(LEARNED_FILE, learned_from())
    print(f"{LEARNED_FILE.name}: learned {len(learned.texts)} examples")


if __name__ == "__main__":
    main()
