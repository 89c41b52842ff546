"""What clauses forbid: why a plan can't be sold under a scheme, each with its clause, and what national rules forbid anywhere."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from huibao.benefits import conditions
from huibao.benefits.conditions import Condition
from huibao.benefits.facts import FACTS
from huibao.benefits.model import Plan
from huibao.core.refusal import Refusal
from huibao.scheme.model import Product, Scheme
from huibao.scheme.national import effect
from huibao.scheme.national_loading import builtin_national
from huibao.scheme.rules import product_refusal
from huibao.scheme.running import cost_and_profit
from huibao.scheme.terms import PlanTerms, payer_order, plan_refusals

#: What a premium depends on when it depends on a fact, in the words of schemes.
_FACTORS: Final = {
    "age": "age", "tier": "tier", "family_members": "household-size", "insutype": "insurance-kind", "hardship": "hardship",
    "claim_free_years": "past-claims", "paid_last_year": "past-claims",
}


def refusals(plan: Plan, scheme: Scheme | None) -> Iterator[Refusal]:
    """Every reason why the plan can't be listed, on the day it starts; its figures name the key of the plan file."""
    on = plan.valid_from
    yield from _national(plan, on)
    if scheme is None:
        return
    refused = product_refusal(scheme, on, Product(plan.kind, plan.features))
    if refused:
        yield _at("kind" if refused.code == "product.kind_not_sold" else "features", refused)
    for refusal in plan_refusals(scheme, on, plan_terms(plan)):
        yield _at({"plan.join_condition_refused": "join", "plan.premium_by_illness_risk": "premium",
                   "plan.premium_factor_not_provided": "premium"}.get(refusal.code, "benefit"), refusal)
    if plan.before:
        order = payer_order(scheme, on, before=plan.before)
        if isinstance(order, Refusal):
            yield _at("before", order)
    if plan.expense_ratio is not None and plan.profit_ratio is not None:
        # Of a premium of 10,000 fen each ten-thousandth is one fen: the ratios need no premium of their own.
        found = cost_and_profit(scheme, on, 10_000, plan.expense_ratio, plan.profit_ratio, plan.ratio_reason)
        if isinstance(found, Refusal):
            yield _at("cost", found)


def _national(plan: Plan, on: date) -> Iterator[Refusal]:
    longest = effect(builtin_national(), on, "waiting_period_days_most")
    days = max((plan.waiting_days, *(_waits(exclusion.condition) for exclusion in plan.exclusions)))
    if longest is not None and days > int(str(longest.value)):
        yield Refusal("plan.waiting_too_long", longest.rule.name, f"等待期 {days} 天,最长 {longest.value} 天。请缩短。",
                      f"a waiting period of {days} days; at most {longest.value}: shorten it.", {"key": "waiting", "days": days})


def _waits(condition: Condition) -> int:
    """The days that an exclusion waits for, where it speaks of days since the start."""
    found = [atom for atom in conditions.atoms(condition) if atom.fact == "days_since_start"]
    return max((int(atom.values[0]) + (atom.op == "<=") for atom in found), default=0)


def _at(key: str, refusal: Refusal) -> Refusal:
    return Refusal(refusal.code, refusal.clause, refusal.zh, refusal.en, {**refusal.figures, "key": key})


def plan_terms(plan: Plan) -> PlanTerms:
    """What a scheme asks of a plan, in the scheme's words."""
    joins = [FACTS[name].risk for name in sorted(conditions.names(plan.join))]
    rates = sorted(conditions.names(*(row.condition for row in plan.premium)))
    return PlanTerms(
        join_conditions=tuple(dict.fromkeys("history" if risk == "illness" else risk for risk in joins if risk)),
        premium_factors=tuple(dict.fromkeys(_FACTORS.get(name) or ("illness-risk" if FACTS[name].risk else name) for name in rates)),
        covers_in_scope=any(benefit.weights[0] for benefit in plan.benefits),
        covers_out_of_scope=any(benefit.weights[3] for benefit in plan.benefits),
        excluded_diagnoses=tuple(code for exclusion in plan.exclusions for atom in conditions.atoms(exclusion.condition)
                                 if atom.fact == "diagnosis" for code in atom.values))
