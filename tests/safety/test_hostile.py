"""Nobody can stall the check or make it fail with a message, and length hides no danger."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import numpy as np
import pytest

from gateway.safety import SafetyCheck
from gateway.safety.patterns import OVERLAP, STRETCH, Patterns, stretches

SIZE = 64_000
#: Far more than it takes, since the machine may be busy; a cost that grows with the square takes minutes.
SECONDS = 2.0

STORY = "my son is eleven and he was so tired after the long walk that we all went home for tea and then "


def _filled(text: str) -> str:
    return (text * (SIZE // len(text) + 1))[:SIZE]


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("hit me ", {"crisis", "distress"}),
        ("hit me\n", {"crisis", "distress"}),
        ("my dad hits me ", {"crisis"}),
        ("i want to die ", {"crisis"}),
        ("i do not want to die or anything ", {"crisis", "distress"}),
        ("not never years ago what if (he hit me (she hit me, ", {"crisis", "distress"}),
        ("kill-me-", None),
        ("the death of ", None),
        ("killing ", None),
        ("a", {"safe"}),
        ("a ", {"safe"}),
        (".", {"safe"}),
        ("?!,;", {"safe"}),
        (" ", {"safe"}),
        ("\n \n", {"safe"}),
        ("s*", None),
        ("\ufdfa", None),
        ("\ud83d", {"safe"}),
    ],
)
def test_hostile_text_is_read_in_time(check: SafetyCheck, text: str, levels: set[str] | None) -> None:
    message = _filled(text)
    began = time.thread_time()
    level = check.assess(message).level
    assert time.thread_time() - began < SECONDS
    assert levels is None or level in levels


@pytest.mark.parametrize("story", [STORY, STORY.replace(" and then ", ". "), STORY + "\n"])
def test_danger_in_the_last_words_of_a_long_story_is_found(rules_only: SafetyCheck, story: str) -> None:
    long = story * (60_000 // len(story))
    assert rules_only.assess(long).level == "safe"
    found = rules_only.assess(long + "i want to die")
    assert (found.level, found.danger) == ("crisis", "crisis_self_harm_suicide")


def test_no_cut_hides_danger_or_takes_its_not_away(rules_only: SafetyCheck) -> None:
    filler = "the bus was red "
    for before in range(0, STRETCH + OVERLAP, 31):
        start = (filler * 200)[:before].rsplit(" ", 1)[0]
        end = filler * 100
        assert rules_only.assess(f"{start} i want to kill myself {end}").level == "crisis", before
        assert rules_only.assess(f"{start} he does not want to kill himself {end}").level != "crisis", before


def test_stretches_cover_the_sentence_and_overlap() -> None:
    for sentence in (" ".join(map(str, range(3000))), "".join(map(str, range(3000))), "short"):
        parts = stretches(sentence)
        assert (parts[0].begins, parts[-1].ends) == (True, True)
        assert all(len(part.text) <= STRETCH for part in parts)
        covered = 0
        for part in parts:
            start = sentence.index(part.text)
            assert part.begins == (start == 0)
            assert start == 0 or start <= covered - OVERLAP
            covered = start + len(part.text)
            assert part.ends == (covered == len(sentence))
        assert covered == len(sentence)


def test_a_lone_surrogate_is_no_obstacle(check: SafetyCheck) -> None:
    assert check.assess("\ud83d what is an annual review?").level == "safe"
    assert check.assess("i want to die \ud83d").level == "crisis"
    assert check.assess("\udc00").level == "safe"
    assert check.assess("my \ud83d\ude00 son went missing this morning").level == "crisis"


class _Broken:
    def compare(self, pieces: Sequence[str]) -> list[np.ndarray]:
        raise TypeError(f"can not read {pieces[0]}")


def test_when_likeness_fails_the_rules_stand(caplog: pytest.LogCaptureFixture) -> None:
    broken = SafetyCheck(Patterns.load(), _Broken())  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        assert broken.assess("i want to die").level == "crisis"
        assert broken.assess("i am at breaking point with marmalade").level == "distress"
        assert broken.assess("what is an annual review of marmalade?").level == "safe"
    assert "TypeError" in caplog.text
    assert "marmalade" not in caplog.text
