"""CSV files as they come: read as text in a stream, every row with its line, broken lines reported and passed over."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

_BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that has not the columns of the file."""

    line: int
    zh: str
    en: str


def open_csv(path: Path, bad: Callable[[BadLine], None]) -> pa.RecordBatchReader:
    """All columns as text, and `line`, the row's line in the file (the header is line 1).

    UTF-8 with or without a mark, else GB 18030. A line with more or fewer values than the header goes to `bad`.
    """
    broken: list[int] = []

    def invalid(row: Any) -> str:
        line = row.number if row.number is not None else 0
        broken.append(line)
        bad(BadLine(line, f"应有 {row.expected_columns} 列,实有 {row.actual_columns} 列。请改正后补送。",
                    f"has {row.actual_columns} values for {row.expected_columns} columns: mend it and send it again."))
        return "skip"

    names = _header(path)
    reader = pacsv.open_csv(
        path, read_options=pacsv.ReadOptions(block_size=_BLOCK, use_threads=False, encoding=encoding(path)),
        parse_options=pacsv.ParseOptions(invalid_row_handler=invalid),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False))
    schema = reader.schema.append(pa.field("line", pa.int64()))
    return pa.RecordBatchReader.from_batches(schema, _numbered(reader, schema, broken))


def _numbered(reader: Any, schema: Any, broken: list[int]) -> Iterator[pa.RecordBatch]:
    """Gives each row its line, counting those that were passed over."""
    at = 2
    for batch in reader:
        numbers = np.arange(at, at + batch.num_rows + len(broken))
        numbers = numbers[~np.isin(numbers, broken)][: batch.num_rows]
        yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(numbers)], schema=schema)
        if len(numbers):
            at = int(numbers[-1]) + 1


def _header(path: Path) -> list[str]:
    with path.open("rb") as file:
        first = file.readline()
    return first.decode(encoding(path)).lstrip("\ufeff").rstrip("\r\n").replace('"', "").split(",")


def encoding(path: Path) -> str:
    """`utf-8`, or `gb18030` where the beginning of the file is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            decoder.decode(file.read(_BLOCK))
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8"
