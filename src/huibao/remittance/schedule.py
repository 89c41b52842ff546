"""Which days the scheme makes batches on, and when a changed account is in force. Pure."""

from datetime import date, datetime, time, timedelta
from typing import Final

from huibao.core.time import SHANGHAI, business_date
from huibao.core.workdays import builtin
from huibao.scheme.model import Remitting
from huibao.scheme.words import WEEKDAYS

_DAY: Final = timedelta(days=1)
#: No schedule is rarer than once a month.
_LONGEST: Final = 31
_WEEKDAYS: Final = tuple(WEEKDAYS)


def is_due(rule: Remitting, day: date) -> bool:
    return _WEEKDAYS[day.weekday()] in rule.weekdays or day.day in rule.month_days


def latest_due(rule: Remitting, today: date) -> date | None:
    """The latest day, today or before, on which a batch is due; None where the scheme leaves it to people."""
    return next((day for n in range(_LONGEST + 1) if is_due(rule, day := today - n * _DAY)), None)


def start_of(day: date) -> datetime:
    """When a business day starts: the cut-off of a batch that is due on it."""
    return datetime.combine(day, time.min, SHANGHAI)


def in_force_from(approved_at: datetime, working_days: int) -> datetime:
    """When an account that is approved now may be paid to: at the start of the day after so many whole working days.

    Who might notice a change that they did not ask for works on working days: a public holiday is none, a weekend day that makes up
    for one is.
    """
    return builtin().deadline(business_date(approved_at), working_days)
