"""A bank's return file against the batch that it answers: by line, as a whole, or by totals. Pure.

A row is taken or rejected by itself; a total that does not fit the rows refuses the whole file, since rows are missing then.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from huibao.core.refusal import Refusal
from huibao.remittance import refusals
from huibao.remittance.batches import batch_told, shift
from huibao.remittance.model import CAME_BACK, BankFileTold, Batch, FileRow, Line, LineState, ReadBack, Rejected, RejectedRow, Sum
from huibao.remittance.state import Move, NewCase, State

#: So many rejected rows are named, the rest counted.
MOST_NAMED: Final = 1_000
#: Lines that fail together are a case each up to here, and one case of the batch beyond.
MOST_CASES: Final = 100

_WORD: Final[dict[str, LineState]] = {"paid": "paid", "failed": "failed"}


@dataclass(slots=True)
class _Reading:
    """A file while it is read: where each entry goes, what was not taken, what the rows of each result come to."""

    batch: Batch
    lines: dict[int, Line]
    goes: dict[int, tuple[LineState, str]] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    sums: dict[str, Sum] = field(default_factory=lambda: {"paid": Sum(), "failed": Sum()})
    rejected: list[Rejected] = field(default_factory=list)
    unchanged: int = 0

    def reject(self, row: FileRow, code: str, zh: str, en: str) -> None:
        self.rejected.append(Rejected(row.number, f"return.{code}", zh, en))

    def take(self, entry: int, to: LineState, reason: str) -> None:
        """One entry goes on; where it stands there already nothing changes."""
        if self.lines[entry].state == to:
            self.unchanged += 1
        else:
            self.goes[entry] = (to, reason or CAME_BACK)


def read_back(state: State, command: ReadBack) -> BankFileTold | Refusal:
    """Takes what a file says; said again, it changes nothing."""
    batch = state.batches.get(command.remittance)
    if batch is None:
        return refusals.batch_unknown()
    if batch.state == "listed":
        return refusals.not_sent()
    reading = _Reading(batch, dict(state.lines[batch.id]), rejected=list(command.rejected))
    for row in command.rows:
        _READ[row.kind](reading, row)
    refused = _totals(reading, [row for row in command.rows if row.kind == "total"])
    if refused is not None:
        return refused
    return _taken(state, reading)


def _line(reading: _Reading, row: FileRow) -> None:
    sum_ = reading.sums[row.result]
    sum_.add(1, row.fen)
    line = reading.lines.get(row.entry)
    if line is None:
        reading.reject(row, "line_unknown", "批次中没有该笔，请核对明细编号与批次号。", "the batch has no such entry: check its number and the batch's.")
    elif row.entry in reading.named:
        reading.reject(row, "line_twice", "同一笔在文件中出现两次，以第一次为准。请与银行核对。",
                       "this entry stands in the file twice; the first was taken: ask the bank.")
    elif row.fen != line.fen:
        reading.reject(row, "amount_differs", "金额与批次所列不同，未处理该笔。请与银行核对。",
                       "another amount than the batch lists: nothing was done with it, ask the bank.")
    elif row.result == "paid" and line.state == "failed":
        reading.reject(row, "failed_before", "该笔此前已退回，资金已退回清算户，可能已列入新批次。请与银行核对是否重复支付。",
                       "this entry failed before, and may be listed again: ask the bank whether it was paid twice.")
    else:
        reading.take(row.entry, _WORD[row.result], row.reason)
    reading.named.add(row.entry)


def _batch(reading: _Reading, row: FileRow) -> None:
    if (row.count, row.fen) != (reading.batch.count, reading.batch.fen):
        reading.reject(row, "batch_differs", "整批的笔数或金额与批次不同，未处理。请核对批次号。", "count or amount are not the batch's: check its number.")
        return
    reading.sums[row.result].add(row.count, row.fen)
    _rest(reading, row)


def _total(reading: _Reading, row: FileRow) -> None:
    """Compared when all rows are read."""


_READ: Final = {"line": _line, "batch": _batch, "total": _total}


def _rest(reading: _Reading, row: FileRow) -> None:
    """Every entry that no row names goes one way; what failed before stays failed."""
    for entry, line in reading.lines.items():
        if entry not in reading.named and line.state != "failed":
            reading.take(entry, _WORD[row.result], row.reason)
    reading.named.update(reading.lines)


def _totals(reading: _Reading, totals: list[FileRow]) -> Refusal | None:
    """Each total is that of the rows with its result, or of those and everything that no row names."""
    for row in totals:
        named = reading.sums[row.result]
        if (row.count, row.fen) == (named.count, named.fen):
            continue
        rest = [line.fen for entry, line in reading.lines.items() if entry not in reading.named and line.state != "failed"]
        if (row.count, row.fen) != (named.count + len(rest), named.fen + sum(rest)):
            return refusals.totals_differ(row.result, row.count, row.fen, named.count, named.fen)
        _rest(reading, row)
    return None


# ── what comes of it ─────────────────────────────────────────────────────────────────────────────────────────────────

def _taken(state: State, reading: _Reading) -> BankFileTold | Refusal:
    batch, lines = reading.batch, state.lines[reading.batch.id]
    moves: defaultdict[tuple[LineState, LineState, str], list[int]] = defaultdict(list)
    for entry, (to, reason) in reading.goes.items():
        moves[lines[entry].state, to, reason if to == "failed" else ""].append(entry)
    back_fen = sum(lines[entry].fen for (since, _, _), entries in moves.items() if since == "paid" for entry in entries)
    income = state.books.accounts[state.shelf.offers[batch.product].income_id]
    paid_fen = sum(lines[entry].fen for (_, to, _), entries in moves.items() if to == "paid" for entry in entries)
    if back_fen > income.balance_fen + paid_fen:
        return refusals.income_short(back_fen, income.balance_fen)
    # What is paid now may be what comes back is taken out of.
    for (since, to, reason), entries in sorted(moves.items(), key=lambda move: move[0][1] != "paid"):
        state.moves.append(Move(batch.id, since, to, reason or None, tuple(entries)))
        shift(state, batch, since, to, len(entries), sum(lines[entry].fen for entry in entries))
    _cases(state, reading)
    counts = {"paid": 0, "failed": 0, "returned": 0}
    for (since, to, _), entries in moves.items():
        counts["returned" if since == "paid" else to] += len(entries)
    for entry, (to, _) in reading.goes.items():
        lines[entry].state = to
    rejected = sorted(reading.rejected, key=lambda one: one.number)
    return BankFileTold(batch_told(batch), counts["paid"], counts["failed"], counts["returned"], reading.unchanged, len(rejected),
                    tuple(RejectedRow(one.number, one.code, one.zh, one.en) for one in rejected[:MOST_NAMED]))


def _cases(state: State, reading: _Reading) -> None:
    """Somebody looks into what failed: line by line where they are few."""
    batch, lines = reading.batch, state.lines[reading.batch.id]
    failed = [(entry, reason) for entry, (to, reason) in reading.goes.items() if to == "failed"]
    if len(failed) <= MOST_CASES:
        state.new_cases += [NewCase(_cause(reason), batch.product, batch.id, lines[entry].fen, entry) for entry, reason in failed]
    else:
        fen = sum(lines[entry].fen for entry, _ in failed)
        state.new_cases.append(NewCase(CAME_BACK, batch.product, batch.id, fen))


def _cause(reason: str) -> str:
    return CAME_BACK if reason == CAME_BACK else "bank.failed"
