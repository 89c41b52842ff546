"""CSV files as they come: read as text block by block, every row with its line; what can't be read is reported and passed over.

A row is a line, whatever stands in it: a quote that nobody closed must not swallow the bills that follow. Only where a
quoted value runs over several lines, none of which is a row by itself, are they one row.
"""

import codecs
import csv
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from huibao.benefits.arrays import Ints

#: How much is read at a time, and of how many blocks the beginning is searched for what tells the encoding.
_BLOCK: Final = 4 << 20
_SEARCHED: Final = 16
_LONGEST_HEADER: Final = 1 << 16
#: The most lines that one value may run over.
_MOST_LINES: Final = 100

_CELL: Final = re.compile(r'(?:"(?:[^"]++|"")*+"[^,]*+|(?!")[^,]*+)(,|\Z)')


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that can't be read as a row."""

    line: int
    zh: str
    en: str


def header(path: Path) -> list[str]:
    """The names in the first line, without surrounding blanks."""
    with path.open("rb") as file:
        first = file.readline(_LONGEST_HEADER).decode(encoding(path), "replace").removeprefix("\ufeff")
    return [name.strip() for row in csv.reader([first.strip().replace("\r", " ")]) for name in row]


def encoding(path: Path) -> str:
    """`utf-8` (with or without a mark) or `gb18030`, as most lines at the beginning have it: one broken line decides nothing."""
    with path.open("rb") as file:
        for _ in range(_SEARCHED):
            block = file.read(_BLOCK)
            if block.startswith(codecs.BOM_UTF8) or not block:
                break
            if not block.isascii():
                lines = [line for line in block.split(b"\n") if not line.isascii()]
                readable = sum(_decoded(line, "utf-8") is not None for line in lines)
                return "utf-8" if 2 * readable >= len(lines) else "gb18030"
    return "utf-8"


def open_csv(path: Path, wanted: Collection[str], bad: Callable[[BadLine], None]) -> pa.RecordBatchReader:
    """The wanted columns, as far as the file has them, as text, and `line`, the row's line in the file (the header is line 1).

    What can't be read goes to `bad`: a line with more or fewer values than the header, with bytes that are no text in
    the file's encoding, or with a quote that is not closed. Blank lines are nothing.
    """
    opened = _Csv(path, header(path), wanted, bad)
    return pa.RecordBatchReader.from_batches(opened.schema, opened.batches())


class _Csv:
    """A file while it is read."""

    def __init__(self, path: Path, names: Sequence[str], wanted: Collection[str], bad: Callable[[BadLine], None]) -> None:
        self.path = path
        self.encoding = encoding(path)
        self.names = [str(n) for n in range(len(names))]
        self.chosen = [n for n, name in enumerate(names) if name in wanted]
        self.bad = bad
        self.schema = pa.schema([*((names[n], pa.string()) for n in self.chosen), ("line", pa.int64())])

    def batches(self) -> Iterator[pa.RecordBatch]:
        with self.path.open("rb") as file:
            file.readline(_LONGEST_HEADER)
            at, block = 2, b""
            while new := file.read(_BLOCK):
                block += new + file.readline(_BLOCK)
                batch = self.plain(block, at)
                if batch is None:
                    batch, taken = self.careful(block, at, is_last=False)
                    rest = block.split(b"\n", taken)[taken:]
                    at += taken if rest else block.count(b"\n")
                    block = b"".join(rest)
                else:
                    at, block = at + block.count(b"\n"), b""
                yield batch
            if block:
                yield self.careful(block, at, is_last=True)[0]

    def plain(self, block: bytes, at: int) -> pa.RecordBatch | None:
        """A block whose every line has values, though too many or too few; None where it must be read line by line."""
        text = "" if block.isascii() else _decoded(block, self.encoding)
        breaks = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        has_blank = np.diff(breaks, prepend=-1).min(initial=len(block)) <= len("\r\n")
        if text is None or has_blank or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")):
            return None
        lines = len(breaks) + (not block.endswith(b"\n"))
        try:
            table, uneven = self.parse(text.encode() if text and self.encoding != "utf-8" else block)
        except pa.ArrowInvalid:
            return None
        # A line break inside quotes makes the rows fewer than the lines.
        return self.numbered(table, uneven, np.arange(at, at + lines)) if table.num_rows + len(uneven) == lines else None

    def careful(self, block: bytes, at: int, *, is_last: bool) -> tuple[pa.RecordBatch, int]:
        """A block line by line, and how many lines were taken: a row that its end leaves open may go on in the next block."""
        lines = block.removesuffix(b"\n").split(b"\n")
        rows: list[str] = []
        numbers: list[int] = []
        n = 0
        while n < len(lines):
            text, over = _decoded(lines[n].removesuffix(b"\r"), self.encoding), 1
            if text is None:
                self.say(at + n, f"不是 {self.encoding} 编码的文字。请另存为 UTF-8 后补送。",
                         f"is no text in {self.encoding}: save it as UTF-8 and send it again.")
            elif "\r" in text:
                self.say(at + n, "行内有回车符。请删去后补送。", "has a carriage return within: take it out and send it again.")
            elif '"' in text and _cells(text)[1]:
                text, over = self.joined(lines[n: n + _MOST_LINES])
                if not text and not is_last and len(lines) - n < _MOST_LINES:
                    break
                if not text:
                    self.say(at + n, "有未闭合的引号。请改正后补送。", "has a quote that is not closed: mend it and send it again.")
            if text and "\r" not in text:
                rows.append(text)
                numbers.append(at + n)
            n += over
        table, uneven = self.parse("\n".join(rows).encode() or b"\n")
        return self.numbered(table[:len(rows)], uneven, np.array(numbers, np.int64)), n

    def joined(self, lines: Sequence[bytes]) -> tuple[str, int]:
        """The row that begins in the first line and goes on in others, and how many it takes; blank and 1 where there is none."""
        texts: list[str] = []
        for line in lines:
            text = _decoded(line.removesuffix(b"\r"), self.encoding)
            if text is None or "\r" in text or (texts and _cells(text)[0] == len(self.names)):
                break
            texts.append(text)
            cells, is_open = _cells("\n".join(texts))
            if not is_open:
                return ("\n".join(texts), len(texts)) if cells == len(self.names) else ("", 1)
        return "", 1

    def parse(self, block: bytes) -> tuple[pa.Table, list[tuple[int, int]]]:
        """The rows of a block, and the number and width of those that have too many or too few values."""
        uneven: list[tuple[int, int]] = []

        def invalid(row: Any) -> str:
            uneven.append((row.number, row.actual_columns))
            return "skip"

        chosen = [self.names[n] for n in self.chosen]
        table = pacsv.read_csv(
            pa.BufferReader(block),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=self.names),
            parse_options=pacsv.ParseOptions(invalid_row_handler=invalid, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(include_columns=chosen, column_types=dict.fromkeys(chosen, pa.string()),
                                                 strings_can_be_null=False, check_utf8=False))
        return table, uneven

    def numbered(self, table: pa.Table, uneven: Sequence[tuple[int, int]], lines: Ints) -> pa.RecordBatch:
        """Gives each row its line, and says which lines are no rows."""
        for number, width in uneven:
            self.say(int(lines[number - 1]), f"应有 {len(self.names)} 列，实有 {width} 列。请改正后补送。",
                     f"has {width} values for {len(self.names)} columns: mend it and send it again.")
        kept = np.delete(lines, [number - 1 for number, _ in uneven])
        columns = [column.combine_chunks() for column in table.columns]
        return pa.RecordBatch.from_arrays([*columns, pa.array(kept)], schema=self.schema)

    def say(self, line: int, zh: str, en: str) -> None:
        self.bad(BadLine(line, zh, en))


def _cells(text: str) -> tuple[int, bool]:
    """How many values a row has, and whether a quote leaves the last one open."""
    at = count = 0
    while cell := _CELL.match(text, at):
        count += 1
        at = cell.end()
        if not cell[1]:
            return count, False
    return count + 1, True


def _decoded(data: bytes, code: str) -> str | None:
    try:
        return data.decode(code)
    except UnicodeDecodeError:
        return None
