"""Referral dates as people tell them, and what is counted from them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from knowledge.dates import say_date
from knowledge.periods import Period, amend, find_periods, say_period
from knowledge.waits import WAIT_UNITS, day_reached, in_weeks, say_weeks, so_far, weeks_between

#: A Sunday.
NOW = date(2026, 11, 22)

DAYS = st.dates(date(1990, 1, 1), date(2059, 12, 31))
PAST = st.dates(date(2000, 1, 1), NOW)


def told(text: str, now: date = NOW) -> list[str]:
    return [say_period(period) for _, _, period in find_periods(text, now)]


# --- dates as people tell them ---


@given(DAYS)
def test_a_day_is_found_in_whatever_form(day: date) -> None:
    for form in ("%-d %B %Y", "%B %-d, %Y", "%d/%m/%Y", "%-d.%-m.%Y", "%Y-%m-%d", "%-d %b %Y"):
        text = f"I was referred on {day.strftime(form)}, Derby, child"
        assert [period for _, _, period in find_periods(text, NOW)] == [Period(day, day)], text


@given(st.dates(date(2000, 1, 1), date(2059, 12, 31)))
def test_a_month_of_a_year_is_the_whole_month(day: date) -> None:
    for form in ("%B %Y", "in %b %Y", "%m/%Y", "%Y-%m", "since %B %Y"):
        [(_, _, period)] = find_periods(f"referred {day.strftime(form)}", NOW)
        assert (period.first.day, period.first.month, period.first.year) == (1, day.month, day.year)
        assert period.last + timedelta(days=1) == period.first + relativedelta(months=1)


@given(st.sampled_from(["January", "March", "May", "November", "December"]), DAYS)
def test_a_month_without_a_year_has_begun_and_is_not_a_year_old(month: str, now: date) -> None:
    [(_, _, period)] = find_periods(f"in {month}", now)

    assert period.first <= now
    assert period.first > now - timedelta(days=366)


#: Words of a message on Sunday 22 November 2026 -> the days they mean.
SAID = {
    "referred last March": "in March 2026",
    "last November": "in November 2025",
    "this November": "in November 2026",
    "March last year": "in March 2025",
    "in May 25": "in May 2025",
    "May '25": "in May 2025",
    "mid-June": "in June 2026",
    "18 months ago": "in May 2025",
    "a year and a half ago": "in May 2025",
    "we've waited two and a half years": "in May 2024",
    "half a year ago": "in May 2026",
    "been 22 weeks and heard nothing": "on 21 June 2026",
    "2 years on the list": "in November 2024",
    "waiting for over 2 years": "in November 2024",
    "it was in 2024": "in 2024",
    "last year": "in 2025",
    "the year before last": "in 2024",
    "summer 2024": "between 1 June 2024 and 31 August 2024",
    "last week": "between 9 November 2026 and 15 November 2026",
    "last month": "in October 2026",
    "yesterday": "on 21 November 2026",
    "the third of March": "on 3 March 2026",
    "14 May 25": "on 14 May 2025",
}


@pytest.mark.parametrize("words", SAID)
def test_words_for_days(words: str) -> None:
    assert told(words) == [SAID[words]]


#: Ages, lengths that are no time gone by, and words that only look like months.
NO_DATES = (
    "my 7 year old",
    "he is 18 months old",
    "is 20 weeks normal",
    "year 5",
    "may I ask something",
    "we march on",
    "0800 1111",
    "£2025 a year",
    "",
)


@pytest.mark.parametrize("words", NO_DATES)
def test_what_is_no_date(words: str) -> None:
    assert told(words) == []


def test_several_dates_keep_their_order() -> None:
    assert told("born 3 May 2018, referred in June 2025, seen last week?") == [
        "on 3 May 2018",
        "in June 2025",
        "between 9 November 2026 and 15 November 2026",
    ]


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_dates_inside_it(text: str) -> None:
    ends = 0
    for start, end, period in find_periods(text, NOW):
        assert ends <= start < end <= len(text)
        assert period.first <= period.last
        ends = end


@given(PAST, st.integers(0, 400))
def test_a_period_is_written_and_read_back(first: date, days: int) -> None:
    period = Period(first, first + timedelta(days=days))

    assert Period.from_iso(period.iso()) == period
    assert say_date(period.first) in say_period(period) or period.first.day == 1


#: (as it was known, what the correction says, as it is then)
CORRECTIONS = [
    ("2025-05-14", "no, 2024", "on 14 May 2024"),
    ("2025-05", "it's not 2025 it's 2024", "in May 2024"),
    ("2025-05", "no it was March", "in March 2025"),
    ("2026-05", "no, December", "in December 2025"),  # December 2026 has not come
    ("2025-05-14", "it was the 12th not the 14th", "on 12 May 2025"),
    ("2025-05-14", "wrong, it was the 5th of June", "on 5 June 2025"),
    ("2025-05-14", "it was last October", "in October 2026"),
    ("2024", "no, 2023", "in 2023"),
    ("2024", "no, June 2023", "in June 2023"),
    ("2024-02-29", "no, 2023", "on 28 February 2023"),
]


@pytest.mark.parametrize(("known", "correction", "then"), CORRECTIONS)
def test_a_correction_changes_what_it_names(known: str, correction: str, then: str) -> None:
    amended = amend(Period.of(known), correction, NOW)

    assert amended is not None
    assert say_period(amended) == then


@pytest.mark.parametrize("text", ["no", "he's 8", "thank you", "the 31st"])
def test_what_corrects_no_date(text: str) -> None:
    assert amend(Period.of("2025-04-14"), text, NOW) is None


def test_a_period_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        Period(date(2026, 1, 2), date(2026, 1, 1))


# --- counting ---


@given(PAST, st.integers(0, 5000))
def test_weeks_are_whole_weeks_gone_by(start: date, days: int) -> None:
    weeks = weeks_between(start, start + timedelta(days=days))

    assert start + timedelta(weeks=weeks) <= start + timedelta(days=days) < start + timedelta(weeks=weeks + 1)


@given(PAST, st.integers(1, 2000))
def test_a_wait_of_whole_weeks_is_reached_when_so_many_weeks_are_over(start: date, weeks: int) -> None:
    day = day_reached(start, Decimal(weeks), "weeks")

    assert weeks_between(start, day) == weeks
    assert weeks_between(start, day - timedelta(days=1)) == weeks - 1


@given(PAST, st.decimals("0.01", "500", places=2), st.sampled_from(WAIT_UNITS))
def test_a_wait_is_reached_on_the_first_day_that_is_not_too_early(
    start: date, value: Decimal, unit: str
) -> None:
    day = day_reached(start, value, unit)

    assert day > start
    # A month of the calendar is at most three days longer or shorter than the month that weeks are made of.
    slack = 2 + (3 if unit in ("months", "years") else 0)
    assert abs((day - start).days - float(in_weeks(value, unit)) * 7) <= slack


@given(PAST, st.integers(1, 600))
def test_months_end_on_the_same_day_or_the_last(start: date, months: int) -> None:
    day = day_reached(start, Decimal(months), "months")

    assert day == start + relativedelta(months=months)


@given(
    PAST,
    st.decimals("0.1", "400", places=1),
    st.decimals("0.1", "400", places=1),
    st.sampled_from(WAIT_UNITS),
)
def test_a_longer_wait_is_not_reached_earlier(start: date, one: Decimal, other: Decimal, unit: str) -> None:
    shorter, longer = sorted((one, other))

    assert day_reached(start, shorter, unit) <= day_reached(start, longer, unit)


def test_an_unknown_unit_is_refused() -> None:
    for count in (lambda: day_reached(NOW, Decimal(3), "people"), lambda: in_weeks(Decimal(3), "people")):
        with pytest.raises(ValueError, match="people"):
            count()


def test_a_day_beyond_the_calendar_is_an_overflow() -> None:
    for unit in WAIT_UNITS:
        with pytest.raises(OverflowError):
            day_reached(NOW, Decimal(10_000_000), unit)


@given(PAST, st.integers(0, 366), st.integers(0, 400))
def test_the_range_holds_every_day_that_was_meant(first: date, length: int, later: int) -> None:
    period = Period(first, first + timedelta(days=length))
    on = min(NOW, first + timedelta(days=later))
    wait = so_far(period, on)

    assert wait is not None
    assert wait.least <= wait.most
    for day in (period.first, min(period.last, on)):
        assert wait.least <= weeks_between(day, on) <= wait.most


def test_a_referral_that_has_not_come_is_not_counted() -> None:
    assert so_far(Period.of("2026-11-23"), NOW) is None
    assert so_far(Period.of("2026-11"), NOW) is not None  # this month has begun


#: The worked example: 14 May 2025, counted on 22 November 2026.
def test_the_worked_example() -> None:
    wait = so_far(Period.of("2025-05-14"), NOW)

    assert wait is not None
    assert (wait.least, wait.most) == (79, 79)  # 557 days
    assert day_reached(date(2025, 5, 14), Decimal(33), "weeks") == date(2025, 12, 31)
    assert day_reached(date(2025, 5, 14), Decimal(53), "weeks") == date(2026, 5, 20)


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (79, 79, "79 weeks"),
        (1, 1, "1 week"),
        (0, 0, "less than a week"),
        (77, 81, "77 to 81 weeks"),
        (0, 3, "up to 3 weeks"),
        (0, 1, "up to 1 week"),
    ],
)
def test_weeks_in_words(least: int, most: int, said: str) -> None:
    assert say_weeks(least, most) == said
