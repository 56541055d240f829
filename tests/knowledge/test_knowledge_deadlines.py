"""When a time limit ends, by the law: the worked examples and the edges of the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.deadlines import DeadlineNotCountable, due_date
from knowledge.models import Deadline
from tests.knowledge.conftest import shipped_content

DAYS = st.dates(date(2014, 9, 1), date(2060, 12, 31))  # since the Act of 2014 came into force


def rule(count: int, unit: str, day_rule: str = "plain") -> Deadline:
    """A time limit."""
    return Deadline(id="a-rule", count=count, unit=unit, day_rule=day_rule)


def shipped(rule_id: str) -> Deadline:
    """A time limit that ships."""
    for entitlement in shipped_content().entitlements:
        for found in entitlement.deadlines:
            if found.id == rule_id:
                return rule(found.count, found.unit, found.day_rule)
    raise AssertionError(f"no time limit {rule_id} ships")


#: The worked examples of the helpline: requests of 2026, decision after 6 weeks, final plan after 20.
REQUESTS = {
    date(2026, 3, 3): (date(2026, 4, 14), date(2026, 7, 21)),
    date(2026, 2, 2): (date(2026, 3, 16), date(2026, 6, 22)),
    date(2024, 1, 31): (date(2024, 3, 13), date(2024, 6, 19)),  # over 29 February
}


@pytest.mark.parametrize("received", REQUESTS)
def test_the_dates_of_a_request(received: date) -> None:
    decision, plan = REQUESTS[received]

    assert due_date(shipped("decision-to-assess"), received) == decision
    assert due_date(shipped("final-plan"), received) == plan


#: Months end on the same day of a later month, or on its last day where there is none.
MONTHS = {
    (date(2026, 3, 3), 2): date(2026, 5, 3),
    (date(2026, 1, 31), 1): date(2026, 2, 28),
    (date(2028, 1, 31), 1): date(2028, 2, 29),
    (date(2027, 12, 31), 2): date(2028, 2, 29),
    (date(2028, 2, 29), 12): date(2029, 2, 28),
    (date(2026, 4, 30), 1): date(2026, 5, 30),  # the same day, not the month's end
    (date(2026, 11, 30), 3): date(2027, 2, 28),
}


@pytest.mark.parametrize(("start", "months"), MONTHS)
def test_months_are_calendar_months(start: date, months: int) -> None:
    assert due_date(rule(months, "months"), start) == MONTHS[start, months]


#: A period that begins with the day itself ends a day earlier: the rules that ship, each by its law.
FROM_THE_DAY = {
    # Equality Act 2010, schedule 17, paragraph 4(1): 6 months beginning with the date of the conduct.
    ("discrimination-claim", date(2026, 3, 3)): date(2026, 9, 2),
    # 30 August is the day before; it has no 30 February: the last day of the month.
    ("discrimination-claim", date(2026, 8, 31)): date(2027, 2, 28),
    # The Tribunal's August rule is for appeals, not for claims (fact nat-appeal-deadline).
    ("discrimination-claim", date(2026, 2, 11)): date(2026, 8, 10),
    # Children and Families Act 2014, s.44(1): 12 months starting with the day the plan was made.
    ("review-within-a-year", date(2026, 3, 3)): date(2027, 3, 2),
    ("review-within-a-year", date(2027, 1, 1)): date(2027, 12, 31),
    ("review-within-a-year", date(2028, 2, 29)): date(2029, 2, 28),
    # Regulations 2014, reg. 22(2)(c): at least 15 days beginning with the day the notice was served.
    ("comment-on-changes", date(2026, 6, 1)): date(2026, 6, 15),
    ("comment-on-changes", date(2028, 2, 20)): date(2028, 3, 5),
    # Regulations 2014, reg. 13(1): the same for the draft of a first plan.
    ("comment-on-draft", date(2026, 6, 1)): date(2026, 6, 15),
}


@pytest.mark.parametrize(("rule_id", "day"), FROM_THE_DAY)
def test_a_time_that_begins_with_the_day_itself(rule_id: str, day: date) -> None:
    assert due_date(shipped(rule_id), day) == FROM_THE_DAY[rule_id, day]


def test_no_shipped_rule_explains_a_day_that_is_already_counted() -> None:
    for entitlement in shipped_content().entitlements:
        for deadline in entitlement.deadlines:
            if deadline.day_rule == "from-the-day":
                assert "day before" not in (deadline.exceptions or ""), deadline.id


@given(DAYS, st.integers(1, 400))
def test_days_from_the_day_are_exactly_so_many(day: date, count: int) -> None:
    last = due_date(rule(count, "days", "from-the-day"), day)

    assert (last - day).days + 1 == count  # both ends counted


@given(DAYS, st.sampled_from(["days", "weeks", "months"]), st.integers(1, 24))
def test_from_the_day_is_never_later_than_plain(day: date, unit: str, count: int) -> None:
    # Too early is safe, too late costs the right; and it is never more than a month's end apart.
    plain = due_date(rule(count, unit), day)
    strict = due_date(rule(count, unit, "from-the-day"), day)

    assert timedelta(0) <= plain - strict <= timedelta(days=4)


#: Decision letter (2 months) or certificate (1 month) -> the day the appeal must be there.
TRIBUNAL = {
    # August: the first working day of September.
    ("appeal-from-letter", date(2026, 6, 1)): date(2026, 9, 1),
    ("appeal-from-letter", date(2026, 6, 30)): date(2026, 9, 1),
    ("appeal-from-letter", date(2029, 6, 15)): date(2029, 9, 3),  # 1 September 2029 is a Saturday
    ("appeal-from-letter", date(2026, 5, 31)): date(2026, 7, 31),  # the last day that is not in August
    ("appeal-from-letter", date(2026, 7, 1)): date(2026, 9, 1),  # September by itself
    ("appeal-from-certificate", date(2026, 7, 20)): date(2026, 9, 1),
    # 25 December to 1 January: the next working day in January.
    ("appeal-from-certificate", date(2022, 11, 29)): date(2023, 1, 3),  # 2 January 2023 was a bank holiday
    ("appeal-from-letter", date(2021, 11, 1)): date(2022, 1, 4),  # 1 January 2022 was a Saturday
    ("appeal-from-letter", date(2025, 10, 25)): date(2026, 1, 2),
    ("appeal-from-letter", date(2025, 11, 1)): date(2026, 1, 2),
    ("appeal-from-letter", date(2026, 10, 31)): date(2027, 1, 4),  # 2 January 2027 is a Saturday
    ("appeal-from-letter", date(2025, 10, 24)): date(2025, 12, 24),  # the last day that is not in it
    ("appeal-from-letter", date(2025, 11, 2)): date(2026, 1, 2),  # after it, by itself
    ("appeal-from-letter", date(2026, 3, 3)): date(2026, 5, 3),
}


@pytest.mark.parametrize(("rule_id", "letter"), TRIBUNAL)
def test_the_tribunals_august_and_christmas(rule_id: str, letter: date) -> None:
    assert due_date(shipped(rule_id), letter) == TRIBUNAL[rule_id, letter]


@given(DAYS)
def test_an_appeal_never_ends_in_the_tribunals_holidays(letter: date) -> None:
    end = due_date(rule(2, "months", "send-tribunal"), letter)

    assert end.month != 8
    assert (end.month, end.day) < (12, 25)
    assert (end.month, end.day) != (1, 1)
    assert end >= due_date(rule(2, "months"), letter)


@pytest.mark.parametrize("unit", ["school-days", "working-days"])
def test_days_of_an_unknown_calendar_are_not_guessed(unit: str) -> None:
    with pytest.raises(DeadlineNotCountable, match="a-rule"):
        due_date(rule(15, unit), date(2026, 3, 3))
