"""From a plan and the facts of a bill to the numbers that apply: resolved once for each combination of conditions.

Every distinct condition of a plan has a bit. Equal bits mean equal terms, so the desk and the columns resolve a
combination once, with the same code, and the arithmetic that follows sees numbers only.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from huibao.benefits import conditions
from huibao.benefits.conditions import Condition
from huibao.benefits.facts import FACTS, Facts, Value
from huibao.benefits.model import Amount, Band, Benefit, Cap, Deductible, Plan, Variation, WhenBoth
from huibao.core import money

#: The bit that says that the visit lies outside the period of cover.
OUTSIDE = 1
NOT_IN_FORCE = "不在保险期间"

#: Visits resemble each other: what the conditions make of so many combinations of facts is remembered.
_MOST_REMEMBERED: Final = 16_384

Weights = tuple[int, int, int, int]
Best = Callable[[Sequence[int]], int]


@dataclass(frozen=True, slots=True)
class Terms:
    """What applies to one part of a bill: for each benefit, deductible, cap and limit of the plan, by position.

    `weights[b]` are the shares of the four buckets that go to benefit b; `bands[b]` have their edges on the benefit's
    own axis; `limits[n]` is -1 where the limit is not about this part; `rank[b]` orders parts with different ratios.
    `excluded` names why nothing is covered, `left_out` which benefits alone do not pay, and why; `varied[b]` are the
    variations that applied, for the explanation.
    """

    weights: tuple[Weights, ...]
    bands: tuple[tuple[Band, ...], ...]
    deductibles: tuple[int, ...]
    caps: tuple[int, ...]
    limits: tuple[int, ...]
    rank: tuple[int, ...]
    excluded: str | None
    left_out: tuple[tuple[int, str], ...]
    varied: tuple[tuple[Condition, ...], ...]


class Compiled:
    """A plan made ready: its conditions in a row, its deductibles and caps from inner to outer.

    `frozen` has the bits of the conditions that speak of the policy alone, which can't change within it.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.conditions: tuple[Condition, ...] = tuple(dict.fromkeys(_conditions(plan)))
        self._bit = {condition: 2 << n for n, condition in enumerate(self.conditions)}
        self.facts: tuple[str, ...] = tuple(sorted(conditions.names(*self.conditions)))
        self.levels = tuple((name, FACTS[name].level == "line") for name in self.facts)
        self.deductible_order = tuple(sorted(range(len(plan.deductibles)), key=lambda d: _depth(plan.deductibles[d])))
        self.cap_order = tuple(sorted(range(len(plan.caps)), key=lambda c: _depth(plan.caps[c])))
        self.caps_of = tuple(tuple(c for c in self.cap_order if b in plan.caps[c].benefits) for b in range(len(plan.benefits)))
        self.limits_of = tuple(tuple(n for n, limit in enumerate(plan.limits) if limit.benefit == b)
                               for b in range(len(plan.benefits)))
        self.counts_units = any(limit.per == "unit" for limit in plan.limits)
        self.axis = tuple(axis(plan, b) for b in range(len(plan.benefits)))
        self.frozen = sum(bit for condition, bit in self._bit.items() if conditions.level(condition) == "policy")
        self._terms: dict[int, Terms] = {}
        self._bits: dict[tuple[Value, ...], int] = {}

    def bits(self, facts: Facts, outside: bool = False) -> int:
        """Which conditions hold, as an integer; bit 0 says that the visit lies outside the cover."""
        asked = (outside, *map(facts.get, self.facts))
        bits = self._bits.get(asked)
        if bits is None:
            bits = OUTSIDE if outside else 0
            for condition, bit in self._bit.items():
                if conditions.holds(condition, facts):
                    bits |= bit
            if len(self._bits) >= _MOST_REMEMBERED:
                self._bits.clear()
            self._bits[asked] = bits
        return bits

    def terms(self, bits: int) -> Terms:
        """The terms for a combination."""
        found = self._terms.get(bits)
        if found is None:
            found = self._terms[bits] = _resolve(self, bits)
        return found

    def true(self, condition: Condition, bits: int) -> bool:
        """Whether a condition of the plan is among those that `bits` say hold."""
        return condition == conditions.ALWAYS or bool(bits & self._bit[condition])


def axis(plan: Plan, b: int) -> int:
    """The deductible whose counter is the axis of a benefit's bands, or -1 where they count what exceeds it."""
    if not plan.benefits[b].from_zero:
        return -1
    own = [d for d, item in enumerate(plan.deductibles) if b in item.benefits and not item.shared
           and item.per == plan.benefits[b].bands_per]
    return own[0] if own else -1


def _depth(item: Deductible | Cap) -> tuple[bool, int, bool, int]:
    """Inner before outer: own before shared, item before visit before year, person before household, few before many."""
    return item.shared, ("item", "unit", "visit", "year").index(item.per), item.scope == "household", len(item.benefits)


def _conditions(plan: Plan) -> Iterable[Condition]:
    for benefit in plan.benefits:
        yield benefit.condition
        yield from (v.condition for v in benefit.variations)
    for amount in (*(d.amount for d in plan.deductibles), *(c.amount for c in plan.caps)):
        yield from (condition for condition, _ in amount.when)
    yield from (limit.about for limit in plan.limits)
    yield from (exclusion.condition for exclusion in plan.exclusions)


def _resolve(compiled: Compiled, bits: int) -> Terms:
    plan = compiled.plan
    excluded, out = _excluded(compiled, bits)
    deductibles = tuple(_amount(compiled, item.amount, bits, min) for item in plan.deductibles)
    free = list(range(4))
    weights: list[Weights] = []
    bands, rank, varied = [], [], []
    left_out: list[tuple[int, str]] = []
    for b, benefit in enumerate(plan.benefits):
        taken = [k for k in free if benefit.weights[k]] if compiled.true(benefit.condition, bits) else []
        free = [k for k in free if k not in taken]
        counted = not excluded and b not in out
        if taken and b in out:
            left_out.append((b, out[b]))
        a, p, o, s = (benefit.weights[k] if k in taken and counted else 0 for k in range(4))
        weights.append((a, p, o, s))
        holding = [v for v in benefit.variations if compiled.true(v.condition, bits)]
        axis_of = compiled.axis[b]
        bands.append(_bands(benefit, holding, deductibles[axis_of] if axis_of >= 0 else 0))
        rank.append(next((1 + n for n, v in enumerate(benefit.variations) if v in holding
                          and conditions.level(v.condition) == "line"), 0))
        varied.append(tuple(v.condition for v in holding))
    limits = tuple(limit.amount_fen if compiled.true(limit.about, bits) else -1 for limit in plan.limits)
    caps = tuple(_amount(compiled, cap.amount, bits, max) for cap in plan.caps)
    return Terms(tuple(weights), tuple(bands), deductibles, caps, limits, tuple(rank), excluded, tuple(left_out), tuple(varied))


def _excluded(compiled: Compiled, bits: int) -> tuple[str | None, dict[int, str]]:
    """Why the whole visit is not covered, and the benefits that alone are not, with why."""
    if bits & OUTSIDE:
        return NOT_IN_FORCE, {}
    out: dict[int, str] = {}
    for exclusion in compiled.plan.exclusions:
        if compiled.true(exclusion.condition, bits):
            if not exclusion.benefits:
                return exclusion.name, {}
            out |= {b: exclusion.name for b in exclusion.benefits if b not in out}
    return None, out


def _amount(compiled: Compiled, amount: Amount, bits: int, best: Best) -> int:
    holding = [fen for condition, fen in amount.when if compiled.true(condition, bits)]
    return _one(holding, amount.when_both, best) if holding else amount.fen


def _bands(benefit: Benefit, holding: Sequence[Variation], first_edge: int) -> tuple[Band, ...]:
    """The bands that apply, with the first edge where the deductible ends."""
    bands = benefit.bands
    payment = [v for v in holding if v.bands or v.ratios]
    if benefit.when_both == "best" and len(payment) > 1:
        offers = [_ratios(benefit.bands, v) for v in payment]
        bands = _with_ratios(bands, [max(of_band) for of_band in zip(*offers, strict=True)])
    elif payment:
        chosen = payment[-1 if benefit.when_both == "last" else 0]
        bands = chosen.bands or _with_ratios(bands, _ratios(bands, chosen))
    times = [v.times for v in holding if v.times is not None]
    if times:
        factor = _one(times, benefit.when_both)
        bands = _with_ratios(bands, [band.ratio * factor // money.WHOLE for band in bands])
    points = [v.points for v in holding if v.points is not None]
    if points:
        more = _one(points, benefit.when_both)
        bands = _with_ratios(bands, [max(0, min(money.WHOLE, band.ratio + more)) for band in bands])
    return (replace(bands[0], above_fen=first_edge), *bands[1:])


def _ratios(bands: Sequence[Band], variation: Variation) -> Sequence[int]:
    assert variation.ratios is not None
    return variation.ratios if len(variation.ratios) == len(bands) else variation.ratios * len(bands)


def _with_ratios(bands: Sequence[Band], ratios: Sequence[int]) -> tuple[Band, ...]:
    return tuple(replace(band, ratio=ratio) for band, ratio in zip(bands, ratios, strict=True))


def _one(values: Sequence[int], when_both: WhenBoth, best: Best = max) -> int:
    """The one that counts where several variations hold: the best for the insured, the last or the first."""
    if when_both == "best":
        return best(values)
    return values[-1] if when_both == "last" else values[0]
