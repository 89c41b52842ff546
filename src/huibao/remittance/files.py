"""Files of a batch: the one that goes to bank and insurer, and the bank's answer. Pure; columns stay as they are.

A batch is written as

    record,entry,order,policy,fen
    line,10023,990000-000000000123-9,990000-000000000123-9-01,16800
    total,1,,<SM3 of everything before this line, in hex>,16800

and the bank's return file is read as

    record,entry,count,fen,result,reason
    line,10023,,16800,failed,NO-SUCH-ORDER
    total,,1,16800,failed,

`entry` is the movement's number: it never changes, and stands in one batch at a time. Nobody is named: whose money it is, the order
and the policy say to who may know.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from cryptography.hazmat.primitives.hashes import SM3, Hash

from huibao.policies.numbers import order_number, policy_number
from huibao.remittance.model import FileRow, Rejected

COLUMNS: Final = ("record", "entry", "order", "policy", "fen")
RETURN_COLUMNS: Final = ("record", "entry", "count", "fen", "result", "reason")

#: No file has more rows than this, nor a row more characters.
MOST_ROWS: Final = 1_000_000
_MOST_CHARACTERS: Final = 500

_NUMBER: Final = re.compile(r"[0-9]{1,17}")
_REASON: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
#: What a row of each kind has to say; the rest is empty.
_NEEDS: Final = {"line": ("entry", "fen"), "batch": ("count", "fen"), "total": ("count", "fen")}


class BatchFile:
    """Writes a batch's file piece by piece; `digest` is of all lines so far."""

    def __init__(self, programme: str) -> None:
        self._programme = programme
        self._hash = Hash(SM3())
        self.count = self.fen = 0

    def head(self) -> bytes:
        return self._hashed(",".join(COLUMNS) + "\n")

    def lines(self, rows: Sequence[tuple[int, int, int, int]]) -> bytes:
        """Lines from rows of entry, order, position, fen."""
        code = self._programme
        self.count += len(rows)
        self.fen += sum(row[3] for row in rows)
        return self._hashed("".join(
            f"line,{entry},{order_number(code, order)},{policy_number(code, order, position)},{fen}\n"
            for entry, order, position, fen in rows))

    def total(self) -> bytes:
        """The last line: what the file comes to, and the digest of everything before it."""
        return f"total,{self.count},,{self.digest()},{self.fen}\n".encode()

    def digest(self) -> str:
        """SM3 in hex; more may follow."""
        return self._hash.copy().finalize().hex()

    def _hashed(self, text: str) -> bytes:
        data = text.encode()
        self._hash.update(data)
        return data


def read_return(raw: bytes) -> tuple[tuple[FileRow, ...], tuple[Rejected, ...]] | Literal["not-utf-8", "columns", "too-long"]:
    """The rows of a return file and those that cannot be read; or why it is no return file at all."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "not-utf-8"
    reader = csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline=""))
    rows: list[FileRow] = []
    rejected: list[Rejected] = []
    for number, row in _numbered(reader, rejected):
        if number == 1:
            if tuple(row) != RETURN_COLUMNS:
                return "columns"
            continue
        if number > MOST_ROWS:
            return "too-long"
        read = _row(number, row)
        if isinstance(read, FileRow):
            rows.append(read)
        elif read is not None:
            rejected.append(read)
    return (tuple(rows), tuple(rejected)) if text else "columns"


def _numbered(reader: "Iterator[list[str]]", rejected: list[Rejected]) -> Iterator[tuple[int, list[str]]]:
    """Rows with their number in the file; what is no CSV is rejected, and the rest goes on."""
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error:
            rejected.append(_unreadable(number, "row"))


def _row(number: int, row: list[str]) -> FileRow | Rejected | None:
    """One row; None for an empty one."""
    if not any(cell.strip() for cell in row):
        return None
    if len(row) != len(RETURN_COLUMNS) or sum(map(len, row)) > _MOST_CHARACTERS:
        return _unreadable(number, "columns")
    said = dict(zip(RETURN_COLUMNS, (cell.strip() for cell in row), strict=True))
    kind, result = said["record"], said["result"]
    if kind not in _NEEDS:
        return _unreadable(number, "record")
    if result not in ("paid", "failed"):
        return _unreadable(number, "result")
    wrong = next((name for name in ("entry", "count", "fen") if not _fits(said[name], name in _NEEDS[kind])), None)
    if wrong or (said["reason"] and not _REASON.fullmatch(said["reason"])):
        return _unreadable(number, wrong or "reason")
    entry, count, fen = (int(said[name] or 0) for name in ("entry", "count", "fen"))
    return FileRow(number, kind, entry, count, fen, result, said["reason"])  # type: ignore[arg-type]  # both were compared just now


def _fits(cell: str, is_needed: bool) -> bool:
    return bool(_NUMBER.fullmatch(cell)) if is_needed else cell == ""


_WHAT: Final = {
    "row": ("不是有效的 CSV 行", "this is no row of CSV"),
    "columns": ("应有六列", "a row has six columns"),
    "record": ("record 应为 line、batch 或 total", "record is line, batch or total"),
    "result": ("result 应为 paid 或 failed", "result is paid or failed"),
    "entry": ("entry 应为批次中的明细编号，整批与合计行留空", "entry is a number of the batch, empty for batch and total"),
    "count": ("count 应为笔数，明细行留空", "count is a number, empty for a line"),
    "fen": ("fen 应为整数分", "fen is a whole number"),
    "reason": ("reason 应为不超过 40 位的代码，如 R01", "reason is a code of at most 40 characters, such as R01"),
}


def _unreadable(number: int, what: str) -> Rejected:
    zh, en = _WHAT[what]
    return Rejected(number, "return.unreadable", f"{zh}，该行未处理，请更正后重新导入。",
                    f"{en}: nothing was done with this row, mend it and send it again.")
