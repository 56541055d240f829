"""The measure that search orders by: what it learns, and that it helps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from encoder import DIMENSIONS
from helpline.evaluation.files import SearchLine
from helpline.evaluation.search import find_all, score
from knowledge.learn_metric import learn_metric
from knowledge.metric import Metric, plain_metric, shipped_metric
from knowledge.search import Search
from tests.knowledge.conftest import real_encoder

DEVELOPMENT = Path(__file__).parent / "data" / "search_dev.jsonl"


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def likeness(metric: Metric, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    towards = np.stack([metric.towards(row) for row in left])
    return towards @ right.T / metric.lengths(right)


def test_a_wording_comes_closer_to_its_own_record_in_a_direction_that_tells_records_apart() -> None:
    chance = np.random.default_rng(1)
    records, wordings, telling, saying = 200, 5, 12, 60
    # What a record is about lies in a few directions; how somebody says it, more loudly, in some others.
    meaning = np.zeros((records, DIMENSIONS))
    meaning[:, :telling] = chance.normal(size=(records, telling))
    owners = np.repeat(np.arange(records), wordings)
    manner = np.zeros((len(owners), DIMENSIONS))
    manner[:, telling : telling + saying] = 0.7 * chance.normal(size=(len(owners), saying))
    rows = unit(meaning[owners] + manner)
    learning, asking = np.arange(len(rows)) % wordings > 0, np.arange(len(rows)) % wordings == 0

    def right(metric: Metric) -> float:
        closest = likeness(metric, rows[asking], rows[learning]).argmax(axis=1)
        return float((owners[learning][closest] == owners[asking]).mean())

    learned = learn_metric(rows[learning], owners[learning].tolist(), epochs=40)
    assert right(learned) > right(plain_metric()) + 0.1


def test_one_record_alone_teaches_nothing() -> None:
    rows = unit(np.random.default_rng(1).normal(size=(4, DIMENSIONS)))
    with pytest.raises(ValueError, match="two records"):
        learn_metric(rows, [1, 1, 1, 2])


def test_in_the_plain_metric_likeness_is_the_cosine() -> None:
    rows = unit(np.random.default_rng(2).normal(size=(5, DIMENSIONS)))
    assert np.allclose(likeness(plain_metric(), rows, rows), rows @ rows.T, atol=1e-5)


def test_the_shipped_metric_is_one() -> None:
    matrix = shipped_metric().matrix
    assert matrix.shape == (DIMENSIONS, DIMENSIONS)
    assert np.allclose(matrix, matrix.T, atol=1e-3)
    assert np.linalg.eigvalsh(matrix.astype(np.float64)).min() > 0.05
    rows = unit(np.random.default_rng(3).normal(size=(5, DIMENSIONS)))
    assert np.allclose(np.diag(likeness(shipped_metric(), rows, rows)), 1, atol=1e-3)


def test_a_vector_of_nothing_is_like_nothing() -> None:
    nothing = np.zeros((1, DIMENSIONS), dtype=np.float32)
    assert likeness(shipped_metric(), nothing, nothing).tolist() == [[0.0]]


def test_the_order_it_makes_is_better_than_that_of_cosines(shipped_engine: Engine) -> None:
    lines = [SearchLine(**json.loads(line)) for line in DEVELOPMENT.read_text().splitlines()]

    def first(metric: Metric) -> float:
        search = Search(shipped_engine, real_encoder(), metric)
        found: float = score(find_all(shipped_engine, search, lines))["hit_at_1"]
        return found

    assert first(shipped_metric()) >= first(plain_metric()) + 0.02
