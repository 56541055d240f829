"""Ways of typing a word all lead to the word."""

from __future__ import annotations

import pytest

from gateway.safety.normalise import normalise, sentences


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("I\u2019m not OK", "i am not ok"),
        ("dont wanna", "do not want to"),
        ("he\u2019s got", "he is got"),
        ("my nan's tablets", "my nans tablets"),
        ("k*ll", "kill"),
        ("su1cide", "suicide"),
        ("s*icide", "suicide"),
        ("sui\u200bcide", "suicide"),
        ("\uff4b\uff49\uff4c\uff4c", "kill"),
        ("k\u0456ll", "kill"),  # a Cyrillic letter inside
        ("s u i c i d e", "suicide"),
        ("k.i.l.l m.y.s.e.l.f", "kill myself"),
        ("kms", "kill myself"),
        ("unalive myself", "kill myself"),
        ("i sh", "i self harm"),
        ("self-harm", "self harm"),
        ("sucide", "suicide"),
        ("overdoes", "overdose"),
        ("suicidle", "suicidal"),
        ("diiiie", "die"),
        ("killl", "kill"),
        ("want 2 die", "want to die"),
        ("2nite", "tonight"),
        ("paracetemol", "paracetamol"),
        ("uncontious", "uncontious"),  # too far off to guess; the examples have to catch it
    ],
)
def test_disguised_misspelt_and_abbreviated_words_become_the_word(typed: str, plain: str) -> None:
    assert normalise(typed) == plain


@pytest.mark.parametrize(
    "word", ["strange", "overdue", "breeding", "conscious", "covid19", "a1", "b&b", "20%"]
)
def test_ordinary_words_stay_themselves(word: str) -> None:
    assert normalise(word) == word


def test_sentences_end_at_punctuation_and_line_breaks() -> None:
    assert sentences(normalise("He's six. We wait!\nNobody calls... why?")) == [
        "he is six.",
        "we wait!",
        "nobody calls",
        "why?",
    ]


def test_any_text_is_normalised_without_error() -> None:
    for text in [
        "",
        " ",
        "\n\n",
        "\U0001f600" * 500,
        "<b>hi</b>",
        "/restart",
        "\u0645\u0631\u062d\u0628\u0627",
        "''''",
        "*" * 50,
        "\x00",
    ]:
        normalise(text)
