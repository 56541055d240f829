"""Encodes the stories that the search compares messages with and writes ``told.npz``.

    python -m knowledge.learn

Run it after a change of ``training/stories.jsonl`` or of the search's encoder: two minutes on two cores.
"""

from __future__ import annotations

from encoder.training.messages import stories
from knowledge.search_encoder import search_encoder
from knowledge.told import TOLD_FILE, Told


def main() -> None:
    """Write the file.

    Raises:
        EncoderUnavailable: the search's encoder is missing; nothing is written.
    """
    told = stories()
    vectors = search_encoder(threads=2).encode([story.text for story in told])
    Told([story.record for story in told], vectors).save()
    print(f"{TOLD_FILE.name}: encoded {len(told)} stories")


if __name__ == "__main__":
    main()
