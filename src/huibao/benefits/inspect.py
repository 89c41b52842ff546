"""Explanations for chosen persons of a file: their rows folded once more at the desk, and held against the columns."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from huibao.benefits import arrays
from huibao.benefits.batch import Folded, plain
from huibao.benefits.explain import difference_zh, explain
from huibao.benefits.fold import Settlement
from huibao.benefits.history import REVERSAL, SETTLED, Entry, History
from huibao.benefits.model import Plan
from huibao.benefits.reading import read
from huibao.benefits.terms import Compiled
from huibao.core.money import yuan
from huibao.core.refusal import Refusal


class Inspector:
    """Watches batches as they are folded, and keeps what the chosen persons need to be told."""

    def __init__(self, plan: Plan, persons: Sequence[str], acct_inside_fund: bool = False) -> None:
        self.plan = Compiled(plan)
        self.persons = dict.fromkeys(persons, False)
        self.acct_inside_fund = acct_inside_fund
        self.said: list[str] = []

    def watch(self, table: pa.Table, folded: Folded) -> None:
        """Takes up the groups of a batch that hold a chosen person."""
        group = "household_id" if self.plan.plan.household else "psn_no"
        chosen = pc.is_in(table["psn_no"].cast(pa.string()), pa.array(list(self.persons), pa.string()))
        for name in pc.unique(table[group].filter(chosen)).to_pylist():
            self.explain(table, folded, pc.equal(table[group], pa.scalar(name, table[group].type)))

    def explain(self, table: pa.Table, folded: Folded, of_group: Any) -> None:
        """One person or household: every settlement, as the desk settles and explains it."""
        at = {int(row): n for n, row in enumerate(folded.rows)}
        rows = [int(i) for i in pc.indices_nonzero(of_group.combine_chunks())]
        heads = [i for i in rows if i in at]
        desk = History(self.plan, explain=True)
        entries: list[tuple[int, dict[str, Any], Entry | Refusal]] = []
        for head, following in zip(heads, [*heads[1:], rows[-1] + 1], strict=True):
            bill = [{name: plain(table[name][i].as_py()) for name in table.column_names} for i in range(head, following)]
            event = read(self.plan, bill[0], bill[1:], acct_inside_fund=self.acct_inside_fund)
            entries.append((at[head], bill[0], event if isinstance(event, Refusal) else desk.accept(event)))
        for n, row, entry in entries:
            if str(row["psn_no"]) in self.persons:
                self.persons[str(row["psn_no"])] = True
                self.said += [f"【{row['psn_no']}】结算 {row['setl_id']}", *(f"  {line}" for line in self.sentences(entry, folded, n))]

    def sentences(self, entry: Entry | Refusal, folded: Folded, n: int) -> Iterator[str]:
        if isinstance(entry, Refusal) or not entry.posted:
            yield "未受理，原因见 .rejected.csv。"
            return
        columns = [int(folded.result.pay[b, n]) for b in range(len(entry.posted))]
        if columns != [payment.pay for payment in entry.posted]:
            raise AssertionError(f"desk and columns differ on {entry.event.setl_id}: {entry.posted} {columns}")
        if entry.status == REVERSAL:
            yield f"冲销：原赔付 {yuan(sum(-payment.pay for payment in entry.posted))} 元全额冲回。"
        elif isinstance(entry.event, Settlement):
            yield from explain(self.plan.plan, entry.event, entry.posted).zh
        if entry.status == SETTLED and entry.difference_fen:
            yield difference_zh(entry.difference_fen)
        if int(folded.result.status[n]) == arrays.REVERSED:
            yield "本笔后来被冲销。"

    def lines(self) -> Iterator[str]:
        """What there is to say, and who was not found."""
        yield from self.said
        for person, found in self.persons.items():
            if not found:
                yield f"【{person}】文件中没有此人。"
