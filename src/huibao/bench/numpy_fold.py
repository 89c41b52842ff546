"""The yardstick of the fold: the same arithmetic in NumPy, by cumulative sums within each person.

It holds for plans whose accumulators run by person and year, without reversals: what windows can express.
"""

import numpy as np

from huibao.benefits.arrays import Bills, Ints, Result, Table
from huibao.benefits.terms import Compiled


def fold_numpy(plan: Compiled, table: Table, bills: Bills, out: Result) -> Result:
    """Every benefit of every settlement into `out`, as `kernel.run` gives it, for benefits with own deductibles and caps."""
    settlements = len(bills.first)
    starts = np.flatnonzero(bills.first)
    lengths = np.diff(np.append(starts, settlements))
    terms = bills.terms

    def before(values: Ints) -> Ints:
        """The sum of a person's earlier values, for each settlement."""
        upto = np.cumsum(values) - values
        return upto - np.repeat(upto[starts], lengths)

    def of(column: Ints) -> Ints:
        """A figure of each settlement's terms; one number where all terms have the same."""
        return column[0] if (column == column[0]).all() else column[terms]

    for b in range(len(plan.plan.benefits)):
        exact = sum(of(table.weights[:, b, k]) * bills.amounts[k] for k in range(4) if table.weights[:, b, k].any())
        base = (exact + 5000) // 10000
        covered = base
        for d, item in enumerate(plan.plan.deductibles):
            if b in item.benefits:
                seen = before(covered)
                covered = covered - np.minimum(covered, np.maximum(0, of(table.deductible[:, d]) - seen))
        start = before(covered)
        end = start + covered
        exact = np.zeros(settlements, np.int64)
        widest = table.above.shape[2]
        for k in range(widest):
            top = np.minimum(end, of(table.above[:, b, k + 1])) if k + 1 < widest else end
            exact += np.maximum(0, top - np.maximum(start, of(table.above[:, b, k]))) * of(table.ratio[:, b, k])
        payable = (exact + 5000) // 10000
        pay = payable
        for c in plan.caps_of[b]:
            used, most = before(pay), of(table.cap[:, c])
            pay = np.minimum(most, used + pay) - np.minimum(most, used)
        out.base[b], out.deductible[b], out.covered[b], out.payable[b], out.pay[b] = base, base - covered, covered, payable, pay
    return out
