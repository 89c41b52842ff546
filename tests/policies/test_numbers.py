"""Numbers that people read and type: what was written is read back, and a slip is noticed."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.policies.numbers import order_number, policy_number, read_number

PROGRAMMES: Final = st.integers(0, 999_999).map(lambda n: f"{n:06d}")
ORDERS: Final = st.integers(1, 999_999_999_999)
PLACES: Final = st.integers(1, 99)


@pytest.mark.parametrize("programme, order, place, number", [
    ("540000", 123,             None, "540000-000000000123-2"),
    ("540000", 123,             2,    "540000-000000000123-2-02"),
    ("540000", 1,               1,    "540000-000000000001-4-01"),
    ("450200", 999_999_999_999, 20,   "450200-999999999999-8-20"),
])
def test_what_they_look_like(programme: str, order: int, place: int | None, number: str) -> None:
    written = order_number(programme, order) if place is None else policy_number(programme, order, place)
    assert written == number
    assert read_number(programme, f" {number}\n") == (order, place)


@given(PROGRAMMES, ORDERS, PLACES)
def test_round_trip(programme: str, order: int, place: int) -> None:
    assert read_number(programme, order_number(programme, order)) == (order, None)
    assert read_number(programme, policy_number(programme, order, place)) == (order, place)


@given(PROGRAMMES, ORDERS)
def test_every_slip_of_one_digit_is_noticed(programme: str, order: int) -> None:
    number = order_number(programme, order)
    slips = {number[:at] + digit + number[at + 1:] for at, was in enumerate(number) if was != "-" for digit in "0123456789" if digit != was}
    assert len(slips) == 9 * 19
    assert [slip for slip in slips if read_number(slip[:6], slip) is not None] == []
    assert [slip for slip in slips if read_number(programme, slip) is not None] == []


@given(PROGRAMMES, ORDERS)
def test_every_swap_of_neighbours_is_noticed(programme: str, order: int) -> None:
    digits = order_number(programme, order).replace("-", "")
    for at in range(len(digits) - 1):
        if digits[at] != digits[at + 1]:
            swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2:]
            number = f"{swapped[:6]}-{swapped[6:18]}-{swapped[18]}"
            assert read_number(swapped[:6], number) is None


@given(PROGRAMMES, PROGRAMMES, ORDERS)
def test_another_programmes_number_is_none_of_ours(ours: str, theirs: str, order: int) -> None:
    assert (read_number(ours, order_number(theirs, order)) is None) is (ours != theirs)


@pytest.mark.parametrize("number", [
    "", "540000", "540000-123-2", "540000-000000000123", "540000-000000000123-", "540000-000000000123-2-", "540000-000000000123-2-2",
    "540000-000000000123-2-002", "5400000000000001232", "540000-000000000123-2-02-1", "540000–000000000123–2", "５４００００-000000000123-2",
    "540000-٠٠٠٠٠٠٠٠٠١٢٣-2", "p540000-000000000123-2", "540000-000000000123-2; DROP TABLE policy",
])
def test_what_is_no_number(number: str) -> None:
    assert read_number("540000", number) is None
