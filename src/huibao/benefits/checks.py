"""What the arithmetic can't mean: plans that load as files and are refused as sums, each with the place to mend."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from huibao.benefits import conditions, surrender
from huibao.benefits.buckets import AMOUNTS
from huibao.benefits.conditions import Atom, Condition, ConditionError, Not
from huibao.benefits.facts import FACTS, Value
from huibao.benefits.model import BUCKETS, FUND_PAYERS, Amount, Benefit, Cap, Deductible, Limit, Plan, Variation
from huibao.benefits.terms import Compiled, axis
from huibao.core import money
from huibao.core.tomlfile import Source

#: Conditions become bits of one 63-bit integer; bit 0 is taken.
MOST_CONDITIONS = 60

#: Fields of an example besides amounts and facts.
_EXAMPLE_FIELDS = {"setl_id", "psn_no", "mdtrt_id", "setl_time", "begndate", "enddate", "reverses", "brdy", "history_dise", "cnt",
                   "list_type", "lines", "cover_from", "cover_to", "feedetl_sn", "overlmt_amt", *AMOUNTS, *FUND_PAYERS,
                   *(fact.column for fact in FACTS.values())}


def check(plan: Plan, source: Source) -> None:
    """Adds to `source` a problem for everything in the plan that has no one meaning."""
    if plan.valid_to < plan.valid_from:
        source.problem("valid", "to 早于 from，请写 from 当日或以后的日期", "`to` lies before `from`; write a day not before it")
    if plan.tail_days and plan.visit_counts_at != "split":
        source.problem("tail_days", "仅在 visit_counts_at = \"split\" 时可写", 'only with visit_counts_at = "split"')
    if plan.renews == plan.id:
        source.problem("renews", "不能是产品自己，请写上一年度产品的 id", "is the plan itself: write the id of the year before")
    _unique(plan, source)
    for n, limit in enumerate(plan.limits):
        _limits_nest(plan, n, limit, source)
    for b, benefit in enumerate(plan.benefits):
        key = f"benefit[{b + 1}]"
        _bands(plan, b, key, source)
        _variations(plan, benefit, key, source)
        _caps_nest(plan, b, key, source)
    for item in amounts(plan):
        _amount(plan, item, source)
    _levels(plan, source)
    _premium(plan, source)
    _examples(plan, source)
    _lists(plan, source)
    surrender.check(plan, source)
    if not source.problems:
        _reachable(plan, source)
    if len(Compiled(plan).conditions) > MOST_CONDITIONS:
        source.problem("benefit", f"不同条件超过 {MOST_CONDITIONS} 个，请合并相同的条件或删去一些",
                       f"more than {MOST_CONDITIONS} different conditions; write fewer")


def amounts(plan: Plan) -> Iterator[Deductible | Cap]:
    """Everything in a plan that has an amount frozen at inception."""
    yield from plan.deductibles
    yield from plan.caps


def _unique(plan: Plan, source: Source) -> None:
    for kind, ids in (("benefit", [x.id for x in plan.benefits]), ("tier", list(plan.tier_ids)),
                      ("deductible", [x.id for x in plan.deductibles]), ("cap", [x.id for x in plan.caps])):
        for twice in sorted({x for x in ids if ids.count(x) > 1}):
            source.problem(kind, f"“{twice}”出现不止一次，请为每一个写不同的 id",
                           f"{twice!r} stands more than once; write another id for each")
    for item in amounts(plan):
        if not item.benefits:
            source.problem(item.id, "没有任何保障使用它；请在 benefit 里写 { shared = \"…\" }",
                           'no benefit uses it: write { shared = "…" } in a benefit')
    for benefit in plan.benefits:
        if not any(benefit.weights):
            source.problem(f"benefit {benefit.id}", f"base 没有任何费用；可写 {'、'.join(BUCKETS)}",
                           f"base has no cost: write some of {', '.join(BUCKETS)}")


# ── bands ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def _bands(plan: Plan, b: int, key: str, source: Source) -> None:
    benefit = plan.benefits[b]
    deducted = [d for d in plan.deductibles if b in d.benefits]
    on = axis(plan, b)
    if benefit.from_zero and deducted and on < 0:
        source.problem(f"{key}.bands_from", f"从零计的分档需要本项自己的、同为 per = \"{benefit.bands_per}\" 的免赔额；共用免赔额请写 bands_from = \"deductible\"",
                       f'bands counted from zero need a deductible of this benefit\'s own with per = "{benefit.bands_per}"; '
                       'with a shared one write bands_from = "deductible"')
    outermost = [d for d in Compiled(plan).deductible_order if b in plan.deductibles[d].benefits][-1:]
    if on >= 0 and outermost != [on]:
        source.problem(f"{key}.bands_from", "从零计的分档须以最外层的免赔额为起点；还有外层免赔额时请写 bands_from = \"deductible\"",
                       'bands counted from zero start where the outermost deductible ends; with one further out write '
                       'bands_from = "deductible"')
    if on >= 0 and plan.deductibles[on].scope == "household":
        source.problem(f"{key}.bands_from", "家庭共用的免赔额不能作为个人分档的起点；请写 bands_from = \"deductible\"",
                       'a household\'s deductible is no axis for one person\'s bands; write bands_from = "deductible"')
    tops = {plan.deductibles[on].amount.fen, *(fen for _, fen in plan.deductibles[on].amount.when)} if on >= 0 else {0}
    starts = {0, *tops}
    for bands in (benefit.bands, *(v.bands for v in benefit.variations if v.bands)):
        if bands[0].above_fen not in starts:
            wanted = [money.plain_yuan(fen) for fen in sorted(starts)]
            source.problem(f"{key}.bands", f"第一档从 {money.yuan(bands[0].above_fen)} 元起，与免赔额之间有空隙或重叠；请写 above = {' 或 '.join(wanted)}",
                           f"the first band starts at {money.yuan(bands[0].above_fen)}: a gap or overlap with the deductible; "
                           f"write above = {' or '.join(wanted)}")
        if len(bands) > 1 and bands[1].above_fen <= max(tops):
            source.problem(f"{key}.bands", f"免赔额 {money.yuan(max(tops))} 元已达到第二档的起点 {money.yuan(bands[1].above_fen)} 元；请降低免赔额，"
                           "或删去付不到的档",
                           f"the deductible of {money.yuan(max(tops))} reaches the second band at {money.yuan(bands[1].above_fen)}: "
                           "lower the deductible, or take out the bands below it")


def _variations(plan: Plan, benefit: Benefit, key: str, source: Source) -> None:
    """Two `when`s on one key need a rule; band edges are frozen; a share of a ratio must be exact."""
    for same in (_payment, _times, _points):
        for one, other in combinations([v for v in benefit.variations if same(v)], 2):
            if not _together(plan, one.condition, other.condition, key, source):
                continue
            if not benefit.when_both:
                _two(source, key, one.condition, other.condition)
            elif benefit.when_both == "best" and (one.bands or other.bands):
                source.problem(f"{key}.when_both", "分档不同的两个 when 分不出“最优”，请写 first 或 last",
                               "two `when`s with different bands have no best: write first or last")
    for n, variation in enumerate(benefit.variations, 1):
        if variation.bands and conditions.level(variation.condition) != "policy":
            _frozen(source, f"{key}.when[{n}].bands", variation.condition)
        if variation.times is not None and any(ratio * variation.times % money.WHOLE for ratio in _ratios(benefit)):
            source.problem(f"{key}.when[{n}].times", "乘积不是两位小数以内的百分数，请直接写 ratios",
                           "the product is not a percentage of two decimals: write ratios")
        counts = {len(v.bands) for v in benefit.variations if v.bands}
        if variation.ratios and len(variation.ratios) > 1 and counts - {len(variation.ratios)}:
            source.problem(f"{key}.when[{n}].ratios", "与另一 when 的 bands 档数不同，请写同样多的档",
                           "another `when` has another number of bands; write as many")


def _ratios(benefit: Benefit) -> Iterator[int]:
    """Every ratio that a benefit may have before a share of it is taken."""
    for bands in (benefit.bands, *(v.bands or () for v in benefit.variations)):
        yield from (band.ratio for band in bands)
    for variation in benefit.variations:
        yield from variation.ratios or ()


def _payment(variation: Variation) -> bool:
    return bool(variation.bands or variation.ratios)


def _times(variation: Variation) -> bool:
    return variation.times is not None


def _points(variation: Variation) -> bool:
    return variation.points is not None


def _together(plan: Plan, one: Condition, other: Condition, key: str, source: Source) -> bool:
    """Whether two conditions can hold at once; where they tell too much apart to know, that is the problem."""
    return any(conditions.holds(one, facts) and conditions.holds(other, facts) for facts in _situations(plan, [one, other], key, source))


def _situations(plan: Plan, found: Sequence[Condition], key: str, source: Source) -> Iterator[dict[str, Value]]:
    try:
        yield from conditions.situations(found, plan.tier_ids)
    except ConditionError as error:
        source.problem(key, error.zh, error.en)


def _two(source: Source, key: str, one: Condition, other: Condition) -> None:
    pair = f"“{conditions.in_words(one)}”与“{conditions.in_words(other)}”"
    source.problem(f"{key}.when_both", f"{pair}可同时成立且改同一项；请写 when_both = \"best\"（对被保险人最有利）、\"first\" 或 \"last\"",
                   'two `when`s that can hold at once change the same key: write when_both = "best", "first" or "last"', "保险法 30")


def _frozen(source: Source, key: str, condition: Condition) -> None:
    loose = sorted(name for name in conditions.names(condition) if FACTS[name].level != "policy")
    source.problem(key, f"免赔额、分档起点和限额在承保时确定，不能随 {'、'.join(loose)} 变化；可改写 ratio",
                   f"deductibles, band edges and caps are frozen at inception and can't vary with {', '.join(loose)}; a ratio can")


# ── amounts, caps, limits ────────────────────────────────────────────────────────────────────────────────────────────

def _amount(plan: Plan, item: Deductible | Cap, source: Source) -> None:
    amount: Amount = item.amount
    for (one, _), (other, _) in combinations(amount.when, 2):
        if not amount.when_both and _together(plan, one, other, item.id, source):
            _two(source, item.id, one, other)
    for condition, _ in amount.when:
        if conditions.level(condition) != "policy":
            _frozen(source, f"{item.id}.when", condition)
        elif item.scope == "household" and any(not FACTS[name].household for name in conditions.names(condition)):
            source.problem(f"{item.id}.when", "家庭共用的金额只能随家庭的事实变化，如 family_members",
                           "an amount shared by a household varies only with facts of the household, such as family_members")


def _caps_nest(plan: Plan, b: int, key: str, source: Source) -> None:
    own = [plan.caps[c] for c in Compiled(plan).caps_of[b]]
    for inner, outer in pairwise(own):
        if not _inside(inner, outer):
            source.problem(f"{key}.cap", f"限额“{inner.name}”与“{outer.name}”相互交叉，先后不同赔付就不同；请改为一个包含另一个",
                           f"the caps {inner.id!r} and {outer.id!r} cross, so that the payment would depend on their order: "
                           "make one lie within the other")


def _inside(inner: Cap, outer: Cap) -> bool:
    return (set(inner.benefits) <= set(outer.benefits) and outer.per in (inner.per, "year")
            and outer.scope in (inner.scope, "household"))


def _limits_nest(plan: Plan, n: int, limit: Limit, source: Source) -> None:
    for later in plan.limits[n + 1:]:
        nested = limit.per == "unit" or (limit.per in ("item", "visit") and later.per == "year")
        key = f"benefit[{limit.benefit + 1}].limit"
        if later.benefit == limit.benefit and not nested and _together(plan, limit.about, later.about, key, source):
            source.problem(key, f"“{limit.name}”与“{later.name}”会落在同一费用上且相互交叉；请用 is 分开，或由内到外排列",
                           f"the limits {limit.name!r} and {later.name!r} cross on the same lines: tell them apart with `is`, "
                           "or list them from inner to outer")


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def _levels(plan: Plan, source: Source) -> None:
    for key, found in (("join", [plan.join]), ("premium", [row.condition for row in plan.premium])):
        for condition in found:
            if conditions.level(condition) != "policy":
                source.problem(key, "只能使用承保时已知的事实，请改写条件", "only facts known when the policy starts can stand here; write one of them")


def _premium(plan: Plan, source: Source) -> None:
    rows = [row.condition for row in plan.premium]
    for facts in _situations(plan, rows, "premium", source):
        if not any(conditions.holds(row, facts) for row in rows):
            case = conditions.both(*(_is(name, value) for name, value in facts.items()))
            said, said_en = (f(case).replace(conditions.OTHER, other) for f, other in (
                (conditions.in_words, "其他"), (conditions.as_text, "any other")))
            source.problem("premium", f"没有适用于“{said}”的保费；请为它写一行 [[premium.row]]，或写 yuan 作为其余人的保费",
                           f"no premium row is for {said_en}; write a [[premium.row]] for it, or yuan for all others")
            return


def _is(name: str, value: Value) -> Condition:
    """The condition that a fact has a value."""
    if isinstance(value, bool):
        return Atom(name, "is") if value else Not(Atom(name, "is"))
    return Atom(name, "=", (str(value),))


def _examples(plan: Plan, source: Source) -> None:
    for n, example in enumerate(plan.examples, 1):
        for fields in _fields(example.person, example.claims):
            for name in sorted(set(fields) - _EXAMPLE_FIELDS):
                near, near_en = conditions.nearest(name, sorted(_EXAMPLE_FIELDS))
                source.problem(f"example[{n}]", f"不认识的字段 {name}{near}，请写国家字段名或 docs/reference/facts.md 所列的字段",
                               f"unknown field {name!r}{near_en}; write a national field, or a column of docs/reference/facts.md")


def _fields(person: object, claims: Sequence[object]) -> Iterator[dict[str, object]]:
    for row in (person, *claims):
        if isinstance(row, dict):
            yield row
            yield from (line for line in row.get("lines", ()) if isinstance(line, dict))


def _lists(plan: Plan, source: Source) -> None:
    """A plan that writes its lists down speaks of no others."""
    if not plan.lists:
        return
    for key, condition in _conditions(plan):
        named = (v for atom in conditions.atoms(condition) if atom.fact == "drug_list" for v in atom.values)
        for name in sorted(set(named) - {*plan.lists, "none"}):
            near, near_en = conditions.nearest(name, plan.lists)
            source.problem(key, f"没有 id 为“{name}”的 [[list]]{near}；请写 {'、'.join(plan.lists)} 或 none，或补上这个 [[list]]",
                           f"there is no [[list]] with the id {name!r}{near_en}; write one of {', '.join(plan.lists)} or none, "
                           "or add the list")


def _conditions(plan: Plan) -> Iterator[tuple[str, Condition]]:
    """Every condition of a plan but those of joining and its price, which know no line of a bill, with its key."""
    for b, benefit in enumerate(plan.benefits, 1):
        yield f"benefit[{b}].is", benefit.condition
        for n, variation in enumerate(benefit.variations, 1):
            yield f"benefit[{b}].when[{n}].is", variation.condition
    for limit in plan.limits:
        yield f"benefit[{limit.benefit + 1}].limit", limit.about
    for n, exclusion in enumerate(plan.exclusions, 1):
        yield (f"exclusion[{n}].is" if plan.waiting_not_for is None or n < len(plan.exclusions) else "waiting.not_for"), exclusion.condition


def _reachable(plan: Plan, source: Source) -> None:
    """Each benefit takes something in some situation; else an earlier one takes all that it names."""
    met: set[int] = set()
    for facts in _situations(plan, [b.condition for b in plan.benefits], "benefit", source):
        free = set(range(4))
        for b, benefit in enumerate(plan.benefits):
            if conditions.holds(benefit.condition, facts):
                taken = {k for k in free if benefit.weights[k]}
                free -= taken
                if taken:
                    met.add(b)
    if source.problems:
        return
    for b, benefit in enumerate(plan.benefits):
        if b not in met:
            source.problem(f"benefit[{b + 1}]", f"“{benefit.name}”永远轮不到：它的费用都先归了前面的保障；请把它移到前面，或用 is、care、base 分开",
                           f"{benefit.id!r} never gets anything: earlier benefits take all that it names; write it before them, "
                           "or tell them apart with is, care or base")
