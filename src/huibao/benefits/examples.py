"""The worked examples of a plan file, run: each claim's payment beside what the file says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huibao.benefits.fold import Payment
from huibao.benefits.history import History
from huibao.benefits.model import Example, Plan
from huibao.benefits.reading import read
from huibao.benefits.terms import Compiled
from huibao.core.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Worked:
    """What an example gave: the payments of each claim in fen, and why one could not be read."""

    example: Example
    paid_fen: tuple[int, ...]
    payments: tuple[tuple[Payment, ...], ...]
    refusal: Refusal | None = None

    @property
    def right(self) -> bool:
        return self.refusal is None and self.paid_fen == self.example.pays_fen


def run(plan: Plan) -> tuple[Worked, ...]:
    """Every example of a plan, in its order."""
    compiled = Compiled(plan)
    return tuple(work(compiled, example) for example in plan.examples)


def work(compiled: Compiled, example: Example) -> Worked:
    """One example: its claims folded in order for one person. Where a claim has no date it falls on the last day of cover,
    so that no waiting period is meant by accident; where it has no type of care it is ordinary in-patient care."""
    folded = History(compiled, explain=True)
    paid: list[int] = []
    payments: list[tuple[Payment, ...]] = []
    for n, claim in enumerate(example.claims, 1):
        row = claim_row(compiled.plan, example, claim, n)
        event = read(compiled, row, row.get("lines", ()))
        if isinstance(event, Refusal):
            return Worked(example, tuple(paid), tuple(payments), event)
        entry = folded.accept(event)
        if not entry.posted and entry.status not in ("settled", "reversal"):
            return Worked(example, tuple(paid), tuple(payments), Refusal(entry.status, None, entry.status, entry.status))
        paid.append(sum(payment.pay for payment in entry.posted))
        payments.append(entry.posted)
    return Worked(example, tuple(paid), tuple(payments))


def claim_row(plan: Plan, example: Example, claim: Mapping[str, object], n: int) -> dict[str, Any]:
    """A claim of an example as the row of national fields it stands for."""
    known = {"psn_no": "示例", "household_id": "示例",
             "setl_id": str(n), "setl_time": plan.valid_to.isoformat(), "med_type": "21", "insutype": "310",
             "hosp_lv": "3"}
    given = {**known, **example.person, **claim}
    return given if "brdy" in given else {"age": "45", **given}
