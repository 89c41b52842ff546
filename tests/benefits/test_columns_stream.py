"""A stream of batches is folded as it comes: what a boundary cuts is settled whole, and no batch is kept."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from huibao.benefits import loading
from huibao.benefits.columns import ColumnFold

ROWS = 20_000


def batches(count: int, held: list[int]) -> Iterator[pa.RecordBatch]:
    """Persons of three bills each, so that most batches cut one; notes what Arrow holds as each is asked for."""
    for n in range(count):
        held.append(pa.total_allocated_bytes())
        rows = np.arange(n * ROWS, (n + 1) * ROWS)
        yield pa.RecordBatch.from_pydict({
            "psn_no": pa.array([f"P{row // 3:09d}" for row in rows]), "setl_id": pa.array([f"S{row}" for row in rows]),
            "setl_time": pa.array(["2026-05-01"] * ROWS), "preexisting": pa.array(["0"] * ROWS),
            "fulamt_ownpay_amt": pa.array(["1000.00"] * ROWS)})


def test_every_person_is_folded_whole_and_no_batch_is_kept() -> None:
    held: list[int] = []
    settlements = paid = 0
    for _, folded in ColumnFold(loading.builtin("example-2026")).stream(batches(40, held)):
        settlements += len(folded.rows)
        paid += int(folded.result.pay.sum())
    persons = 40 * ROWS // 3
    # 1500 of 3000 yuan are deducted, half of the rest is paid; the last person has two bills: half of 500.
    assert (settlements, paid) == (40 * ROWS, persons * 75_000 + 25_000)
    one = next(batches(1, [])).nbytes
    assert max(held[20:]) < max(held[:10]) + one
