"""The reading-grade check: hard text is refused, names and legal terms are not counted against it."""

from __future__ import annotations

import pytest

from knowledge.check import check_content
from knowledge.content import read_content
from knowledge.readability import excepted_terms, grade
from tests.knowledge.conftest import Folder

HARD = (
    "Notwithstanding considerable organisational difficulties, multidisciplinary practitioners "
    "endeavour to facilitate comprehensive neurodevelopmental evaluations."
)
NAMES = excepted_terms(["Community Paediatric Neurodevelopmental Assessment Service"])


def test_the_grade_is_flesch_and_kincaids() -> None:
    # Counted by hand: 13 words in 2 sentences, 14 syllables (only "answer" has two).
    text = "You can ask for help at once. They must answer in six weeks."
    assert grade(text, NAMES) == pytest.approx(0.39 * 6.5 + 11.8 * 14 / 13 - 15.59, abs=0.01)


def test_each_line_ends_a_sentence() -> None:
    lines = "You can ask the school\n- the family doctor\n- the health visitor"
    assert grade(lines, NAMES) == grade(
        "You can ask the school. the family doctor. the health visitor.", NAMES
    )


def test_a_number_with_a_point_ends_no_sentence() -> None:
    assert grade("It costs 1.50 pounds a week here", NAMES) == grade("It costs 150 pounds a week here", NAMES)


def test_names_and_legal_terms_do_not_make_a_text_hard() -> None:
    plain = grade("You can ask it for help.", NAMES)
    assert (
        grade("You can ask Community Paediatric Neurodevelopmental Assessment Service for help.", NAMES)
        == plain
    )
    assert grade("You can ask the First-tier Tribunal for help.", NAMES) == grade(
        "You can ask the it for help.", NAMES
    )


@pytest.mark.parametrize("field", ["answer", "easy_read", "young_person", "next_step", "question"])
def test_hard_text_is_a_problem(folder: Folder, field: str) -> None:
    content = read_content(folder(lambda files: files["records.yml"]["guidance"][0].update({field: HARD})))

    assert [p for p in check_content(content).problems if f"{field}: its reading grade is" in p]


def test_easy_read_is_held_to_a_lower_grade(folder: Folder) -> None:
    between = "Parents can ask the council for an assessment of everything the family needs. It must answer."
    assert 5 < grade(between, NAMES) <= 8

    def change(files: dict[str, dict[str, list[dict[str, str]]]]) -> None:
        files["records.yml"]["guidance"][0].update(answer=between, easy_read=between)

    found = [p for p in check_content(read_content(folder(change))).problems if "what-is-lunch-club" in p]

    assert [p.split(":")[0] for p in found] == ["what-is-lunch-club, easy_read"]


def test_the_same_question_twice_is_a_problem(folder: Folder) -> None:
    def change(files: dict[str, dict[str, list[dict[str, str]]]]) -> None:
        records = files["records.yml"]["guidance"]
        records.append({**records[0], "id": "a-copy", "question": records[0]["question"].upper()})

    assert [p for p in check_content(read_content(folder(change))).problems if "a-copy: is the same as" in p]


def test_an_answer_to_parents_only_needs_words_for_the_young(folder: Folder) -> None:
    def change(**fields: str) -> list[str]:
        content = read_content(folder(lambda files: files["records.yml"]["guidance"][0].update(fields)))
        return [p for p in check_content(content).problems if "speaks to a parent" in p]

    assert change(answer="Your child can go.")
    assert change(answer="Your child can go.", young_person="You can go.") == []
    assert change(answer="Your child can go.", audience="families") == []
