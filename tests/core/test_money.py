"""Money is exact: amounts in and out, ratios, rounding, parts that add up."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.core.money import AMOUNT_LIMIT_FEN, WHOLE, MoneyError, apportion, fen, half_up, percent, plain_yuan, ratio, yuan

amounts = st.integers(-AMOUNT_LIMIT_FEN, AMOUNT_LIMIT_FEN)
weights = st.lists(st.integers(0, AMOUNT_LIMIT_FEN), max_size=12)


@pytest.mark.parametrize(("written", "in_fen"), [
    # yuan                          fen
    ("0",                           0),
    ("53200.00",                    5_320_000),
    ("12.3",                        1_230),
    ("12.",                         1_200),
    ("+7",                          700),
    ("-7.01",                       -701),
    (" 10.99 ",                     1_099),
    (129,                           12_900),
    (Decimal("10.99"),              1_099),
    (Decimal("1E+3"),               100_000),
    ("2.675",                       268),           # a binary float says 2.67
    ("-2.675",                      -268),          # a reversal is the exact negative
    ("2.6749",                      267),
    ("0.005",                       1),
    ("0.0049999",                   0),
    ("9007199254740993.01",         900_719_925_474_099_301),   # a binary float says …994.00
    (Decimal("9007199254740993.01"), 900_719_925_474_099_301),
])
def test_an_amount_is_read_in_fen(written: str | int | Decimal, in_fen: int) -> None:
    assert fen(written) == in_fen


@pytest.mark.parametrize("written", [
    "", " ", ".5", "1,234.50", "1 234", "1e3", "￥5", "5元", "--5", "1.2.3", "NaN", "inf", "0x10", "1_000",
    2.675, True, None, Decimal("NaN"), Decimal("Infinity"),
])
def test_what_is_no_amount_is_refused(written: object) -> None:
    with pytest.raises(MoneyError) as refused:
        fen(written)  # type: ignore[arg-type]
    assert repr(written) in str(refused.value)


def test_the_surrounding_decimal_context_changes_nothing() -> None:
    with localcontext() as context:
        context.rounding = "ROUND_DOWN"
        assert fen("2.675") == 268


@pytest.mark.parametrize(("in_fen", "read", "in_files"), [
    (0,                 "0.00",                 "0.00"),
    (1,                 "0.01",                 "0.01"),
    (-1,                "-0.01",                "-0.01"),
    (99_999,            "999.99",               "999.99"),
    (100_000,           "1,000.00",             "1000.00"),
    (-5_320_000,        "-53,200.00",           "-53200.00"),
    (100_000_000,       "1,000,000.00",         "1000000.00"),
])
def test_an_amount_is_written_for_people_and_for_files(in_fen: int, read: str, in_files: str) -> None:
    assert (yuan(in_fen), plain_yuan(in_fen)) == (read, in_files)


@given(amounts)
def test_what_is_written_to_a_file_reads_back(in_fen: int) -> None:
    assert fen(plain_yuan(in_fen)) == in_fen


@given(st.decimals(-10**12, 10**12, allow_nan=False, allow_infinity=False, places=5))
def test_reading_rounds_half_away_from_zero(written: Decimal) -> None:
    exact = abs(Fraction(written)) * 100
    nearest = int(exact + Fraction(1, 2))
    assert fen(written) == (nearest if written >= 0 else -nearest)


@given(st.decimals(-10**12, 10**12, allow_nan=False, allow_infinity=False, places=5))
def test_text_and_decimal_read_alike_and_a_reversal_is_the_negative(written: Decimal) -> None:
    assert fen(f"{written:f}") == fen(written) == -fen(-written)


@pytest.mark.parametrize(("written", "ten_thousandths"), [
    ("0%",              0),
    ("70%",             7_000),
    ("100%",            10_000),
    ("37.5%",           3_750),
    ("0.01%",           1),
    ("0.1%",            10),
    ("33.33%",          3_333),
    ("150%",            15_000),
])
def test_a_ratio_is_in_ten_thousandths_and_reads_back(written: str, ten_thousandths: int) -> None:
    assert (ratio(written), percent(ten_thousandths)) == (ten_thousandths, written)


@given(st.integers(0, 99_999))
def test_every_ratio_reads_back(ten_thousandths: int) -> None:
    assert ratio(percent(ten_thousandths)) == ten_thousandths


@pytest.mark.parametrize("written", ["", "70", "0.7", "-5%", "70 %", "70.%", "33.333%", "1000%", "七成", "70%%"])
def test_what_is_no_ratio_is_refused(written: str) -> None:
    with pytest.raises(MoneyError) as refused:
        ratio(written)
    assert repr(written) in str(refused.value)


@pytest.mark.parametrize(("numerator", "denominator", "rounded"), [
    (0,                     1,          0),
    (4_999,                 10_000,     0),
    (5_000,                 10_000,     1),
    (14_999,                10_000,     1),
    (15_000,                10_000,     2),
    (1,                     3,          0),
    (2,                     3,          1),
    (4_120_000 * 7_000,     10_000,     2_884_000),     # (53,200 − 12,000) × 70%
    (1_099 * 10_000,        10_000,     1_099),         # 10.99 at 100%
])
def test_half_is_rounded_up(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


@given(st.integers(0, AMOUNT_LIMIT_FEN * WHOLE), st.integers(1, 10**12))
def test_half_up_is_the_nearest_whole_number(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert half_up(numerator, denominator) == (exact + Fraction(1, 2)).__floor__()


@given(st.integers(0, AMOUNT_LIMIT_FEN))
def test_the_whole_of_an_amount_is_the_amount(in_fen: int) -> None:
    assert half_up(in_fen * WHOLE) == in_fen


@pytest.mark.parametrize(("total", "by", "parts"), [
    (100,   [1, 1, 1],          [33, 33, 34]),
    (100,   [1, 1],             [50, 50]),
    (1,     [1, 1, 1],          [0, 0, 1]),
    (0,     [5, 5],             [0, 0]),
    (100,   [0, 7, 0],          [0, 100, 0]),
    (100,   [30, 70],           [30, 70]),
    (100,   [0, 0],             [0, 0]),            # nothing to go by: the total is not placed
    (100,   [],                 []),
    (10_00, [6000, 2500, 1500], [600, 250, 150]),   # a pool of three
])
def test_a_total_is_split(total: int, by: list[int], parts: list[int]) -> None:
    assert apportion(total, by) == parts


@given(st.integers(0, AMOUNT_LIMIT_FEN), weights)
def test_parts_add_up(total: int, by: list[int]) -> None:
    assert sum(apportion(total, by)) == (total if any(by) else 0)


@given(st.integers(0, AMOUNT_LIMIT_FEN), weights.filter(any))
def test_a_part_is_within_a_fen_of_its_share_and_none_is_negative(total: int, by: list[int]) -> None:
    for part, weight in zip(apportion(total, by), by, strict=True):
        assert part >= 0
        assert abs(part - Fraction(total * weight, sum(by))) < 1


@given(weights)
def test_a_total_of_its_own_weights_is_split_into_them(by: list[int]) -> None:
    assert apportion(sum(by), by) == by


@given(st.integers(0, AMOUNT_LIMIT_FEN), weights.filter(any))
def test_who_comes_first_is_settled_first(total: int, by: list[int]) -> None:
    """Cumulative totals: what the first few have together does not depend on how the rest is divided."""
    whole = sum(by)
    assert list(accumulate(apportion(total, by))) == [total * seen // whole for seen in accumulate(by)]
    assert apportion(total, iter(by)) == apportion(total, by)
