"""When a time limit ends, by the law: the worked examples and the edges of the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.content_schema import Deadline as Rule
from knowledge.content_schema import Trigger
from knowledge.deadlines import EVENTS, DeadlineNotCountable, due_date, say_event, say_period, summary_of
from knowledge.models import Deadline
from tests.knowledge.conftest import shipped_content

DAYS = st.dates(date(2014, 9, 1), date(2060, 12, 31))  # since the Act of 2014 came into force


def rule(count: int, unit: str, day_rule: str = "plain") -> Deadline:
    """A time limit."""
    return Deadline(id="a-rule", trigger="request-received", count=count, unit=unit, day_rule=day_rule)


#: Every time limit that ships.
SHIPPED: dict[str, Rule] = {
    found.id: found for entitlement in shipped_content().entitlements for found in entitlement.deadlines
}
COUNTED = [rule_id for rule_id, found in SHIPPED.items() if found.unit not in ("school-days", "working-days")]


def shipped(rule_id: str) -> Deadline:
    """A time limit that ships."""
    found = SHIPPED[rule_id]
    return Deadline(
        id=found.id,
        trigger=found.trigger,
        count=found.count,
        unit=found.unit,
        day_rule=found.day_rule,
        later_of=found.later_of,
        title=found.title,
    )


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
    # Rule 12(2): a last day that is no working day moves to the next one.
    ("appeal-from-letter", date(2026, 3, 3)): date(2026, 5, 5),  # Sunday 3 May; Monday is a bank holiday
    ("appeal-from-letter", date(2026, 2, 3)): date(2026, 4, 7),  # Good Friday; then to Easter Monday
    ("appeal-from-letter", date(2026, 3, 17)): date(2026, 5, 18),  # a Sunday
    ("appeal-from-letter", date(2026, 3, 18)): date(2026, 5, 18),  # a Monday stays
    ("appeal-from-certificate", date(2024, 1, 31)): date(2024, 2, 29),  # the leap day, a Thursday
    ("appeal-from-certificate", date(2026, 1, 31)): date(2026, 3, 2),  # 28 February 2026 is a Saturday
}


@pytest.mark.parametrize(("rule_id", "letter"), TRIBUNAL)
def test_the_tribunals_august_and_christmas(rule_id: str, letter: date) -> None:
    assert due_date(shipped(rule_id), letter) == TRIBUNAL[rule_id, letter]


#: Bank holidays of England as GOV.UK lists them (proclaimed, or of the Act of 1971), each a Monday to Friday.
BANK_HOLIDAYS = {
    date.fromisoformat(day)
    for day in [
        "2025-01-01",
        "2025-04-18",
        "2025-04-21",
        "2025-05-05",
        "2025-05-26",
        "2025-08-25",
        "2025-12-25",
        "2025-12-26",
        "2026-01-01",
        "2026-04-03",
        "2026-04-06",
        "2026-05-04",
        "2026-05-25",
        "2026-08-31",
        "2026-12-25",
        "2026-12-28",
        "2027-01-01",
        "2027-03-26",
        "2027-03-29",
        "2027-05-03",
        "2027-05-31",
        "2027-08-30",
        "2027-12-27",
        "2027-12-28",
    ]
}


@pytest.mark.parametrize("rule_id", ["appeal-from-letter", "appeal-from-certificate"])
@given(letter=st.dates(date(2025, 1, 1), date(2027, 9, 1)))
def test_an_appeal_ends_on_a_working_day_outside_the_tribunals_holidays(rule_id: str, letter: date) -> None:
    end = due_date(shipped(rule_id), letter)
    plain = due_date(rule(SHIPPED[rule_id].count, "months"), letter)

    assert end.month != 8
    assert (end.month, end.day) < (12, 25)
    assert (end.month, end.day) != (1, 1)
    assert end.weekday() < 5
    assert end not in BANK_HOLIDAYS
    assert end >= plain
    # It moves only as far as it must: every day before it, from the plain end on, is no day to end on.
    for days in range((end - plain).days):
        skipped = plain + timedelta(days=days)
        assert (
            skipped.weekday() >= 5
            or skipped in BANK_HOLIDAYS
            or skipped.month == 8
            or (skipped.month, skipped.day) >= (12, 25)
        )


# --- every rule that ships, against the words of its law ---


@pytest.mark.parametrize("rule_id", COUNTED)
@given(day=DAYS)
def test_a_time_limit_never_ends_before_it_begins(rule_id: str, day: date) -> None:
    assert due_date(shipped(rule_id), day) > day


@pytest.mark.parametrize("rule_id", COUNTED)
@given(day=DAYS)
def test_a_later_event_never_ends_sooner(rule_id: str, day: date) -> None:
    following = day + timedelta(days=1)

    assert due_date(shipped(rule_id), following) >= due_date(shipped(rule_id), day)


@pytest.mark.parametrize("rule_id", [one for one in COUNTED if SHIPPED[one].unit == "weeks"])
@given(day=DAYS)
def test_weeks_end_on_the_weekday_they_began_on(rule_id: str, day: date) -> None:
    end = due_date(shipped(rule_id), day)

    assert end.weekday() == day.weekday()
    assert (end - day).days == 7 * SHIPPED[rule_id].count


@pytest.mark.parametrize("rule_id", [one for one in COUNTED if SHIPPED[one].unit == "days"])
@given(day=DAYS)
def test_days_are_counted_one_by_one(rule_id: str, day: date) -> None:
    found = SHIPPED[rule_id]
    days = (due_date(shipped(rule_id), day) - day).days

    # "15 days, beginning with the day": the day itself is one of them; "within 30 days" of it: it is none.
    assert days == found.count - (1 if found.day_rule == "from-the-day" else 0)


@given(DAYS, st.integers(1, 24))
def test_months_are_counted_as_in_dodds_v_walker(day: date, months: int) -> None:
    # The corresponding date of the later month; its last day where there is no corresponding date.
    end = due_date(rule(months, "months"), day)

    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months
    assert end.day == day.day or (end.day < day.day and (end + timedelta(days=1)).day == 1)


@given(DAYS, st.integers(1, 24))
def test_months_that_begin_with_the_day_are_counted_as_in_pruden(day: date, months: int) -> None:
    # Take the day before and go forward; the last day of the month where there is no corresponding date.
    before, end = day - timedelta(days=1), due_date(rule(months, "months", "from-the-day"), day)

    assert (end.year * 12 + end.month) - (before.year * 12 + before.month) == months
    assert end.day == before.day or (end.day < before.day and (end + timedelta(days=1)).day == 1)


def test_the_rules_that_count_other_than_plainly_are_those_whose_law_says_so() -> None:
    by_rule = {name: {one for one in SHIPPED if SHIPPED[one].day_rule == name} for name in
               ("from-the-day", "send-tribunal")}  # fmt: skip

    assert by_rule["send-tribunal"] == {"appeal-from-letter", "appeal-from-certificate"}  # HESC rule 12
    assert by_rule["from-the-day"] == {
        "comment-on-draft",  # reg. 13(1): "beginning with the day on which the draft plan was served"
        "comment-on-changes",  # reg. 22(2)(c): the same
        "review-within-a-year",  # s. 44(1): "starting with the date on which the plan was first made"
        "review-after-transfer",  # reg. 15(5): "beginning with"
        "discrimination-claim",  # schedule 17, paragraph 4: "starting with the date"
        "ombudsman-complaint",  # s. 26B(2): "beginning with the day"
    }


#: Rule -> the day of the event -> the last day, worked out by hand with a calendar.
BY_HAND = {
    # A request of Tuesday 3 March 2026.
    ("decision-to-assess", date(2026, 3, 3)): date(2026, 4, 14),
    ("decision-not-to-issue", date(2026, 3, 3)): date(2026, 6, 23),
    ("final-plan", date(2026, 3, 3)): date(2026, 7, 21),
    # Over a leap day, and over the end of a year.
    ("decision-not-to-issue", date(2028, 1, 10)): date(2028, 5, 1),
    ("final-plan", date(2026, 9, 1)): date(2027, 1, 19),
    ("mediation-meeting", date(2028, 2, 1)): date(2028, 3, 2),
    ("mediation-agreement-done", date(2026, 12, 21)): date(2027, 1, 4),
    ("contact-mediation-adviser", date(2026, 12, 31)): date(2027, 2, 28),
    ("review-report", date(2026, 6, 10)): date(2026, 6, 24),
    ("decision-after-review", date(2026, 6, 10)): date(2026, 7, 8),
    ("changed-plan-after-review", date(2026, 6, 10)): date(2026, 9, 2),
    ("final-changed-plan", date(2026, 7, 8)): date(2026, 9, 2),  # 4 weeks and 8 weeks are the 12 of the case
    ("told-of-transfer", date(2026, 8, 3)): date(2026, 9, 14),
    ("review-after-transfer", date(2026, 8, 3)): date(2026, 11, 2),
    ("order-to-assess", date(2026, 5, 18)): date(2026, 6, 1),
    ("order-to-change-school", date(2026, 5, 18)): date(2026, 6, 1),
    ("order-to-change-plan", date(2026, 5, 18)): date(2026, 6, 22),
    ("order-to-make-draft", date(2026, 5, 18)): date(2026, 6, 22),
    ("order-to-assess-no-plan", date(2026, 5, 18)): date(2026, 7, 27),
    ("order-to-make-plan", date(2026, 5, 18)): date(2026, 8, 3),
    ("order-to-assess-plan", date(2026, 5, 18)): date(2026, 8, 24),
    ("ombudsman-complaint", date(2026, 4, 15)): date(2027, 4, 14),
    ("ombudsman-complaint", date(2027, 3, 1)): date(2028, 2, 28),  # Pruden: never the later reading
}


@pytest.mark.parametrize(("rule_id", "day"), BY_HAND)
def test_dates_worked_out_by_hand(rule_id: str, day: date) -> None:
    assert due_date(shipped(rule_id), day) == BY_HAND[rule_id, day]


def test_every_rule_that_ships_was_worked_out_by_hand() -> None:
    worked = {rule_id for rule_id, _ in [*BY_HAND, *FROM_THE_DAY, *TRIBUNAL]}

    assert worked == set(COUNTED)


# --- whichever is later ---


def both(letter: date, certificate: date) -> list[date]:
    """The days an appeal must be there by, given both papers."""
    rules = [shipped("appeal-from-letter"), shipped("appeal-from-certificate")]
    found = summary_of(rules, {"decision-letter": letter, "mediation-certificate": certificate})
    return [due.ends for due in found.dues]


def test_the_later_of_letter_and_certificate_counts() -> None:
    # IPSEA's own example: letter of 1 October, certificate of 29 November.
    assert both(date(2022, 10, 1), date(2022, 11, 29)) == [date(2023, 1, 3)]
    assert both(date(2026, 3, 18), date(2026, 3, 25)) == [date(2026, 5, 18)]  # the letter's is later
    assert both(date(2026, 3, 18), date(2026, 5, 15)) == [date(2026, 6, 15)]  # the certificate's is later


@given(DAYS, st.integers(0, 120))
def test_an_appeal_has_one_last_day_and_neither_paper_gives_a_later_one(letter: date, days: int) -> None:
    certificate = letter + timedelta(days=days)
    each = [
        due_date(shipped("appeal-from-letter"), letter),
        due_date(shipped("appeal-from-certificate"), certificate),
    ]

    assert both(letter, certificate) == [max(each)]


def test_only_the_order_of_the_rules_changes_nothing() -> None:
    rules = [shipped(rule_id) for rule_id in SHIPPED]
    starts = {"decision-letter": date(2026, 3, 18), "mediation-certificate": date(2026, 5, 15)}
    forwards, backwards = (summary_of(order, starts) for order in (rules, rules[::-1]))

    assert [(due.rule.id, due.ends) for due in forwards.dues] == [
        ("contact-mediation-adviser", date(2026, 5, 18)),
        ("appeal-from-certificate", date(2026, 6, 15)),
    ]
    assert {(due.rule.id, due.ends) for due in backwards.dues} == {
        (due.rule.id, due.ends) for due in forwards.dues
    }


def test_what_cannot_be_counted_is_named_and_not_dropped() -> None:
    found = summary_of([shipped("independent-review")], {"governors-decision": date(2026, 3, 3)})

    assert found.dues == []
    assert [one.id for one in found.uncounted] == ["independent-review"]
    assert say_period(found.uncounted[0]) == "15 school days"


def test_every_event_can_be_said() -> None:
    assert set(EVENTS) == set(Trigger.__args__)
    assert {found.trigger for found in SHIPPED.values()} == set(EVENTS)  # and none is without a rule
    assert (
        say_event("request-received", date(2026, 3, 3)) == "your request reached the council on 3 March 2026"
    )
    assert say_event("decision-letter", date(2026, 3, 3)) == "the council's letter is dated 3 March 2026"


@pytest.mark.parametrize("unit", ["school-days", "working-days"])
def test_days_of_an_unknown_calendar_are_not_guessed(unit: str) -> None:
    with pytest.raises(DeadlineNotCountable, match="a-rule"):
        due_date(rule(15, unit), date(2026, 3, 3))
