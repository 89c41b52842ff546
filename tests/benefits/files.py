"""Small files of settlements, settled, and what came of them in one comparable form."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from huibao.benefits import loading
from huibao.benefits.model import Plan
from huibao.benefits.settle import Summary, settle_file

#: What is fully self-paid: beyond 100 yuan a year a half, a quarter elsewhere without registration, up to 1000 a year.
TEXT = """
syntax = 1
id = "small"
name = "测试产品"
kind = "medical"
status = "proposed"
valid = { from = 2026-01-01, to = 2026-12-31 }
visit_counts_at = "admission"
sources = ["测试"]
[premium]
yuan = 100
[[benefit]]
id = "self-paid"
name = "自费费用"
base = "fulamt_ownpay_amt"
deductible = [{ yuan = 100, per = "year" }]
ratio = "50%"
cap = { yuan = 1000, per = "year" }
[[benefit.when]]
is = "place = unregistered"
ratio = "25%"
"""


def plan(*changes: tuple[str, str]) -> Plan:
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return loading.load_text("small.toml", text)


PLAN = plan()
HOUSEHOLD = plan(('per = "year" }]', 'per = "year", scope = "household" }]'))
DRUGS = plan(("ratio = \"50%\"", 'is = "item_kind = drug"\nratio = "50%"'))

HEADER = "psn_no,setl_id,setl_time,fulamt_ownpay_amt"


class Outcome(NamedTuple):
    """What a file gave: `paid` has setl_id, yuan paid and status of each bill in the order written; `rejected` line, id, code."""

    summary: Summary
    paid: list[tuple[str, str, str]]
    rejected: list[tuple[int, str, str]]

    @property
    def pays(self) -> dict[str, str]:
        return {setl_id: pay for setl_id, pay, _ in self.paid}


def written(out: Path) -> list[dict[str, str]]:
    """The rows of a result, all as text."""
    if out.suffix == ".parquet":
        table = pq.read_table(out)
        return [{name: str(value) for name, value in row.items()} for row in table.to_pylist()]
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def refused(out: Path) -> list[dict[str, str]]:
    """The rows of the list of what was rejected; none where there is no such file."""
    listed = out.with_name(f"{out.stem}.rejected.csv")
    if not listed.exists():
        return []
    with listed.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def settle(claims: Path, terms: Plan = PLAN, out: str = "out.csv", **options: Any) -> Outcome:
    """Settles a file into its own folder, which holds nothing else afterwards."""
    path = claims.with_name(out)
    summary = settle_file(terms, claims, path, **options)
    rejected = refused(path)
    assert summary.outputs == ([path, path.with_name(f"{path.stem}.rejected.csv")] if rejected else [path])
    assert len(rejected) == summary.rejected
    assert all(row["reason"] and row["reason_en"] for row in rejected)
    assert not [left.name for left in claims.parent.iterdir() if left.name.startswith(".")]
    return Outcome(summary, [(row["setl_id"], row["pay"], row["status"]) for row in written(path)],
                   [(int(row["line"]), row["setl_id"], row["code"]) for row in rejected])


def file_of(folder: Path, *lines: str, header: str = HEADER) -> Path:
    """A CSV file in UTF-8 of a header and lines."""
    return bytes_of(folder, "\n".join((header, *lines, "")).encode())


def bytes_of(folder: Path, data: bytes, name: str = "claims.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def parquet_of(folder: Path, count: int, **columns: Any) -> Path:
    """A Parquet file of bills of 300 yuan of one person on one day; columns replace those or come beside them."""
    known = {"psn_no": ["人1"] * count, "setl_id": [f"S{n + 1}" for n in range(count)], "setl_time": ["2026-05-01"] * count,
             "fulamt_ownpay_amt": ["300.00"] * count}
    path = folder / "claims.parquet"
    pq.write_table(pa.table({**known, **columns}), path)
    return path


def as_csv(folder: Path, rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Path:
    path = folder / "claims.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return path
