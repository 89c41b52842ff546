"""A settlement's payment as sentences: the steps of the fold, as a person at the desk reads them, in Chinese and English."""

from collections.abc import Sequence
from dataclasses import dataclass

from huibao.benefits import conditions
from huibao.benefits.fold import Payment, Settlement, Step
from huibao.benefits.model import BUCKET_ZH, BUCKETS, Benefit, Plan
from huibao.core.money import WHOLE, percent, yuan

_BUCKET_EN = ("in-scope cost left to the person", "class-B part paid first", "cost over the price limit", "fully self-paid cost")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was paid and why: a sentence for each benefit that had anything to look at, and one for the whole."""

    zh: tuple[str, ...]
    en: tuple[str, ...]
    pay_fen: int


def explain(plan: Plan, bill: Settlement, payments: Sequence[Payment]) -> Explanation:
    """The explanation of payments that were made with their steps (`settle(..., explain=True)`)."""
    zh, en = [], []
    total = sum(payment.pay for payment in payments)
    for b, payment in enumerate(payments):
        if payment.base:
            zh.append(f"{plan.benefits[b].name}:{_why(bill, b)[0]}{';'.join(_zh(plan.benefits[b], payment))}。赔付 {yuan(payment.pay)} 元。")
            en.append(f"{plan.benefits[b].id}: {_why(bill, b)[1]}{'; '.join(_en(plan.benefits[b], payment))}. Pays {yuan(payment.pay)} yuan.")
    excluded = sorted({part.terms.excluded for part in bill.parts if part.terms.excluded})
    if excluded:
        zh.append(f"本次就诊不在保障范围:{'、'.join(excluded)}。")
        en.append(f"This visit is not covered: {', '.join(excluded)}.")
    elif not zh:
        zh.append("本次结算没有属于保障范围的费用。")
        en.append("Nothing on this bill is within the benefits.")
    if bill.provisional:
        zh.append("是否既往症尚无资料,暂按既往症比例赔付;核定后多退少补中应补的部分将另行支付。")
        en.append("Whether the illness is pre-existing is not known yet: paid at that ratio for now, what is more due follows once it is decided.")
    zh.append(f"合计赔付 {yuan(total)} 元。")
    en.append(f"In all {yuan(total)} yuan.")
    return Explanation(tuple(zh), tuple(en), total)


def _why(bill: Settlement, b: int) -> tuple[str, str]:
    """Which variations applied to a benefit."""
    varied = dict.fromkeys(c for part in bill.parts if any(part.terms.weights[b]) for c in part.terms.varied[b])
    if not varied:
        return "", ""
    words = "、".join(conditions.in_words(c) for c in varied)
    return f"(适用:{words})", f"(where {words}) "


def _zh(benefit: Benefit, payment: Payment) -> list[str]:
    said = []
    for kind, group in _grouped(payment.steps):
        match kind:
            case "base":
                said.append(f"{_costs(benefit, BUCKET_ZH, '、')} {yuan(payment.base)} 元")
            case "limit":
                said += [f"“{s.about}”最多计入 {yuan(s.figures[1])} 元,{yuan(s.figures[0])} 元计入 {yuan(s.figures[2])} 元" for s in group]
            case "deductible":
                said += [f"{s.about} {yuan(s.figures[0])} 元,此前已用 {yuan(s.figures[1])} 元,本次扣除 {yuan(s.figures[2])} 元" for s in group]
            case "band":
                said.append(f"超出部分 {_bands(group)} = {yuan(_sum(group))} 元")
            case "flat":
                said += [f"累计超过 {yuan(s.figures[0])} 元,一次性给付 {yuan(s.figures[1])} 元" for s in group]
            case _:
                said += [_cap_zh(s) for s in group]
    return said


def _en(benefit: Benefit, payment: Payment) -> list[str]:
    said = []
    for kind, group in _grouped(payment.steps):
        match kind:
            case "base":
                said.append(f"{_costs(benefit, _BUCKET_EN, ', ')} {yuan(payment.base)}")
            case "limit":
                said += [f"at most {yuan(s.figures[1])} counts under {s.about!r}: {yuan(s.figures[2])} of {yuan(s.figures[0])}" for s in group]
            case "deductible":
                said += [f"deductible {yuan(s.figures[0])}, used before {yuan(s.figures[1])}, now {yuan(s.figures[2])}" for s in group]
            case "band":
                said.append(f"of what exceeds it {_bands(group)} = {yuan(_sum(group))}")
            case "flat":
                said += [f"{yuan(s.figures[1])} once on passing {yuan(s.figures[0])}" for s in group]
            case _:
                said += [_cap_en(s) for s in group]
    return said


def _costs(benefit: Benefit, names: Sequence[str], separator: str) -> str:
    return separator.join(names[k] if benefit.weights[k] == WHOLE else f"{percent(benefit.weights[k])} {names[k]}"
                          for k in range(len(BUCKETS)) if benefit.weights[k])


def _grouped(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    """Steps of one kind together, in the order of the arithmetic."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.kind, []).append(step)
    return list(groups.items())


def _bands(steps: Sequence[Step]) -> str:
    return " + ".join(f"{yuan(step.figures[2])} × {percent(step.figures[3])}" for step in steps)


def _sum(steps: Sequence[Step]) -> int:
    return (sum(step.figures[2] * step.figures[3] for step in steps) + WHOLE // 2) // WHOLE


def _cap_zh(step: Step) -> str:
    most, before, payable, paid = step.figures
    if paid == payable:
        return f"未超{step.about} {yuan(most)} 元"
    return f"{step.about} {yuan(most)} 元,此前已赔 {yuan(before)} 元,本次以 {yuan(paid)} 元为限"


def _cap_en(step: Step) -> str:
    most, before, payable, paid = step.figures
    if paid == payable:
        return f"within the cap of {yuan(most)}"
    return f"cap {yuan(most)}, paid before {yuan(before)}, so {yuan(paid)}"
