"""What goes back over its sources: adds up, nobody gets more than they paid, and the odd fen is never cash's first."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.refunds.rules import split

PAID = st.lists(st.integers(0, 10**9), min_size=1, max_size=4)


@pytest.mark.clause("LZ-15a")
@pytest.mark.parametrize(("back", "personal", "savings", "sponsor", "cash", "parts"), [
    # 退还   个人账户  储蓄账户  资助    现金      各得
    (100,       0,       0,      0,     100,   [0, 0, 0, 100]),
    (1,        50,       0,      0,      50,   [1, 0, 0, 0]),        # 余数相等，账户在先
    (1,        49,       0,      0,      51,   [0, 0, 0, 1]),        # 余数不等，归大的
    (2,        10,      10,      0,      10,   [1, 1, 0, 0]),
    (99,       30,      30,     20,      20,   [30, 29, 20, 20]),    # 29.7 29.7 19.8 19.8：三分归两个 0.8，和 0.7 里在先的
    (987,  150_000,      0,      0, 150_000,   [494, 0, 0, 493]),
    (0,    150_000,      0,      0,  50_000,   [0, 0, 0, 0]),
    (0,         0,       0,      0,       0,   [0, 0, 0, 0]),
])
def test_the_odd_fen(back: int, personal: int, savings: int, sponsor: int, cash: int, parts: list[int]) -> None:
    assert split(back, [personal, savings, sponsor, cash]) == parts


@given(PAID, st.data())
def test_it_adds_up_and_no_source_gets_more_than_it_paid(paid: list[int], data: st.DataObject) -> None:
    back = data.draw(st.integers(0, sum(paid)))
    parts = split(back, paid)
    assert sum(parts) == back
    assert all(0 <= part <= one for part, one in zip(parts, paid, strict=True))
    assert all(abs(part * sum(paid) - back * one) < sum(paid) for part, one in zip(parts, paid, strict=True) if sum(paid))


@given(st.integers(0, 10**9), st.integers(1, 4), st.data())
def test_where_all_paid_the_same_the_earlier_gets_the_odd_fen(paid: int, sources: int, data: st.DataObject) -> None:
    back = data.draw(st.integers(0, paid * sources))
    assert all(one - 1 <= other <= one for one, other in pairwise(split(back, [paid] * sources)))


@pytest.mark.parametrize("back", [-1, 101])
def test_more_than_was_paid_is_a_bug(back: int) -> None:
    with pytest.raises(ValueError, match="fen to go back of 100"):
        split(back, [60, 40])
