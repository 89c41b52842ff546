"""What a plan costs, and whom it takes, by the facts that are frozen when a policy starts."""

from collections.abc import Mapping
from typing import Final

from huibao.benefits.conditions import holds
from huibao.benefits.facts import FACTS, Value
from huibao.benefits.model import Plan

_DEFAULTS: Final[Mapping[str, Value]] = {fact.name: fact.default for fact in FACTS.values() if fact.level == "policy" and not fact.needed}


def premium_fen(plan: Plan, facts: Mapping[str, Value]) -> int | None:
    """The first row of the plan's premiums that holds; None where it has none for these facts.

    Facts that are not given have their defaults; age, insutype and, where the plan has tiers, tier must be given.
    """
    known = {**_DEFAULTS, **facts}
    return next((row.fen for row in plan.premium if holds(row.condition, known)), None)


def takes(plan: Plan, facts: Mapping[str, Value]) -> bool:
    """Whether the plan's own condition to join holds; facts as in `premium_fen`."""
    return holds(plan.join, {**_DEFAULTS, **facts})
