"""Shares to the fen: parts add up, stay within a fen of the quota, and no member gets the odd fen every time."""

from collections import Counter
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.pool.shares import of_amount, of_total

TOTALS: Final = st.integers(0, 10**15)
WEIGHTS: Final = st.lists(st.integers(1, 10_000), min_size=1, max_size=12)

pytestmark = pytest.mark.clause("XJ-2.3")


@pytest.mark.parametrize("total, weights, parts", [
    # 累计（分）   份额            各家
    (0,           [40, 35, 25],   [0, 0, 0]),
    (100,         [40, 35, 25],   [40, 35, 25]),
    (9_901,       [40, 35, 25],   [3_961, 3_465, 2_475]),      # 3960.40、3465.35、2475.25：余下一分归小数最大的
    (2 * 9_901,   [40, 35, 25],   [7_921, 6_931, 4_950]),      # 7920.80、6930.70、4950.50：余下两分归前两家
    (1,           [1, 1],         [1, 0]),                     # 小数相同，归排在前的
    (1,           [1, 2],         [0, 1]),
    (5,           [1],            [5]),
    (10,          [3, 3, 3],      [4, 3, 3]),
])
def test_parts_of_a_total(total: int, weights: list[int], parts: list[int]) -> None:
    assert of_total(total, weights) == parts


@given(TOTALS, WEIGHTS)
def test_parts_add_up_and_are_within_a_fen_of_the_quota(total: int, weights: list[int]) -> None:
    parts, whole = of_total(total, weights), sum(weights)
    assert sum(parts) == total
    assert all(abs(part * whole - total * weight) < whole for part, weight in zip(parts, weights, strict=True))


@given(TOTALS, TOTALS, WEIGHTS)
def test_parts_of_an_amount_add_up_and_are_within_two_fen_of_its_quota(before: int, amount: int, weights: list[int]) -> None:
    parts, whole = of_amount(before, amount, weights), sum(weights)
    assert sum(parts) == amount
    assert all(abs(part * whole - amount * weight) < 2 * whole for part, weight in zip(parts, weights, strict=True))
    # From an amount on that gives each member a fen, nobody's part is less than nothing.
    if all(amount * weight >= whole for weight in weights):
        assert min(parts) >= 0


@given(st.lists(st.integers(0, 100_000), max_size=30), WEIGHTS)
def test_amounts_one_by_one_end_where_the_total_does(amounts: list[int], weights: list[int]) -> None:
    cumulative, got = 0, [0] * len(weights)
    for amount in amounts:
        got = [have + part for have, part in zip(got, of_amount(cumulative, amount, weights), strict=True)]
        cumulative += amount
    assert got == of_total(cumulative, weights)


def test_half_a_million_premiums_leave_nobody_the_odd_fen_half_a_million_times() -> None:
    """99.01 yuan among 40, 35 and 25: one by one the first would gain 300,000 fen; on the cumulative total nobody gains one."""
    premium, weights, policies = 9_901, [40, 35, 25], 500_000
    assert of_total(policies * premium, weights) == [policies * premium * weight // 100 for weight in weights]
    alone = of_total(premium, weights)
    assert policies * alone[0] - of_total(policies * premium, weights)[0] == 300_000
    # The pattern repeats every twenty premiums: who gets more than the whole part of the quota, and how often.
    odd: Counter[int] = Counter()
    for n in range(20):
        for member, (part, weight) in enumerate(zip(of_amount(n * premium, premium, weights), weights, strict=True)):
            odd[member] += part - premium * weight // 100
    assert of_total(20 * premium, weights) == [20 * premium * weight // 100 for weight in weights]
    assert odd == {0: 8, 1: 7, 2: 5}
