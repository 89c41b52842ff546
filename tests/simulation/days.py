"""Days and deadlines as the reference counts them, and what an order waits for at the agency."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from huibao.core import workdays
from tests.simulation.goods import Good

HERE: Final = ZoneInfo("Asia/Shanghai")
#: Working days until a review escalates, and until it is void.
ESCALATE_DAYS, VOID_DAYS = 5, 15
#: A credential, and whose it is where that is known here.
Hand = tuple[int, int | None]


def day(at: datetime) -> date:
    return at.astimezone(HERE).date()


def age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@dataclass(slots=True)
class Review:
    """What an order waits for at the agency: so many people's approval, until then; `votes` are those who gave it."""

    escalate_at: datetime
    void_at: datetime
    reviewers: int
    escalated: bool = False
    votes: list[Hand] = field(default_factory=list)


def review_of(good: Good, since: datetime, reviewers: int = 1) -> Review:
    """The deadlines of what waits since then: working days, and no later than the common start, or the last day of cover."""
    calendar, on = workdays.builtin(), day(since)
    escalate_at, void_at = calendar.deadline(on, ESCALATE_DAYS), calendar.deadline(on, VOID_DAYS)
    start, end = (datetime.combine(day_, datetime.min.time(), HERE) for day_ in (good.valid_from, good.valid_to))
    last = start if since < start else end
    if void_at <= last:
        return Review(escalate_at, void_at, reviewers)
    return Review(max(since, min(escalate_at, last - timedelta(days=1))), last, reviewers)
