"""The benefit arithmetic of `fold`, compiled: whole histories of settlements that lie in order, group by group.

`run` sends each group where it is cheapest: `kernel_plain` folds groups without reversals under plans whose
accumulators all run by person and year; everything else (lines, visits, items, households, reversals, flat amounts) is
folded here. Both give the fen of `fold`, and a property test says so on random plans.
"""

from typing import Any, Final

import numba
import numpy as np

from huibao.benefits.arrays import ITEM, REVERSAL, REVERSED, SETTLED, UNIT, VISIT, Bills, Bits, Ints, Result, Shape, Table, empty_result
from huibao.benefits.kernel_plain import fold_plain, is_plain

#: Room in a key for the visit or item, and for the member of a household.
_WHAT_BITS: Final = 31
_WHO_BITS: Final = 22


def run(s: Shape, t: Table, bills: Bills, status: Bits) -> Result:
    """Folds every settlement whose status says that it is to be taken up. Where nothing was reversed `target` is `pay`."""
    settlements = len(bills.first)
    result = empty_result(s.benefits, settlements, status)
    if not settlements or not is_plain(s, t, bills):
        return _fold_general(s, t, bills, result) if settlements else result
    fold_plain(s, t, bills, result)
    marked = (bills.reverses >= 0) | (status != SETTLED)
    if not marked.any():
        return result._replace(target=result.pay)
    np.copyto(result.target, result.pay)
    group = np.cumsum(bills.first) - 1
    special = np.zeros(int(group[-1]) + 1, np.bool_)
    special[group[marked]] = True
    rows = np.flatnonzero(special[group])
    part = _fold_general(s, t, _only(bills, rows), empty_result(s.benefits, len(rows), status[rows]))
    for whole, some in zip(result, part, strict=True):
        whole[..., rows] = some
    return result


def _only(bills: Bills, rows: Ints) -> Bills:
    """Some settlements of plain bills, whole groups, with their reversals pointing within."""
    moved = np.full(len(bills.first) + 1, -1, np.int32)
    moved[rows] = np.arange(len(rows))
    return Bills(np.arange(len(rows) + 1), bills.first[rows], bills.member[rows], bills.visit[rows], bills.burden[rows], bills.left[rows],
                 moved[bills.reverses[rows]], bills.terms[rows], np.ascontiguousarray(bills.amounts[:, rows]), bills.item[rows],
                 bills.units[rows])


def _fold_general(s: Shape, t: Table, bills: Bills, result: Result) -> Result:
    firsts = bills.start[:-1][bills.first.astype(np.bool_)]
    most = int(np.diff(np.append(firsts, bills.start[-1])).max(initial=1))
    counters = len(s.order) + s.benefits + len(s.c_per) + len(s.l_per)
    capacity = 1 << max(4, (2 * most * counters).bit_length())
    fold_general(s, t, bills, result, capacity, int(np.diff(bills.start).max(initial=1)))
    return result


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def mul_div(a: int, b: int, c: int) -> int:
    """`a * b // c` without overflow, for 0 <= a, b <= c < 2**40."""
    high, low = b >> 21, b & 0x1FFFFF
    whole, rest = (a * high) // c, (a * high) % c
    return (whole << 21) + ((rest << 21) + a * low) // c


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def bump(keys: Ints, values: Ints, stamps: Ints, now: int, key: int, by: int) -> int:
    """Adds to an accumulator of this group, in an open hash table, and answers what it was. Old stamps are empty places."""
    mask = len(keys) - 1
    at = ((key * 0x1E3779B97F4A7C15) >> 24) & mask
    while stamps[at] == now and keys[at] != key:
        at = (at + 1) & mask
    before = values[at] if stamps[at] == now else 0
    keys[at], stamps[at], values[at] = key, now, before + by
    return before


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def cut(most: int, before: int, by: int) -> int:
    """What fits under a limit of which `before` was used."""
    return min(most, before + by) - min(most, before)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def fold_general(s: Any, t: Any, bills: Any, out: Any, capacity: int, widest: int) -> None:
    """Every settlement in order, with reversals. `widest` is the most parts of a bill."""
    nb, nd, nc = s.benefits, len(s.order), len(s.c_per)
    settlements = len(bills.first)
    keys, values, stamps = np.zeros(capacity, np.int64), np.zeros(capacity, np.int64), np.zeros(capacity, np.int64)
    after = np.zeros(nd, np.int64)
    count, base = np.zeros(nb, np.int64), np.zeros(nb, np.int64)
    e_part, e_cost, e_rest = np.zeros((nb, widest), np.int64), np.zeros((nb, widest), np.int64), np.zeros((nb, widest), np.int64)
    e_fed, e_pay = np.zeros((nb, widest), np.int64), np.zeros((nb, widest), np.int64)
    now = 0
    group = upto = again = 0
    dirty = refolding = False

    while True:
        # Which settlement is next, and whether it is posted or folded again after a reversal.
        if refolding:
            while again < upto and out.status[again] != SETTLED:
                again += 1
            if again == upto:
                refolding = dirty = False
                continue
            i, post = again, False
            again += 1
        else:
            ends = upto == settlements or (bills.first[upto] and upto > group)
            if dirty and (ends or (out.status[upto] == SETTLED and bills.reverses[upto] < 0)):
                refolding, again = True, group
                now += 1
                continue
            if upto == settlements:
                break
            if bills.first[upto]:
                group = upto
                now += 1
            i, post = upto, True
            upto += 1
            if out.status[i] != SETTLED:
                continue
            original = bills.reverses[i]
            if original >= 0:
                out.status[i] = REVERSAL
                out.status[original] = REVERSED
                for b in range(nb):
                    out.base[b, i], out.deductible[b, i] = -out.base[b, original], -out.deductible[b, original]
                    out.covered[b, i], out.payable[b, i] = -out.covered[b, original], -out.payable[b, original]
                    out.pay[b, i] = -out.pay[b, original]
                    out.target[b, original] = 0
                dirty = True
                continue

        first_part, parts = bills.start[i], bills.start[i + 1] - bills.start[i]
        v0 = bills.terms[first_part]
        visit, who = np.int64(bills.visit[i]), np.int64(bills.member[i]) << _WHAT_BITS

        # Costs: each bucket of each part to its benefit, weighted, rounded once, held, limited.
        burden = bills.burden[i]
        for b in range(nb):
            exact, placed, n, costs, rank, met = np.int64(0), np.int64(0), 0, np.int64(0), 0, 0
            while met < parts:
                for p in range(first_part, first_part + parts):
                    v = bills.terms[p]
                    if t.rank[v, b] != rank:
                        continue
                    met += 1
                    for k in range(4):
                        exact += t.weights[v, b, k] * bills.amounts[k, p]
                    total = (exact + 5000) // 10000
                    cost = min(total - placed, burden)
                    placed = total
                    if cost == 0:
                        continue
                    burden -= cost
                    costs += cost
                    for place in range(s.limits.shape[1]):
                        limit = s.limits[b, place]
                        if limit < 0:
                            break
                        most, per = t.limit[v, limit], s.l_per[limit]
                        if most >= 0 and per == UNIT:
                            cost = min(cost, (most * bills.units[p] + 5000) // 10000)
                        elif most >= 0:
                            what = visit if per == VISIT else np.int64(bills.item[p]) if per == ITEM else np.int64(0)
                            key = (np.int64(nd + nb + nc + limit) << _WHAT_BITS + _WHO_BITS) + who + what
                            cost = cut(most, bump(keys, values, stamps, now, key, cost), cost)
                    e_part[b, n], e_cost[b, n], e_rest[b, n], e_fed[b, n], e_pay[b, n] = p, cost, cost, 0, 0
                    n += 1
                rank += 1
            count[b], base[b] = n, costs

        # Deductibles, inner to outer.
        for place in range(nd):
            d = s.order[place]
            total, fed, met = np.int64(0), np.int64(0), 0
            for b in range(nb):
                if s.member[d, b]:
                    met += count[b]
                    for n in range(count[b]):
                        total += e_rest[b, n]
                        fed += e_fed[b, n]
            if met == 0:
                continue
            key = ((np.int64(d) << _WHAT_BITS + _WHO_BITS) + (who if s.d_person[d] else np.int64(0))
                   + (visit if s.d_visit[d] else np.int64(0)))
            reached = fed + bump(keys, values, stamps, now, key, fed + total)
            after[d] = reached + total
            taken = min(total, max(np.int64(0), t.deductible[v0, d] - reached))
            passed, placed = np.int64(0), np.int64(0)
            for b in range(nb):
                if taken > 0 and s.member[d, b]:
                    for n in range(count[b]):
                        if s.d_proportion[d]:
                            passed += e_rest[b, n]
                            share = mul_div(taken, passed, total) - placed
                        else:
                            share = min(taken - placed, e_rest[b, n])
                        placed += share
                        e_rest[b, n] -= share
                        if s.d_feeds[d]:
                            e_fed[b, n] += share

        # Bands, one rounding, the burden, caps inner to outer.
        left = bills.left[i]
        for b in range(nb):
            covered, costs, owed = np.int64(0), np.int64(0), np.int64(0)
            for n in range(count[b]):
                covered += e_rest[b, n]
                costs += e_cost[b, n]
            if covered > 0:
                if s.axis[b] >= 0:
                    start = after[s.axis[b]] - covered
                else:
                    key = (np.int64(nd + b) << _WHAT_BITS + _WHO_BITS) + who + (visit if s.b_visit[b] else np.int64(0))
                    start = bump(keys, values, stamps, now, key, covered)
                exact, placed, room = np.int64(0), np.int64(0), min(left, costs)
                for n in range(count[b]):
                    v, end, flat = bills.terms[e_part[b, n]], start + e_rest[b, n], np.int64(0)
                    bands = t.bands[v, b]
                    for k in range(bands):
                        low = t.above[v, b, k]
                        if low >= end:
                            break
                        top = end if k + 1 == bands else min(end, t.above[v, b, k + 1])
                        exact += max(np.int64(0), top - max(start, low)) * t.ratio[v, b, k]
                        if start <= low:
                            flat += t.flat[v, b, k]
                    start = end
                    total = (exact + 5000) // 10000
                    e_pay[b, n] = min(total - placed + flat, room)
                    placed = total
                    room -= e_pay[b, n]
                    owed += e_pay[b, n]
            paid = owed
            for place in range(s.caps.shape[1]):
                c = s.caps[b, place]
                if c < 0 or owed == 0:
                    break
                most, per = t.cap[v0, c], s.c_per[c]
                key = (np.int64(nd + nb + c) << _WHAT_BITS + _WHO_BITS) + (who if s.c_person[c] else np.int64(0))
                if per == ITEM:
                    paid = np.int64(0)
                    for n in range(count[b]):
                        item = key + np.int64(bills.item[e_part[b, n]])
                        e_pay[b, n] = cut(most, bump(keys, values, stamps, now, item, e_pay[b, n]), e_pay[b, n])
                        paid += e_pay[b, n]
                else:
                    paid = cut(most, bump(keys, values, stamps, now, key + (visit if per == VISIT else np.int64(0)), paid), paid)
            left -= paid
            if post:
                out.base[b, i], out.deductible[b, i] = base[b], costs - covered
                out.covered[b, i], out.payable[b, i], out.pay[b, i] = covered, owed, paid
            out.target[b, i] = paid
