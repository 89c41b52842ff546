"""A settlement's payment as sentences: the steps of the fold, as a person at the desk reads them, in Chinese and English."""

from collections.abc import Sequence
from dataclasses import dataclass

from huibao.benefits import conditions
from huibao.benefits.fold import Payment, Settlement, Step
from huibao.benefits.model import BUCKET_ZH, BUCKETS, Benefit, Plan
from huibao.benefits.terms import NOT_IN_FORCE
from huibao.core.money import WHOLE, percent, yuan

_EXCLUDED_EN = {NOT_IN_FORCE: "outside the period of cover"}
_BUCKET_EN = ("in-scope cost left to the person", "class-B part paid first", "cost over the price limit", "fully self-paid cost")


#: The kinds of steps in the order of the arithmetic.
_ORDER = ("base", "limit", "deductible", "band", "flat", "hold", "cap")


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
            said_zh = "；".join(_zh(plan.benefits[b], payment))
            zh.append(f"{plan.benefits[b].name}：{_why(bill, b)[0]}{said_zh}。赔付 {yuan(payment.pay)} 元。")
            said = "; ".join(_en(plan.benefits[b], payment))
            en.append(f"{plan.benefits[b].id}: {_why(bill, b)[1]}{said}. Pays {yuan(payment.pay)} yuan.")
    for b, name in sorted({found for part in bill.parts if any(part.amounts) for found in part.terms.left_out}):
        zh.append(f"“{plan.benefits[b].name}”不赔：{name}。")
        en.append(f"{plan.benefits[b].id} pays nothing: {name!r}.")
    excluded = sorted({part.terms.excluded for part in bill.parts if part.terms.excluded})
    if excluded:
        whole = all(part.terms.excluded for part in bill.parts)
        zh.append(f"{'本次就诊' if whole else '部分费用'}不在保障范围：{'、'.join(excluded)}。")
        en.append(f"{'This visit' if whole else 'Part of the bill'} is not covered: "
                  f"{', '.join(_EXCLUDED_EN.get(name, repr(name)) for name in excluded)}.")
    elif not zh:
        zh.append("本次结算没有属于保障范围的费用。")
        en.append("Nothing on this bill is within the benefits.")
    if bill.provisional and any(payment.base for payment in payments):
        zh.append("是否既往症尚无资料，暂按既往症比例赔付；核定后应补的部分另行支付。")
        en.append("Whether the illness is pre-existing is not known yet: paid at that ratio for now; "
                  "what is more due follows once it is decided.")
    zh.append(f"合计赔付 {yuan(total)} 元。")
    en.append(f"In all {yuan(total)} yuan.")
    return Explanation(tuple(zh), tuple(en), total)


def difference_zh(difference_fen: int) -> str:
    """What a reversal before it leaves open on a settlement: posted beyond what would be right, or short of it."""
    words = ("多", "列为待处理案件，不自动扣回") if difference_fen > 0 else ("少", "应补足")
    return f"因前面的冲销重算：已赔付比应赔付{words[0]} {yuan(abs(difference_fen))} 元，{words[1]}。"


def _why(bill: Settlement, b: int) -> tuple[str, str]:
    """Which variations applied to a benefit."""
    varied = dict.fromkeys(c for part in bill.parts if any(part.terms.weights[b]) for c in part.terms.varied[b])
    if not varied:
        return "", ""
    return f"（适用：{'、'.join(map(conditions.in_words, varied))}）", f"(where {', '.join(map(conditions.as_text, varied))}) "


def _zh(benefit: Benefit, payment: Payment) -> list[str]:
    said = []
    for kind, group in _grouped(payment.steps):
        match kind:
            case "base":
                said.append(f"{_costs(benefit, BUCKET_ZH, '、')} {yuan(payment.base)} 元")
            case "limit":
                said += [f"“{s.about}”最多计入 {yuan(s.figures[1])} 元，{yuan(s.figures[0])} 元计入 {yuan(s.figures[2])} 元" for s in group]
            case "deductible":
                said += [f"{s.about} {yuan(s.figures[0])} 元，此前已用 {yuan(s.figures[1])} 元，本次扣除 {yuan(s.figures[2])} 元" for s in group]
            case "band":
                said.append(f"超出部分 {_bands(group)} = {yuan(_sum(group))} 元")
            case "flat":
                said += [f"累计超过 {yuan(s.figures[0])} 元，一次性给付 {yuan(s.figures[1])} 元" for s in group]
            case "hold":
                said += [f"不超过本人仍负担的 {yuan(s.figures[1])} 元" for s in group[-1:]]
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
                said += [f"at most {yuan(most)} counts under {s.about!r}: {yuan(within)} of {yuan(cost)}"
                         for s in group for cost, most, within in [s.figures]]
            case "deductible":
                said += [f"deductible {yuan(s.figures[0])}, used before {yuan(s.figures[1])}, now {yuan(s.figures[2])}" for s in group]
            case "band":
                said.append(f"of what exceeds it {_bands(group)} = {yuan(_sum(group))}")
            case "flat":
                said += [f"{yuan(s.figures[1])} once on passing {yuan(s.figures[0])}" for s in group]
            case "hold":
                said += [f"not more than the {yuan(s.figures[1])} that the person still bears" for s in group[-1:]]
            case _:
                said += [_cap_en(s) for s in group]
    return said


def _costs(benefit: Benefit, names: Sequence[str], separator: str) -> str:
    return separator.join(names[k] if benefit.weights[k] == WHOLE else f"{percent(benefit.weights[k])} {names[k]}"
                          for k in range(len(BUCKETS)) if benefit.weights[k])


def _grouped(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    """Steps of one kind together, in the order of the arithmetic."""
    groups: dict[str, list[Step]] = {kind: [] for kind in _ORDER}
    for step in steps:
        groups[step.kind].append(step)
    return [(kind, group) for kind, group in groups.items() if group]


def _bands(steps: Sequence[Step]) -> str:
    return " + ".join(f"{yuan(step.figures[2])} × {percent(step.figures[3])}" for step in steps)


def _sum(steps: Sequence[Step]) -> int:
    return (sum(step.figures[2] * step.figures[3] for step in steps) + WHOLE // 2) // WHOLE


def _cap_zh(step: Step) -> str:
    most, before, payable, paid = step.figures
    if paid == payable:
        return f"未超{step.about} {yuan(most)} 元"
    return f"{step.about} {yuan(most)} 元，此前已用 {yuan(before)} 元，本次以 {yuan(paid)} 元为限"


def _cap_en(step: Step) -> str:
    most, before, payable, paid = step.figures
    if paid == payable:
        return f"within the cap of {yuan(most)}"
    return f"cap {yuan(most)}, used before {yuan(before)}, so {yuan(paid)}"
