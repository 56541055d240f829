"""How much the topic that the dialogue model understood counts beside the words of a message."""

from __future__ import annotations

import pytest

from actions.closest import _Candidate
from knowledge.models import Guidance, RecordTopic


def candidate(fit: float, *topics: str, general: str | None = None) -> _Candidate:
    links = [RecordTopic(topic=topic, general=topic == general) for topic in topics]
    return _Candidate(Guidance(id="x", topics=links), score=0.0, fit=fit)


@pytest.mark.parametrize(("sure", "wins"), [(0.3, "words"), (1.0, "topic")])
def test_a_topic_counts_by_how_likely_it_is(sure: float, wins: str) -> None:
    likely = {"wait_time": sure, "complaint": 0.1}
    by_words, by_topic = candidate(0.70, "privacy_data"), candidate(0.60, "wait_time", general="wait_time")

    found = max((by_words, by_topic), key=lambda one: one.counts(likely))
    assert found is (by_words if wins == "words" else by_topic)


def test_of_several_topics_the_likeliest_counts() -> None:
    likely = {"wait_time": 0.6, "complaint": 0.3}
    both = candidate(0.6, "complaint", "wait_time")

    assert both.counts(likely) == candidate(0.6, "wait_time").counts(likely)
    assert both.counts(likely) > candidate(0.6, "complaint").counts(likely) > both.fit


def test_what_is_about_nothing_likely_counts_by_its_words() -> None:
    assert candidate(0.6, "privacy_data").counts({"wait_time": 0.9}) == 0.6
    assert candidate(0.6).counts({"wait_time": 0.9}) == 0.6
