"""One history through the desk (row by row) and through the columns (whole), in one comparable form."""

from itertools import groupby
from typing import Any

import pyarrow as pa

from huibao.benefits import arrays
from huibao.benefits.batch import REJECTED
from huibao.benefits.columns import ColumnFold
from huibao.benefits.history import History
from huibao.benefits.model import Plan
from huibao.benefits.reading import read
from huibao.benefits.terms import Compiled
from huibao.core.refusal import Refusal

Row = dict[str, Any]
Figures = tuple[tuple[int, ...], ...]

_STATUS = {arrays.SETTLED: "settled", arrays.REVERSED: "reversed", arrays.REVERSAL: "reversal"}


ORPHAN = Refusal("settlement.line_without_bill", None, "", "")


def bills(rows: list[Row]) -> list[list[Row]]:
    """Each bill with the lines that follow it; a line that follows no bill of its own stands alone."""
    found: list[list[Row]] = []
    for row in rows:
        head = found[-1][0] if found else {}
        follows = all(str(row.get(name)).strip() == str(head.get(name)).strip() for name in ("psn_no", "setl_id"))
        if row.get("feedetl_sn") and follows and not head.get("feedetl_sn") and not head.get("reverses"):
            found[-1].append(row)
        else:
            found.append([row])
    return found


def by_desk(plan: Plan, rows: list[Row]) -> list[tuple[str, Figures]]:
    """For each bill its status (or why it was refused), and for each benefit base, deductible, covered, payable, pay, target."""
    compiled = Compiled(plan)
    found: list[tuple[str, Figures]] = []
    for _, group in groupby(rows, key=lambda row: row["household_id" if plan.household else "psn_no"]):
        folded, slots = History(compiled), []
        listed = list(group)
        for bill in bills(listed):
            event = ORPHAN if bill[0].get("feedetl_sn") else read(compiled, bill[0], bill[1:])
            slots.append(event if isinstance(event, Refusal) else folded.accept(event))
        for slot in slots:
            if isinstance(slot, Refusal):
                found.append((slot.code, ()))
            else:
                target = slot.target or [None] * len(slot.posted)
                found.append((slot.status, tuple(
                    (p.base, p.deductible, p.covered, p.payable, p.pay, t.pay if t else 0) for p, t in zip(slot.posted, target, strict=True))))
    return found


def by_columns(plan: Plan, rows: list[Row]) -> list[tuple[str, Figures]]:
    """The same through `ColumnFold`."""
    names = sorted({name for row in rows for name in row})
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    folded = ColumnFold(plan).fold(table)
    why = {r.line - 1: r.refusal.code for r in folded.rejected}
    result = folded.result
    found: list[tuple[str, Figures]] = []
    for n, row in enumerate(folded.rows.tolist()):
        status = int(result.status[n])
        if status > arrays.REVERSAL:
            assert status == REJECTED or status in range(arrays.UNKNOWN_ORIGINAL, arrays.FACTS_DIFFER + 1)
            found.append((why[row], ()))
            continue
        figures = tuple(tuple(int(part[b, n]) for part in (result.base, result.deductible, result.covered, result.payable, result.pay, result.target))
                        for b in range(len(plan.benefits)))
        found.append((_STATUS[status], figures))
    return found
