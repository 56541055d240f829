"""Working out when time limits end, from the rules in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import holidays
from dateutil.relativedelta import relativedelta

from knowledge.dates import say_date
from knowledge.models import Deadline

#: What time limits are counted from, and how each event is said; the day follows. The names are those of
#: ``content_schema.Trigger``.
EVENTS = {
    "request-received": "your request reached the council on",
    "draft-plan": "the council sent its draft plan on",
    "plan-issued": "the plan was first made on",
    "review-meeting": "the review meeting was on",
    "amendment-notice": "the council sent its proposed changes on",
    "plan-transferred": "the plan moved to the new council on",
    "decision-letter": "the council's letter is dated",
    "mediation-request": "you told the council that you want mediation on",
    "mediation-declined": "you told the mediation adviser that you do not want mediation on",
    "mediation-certificate": "the mediation certificate is dated",
    "mediation-agreement": "the mediation agreement is dated",
    "tribunal-order": "the Tribunal's order is dated",
    "discriminatory-act": "the unfair treatment was on",
    "governors-decision": "you were given the governors' decision on",
    "problem-known": "you first knew of the problem on",
}


class DeadlineNotCountable(ValueError):
    """The rule counts days we have no calendar for (school days differ from school to school)."""


@dataclass(frozen=True)
class Due:
    """The last day of a time limit."""

    rule: Deadline
    start: date  # the day of the event
    ends: date


@dataclass(frozen=True)
class Summary:
    """Every time limit that follows from what happened."""

    dues: list[Due]  # by their last day
    uncounted: list[Deadline]  # in days that we have no calendar for


def summary_of(rules: Iterable[Deadline], starts: Mapping[str, date]) -> Summary:
    """The dates that follow from one event, or from several that belong together.

    Rules that share ``later_of`` are one limit with two ways to count it, "whichever is later" in the law:
    only the later day is given.

    Args:
        rules: rules of the store; those whose event is not among ``starts`` are left out.
        starts: event -> its day.
    """
    dues: list[Due] = []
    uncounted: list[Deadline] = []
    for rule in rules:
        if rule.trigger not in starts:
            continue
        try:
            due = Due(rule, starts[rule.trigger], due_date(rule, starts[rule.trigger]))
        except DeadlineNotCountable:
            uncounted.append(rule)
            continue
        rival = next((one for one in dues if rule.later_of and one.rule.later_of == rule.later_of), None)
        if rival is None:
            dues.append(due)
        elif due.ends > rival.ends:
            dues[dues.index(rival)] = due
    return Summary(sorted(dues, key=lambda due: due.ends), uncounted)


def due_date(rule: Deadline, trigger: date) -> date:
    """The last day of a time limit.

    Weeks and days are counted from the day after the trigger ("within 6 weeks of 3 March" ends on
    14 April); months end on the same day of a later month, or on its last day where there is none
    (Dodds v Walker [1981] 1 WLR 1027).

    The rule's ``day_rule`` says what the law adds to that:

    - ``plain``: nothing.
    - ``from-the-day``: the trigger day is day one ("the period of 6 months beginning with the date of the
      act"), so the time is counted from the day before it (Pruden v Cunard Ellerman [1993] IRLR 317):
      15 days from 1 June end on 15 June, 6 months from 3 March on 2 September.
    - ``send-tribunal``: a time that runs out in August, at Christmas or on a day that is no working day is
      longer (``_tribunal_day``).

    Args:
        rule: a deadline rule of the store.
        trigger: the day the time starts: the request was received, the letter is dated.

    Raises:
        DeadlineNotCountable: the rule counts school or working days.
    """
    start = trigger - timedelta(days=1) if rule.day_rule == "from-the-day" else trigger
    match rule.unit:
        case "days":
            end = start + timedelta(days=rule.count)
        case "weeks":
            end = start + timedelta(weeks=rule.count)
        case "months":
            end = start + relativedelta(months=rule.count)
        case _:
            raise DeadlineNotCountable(f"{rule.id}: {rule.unit} cannot be counted without a school calendar")
    return _tribunal_day(end) if rule.day_rule == "send-tribunal" else end


def say_period(rule: Deadline) -> str:
    """How long a time limit is, in words: "6 weeks", "1 month", "15 school days"."""
    unit = rule.unit.replace("-", " ")
    return f"{rule.count} {unit if rule.count != 1 else unit.removesuffix('s')}"


def say_event(trigger: str, day: date) -> str:
    """What happened and when: "your request reached the council on 3 March 2026".

    Raises:
        KeyError: there is no such event.
    """
    return f"{EVENTS[trigger]} {say_date(day)}"


def _tribunal_day(end: date) -> date:
    """The SEND Tribunal's rules for time that runs out in August, at Christmas or on no working day.

    Source: Tribunal Procedure (First-tier Tribunal) (Health, Education and Social Care Chamber) Rules 2008,
    rule 12, as amended in 2020. Paragraph (2): time that ends on a day that is no working day ends on the
    next working day. Paragraph (3)(a), for appeals about special educational needs: time that ends in August
    or from 25 December to 1 January ends on the first working day after 31 August or 1 January.
    """
    if end.month == 8:
        end = date(end.year, 9, 1)
    elif (end.month, end.day) >= (12, 25):
        end = date(end.year + 1, 1, 2)
    return _working_day(end)


def _working_day(day: date) -> date:
    """This day, or the next that is neither a weekend nor a bank holiday in England."""
    closed = holidays.country_holidays("GB", subdiv="ENG")
    while day.weekday() >= 5 or day in closed:
        day += timedelta(days=1)
    return day
