"""A settlement's payment as sentences: the steps of the fold, as a person at the desk reads them, in Chinese and English."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

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
            benefit, (why_zh, why_en), paid = plan.benefits[b], _why(bill, b), yuan(payment.pay)
            said_zh, said_en = _said(benefit, payment)
            zh.append(f"{benefit.name}：{why_zh}{'；'.join(said_zh)}。赔付 {paid} 元。")
            en.append(f"{benefit.id}: {why_en}{'; '.join(said_en)}. Pays {paid} yuan.")
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


def _said(benefit: Benefit, payment: Payment) -> tuple[list[str], list[str]]:
    """Each step of one benefit in Chinese and in English, in the order of the arithmetic."""
    groups: dict[str, list[Step]] = {kind: [] for kind in _ORDER}
    for step in payment.steps:
        groups[step.kind].append(step)
    zh: list[str] = []
    en: list[str] = []
    for step in groups["base"][:1]:
        amount = yuan(step.figures[0])
        zh.append(f"{_costs(benefit.weights, BUCKET_ZH, '、')} {amount} 元")
        en.append(f"{_costs(benefit.weights, _BUCKET_EN, ', ')} {amount}")
    for step in groups["limit"]:
        cost, most, within = map(yuan, step.figures)
        zh.append(f"“{step.about}”最多计入 {most} 元，{cost} 元计入 {within} 元")
        en.append(f"at most {most} counts under {step.about!r}: {within} of {cost}")
    for step in groups["deductible"]:
        amount, used, took = map(yuan, step.figures)
        zh.append(f"{step.about} {amount} 元，此前已用 {used} 元，本次扣除 {took} 元")
        en.append(f"deductible {amount}, used before {used}, now {took}")
    if bands := groups["band"]:
        along, pays = " + ".join(f"{yuan(step.figures[2])} × {percent(step.figures[3])}" for step in bands), yuan(_sum(bands))
        zh.append(f"超出部分 {along} = {pays} 元")
        en.append(f"of what exceeds it {along} = {pays}")
    for step in groups["flat"]:
        passed, flat = map(yuan, step.figures)
        zh.append(f"累计超过 {passed} 元，一次性给付 {flat} 元")
        en.append(f"{flat} once on passing {passed}")
    for step in groups["hold"][-1:]:
        left = yuan(step.figures[1])
        zh.append(f"不超过本人仍负担的 {left} 元")
        en.append(f"not more than the {left} that the person still bears")
    for step in groups["cap"]:
        _cap(step, zh, en)
    return zh, en


@lru_cache(maxsize=1_024)
def _costs(weights: tuple[int, ...], names: tuple[str, ...], separator: str) -> str:
    """Which costs a benefit looks at; the same for every bill."""
    return separator.join(names[k] if weights[k] == WHOLE else f"{percent(weights[k])} {names[k]}"
                          for k in range(len(BUCKETS)) if weights[k])


def _sum(steps: Sequence[Step]) -> int:
    return (sum(step.figures[2] * step.figures[3] for step in steps) + WHOLE // 2) // WHOLE


def _cap(step: Step, zh: list[str], en: list[str]) -> None:
    most, before, payable, paid = step.figures
    cap = yuan(most)
    if paid == payable:
        zh.append(f"未超{step.about} {cap} 元")
        en.append(f"within the cap of {cap}")
    else:
        zh.append(f"{step.about} {cap} 元，此前已用 {yuan(before)} 元，本次以 {yuan(paid)} 元为限")
        en.append(f"cap {cap}, used before {yuan(before)}, so {yuan(paid)}")
