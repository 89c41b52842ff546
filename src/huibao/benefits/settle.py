"""A file of settlements through a plan: sorted by DuckDB, folded as columns, written as it goes, in bounded memory."""

import contextlib
import csv
import os
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from huibao.benefits import arrays
from huibao.benefits.columns import ColumnFold, Folded, Rejection
from huibao.benefits.csvfile import BadLine, open_csv
from huibao.benefits.model import BUCKETS, Plan
from huibao.benefits.reading import LINE_AMOUNTS

#: Rows folded at a time: enough that the kernels run long, few enough that memory stays small.
BATCH_ROWS: Final = 400_000
MEMORY: Final = "800MB"

_NEEDED: Final = ("psn_no", "setl_id", "setl_time")
_STATUS: Final = ("settled", "reversed", "reversal")
_FIGURES: Final = ("base", "deductible", "covered", "payable", "pay", "target")


class FileUnfit(Exception):
    """An input that can't be settled as a whole; the message says what is missing and what to do."""


@dataclass(slots=True)
class Summary:
    """What became of a file."""

    settlements: int = 0
    reversals: int = 0
    rejected: int = 0
    open_cases: int = 0
    paid_fen: int = 0
    outputs: list[Path] = field(default_factory=list)


Progress = Callable[[int], None]
Watch = Callable[[pa.Table, Folded], None]


def settle_file(plan: Plan, claims: Path, out: Path, *, acct_inside_fund: bool = False, is_ordered: bool = False,
                progress: Progress | None = None, watch: Watch | None = None) -> Summary:
    """Settles `claims` (CSV or Parquet) into `out` (by its suffix), and lists rejected rows beside it.

    The outputs appear whole or not at all. `is_ordered` says that rows lie by person (or household) and acceptance already;
    that is checked, and `FileUnfit` raised where it is not so. `watch` sees every batch as it is folded.
    """
    fold = ColumnFold(plan, acct_inside_fund)
    summary = Summary()
    rejected = out.with_name(f"{out.stem}.rejected.csv")
    with _whole(out) as unfinished, _whole(rejected) as listed, tempfile.TemporaryDirectory(dir=out.parent, prefix=".huibao-") as spill:
        connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": spill, "threads": os.cpu_count() or 2,
                                            "preserve_insertion_order": is_ordered})
        with contextlib.closing(connection), _Rejected(listed) as refuse, _Output(unfinished, out.suffix, plan) as write:
            batches = _sorted(connection, fold, claims, is_ordered, refuse.line)
            for table, folded in fold.stream(batches):
                write.put(table, folded)
                refuse.rows(folded.rejected)
                _count(summary, folded)
                if watch is not None:
                    watch(table, folded)
                if progress is not None:
                    progress(table.num_rows)
            summary.rejected = refuse.count
        summary.outputs = [out, rejected] if summary.rejected else [out]
        if not summary.rejected:
            listed.unlink()
            rejected.unlink(missing_ok=True)
    return summary


def _count(summary: Summary, folded: Folded) -> None:
    result = folded.result
    summary.settlements += int((result.status <= arrays.REVERSED).sum())
    summary.reversals += int((result.status == arrays.REVERSAL).sum())
    summary.paid_fen += int(result.pay.sum())
    settled = result.status == arrays.SETTLED
    if result.target is not result.pay:
        summary.open_cases += int(((result.pay - result.target)[:, settled] != 0).any(axis=0).sum())


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file that appears under its name only when all went well."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        if unfinished.exists():
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def _sorted(connection: duckdb.DuckDBPyConnection, fold: ColumnFold, claims: Path, is_ordered: bool,
            bad_line: Callable[[BadLine], None]) -> Iterator[pa.RecordBatch]:
    """The rows of a file in the order of the fold, with their lines."""
    if claims.suffix.lower() == ".parquet":
        available = pq.read_schema(claims).names
        source, number = "read_parquet(?, file_row_number = true)", "file_row_number + 1"
        given: list[Any] = [str(claims)]
    else:
        reader = open_csv(claims, bad_line)
        available = reader.schema.names
        connection.register("claims", reader)
        source, number, given = "claims", "line", []
    _fit(fold, available)
    group = fold.group
    wanted = ", ".join(f'"{name}"' for name in dict.fromkeys((group, *fold.columns())) if name in available)
    sequence = "TRY_CAST(accept_seq AS BIGINT) NULLS LAST, " if "accept_seq" in available else ""
    order = "" if is_ordered else f'ORDER BY "{group}", {sequence}line'
    rows = connection.execute(f"SELECT {number} AS line, {wanted} FROM {source} {order}", given)  # noqa: S608 - names of columns only
    batches = rows.to_arrow_reader(BATCH_ROWS)
    return _in_order(batches, group) if is_ordered else iter(batches)


def _fit(fold: ColumnFold, available: Sequence[str]) -> None:
    missing = [name for name in (*_NEEDED, *(["household_id"] if fold.plan.plan.household else [])) if name not in available]
    if missing:
        raise FileUnfit(f"文件缺少列 {'、'.join(missing)}。请补上后重新运行。 (columns missing: {', '.join(missing)})")
    if not {*BUCKETS, *LINE_AMOUNTS} & set(available):
        raise FileUnfit(f"文件没有任何可结算的金额列,请至少提供一列:{'、'.join(BUCKETS)} 或 inscp_scp_amt。"
                        f" (no amount to settle: give at least one of {', '.join(BUCKETS)} or inscp_scp_amt)")


def _in_order(batches: Iterator[pa.RecordBatch], group: str) -> Iterator[pa.RecordBatch]:
    last: Any = None
    for batch in batches:
        column = batch[group]
        if len(column) > 1 and pc.any(pc.less(column.slice(1), column.slice(0, len(column) - 1))).as_py() or (
                last is not None and len(column) and column[0].as_py() is not None and column[0].as_py() < last):
            raise FileUnfit(f"文件没有按 {group} 排好序。请去掉 --ordered 重新运行。 (the rows do not lie by {group}: run without --ordered)")
        last = column[-1].as_py() if len(column) else last
        yield batch


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class _Rejected:
    """The list of rows that were not taken up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def __enter__(self) -> "_Rejected":
        self.file = self.path.open("w", encoding="utf-8-sig", newline="")
        self.csv = csv.writer(self.file)
        self.csv.writerow(("line", "setl_id", "code", "reason", "reason_en"))
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def rows(self, rejected: Sequence[Rejection]) -> None:
        for row in rejected:
            self.write(row.line, row.setl_id, row.refusal.code, row.refusal.zh, row.refusal.en)

    def line(self, bad: BadLine) -> None:
        self.write(bad.line, "", "file.line_unreadable", bad.zh, bad.en)

    def write(self, line: int, setl_id: str, *words: str) -> None:
        self.count += 1
        # A spreadsheet must not take a number from outside for a formula.
        self.csv.writerow((line, f"'{setl_id}" if setl_id[:1] in "=+-@\t" and setl_id else setl_id, *words))


class _Output:
    """Writes payments in a thread of its own, one row per settlement and benefit."""

    def __init__(self, path: Path, suffix: str, plan: Plan) -> None:
        self.benefits = pa.array([benefit.id for benefit in plan.benefits])
        money = pa.decimal64(18, 2) if suffix.lower() == ".parquet" else pa.decimal128(18, 2)
        self.schema = pa.schema([("setl_id", pa.string()), ("benefit", pa.dictionary(pa.int8(), pa.string())),
                                 *((name, money) for name in _FIGURES), ("status", pa.dictionary(pa.int8(), pa.string())),
                                 ("provisional", pa.bool_())])
        self.writer: Any
        if suffix.lower() == ".parquet":
            self.writer = pq.ParquetWriter(path, self.schema, compression="zstd", compression_level=1, store_decimal_as_integer=True,
                                           use_dictionary=["benefit", "status"], write_statistics=False)
        else:
            self.schema = pa.schema([field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in self.schema])
            self.writer = pacsv.CSVWriter(path, self.schema, write_options=pacsv.WriteOptions(quoting_style="needed"))
        self.queue: queue.Queue[tuple[pa.Array, Folded] | None] = queue.Queue(maxsize=2)
        self.failed: BaseException | None = None
        self.thread = threading.Thread(target=self.work, name="settle-writer")

    def __enter__(self) -> "_Output":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.put(None)
        self.thread.join()
        self.writer.close()
        if self.failed is not None:
            raise self.failed

    def put(self, table: pa.Table, folded: Folded) -> None:
        if self.failed is not None:
            raise self.failed
        self.queue.put((table["setl_id"].combine_chunks(), folded))

    def work(self) -> None:
        while (item := self.queue.get()) is not None:
            if self.failed is None:
                try:
                    self.write(*item)
                except (OSError, pa.ArrowException) as error:
                    self.failed = error

    def write(self, setl_id: Any, folded: Folded) -> None:
        result = folded.result
        taken = np.flatnonzero(result.status <= arrays.REVERSAL)
        everything = len(taken) == len(setl_id)
        ids = setl_id.cast(pa.string()) if everything else setl_id.take(pa.array(folded.rows[taken])).cast(pa.string())
        status = pa.DictionaryArray.from_arrays(pa.array(result.status[taken].astype(np.int8)), pa.array(_STATUS))
        provisional = pa.array(folded.provisional[taken])
        for b in range(len(self.benefits)):
            of = pa.DictionaryArray.from_arrays(pa.array(np.full(len(taken), b, np.int8)), self.benefits)
            figures = [_money(getattr(result, name)[b] if everything else getattr(result, name)[b][taken], self.schema.field(name).type)
                       for name in _FIGURES]
            columns = [ids, of, *figures, status, provisional]
            self.writer.write_table(pa.table([c.cast(f.type) if c.type != f.type else c for c, f in zip(columns, self.schema, strict=True)],
                                             schema=self.schema))


def _money(fen: arrays.Ints, kind: Any) -> Any:
    """Fen as a decimal column of yuan, without touching the numbers."""
    exact = pa.Array.from_buffers(pa.decimal64(18, 2), len(fen), [None, pa.py_buffer(np.ascontiguousarray(fen))])
    return exact if kind == exact.type else exact.cast(kind)
