"""What the rules can not spell out: sentences that mean danger in words nobody listed.

Labelled examples become sentence vectors, which know that "he has vanished" is close to "we lost sight of
him", and words and word pairs, which know that "won't leave his bedroom" is not "isn't in the house". A
small logistic regression over both, and over how near the nearest examples of each kind are, gives each
label a probability. What is learned is kept in a file beside the examples, the same every time. The nearest
example is the explanation.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from encoder.recent import Encoder
from gateway.safety.patterns import Danger

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXAMPLES_FILE = Path(__file__).parent / "examples.yml"

DISTRESS = "distress"
SAFE = "safe"
#: Harmless as well: what families write every day. By the thousand they would draw the line between
#: look-alikes ("this wait is killing me") and danger, of which they know nothing: they count as neighbours
#: only, and the reader (``reader.py``) learns them.
EVERYDAY = "everyday"

#: How loudly vectors and words speak, and how firmly the weights are held small. By cross-validation on the
#: examples, words lift what is found at 1.5 % false alarms from .76 to .79 of the crisis examples.
_VECTOR_SCALE = 4.0
_WORD_SCALE = 2.0
_LETTERS_SCALE = 5.0
_REGULARISATION = 0.001
_STEPS = 300
_STEP = 0.5
#: Beside them stands how near the nearest examples of danger, of distress and of safe talk are: the mean
#: cosine of so many. With it .70 instead of .61 of the crisis examples are found at 2 % false alarms, by
#: cross-validation on the examples.
_NEAREST = 3
_NEARNESS_SCALE = 5.0
#: About the mean of those cosines, taken off so that the columns stand around zero.
_USUAL_NEARNESS = 0.5
#: A word or pair seen in fewer examples says nothing about the next message; nor do rarer runs of letters.
_SEEN = 2
_LETTERS_SEEN = 4
#: Runs of so many letters, which recognise a word however it is spelt.
_LETTERS = (3, 4)

Examples = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class ExampleFile(BaseModel):
    """``examples.yml``: what people write, by what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crisis: dict[Danger, Examples]
    distress: Examples
    safe: Examples
    everyday: Examples

    def labelled(self) -> list[tuple[str, str]]:
        """All examples as (text, label); a crisis' label is its danger."""
        rows: list[tuple[str, str]] = [
            (text, danger) for danger, texts in self.crisis.items() for text in texts
        ]
        rows += [(text, DISTRESS) for text in self.distress]
        rows += [(text, SAFE) for text in self.safe]
        rows += [(text, EVERYDAY) for text in self.everyday]
        return rows

    def digest(self) -> str:
        """A hash of which texts there are, and of which kind: harmless, sad or which danger; in any order."""
        rows = {(text.lower(), SAFE if label == EVERYDAY else label) for text, label in self.labelled()}
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()


@dataclass(frozen=True)
class Likeness:
    """What one piece of text resembles."""

    crisis: float
    distress: float
    safe: float
    danger: Danger


@dataclass(frozen=True)
class Learned:
    """What training leaves: all that is needed to compare, and to name the nearest example."""

    texts: list[str]
    #: The danger of each text, or distress, or safe.
    labels: list[str]
    #: One unit vector a text, as whole numbers from -127 to 127: precise enough to find the nearest.
    vectors: NDArray[np.int8]
    #: Words and word pairs, and runs of letters, that have weights; in the order of the weights' rows.
    words: list[str]
    letters: list[str]
    #: (features, labels) and (labels,).
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def save(self, path: Path, fingerprint: str) -> None:
        """Write it next to the examples; ``fingerprint`` says from which files it was learned."""
        names = {"texts": self.texts, "labels": self.labels, "words": self.words, "letters": self.letters}
        np.savez_compressed(
            path,
            fingerprint=np.array(fingerprint),
            names=np.frombuffer(json.dumps(names).encode(), dtype=np.uint8),
            vectors=self.vectors,
            weights=self.weights.astype(np.float16),
            bias=self.bias,
        )

    @classmethod
    def read(cls, path: Path, fingerprint: str) -> Learned | None:
        """The file's content; None when there is none or it was learned from other files."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                if str(stored["fingerprint"]) != fingerprint:
                    return None
                return cls(
                    **json.loads(stored["names"].tobytes()),
                    vectors=stored["vectors"],
                    weights=stored["weights"].astype(np.float32),
                    bias=stored["bias"],
                )
        except (OSError, KeyError, ValueError, BadZipFile):
            return None


def fingerprint(*files: Path) -> str:
    """A hash of the files that decide what is learned."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def learn(encoder: Encoder, rows: Sequence[tuple[str, str]]) -> Learned:
    """Encode and learn ``rows`` of (normalised text, label); some seconds, the same result every time."""
    texts = [text for text, _ in rows]
    labels = [SAFE if label == EVERYDAY else label for _, label in rows]
    names = sorted(set(labels))
    vectors = encoder.encode(texts)
    words, letters = _known(map(_words, texts), _SEEN), _known(map(_letters, texts), _LETTERS_SEEN)
    rounded = np.rint(vectors * 127).astype(np.int8)
    likeness = vectors @ (rounded.astype(np.float32) / 127).T
    np.fill_diagonal(likeness, -1.0)  # no example is its own neighbour, nor will a new message find itself
    features = np.hstack(
        [
            _features(texts, vectors, _columns(words), _columns(letters)),
            _nearness(likeness, _kinds(labels)),
        ]
    )
    y = np.array([names.index(label) for label in labels])
    everyday = np.array([label == EVERYDAY for _, label in rows])
    weights, bias = _train(features[~everyday], y[~everyday])
    return Learned(texts, labels, rounded, words, letters, weights, bias)


class Similarity:
    """The trained comparison. Read-only after construction, so threads may share one."""

    def __init__(self, encoder: Encoder, learned: Learned) -> None:
        """Put an encoder and what was learned with it together."""
        self._encoder = encoder
        self._texts = learned.texts
        self._labels = sorted(set(learned.labels))
        self._y = np.array([self._labels.index(label) for label in learned.labels])
        self._vectors = learned.vectors.astype(np.float32) / 127
        self._kinds = _kinds(learned.labels)
        self._words, self._letters = _columns(learned.words), _columns(learned.letters)
        self._weights, self._bias = learned.weights, learned.bias

    def compare(self, pieces: Sequence[str]) -> list[Likeness]:
        """What each piece resembles."""
        if not pieces:
            return []
        vectors = self._encoder.encode(pieces)
        near = vectors @ self._vectors.T
        features = np.hstack(
            [_features(pieces, vectors, self._words, self._letters), _nearness(near, self._kinds)]
        )
        return [likeness(self._labels, row) for row in softmax(features @ self._weights + self._bias)]

    def nearest(self, piece: str, label: str) -> str:
        """The example of this label to which the piece is closest."""
        rows = np.flatnonzero(self._y == self._labels.index(label))
        likeness_ = self._vectors[rows] @ self._encoder.encode([piece])[0]
        return self._texts[int(rows[np.argmax(likeness_)])]


def likeness(labels: Sequence[str], chances: NDArray[np.floating]) -> Likeness:
    """One row of chances, a column a label, as a ``Likeness``."""
    by_label = {label: float(chance) for label, chance in zip(labels, chances, strict=True)}
    distress, safe = by_label.pop(DISTRESS), by_label.pop(SAFE)
    return Likeness(
        crisis=sum(by_label.values()),
        distress=distress,
        safe=safe,
        danger=max(by_label, key=lambda label: by_label[label]),  # type: ignore[arg-type]  # Danger names
    )


def _kinds(labels: Sequence[str]) -> NDArray[np.int64]:
    """For each example 0 for safe, 1 for distress, 2 for any danger."""
    return np.array([{SAFE: 0, DISTRESS: 1}.get(label, 2) for label in labels])


def _nearness(likeness: NDArray[np.floating], kinds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Three columns: how near the nearest examples of each kind are, one row a text."""
    columns = []
    for kind in range(3):
        of_kind = likeness[:, kinds == kind]
        count = min(_NEAREST, of_kind.shape[1])
        columns.append(np.partition(of_kind, -count, axis=1)[:, -count:].mean(axis=1) - _USUAL_NEARNESS)
    return np.asarray(np.stack(columns, axis=1) * _NEARNESS_SCALE, dtype=np.float32)


def _words(text: str) -> list[str]:
    words = [word for word in (part.strip(',.?!;:()"') for part in text.split()) if word]
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _letters(text: str) -> list[str]:
    spaced = f" {text} "
    return [spaced[n : n + length] for length in _LETTERS for n in range(len(spaced) - length + 1)]


def _known(texts: Iterable[list[str]], seen: int) -> list[str]:
    counts = Counter(item for items in texts for item in set(items))
    return sorted(item for item, count in counts.items() if count >= seen)


def _columns(items: Sequence[str]) -> dict[str, int]:
    return {item: column for column, item in enumerate(items)}


def _features(
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    words: Mapping[str, int],
    letters: Mapping[str, int],
) -> NDArray[np.float32]:
    return np.hstack(
        [
            vectors * np.float32(_VECTOR_SCALE),
            _present([_words(text) for text in texts], words, _WORD_SCALE),
            _present([_letters(text) for text in texts], letters, _LETTERS_SCALE),
        ]
    )


def _present(texts: Sequence[list[str]], columns: Mapping[str, int], scale: float) -> NDArray[np.float32]:
    present = np.zeros((len(texts), len(columns)), dtype=np.float32)
    for row, items in enumerate(texts):
        known = [columns[item] for item in items if item in columns]
        present[row, known] = scale / max(len(items), 1) ** 0.5
    return present


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chances that add up to 1 along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float32)


def _train(
    features: NDArray[np.float32], y: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Multinomial logistic regression by accelerated gradient descent from zero: no randomness."""
    classes = int(y.max()) + 1
    wanted = np.eye(classes, dtype=np.float32)[y]
    # The square root: danger is rarer among the examples than safe talk but must not be drowned by it.
    weight = 1 / np.sqrt(np.bincount(y)[y])
    weight = (weight / weight.sum()).astype(np.float32)[:, np.newaxis]
    weights = np.zeros((features.shape[1], classes), dtype=np.float32)
    bias = np.zeros(classes, dtype=np.float32)
    speed_w, speed_b = np.zeros_like(weights), np.zeros_like(bias)
    momentum, step, shrink = np.float32(0.9), np.float32(_STEP), np.float32(_REGULARISATION)
    for _ in range(_STEPS):
        ahead_w, ahead_b = weights + momentum * speed_w, bias + momentum * speed_b
        error = (softmax(features @ ahead_w + ahead_b) - wanted) * weight
        speed_w = momentum * speed_w - step * (features.T @ error + shrink * ahead_w)
        speed_b = momentum * speed_b - step * error.sum(axis=0)
        weights, bias = weights + speed_w, bias + speed_b
    return weights, bias
