"""Training of the encoder's layers so that a question comes close to the other wordings of its own record.

Each batch holds phrases, each with another phrase of its record, and the likeness of the pairs is raised over
that of all other pairs in the batch: the multiple negatives ranking loss of Henderson et al. 2017, "Efficient
Natural Language Response Suggestion". Records that are near each other share a batch, since telling those
apart is what has to be learned. Each batch also holds messages that no record answers, which a question is
kept away from: closeness must go on telling whether anything is close at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from encoder.training.network import Arrays, padded, vectors
from encoder.training.weights import Weights

_RATE = 1e-4
#: How sharply the right record must stand out among the others of a batch.
_SHARPNESS = 20.0
_BATCH = 64
_LONG_BATCH = 32
#: Longer phrases, in word pieces, share batches of their own: a batch costs as much as its longest.
_SHORT = 40
_SHORT_PARTNER = 48
#: Texts are padded to one of these lengths (word pieces).
_LENGTHS = (32, 48, 96, 128)
LONGEST = _LENGTHS[-1]
#: So many of the near records' phrases come into a batch with a phrase, out of so many near ones.
_NEAR_TAKEN, _NEAR = 3, 12
#: Records as close as this for different areas may answer the same question: they are not told apart.
_MAY_ANSWER_THE_SAME = 0.85
#: So many messages that no record answers are in each batch, of at most so many word pieces.
_STRANGERS = 16
_LONGEST_STRANGER = 32

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
    tokens: Callable[[list[str]], list[list[int]]],
    epochs: int,
    seed: int,
) -> Weights:
    """Train ``layers``; about half an hour for nine thousand phrases on two cores.

    Args:
        embeddings: as ``ModelFile.embeddings`` gives them; they stay as they are.
        layers: the weights to start from, as ``ModelFile.layers`` gives them.
        phrases: what is learned; a phrase that is alone in its record teaches nothing.
        plain: the vectors of the phrases as the encoder is now, which tell what records are near.
        strangers: messages that no record answers.
        tokens: the word piece numbers of texts, at most ``LONGEST`` each.
        epochs: how often each phrase is looked at.
        seed: of the order and the dropout; the same seed gives the same weights on the same machine.
    """
    drawn = _Drawn(phrases, plain, strangers, tokens, np.random.default_rng(seed))
    fixed = {name: jnp.asarray(value) for name, value in embeddings.items()}
    learned = {name: jnp.asarray(value) for name, value in layers.items()}
    steps = epochs * drawn.batches_an_epoch()
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(
            optax.warmup_cosine_decay_schedule(0.0, _RATE, steps // 10, steps, 0.0), weight_decay=0.01
        ),
    )

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

    @jax.jit  # type: ignore[untyped-decorator]
    def step(
        learned: Arrays, state: optax.OptState, batch: _Batch, key: jax.Array
    ) -> tuple[Arrays, optax.OptState, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(learned, batch, key)
        updates, state = optimiser.update(gradient, state, learned)
        return optax.apply_updates(learned, updates), state, value

    state, key = optimiser.init(learned), jax.random.PRNGKey(seed)
    for epoch in range(epochs):
        values = []
        for batch in drawn.batches():
            key, now = jax.random.split(key)
            learned, state, value = step(learned, state, batch, now)
            values.append(float(value))
        print(f"epoch {epoch + 1} of {epochs}: loss {np.mean(values):.3f}", flush=True)
    return {name: np.asarray(value) for name, value in learned.items()}


#: (word pieces, mask) of the phrases, of their partners and of strangers, and which pairs are compared.
_Padded = tuple[NDArray[np.int32], NDArray[np.int32]]
_Batch = tuple[_Padded, _Padded, _Padded, NDArray[np.bool_]]


class _Drawn:
    """Batches drawn from the phrases."""

    def __init__(
        self,
        phrases: Sequence[Phrase],
        plain: NDArray[np.float32],
        strangers: Sequence[str],
        tokens: Callable[[list[str]], list[list[int]]],
        chance: np.random.Generator,
    ) -> None:
        self._texts = [phrase.text for phrase in phrases]
        self._tokens, self._chance = tokens, chance
        self._strangers = [text for text in strangers if len(tokens([text])[0]) <= _LONGEST_STRANGER]
        numbers = sorted({phrase.record for phrase in phrases})
        self._record = np.array([numbers.index(phrase.record) for phrase in phrases])
        self._of = [np.flatnonzero(self._record == record) for record in range(len(numbers))]
        areas = [phrases[rows[0]].areas for rows in self._of]
        means = np.stack([plain[rows].mean(axis=0) for rows in self._of])
        self._alike, self._near = _neighbours(means, areas)
        self._length = np.array([len(pieces) for pieces in tokens(self._texts)])
        self._anchors = np.concatenate([rows for rows in self._of if len(rows) > 1])

    def batches_an_epoch(self) -> int:
        """About so many: longer phrases have smaller batches."""
        return len(self._anchors) // _BATCH

    def batches(self) -> Iterator[_Batch]:
        """Every phrase once, but for a few that fill no batch."""
        long: list[int] = []
        for rows in self._groups():
            short = [row for row in rows if self._length[row] <= _SHORT]
            long += [row for row in rows if self._length[row] > _SHORT]
            # Few shapes: each is compiled once.
            yield self._batch(short[: len(short) // 8 * 8], _SHORT_PARTNER)
            while len(long) >= _LONG_BATCH:
                yield self._batch(long[:_LONG_BATCH], LONGEST)
                long = long[_LONG_BATCH:]

    def _groups(self) -> Iterator[list[int]]:
        """Phrases in groups of a batch: each with some of the records near its own, one phrase a record."""
        left = {record: list(self._chance.permutation(rows)) for record, rows in enumerate(self._of)}
        todo = [int(row) for row in self._chance.permutation(self._anchors)]
        done: set[int] = set()
        while len(todo) >= _BATCH:
            group: list[int] = []
            records: set[int] = set()

            def take(row: int, group: list[int] = group, records: set[int] = records) -> None:
                group.append(row)
                records.add(int(self._record[row]))
                done.add(row)

            for row in todo:
                if len(group) >= _BATCH:
                    break
                record = int(self._record[row])
                if row in done or record in records:
                    continue
                take(row)
                near = self._chance.permutation(self._near[record])[:_NEAR_TAKEN]
                for other in (int(other) for other in near):
                    while left[other] and left[other][-1] in done:
                        left[other].pop()
                    many = len(self._of[other]) > 1 and left[other]
                    if len(group) < _BATCH and other not in records and many:
                        take(int(left[other].pop()))
            if len(group) < _BATCH:
                return
            todo = [row for row in todo if row not in done]
            yield group

    def _batch(self, rows: list[int], longest_partner: int) -> _Batch:
        records = self._record[rows]
        partners = [self._texts[self._partner(row, longest_partner)] for row in rows]
        strangers = self._chance.integers(len(self._strangers), size=_STRANGERS)
        same = records[:, None] == records[None, :]
        compared = ~(self._alike[np.ix_(records, records)] | (same & ~np.eye(len(rows), dtype=bool)))
        return (
            padded(self._tokens([self._texts[row] for row in rows]), _LENGTHS),
            padded(self._tokens(partners), _LENGTHS),
            padded(self._tokens([self._strangers[row] for row in strangers]), _LENGTHS),
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
