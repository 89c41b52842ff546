"""Whole files of settlements through a plan: columns of national fields in, payments out, with the fen of the desk."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huibao.benefits import arrays, kernel, prepare
from huibao.benefits.arrays import Bills, Codes, Ints, Result
from huibao.benefits.batch import Batch, Folded, array
from huibao.benefits.buckets import AMOUNTS
from huibao.benefits.facts import FACTS
from huibao.benefits.model import Plan
from huibao.benefits.reading import DERIVED_FROM
from huibao.benefits.terms import Compiled
from huibao.benefits.vectors import Mask

#: How many rows of cut groups are set aside before they are folded.
_ASIDE_ROWS: Final = 20_000

_ALWAYS_READ: Final = ("setl_id", "accept_seq", "psn_no", "reverses", "setl_time", "cover_from", "cover_to", "facts_version", *AMOUNTS)


class ColumnFold:
    """A plan ready for columns. `acct_inside_fund` says how the province counts `acct_pay`."""

    def __init__(self, plan: Plan, acct_inside_fund: bool = False) -> None:
        self.plan = Compiled(plan)
        self.acct_inside_fund = acct_inside_fund
        self.shape = arrays.shape(self.plan)
        self.group = "household_id" if plan.household else "psn_no"
        self._number: dict[int, int] = {}
        self._table = arrays.table(self.plan, [])
        self._room = np.empty((prepare.AMOUNT_COUNT, 0), np.int64)

    def columns(self) -> tuple[str, ...]:
        """The columns that this plan reads, where a file has them."""
        plan = self.plan.plan
        wanted = [*_ALWAYS_READ, "feedetl_sn", "overlmt_amt", *plan.before]
        for name in self.plan.facts:
            wanted += [FACTS[name].column, *DERIVED_FROM.get(name, ())]
        wanted += {"admission": ["begndate"], "discharge": ["enddate"], "split": ["begndate", "enddate", "renewed"]}.get(
            plan.visit_counts_at, [])
        if any(per == "visit" for per in (*(x.per for x in plan.deductibles), *(x.per for x in plan.caps), *(x.per for x in plan.limits),
                                          *(b.bands_per for b in plan.benefits))):
            wanted.append("mdtrt_id")
        if any(x.per == "item" for x in plan.caps) or any(x.per == "item" for x in plan.limits):
            wanted.append("med_list_codg")
        if self.plan.counts_units:
            wanted.append("cnt")
        if plan.household:
            wanted.append("household_id")
        return tuple(dict.fromkeys(name for name in wanted if name))

    def fold(self, batch: pa.Table, lines: Ints | None = None) -> Folded:
        """Folds whole groups that lie in order. `lines` are the rows' lines in the file (their position by default)."""
        return Batch(self, batch, lines).fold()

    def stream(self, batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.Table, Folded]]:
        """Folds batches that together lie in order, whatever groups they cut. A column `line` numbers the rows.

        Rows are not copied, but for the groups that a boundary cuts: these are set aside and folded together.
        """
        cut: pa.Table | None = None
        aside: list[pa.Table] = []
        for batch in batches:
            table = pa.Table.from_batches([batch])
            group, head = table[self.group], 0
            if not table.num_rows:
                continue
            if cut is not None and cut.num_rows:
                head = _run(_same(group, cut[self.group][-1]))
                cut = pa.concat_tables([cut, _copied(table.slice(0, head))])
                if head == table.num_rows:
                    continue
                aside.append(cut)
            tail = table.num_rows - _run(_same(group, group[-1])[::-1])
            if tail > head:
                yield self._one(table.slice(head, tail - head))
            cut = _copied(table.slice(max(head, tail)))
            if sum(part.num_rows for part in aside) > _ASIDE_ROWS:
                yield self._one(pa.concat_tables(aside).combine_chunks())
                aside = []
        aside += [cut] if cut is not None else []
        if any(part.num_rows for part in aside):
            yield self._one(pa.concat_tables(aside).combine_chunks())

    def _one(self, table: pa.Table) -> tuple[pa.Table, Folded]:
        return table, self.fold(table, table["line"].to_numpy() if "line" in table.column_names else None)

    def room(self, rows: int) -> Ints:
        """Room for the amounts of a batch, used again for the next."""
        if self._room.shape[1] < rows:
            self._room = np.empty((prepare.AMOUNT_COUNT, rows), np.int64)
        return self._room[:, :rows]

    def numbers(self, bits: Ints) -> Codes:
        """The number of the terms for each combination of conditions; new combinations are resolved."""
        coded = pa.array(bits).dictionary_encode()
        found = coded.dictionary.to_pylist()
        new = [b for b in found if b not in self._number]
        if new:
            for b in new:
                self._number[b] = len(self._number)
            self._table = arrays.table(self.plan, [self.plan.terms(b) for b in self._number])
        of = np.array([self._number[b] for b in found], np.int32)
        return np.asarray(of[coded.indices.to_numpy()])

    def run(self, bills: Bills, status: arrays.Bits) -> Result:
        return kernel.run(self.shape, self._table, bills, status)


def _copied(rows: pa.Table) -> pa.Table:
    """Rows in memory of their own: a slice would keep its whole batch alive."""
    return rows.take(pa.array(np.arange(rows.num_rows)))


def _same(column: Any, value: Any) -> Mask:
    """Where a column has this value; what is null is nobody's."""
    return np.asarray(array(pc.equal(column, value).fill_null(False)).to_numpy(zero_copy_only=False))


def _run(same: Mask) -> int:
    """How many rows from the first on are the same."""
    return len(same) if same.all() else int(np.argmin(same))
