"""Working days: holidays and the days that make up for them, deadlines over them, and years that nobody has announced yet."""

from datetime import UTC, date, datetime

import pytest

from huibao.core import workdays
from huibao.core.workdays import YearUnknown, builtin, read

DAYS = [
    # 日期          工作日     为什么
    ("2026-02-13",  True,      "周五，春节前"),
    ("2026-02-14",  True,      "周六，补班"),
    ("2026-02-15",  False,     "周日"),
    ("2026-02-16",  False,     "周一，除夕"),
    ("2026-02-23",  False,     "周一，春节"),
    ("2026-02-24",  True,      "周二，春节后"),
    ("2026-02-28",  True,      "周六，补班"),
    ("2026-05-09",  True,      "周六，补班"),
    ("2025-10-08",  False,     "周三，国庆"),
    ("2025-12-31",  True,      "周三"),
    ("2026-01-01",  False,     "元旦"),
    ("2026-01-04",  True,      "周日，补班"),
]


@pytest.mark.parametrize(("day", "works", "why"), DAYS, ids=[f"{day} {why}" for day, _, why in DAYS])
def test_days(day: str, works: bool, why: str) -> None:
    assert builtin().is_workday(date.fromisoformat(day)) is works


@pytest.mark.parametrize(("day", "count", "last"), [
    # 申请日        工作日数   最后一天
    ("2026-03-02",  5,         "2026-03-09"),
    ("2026-03-07",  1,         "2026-03-09"),
    ("2026-02-13",  1,         "2026-02-14"),
    ("2026-02-14",  5,         "2026-02-28"),
    ("2026-02-14",  6,         "2026-03-02"),
    ("2026-09-30",  15,        "2026-10-27"),
    ("2025-12-30",  2,         "2026-01-04"),
    ("2026-12-15",  12,        "2026-12-31"),
])
def test_deadlines(day: str, count: int, last: str) -> None:
    calendar, start, end = builtin(), date.fromisoformat(day), date.fromisoformat(last)
    assert calendar.after(start, count) == end
    assert calendar.deadline(start, count) == datetime(end.year, end.month, end.day, 16, tzinfo=UTC), "the end of that day in Asia/Shanghai"


def test_a_year_that_is_not_announced_is_refused_by_name() -> None:
    last = max(builtin().years)
    with pytest.raises(YearUnknown, match=rf"the holidays of {last + 1} are not known here .*add them to workdays.toml"):
        builtin().is_workday(date(last + 1, 1, 4))
    with pytest.raises(YearUnknown):
        builtin().after(date(last, 12, 31), 1)


@pytest.mark.parametrize(("year", "day"), [(year, day) for year in (2025, 2026) for day in ("01-20", "02-10", "04-01", "04-25", "09-20", "09-30")])
@pytest.mark.parametrize("count", [1, 5, 15, 30])
def test_a_deadline_in_a_year_that_is_not_announced_is_never_too_early(year: int, day: str, count: int) -> None:
    """As if the year were not known: the estimate is not before what its announcement said later."""
    unknown = workdays.Calendar(frozenset(), frozenset(), frozenset())
    start = date.fromisoformat(f"{year}-{day}")
    assert unknown.deadline(start, count) >= builtin().deadline(start, count)


def test_a_day_in_the_wrong_list_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="in the wrong list: 2026-02-14, 2026-02-16"):
        read('[2026]\noff = ["02-14"]\nwork = ["02-16"]\n')
