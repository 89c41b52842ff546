"""What a new policy owes to those before it: years without a break, years without a claim, what the last year paid.

The next year of a product names the one that it `renews`. Who was insured there, and is insured again before the scheme's gap
is over, goes on; anyone else begins anew. All of it is computed from the record when an order is decided, and frozen with the
policy: ordinary purchases and those that follow a proposal are alike.
"""

from collections.abc import Sequence
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


def continuity(scheme: Scheme, plan: Plan, since: date, held: Sequence[Earlier]) -> dict[str, Value]:
    """The facts of a policy of `plan` that begins on `since`, after what its insured holds."""
    if not held:
        return {"years_enrolled": 1}
    gap = (in_force(scheme.renewal, since) or RENEWAL).gap_days
    before = next((one for one in held if one.product == plan.renews and one.state == "in-force"
                   and one.period_to is not None and since <= one.period_to + timedelta(days=gap + 1)), None)
    if before is None:
        return {"years_enrolled": 1}
    return {
        "years_enrolled": _number(before.facts, "years_enrolled", 1) + 1,
        "claim_free_years": 0 if before.paid_fen else _number(before.facts, "claim_free_years", 0) + 1,
        # Whole yuan, upwards: nothing is what paid nothing.
        "paid_last_year": -(-before.paid_fen // 100),
    }


def _number(facts: Facts, name: str, otherwise: int) -> int:
    """A number among frozen facts; policies of older programs froze fewer."""
    return int(facts.get(name) or otherwise)
