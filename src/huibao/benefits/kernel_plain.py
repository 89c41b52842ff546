"""The fold for plain plans and histories, accumulator by accumulator over blocks that stay in the cache.

Where every accumulator runs by person and year, each of them is one tight loop over a block of settlements with its
state in a register and no branch that data decides: deductibles inner to outer, bands, caps inner to outer. It is the
arithmetic of `fold`, in another order of loops that changes no sum.
"""

from typing import Any, Final

import numba
import numpy as np

from huibao.benefits.arrays import YEAR, Bills, Shape, Table

_BLOCK: Final = 2048


def is_plain(s: Shape, t: Table, bills: Bills) -> bool:
    """Whether these bills under this plan can be folded here: one part a bill, nothing keyed, nothing held or flat."""
    plan = not (s.household or s.d_visit.any() or s.d_feeds.any() or s.d_proportion.any() or s.b_visit.any()
                or (s.c_per != YEAR).any() or len(s.l_per) or t.flat.any())
    return bool(plan and bills.unheld and bills.amounts.shape[1] == len(bills.first))


@numba.njit(cache=True)
def fold_plain(s: Any, t: Any, bills: Any, out: Any) -> None:
    """Folds every group as if it had no reversals; groups that have any are folded over by the caller."""
    nb, nd, nc = s.benefits, len(s.order), len(s.cap_order)
    settlements = len(bills.first)
    seen, passed, used = np.zeros(nd, np.int64), np.zeros(nb, np.int64), np.zeros(nc, np.int64)
    after = np.zeros((max(1, nd), _BLOCK), np.int64)
    for low in range(0, settlements, _BLOCK):
        high = min(settlements, low + _BLOCK)
        first, terms = bills.first[low:high], bills.terms[low:high]
        amounts = bills.amounts[:, low:high]
        base, covered, deducted = out.base[:, low:high], out.covered[:, low:high], out.deductible[:, low:high]
        payable, pay = out.payable[:, low:high], out.pay[:, low:high]
        for b in range(nb):
            _costs(t.weights[:, b], terms, amounts, base[b], covered[b])
        for place in range(nd):
            d = s.order[place]
            seen[d] = _deductible(np.flatnonzero(s.member[d]), t.deductible[:, d].copy(), first, terms, covered, seen[d], after[d])
        for b in range(nb):
            own = s.axis[b] < 0
            passed[b] = _bands(own, t.bands[:, b], t.above[:, b], t.ratio[:, b], first, terms, base[b], covered[b], deducted[b],
                               payable[b], pay[b], passed[b], after[max(0, s.axis[b])])
        for place in range(nc):
            c = s.cap_order[place]
            used[c] = _cap(np.flatnonzero(s.c_member[c]), t.cap[:, c].copy(), first, terms, pay, used[c])


@numba.njit(cache=True)
def _costs(weights: Any, terms: Any, amounts: Any, base: Any, covered: Any) -> None:
    """What each bill has for a benefit, weighted and rounded; nothing of it is deducted yet."""
    a, p, o, f = amounts[0], amounts[1], amounts[2], amounts[3]
    for i in range(len(terms)):
        v = np.uint64(terms[i])
        exact = weights[v, 0] * a[i] + weights[v, 1] * p[i] + weights[v, 2] * o[i] + weights[v, 3] * f[i]
        base[i] = covered[i] = np.int64(np.uint64(exact + 5000) // np.uint64(10000))


@numba.njit(cache=True)
def _deductible(members: Any, amount: Any, first: Any, terms: Any, covered: Any, seen: Any, after: Any) -> Any:
    """Takes one deductible off the benefits that it joins, in order; answers what it has seen when the block ends."""
    zero = np.int64(0)
    only = covered[members[0]]
    for i in range(len(terms)):
        seen = zero if first[i] else seen
        left = max(zero, amount[np.uint64(terms[i])] - seen)
        if len(members) == 1:
            cost = only[i]
            only[i] = cost - min(cost, left)
            seen += cost
        else:
            for b in members:
                cost = covered[b, i]
                taken = min(cost, left)
                covered[b, i] = cost - taken
                left -= taken
                seen += cost
        after[i] = seen
    return seen


@numba.njit(cache=True)
def _bands(own: Any, bands: Any, above: Any, ratio: Any, first: Any, terms: Any, base: Any, covered: Any, deducted: Any, payable: Any,
           pay: Any, passed: Any, after: Any) -> Any:
    """Pays what is covered along the bands of a benefit; answers how far along the axis the block ends."""
    zero = np.int64(0)
    for i in range(len(terms)):
        v = np.uint64(terms[i])
        passed = zero if first[i] else passed
        start = passed if own else after[i] - covered[i]
        end = start + covered[i]
        passed = end
        last = bands[v] - 1
        exact = (end - max(start, min(end, above[v, last]))) * ratio[v, last]
        for k in range(last):
            exact += max(zero, min(end, above[v, k + 1]) - max(start, above[v, k])) * ratio[v, k]
        owed = np.int64(np.uint64(exact + 5000) // np.uint64(10000))
        deducted[i] = base[i] - covered[i]
        payable[i] = pay[i] = owed
    return passed


@numba.njit(cache=True)
def _cap(members: Any, amount: Any, first: Any, terms: Any, pay: Any, used: Any) -> Any:
    """Cuts the benefits that a cap joins to what it leaves, in order; answers what has come under it."""
    zero = np.int64(0)
    only = pay[members[0]]
    for i in range(len(terms)):
        used = zero if first[i] else used
        most = amount[np.uint64(terms[i])]
        if len(members) == 1:
            before = used
            used += only[i]
            only[i] = min(most, used) - min(most, before)
        else:
            for b in members:
                before = used
                used += pay[b, i]
                pay[b, i] = min(most, used) - min(most, before)
    return used
