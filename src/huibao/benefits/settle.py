"""A file of settlements through a plan: sorted by DuckDB, folded as columns, written as it goes, in bounded memory."""

import contextlib
import csv
import os
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from huibao.benefits import arrays, outputs
from huibao.benefits.batch import Folded, Rejection
from huibao.benefits.columns import ColumnFold
from huibao.benefits.csvfile import BadLine, header, open_csv
from huibao.benefits.model import BUCKETS, Plan
from huibao.benefits.reading import BLANKS, LINE_AMOUNTS

#: Rows folded at a time: enough that the kernels run long, few enough that memory stays small.
BATCH_ROWS: Final = 400_000
MEMORY: Final = "800MB"

_NEEDED: Final = ("psn_no", "setl_id", "setl_time")
_IDS: Final = ("psn_no", "household_id", "setl_id", "reverses")

#: Kinds of Parquet columns, as DuckDB calls them: text, those that the fold reads as they are, and binary floats, which
#: are exact up to 2^53.
_TEXT: Final = "VARCHAR"
_PLAIN: Final = (_TEXT, "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
_BINARY: Final = ("FLOAT", "DOUBLE")
_EXACT: Final = 1 << 53


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
    if claims.resolve() in (out.resolve(), rejected.resolve()):
        raise FileUnfit(f"结果会覆盖输入文件 {claims.name}。请另取结果文件名。 (the output would take the place of the input: name another)")
    with (_readable(claims), _whole(out) as unfinished, _whole(rejected) as listed,
          tempfile.TemporaryDirectory(dir=out.parent, prefix=".huibao-") as spill):
        connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": spill, "threads": os.cpu_count() or 2,
                                            "preserve_insertion_order": is_ordered})
        with contextlib.closing(connection), _Rejected(listed) as refuse, _Output(unfinished, out.suffix, plan) as write:
            batches = _sorted(connection, fold, claims, is_ordered, refuse.line)
            for table, folded in fold.stream(_ahead(batches)):
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


@contextlib.contextmanager
def _readable(claims: Path) -> Iterator[None]:
    """A file that DuckDB can't read is unfit; a disk or a memory that is full is not the file's fault."""
    try:
        yield
    except (duckdb.Error, UnicodeError) as error:
        is_ours = isinstance(error, duckdb.IOException) and claims.name not in str(error)
        if is_ours or isinstance(error, duckdb.OutOfMemoryException):
            raise
        raise _broken(claims, error) from error


def _broken(claims: Path, error: Exception) -> FileUnfit:
    return FileUnfit(f"文件 {claims.name} 读不出来，可能已损坏或不是 Parquet。请重新导出。 (can't be read, export it again: {error})")


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def _sorted(connection: duckdb.DuckDBPyConnection, fold: ColumnFold, claims: Path, is_ordered: bool,
            bad_line: Callable[[BadLine], None]) -> Iterator[pa.RecordBatch]:
    """The rows of a file in the order of the fold, with their lines."""
    given: list[str] = []
    if claims.suffix.lower() == ".parquet":
        source, number = "read_parquet(?, file_row_number = true, binary_as_string = true)", "file_row_number + 1"
        given = [str(claims)]
        try:
            found = connection.sql(f"SELECT * FROM {source}", params=given)  # noqa: S608
        except RuntimeError as error:  # names that are no text
            raise _broken(claims, error) from error
        kinds = dict(zip(found.columns, map(str, found.types), strict=True))
        _fit(fold, list(kinds))
        _fit_numbers(connection, source, given, {name: kind for name, kind in kinds.items() if name in (*_IDS, fold.group)})
    else:
        source, number, names = "claims", "line", header(claims)
        _fit(fold, names)
        connection.register(source, open_csv(claims, fold.columns(), bad_line))
        kinds = dict.fromkeys(names, _TEXT)
    wanted = ", ".join(f'{_column(name, kinds[name], name in (fold.group, "psn_no"))} AS "{name}"'
                       for name in fold.columns() if name in kinds)
    accepted = "CAST(NULL AS BIGINT)"
    if "accept_seq" in kinds:
        accepted = "accept_seq" if kinds["accept_seq"] == "BIGINT" else "TRY_CAST(accept_seq AS BIGINT)"
    rows = f"SELECT {number} AS line, {wanted} FROM {source}"  # noqa: S608 - names of columns only
    if is_ordered:
        query = f"SELECT *, {accepted} AS accepted FROM ({rows})"  # noqa: S608
    else:
        within = f", {accepted} NULLS LAST" if "accept_seq" in kinds else ""
        query = f"{rows} ORDER BY {fold.group}{within}, line"
    batches = connection.sql(query, params=given).to_arrow_reader(BATCH_ROWS)
    return _in_order(batches, fold.group) if is_ordered else iter(batches)


def _column(name: str, kind: str, groups: bool) -> str:
    """A column as the fold takes it: groups that differ by blanks alone are the same, and kinds of no use to bills are text."""
    if kind == _TEXT and groups:
        # Blanks begin or end with what is no visible ASCII; the test is much cheaper than the trimming.
        visible = " AND ".join(f"ascii({end}) BETWEEN 33 AND 126" for end in (f'"{name}"', f'right("{name}", 1)'))
        return f"""CASE WHEN {visible} THEN "{name}" ELSE trim("{name}", '{BLANKS}') END"""
    if name in _IDS and kind in _BINARY:
        return f'CAST(CAST("{name}" AS BIGINT) AS VARCHAR)'
    if kind == "TIMESTAMP_NS":
        return f'make_timestamp(epoch_ns("{name}") // 1000)'  # a cast would round the last second up into the next day
    if kind.startswith("TIMESTAMP_"):
        return f'CAST("{name}" AS TIMESTAMP)'
    return f'"{name}"' if kind.startswith(_PLAIN) and not kind.endswith("]") else f'CAST("{name}" AS VARCHAR)'


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, the next one read in a thread of its own while the last is folded."""
    with ThreadPoolExecutor(1, "settle-reader") as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _fit(fold: ColumnFold, available: Sequence[str]) -> None:
    if not any(available):
        raise FileUnfit("文件没有表头。第一行应为国家字段名，以逗号分隔。 (no header: the first line has the national field names, with commas)")
    missing = [name for name in (*_NEEDED, *(["household_id"] if fold.plan.plan.household else [])) if name not in available]
    if missing:
        raise FileUnfit(f"文件缺少列 {'、'.join(missing)}。请补上后重新运行。 (columns missing: {', '.join(missing)})")
    twice = [name for name in fold.columns() if available.count(name) > 1]
    if twice:
        raise FileUnfit(f"列 {'、'.join(twice)} 出现不止一次。请只留一列。 (columns that stand more than once: {', '.join(twice)})")
    if not {*BUCKETS, *LINE_AMOUNTS} & set(available):
        raise FileUnfit(f"文件没有任何可结算的金额列，请至少提供一列：{'、'.join(BUCKETS)} 或 inscp_scp_amt。"
                        f" (no amount to settle: give at least one of {', '.join(BUCKETS)} or inscp_scp_amt)")


def _fit_numbers(connection: duckdb.DuckDBPyConnection, source: str, given: list[str], kinds: Mapping[str, str]) -> None:
    """Numbers of persons and bills that were written as binary floats and may have lost digits are nobody's."""
    for name in (name for name, kind in kinds.items() if kind in _BINARY):
        broken = f'"{name}" <> trunc("{name}") OR abs("{name}") >= {_EXACT}'
        if connection.sql(f"SELECT 1 FROM {source} WHERE {broken}", params=given).limit(1).fetchall():  # noqa: S608
            raise FileUnfit(f"列 {name} 是浮点数，编号已丢失位数。请按文本写出。 ({name} is a binary float that has lost digits: write it as text)")


def _in_order(batches: Iterator[pa.RecordBatch], group: str) -> Iterator[pa.RecordBatch]:
    """The same batches, where the rows lie by group and within it by acceptance; every row names its group."""
    before: pa.RecordBatch | None = None
    for batch in batches:
        keys = pa.Table.from_batches([batch] if before is None else [before, batch]).select([group, "accepted"]).combine_chunks()
        one, other = keys.slice(0, keys.num_rows - 1), keys.slice(1)
        same = pc.equal(other[group], one[group])
        wrong = pc.or_(pc.less(other[group], one[group]), pc.and_kleene(same, pc.less(other["accepted"], one["accepted"])))
        if keys[group].null_count or pc.any(wrong).as_py():
            raise FileUnfit(f"文件没有按 {group} 和 accept_seq 排好序。请去掉 --ordered 重新运行。"
                            f" (the rows do not lie by {group} and accept_seq: run without --ordered)")
        before = batch.slice(max(0, batch.num_rows - 1)) if batch.num_rows else before
        yield batch.drop_columns(["accepted"])


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class _Rejected:
    """The list of rows that were not taken up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def __enter__(self) -> Self:
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
        self.csv.writerow((line, f"'{setl_id}" if setl_id.startswith(_FORMULA) else setl_id, *words))


class _Output:
    """Writes payments in a thread of its own, one row per settlement and benefit."""

    def __init__(self, path: Path, suffix: str, plan: Plan) -> None:
        self.benefits = [benefit.id for benefit in plan.benefits]
        self.writer: Any
        if suffix.lower() == ".parquet":
            self.schema = outputs.schema(pa.decimal64(18, 2), pa.dictionary(pa.int8(), pa.string()))
            self.writer = pq.ParquetWriter(path, self.schema, compression="snappy", store_decimal_as_integer=True,
                                           use_dictionary=["benefit", "status", "difference"], write_statistics=False)
        else:
            self.schema = outputs.schema(pa.decimal128(18, 2), pa.string())
            self.writer = pacsv.CSVWriter(path, self.schema, write_options=pacsv.WriteOptions(quoting_style="needed"))
        self.queue: queue.Queue[tuple[pa.Array, Folded] | None] = queue.Queue(maxsize=2)
        self.failed: BaseException | None = None
        self.thread = threading.Thread(target=self.work, name="settle-writer")

    def __enter__(self) -> Self:
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
        for table in outputs.tables(self.benefits, setl_id, folded, self.schema):
            self.writer.write_table(table)
