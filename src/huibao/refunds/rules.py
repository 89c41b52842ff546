"""What a surrender gives back, and to whom: pure, so that a quote and a surrender say the same.

What is asked, in this order; the first that fails is the answer:

1. the policy: in force, not given back already, not an order that still waits;
2. the terms: a product that can be given back;
3. before its first day of cover everything goes back, whatever the terms say of later;
4. after it: a day of cover is left, and no settlement is open;
5. within the cooling period, while nothing was settled, everything goes back and the contract never covered;
6. else by the terms, where these give anything back, and after a benefit was paid only where they say so.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from huibao.benefits.model import Surrender
from huibao.benefits.surrender import unearned
from huibao.core.refusal import Refusal
from huibao.refunds import refusals
from huibao.refunds.model import SOURCES, Grant, Ground, Held, Share

_ONE_DAY: Final = timedelta(days=1)


def split(fen: int, paid: Sequence[int]) -> list[int]:
    """`fen` over what each source paid, in proportion: it adds up, and no source gets more than it paid.

    The odd fens go to the largest remainders; where two are equal to the earlier source, so that cash, which is the last, is never
    first. `fen` is at most what was paid in all.
    """
    whole = sum(paid)
    if not 0 <= fen <= whole:
        raise ValueError(f"{fen} fen to go back of {whole}")
    parts = [fen * one // whole if whole else 0 for one in paid]
    by_remainder = sorted(range(len(paid)), key=lambda n: (-(fen * paid[n] % whole), n)) if whole else []
    for n in by_remainder[: fen - sum(parts)]:
        parts[n] += 1
    return parts


def grant(held: Held, terms: Surrender, on: date) -> Grant | Refusal:
    """What a surrender on a day gives back, or why there is none."""
    if refused := _not_in_force(held):
        return refused
    assert held.since is not None, "a policy in force has its days"
    assert held.until is not None, "a policy in force has its days"
    if not terms.allowed:
        return refusals.not_allowed(terms.clause)
    if on < held.since:
        return _granted(held, "before-start", held.since, held.premium_fen)
    if on >= held.until:
        return refusals.cover_over(held.until)
    if held.open_settlement is not None:
        return refusals.settlement_open(held.open_settlement, terms.clause)
    if _is_cooling(held, terms, on):
        return _granted(held, "cooling", held.since, held.premium_fen)
    if terms.after == "none":
        return refusals.nothing_after_start(held.since, terms.clause)
    if held.benefit_fen and not terms.after_benefit:
        return refusals.benefit_paid(held.benefit_fen, terms.clause)
    left = unearned(terms, held.premium_fen, held.since, held.until, on + _ONE_DAY)
    return Grant(terms.after, on + _ONE_DAY, left.fen, _shares(held, left.fen), left)


def _not_in_force(held: Held) -> Refusal | None:
    match held.state:
        case "in-force":
            return None
        case "surrendered":
            return refusals.already_surrendered(held.ended_on)
        case "pending":
            return refusals.order_waits()
        case _:
            return refusals.not_in_force(held.state)


def _is_cooling(held: Held, terms: Surrender, on: date) -> bool:
    """Within the cooling period, and nobody was settled with: never both a benefit and the whole premium."""
    if held.settled or not held.parts:
        return False
    return on <= min(part.on for part in held.parts) + timedelta(days=terms.cooling_days) and terms.cooling_days > 0


def _granted(held: Held, ground: Ground, ended_on: date, fen: int) -> Grant:
    return Grant(ground, ended_on, fen, _shares(held, fen))


def _shares(held: Held, fen: int) -> tuple[Share, ...]:
    """What goes back to each source, in the order of sources; who gets nothing is left out."""
    parts = sorted(held.parts, key=lambda part: SOURCES.index(part.source))
    paid = [part.fen for part in parts]
    assert sum(paid) == held.premium_fen, "a policy in force is captured to the fen"
    shares = []
    for part, back in zip(parts, split(fen, paid), strict=True):
        odd = back > fen * part.fen // held.premium_fen
        if back:
            shares.append(Share(part, back, odd))
    return tuple(shares)


def is_whole(held: Held, granted: Grant) -> bool:
    """Whether everything goes back before the cover began: then the account's yearly limit is given back too."""
    return granted.ground == "before-start" and granted.fen == held.premium_fen
