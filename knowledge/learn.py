"""Encodes the stories that the search compares messages with and writes ``told.npz``.

    python -m knowledge.learn

Run it after a change of ``training/stories.jsonl``: two minutes on two cores. The training of the search's
encoder ends with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from encoder.training.messages import Story, stories
from knowledge.search_encoder import search_encoder
from knowledge.told import TOLD_FILE, Told


def main() -> None:
    """Write the file.

    Raises:
        EncoderUnavailable: the search's encoder is missing; nothing is written.
    """
    told = stories()
    vectors = search_encoder(threads=2).encode([story.text for story in told])
    Told([story.record for story in told], vectors, digest_of(told)).save()
    print(f"{TOLD_FILE.name}: encoded {len(told)} stories")


def digest_of(told: Iterable[Story]) -> str:
    """The fingerprint of stories: of their records and their words."""
    words = json.dumps([[story.record, story.text] for story in told])
    return hashlib.sha256(words.encode()).hexdigest()


if __name__ == "__main__":
    main()
