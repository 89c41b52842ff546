"""Plans, resolved terms, bills and payments as arrays: what the compiled kernels read and write."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from huibao.benefits.terms import Compiled, Terms

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Bits = NDArray[np.uint8]

#: What became of a settlement, in `Result.status`. The rest are reasons for which a row was not taken up.
SETTLED: Final = 0
REVERSED: Final = 1
REVERSAL: Final = 2
UNKNOWN_ORIGINAL: Final = 3
ALREADY_REVERSED: Final = 4
AMOUNTS_DIFFER: Final = 5
DUPLICATE: Final = 6
FACTS_DIFFER: Final = 7

YEAR: Final = 0
VISIT: Final = 1
ITEM: Final = 2
UNIT: Final = 3
_PER: Final = {"year": YEAR, "visit": VISIT, "item": ITEM, "unit": UNIT}


class Shape(NamedTuple):
    """What a plan is, in arrays: which benefits each deductible joins, chains of caps and limits, periods, scopes."""

    benefits: int
    order: Codes        # deductibles, inner to outer
    member: Bits        # [deductible, benefit]
    d_visit: Bits
    d_person: Bits      # by member, in a household
    d_proportion: Bits
    d_feeds: Bits
    axis: Codes         # [benefit]: the deductible that is the axis of its bands, or -1
    b_visit: Bits
    caps: Codes         # [benefit, place in chain]: -1 at its end
    cap_order: Codes    # inner to outer
    c_member: Bits      # [cap, benefit]
    c_per: Codes
    c_person: Bits
    limits: Codes       # [benefit, place]
    l_per: Codes
    household: bool


class Table(NamedTuple):
    """Resolved terms by number: what `Terms` holds, in arrays."""

    weights: Ints       # [terms, benefit, bucket]
    bands: Codes        # [terms, benefit]: how many
    above: Ints         # [terms, benefit, band]
    ratio: Ints
    flat: Ints
    deductible: Ints    # [terms, deductible]
    cap: Ints
    limit: Ints
    rank: Codes         # [terms, benefit]


class Bills(NamedTuple):
    """Settlements in the order of the fold, group by group, and their parts.

    A group is what shares accumulators: a person, or a household where the plan has amounts that a household shares.
    """

    start: Ints         # [settlement + 1]: its first part
    first: Bits         # [settlement]: begins a group
    member: Codes       # [settlement]: the person's number in the household
    visit: Codes
    burden: Ints
    left: Ints
    reverses: Codes     # [settlement]: the settlement taken back, or -1
    terms: Codes        # [part]
    amounts: Ints       # [bucket, part]
    item: Codes         # [part]
    units: Ints
    unheld: bool = False  # known: no earlier payer holds any bill below its own parts


class Result(NamedTuple):
    """Per benefit and settlement, in fen: as posted, and the payment as it would be right (target)."""

    status: Bits
    base: Ints
    deductible: Ints
    covered: Ints
    payable: Ints
    pay: Ints
    target: Ints


def shape(plan: Compiled) -> Shape:
    """The arrays of a plan."""
    p, household = plan.plan, plan.plan.household
    benefits = len(p.benefits)

    def flags(values: list[bool]) -> Bits:
        return np.array(values, dtype=np.uint8)

    def codes(values: list[int]) -> Codes:
        return np.array(values, dtype=np.int32)

    def chains(of: tuple[tuple[int, ...], ...]) -> Codes:
        longest = max(map(len, of), default=0) + 1
        return np.array([[*chain, *[-1] * (longest - len(chain))] for chain in of], dtype=np.int32)

    def members(of: list[tuple[int, ...]]) -> Bits:
        found = np.zeros((len(of), benefits), dtype=np.uint8)
        for row, joined in zip(found, of, strict=True):
            row[list(joined)] = 1
        return found

    return Shape(
        benefits, codes(list(plan.deductible_order)), members([d.benefits for d in p.deductibles]),
        flags([d.per == "visit" for d in p.deductibles]), flags([household and d.scope == "person" for d in p.deductibles]),
        flags([d.proportion for d in p.deductibles]), flags([d.feeds for d in p.deductibles]),
        codes(list(plan.axis)), flags([b.bands_per == "visit" for b in p.benefits]),
        chains(plan.caps_of), codes(list(plan.cap_order)), members([c.benefits for c in p.caps]), codes([_PER[c.per] for c in p.caps]),
        flags([household and c.scope == "person" for c in p.caps]),
        chains(plan.limits_of), codes([_PER[n.per] for n in p.limits]), household)


def table(plan: Compiled, terms: list[Terms]) -> Table:
    """Resolved terms as arrays, numbered as listed."""
    p = plan.plan
    n, benefits = max(1, len(terms)), len(p.benefits)
    widest = max((len(bands) for t in terms for bands in t.bands), default=1)

    def fen(*shape: int) -> Ints:
        return np.zeros((n, *shape), np.int64)

    out = Table(fen(benefits, 4), np.ones((n, benefits), np.int32), fen(benefits, widest), fen(benefits, widest), fen(benefits, widest),
                fen(len(p.deductibles)), fen(len(p.caps)), fen(len(p.limits)), np.zeros((n, benefits), np.int32))
    for i, t in enumerate(terms):
        out.weights[i] = t.weights
        out.deductible[i], out.cap[i], out.limit[i], out.rank[i] = t.deductibles, t.caps, t.limits, t.rank
        for b, bands in enumerate(t.bands):
            out.bands[i, b] = len(bands)
            for k, band in enumerate(bands):
                out.above[i, b, k], out.ratio[i, b, k], out.flat[i, b, k] = band.above_fen, band.ratio, band.flat_fen
    return out


def empty_result(benefits: int, settlements: int, status: Bits) -> Result:
    """Room for the payments of some settlements; `status` says which are to be taken up."""
    def fen() -> Ints:
        return np.zeros((benefits, settlements), np.int64)

    return Result(status.astype(np.uint8), fen(), fen(), fen(), fen(), fen(), fen())
