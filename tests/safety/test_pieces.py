"""A long message is read in windows that are few and alike, and no piece lies in two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.safety.pieces import MAX_PIECES, MAX_WINDOWS, WHOLE_WORDS, pieces_of, windows_of
from gateway.safety.similarity import Likeness
from gateway.safety.weighing import together

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def sentences(lengths: list[int]) -> list[str]:
    """Sentences of so many words, none like another."""
    return [" ".join(f"w{number}x{word}" for word in range(length)) for number, length in enumerate(lengths)]


def fewest(lengths: list[int]) -> int:
    """How many windows are needed at least."""
    count, filled = 1, 0
    for length in lengths:
        count, filled = (count, filled + length) if filled + length <= WHOLE_WORDS else (count + 1, length)
    return count


@given(LENGTHS)
def test_windows_are_as_few_as_can_be_and_each_sentence_is_in_one(lengths: list[int]) -> None:
    windows = windows_of(sentences(lengths))
    assert len(windows) == fewest(lengths)
    assert [number for window in windows for number in window.parts] == list(range(len(lengths)))
    assert all(len(text.split()) <= WHOLE_WORDS for window in windows for text in window.texts)


def test_what_is_left_over_is_no_window_of_its_own() -> None:
    windows = windows_of(sentences([20, 20, 20, 20, 8]))
    assert [len(window.texts[0].split()) for window in windows] == [40, 48]


def test_a_sentence_that_runs_on_is_a_window_of_several_stretches() -> None:
    windows = windows_of(sentences([10, 200, 10]))
    assert [len(window.texts) for window in windows] == [1, 4, 1]


@given(LENGTHS)
def test_no_piece_lies_in_two_windows(lengths: list[int]) -> None:
    parts = sentences(lengths)
    windows = windows_of(parts)
    pieces = pieces_of(parts, [], windows)
    if len(windows) <= MAX_WINDOWS:
        assert len(pieces) <= MAX_PIECES + len(windows)
        for piece in pieces:
            first_word = piece.text.split()[0].strip(".")
            own = {word.strip(".") for text in windows[piece.window].texts for word in text.split()}
            # What stands around a sentence at the border begins in the window before.
            assert first_word in own or piece.text == piece.around
    else:
        assert len(pieces) <= MAX_PIECES


@pytest.mark.parametrize("worst", [0, 1])
def test_the_worst_window_says_which_danger_it_is(worst: int) -> None:
    parts = sentences([30, 30, 30])
    windows = windows_of(parts)
    pieces = pieces_of(parts, [], windows)

    def seen(place: int) -> Likeness:
        crisis, other = 0.9 if place == worst else 0.2, 0.05
        danger = "crisis_missing" if place == 0 else "medical_emergency"
        return Likeness(crisis=crisis, distress=other, safe=0.95 - crisis, danger=danger)

    found = {text: seen(piece.window) for piece in pieces for text in (piece.around, piece.text)}
    read = found | {text: seen(place) for place, window in enumerate(windows) for text in window.texts}
    assert len(windows) == 2
    assert together(windows, pieces, found, read)[1] == ("crisis_missing", "medical_emergency")[worst]
