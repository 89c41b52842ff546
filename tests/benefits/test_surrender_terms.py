"""What goes back of a premium by a plan's terms, worked by hand; and the terms that no plan can mean."""

from datetime import date, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.benefits import loading
from huibao.benefits.model import Surrender
from huibao.benefits.surrender import unearned
from tests.benefits.refused import Change, Row, check, table

DAYS: Final = Surrender(after="days")
MONTHS: Final = Surrender(after="months")
LESS_A_QUARTER: Final = Surrender(after="days", fee_ratio=2_500)
LESS_TEN: Final = Surrender(after="months", fee_fen=1_000)
YEAR: Final = (date(2026, 1, 1), date(2026, 12, 31))
FROM_MARCH: Final = (date(2026, 3, 3), date(2026, 12, 31))
LAST_OF_JANUARY: Final = (date(2026, 1, 31), date(2026, 12, 31))


@pytest.mark.clause("LZ-15a")
@pytest.mark.parametrize(("terms", "premium_fen", "cover", "first_day_without", "left", "whole", "gross", "fee", "back"), [
    # 条款           保费      保险期间   首个无保障日          剩余  共计  应退     手续费   退还
    (DAYS,           16_800,  YEAR,       date(2026, 7, 2),    183, 365,  8_423,     0,   8_423),   # 16800 × 183 / 365 = 8423.01…
    (DAYS,           16_800,  YEAR,       date(2026, 12, 31),    1, 365,     46,     0,      46),   # 16800 / 365 = 46.02…
    (DAYS,           16_800,  FROM_MARCH, date(2026, 3, 4),    303, 304, 16_745,     0,  16_745),   # 16744.73…
    (DAYS,              365,  YEAR,       date(2026, 1, 2),    364, 365,    364,     0,     364),
    (LESS_A_QUARTER, 13_800,  YEAR,       date(2026, 7, 2),    183, 365,  6_919, 1_730,   5_189),   # 6918.90… × 75% = 5189.17…
    (MONTHS,         15_800,  YEAR,       date(2026, 7, 2),      5,  12,  6_583,     0,   6_583),   # 七个月已开始
    (MONTHS,         15_800,  YEAR,       date(2026, 7, 1),      6,  12,  7_900,     0,   7_900),
    (MONTHS,         15_800,  FROM_MARCH, date(2026, 4, 3),      9,  10, 14_220,     0,  14_220),
    (MONTHS,         15_800,  FROM_MARCH, date(2026, 4, 4),      8,  10, 12_640,     0,  12_640),
    (MONTHS,         15_800,  LAST_OF_JANUARY, date(2026, 3, 1), 10, 12, 13_167,     0,  13_167),   # 第二个月自 2 月 28 日起
    (LESS_TEN,       15_800,  YEAR,       date(2026, 7, 2),      5,  12,  6_583, 1_000,   5_583),
    (LESS_TEN,       10_800,  YEAR,       date(2026, 11, 2),     1,  12,    900,   900,       0),   # 手续费以应退为限
])
def test_what_goes_back_after_the_start(
    terms: Surrender, premium_fen: int, cover: tuple[date, date], first_day_without: date, left: int, whole: int, gross: int, fee: int, back: int,
) -> None:
    found = unearned(terms, premium_fen, *cover, first_day_without)
    assert (found.left, found.whole, found.gross_fen, found.fee_fen, found.fen) == (left, whole, gross, fee, back)


@given(st.dates(date(2024, 1, 1), date(2027, 1, 1)), st.integers(0, 400), st.integers(0, 10**8), st.integers(0, 9_999), st.integers(0, 5_000),
       st.sampled_from(("days", "months")), st.data())
def test_less_goes_back_each_day_and_never_more_than_was_paid(
    since: date, length: int, premium: int, ratio: int, fen: int, after: Any, data: st.DataObject
) -> None:
    until = since + timedelta(days=length)
    terms = Surrender(after=after, fee_ratio=ratio, fee_fen=fen)
    ended = since + timedelta(days=data.draw(st.integers(1, length + 1)))
    found = unearned(terms, premium, since, until, ended)
    earlier = unearned(terms, premium, since, until, ended - timedelta(days=1))
    assert 0 <= found.fen <= earlier.fen <= premium
    assert found.gross_fen - found.fee_fen == found.fen
    assert unearned(terms, premium, since, until, until + timedelta(days=1)).fen == 0


# ── in plan files ────────────────────────────────────────────────────────────────────────────────────────────────────

def surrender(*lines: str, clause: str = 'clause = "条款 12"') -> list[Change]:
    return [("[join]", "[surrender]\n" + "\n".join((*([clause] if clause else []), *lines)) + "\n\n[join]")]


@table([("shenyang", *row) for row in [
    (surrender('after = "days"', clause=""), "surrender.clause", None, "条款未载明的示例写 example = true", "or example = true where they do not say"),
    (surrender('example = true'), "surrender.clause", "条款 12", "二者只写一个", "one of the two"),
    (surrender("allowed = false", "cooling_days = 10"), "surrender.cooling_days", "条款 12", "没有退保可言", "take this key out"),
    (surrender('fee = "10%"'), "surrender.fee", "条款 12", '或写 after = "days"', 'or write after = "days" or "months"'),
    (surrender("after_benefit = true"), "surrender.after_benefit", "条款 12", "此键没有作用", "nothing goes back"),
    (surrender('after = "days"', 'fee = "10%"', "fee_yuan = 1"), "surrender.fee_yuan", "条款 12", "请删去其一", "take one of the two out"),
    (surrender('after = "days"', 'fee = "100%"'), "surrender.fee", "条款 12", '请写 after = "none"', 'write after = "none"'),
    (surrender('after = "months"', "fee_yuan = 100"), "surrender.fee_yuan", "条款 12", "手续费 100.00 元不低于最低保费 100.00 元",
     "a fee of 100.00 yuan on a premium of 100.00"),
    (surrender("cooling_days = 365"), "surrender.cooling_days", "条款 12", "犹豫期 365 天不短于保险期间 365 天", "365 days in a contract of 365"),
    (surrender('after = "weeks"'), "surrender.after", None, "none、days、months", "none, days, months"),
]])
def test_terms_that_cannot_be_meant_are_refused_with_clause_and_figures(row: Row) -> None:
    check(row)


@pytest.mark.clause("LZ-15a")
def test_a_plan_that_does_not_say_gives_all_back_before_its_start_and_nothing_later() -> None:
    assert loading.builtin("huhuibao-2025").surrender == Surrender(True, 0, "none", 0, 0, False, None)


@pytest.mark.parametrize(("plan", "terms"), [
    ("liuzhou-example-2026", Surrender(after="days", fee_ratio=2_500)),
    ("jilin-example-2026", Surrender(after="months", fee_fen=1_000)),
    ("shenyang-example-2026", Surrender()),
    ("xinjiang-example-2026", Surrender(cooling_days=15, after="days", after_benefit=True)),
    ("xizang-example-2026", Surrender(cooling_days=10, after="days")),
])
def test_examples_say_theirs(plan: str, terms: Surrender) -> None:
    assert loading.builtin(plan).surrender == terms
