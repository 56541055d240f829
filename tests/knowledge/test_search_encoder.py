"""The encoder of the search: that it orders better than the plain one, and what becomes of a bad file."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from sqlalchemy import Engine

from encoder import EncoderUnavailable, SentenceEncoder
from encoder.changes import packed, unpacked
from gateway.safety.patterns import URGENCY
from helpline.evaluation.files import SearchLine
from helpline.evaluation.search import find_all, score
from helpline.settings import ROOT
from knowledge.content_schema import GlossaryTerm
from knowledge.indexing import findable, phrases
from knowledge.search import Search
from knowledge.search_encoder import SEARCH_ENCODER_FILE, save, search_encoder
from knowledge.told import shipped_chats, shipped_stories
from tests.knowledge.conftest import plain_encoder, real_encoder, shipped_content
from tests.near_copies import near_copies

DATA = Path(__file__).parent / "data"

#: The training itself needs packages that a test run has not.
STORIES = ROOT / "knowledge" / "training" / "stories.jsonl"
CHATS = STORIES.with_name("chats.jsonl")


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def test_it_finds_the_record_that_a_long_story_asks_for_more_often_than_the_plain_encoder() -> None:
    stories = lines("search_stories_dev.jsonl")
    wanted = {record for story in stories for record in story["records"]}
    asked: list[str] = []
    owners: list[str] = []
    for record in shipped_content().records():
        found = findable(record)
        if record.id in wanted and found is not None and not isinstance(record, GlossaryTerm):
            own = list(phrases(found))
            asked += own
            owners += [record.id] * len(own)

    def right(encoder: SentenceEncoder) -> float:
        questions = encoder.encode([story["text"] for story in stories])
        closest = (questions @ encoder.encode(asked).T).argmax(axis=1)
        hits = [owners[row] in story["records"] for row, story in zip(closest, stories, strict=True)]
        return float(np.mean(hits))

    assert right(real_encoder()) >= right(plain_encoder()) + 0.1


@pytest.mark.parametrize(
    ("name", "first", "among_three"),
    [
        ("search_dev.jsonl", 0.88, 0.98),
        ("search_stories_dev.jsonl", 0.74, 0.88),
        ("search_dev3.jsonl", 0.78, 0.9),
        ("search_chats_dev.jsonl", 0.7, 0.88),
    ],
)
def test_the_right_record_comes_first(
    shipped_engine: Engine, name: str, first: float, among_three: float
) -> None:
    questions = [SearchLine(**line) for line in lines(name)]
    search = Search(shipped_engine, real_encoder(), shipped_stories(), shipped_chats())
    found = score(find_all(shipped_engine, search, questions))
    assert found["hit_at_1"] >= first
    assert found["hit_at_3"] >= among_three


def test_it_leaves_the_other_users_of_the_encoder_their_own_weights() -> None:
    texts = ["they have lost our forms again"]
    before = SentenceEncoder().encode(texts)
    assert not np.allclose(before, search_encoder().encode(texts), atol=0.05)
    assert np.array_equal(SentenceEncoder().encode(texts), before)


@pytest.mark.parametrize("damage", ["missing", "cut short", "no archive", "lacks a part"])
def test_a_bad_file_is_named(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "search_encoder.npz"
    if damage == "cut short":
        file.write_bytes(SEARCH_ENCODER_FILE.read_bytes()[:100_000])
    elif damage == "no archive":
        file.write_text("x")
    elif damage == "lacks a part":
        np.savez_compressed(file, offsets=np.array([0]))
    with pytest.raises(EncoderUnavailable, match=r"search_encoder\.npz is missing or damaged"):
        search_encoder(path=file)


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    shutil.copy(SEARCH_ENCODER_FILE, tmp_path / "one.npz")
    with np.load(tmp_path / "one.npz") as stored:
        changes = unpacked(stored)
    save(changes, tmp_path / "other.npz")
    with np.load(tmp_path / "other.npz") as stored:
        assert unpacked(stored) == changes


def test_changes_that_do_not_fit_each_other_are_refused() -> None:
    broken = cast("dict[str, Any]", packed([(3, b"abc"), (9, b"d")]))
    for part, wrong in (("lengths", np.array([3, 2])), ("offsets", np.array([3]))):
        with pytest.raises(ValueError, match="do not fit"):
            unpacked({**broken, part: wrong})


def held_out_questions() -> list[str]:
    names = [f"heldout/questions{number}" for number in ("", 2, 3, 4, 5, 6, "_dev3")]
    names += ["heldout/search", "knowledge/data/search_dev", "knowledge/data/search_stories_dev"]
    return [
        json.loads(line)["text"]
        for name in names
        for line in (ROOT / "tests" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def held_out_turns() -> list[str]:
    """What people say in the scripted chats, and each two of it one after the other."""
    turns: list[str] = []
    for path in sorted((ROOT / "tests" / "heldout").glob("dialogues*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            said = [turn["user"] for turn in json.loads(line)["turns"]]
            turns += [*said, *map(" ".join, pairwise(said))]
    for line in lines("search_chats_dev.jsonl"):
        turns += [line["before"], f"{line['before']} {line['text']}"]
    return turns


def test_no_story_is_a_held_out_question_and_each_has_its_record() -> None:
    told = [json.loads(line) for line in STORIES.read_text(encoding="utf-8").splitlines()]
    known = {record.id for record in shipped_content().records()}
    assert {story["record"] for story in told} <= known
    assert {story.get("tells") for story in told} <= {None, "distress", "unsure", *URGENCY}
    assert len({story["text"].lower() for story in told}) == len(told)
    assert near_copies([story["text"] for story in told], held_out_questions()) == []


def test_no_chat_is_a_held_out_one_and_each_has_its_record() -> None:
    told = [json.loads(line) for line in CHATS.read_text(encoding="utf-8").splitlines()]
    known = {record.id for record in shipped_content().records()}
    assert {chat["record"] for chat in told} <= known
    assert {chat.get("tells") for chat in told} <= {None, "distress", "unsure", *URGENCY}
    assert len({(chat["before"].lower(), chat["text"].lower()) for chat in told}) == len(told)
    # What carries on alone ("does it cost anything") is everybody's.
    ours = [words for chat in told for words in (chat["before"], f"{chat['before']} {chat['text']}")]
    assert near_copies(ours, [*held_out_questions(), *held_out_turns()]) == []
