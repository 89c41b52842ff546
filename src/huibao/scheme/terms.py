"""What a plan may and may not say under a scheme: conditions of joining, price, cover, exclusions, hardship, order.

Silence about a plan's terms leaves them to the insurer, except where money of a person's category or price is
concerned: there only what the scheme lists may be used.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from huibao.core.money import percent
from huibao.core.refusal import Refusal
from huibao.scheme import words
from huibao.scheme.model import Scheme, in_force
from huibao.scheme.sentences import Allowed, allow, refuse


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What decides about a plan: conditions and factors from the closed vocabularies, ICD-10 codes or ranges."""

    join_conditions: tuple[str, ...] = ()
    premium_factors: tuple[str, ...] = ()
    covers_in_scope: bool = True
    covers_out_of_scope: bool = True
    excluded_diagnoses: tuple[str, ...] = ()


def plan_refusals(scheme: Scheme, on: date, terms: PlanTerms) -> tuple[Refusal, ...]:
    """Every reason why a plan with these terms is refused, in the order of the fields; empty where it may load."""
    answers = [
        *(join_condition(scheme, on, condition) for condition in terms.join_conditions),
        *(premium_may_vary(scheme, on, factor) for factor in terms.premium_factors),
        coverage(scheme, on, terms.covers_in_scope, terms.covers_out_of_scope),
        *(exclusion(scheme, on, code) for code in terms.excluded_diagnoses),
    ]
    return tuple(answer for answer in answers if isinstance(answer, Refusal))


def join_condition(scheme: Scheme, on: date, condition: str) -> Allowed | Refusal:
    """Whether a plan may make joining depend on age, health, history, occupation or household registration."""
    rule = in_force(scheme.join, on)
    label = words.CONDITIONS.get(condition, condition)
    if rule and condition in rule.forbidden_conditions:
        return refuse(scheme, rule.basis.cite, "plan.join_condition_refused",
                      f"不得以{label}作为参保条件，请从方案中删去",
                      f"joining may not depend on {condition}; take it out of the plan", condition=condition)
    return allow(scheme, None, f"本地办法不限制以{label}为条件", f"not restricted here: {condition}")


def premium_may_vary(scheme: Scheme, on: date, factor: str) -> Allowed | Refusal:
    """Whether the premium may differ by this factor: only by those the scheme lists, never by those it rules out."""
    rule = in_force(scheme.premium, on)
    label = words.FACTORS.get(factor, factor)
    if rule and factor in rule.never_by:
        return refuse(scheme, rule.basis.cite, "plan.premium_by_illness_risk",
                      f"保费与个人疾病风险脱钩，不得按{label}定价，请从费率表中删去",
                      f"the premium does not depend on a person's illness risk; take {factor} out of the rates",
                      factor=factor)
    if rule and factor in rule.may_vary_by:
        return allow(scheme, rule.basis.cite, f"保费可按{label}区分", f"the premium may vary by {factor}")
    listed = words.named(words.FACTORS, rule.may_vary_by) if rule and rule.may_vary_by else "无"
    return refuse(scheme, None, "plan.premium_factor_not_provided",
                  f"保费不按{label}区分，可用的区分：{listed}",
                  f"the premium may not vary by {factor}; it may by: "
                  f"{', '.join(rule.may_vary_by) if rule and rule.may_vary_by else 'nothing'}", factor=factor)


def coverage(scheme: Scheme, on: date, in_scope: bool, out_of_scope: bool) -> Allowed | Refusal:
    """Whether a plan may leave out the person's in-scope part or the out-of-scope part."""
    rule = in_force(scheme.coverage, on)
    if rule is None or not rule.both_sides:
        return allow(scheme, None, "本地办法不限制保障范围", "what is covered is not restricted here")
    if in_scope and out_of_scope:
        return allow(scheme, rule.basis.cite, "政策范围内、外费用均有保障", "covers in-scope and out-of-scope costs")
    missing_zh, missing_en = ("政策范围外", "out-of-scope") if in_scope else ("政策范围内", "in-scope")
    if not in_scope and not out_of_scope:
        missing_zh, missing_en = "政策范围内、外", "in-scope and out-of-scope"
    return refuse(scheme, rule.basis.cite, "plan.covers_one_side",
                  f"方案缺少{missing_zh}费用的保障，请补充", f"the plan lacks {missing_en} costs; add them",
                  missing=missing_en)


def exclusion(scheme: Scheme, on: date, code: str) -> Allowed | Refusal:
    """Whether a plan may exclude an ICD-10 code, category or range ("I10.x00", "I10", "C00-D48")."""
    common = _overlapping(code, common_illnesses(scheme, on))
    if common is None:
        return allow(scheme, None, f"{code} 不在常见病、多发病之列", f"{code} is not among the common illnesses")
    return excludes(scheme, on, common, f"请从免责条款中删去 {code}", f"take {code} out of the exclusions", diagnosis=code)


def common_illnesses(scheme: Scheme, on: date) -> tuple[str, ...]:
    """The ICD-10 categories and ranges that no plan may exclude; none where the scheme names none."""
    rule = in_force(scheme.common_illness, on)
    return rule.codes if rule else ()


def excludes(scheme: Scheme, on: date, common: str, mend_zh: str, mend_en: str, **figures: str) -> Refusal:
    """The refusal of a plan that excludes common illnesses, with what to write instead."""
    rule = in_force(scheme.common_illness, on)
    listed = "（条文未列病种，病种清单为示例）" if rule and rule.codes_are_example else ""
    return refuse(scheme, rule.basis.cite if rule else None, "plan.excludes_common_illness",
                  f"不得免除常见病、多发病 {common} 的责任，{mend_zh}{listed}",
                  f"{common} is a common illness and may not be excluded; {mend_en}"
                  + (" (the list of illnesses is an example)" if rule and rule.codes_are_example else ""),
                  common=common, **figures)


def cost_not_stated(scheme: Scheme, on: date) -> Refusal | None:
    """The refusal of a plan that states neither cost nor profit where the scheme holds them within a share."""
    rule = in_force(scheme.cost_and_profit, on)
    if rule is None:
        return None
    most = percent(rule.most)
    return refuse(scheme, rule.basis.cite, "cost.not_stated",
                  f"成本及盈利率须在 {most} 以内，方案未写明，请写 [cost] 的 expense（成本）和 profit（盈利）各占保费的百分比",
                  f"cost and profit stay within {most} of the premium and the plan states neither; "
                  "write [cost] with expense and profit, each a percentage of the premium")


def favour(scheme: Scheme, on: date, category: str, matter: str) -> Allowed | Refusal:
    """Whether people of a hardship category may be favoured in `premium`, `payout` or `cover`."""
    rule = in_force(scheme.hardship, on)
    label, what = words.HARDSHIPS.get(category, category), words.FAVOURS.get(matter, matter)
    if rule and category in rule.categories and matter in rule.favours:
        return allow(scheme, rule.basis.cite, f"{label}可在{what}上倾斜", f"{category} may be favoured in {matter}")
    listed = words.named(words.HARDSHIPS, rule.categories) if rule else "无"
    return refuse(scheme, None, "plan.favour_not_provided",
                  f"未规定对{label}在{what}上倾斜，已列入的困难身份：{listed}",
                  f"no favour for {category} in {matter}; categories listed: "
                  f"{', '.join(rule.categories) if rule else 'none'}", category=category, matter=matter)


#: This insurance itself, in an order of payers.
OURS = "this"


def payer_order(
    scheme: Scheme, on: date, before: Iterable[str] = (), after: Iterable[str] = ()
) -> tuple[str, ...] | Refusal:
    """Who pays a bill, in order, by national field names, this insurance as `OURS`.

    `before` and `after` are what the plan says of the programmes whose place the scheme leaves to it.
    """
    rule = in_force(scheme.payer_order, on)
    if rule is None:
        return refuse(scheme, None, "order.not_provided", "未规定赔付次序，请在方案文件中写明 payer_order",
                      "the order of payers is not set; write payer_order in the scheme")
    before, after = tuple(before), tuple(after)
    for payer in (*before, *after):
        label = words.PAYERS.get(payer, payer)
        if payer in rule.first:
            return refuse(scheme, rule.basis.cite, "order.fixed", f"{label}的次序已定在本保险之前，请从计划中删去",
                          f"{payer} pays before this insurance; take it out of the plan", payer=payer)
        if payer not in rule.plan_sets:
            return refuse(scheme, None, "order.not_provided", f"{label}的次序不由计划决定，请从计划中删去",
                          f"the place of {payer} is not the plan's to set; take it out", payer=payer)
        if (*before, *after).count(payer) > 1:
            return refuse(scheme, rule.basis.cite, "order.twice", f"{label}写了两次，请只写一次",
                          f"{payer} stands twice; write it once", payer=payer)
    return (*rule.first, *before, OURS, *after)


def _overlapping(code: str, listed: Iterable[str]) -> str | None:
    first, last = _range(code)
    for item in listed:
        low, high = _range(item)
        if first <= high and low <= last:
            return item
    return None


def _range(code: str) -> tuple[str, str]:
    """Where the ICD-10 categories of a code, chapter letter or range begin and end, as text."""
    first, _, last = code.upper().partition("-")
    return first.strip()[:3], (last or first).strip()[:3] + "\uffff"
