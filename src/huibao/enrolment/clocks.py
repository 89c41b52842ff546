"""How long a review may wait: working days until it escalates and until it is void, and the start that it must not miss."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from huibao.catalogue.model import Offer
from huibao.core import workdays
from huibao.core.time import SHANGHAI, business_date
from huibao.scheme.model import ReviewClock

_BEFORE_A_START = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When a review escalates, when it is void, and what ends its time: working days, or a common start that it would miss."""

    escalate_at: datetime
    void_at: datetime
    because: Literal["time", "missed-start"]


def deadlines(clock: ReviewClock, offer: Offer, since: datetime) -> Deadlines:
    """The deadlines of what waits for its review since then.

    Who applies before the common start is covered from it. Where the scheme lets a missed start void the order, the start itself is the
    last deadline; where it does not, the last day of cover is. The review escalates a day before at the latest.
    """
    calendar, day = workdays.builtin(), business_date(since)
    escalate_at, void_at = calendar.deadline(day, clock.escalate_days), calendar.deadline(day, clock.void_days)
    start, end = (datetime.combine(day, time(), SHANGHAI) for day in (offer.plan.valid_from, offer.plan.valid_to))
    last = start if clock.missed_start == "void" and since < start else end
    if void_at <= last:
        return Deadlines(escalate_at, void_at, "time")
    return Deadlines(max(since, min(escalate_at, last - _BEFORE_A_START)), last, "missed-start")


def void_at(clock: ReviewClock, offer: Offer, since: datetime) -> datetime:
    """When what waits for its review since then is void."""
    return deadlines(clock, offer, since).void_at
