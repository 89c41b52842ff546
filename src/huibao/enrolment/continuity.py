"""What a new policy owes to those before it: years without a break, years without a claim, what the last year paid.

The next year of a product names the one that it `renews`. Who was insured there, and is insured again before the scheme's gap
is over, goes on; anyone else begins anew. All of it is computed from the record when an order is decided, and frozen with the
policy: ordinary purchases, those that follow a proposal and lines of a roster are alike.

A year without a payout is a policy year before, without a break, for which nothing is due as the record stands: a payment that was
taken back is none. `claim_free_years` and `healthy_years` are two names that terms have for their number. Each year is looked at
again at every purchase, so that what was settled late for one counts from the next purchase on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from huibao.benefits.facts import Facts, Value
from huibao.benefits.model import Plan
from huibao.scheme.afterwards import RENEWAL
from huibao.scheme.model import Scheme, in_force

_FACTS: Final = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Earlier:
    """A policy that somebody has, in force or about to be. `paid_fen` is what it would pay now of settlements that stand."""

    product: str
    state: str
    period_to: date | None
    facts: Facts
    paid_fen: int


def earlier(product: str, state: str, period_to: date | None, facts: str, paid_fen: int) -> Earlier:
    """From a row of live_policies."""
    return Earlier(product, state, period_to, _FACTS.decode(facts), paid_fen)


#: The product that a product renews, where it renews one.
Renews = Callable[[str], str | None]


def continuity(scheme: Scheme, plan: Plan, since: date, held: Sequence[Earlier], renews: Renews) -> dict[str, Value]:
    """The facts of a policy of `plan` that begins on `since`, after what its insured holds."""
    if not held:
        return {"years_enrolled": 1}
    gap = (in_force(scheme.renewal, since) or RENEWAL).gap_days
    before = _of(plan.renews, held)
    if before is None or before.period_to is None or since > before.period_to + timedelta(days=gap + 1):
        return {"years_enrolled": 1}
    return {"years_enrolled": _number(before.facts, "years_enrolled", 1) + 1, **claims(before, held, renews)}


def claims(before: Earlier | None, held: Sequence[Earlier], renews: Renews) -> dict[str, Value]:
    """What the years that lead up to a policy paid, as the record stands; `before` is the last of them."""
    years = _unpaid_years(before, held, renews)
    # Whole yuan, upwards: nothing is what paid nothing.
    return {"claim_free_years": years, "healthy_years": years, "paid_last_year": -(-before.paid_fen // 100) if before else 0}


def year_before(product: str, facts: Facts, held: Sequence[Earlier], renews: Renews) -> Earlier | None:
    """The policy that one goes on from without a break: in its second year or later it counts the years itself."""
    return _of(renews(product), held) if _number(facts, "years_enrolled", 1) > 1 else None


def _unpaid_years(before: Earlier | None, held: Sequence[Earlier], renews: Renews) -> int:
    years = 0
    while before is not None and not before.paid_fen:
        years += 1
        earlier_still = year_before(before.product, before.facts, held, renews)
        if earlier_still is None:
            return years + _number(before.facts, "claim_free_years", 0)  # what was before the record begins
        before = earlier_still
    return years


def _of(product: str | None, held: Sequence[Earlier]) -> Earlier | None:
    return next((one for one in held if one.product == product and one.state == "in-force"), None)


def _number(facts: Facts, name: str, otherwise: int) -> int:
    """A number among frozen facts; policies of older programs froze fewer."""
    return int(facts.get(name) or otherwise)
