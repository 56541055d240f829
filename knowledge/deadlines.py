"""Working out when a time limit ends, from a rule in the store."""

from __future__ import annotations

from datetime import date, timedelta

import holidays
from dateutil.relativedelta import relativedelta

from knowledge.models import Deadline


class DeadlineNotCountable(ValueError):
    """The rule counts days we have no calendar for (school days differ from school to school)."""


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
    - ``send-tribunal``: a time that runs out in August or at Christmas is longer (``_tribunal_day``).

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


def _tribunal_day(end: date) -> date:
    """The SEND Tribunal's rule for time that runs out in August or at Christmas.

    Source: IPSEA, "deadline" FAQs, on rule 12 of the Tribunal Procedure (First-tier Tribunal) (Health,
    Education and Social Care Chamber) Rules 2008: in August, the first working day of September; from
    25 December to 1 January, the next working day in January.
    """
    if end.month == 8:
        return _working_day(date(end.year, 9, 1))
    if (end.month, end.day) >= (12, 25):
        return _working_day(date(end.year + 1, 1, 2))
    if (end.month, end.day) == (1, 1):
        return _working_day(date(end.year, 1, 2))
    return end


def _working_day(day: date) -> date:
    """This day, or the next that is neither a weekend nor a bank holiday in England."""
    closed = holidays.country_holidays("GB", subdiv="ENG")
    while day.weekday() >= 5 or day in closed:
        day += timedelta(days=1)
    return day
