"""Trains the encoder of the search on the shipped content and writes ``search_encoder.npz``.

    uv run --group training python -m knowledge.training

Run it after a large change of the content (docs/content.md): three quarters of an hour on two cores. Search
works with an older one too: what it has learned is a way of telling questions apart, and no record is in it.

Beside the wordings of the content it learns from ``stories.jsonl``: what people might tell before and around
the question that a record answers, a line a ``Story``. They are no wordings of the content: a story says much
that has nothing to do with its record, which search would find it by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from encoder import SentenceEncoder
from encoder.training.messages import Story, messages, stories
from encoder.training.weights import ModelFile
from knowledge.content import read_content
from knowledge.content_schema import GlossaryTerm
from knowledge.indexing import findable, phrases
from knowledge.queries.areas import EVERYWHERE
from knowledge.search_encoder import SEARCH_ENCODER_FILE, save
from knowledge.training.contrastive import Phrase, train

EPOCHS = 2
SEED = 0

#: Intents of messages that no record answers.
_UNANSWERABLE = ("out_of_scope", "greeting", "thanks_bye", "affirm_deny", "bot_identity", "insult")


def main() -> None:
    """Write the file.

    Raises:
        ContentError: the content has a fault; nothing is written.
        EncoderUnavailable: the sentence encoder is missing; nothing is written.
    """
    learned = shipped_phrases(stories())
    model = ModelFile()
    layers = train(
        model.embeddings(),
        model.layers(),
        learned,
        SentenceEncoder(threads=2).encode([phrase.text for phrase in learned]),
        [text for intent, text in messages() if intent in _UNANSWERABLE],
        epochs=EPOCHS,
        seed=SEED,
    )
    save(model.changes(layers))
    print(f"{SEARCH_ENCODER_FILE.name}: learned from {len(learned)} phrases")


def shipped_phrases(told: Sequence[Story]) -> list[Phrase]:
    """What each record is asked by, ``told`` among it; stories of records that are gone are left out."""
    by_record: defaultdict[str, list[str]] = defaultdict(list)
    for story in told:
        by_record[story.record].append(story.text)
    learned: list[Phrase] = []
    for number, record in enumerate(read_content().records()):
        found = findable(record)
        # "What is X?" is all that is asked of a term: it tells nothing of how people word a question.
        if found is None or isinstance(record, GlossaryTerm):
            continue
        own_areas = frozenset(str(area) for area in record.areas) - frozenset(EVERYWHERE)
        asked = [*phrases(found), *by_record[record.id]]
        learned += [Phrase(text, number, own_areas) for text in asked]
    return learned


if __name__ == "__main__":
    main()
