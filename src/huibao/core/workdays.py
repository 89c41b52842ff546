"""Working days: weekends, public holidays and the weekend days that make up for them, as announced for each year.

The calendar of a year is known once it was announced, in the November before. Asked about a later year, `is_workday` refuses;
`deadline` counts Monday to Friday there and adds the longest holiday once, so that nobody's time is over too early.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from huibao.core.time import SHANGHAI

#: No holiday with the weekends beside it is longer.
LONGEST_HOLIDAY: Final = timedelta(days=10)

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class YearUnknown(ValueError):
    """A year whose holidays are not in the calendar: add its section to workdays.toml."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that are not as their weekday says: `off` are weekdays without work, `work` Saturdays and Sundays with it."""

    years: frozenset[int]
    off: frozenset[date]
    work: frozenset[date]

    def is_workday(self, day: date) -> bool:
        """Whether a day is a working day. Raises `YearUnknown`."""
        if day.year not in self.years:
            known = f"{min(self.years)}–{max(self.years)}" if self.years else "none"
            raise YearUnknown(f"the holidays of {day.year} are not known here (known: {known}): add them to workdays.toml")
        return day in self.work or (day.weekday() < _SATURDAY and day not in self.off)

    def after(self, day: date, count: int) -> date:
        """The `count`th working day after a day. Raises `YearUnknown`."""
        while count:
            day += _DAY
            count -= self.is_workday(day)
        return day

    def deadline(self, day: date, count: int) -> datetime:
        """When `count` working days after a day are over: midnight in Asia/Shanghai after the last; never too early."""
        try:
            last = self.after(day, count)
        except YearUnknown:
            last = _weekdays_after(day, count) + LONGEST_HOLIDAY
        return datetime.combine(last + _DAY, time(), SHANGHAI)


def _weekdays_after(day: date, count: int) -> date:
    while count:
        day += _DAY
        count -= day.weekday() < _SATURDAY
    return day


def read(text: str) -> Calendar:
    """A calendar from its file. Raises `ValueError` for a day that is in the wrong list."""
    years: Mapping[str, Any] = tomllib.loads(text)
    off = frozenset(date.fromisoformat(f"{year}-{day}") for year, said in years.items() for day in said["off"])
    work = frozenset(date.fromisoformat(f"{year}-{day}") for year, said in years.items() for day in said["work"])
    if wrong := sorted({day for day in off if day.weekday() >= _SATURDAY} | {day for day in work if day.weekday() < _SATURDAY}):
        raise ValueError(f"off has weekdays, work has Saturdays and Sundays; in the wrong list: {', '.join(map(str, wrong))}")
    return Calendar(frozenset(map(int, years)), off, work)


@lru_cache(maxsize=1)
def builtin() -> Calendar:
    """The calendar that comes with the package."""
    return read((resources.files("huibao") / "core" / "workdays.toml").read_text("utf-8"))
