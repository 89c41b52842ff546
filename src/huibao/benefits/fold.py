"""The benefit arithmetic: one settlement against what was used before, every fen with its step.

`settle` is pure: it reads the accumulators that a person (or household) has, and answers with the payment and with the
accumulators that it moves. `history` folds it over a person's settlements, with reversals. `kernel` is the same
arithmetic compiled for columns; `docs/concepts/benefits.md` is the definition of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from huibao.benefits.model import Band
from huibao.benefits.terms import Compiled, Terms
from huibao.core import money

#: An accumulator: what it counts (a letter and a position in the plan), whose it is, and for which visit or item.
Key = tuple[str, int, str, str]
Used = Mapping[Key, int]

SEEN: Final = "D"      # by a deductible: the cost that reached it
PASSED: Final = "B"    # along a benefit's bands: what exceeded the deductible
EXPENSE: Final = "L"   # under a limit on expense, before it was cut
PAYABLE: Final = "C"   # under a cap, before it was cut


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a bill, or what its lines leave of it: amounts in fen by bucket, its terms, and what it is about.

    `units` is the quantity in ten-thousandths.
    """

    amounts: tuple[int, int, int, int]
    terms: Terms
    item: str = ""
    units: int = money.WHOLE


@dataclass(frozen=True, slots=True)
class Settlement:
    """A bill that is ready for the arithmetic.

    `burden_fen` is what earlier payers left (costs beyond it are nobody's); `left_fen` what the person still bears when
    this insurance's turn comes, beyond which nothing is paid. They differ where the plan stands before another payer.
    `person_fen` is what the message says was left to the person; a reversal must say the same.
    `frozen` says which conditions on the policy hold: the same for every settlement of a policy, until its facts are corrected
    and have another `version`. A `provisional` bill
    rests on a fact that nobody knows yet (is the illness pre-existing?), settled at the lower ratio for now.
    """

    setl_id: str
    psn_no: str
    mdtrt_id: str
    parts: tuple[Part, ...]
    burden_fen: int
    left_fen: int
    person_fen: int = 0
    frozen: int = 0
    provisional: bool = False
    version: str = ""


class Step(NamedTuple):
    """One step of an explanation: its kind, what it is about, and the figures (fen and ten-thousandths)."""

    kind: str
    about: str
    figures: tuple[int, ...]


class Payment(NamedTuple):
    """One benefit of one settlement, in fen: the cost it looks at, what the deductibles took, what remained, what the
    bands made of that before caps, and what is paid."""

    base: int = 0
    deductible: int = 0
    covered: int = 0
    payable: int = 0
    pay: int = 0
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class _Entry:
    """A part on its way through one benefit: cost that counts, what is left of it, what fed outward, its payment."""

    part: Part
    cost: int
    rest: int
    fed: int = 0
    pay: int = 0


class _Settling:
    """One settlement under way: the accumulators as they will be, the entries of each benefit, the steps so far."""

    def __init__(self, plan: Compiled, used: Used, bill: Settlement, explain: bool) -> None:
        self.plan = plan
        self.used = used
        self.bill = bill
        self.moved: dict[Key, int] = {}
        self.entries: list[list[_Entry]] = [[] for _ in plan.plan.benefits]
        self.steps: list[list[Step]] | None = [[] for _ in plan.plan.benefits] if explain else None
        self.base = [0] * len(self.entries)

    def get(self, key: Key) -> int:
        found = self.moved.get(key)
        return self.used.get(key, 0) if found is None else found

    def say(self, b: int, kind: str, about: str, *figures: int) -> None:
        if self.steps is not None:
            self.steps[b].append(Step(kind, about, figures))

    # ── costs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def take_costs(self) -> None:
        """Steps 1 to 3: each bucket of each part to its benefit, weighted, rounded once, held, and limited."""
        burden = self.bill.burden_fen
        for b, entries in enumerate(self.entries):
            exact = placed = 0
            for part in self.in_order(b):
                weights = part.terms.weights[b]
                if not any(weights):
                    continue
                for k in range(4):
                    exact += weights[k] * part.amounts[k]
                upto = money.half_up(exact)
                cost = min(upto - placed, burden)
                placed = upto
                burden -= cost
                if cost:
                    self.base[b] += cost
                    limited = self.limit(b, part, cost)
                    entries.append(_Entry(part, limited, limited))
            if self.base[b]:
                self.say(b, "base", "", self.base[b])

    def in_order(self, b: int) -> tuple[Part, ...]:
        """The parts as the plan lists their ratios; parts with the same ratio as the bill lists them."""
        parts = self.bill.parts
        return parts if len(parts) == 1 else tuple(sorted(parts, key=lambda part: part.terms.rank[b]))

    def limit(self, b: int, part: Part, cost: int) -> int:
        for n in self.plan.limits_of[b]:
            most = part.terms.limits[n]
            if most < 0:
                continue
            limit = self.plan.plan.limits[n]
            if limit.per == "unit":
                within = min(cost, money.half_up(most * part.units))
            else:
                key = (EXPENSE, n, self.bill.psn_no, self.of(limit.per, part))
                before = self.get(key)
                self.moved[key] = before + cost
                within = min(most, before + cost) - min(most, before)
            if within < cost:
                self.say(b, "limit", limit.name, cost, most, within)
            cost = within
        return cost

    def of(self, per: str, part: Part) -> str:
        """What an accumulator is for: this visit, this part's item, or the year."""
        return self.bill.mdtrt_id if per == "visit" else part.item if per == "item" else ""

    # ── deductibles ──────────────────────────────────────────────────────────────────────────────────────────────────

    def take_deductibles(self) -> list[int]:
        """Step 4, inner to outer. Answers what each deductible has seen afterwards."""
        seen = [0] * len(self.plan.plan.deductibles)
        for d in self.plan.deductible_order:
            item = self.plan.plan.deductibles[d]
            entries = [entry for b in item.benefits for entry in self.entries[b]]
            if not entries:
                continue
            who = "" if item.scope == "household" else self.bill.psn_no
            key = (SEEN, d, who, self.bill.mdtrt_id if item.per == "visit" else "")
            amount = entries[0].part.terms.deductibles[d]
            reached, total = self.get(key), 0
            for entry in entries:
                reached += entry.fed
                total += entry.rest
            taken = min(total, max(0, amount - reached))
            self.moved[key] = seen[d] = reached + total
            shares = self.spread(taken, entries, item.proportion, item.feeds) if taken else [0] * len(entries)
            if self.steps is not None and (taken or amount):
                at = 0
                for b in item.benefits:
                    if own := len(self.entries[b]):
                        took = sum(shares[at : at + own])
                        at += own
                        self.say(b, "deductible", item.name, amount, min(reached, amount), took)
                        reached += 0 if item.proportion else took
        return seen

    @staticmethod
    def spread(taken: int, entries: list[_Entry], proportion: bool, feeds: bool) -> list[int]:
        """What a deductible took, from the entries in order or in proportion to them; answers what from each."""
        rests = [entry.rest for entry in entries]
        shares = money.apportion(taken, rests) if proportion else _in_order(taken, rests)
        for entry, share in zip(entries, shares, strict=True):
            entry.rest -= share
            if feeds:
                entry.fed += share
        return shares

    # ── bands, caps ──────────────────────────────────────────────────────────────────────────────────────────────────

    def apply_bands(self, b: int, seen: list[int], left: int) -> int:
        """Steps 5 and 6: along the bands, summed exactly, rounded once, held to the burden. Answers the covered cost."""
        entries = self.entries[b]
        covered = sum(entry.rest for entry in entries)
        if not covered:
            return 0
        if self.plan.axis[b] >= 0:
            at = seen[self.plan.axis[b]] - covered
        else:
            key = (PASSED, b, self.bill.psn_no, self.bill.mdtrt_id if self.plan.plan.benefits[b].bands_per == "visit" else "")
            at = self.get(key)
            self.moved[key] = at + covered
        exact = placed = due = 0
        room = whole = min(left, sum(entry.cost for entry in entries))
        for entry in entries:
            part, flat = self.along(b, entry.part.terms.bands[b], at, at + entry.rest)
            at += entry.rest
            exact += part
            upto = money.half_up(exact)
            owed = upto - placed + flat
            entry.pay = min(owed, room)
            due += owed
            placed = upto
            room -= entry.pay
        if due > whole:
            self.say(b, "hold", "", due, whole)
        return covered

    def along(self, b: int, bands: tuple[Band, ...], start: int, end: int) -> tuple[int, int]:
        """What lies between two points of the axis: its exact payment in ten-thousandths, and flat amounts entered."""
        exact = flat = 0
        for n, band in enumerate(bands):
            if band.above_fen >= end:
                break
            top = end if n + 1 == len(bands) else min(end, bands[n + 1].above_fen)
            inside = top - max(start, band.above_fen)
            if inside > 0:
                exact += inside * band.ratio
                self.say(b, "band", "", band.above_fen, bands[n + 1].above_fen if n + 1 < len(bands) else -1, inside, band.ratio)
            if band.flat_fen and start <= band.above_fen:
                flat += band.flat_fen
                self.say(b, "flat", "", band.above_fen, band.flat_fen)
        return exact, flat

    def apply_caps(self, b: int) -> int:
        """Step 7, inner to outer. Answers what is paid."""
        entries = self.entries[b]
        total = -1
        for c in self.plan.caps_of[b]:
            cap = self.plan.plan.caps[c]
            most = entries[0].part.terms.caps[c]
            if cap.per == "item":
                for entry in entries:
                    entry.pay = self.cap(b, c, most, self.of("item", entry.part), entry.pay)
            else:
                if total < 0:
                    total = sum(entry.pay for entry in entries)
                total = self.cap(b, c, most, self.of(cap.per, entries[0].part), total)
        return sum(entry.pay for entry in entries) if total < 0 else total

    def cap(self, b: int, c: int, most: int, what: str, payable: int) -> int:
        cap = self.plan.plan.caps[c]
        key = (PAYABLE, c, "" if cap.scope == "household" else self.bill.psn_no, what)
        before = self.get(key)
        self.moved[key] = before + payable
        paid = min(most, before + payable) - min(most, before)
        if payable:
            self.say(b, "cap", cap.name, most, min(most, before), payable, paid)
        return paid


def _in_order(taken: int, rests: list[int]) -> list[int]:
    """What is taken from each, from the first as far as it goes."""
    shares = []
    for rest in rests:
        share = min(taken, rest)
        taken -= share
        shares.append(share)
    return shares


def settle(plan: Compiled, used: Used, bill: Settlement, explain: bool = False) -> tuple[tuple[Payment, ...], dict[Key, int]]:
    """The payment of each benefit for one settlement, and the accumulators that it moves to their new values (fen)."""
    run = _Settling(plan, used, bill, explain)
    run.take_costs()
    seen = run.take_deductibles()
    left = bill.left_fen
    payments = []
    for b, entries in enumerate(run.entries):
        if not entries:
            payments.append(Payment())
            continue
        covered = run.apply_bands(b, seen, left)
        payable = sum(entry.pay for entry in entries)
        pay = run.apply_caps(b) if payable else 0
        left -= pay
        deductible = sum(entry.cost for entry in entries) - covered
        steps = tuple(run.steps[b]) if run.steps is not None else ()
        payments.append(Payment(run.base[b], deductible, covered, payable, pay, steps))
    return tuple(payments), run.moved
