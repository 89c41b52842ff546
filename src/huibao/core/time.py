"""Business time is Asia/Shanghai: cover runs from 00:00 to 24:00 of the contract's dates there."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The machine's time, in UTC. Only `core.clock` asks for it: everything else is told the time."""
    return datetime.now(UTC)


def unix_us(at: datetime) -> int:
    """Whole microseconds since 1970-01-01 00:00 UTC of an aware time; exact, and the same in every zone."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    return (at - EPOCH) // _MICROSECOND


def moment(text: str) -> datetime:
    """The national platform's `yyyy-MM-dd HH:mm:ss` as an aware time in Asia/Shanghai; a bare date is midnight.

    Other forms of ISO 8601 are understood too, with their zone where they name one. Raises `ValueError` for the rest.
    """
    read = datetime.fromisoformat(text.strip())
    try:
        return read.replace(tzinfo=SHANGHAI) if read.tzinfo is None else read.astimezone(SHANGHAI)
    except OverflowError:
        raise ValueError(f"{text!r} lies beyond the calendar in Asia/Shanghai") from None


def business_date(at: datetime) -> date:
    """The date in Asia/Shanghai of an aware time."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone has no business date")
    return at.astimezone(SHANGHAI).date()


def whole_years(start: date, end: date) -> int:
    """Completed years from `start` to `end`, as an age is counted; born on 29 February, a year is complete on 1 March."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))
