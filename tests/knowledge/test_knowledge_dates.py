"""Dates as people in the UK say them, and as we say them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.dates import elapsed_since, parse_date, say_date, say_partial

#: A Sunday.
NOW = date(2026, 11, 22)

DAYS = st.dates(date(1990, 1, 1), date(2059, 12, 31))


@given(DAYS)
def test_what_we_say_is_read_back(day: date) -> None:
    assert parse_date(say_date(day), NOW) == day


@given(DAYS)
def test_numbers_are_day_then_month(day: date) -> None:
    for form in ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%-d/%-m/%Y"):
        assert parse_date(day.strftime(form), NOW) == day, form


@given(DAYS)
def test_a_date_field_of_a_page_is_read(day: date) -> None:
    assert parse_date(day.isoformat(), NOW) == day


@given(st.dates(date(2020, 1, 1), date(2029, 12, 31)))
def test_two_digits_are_a_year_of_this_century(day: date) -> None:
    assert parse_date(day.strftime("%d/%m/%y"), NOW) == day


@given(DAYS.filter(lambda day: (day.month, day.day) != (2, 29)))
def test_a_day_without_a_year_has_passed(day: date) -> None:
    read = parse_date(day.strftime("%-d %B"), NOW)

    assert read is not None
    assert (read.month, read.day) == (day.month, day.day)
    assert NOW - timedelta(days=366) < read <= NOW


#: Words for a day, and the day they mean on Sunday 22 November 2026.
SAID = {
    "3 March 2026": date(2026, 3, 3),
    "the 3rd of March": date(2026, 3, 3),
    "1st august": date(2026, 8, 1),
    "March 3, 2026": date(2026, 3, 3),
    "3 Mar 26": date(2026, 3, 3),
    "03/04/2026": date(2026, 4, 3),  # not 4 March
    "yesterday": date(2026, 11, 21),
    "today": NOW,
    "last Monday": date(2026, 11, 16),
    "this Monday": date(2026, 11, 16),  # told of something that has happened
    "on Monday": date(2026, 11, 16),
    "since Monday": date(2026, 11, 16),
    "last week": date(2026, 11, 15),
    "6 weeks ago": date(2026, 10, 11),
    "about six weeks ago": date(2026, 10, 11),
    "over 6 weeks ago": date(2026, 10, 11),
    "a fortnight ago": date(2026, 11, 8),
    "a couple of weeks ago": date(2026, 11, 8),
    "a month ago": date(2026, 10, 22),
    "2 months ago": date(2026, 9, 22),
    "a year ago": date(2025, 11, 22),
    "29 February": date(2024, 2, 29),  # the last one there was
}


@pytest.mark.parametrize("words", SAID)
def test_words_for_a_day(words: str) -> None:
    assert parse_date(words, NOW) == SAID[words]


#: What stands near ages, lengths of time and numbers, and is no day.
NO_DAY = (
    "7 year old",
    "7-year-old",
    "20 weeks",
    "22 months",
    "year 5",
    "12",
    "0800 1111",
    "half a year ago",
    "a while",
    "soon",
    "31 April 2026",
    "29 February 2026",
    "since February",  # a month is not its first day, and may be one to come
    "last September",
    "in May 2026",
    "March",
    "31/02/2026",
    "",
    "decided",
    "marvellous",
)


@pytest.mark.parametrize("words", NO_DAY)
def test_what_is_no_day(words: str) -> None:
    assert parse_date(words, NOW) is None


@given(st.integers(0, 120))
def test_an_age_is_never_a_day(age: int) -> None:
    for words in (f"{age} year old", f"{age} years old", f"aged {age}", f"{age}"):
        assert parse_date(words, NOW) is None, words


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_day_or_none(words: str) -> None:
    assert parse_date(words, NOW) is None or isinstance(parse_date(words, NOW), date)


#: How long something has gone on -> the day it began.
ELAPSED = {
    "it's been 22 weeks": date(2026, 6, 21),
    "we have waited over a year": date(2025, 11, 22),
    "been waiting eighteen months": date(2025, 5, 22),
    "waiting 2 yrs": date(2024, 11, 22),
    "three months since we asked": date(2026, 8, 22),
    "waiting for 10 days": date(2026, 11, 12),
    "it has been 6wks": date(2026, 10, 11),
    "my 7 year old has been waiting 22 weeks": date(2026, 6, 21),  # not seven years
    "been a fortnight": date(2026, 11, 8),
}


@pytest.mark.parametrize("words", ELAPSED)
def test_how_long_ago_it_began(words: str) -> None:
    assert elapsed_since(words, NOW) == ELAPSED[words]


#: Ages, and lengths too vague to count from.
NOT_ELAPSED = ("my 7 year old", "he is 18 months old", "half a year", "an extra week", "for ages", "year 5")


@pytest.mark.parametrize("words", NOT_ELAPSED)
def test_what_is_no_length_of_time(words: str) -> None:
    assert elapsed_since(words, NOW) is None


@given(st.integers(1, 999), st.sampled_from(["days", "weeks", "months"]))
def test_longer_is_earlier(count: int, unit: str) -> None:
    shorter = elapsed_since(f"it's been {count} {unit}", NOW)
    longer = elapsed_since(f"it's been {count + 1} {unit}", NOW) if count < 999 else None

    assert shorter is not None
    assert shorter < NOW
    assert longer is None or longer < shorter


@pytest.mark.parametrize(
    ("partial", "said"),
    [("2022", "2022"), ("2022-12", "December 2022"), ("2022-12-05", "5 December 2022")],
)
def test_a_date_is_said_as_precisely_as_it_is_known(partial: str, said: str) -> None:
    assert say_partial(partial) == said
