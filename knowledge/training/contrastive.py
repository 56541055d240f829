"""Training of the encoder's layers so that a question comes close to the other wordings of its own record.

Each batch holds phrases, each with another phrase of its record, and the likeness of the pairs is raised over
that of all other pairs in the batch: the multiple negatives ranking loss of Henderson et al. 2017, "Efficient
Natural Language Response Suggestion". Records that are near each other share a batch, since telling those
apart is what has to be learned. Each batch also holds messages that no record answers, which a question is
kept away from: closeness must go on telling whether anything is close at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from encoder.training.learning import descend, rate_of
from encoder.training.network import Arrays, padded, vectors, word_pieces
from encoder.training.weights import Weights

_RATE = 1e-4
#: How sharply the right record must stand out among the others of a batch.
_SHARPNESS = 20.0
#: So many records stand near each other in the order of an epoch.
_GROUP = 64
#: Phrases of up to so many word pieces -> (how many share a batch, the longest partner they are given). A
#: batch costs as much as its longest phrase; a story is paired with a short wording: it has to find those.
_BATCHES = {24: (64, 24), 48: (64, 48), 128: (32, 48)}
_LONGEST = max(_BATCHES)
#: So many of the near records' phrases come into a batch with a phrase, out of so many near ones.
_NEAR_TAKEN, _NEAR = 3, 12
#: Records as close as this for different areas may answer the same question: they are not told apart.
_MAY_ANSWER_THE_SAME = 0.85
#: So many messages that no record answers are in each batch, of at most so many word pieces.
_STRANGERS = 16
_LONGEST_STRANGER = 24

_Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Phrase:
    """A way in which a record is asked for."""

    text: str
    record: int
    #: The areas that it holds in; none when it holds everywhere.
    areas: frozenset[str]


def train(
    embeddings: Weights,
    layers: Weights,
    phrases: Sequence[Phrase],
    plain: NDArray[np.float32],
    strangers: Sequence[str],
    epochs: int,
    seed: int,
) -> Weights:
    """Train ``layers``; about 20 minutes an epoch for thirteen thousand phrases on two cores.

    Args:
        embeddings: as ``ModelFile.embeddings`` gives them; they stay as they are.
        layers: the weights to start from, as ``ModelFile.layers`` gives them.
        phrases: what is learned; a phrase that is alone in its record teaches nothing.
        plain: the vectors of the phrases as the encoder is now, which tell what records are near.
        strangers: messages that no record answers.
        epochs: how often each phrase is looked at.
        seed: of the order and the dropout; the same seed gives the same weights on the same machine.
    """
    drawn = _Drawn(phrases, plain, strangers, np.random.default_rng(seed))
    fixed = {name: jnp.asarray(value) for name, value in embeddings.items()}

    def loss(learned: Arrays, batch: _Batch, key: jax.Array) -> jax.Array:
        asked, partners, strangers = (
            vectors(fixed, learned, *texts, now)
            for texts, now in zip(batch[:3], jax.random.split(key, 3), strict=True)
        )
        likeness = jnp.where(batch[3], _SHARPNESS * (asked @ partners.T), -1e9)
        right = jnp.arange(len(asked))
        found = -jnp.zeros(())
        for rows, one in ((likeness, asked), (likeness.T, partners)):
            all_rows = jnp.concatenate([rows, _SHARPNESS * (one @ strangers.T)], axis=1)
            found -= jax.nn.log_softmax(all_rows, axis=1)[right, right].mean()
        return found / 2

    rate = rate_of(_RATE, epochs * drawn.batches_an_epoch())
    learned = descend(
        {name: jnp.asarray(value) for name, value in layers.items()},
        loss,
        optax.adamw(rate, weight_decay=0.01),
        drawn.batches,
        epochs,
        seed,
    )
    return {name: np.asarray(value) for name, value in learned.items()}


#: (Word pieces, mask) of the phrases, of their partners and of strangers, and which pairs are compared.
_Padded = tuple[NDArray[np.int32], NDArray[np.int32]]
_Batch = tuple[_Padded, _Padded, _Padded, NDArray[np.bool_]]


class _Drawn:
    """Batches drawn from the phrases."""

    def __init__(
        self,
        phrases: Sequence[Phrase],
        plain: NDArray[np.float32],
        strangers: Sequence[str],
        chance: np.random.Generator,
    ) -> None:
        self._pieces = word_pieces([phrase.text for phrase in phrases], _LONGEST)
        self._strangers = word_pieces(strangers, _LONGEST_STRANGER)
        self._chance = chance
        numbers, self._record = np.unique([phrase.record for phrase in phrases], return_inverse=True)
        self._of = [np.flatnonzero(self._record == record) for record in range(len(numbers))]
        areas = [phrases[rows[0]].areas for rows in self._of]
        means = np.stack([plain[rows].mean(axis=0) for rows in self._of])
        self._alike, self._near = _neighbours(means, areas)
        self._length = np.array([len(pieces) for pieces in self._pieces])
        self._anchors = np.concatenate([rows for rows in self._of if len(rows) > 1])

    def batches_an_epoch(self) -> int:
        """At most so many: a few phrases fill no batch."""
        classes = np.searchsorted(list(_BATCHES), self._length[self._anchors]).tolist()
        return sum(classes.count(number) // size for number, (size, _) in enumerate(_BATCHES.values()))

    def batches(self) -> Iterator[_Batch]:
        """Every phrase once, but for a few that fill no batch; each length has batches of one shape."""
        waiting: dict[int, list[int]] = {longest: [] for longest in _BATCHES}
        for row in itertools.chain.from_iterable(self._groups()):
            longest = next(longest for longest in _BATCHES if self._length[row] <= longest)
            waiting[longest].append(row)
            size, longest_partner = _BATCHES[longest]
            if len(waiting[longest]) == size:
                yield self._batch(waiting[longest], longest, longest_partner)
                waiting[longest] = []

    def _groups(self) -> Iterator[list[int]]:
        """Phrases in groups: each with some of the records near its own, one phrase a record."""
        left = {number: list(self._chance.permutation(rows)) for number, rows in enumerate(self._of)}
        # A record as often as it has phrases; which of them is meant, its own list says.
        order = self._chance.permutation(self._record[self._anchors])
        while True:
            group: dict[int, int] = {}
            for record in order:
                if record in group or not left[record]:
                    continue
                near = self._chance.permutation(self._near[record])[:_NEAR_TAKEN]
                for one in (record, *near):
                    if len(group) < _GROUP and one not in group and left[one] and len(self._of[one]) > 1:
                        group[one] = left[one].pop()
                if len(group) == _GROUP:
                    break
            if len(group) < _GROUP:
                return
            yield list(group.values())

    def _batch(self, rows: list[int], longest: int, longest_partner: int) -> _Batch:
        records = self._record[rows]
        partners = [self._partner(row, longest_partner) for row in rows]
        strangers = self._chance.integers(len(self._strangers), size=_STRANGERS)
        same = records[:, None] == records[None, :]
        compared = ~(self._alike[np.ix_(records, records)] | (same & ~np.eye(len(rows), dtype=bool)))
        return (
            padded([self._pieces[row] for row in rows], (longest,)),
            padded([self._pieces[row][:longest_partner] for row in partners], (longest_partner,)),
            padded([self._strangers[row] for row in strangers], (_LONGEST_STRANGER,)),
            compared,
        )

    def _partner(self, row: int, longest: int) -> int:
        others = self._of[self._record[row]]
        others = others[others != row]
        fitting = others[self._length[others] <= longest]
        return int(self._chance.choice(fitting if len(fitting) else others))


def _neighbours(
    means: NDArray[np.float32], areas: Sequence[frozenset[str]]
) -> tuple[NDArray[np.bool_], list[_Numbers]]:
    """Which records may answer the same question, and the nearest of the others of each."""
    means = means / np.linalg.norm(means, axis=1, keepdims=True)
    likeness = means @ means.T
    alike = np.zeros(likeness.shape, dtype=bool)
    for one, own in enumerate(areas):
        for other, theirs in enumerate(areas):
            # Nobody asks for two places at once.
            elsewhere = bool(own and theirs and not own & theirs)
            alike[one, other] = own != theirs and (elsewhere or likeness[one, other] > _MAY_ANSWER_THE_SAME)
    closeness = np.where(alike, -np.inf, likeness)
    np.fill_diagonal(closeness, -np.inf)
    return alike, [np.argsort(-row)[:_NEAR] for row in closeness]
