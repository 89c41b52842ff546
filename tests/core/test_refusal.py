"""A refusal is a value: it compares, it does not change, and it carries what decided."""

from dataclasses import FrozenInstanceError

import pytest

from huibao.core.refusal import Refusal


def low() -> Refusal:
    return Refusal(
        code="account.balance_below_minimum",
        clause="AA-2",
        zh="账户余额 2,999.99 元，低于 3,000.00 元，不能支付保费；可改为自费购买。",
        en="The balance of 2,999.99 yuan is below 3,000.00; pay in cash instead.",
        figures={"balance_fen": 299_999, "minimum_fen": 300_000},
    )


def test_the_same_decision_is_the_same_refusal() -> None:
    assert low() == low()


def test_a_refusal_is_not_rewritten() -> None:
    with pytest.raises(FrozenInstanceError):
        low().clause = "AA-3"  # type: ignore[misc]


def test_a_refusal_is_no_exception() -> None:
    assert not isinstance(low(), BaseException)


def test_where_no_figure_decides_there_is_none() -> None:
    assert dict(Refusal("product.unknown", None, "没有此产品。", "There is no such product.").figures) == {}
