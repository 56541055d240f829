"""What people told: that a long message finds its record by it, and what becomes of a bad file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from encoder import DIMENSIONS, EncoderUnavailable
from encoder.training.messages import Story, stories
from helpline.evaluation.files import SearchLine
from helpline.evaluation.search import find_all, score
from knowledge.learn import digest_of, pairs
from knowledge.search import Search
from knowledge.told import NOTHING_TOLD, TOLD_FILE, Told, carried_on, shipped_chats, shipped_stories
from tests.knowledge.conftest import WORDS, Folder, guidance, load, real_encoder

#: Nobody's wording of either question; the same worry as in the story of ``_TOLD``, in mostly the same words.
_MESSAGE = (
    "every morning he hides under his bed because of the bell and the corridors and I have rung the office"
    " and spoken to two ladies there who were kind"
)
_TOLD = (
    "every morning she hides under her bed because of the bell and the corridors and we have rung the office"
    " and spoken to two people there"
)


def _with_answers(folder: Folder) -> Path:
    return folder(
        lambda files: files["records.yml"].update(
            guidance=[
                guidance("refusing", "Why will a child not go in?"),
                guidance("rung", "Which ladies may be spoken to?"),
                # Words of the message that no other record holds: by words alone none is found surely.
                guidance(
                    "tea", "What is tea?", next_step="Morning, hides, bed, bell, corridors, rung, kind."
                ),
            ]
        )
    )


def _told(*stories: tuple[str, str]) -> Told:
    return Told([record for record, _ in stories], WORDS.encode([text for _, text in stories]))


def _first(search: Search, words: str) -> str:
    return search.closest(words, ["guidance"], ["england"], limit=1)[0].record_id


def test_a_long_message_finds_the_record_that_answers_one_like_it(engine: Engine, folder: Folder) -> None:
    load(engine, _with_answers(folder))

    assert _first(Search(engine, WORDS), _MESSAGE) == "rung"
    assert _first(Search(engine, WORDS, _told(("refusing", _TOLD))), _MESSAGE) == "refusing"


def test_what_carries_a_question_on_finds_the_record_that_answers_such_a_pair(
    engine: Engine, folder: Folder
) -> None:
    load(engine, _with_answers(folder))
    told = _told(("refusing", carried_on("the bell and the corridors are too loud", "who may be spoken to")))
    search = Search(engine, WORDS, chats=told)

    def first(before: str | None) -> str:
        found = search.closest("who may be spoken to", ["guidance"], ["england"], limit=1, before=before)
        return found[0].record_id

    assert first(None) == "rung"
    assert first("the corridors and the bell are too loud") == "refusing"


def test_a_short_question_goes_by_the_wordings(engine: Engine, folder: Folder) -> None:
    load(engine, _with_answers(folder))
    told = _told(("refusing", "which ladies may be spoken to"), ("rung", "nothing at all like it"))

    assert _first(Search(engine, WORDS, told), "which ladies may be spoken to") == "rung"


def test_a_story_of_a_record_that_is_not_there_finds_nothing(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    search = Search(engine, WORDS, _told(("refusing", _TOLD), ("what-is-lunch-club", "what is it")))
    assert _first(search, _MESSAGE) != "refusing"

    # It counts from the moment that its record comes, and no longer when it has gone.
    load(engine, _with_answers(folder))
    assert _first(search, _MESSAGE) == "refusing"
    load(engine, folder())
    assert _first(search, _MESSAGE) != "refusing"


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    told = _told(("a", "it hides under the bed"), ("b", "a bell rings"), ("a", "we rang"))
    told.save(tmp_path / "told.npz")
    read = shipped_stories(tmp_path / "told.npz")

    assert list(read.record_ids) == ["a", "b", "a"]
    assert (read.vectors * told.vectors).sum(axis=1) == pytest.approx(1, abs=0.001)


DAMAGES = ["missing", "empty", "cut short", "scratched", "no archive", "lacks a part", "points nowhere"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_file_is_named(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "told.npz"
    with np.load(TOLD_FILE) as stored:
        parts = dict(stored)
    if damage == "cut short":
        file.write_bytes(TOLD_FILE.read_bytes()[:100_000])
    elif damage == "empty":
        file.touch()
    elif damage == "scratched":
        whole = bytearray(TOLD_FILE.read_bytes())
        whole[len(whole) // 2 : len(whole) // 2 + 1_000] = bytes(1_000)
        file.write_bytes(whole)
    elif damage == "no archive":
        file.write_text("x")
    elif damage == "lacks a part":
        np.savez_compressed(file, names=parts["names"])
    elif damage == "points nowhere":
        np.savez_compressed(file, **{**parts, "numbers": parts["numbers"] + len(parts["names"])})
    with pytest.raises(EncoderUnavailable, match=r"told\.npz is missing or damaged"):
        shipped_stories(file)


@pytest.mark.parametrize("change", ["another encoder", "a story too few", "a story of nothing"])
def test_a_file_that_does_not_fit_says_what_to_do(tmp_path: Path, change: str) -> None:
    file = tmp_path / "told.npz"
    shutil.copy(TOLD_FILE, file)
    with np.load(file) as stored:
        parts = dict(stored)
    if change == "another encoder":
        parts["fingerprint"] = np.array("0" * 64)
    elif change == "a story of nothing":
        parts["vectors"][7] = 0
    else:
        parts["vectors"] = parts["vectors"][1:]
    np.savez_compressed(file, **parts)
    with pytest.raises(EncoderUnavailable, match=r"run `python -m knowledge\.learn`"):
        shipped_stories(file)


@pytest.mark.parametrize(("told", "read"), [(stories, shipped_stories), (pairs, shipped_chats)])
def test_the_file_that_ships_holds_what_ships(
    told: Callable[[], list[Story]], read: Callable[[], Told]
) -> None:
    ours, stored = told(), read()

    assert stored.digest == digest_of(ours), "run `python -m knowledge.learn`"
    assert list(stored.record_ids) == [story.record for story in ours]
    some = range(0, len(ours), 150)
    assert stored.vectors.shape == (len(ours), DIMENSIONS)
    anew = real_encoder().encode([ours[number].text for number in some])
    assert (stored.vectors[list(some)] * anew).sum(axis=1) == pytest.approx(1, abs=0.002)


def test_a_record_without_stories_is_found_as_often_as_if_none_had_any(shipped_engine: Engine) -> None:
    """A council's own records have none, and are asked for beside those that ship."""
    lines = (Path(__file__).parent / "data" / "search_stories_dev.jsonl").read_text().splitlines()
    questions = [SearchLine(**json.loads(line)) for line in lines][::4]
    asked_for = {record for question in questions for record in question.records}
    told = shipped_stories()
    others = np.array([record not in asked_for for record in told.record_ids])
    left = Told(
        [id_ for id_, kept in zip(told.record_ids, others, strict=True) if kept], told.vectors[others]
    )

    def found(stories: Told) -> float:
        search = Search(shipped_engine, real_encoder(), stories)
        return float(score(find_all(shipped_engine, search, questions))["hit_at_3"])

    assert found(left) >= found(NOTHING_TOLD) - 0.02
