"""The benchmark of purchases measures equal work on both sides, ends in the agreed line, and finds the books sound."""

import re
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from huibao.bench import load, market, measuring, purchase

_LAST: Final = re.compile(r"purchase ratio=\d+\.\d\d ours=[\d,]+/s yardstick=[\d,]+/s \(.+\)")
_TABLE: Final = re.compile(r"^  (\w+) +ours ([\d.]+) yardstick ([\d.]+)$", re.MULTILINE)
#: What a batch writes once for all of its orders, and the yardstick for none.
ONCE_A_BATCH: Final = {"link", "chain_head", "pool_entry", "pool_total"}
ONCE_AN_ORDER: Final = {"account", "account_year", "event", "orders", "policy", "request", "transfer"}
PAYERS: Final = 1_400
#: So many orders in each step: the rows of an order are counted, its speed is not.
MOST: Final = 1_000


class Small(measuring.Bench):
    """The benchmark without its long warm-up."""

    def ours(self, count: int, connections: int) -> tuple[load.Crowd, measuring.Written]:
        return super().ours(min(count, MOST), connections)

    def bare(self, count: int, clients: int, sizes: tuple[int, int]) -> tuple[float, measuring.Written, Path]:
        return super().bare(min(count, MOST), clients, sizes)


@pytest.fixture(scope="module")
def said() -> str:
    """What is printed at a size whose speed nobody would believe."""
    with pytest.MonkeyPatch.context() as small, StringIO() as out:
        small.setattr(measuring, "CLIENTS", (8,))
        small.setattr(measuring, "CONNECTIONS", (1, 8, 16))
        small.setattr(market, "NEAR", PAYERS * market.FAMILY)
        purchase.bench(Console(file=out, width=250), PAYERS, MOST, 1, 1, Small)
        return out.getvalue()


def test_the_last_line_is_the_contract(said: str) -> None:
    assert _LAST.fullmatch(said.strip().splitlines()[-1]), said
    assert "账实相符 (sound)" in said


def test_both_sides_write_the_same_rows_for_an_order(said: str) -> None:
    rows = {table: (float(ours), float(yardstick)) for table, ours, yardstick in _TABLE.findall(said)}
    assert rows.keys() == ONCE_A_BATCH | ONCE_AN_ORDER
    once = {table for table, (_, yardstick) in rows.items() if not yardstick}
    assert once == ONCE_A_BATCH
    # The product's own account is written once a batch, beside the buyers' accounts.
    rows["account"] = (rows["account"][0] - rows["link"][0], rows["account"][1])
    apart = {table: round(ours / yardstick - 1, 3) for table, (ours, yardstick) in rows.items() if yardstick}
    assert {table: by for table, by in apart.items() if abs(by) > 0.05} == {}, said
