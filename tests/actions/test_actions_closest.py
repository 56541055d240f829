"""How much the topic that the dialogue model understood counts beside the words of a message."""

from __future__ import annotations

import pytest

from actions.closest import _Candidate, _standing_out
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


def test_what_stands_out_stands_out_by_words_and_topic_together() -> None:
    likely = {"wait_time": 0.8}
    by_words, by_topic = candidate(0.70, "privacy_data"), candidate(0.66, "wait_time")

    assert _standing_out([by_words, by_topic], {}) is None  # .04 ahead by words alone
    assert _standing_out([by_words, by_topic], likely) is None  # the topic takes that away
    assert _standing_out([by_words, candidate(0.69, "wait_time")], likely) is not by_words
    ahead = candidate(0.70, "wait_time")
    assert _standing_out([ahead, candidate(0.69, "privacy_data")], likely) is ahead


def test_what_hardly_fits_does_not_stand_out_however_lonely() -> None:
    assert _standing_out([candidate(0.5, "wait_time")], {"wait_time": 1.0}) is None
    alone = candidate(0.6, "privacy_data")
    assert _standing_out([alone], {}) is alone


def test_general_answers_to_one_topic_are_no_rivals() -> None:
    here, everywhere = (candidate(fit, "complaint", general="complaint") for fit in (0.70, 0.69))
    assert _standing_out([here, everywhere], {}) is here
    assert _standing_out([here, candidate(0.69, "complaint")], {}) is None
