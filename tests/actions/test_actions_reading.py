"""What one message tells of the person: area, age, who it is about, a date."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.reading import Heard, hear, read_age
from tests.actions.conftest import Entity, entities_of

NOW = date(2026, 11, 22)


def heard(text: str, *entities: Entity, telling: bool = False) -> Heard:
    """Read a message with the words that Rasa marked in it."""
    return hear(text, entities_of(text, entities), NOW, answers_a_question=telling)


#: Words that Rasa marks as an age -> years. School year N is the year in which pupils turn N + 5.
AGES = {
    "7 year old": 7,
    "7-year-old": 7,
    "aged 12": 12,
    "daughter is 13": 13,
    "5 years old": 5,
    "5yrs": 5,
    "year 5": 10,
    "Year 6": 11,
    "yr 10": 15,
    "Y7": 12,
    "year five": 10,
    "reception": 5,
    "in nursery": 3,
    "forty-six": 46,
    "forty six": 46,
    "eleven": 11,
    "he's 8": 8,
    "18 months old": 1,
    "my 30 month old": 2,
    "6 week old": 0,
    "between 16 and 25": 16,
    "sixteen or seventeen year old": 16,
}


@pytest.mark.parametrize("words", AGES)
def test_ages(words: str) -> None:
    assert read_age(words) == AGES[words]


#: Lengths of time and numbers that no person is old.
NO_AGES = ("22 weeks", "18 months", "6 days", "130", "year 14", "soon", "", "young")


@pytest.mark.parametrize("words", NO_AGES)
def test_what_is_no_age(words: str) -> None:
    assert read_age(words) is None


@settings(deadline=None)  # a busy machine is slow
@given(st.integers(0, 120))
def test_every_age_in_digits(years: int) -> None:
    for words in (f"{years} year old", f"aged {years}", f"she is {years}"):
        assert read_age(words) == years


#: How people write their own age, phones' curly apostrophes included -> years.
OWN_AGES = {
    "I'm 33, in Derby, can I refer myself?": 33,
    "I’m 15 and I think I'm autistic": 15,
    "im 15": 15,
    "I am only 14": 14,
    "I'm fifteen": 15,
    "I'm thirty-three": 33,
    "I'm 33 years old": 33,
    "its for me, 42": 42,
    "I'm in year 9": 14,
    "i’m still in Year 10": 15,
}


@pytest.mark.parametrize("text", OWN_AGES)
def test_the_writers_own_age(text: str) -> None:
    told = heard(text)

    assert told.own_age == OWN_AGES[text]
    assert told.age == OWN_AGES[text]
    assert told.cohort == ("adult" if OWN_AGES[text] >= 18 else "child")


#: "I'm" and a number that is not how old they are.
NOT_OWN_AGES = (
    "I'm 22 weeks into the wait",
    "I'm 3 years into the wait",
    "I'm 15 minutes away",
    "I'm 90% sure",
    "I'm 15th on the list",
    "I'm 1 of 3",
    "I'm one of many",
    "it took me 2 years",
    "I'm 20 weeks pregnant",
)


@pytest.mark.parametrize("text", NOT_OWN_AGES)
def test_a_number_that_is_not_the_writers_age(text: str) -> None:
    assert heard(text).own_age is None
    assert heard(text).age is None


#: Two people in one message -> whom it is about: (age, cohort, the writer's own age).
TWO_PEOPLE: list[tuple[str, list[Entity], tuple[int | None, str, int]]] = [
    (
        "I'm 42 and my son is 7",
        [("age", "I'm 42"), ("cohort", "son", "child"), ("age", "son is 7")],
        (7, "child", 42),
    ),
    ("my son is 7 and I'm 42", [("age", "son is 7"), ("age", "I'm 42")], (7, "child", 42)),
    (
        "I'm 42 and need help for my daughter",
        [("age", "I'm 42"), ("cohort", "daughter", "child")],
        (None, "child", 42),
    ),
    (
        "I'm 33 with two kids, can I refer myself?",
        [("age", "I'm 33"), ("cohort", "kids", "child")],
        (33, "adult", 33),
    ),
    # Somebody young writes about themselves, and names a parent's age at most in passing.
    ("I'm 15, my mum is 45", [("age", "I'm 15"), ("age", "mum is 45")], (15, "child", 15)),
]


@pytest.mark.parametrize(("text", "entities", "expected"), TWO_PEOPLE)
def test_whom_a_message_is_about(
    text: str, entities: list[Entity], expected: tuple[int | None, str, int]
) -> None:
    told = heard(text, *entities)

    assert (told.age, told.cohort, told.own_age) == expected


#: A message that tells more than one age, or a number that looks like one -> the age now.
AGES_NOW: dict[str, tuple[list[Entity], int | None]] = {
    "My 14 year old has struggled since she was 5, who can assess her?": (
        [("age", "14 year old"), ("age", "she was 5")],
        14,
    ),
    "My 19 year old was diagnosed at age 4": ([("age", "19 year old"), ("age", "age 4")], 19),
    "He's in Year 3 now and has been waiting since year 1": ([("age", "Year 3"), ("age", "year 1")], 8),
    "they say not until he's 16, he's 14": ([("age", "he's 16"), ("age", "he's 14")], 14),
    "he was 5 when we asked": ([("age", "he was 5")], 5),
    # However the words were found, the last one told counts.
    "not 7, my boy is a year 4, he is 9 year old": ([("age", "9 year old"), ("age", "year 4")], 9),
    "We're in year 3 of waiting": ([("age", "year 3")], None),
    "she's in year two of her degree": ([("age", "year two")], None),
    "he's in year 12 at college": ([("age", "year 12")], 17),
    "19 year old at college": ([("age", "19 year old")], 19),
}


@pytest.mark.parametrize("text", AGES_NOW)
def test_the_age_now_is_not_that_of_another_time(text: str) -> None:
    entities, age = AGES_NOW[text]

    assert heard(text, *entities).age == age


def test_a_year_at_university_is_no_school_year() -> None:
    told = heard("I'm in year 2 of uni", ("age", "year 2"))

    assert (told.age, told.own_age) == (None, None)


#: A message that answers or corrects -> the age in it, if there is one.
TOLD = {
    "no, she's actually 8": 8,
    "8": 8,
    "sorry, 12 not 11": 12,
    "it's been 22 weeks": None,
    "2 kids": None,
    "20%": None,
    "£40": None,
    "DE22 1AA": None,
    "on 3/3/26": None,
    "3 years now": None,
    "Single mum of 2 in Hereford": None,
    "I have 2 autistic boys": None,
    "there's 2 with autism": None,
    "8 in March": 8,
    "8, with autism": 8,
}


@pytest.mark.parametrize("text", TOLD)
def test_a_bare_number_in_an_answer(text: str) -> None:
    assert heard(text, telling=True).age == TOLD[text]


def test_a_bare_number_in_a_question_is_no_age() -> None:
    assert heard("what are the 4 areas of need").age is None


def test_a_day_in_an_answer_is_no_age() -> None:
    told = heard("it was 3 March", ("date_phrase", "3 March"), telling=True)

    assert told.age is None
    assert told.day == date(2026, 3, 3)


@pytest.mark.parametrize(("age", "cohort"), [(17, "child"), (18, "adult")])
def test_the_law_draws_the_line_at_18(age: int, cohort: str) -> None:
    assert heard(f"aged {age}", ("age", f"aged {age}")).cohort == cohort


def test_an_age_says_more_than_a_word() -> None:
    # "My son is 25": a son, and an adult.
    told = heard("my son is 25", ("cohort", "son", "child"), ("age", "son is 25"))

    assert told.cohort == "adult"


def test_a_place_is_kept_as_it_was_written() -> None:
    told = heard("we live in Ross-on-Wye", ("area", "Ross-on-Wye", "herefordshire"))

    assert (told.area, told.place) == ("herefordshire", "Ross-on-Wye")


def test_the_last_place_counts() -> None:
    told = heard(
        "not Derby, we moved to Hereford",
        ("area", "Derby", "derby-city"),
        ("area", "Hereford", "herefordshire"),
    )

    assert told.area == "herefordshire"


def test_a_button_says_its_value() -> None:
    # Without a place in the text: the payload is not what the person wrote.
    told = hear("", [{"entity": "area", "value": "derbyshire"}, {"entity": "cohort", "value": "adult"}], NOW)

    assert (told.area, told.place, told.cohort) == ("derbyshire", None, "adult")


#: Dates and lengths of time -> the day.
DAYS: list[tuple[str, list[Entity], date | None]] = [
    ("asked on 3 March 2026", [("date_phrase", "3 March 2026")], date(2026, 3, 3)),
    ("asked on 03/04/2026", [("date_phrase", "03/04/2026")], date(2026, 4, 3)),
    ("asked 6 weeks ago", [("date_phrase", "6 weeks ago")], date(2026, 10, 11)),
    ("it's been 22 weeks since I asked", [], date(2026, 6, 21)),
    ("my 7 year old has been waiting 22 weeks", [("age", "7 year old")], date(2026, 6, 21)),
    ("do they have to answer within 20 weeks", [], None),
    ("is it 6 weeks or 20 weeks", [("DATE", "6 weeks")], None),
    ("my 7 year old", [("age", "7 year old"), ("DATE", "7 year old")], None),
    ("the letter came on Thursday", [("DATE", "Thursday")], date(2026, 11, 19)),
    ("the draft came the Thursday before half term", [("DATE", "Thursday")], None),
    ("it came on Thursday after two years on the list", [("DATE", "Thursday")], date(2026, 11, 19)),
    ("the review is every Monday", [("DATE", "Monday")], None),
]


@pytest.mark.parametrize(("text", "entities", "day"), DAYS)
def test_days(text: str, entities: list[Entity], day: date | None) -> None:
    assert heard(text, *entities).day == day


@settings(deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_whatever_is_typed_is_read(text: str, telling: bool) -> None:
    told = hear(text, [], NOW, answers_a_question=telling)

    assert told.age is None or 0 <= told.age <= 120


#: Entities that nobody should send, and that a changed model might.
ODD: list[dict[str, Any]] = [
    {"entity": "age", "value": None},
    {"entity": "age", "value": 7},
    {"entity": "age", "value": "7", "start": 90, "end": 99},
    {"entity": "age", "value": "7", "start": "0", "end": "1"},
    {"entity": "cohort", "value": "robot"},
    {"entity": "date_phrase", "value": ""},
    {"entity": "PERSON", "value": "Sam"},
    {},
]


@pytest.mark.parametrize("entity", ODD)
def test_an_odd_entity_stops_nothing(entity: dict[str, Any]) -> None:
    told = hear("my son", [entity], NOW)

    assert told.area is None
    assert told.cohort in (None, "child")


def test_a_part_of_a_date_is_not_taken_for_the_date() -> None:
    # spaCy marks "november 2026" alone, which is read as its first day; our pattern marks all of it.
    for entities in (
        [("date_phrase", "2 november 2026"), ("DATE", "november 2026")],
        [("DATE", "november 2026"), ("date_phrase", "2 november 2026")],
    ):
        assert heard("letter dated 2 november 2026", *entities).day == date(2026, 11, 2)


#: A message -> its place, and whether that is the family's own when their area is known and when it is not.
PLACES = {
    "and what about Leeds?": ("Leeds", True, True),
    "We live in Leeds and he is 8 and nobody at his school will refer him.": ("Leeds", True, True),
    "He is 8 and was fine until we moved to Leeds, and nobody here will refer him.": ("Leeds", True, True),
    "We are both from Leeds and I would like to know who can refer our son.": ("Leeds", True, True),
    "his sister got hers when we lived in Cardiff, so how is it done over here?": ("Cardiff", False, False),
    "We've just come up from Devon so I don't know how it works for an 8 year old.": ("Devon", False, False),
    "My friend in Leeds got her daughter seen in five months, can we do that?": ("Leeds", False, False),
    "Her dad's in Leeds with his new family, can he stop the appointment?": ("Leeds", False, False),
    "He is 8, in year 3 at school in Leeds, how long is the wait to be seen?": ("Leeds", False, True),
    "We moved from Leeds last summer and he is 9 and still has no plan, who do I ask?": (
        "Leeds",
        False,
        False,
    ),
    "We used to live in Leeds and he had a statement there, how does it work here?": ("Leeds", False, False),
    "We no longer live in Leeds but his old school has the reports, whom do we ask?": ("Leeds", False, False),
    "We were living in Leeds when he was first referred, do we have to start again?": ("Leeds", False, False),
}


@pytest.mark.parametrize(("text", "told"), PLACES.items())
def test_a_place_in_a_story_is_not_always_where_the_family_lives(
    text: str, told: tuple[str, bool, bool]
) -> None:
    place, when_known, when_not = told
    marked = entities_of(text, [("area", place, "elsewhere")])
    assert hear(text, marked, NOW, area_is_known=True).area == ("elsewhere" if when_known else None)
    assert hear(text, marked, NOW).area == ("elsewhere" if when_not else None)


#: A message about a place that is covered -> whether that is the family's when their area is known (another
#: one) and when it is not.
COVERED_PLACES = {
    "what about Derby?": (True, True),
    "we moved from Derby, who assesses here?": (False, False),
    "My friend in Derby got her daughter seen in six weeks, how long will it be for us?": (False, True),
    "How long is the waiting list for an autism assessment for a child of seven in Derby?": (True, True),
    "I'm a mum of two in Derby and my eldest has been on the list since the spring.": (True, True),
    "He has lived in Derby all his life and now nobody there wants to see him, why?": (True, True),
    "The letter came from Derby and says no, can I appeal?": (True, True),
    "he left school in Derby, what now?": (True, True),
}


@pytest.mark.parametrize(("text", "told"), COVERED_PLACES.items())
def test_a_covered_place_in_a_story_is_not_always_where_the_family_lives(
    text: str, told: tuple[bool, bool]
) -> None:
    when_known, when_not = told
    marked = entities_of(text, [("area", "Derby", "derby-city")])
    assert hear(text, marked, NOW, area_is_known=True).area == ("derby-city" if when_known else None)
    assert hear(text, marked, NOW).area == ("derby-city" if when_not else None)


def test_the_place_that_a_family_moved_to_counts_wherever_it_stands() -> None:
    told = heard(
        "We have just moved to Hereford from Derby, how do we get him assessed?",
        ("area", "Hereford", "herefordshire"),
        ("area", "Derby", "derby-city"),
    )
    assert (told.area, told.place) == ("herefordshire", "Hereford")


def test_a_place_told_in_a_message_is_known_in_the_rest_of_it() -> None:
    told = heard(
        "We live in Hereford and he is 8, and my friend in Derby got hers seen in five months, so here?",
        ("area", "Hereford", "herefordshire"),
        ("area", "Derby", "derby-city"),
    )
    assert (told.area, told.place) == ("herefordshire", "Hereford")


#: Words about parents -> whether somebody under 18 writes them.
WHO_WRITES = {
    "do my parents have to know": True,
    "will mum find out if I ask": True,
    "can I be seen without my carers knowing": True,
    "Can parents see the reports before the annual review?": False,
    "Do parents have to be told if school puts a child on SEN support?": False,
    "Can school refer him without parents knowing?": False,
    "Can you refer him without mum knowing?": False,
    "does dad have to know if my son is assessed": False,
    "I'm a child, do my parents have to know": True,
}


@pytest.mark.parametrize("text", WHO_WRITES)
def test_somebody_under_18_asks_about_their_own_parents(text: str) -> None:
    assert heard(text).sounds_young == WHO_WRITES[text]


def test_a_friends_place_does_not_take_that_of_the_family_away() -> None:
    told = heard(
        "We live in Derby and he is 8, and my friend in Leeds got hers seen in five months, is it so here?",
        ("area", "Derby", "derby-city"),
        ("area", "Leeds", "elsewhere"),
    )
    assert (told.area, told.place) == ("derby-city", "Derby")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I asked the council today, when must they answer?", NOW),
        ("it's been 2 weeks and today they wrote that they need more time", date(2026, 11, 8)),
        ("we asked on 3 March 2026 and today they wrote that they need more time", date(2026, 3, 3)),
    ],
)
def test_today_is_the_day_that_is_meant_only_if_no_other_is_told(text: str, day: date) -> None:
    marked = [("date_phrase", words) for words in ("3 March 2026", "today") if words in text]
    assert heard(text, *marked).day == day
