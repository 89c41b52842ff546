"""National rules by date, and where they and a local document disagree: both are answered, with what is done.

A rule's `effects` are keys of a closed vocabulary (`EFFECTS`); any slice asks `effect(rules, on, "complaint_days")`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from huibao.core.money import WHOLE, half_up, percent, yuan
from huibao.core.refusal import Refusal
from huibao.scheme import rules, terms, words
from huibao.scheme.asked import Product
from huibao.scheme.model import Basis, Scheme, in_force
from huibao.scheme.sentences import called, source

#: What a national rule can do: key → how its value reads. A ratio is kept in ten-thousandths.
EFFECTS: Final = {
    "product_kinds": "kinds",
    "cooling_off_days_least": "whole",
    "waiting_period_days_most": "whole",
    "health_management_cost_most": "ratio",
    "account_never_pays": "kinds",
    "no_automatic_renewal": "flag",
    "stop_sale_notice_days": "whole",
    "payout_disclosed_months": "whole",
    "head_office_responsible": "flag",
    "no_below_cost_price": "flag",
    "no_preset_payout_ratio": "flag",
    "no_fund_pool": "flag",
    "no_change_within_year": "flag",
    "differentiated_price": "flag",
    "name_carries_area": "flag",
    "exclusions_must_be_shown": "flag",
    "papers_asked_once": "flag",
    "claim_decided_days": "whole",
    "claim_paid_days": "whole",
    "refusal_notice_days": "whole",
    "certain_part_days": "whole",
    "refund_days": "whole",
    "complaint_days": "whole",
    "licensed_bodies_only": "flag",
    "evidence_years": "whole",
    "core_solvency_least": "ratio",
    "comprehensive_solvency_least": "ratio",
    "risk_rating_least": "text",
    "separate_consent": "flag",
    "guardian_under_age": "whole",
    "sharing_record_years": "whole",
    "face_never_only_way": "flag",
}

Value = int | str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NationalRule:
    """One national rule; in force from `since` to `until`, both included. `note` says what is unsure of its date."""

    id: str
    number: str
    issuer: str
    name: str
    since: date
    until: date | None
    asks: tuple[str, ...]
    effects: Mapping[str, Value]
    note: str

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


@dataclass(frozen=True, slots=True)
class Effect:
    rule: NationalRule
    value: Value


@dataclass(frozen=True, slots=True)
class Answer:
    """A matter on which local document and national rule both speak: either side, its date, and what is done.

    `behaviour` is stable; `clause` and `national` are None where that side is silent or not in force.
    """

    matter: str
    behaviour: str
    clause: str | None
    clause_since: date | None
    national: str | None
    national_since: date | None
    figures: Mapping[str, int | str]
    zh: str
    en: str


def rules_in_force(national: Iterable[NationalRule], on: date) -> tuple[NationalRule, ...]:
    """The national rules in force on `on`, oldest first."""
    return tuple(sorted((rule for rule in national if rule.holds(on)), key=lambda rule: (rule.since, rule.id)))


def effect(national: Iterable[NationalRule], on: date, key: str) -> Effect | None:
    """What a key is on `on`, with the rule that says so. Raises `KeyError` for a key that no rule can have."""
    if key not in EFFECTS:
        raise KeyError(key)
    return next((Effect(rule, rule.effects[key]) for rule in rules_in_force(national, on) if key in rule.effects), None)


def payout_trigger(
    scheme: Scheme,
    national: Iterable[NationalRule],
    on: date,
    funds_raised_fen: int,
    net_payout_fen: int,
    period_over: bool,
) -> Answer:
    """What follows from an agreement period's net payout, run-off included, of all funds raised (SY-3.3's rule).

    Behaviours: `no-rule`, `no-funds`, `projection` (before the period is over, labelled as such), `not-below`,
    `re-price-now`, `re-price-next-contract-year`. The last two open the alert and the study.
    """
    rule = in_force(scheme.payout_ratio, on)
    law = effect(national, on, "no_preset_payout_ratio")
    figures: dict[str, int | str] = {"funds_raised_fen": funds_raised_fen, "net_payout_fen": net_payout_fen}
    if rule is None:
        return _answer(scheme, "payout", "no-rule", None, law, figures,
                       "仅公布净赔付率，不触发重新精算", "the ratio is shown; it opens nothing")
    if funds_raised_fen <= 0:
        return _answer(scheme, "payout", "no-funds", rule.basis, law, figures,
                       "尚无筹资额，净赔付率无从计算", "no funds raised yet, so there is no ratio")
    ratio = half_up(max(net_payout_fen, 0) * WHOLE, funds_raised_fen)
    figures |= {"ratio": ratio, "below": rule.below}
    shown_zh = f"净赔付率 {percent(ratio)}，标准 {percent(rule.below)}"
    shown_en = f"net payout {percent(ratio)}, mark {percent(rule.below)}"
    if not period_over:
        return _answer(scheme, "payout", "projection", rule.basis, law, figures,
                       f"协议期未满，以下为预测：{shown_zh}", f"projection, the period is not over: {shown_en}")
    if net_payout_fen * WHOLE >= funds_raised_fen * rule.below:
        return _answer(scheme, "payout", "not-below", rule.basis, law, figures,
                       f"{shown_zh}，不触发重新精算", f"{shown_en}: no re-pricing")
    if law:
        return _answer(scheme, "payout", "re-price-next-contract-year", rule.basis, law, figures,
                       f"{shown_zh}，发出提示并重新精算；比例仅作展示，新条款自下一合同年度起",
                       f"{shown_en}: alert and study; the mark is shown only, new terms from the next contract year")
    return _answer(scheme, "payout", "re-price-now", rule.basis, law, figures,
                   f"{shown_zh}，发出提示并重新精算，可降低起付线、提高报销比例",
                   f"{shown_en}: alert and study; lower deductibles or higher ratios may be set")


def surplus(
    scheme: Scheme,
    national: Iterable[NationalRule],
    on: date,
    income_fen: int,
    payout_fen: int,
    cost_fen: int,
    limited_profit_fen: int,
) -> Answer:
    """The year's surplus beyond the limited profit, and whether it is carried.

    Behaviours: `carried` (figures say how much), `deficit` (nothing to carry), `shown-only`.
    """
    rule = in_force(scheme.surplus, on)
    law = effect(national, on, "no_fund_pool")
    left = income_fen - payout_fen - cost_fen - limited_profit_fen
    carries = rule is not None and rule.carried
    figures: dict[str, int | str] = {"surplus_fen": left, "carried_fen": max(left, 0) if carries else 0}
    basis = rule.basis if rule else None
    if left <= 0:
        return _answer(scheme, "surplus", "deficit", basis, law, figures,
                       f"限定利润后结余 {yuan(left)} 元，无可结转", f"{yuan(left)} yuan after limited profit: none to carry")
    if carries:
        return _answer(scheme, "surplus", "carried", basis, law, figures,
                       f"限定利润以外结余 {yuan(left)} 元，转入下一年度或周期，仅在本产品账内使用",
                       f"{yuan(left)} yuan beyond the limited profit go to the next year or cycle,"
                       " on this product's books")
    return _answer(scheme, "surplus", "shown-only", basis, law, figures,
                   f"限定利润以外结余 {yuan(left)} 元，仅公布，不结转", f"{yuan(left)} yuan left: shown, not carried")


def renewal(scheme: Scheme, national: Iterable[NationalRule], on: date) -> Answer:
    """Whether a policy may renew by itself: `ask-afresh` where a national rule forbids it, else `by-terms`."""
    law = effect(national, on, "no_automatic_renewal")
    if law:
        return _answer(scheme, "renewal", "ask-afresh", None, law, {},
                       "到期只提醒，由本人重新确认后投保，不自动扣费", "a reminder and a fresh confirmation, no silent charge")
    return _answer(scheme, "renewal", "by-terms", None, law, {}, "按保险条款办理", "as the policy's terms say")


def price_factor(scheme: Scheme, national: Iterable[NationalRule], on: date, factor: str) -> Answer:
    """Whether the premium may differ by a factor: `allowed`, `refused` by a clause, or `closed` by silence.

    A national wish for differentiated prices opens no factor that the scheme does not list.
    """
    law = effect(national, on, "differentiated_price")
    rule = in_force(scheme.premium, on)
    decided = terms.premium_may_vary(scheme, on, factor)
    figures: dict[str, int | str] = {"factor": factor}
    label = words.FACTORS.get(factor, factor)
    if not isinstance(decided, Refusal):
        behaviour, zh, en = "allowed", f"保费可按{label}区分", f"the premium may vary by {factor}"
    elif decided.clause:
        behaviour, zh, en = "refused", f"保费不得按{label}区分", f"the premium may never vary by {factor}"
    else:
        behaviour, zh, en = "closed", f"保费不按{label}区分", f"the premium does not vary by {factor}"
    basis = rule.basis if rule and behaviour != "closed" else None
    return _answer(scheme, "price", behaviour, basis, law, figures, zh, en)


def account_open(scheme: Scheme, on: date, product: Product) -> Answer:
    """Whether account money may buy this product this year: `open`, or the code of the refusal."""
    decided = rules.account_opened(scheme, on, product)
    if isinstance(decided, Refusal):
        rule = in_force(scheme.account, on)
        basis = rule.basis if rule and decided.clause == rule.basis.cite.id else None
        return _answer(scheme, "account", decided.code, basis, None, decided.figures, "不可使用个人账户", "not open")
    return _answer(scheme, "account", "open", decided.basis, None, {}, "可使用个人账户", "open")


def _answer(
    scheme: Scheme, matter: str, behaviour: str, basis: Basis | None, law: Effect | None,
    figures: Mapping[str, int | str], zh: str, en: str,
) -> Answer:
    """The behaviour with both rules and their dates in the sentence."""
    local_zh, local_en = source(scheme, basis.cite if basis else None)
    if basis:
        local_zh, local_en = f"{local_zh}，自 {basis.since} 起", f"{local_en}, from {basis.since}"
    if law:
        rule = law.rule
        law_zh, law_en = f"国家：{rule.number}，自 {rule.since} 起", f"national: {rule.number}, from {rule.since}"
    else:
        law_zh, law_en = f"国家：当日无规定（{called(scheme.document)}以外）", "national: no rule on that day"
    return Answer(
        matter, behaviour,
        basis.cite.id if basis else None, basis.since if basis else None,
        law.rule.number if law else None, law.rule.since if law else None,
        figures, f"{zh}（本地：{local_zh}；{law_zh}）", f"{en} (local: {local_en}; {law_en})",
    )
