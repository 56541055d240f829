"""Mistyped words: put right where it is plain what was meant, and else left as they are."""

from __future__ import annotations

import pytest

from encoder.spelling import Spelling, words_of

TEXTS = [
    "The assessment of my daughter",
    "An assessment, for a daughter",
    "assessment: daughter",
    "Yasmeen's",
]


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    return Spelling(words_of(TEXTS))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("assesment for my dauhgter", "assessment for my daughter"),
        ("Assesment, please", "assessment, please"),  # phones begin with a capital
        ("Please. Assesment", "Please. assessment"),
        ("Hello\nAssesment", "Hello\nassessment"),
        ("ASSESMENT FOR MY DAUHGTER", "assessment FOR MY daughter"),
        ("assesssmnt", "assessment"),  # two slips in a long word
    ],
)
def test_a_slip_is_put_right(spelling: Spelling, typed: str, meant: str) -> None:
    assert spelling.corrected(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "my daughter has an assessment",
        "is Daugter a name?",  # inside a sentence a capital is a name
        "the DAUGTER service",
        "slaughter",  # a word of its own, though near
        "yasmeens",  # only once in the texts, but there
        "aughter",  # the first letter is seldom wrong
        "asesmnt",  # three slips
        "daug",
        "🙂 1234 <b>dau</b> \x00",
    ],
)
def test_the_rest_stays_as_it_is(spelling: Spelling, typed: str) -> None:
    assert spelling.corrected(typed) == typed


def test_no_more_words_are_looked_at_than_the_encoder_reads(spelling: Spelling) -> None:
    typed = "my dauhgter " * 100
    assert spelling.corrected(typed) == "my daughter " * 64 + "my dauhgter " * 36


def test_words_that_come_later_are_words(spelling: Spelling) -> None:
    more = Spelling(spelling.counts + words_of(["Ask at the daugter club"]))
    assert more.corrected("daugter dauhgter") == "daugter daughter"
    assert spelling.corrected("daugter") == "daughter"
