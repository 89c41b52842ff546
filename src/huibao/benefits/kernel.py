"""The benefit arithmetic of `fold`, compiled: whole histories of settlements that lie in order, group by group.

`run` sends each group where it is cheapest: `kernel_plain` folds groups without reversals under plans whose
accumulators all run by person and year; everything else (lines, visits, items, households, reversals, flat amounts) is
folded here. Both give the fen of `fold`, and a property test says so on random plans.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

from huibao.benefits.arrays import (
    ITEM,
    REVERSAL,
    REVERSED,
    SETTLED,
    UNIT,
    VISIT,
    Bills,
    Bits,
    Ints,
    Result,
    Shape,
    Table,
    empty_result,
)
from huibao.benefits.kernel_plain import fold_plain, is_plain
from huibao.core.money import AMOUNT_LIMIT_FEN, WHOLE

#: Room in a key for the visit or item, and for the member of a household.
_WHAT_BITS: Final = 31
_WHO_BITS: Final = 22

#: No cost reaches this many fen times the whole of a ratio.
_CEILING: Final = AMOUNT_LIMIT_FEN * WHOLE

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    """Compiles without counting references, for nothing is allocated in here: counting those of every array that a tuple
    carries into a function made the fold sixteen times slower."""
    options: dict[str, Any] = {"cache": True, "_nrt": False}
    return cast(Function, numba.njit(**options)(function))


def run(s: Shape, t: Table, bills: Bills, status: Bits, room: Result | None = None) -> Result:
    """Folds every settlement whose status says that it is to be taken up. Where nothing was reversed `target` is `pay`.

    `room` is a result whose arrays may be written over, for whoever folds again and again.
    """
    settlements = len(bills.first)
    result = empty_result(s.benefits, settlements, status) if room is None else room._replace(status=status.copy())
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
    result.status[rows] = part.status
    for whole, some in zip(result[1:], part[1:], strict=True):
        whole[:, rows] = some
    return result


def _only(bills: Bills, rows: Ints) -> Bills:
    """Some settlements of plain bills, whole groups, with their reversals pointing within."""
    moved = np.full(len(bills.first) + 1, -1, np.int32)
    moved[rows] = np.arange(len(rows))
    return Bills(np.arange(len(rows) + 1), bills.first[rows], bills.member[rows], bills.visit[rows], bills.burden[rows], bills.left[rows],
                 moved[bills.reverses[rows]], bills.terms[rows], np.ascontiguousarray(bills.amounts[:, rows]), bills.item[rows],
                 bills.units[rows], bills.unheld)


def _fold_general(s: Shape, t: Table, bills: Bills, result: Result) -> Result:
    firsts = bills.start[:-1][bills.first.astype(np.bool_)]
    most = int(np.diff(np.append(firsts, bills.start[-1])).max(initial=1))
    counters = len(s.order) + s.benefits + len(s.c_per) + len(s.l_per)
    capacity = 1 << max(4, (2 * most * counters).bit_length())
    widest = int(np.diff(bills.start).max(initial=1))
    fold_general(s, t, bills, result, np.zeros((3, capacity), np.int64), np.zeros((5, s.benefits, widest), np.int64),
                 np.zeros((3, max(s.benefits, len(s.order))), np.int64))
    return result


@_compiled
def mul_div(a: Any, b: Any, c: Any) -> Any:
    """`a * b // c` without overflow, for 0 <= a, b <= c < 2**40."""
    high, low = b >> 21, b & 0x1FFFFF
    whole, rest = (a * high) // c, (a * high) % c
    return (whole << 21) + ((rest << 21) + a * low) // c


@_compiled
def bump(book: Any, now: Any, key: Any, by: Any) -> Any:
    """Adds to an accumulator of this group, in an open hash table, and answers what it was. Old stamps are empty places."""
    mask = book.shape[1] - 1
    at = ((key * 0x1E3779B97F4A7C15) >> 24) & mask
    while book[_STAMP, at] == now and book[_KEY, at] != key:
        at = (at + 1) & mask
    before = book[_VALUE, at] if book[_STAMP, at] == now else 0
    book[_KEY, at], book[_STAMP, at], book[_VALUE, at] = key, now, before + by
    return before


@_compiled
def cut(most: Any, before: Any, by: Any) -> Any:
    """What fits under a limit of which `before` was used."""
    return min(most, before + by) - min(most, before)


# What one settlement needs while it is folded:
#   book [3, capacity]              the accumulators of the group, an open hash table of keys, values and stamps
#   entries [5, benefit, place]     parts on their way through a benefit
#   totals [3, benefit or deductible]   how many entries, the base of a benefit, what a deductible has seen
_KEY, _VALUE, _STAMP = range(3)
_PART, _COST, _REST, _FED, _PAY = range(5)
_COUNT, _BASE, _SEEN = range(3)


@_compiled
def _costs(s: Any, t: Any, bills: Any, book: Any, entries: Any, totals: Any, now: Any, i: Any, b: Any, burden: Any) -> Any:
    """Steps 1 to 3 for one benefit: weighted, rounded once, held, limited. Answers what earlier payers leave to the next."""
    counters = len(s.order) + s.benefits + len(s.c_per)
    visit, who = np.int64(bills.visit[i]), np.int64(bills.member[i]) << _WHAT_BITS
    low, high = bills.start[i], bills.start[i + 1]
    exact, placed, n, costs, rank, met = np.int64(0), np.int64(0), 0, np.int64(0), 0, 0
    while met < high - low:
        for p in range(low, high):
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
                    if most == 0 or bills.units[p] <= _CEILING // most:  # else the limit lies beyond any cost
                        cost = min(cost, (most * bills.units[p] + 5000) // 10000)
                elif most >= 0:
                    what = visit if per == VISIT else np.int64(bills.item[p]) if per == ITEM else np.int64(0)
                    key = (np.int64(counters + limit) << _WHAT_BITS + _WHO_BITS) + who + what
                    cost = cut(most, bump(book, now, key, cost), cost)
            entries[_PART, b, n], entries[_COST, b, n], entries[_REST, b, n], entries[_FED, b, n], entries[_PAY, b, n] = p, cost, cost, 0, 0
            n += 1
        rank += 1
    totals[_COUNT, b], totals[_BASE, b] = n, costs
    return burden


@_compiled
def _deductible(s: Any, t: Any, bills: Any, book: Any, entries: Any, totals: Any, now: Any, i: Any, d: Any) -> None:
    """Step 4 for one deductible: takes it off the entries of the benefits that it joins."""
    total, fed, met = np.int64(0), np.int64(0), 0
    for b in range(s.benefits):
        if s.member[d, b]:
            met += totals[_COUNT, b]
            for n in range(totals[_COUNT, b]):
                total += entries[_REST, b, n]
                fed += entries[_FED, b, n]
    if met == 0:
        return
    key = ((np.int64(d) << _WHAT_BITS + _WHO_BITS) + (np.int64(bills.member[i]) << _WHAT_BITS if s.d_person[d] else np.int64(0))
           + (np.int64(bills.visit[i]) if s.d_visit[d] else np.int64(0)))
    reached = fed + bump(book, now, key, fed + total)
    totals[_SEEN, d] = reached + total
    taken = min(total, max(np.int64(0), t.deductible[bills.terms[bills.start[i]], d] - reached))
    passed, placed = np.int64(0), np.int64(0)
    for b in range(s.benefits):
        if taken > 0 and s.member[d, b]:
            for n in range(totals[_COUNT, b]):
                if s.d_proportion[d]:
                    passed += entries[_REST, b, n]
                    share = mul_div(taken, passed, total) - placed
                else:
                    share = min(taken - placed, entries[_REST, b, n])
                placed += share
                entries[_REST, b, n] -= share
                if s.d_feeds[d]:
                    entries[_FED, b, n] += share


@_compiled
def _bands(s: Any, t: Any, bills: Any, book: Any, entries: Any, totals: Any, now: Any, i: Any, b: Any, covered: Any, room: Any) -> Any:
    """Steps 5 and 6 for one benefit: along the bands, rounded once, held to `room`. Answers what is owed before caps."""
    if s.axis[b] >= 0:
        start = totals[_SEEN, s.axis[b]] - covered
    else:
        key = ((np.int64(len(s.order) + b) << _WHAT_BITS + _WHO_BITS) + (np.int64(bills.member[i]) << _WHAT_BITS)
               + (np.int64(bills.visit[i]) if s.b_visit[b] else np.int64(0)))
        start = bump(book, now, key, covered)
    exact, placed, owed = np.int64(0), np.int64(0), np.int64(0)
    for n in range(totals[_COUNT, b]):
        v, end, flat = bills.terms[entries[_PART, b, n]], start + entries[_REST, b, n], np.int64(0)
        for k in range(t.bands[v, b]):
            low = t.above[v, b, k]
            if low >= end:
                break
            top = end if k + 1 == t.bands[v, b] else min(end, t.above[v, b, k + 1])
            exact += max(np.int64(0), top - max(start, low)) * t.ratio[v, b, k]
            if start <= low:
                flat += t.flat[v, b, k]
        start = end
        total = (exact + 5000) // 10000
        entries[_PAY, b, n] = min(total - placed + flat, room)
        placed = total
        room -= entries[_PAY, b, n]
        owed += entries[_PAY, b, n]
    return owed


@_compiled
def _caps(s: Any, t: Any, bills: Any, book: Any, entries: Any, totals: Any, now: Any, i: Any, b: Any, owed: Any) -> Any:
    """Step 7 for one benefit: caps from inner to outer. Answers what is paid."""
    paid = owed
    for place in range(s.caps.shape[1]):
        c = s.caps[b, place]
        if c < 0 or owed == 0:
            break
        most, per = t.cap[bills.terms[bills.start[i]], c], s.c_per[c]
        key = ((np.int64(len(s.order) + s.benefits + c) << _WHAT_BITS + _WHO_BITS)
               + (np.int64(bills.member[i]) << _WHAT_BITS if s.c_person[c] else np.int64(0)))
        if per == ITEM:
            paid = np.int64(0)
            for n in range(totals[_COUNT, b]):
                before = bump(book, now, key + np.int64(bills.item[entries[_PART, b, n]]), entries[_PAY, b, n])
                entries[_PAY, b, n] = cut(most, before, entries[_PAY, b, n])
                paid += entries[_PAY, b, n]
        else:
            paid = cut(most, bump(book, now, key + (np.int64(bills.visit[i]) if per == VISIT else np.int64(0)), paid), paid)
    return paid


@_compiled
def _settle(s: Any, t: Any, bills: Any, out: Any, book: Any, entries: Any, totals: Any, now: Any, i: Any, post: Any) -> None:
    """One settlement: `post` writes all its figures, else only what it would be paid (target)."""
    burden, left = bills.burden[i], bills.left[i]
    for b in range(s.benefits):
        burden = _costs(s, t, bills, book, entries, totals, now, i, b, burden)
    for place in range(len(s.order)):
        _deductible(s, t, bills, book, entries, totals, now, i, s.order[place])
    for b in range(s.benefits):
        covered, costs, owed = np.int64(0), np.int64(0), np.int64(0)
        for n in range(totals[_COUNT, b]):
            covered += entries[_REST, b, n]
            costs += entries[_COST, b, n]
        if covered > 0:
            owed = _bands(s, t, bills, book, entries, totals, now, i, b, covered, min(left, costs))
        paid = _caps(s, t, bills, book, entries, totals, now, i, b, owed)
        left -= paid
        if post:
            out.base[b, i], out.deductible[b, i] = totals[_BASE, b], costs - covered
            out.covered[b, i], out.payable[b, i], out.pay[b, i] = covered, owed, paid
        out.target[b, i] = paid


@_compiled
def _take_back(out: Any, i: Any, original: Any) -> None:
    """A reversal: the stored payment negated, the original marked."""
    out.status[i], out.status[original] = REVERSAL, REVERSED
    for b in range(out.pay.shape[0]):
        out.base[b, i], out.deductible[b, i] = -out.base[b, original], -out.deductible[b, original]
        out.covered[b, i], out.payable[b, i] = -out.covered[b, original], -out.payable[b, original]
        out.pay[b, i] = -out.pay[b, original]
        out.target[b, original] = 0


@_compiled
def fold_general(s: Any, t: Any, bills: Any, out: Any, book: Any, entries: Any, totals: Any) -> None:
    """Every settlement in order, group by group. After a reversal the survivors are folded again before the next is."""
    settlements = len(bills.first)
    now = group = 0
    dirty = False
    for i in range(settlements + 1):
        ends = i == settlements or (bills.first[i] and i > group)
        if dirty and (ends or (out.status[i] == SETTLED and bills.reverses[i] < 0)):
            now += 1
            for again in range(group, i):
                if out.status[again] == SETTLED:
                    _settle(s, t, bills, out, book, entries, totals, now, again, False)
            dirty = False
        if i == settlements:
            break
        if bills.first[i]:
            group = i
            now += 1
        if out.status[i] != SETTLED:
            continue
        if bills.reverses[i] >= 0:
            _take_back(out, i, bills.reverses[i])
            dirty = True
        else:
            _settle(s, t, bills, out, book, entries, totals, now, i, True)
