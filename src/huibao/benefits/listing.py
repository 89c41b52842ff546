"""What clauses forbid: why a plan can't be sold under a scheme, each with its clause, and what national rules forbid anywhere."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from huibao.benefits import conditions
from huibao.benefits.conditions import Atom, Condition, ConditionError
from huibao.benefits.facts import FACTS
from huibao.benefits.model import Exclusion, Plan
from huibao.core.money import WHOLE
from huibao.core.refusal import Refusal
from huibao.scheme.asked import Product
from huibao.scheme.model import Scheme
from huibao.scheme.national import effect
from huibao.scheme.national_loading import builtin_national
from huibao.scheme.rules import product_refusal
from huibao.scheme.running import cost_and_profit
from huibao.scheme.terms import PlanTerms, common_illnesses, cost_not_stated, excludes, payer_order, plan_refusals

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
    for exclusion in plan.exclusions:
        for refusal in _exclusion(plan, exclusion, scheme, on):
            yield _at("exclusion", refusal)
    if plan.before:
        order = payer_order(scheme, on, before=plan.before)
        if isinstance(order, Refusal):
            yield _at("before", order)
    yield from _cost(plan, scheme, on)


def _cost(plan: Plan, scheme: Scheme, on: date) -> Iterator[Refusal]:
    """Cost and profit within the scheme's share; one that is not written counts as nothing, silence about both as none."""
    if plan.expense_ratio is None and plan.profit_ratio is None:
        silent = cost_not_stated(scheme, on)
        if silent:
            yield _at("cost", silent)
        return
    # Of a premium of 10,000 fen each ten-thousandth is one fen: the ratios need no premium of their own.
    found = cost_and_profit(scheme, on, WHOLE, plan.expense_ratio or 0, plan.profit_ratio or 0, plan.ratio_reason)
    if isinstance(found, Refusal):
        yield _at("cost", found)


def _exclusion(plan: Plan, exclusion: Exclusion, scheme: Scheme, on: date) -> Iterator[Refusal]:
    """Common illnesses that an exclusion can hold for, once every waiting period that it names is over.

    Told by the codes to take out, or by what to leave out where it names none of them. One that does not speak of
    diagnoses excludes nothing for being an illness.
    """
    condition = exclusion.condition
    spoken = list(conditions.atoms(condition))
    days = [int(value) for atom in spoken if atom.fact == "days_since_start" for value in atom.values]
    if days:
        condition = conditions.both(condition, Atom("days_since_start", ">=", (str(max(days) + 1),)))
    codes = list(dict.fromkeys(value for atom in spoken if atom.fact == "diagnosis" for value in atom.values))
    commons = common_illnesses(scheme, on) if codes else ()
    try:
        left = [common for common in commons if _meet(plan, condition, common)]
        told: set[str] = set()
        for code in codes if left else ():
            inside = conditions.both(condition, Atom("diagnosis", "in", (code,)))
            met = [common for common in left if _meet(plan, inside, common)]
            if met:
                yield excludes(scheme, on, met[0], f"请从免责条款中删去 {code}", f"take {code} out of the exclusions", diagnosis=code)
            told.update(met)
        rest = [common for common in left if common not in told]
        if rest:
            yield excludes(scheme, on, "、".join(rest), f"除外责任“{exclusion.name}”请加写 and not diagnosis in ({', '.join(rest)})",
                           f"write `and not diagnosis in ({', '.join(rest)})` in the exclusion {exclusion.name!r}")
    except ConditionError as error:
        yield Refusal("plan.exclusion_not_decided", None, f"除外责任“{exclusion.name}”：{error.zh}",
                      f"the exclusion {exclusion.name!r}: {error.en}", {})


def _meet(plan: Plan, condition: Condition, codes: str) -> bool:
    return conditions.compatible(condition, Atom("diagnosis", "in", (codes,)), plan.tier_ids)


def _national(plan: Plan, on: date) -> Iterator[Refusal]:
    longest = effect(builtin_national(), on, "waiting_period_days_most")
    days = max((plan.waiting_days, *(_waits(exclusion.condition) for exclusion in plan.exclusions)))
    if longest is not None and days > int(str(longest.value)):
        yield Refusal("plan.waiting_too_long", longest.rule.name, f"等待期 {days} 天，最长 {longest.value} 天。请缩短。",
                      f"a waiting period of {days} days; at most {longest.value}: shorten it.", {"key": "waiting", "days": days})


def _waits(condition: Condition) -> int:
    """The days that an exclusion waits for, where it speaks of days since the start."""
    found = [atom for atom in conditions.atoms(condition) if atom.fact == "days_since_start"]
    return max((int(atom.values[0]) + (atom.op == "<=") for atom in found), default=0)


def _at(key: str, refusal: Refusal) -> Refusal:
    return Refusal(refusal.code, refusal.clause, refusal.zh, refusal.en, {**refusal.figures, "key": key})


def plan_terms(plan: Plan) -> PlanTerms:
    """What a scheme asks of a plan, in the scheme's words; what its exclusions reach is asked of their conditions."""
    joins = [FACTS[name].risk for name in sorted(conditions.names(plan.join))]
    rates = sorted(conditions.names(*(row.condition for row in plan.premium)))
    return PlanTerms(
        join_conditions=tuple(dict.fromkeys("history" if risk == "illness" else risk for risk in joins if risk)),
        premium_factors=tuple(dict.fromkeys(_FACTORS.get(name) or ("illness-risk" if FACTS[name].risk else name) for name in rates)),
        covers_in_scope=any(benefit.weights[0] for benefit in plan.benefits),
        covers_out_of_scope=any(benefit.weights[3] for benefit in plan.benefits))
