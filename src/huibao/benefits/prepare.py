"""From prepared numbers to bills: buckets, shares of days, lines of a bill, reversals with their originals, compiled.

The rules are those of `buckets`, `reading` and `history`; a row that these kernels do not take is read by them once
more, for the reason.
"""

from typing import Any, Final

import numba
import numpy as np

from huibao.benefits.arrays import ALREADY_REVERSED, AMOUNTS_DIFFER, DUPLICATE, FACTS_DIFFER, SETTLED, UNKNOWN_ORIGINAL
from huibao.benefits.kernel import mul_div
from huibao.benefits.vectors import BAD, NULL
from huibao.core.money import AMOUNT_LIMIT_FEN

#: Positions of the amounts of `buckets.AMOUNTS` in the array that `make_buckets` reads.
TOTAL, INSCP, FULL, OVER, PRE, FUND, HOSPITAL, ACCOUNT, CASH, PERSON, IN_SCOPE, OTHER = range(12)
AMOUNT_COUNT: Final = 12


@numba.njit(cache=True)
def _stated(a: Any, said: Any, fund: Any) -> Any:
    """What a bill says is left to the person: `NULL` where it says nothing, `BAD` where it says two things."""
    if said[ACCOUNT] and said[CASH]:
        paid = a[ACCOUNT] + a[CASH]
        return np.int64(BAD) if said[PERSON] and a[PERSON] != paid else paid
    if said[PERSON]:
        return a[PERSON]
    if said[TOTAL] and said[FUND]:
        return max(np.int64(0), a[TOTAL] - fund - a[HOSPITAL])
    return np.int64(NULL)


@numba.njit(cache=True)
def make_buckets(amounts: Any, before: Any, is_line: Any, is_reversal: Any, inside: bool, held: Any, left: Any) -> Any:
    """Fills `held` [4, n] and `left`, the person's part, for every bill; answers which rows are good. `amounts` is [12, n].

    For lines only the range of their amounts is tested. A reversal's amounts are turned; without any, `left` is NULL.
    """
    n = amounts.shape[1]
    good = np.ones(n, np.bool_)
    a = np.zeros(AMOUNT_COUNT, np.int64)
    said = np.zeros(AMOUNT_COUNT, np.bool_)
    for i in range(n):
        sign = np.int64(-1) if is_reversal[i] else np.int64(1)
        spoken = False
        for k in range(AMOUNT_COUNT):
            value = amounts[k, i]
            if value == BAD:
                good[i] = False
            said[k] = value != NULL
            a[k] = sign * value if said[k] else np.int64(0)
            spoken |= a[k] != 0
        if not good[i]:
            continue
        if is_reversal[i] and not spoken:
            left[i] = NULL
            continue
        ahead = np.int64(0) if is_reversal[i] else before[i]
        if ahead > 0:
            a[FUND] = max(np.int64(0), a[FUND] - ahead)
            if said[PERSON]:
                a[PERSON] += ahead
            if said[CASH]:
                a[CASH] += ahead
            if said[IN_SCOPE] and not said[INSCP]:
                a[IN_SCOPE] += ahead
            said[FUND] = True
        for k in range(AMOUNT_COUNT):
            if a[k] < 0 or a[k] >= AMOUNT_LIMIT_FEN:
                good[i] = False
        if is_line[i] or not good[i]:
            continue
        fund = a[FUND] - (a[ACCOUNT] if inside else np.int64(0))
        if said[TOTAL] and said[INSCP] and a[FULL] + a[OVER] + a[PRE] + a[INSCP] != a[TOTAL]:
            good[i] = False
            continue
        stated = _stated(a, said, fund)
        if stated == BAD:
            good[i] = False
            continue
        if said[INSCP]:
            scope = a[INSCP] - fund - a[HOSPITAL]
        elif said[IN_SCOPE]:
            scope = a[IN_SCOPE]
        elif stated == NULL:
            scope = np.int64(0)
        else:
            scope = max(np.int64(0), stated - a[PRE] - a[OVER] - a[FULL])
        short = max(np.int64(0), -scope)
        from_over = min(a[OVER], short)
        from_pre = min(a[PRE], short - from_over)
        from_full = min(a[FULL], short - from_over - from_pre)
        held[0, i], held[1, i] = max(np.int64(0), scope), a[PRE] - from_pre
        held[2, i], held[3, i] = a[OVER] - from_over, a[FULL] - from_full
        person = held[0, i] + held[1, i] + held[2, i] + held[3, i]
        left[i] = max(np.int64(0), person - ahead)
        if stated not in (NULL, person):
            good[i] = False
    return good


@numba.njit(cache=True)
def finish(held: Any, start: Any, covered: Any, of: Any, other: Any, left: Any, burden: Any) -> Any:
    """Scales the parts of bills to the days of the stay that are covered, where only some are, and takes off what other
    programmes paid. `left` comes as the person's part and goes as what is left of it; `burden` is filled. Answers whether
    every bill bears all its parts, so that no hold can bind."""
    unheld = True
    for i in range(len(left)):
        split = 0 < covered[i] < of[i]
        whole = np.int64(0)
        for p in range(start[i], start[i + 1]):
            for k in range(4):
                if split:
                    held[k, p] = (2 * held[k, p] * covered[i] + of[i]) // (2 * of[i])
                whole += held[k, p]
        if split:
            left[i] = min(whole, (2 * left[i] * covered[i] + of[i]) // (2 * of[i]))
        burden[i] = max(np.int64(0), whole - other[i])
        left[i] = max(np.int64(0), left[i] - other[i])
        unheld = unheld and burden[i] >= whole and left[i] >= whole
    return unheld


@numba.njit(cache=True)
def spread_lines(held: Any, amounts: Any, start: Any) -> Any:
    """Spreads each bill with lines over what its lines leave of it (its own row) and its lines; answers the good bills."""
    good = np.ones(len(start) - 1, np.bool_)
    stated = (INSCP, PRE, OVER, FULL)
    for i in range(len(start) - 1):
        low, high = start[i], start[i + 1]
        for k in range(4):
            if high - low == 1:
                break
            whole = max(np.int64(0), amounts[stated[k], low])
            lines = np.int64(0)
            for p in range(low + 1, high):
                lines += max(np.int64(0), amounts[stated[k], p])
            if lines > whole:
                good[i] = False
                break
            bucket = held[k, low]
            passed, placed = np.int64(0), np.int64(0)
            for p in range(low, high):
                passed += whole - lines if p == low else max(np.int64(0), amounts[stated[k], p])
                upto = mul_div(bucket, passed, whole) if whole else bucket
                held[k, p] = upto - placed
                placed = upto
    return good


@numba.njit(cache=True)
def link(first: Any, own: Any, original: Any, member: Any, frozen: Any, person: Any, status: Any, reverses: Any) -> None:
    """Finds each reversal's original within its group, and marks what can't be taken up, in the order of `history`.

    `own` and `original` are hashes of setl_id and reverses (0 for none); rows with another status are passed over.
    """
    n = len(first)
    widest, run, capacity = np.int64(0), np.int64(0), 16
    for i in range(n):
        run = np.int64(1) if first[i] else run + 1
        widest = max(widest, run)
    while capacity < 4 * widest:
        capacity *= 2
    keys, place = np.zeros(capacity, np.uint64), np.zeros(capacity, np.int64)
    stamps, now = np.zeros(capacity, np.int64), 0
    mask = np.uint64(capacity - 1)
    taken = np.zeros(n, np.bool_)
    for i in range(n):
        if first[i]:
            now += 1
        if status[i] != SETTLED:
            continue
        at = own[i] >> np.uint64(7) & mask
        while stamps[at] == now and keys[at] != own[i]:
            at = (at + np.uint64(1)) & mask
        if stamps[at] == now:
            status[i] = DUPLICATE
            continue
        if original[i]:
            of = original[i] >> np.uint64(7) & mask
            while stamps[of] == now and keys[of] != original[i]:
                of = (of + np.uint64(1)) & mask
            found = place[of] if stamps[of] == now else -1
            if found < 0 or original[found]:
                status[i] = UNKNOWN_ORIGINAL
            elif taken[found]:
                status[i] = ALREADY_REVERSED
            elif person[i] != NULL and person[i] != person[found]:
                status[i] = AMOUNTS_DIFFER
            else:
                reverses[i] = found
                taken[found] = True
        else:
            who = np.uint64(member[i]) << np.uint64(1)  # even: no hash of a text is
            by = (np.uint64(member[i]) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40) & mask
            while stamps[by] == now and keys[by] != who:
                by = (by + np.uint64(1)) & mask
            if stamps[by] != now:
                keys[by], stamps[by], place[by] = who, now, frozen[i]
            elif place[by] != frozen[i]:
                status[i] = FACTS_DIFFER
        if status[i] == SETTLED:
            at = own[i] >> np.uint64(7) & mask
            while stamps[at] == now and keys[at] != own[i]:
                at = (at + np.uint64(1)) & mask
            keys[at], stamps[at], place[at] = own[i], now, i
