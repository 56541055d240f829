"""Trains the encoder of the search on the shipped content and writes ``search_encoder.npz``.

    uv run --group training python -m knowledge.training [--further]

Run it after a large change of the content (docs/content.md): an hour on two cores. Search works with an older
one too: what it has learned is a way of telling questions apart, and no record is in it. With ``--further``
it begins from what was learned before and goes through everything once, and goes a part of that way: half the
time, for some new stories.

Beside the wordings of the content it learns from ``stories.jsonl``: what people might tell before and around
the question that a record answers, a line a ``Story``. They are no wordings of the content: a story says much
that has nothing to do with its record, which search would find it by. And from ``chats.jsonl``: a question
and the short message that carries it on, which the record answers, a line a ``Chat``.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from encoder import SentenceEncoder
from encoder.training.messages import Story, chats, messages, stories
from encoder.training.weights import ModelFile, Weights
from knowledge import learn
from knowledge.content import read_content
from knowledge.content_schema import GlossaryTerm
from knowledge.indexing import findable
from knowledge.indexing import phrases as phrases_of
from knowledge.queries.areas import EVERYWHERE
from knowledge.search_encoder import SEARCH_ENCODER_FILE, learned, save
from knowledge.told import carried_on
from knowledge.training.contrastive import Phrase, train

EPOCHS = 2
#: What is learned further counts so much beside what was learned before (docs/decisions/0007-search.md).
_FURTHER = 0.35
SEED, SEED_FURTHER = 0, 1

_SEED_NEW_SUBJECTS = 0
#: Words of a phrase that may come in the middle of a chat.
_SHORT = 14

#: Intents of messages that no record answers.
_UNANSWERABLE = ("out_of_scope", "greeting", "thanks_bye", "affirm_deny", "bot_identity", "insult")


def main() -> None:
    """Write the file.

    Raises:
        ContentError: the content has a fault; nothing is written.
        EncoderUnavailable: the sentence encoder is missing; nothing is written.
    """
    asked = argparse.ArgumentParser(prog="python -m knowledge.training")
    asked.add_argument("--further", action="store_true", help="begin from what was learned before")
    further: bool = asked.parse_args().further
    phrases = [*shipped_phrases([*stories(), *learn.pairs()]), *new_subjects(shipped_phrases([]))]
    before = learned() if further else []
    model = ModelFile(before)
    layers = train(
        model.embeddings(),
        model.layers(),
        phrases,
        SentenceEncoder(threads=2, changes=before).encode([phrase.text for phrase in phrases]),
        [text for intent, text in messages() if intent in _UNANSWERABLE],
        epochs=1 if further else EPOCHS,
        seed=SEED_FURTHER if further else SEED,
    )
    save(model.changes(_part_of_the_way(model.layers(), layers) if further else layers))
    print(f"{SEARCH_ENCODER_FILE.name}: learned from {len(phrases)} phrases")
    learn.main()  # the stories' vectors are another encoder's now


def _part_of_the_way(before: Weights, after: Weights) -> Weights:
    return {name: values + np.float32(_FURTHER) * (after[name] - values) for name, values in before.items()}


def shipped_phrases(told: Sequence[Story]) -> list[Phrase]:
    """What each record is asked by, ``told`` among it; stories of records that are gone are left out."""
    by_record: defaultdict[str, list[str]] = defaultdict(list)
    for story in told:
        by_record[story.record].append(story.text)
    asked_by: list[Phrase] = []
    for number, record in enumerate(read_content().records()):
        found = findable(record)
        # "What is X?" is all that is asked of a term: it tells nothing of how people word a question.
        if found is None or isinstance(record, GlossaryTerm):
            continue
        own_areas = frozenset(str(area) for area in record.areas) - frozenset(EVERYWHERE)
        asked = [*phrases_of(found), *by_record[record.id]]
        asked_by += [Phrase(text, number, own_areas) for text in asked]
    return asked_by


def new_subjects(phrases: Sequence[Phrase]) -> list[Phrase]:
    """Phrases after a question that they do not carry on: what stands before must not be all that counts."""
    drawn = random.Random(_SEED_NEW_SUBJECTS)  # noqa: S311 - chance that can be repeated
    short = [phrase for phrase in phrases if len(phrase.text.split()) <= _SHORT]
    said_before = [chat.before for chat in chats()]
    return [
        Phrase(carried_on(drawn.choice(said_before), phrase.text), phrase.record, phrase.areas)
        for phrase in drawn.sample(short, min(len(short), len(said_before) // 2))
    ]


if __name__ == "__main__":
    main()
