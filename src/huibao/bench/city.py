"""A city's year of settlements for measuring: seeded, heavy-tailed, about four bills a person."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from huibao.benefits.arrays import Ints

#: Two benefits with bands, a pre-existing ratio on both, a cap each.
PLAN = """
syntax = 1
id = "bench"
name = "测速"
kind = "medical"
status = "example"
valid = { from = 2026-01-01, to = 2026-12-31 }
visit_counts_at = "settlement"
sources = []
[premium]
yuan = 99

[[benefit]]
id = "in-scope"
name = "范围内"
base = "in_scope_self_pay + 0.5 * preselfpay_amt"
deductible = { yuan = 9000, per = "year" }
bands_from = "deductible"
bands = [{ above = 0, to = 20000, ratio = "50%" }, { above = 20000, ratio = "70%" }]
cap = { yuan = 60000, per = "year" }
  [[benefit.when]]
  is = "preexisting"
  ratios = ["30%", "40%"]

[[benefit]]
id = "out-of-scope"
name = "范围外"
base = "overlmt_selfpay + fulamt_ownpay_amt"
deductible = { yuan = 12000, per = "year" }
bands_from = "deductible"
bands = [{ above = 0, to = 30000, ratio = "40%" }, { above = 30000, ratio = "60%" }]
cap = { yuan = 80000, per = "year" }
  [[benefit.when]]
  is = "preexisting"
  ratios = ["20%", "30%"]
"""

_CHUNK = 1_000_000
#: Mean and spread of the logarithm of fen, and the share of bills that have any, for each of `AMOUNTS`.
_SHAPES = ((11.9, 1.5, 1.0), (10.2, 1.3, 0.7), (10.0, 1.4, 0.3), (12.0, 1.7, 0.7))
AMOUNTS = ("in_scope_self_pay", "preselfpay_amt", "overlmt_selfpay", "fulamt_ownpay_amt")


def write(path: Path, rows: int, seed: int = 20260101) -> None:
    """A Parquet file of settlements in the order in which they were accepted, that is, of no person in particular."""
    rng = np.random.default_rng(seed)
    people = max(1, rows // 4)
    with pq.ParquetWriter(path, _schema(), store_decimal_as_integer=True, compression="zstd", compression_level=1) as writer:
        for start in range(0, rows, _CHUNK):
            writer.write_table(_chunk(rng, start, min(_CHUNK, rows - start), people))


def _schema() -> Any:
    return pa.schema([
        ("psn_no", pa.string()), ("setl_id", pa.string()), ("setl_time", pa.timestamp("s")), ("accept_seq", pa.int64()),
        ("preexisting", pa.bool_()), *((name, pa.decimal64(14, 2)) for name in AMOUNTS)])


def _chunk(rng: np.random.Generator, start: int, rows: int, people: int) -> Any:
    person = rng.integers(0, people, rows)
    sequence = np.arange(start, start + rows)
    seconds = 1_767_225_600 + sequence * 31_000_000 // max(1, start + rows)
    amounts = (_fen(rng, rows, *shape) for shape in _SHAPES)
    columns = [_names("P50010020", person), _names("S26", sequence), pa.array(seconds.astype("datetime64[s]")), pa.array(sequence),
               pa.array(person % 9 == 0),
               *(pa.Array.from_buffers(pa.decimal64(14, 2), rows, [None, pa.py_buffer(fen)]) for fen in amounts)]
    return pa.table(columns, schema=_schema())


def _fen(rng: np.random.Generator, rows: int, mean: float, spread: float, share: float) -> Ints:
    """Log-normal amounts in fen; a share of the bills has any."""
    drawn = np.exp(rng.normal(mean, spread, rows)).astype(np.int64)
    return np.where(rng.random(rows) < share, np.minimum(drawn, 2_000_000_00), 0)


def _names(prefix: str, numbers: Ints) -> Any:
    """Numbers as fixed-width names, as platforms give them."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 9, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), digits, "")
