"""For those who write plans: what the program understood, in words, and the reference page of facts."""

from collections.abc import Iterator

from huibao.benefits.conditions import ALWAYS, Condition, in_words
from huibao.benefits.facts import FACTS, LEVELS
from huibao.benefits.model import BUCKET_ZH, Amount, Band, Benefit, Deductible, Plan
from huibao.benefits.surrender import in_words as surrender_in_words
from huibao.core.money import WHOLE, percent, yuan
from huibao.scheme import words

_PER = {"visit": "每次就诊", "year": "每年", "item": "每个项目（目录编码）", "unit": "每单位数量"}
_VISIT_DATE = {"admission": "入院日", "discharge": "出院日", "settlement": "结算日", "split": "按天分摊"}
_STATUS = {"published": "已公布", "example": "示例", "proposed": "拟投标"}
_WHEN_BOTH = {"best": "取对被保险人最有利的", "first": "取先写的", "last": "取后写的"}
_LEVEL = {"policy": "保单（承保时确定）", "visit": "就诊", "line": "明细"}
_KIND = {"flag": "是或否", "number": "整数", "choice": "选项", "code": "编码"}


def plan_in_words(plan: Plan) -> Iterator[str]:
    """A plan read back, line by line, for its author to compare with the terms."""
    yield f"{plan.name}（{plan.id}，{_STATUS[plan.status]}，{words.KINDS[plan.kind]}）"
    yield f"保险期间 {plan.valid_from} 至 {plan.valid_to}"
    if plan.renews:
        yield f"接续产品 {plan.renews}；连续参保按其保单计算"
    yield f"跨期就诊：{_VISIT_DATE[plan.visit_counts_at]}" + (
        f"；期满未出院顺延 {plan.tail_days} 天，已续保、退保等提前终止的不顺延" if plan.tail_days else "")
    if plan.tiers:
        yield f"档次：{'、'.join(f'{name}（{tier}）' for tier, name in plan.tiers)}"
    yield "保费：" + "；".join(f"{'' if row.condition == ALWAYS else in_words(row.condition) + ' '}{yuan(row.fen)} 元" for row in plan.premium)
    if plan.join != ALWAYS:
        yield f"参保条件：{in_words(plan.join)}"
    if plan.before:
        yield f"先于 {'、'.join(plan.before)} 赔付"
    yield from _defined(plan)
    for exclusion in plan.exclusions:
        only = "、".join(plan.benefits[b].name for b in exclusion.benefits)
        yield f"除外：{exclusion.name}（{in_words(exclusion.condition)}）" + (f"，仅限{only}" if only else "")
    for b, benefit in enumerate(plan.benefits):
        yield from _benefit(plan, b, benefit)
    for shared in plan.deductibles:
        if shared.shared:
            names = "、".join(plan.benefits[b].name for b in shared.benefits)
            how = "按费用比例" if shared.proportion else "按保障先后"
            yield (f"共用免赔额“{shared.name}”：{_PER[shared.per]} {_amount(shared.amount)}，{how}用于{names}{_scope(shared.scope)}"
                   f"{_feeds(shared)}")
    for cap in plan.caps:
        if cap.shared:
            names = "、".join(plan.benefits[b].name for b in cap.benefits)
            yield f"总限额“{cap.name}”：{_PER[cap.per]} {_amount(cap.amount)}，合计{names}{_scope(cap.scope)}"
    yield surrender_in_words(plan.surrender)
    yield f"文本摘要：{plan.digest}"


def _defined(plan: Plan) -> Iterator[str]:
    """What conditions mean by earlier illness and by lists of drugs."""
    if plan.preexisting:
        groups = "、".join(f"{name}（{'、'.join(codes)}）" for name, codes in plan.preexisting.groups.items())
        yield f"既往症：回溯 {plan.preexisting.look_back_years} 年，过去与本次的诊断属于同一类；{groups}"
    for name, codes in plan.lists.items():
        yield f"{list_name(name)}：共 {len(codes)} 项，{'、'.join(codes)}"


def list_name(id: str) -> str:
    """What a list of drugs of a plan is called; conditions name it by its id."""
    return f"药品目录“{id}”"


def _benefit(plan: Plan, b: int, benefit: Benefit) -> Iterator[str]:
    weighted = [(name, weight) for name, weight in zip(BUCKET_ZH, benefit.weights, strict=True) if weight]
    costs = "、".join(name if weight == WHOLE else f"{name}的 {percent(weight)}" for name, weight in weighted)
    yield f"保障“{benefit.name}”：{costs}{_only(benefit.condition)}"
    for limit in plan.limits:
        if limit.benefit == b:
            yield f"  计入费用：{limit.name}，{_PER[limit.per]}最多 {yuan(limit.amount_fen)} 元{_only(limit.about)}"
    for deductible in plan.deductibles:
        if deductible.benefits == (b,) and not deductible.shared:
            yield f"  {deductible.name} {_amount(deductible.amount)}{_scope(deductible.scope)}{_feeds(deductible)}"
    each = "（每次就诊分别计档）" if benefit.bands_per == "visit" and len(benefit.bands) > 1 else ""
    yield f"  赔付：{_bands(benefit.bands, benefit.from_zero)}{each}"
    for v in benefit.variations:
        yield f"  {in_words(v.condition)}:" + (
            _bands(v.bands, benefit.from_zero) if v.bands else f"比例改为 {'、'.join(map(percent, v.ratios))}" if v.ratios
            else f"比例乘 {percent(v.times)}" if v.times is not None else f"比例加 {(v.points or 0) // 100} 个百分点")
    if benefit.when_both:
        yield f"  同时符合几种情形时{_WHEN_BOTH[benefit.when_both]}"
    for cap in plan.caps:
        if cap.benefits == (b,) and not cap.shared:
            yield f"  {cap.name} {_amount(cap.amount)}{_scope(cap.scope)}"


def _bands(bands: tuple[Band, ...], from_zero: bool) -> str:
    if len(bands) == 1 and not bands[0].flat_fen:
        return f"免赔额以上 {percent(bands[0].ratio)}"
    start = "累计费用" if from_zero else "免赔额以上"
    return "；".join(
        f"{start} {yuan(band.above_fen)} 元{f'至 {yuan(bands[k + 1].above_fen)} 元' if k + 1 < len(bands) else '以上'} {percent(band.ratio)}"
        + (f"，进入时一次性给付 {yuan(band.flat_fen)} 元" if band.flat_fen else "") for k, band in enumerate(bands))


def _amount(amount: Amount) -> str:
    both = f"；同时符合的{_WHEN_BOTH[amount.when_both]}" if amount.when_both and len(amount.when) > 1 else ""
    return f"{yuan(amount.fen)} 元" + "".join(f"；{in_words(condition)}时 {yuan(fen)} 元" for condition, fen in amount.when) + both


def _only(condition: Condition) -> str:
    return "" if condition == ALWAYS else f"；限 {in_words(condition)}"


def _feeds(deductible: Deductible) -> str:
    return "；计入外层免赔额" if deductible.feeds else ""


def _scope(scope: str) -> str:
    return "，全家共用" if scope == "household" else ""


def facts_page() -> str:
    """The reference page of facts, in Markdown; `docs/reference/facts.md` is its text."""
    lines = ["# 条件里可以使用的词", "",
             "产品文件的 `is` 只能使用下面的词。列是文件和报文里的字段名（有国家字段的用国家字段）。",
             "写法：`词`（是或否）、`词 = 值`、`词 >= 数`、`词 in (a, b)`，用 `and`、`or`、`not` 和括号连接；诊断可写范围 `C00-C97`。", "",
             "The closed vocabulary of conditions. Generated by `huibao plan facts`.", ""]
    for level in LEVELS:
        lines += [f"## {_LEVEL[level]}", "", "| 词 | 含义 | 列 | 类型 | 没有给出时 | 说明 |", "|---|---|---|---|---|---|"]
        for fact in FACTS.values():
            if fact.level == level:
                values = "、".join(v for v in fact.values if v) or _KIND[fact.kind]
                missing = "必须提供" if fact.needed else "未知" if fact.default is None else _default(fact.default)
                column = f"`{fact.column}`" if fact.column else "（推算）"
                lines.append(f"| `{fact.name}` | {fact.zh} | {column} | {values} | {missing} | {fact.note} |")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _default(value: object) -> str:
    return {True: "是", False: "否"}[value] if isinstance(value, bool) else str(value) or "空"
