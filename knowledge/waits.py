"""Counting a wait: how long it has been, and when a reported wait would be reached.

Weeks are whole weeks gone by. A reported wait is a length with a unit of its own; dates are days in the UK.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from knowledge.models import Wait
from knowledge.periods import Period

#: The units in which a wait may be reported. A month counts as a twelfth of 365.25 days where weeks are
#: needed; from a date it is a month of the calendar.
WAIT_UNITS = ("days", "weeks", "months", "years")
_DAYS_IN_MONTH = Decimal("365.25") / 12


def weeks_between(start: date, end: date) -> int:
    """Whole weeks from one day to another; 0 when the second is not after the first."""
    return max(0, (end - start).days // 7)


def day_reached(start: date, value: Decimal, unit: str) -> date:
    """The first day on which a wait that began on ``start`` has lasted for ``value`` units.

    Raises:
        ValueError: ``unit`` is none of WAIT_UNITS.
        OverflowError: the day lies beyond the calendar.
    """
    match unit:
        case "days":
            return start + timedelta(days=math.ceil(value))
        case "weeks":
            return start + timedelta(days=math.ceil(value * 7))
        case "months" | "years":
            months = value * (12 if unit == "years" else 1)
            whole = int(months)
            try:
                day = start + relativedelta(months=whole)
            except ValueError as error:
                raise OverflowError(f"{value} {unit} from {start} is beyond the calendar") from error
            return day + timedelta(days=math.ceil((months - whole) * _DAYS_IN_MONTH))
    raise ValueError(f"{unit!r} is no unit of a wait: {', '.join(WAIT_UNITS)}")


def in_weeks(value: Decimal, unit: str) -> Decimal:
    """A length in weeks, for comparing lengths and for charts.

    Raises:
        ValueError: ``unit`` is none of WAIT_UNITS.
    """
    match unit:
        case "days":
            return value / 7
        case "weeks":
            return value
        case "months":
            return value * _DAYS_IN_MONTH / 7
        case "years":
            return value * 12 * _DAYS_IN_MONTH / 7
    raise ValueError(f"{unit!r} is no unit of a wait: {', '.join(WAIT_UNITS)}")


def say_amount(wait: Wait) -> str:
    """A figure with its unit: "33 weeks", "1 year"."""
    unit = wait.unit.removesuffix("s") if wait.value == 1 and wait.unit in WAIT_UNITS else wait.unit
    return f"{wait.value.normalize():f} {unit}"


def say_weeks(least: int, most: int) -> str:
    """Whole weeks in words: "79 weeks", "77 to 81 weeks", "up to 3 weeks", "less than a week"."""
    if most == 0:
        return "less than a week"
    weeks = f"{most} week{'s' if most > 1 else ''}"
    if least == most:
        return weeks
    return f"{least} to {weeks}" if least else f"up to {weeks}"


@dataclass(frozen=True)
class SoFar:
    """How long a wait has lasted, as exactly as the day of the referral is known."""

    told: Period  # the day of the referral as it was told
    on: date  # the day that is counted to

    @property
    def referred(self) -> Period:
        """The days on which the referral can have been: none of them to come."""
        return self.told.until(self.on)

    @property
    def least(self) -> int:
        """Whole weeks, if the referral was on the last of the days it may have been."""
        return weeks_between(self.referred.last, self.on)

    @property
    def most(self) -> int:
        """Whole weeks, if it was on the first of them."""
        return weeks_between(self.referred.first, self.on)

    def reaches(self, wait: Wait) -> Period:
        """The days on which this wait is as long as a reported one."""
        first, last = (
            day_reached(day, wait.value, wait.unit) for day in (self.referred.first, self.referred.last)
        )
        return Period(first, last)


def so_far(referred: Period, on: date) -> SoFar | None:
    """How long a wait has lasted; None when the referral has not come yet.

    Args:
        referred: the day of the referral, as exactly as it is known.
        on: the day to count to.
    """
    return SoFar(referred, on) if referred.first <= on else None
