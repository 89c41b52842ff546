"""The columns give the fen of the desk, on random plans from the whole plan language and random histories."""

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings

from huibao.benefits import loading
from huibao.core.tomlfile import FileRefused
from tests.benefits.both import by_columns, by_desk
from tests.benefits.random_plans import Row, histories, plans

#: How many the long run tries, and how many of them in one piece: hypothesis remembers every example of a piece.
EXAMPLES: Final = int(os.environ.get("HUIBAO_EXAMPLES", "1000000"))
PIECE: Final = 5000


def equal(text: str, rows: list[Row]) -> None:
    try:
        plan = loading.load_text("random.toml", text)
    except FileRefused:
        assume(False)
    rows = rows if plan.household else sorted(rows, key=lambda row: str(row["psn_no"]))
    assert by_columns(plan, rows) == by_desk(plan, rows)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), histories())
def test_columns_equal_the_desk(text: str, rows: list[Row]) -> None:
    equal(text, rows)


@pytest.mark.long
def test_columns_equal_the_desk_at_length() -> None:
    """Piece by piece, each with its number as its seed: a failure says which, and is found again by it."""
    for n in range(0, EXAMPLES, PIECE):
        some = settings(max_examples=min(PIECE, EXAMPLES - n), deadline=None, database=None,
                        suppress_health_check=list(HealthCheck))
        try:
            seed(n)(some(given(plans(), histories())(equal)))()
        except BaseException as error:
            error.add_note(f"seed {n}")
            raise


PER_UNIT: Final = """
syntax = 1
id = "per-unit"
name = "单位限价"
kind = "medical"
status = "example"
valid = { from = 2025-01-01, to = 2025-12-31 }
visit_counts_at = "settlement"
sources = []
premium = { yuan = 99 }
[[benefit]]
id = "drugs"
name = "药品"
base = "fulamt_ownpay_amt"
ratio = "100%"
[[benefit.limit]]
name = "每单位"
yuan = 1000000
per = "unit"
"""


@pytest.mark.parametrize("quantity", ["1", "9223371", "9999999"])
def test_a_limit_times_a_quantity_of_millions(quantity: str) -> None:
    """每单位限一百万元、数量近一千万的一千元账单，限额远未用到：全额赔付。"""
    plan = loading.load_text("per-unit.toml", PER_UNIT)
    rows = [{"household_id": "户", "psn_no": "甲", "setl_id": "1", "setl_time": "2025-06-01", "fulamt_ownpay_amt": "1000",
             "cnt": quantity}]
    paid = ("settled", ((100_000, 0, 100_000, 100_000, 100_000, 100_000),))
    assert by_desk(plan, rows) == [paid]
    assert by_columns(plan, rows) == [paid]
