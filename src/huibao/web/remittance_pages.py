"""What statements of remittances have on their sheets: totals by product, the lines of a batch, the states in both languages."""

from collections.abc import Sequence
from functools import reduce
from typing import Final, NamedTuple

from huibao.core.money import yuan
from huibao.web.paper import Both, Column, amount, row, table, table_head

_STATES: Final = {
    "listed": "已列 listed", "sent": "已发送 sent", "answered": "已答复 answered", "paid": "已付 paid", "failed": "未付 failed"}
_TOTALS: Final = (Column("产品", "product", "names"), *(Column(zh, en, "figures") for zh, en in (
    ("批次", "batches"), ("笔数", "lines"), ("列入金额", "listed"), ("银行已付", "paid"), ("未付", "failed"))))
_LINES: Final = (Column("序号", "no.", "figures"), Column("明细编号", "entry", "figures"), Column("订单号", "order"), Column("保单号", "policy"),
                 Column("状态", "state"), Column("金额", "yuan", "figures"))


class Total(NamedTuple):
    """What a product's batches come to."""

    product: str
    name: str
    batches: int = 0
    lines: int = 0
    fen: int = 0
    paid_fen: int = 0
    failed_fen: int = 0

    def plus(self, more: "Total") -> "Total":
        """Both together, under this one's name."""
        return Total(self.product, self.name, self.batches + more.batches, self.lines + more.lines, self.fen + more.fen,
                     self.paid_fen + more.paid_fen, self.failed_fen + more.failed_fen)


class Line(NamedTuple):
    """A line as it is printed."""

    entry: int
    order: str
    policy: str
    fen: int
    state: str


def totals(found: Sequence[Total]) -> str:
    """Totals by product, their sum, and what was paid in capitals."""
    whole = reduce(Total.plus, found, Total("", ""))
    return table(Both("按产品合计", "Totals by product, yuan"), _TOTALS, [(Both(one.name, one.product), *_figures(one)) for one in found],
                 ("合计 total", *_figures(whole))) + amount(Both("已付金额", "paid"), whole.paid_fen)


def _figures(one: Total) -> tuple[str, ...]:
    return f"{one.batches}", f"{one.lines:,}", yuan(one.fen), yuan(one.paid_fen), yuan(one.failed_fen)


def lines_head() -> str:
    """Where the lines of a batch begin; they end with `TABLE_END`."""
    return table_head(Both("明细", "Lines"), _LINES, "lines")


def lines(first: int, found: Sequence[Line]) -> str:
    """Lines from the number `first` on."""
    return "".join(row(_LINES, (f"{n}", f"{one.entry}", one.order, one.policy, state(one.state), yuan(one.fen)))
                   for n, one in enumerate(found, first))


def state(code: str) -> str:
    return _STATES.get(code, code)
