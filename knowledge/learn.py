"""Encodes the stories and chats that the search compares messages with and writes ``told.npz`` and
``chats.npz``.

    python -m knowledge.learn

Run it after a change of ``training/stories.jsonl`` or ``training/chats.jsonl``: two minutes on two cores. The
training of the search's encoder ends with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from encoder.training.messages import Story, chats, stories
from knowledge.search_encoder import search_encoder
from knowledge.told import CHATS_FILE, TOLD_FILE, Told, carried_on


def main() -> None:
    """Write the files.

    Raises:
        EncoderUnavailable: the search's encoder is missing; nothing is written.
    """
    encoder = search_encoder(threads=2)
    for told, path in ((stories(), TOLD_FILE), (pairs(), CHATS_FILE)):
        vectors = encoder.encode([story.text for story in told])
        Told([story.record for story in told], vectors, digest_of(told)).save(path)
        print(f"{path.name}: encoded {len(told)}")


def pairs() -> list[Story]:
    """The chats, each as the search reads what carries a question on."""
    return [Story(chat.record, carried_on(chat.before, chat.text)) for chat in chats()]


def digest_of(told: Iterable[Story]) -> str:
    """The fingerprint of stories: of their records and their words."""
    words = json.dumps([[story.record, story.text] for story in told])
    return hashlib.sha256(words.encode()).hexdigest()


if __name__ == "__main__":
    main()
