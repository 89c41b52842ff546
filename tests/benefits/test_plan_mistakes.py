"""What the arithmetic can't mean, and what is not a plan file at all: each row makes one change to a plan that loads.

It names the key, the clause where there is one, and the words that say what to write instead.
"""

from typing import Any

import pytest

from tests.benefits.refused import (
    BANDS,
    CAP,
    DEDUCTIBLE,
    EXCLUSION,
    JOIN,
    OTHER_DEDUCTIBLE,
    PREMIUM,
    WHEN,
    Change,
    Row,
    changed,
    check,
    problems,
    table,
)

# ── what the arithmetic can't mean ───────────────────────────────────────────────────────────────────────────────────

def banded(bands: str) -> list[Change]:
    return [(BANDS, f"bands = [{bands}]")]


def whens(*said: tuple[str, str]) -> list[Change]:
    return [(WHEN, "[[benefit.when]]\n".join(f'is = "{condition}"\n{change}\n' for condition, change in said))]


def with_tables(text: str) -> Change:
    return "[[example]]", f"{text}\n[[example]]"


SHARES = [(DEDUCTIBLE, 'deductible = { shared = "共用" }'), (OTHER_DEDUCTIBLE, 'deductible = { shared = "共用" }'),
          ('bands_from = "zero"', 'bands_from = "deductible"')]
SHARED = '[[deductible]]\nid = "共用"\nyuan = 10000\nper = "year"\n'
LIMIT = '[[benefit.limit]]\nname = "{}"\nyuan = 100\nper = "{}"\n'
LISTED = f'{SHARED}allocation = "listed"\n'
TWO_TIERS = ("[join]", '[[tier]]\nid = "base"\n[[tier]]\nid = "plus"\n[join]')
FEEDING = (OTHER_DEDUCTIBLE, 'deductible = [{ yuan = 500, per = "visit", feeds = true }, { yuan = 20000, per = "year" }]')
VARIED = '[[deductible.when]]\nis = "{}"\nyuan = {}\n'
RULE, RULE_EN = 'when_both = "best"（对被保险人最有利）、"first" 或 "last"', 'write when_both = "best", "first" or "last"'
FROZEN, FROZEN_EN = "在承保时确定，不能随 {} 变化；可改写 ratio", "can't vary with {}; a ratio can"


def frozen(changes: list[Change], key: str, fact: str) -> Any:
    return "shenyang", changes, key, None, FROZEN.format(fact), FROZEN_EN.format(fact)


@table([("shenyang", *row) for row in [
    (banded('{ above = 0, to = 30000, ratio = "60%" }, { above = 40000, ratio = "70%" }'), "benefit[1].bands[2].above", None,
     "有空隙；请写 above = 30000", "a gap; write above = 30000"),
    (banded('{ above = 0, to = 30000, ratio = "60%" }, { above = 20000, ratio = "70%" }'), "benefit[1].bands[2].above", None,
     "有重叠；请写 above = 30000", "overlap; write above = 30000"),
    (banded('{ above = 10000, ratio = "60%" }, { above = 50000, ratio = "70%" }, { above = 30000, ratio = "80%" }'),
     "benefit[1].bands[3].above", None, "各档须由低到高排列", "each starts above the one before"),
    (banded('{ above = 0, to = 30000, ratio = "60%" }, { above = 30000, to = 50000, ratio = "70%" }'),
     "benefit[1].bands[2].to", None,
     '到此为止的写一档 ratio = "0%" 或用 cap', 'add a band with ratio = "0%", or write a cap'),
    (banded('{ above = 15000, to = 30000, ratio = "60%" }, { above = 30000, ratio = "70%" }'), "benefit[1].bands", None,
     "请写 above = 0.00 或 10000.00", "write above = 0.00"),
    ([('bands_from = "zero"\n', "")], "benefit[1].bands_from", None, "zero、deductible", "write one of: zero, deductible"),
    ([('ratio = "50%"\n', "")], "benefit[2].bands", None, '请写 ratio = "70%" 或 bands', 'write ratio = "70%" or bands'),
    (whens(("place = unregistered", 'ratio = "30%"'), ("preexisting", 'ratio = "20%"')), "benefit[2].when_both", "保险法 30",
     RULE, RULE_EN),
    (whens(("place = unregistered", 'times = "50%"'), ("preexisting", 'times = "20%"')), "benefit[2].when_both", "保险法 30",
     RULE, RULE_EN),
    (whens(("place = unregistered", 'points = "-5%"'), ("preexisting", 'points = "-2%"')), "benefit[2].when_both", "保险法 30",
     RULE, RULE_EN),
    ([*SHARES, with_tables(LISTED + VARIED.format("years_enrolled >= 2", 8000) + VARIED.format("hardship = destitute", 0))],
     "共用.when_both", "保险法 30", RULE, RULE_EN),
    ([('ratio = "50%"\n', 'ratio = "50%"\nwhen_both = "best"\n'), TWO_TIERS,
      *whens(("tier = plus", 'bands = [{ above = 0, ratio = "30%" }]'), ("years_enrolled >= 2", 'ratio = "60%"'))],
     "benefit[2].when_both", None, "请写 first 或 last", "write first or last"),
    (whens(("preexisting", 'ratio = "20%"\ntimes = "50%"')), "benefit[2].when[1]", None, "一次只写一个", "write one of bands, ratio"),
    ([('ratio = "50%"\n', 'ratio = "50.01%"\n'), *whens(("preexisting", 'times = "50%"'))], "benefit[2].when[1].times", None,
     "请直接写 ratios", "write ratios"),
    (whens(("preexisting", 'ratios = ["20%", "30%"]')), "benefit[2].when[1].ratios", None, "应有 1 个比例", "one for each band"),
    ([(WHEN, 'ratio = "30%"')], "benefit[2].when[1].is", None, '请写 is = "…"', 'write is = "…"'),
    ([(CAP, 'cap = [{ yuan = 300000, per = "item" }, { yuan = 10000, per = "visit" }]')], "benefit[1].cap", None,
     "请改为一个包含另一个", "make one lie within the other"),
    ([(CAP, 'cap = [{ yuan = 300000, per = "year" }, { shared = "总" }]'),
     with_tables('[[cap]]\nid = "总"\nyuan = 100\nper = "visit"\n')],
     "benefit[1].cap", None, "限额“年度限额”与“总”相互交叉", "make one lie within the other"),
    ([with_tables(LIMIT.format("次", "visit") + LIMIT.format("药", "item"))],
     "benefit[2].limit", None, "请用 is 分开，或由内到外排列", "list them from inner to outer"),
    ([*SHARES, with_tables(SHARED)], "deductible[1].allocation", "保险法 30",
     '分摊方式：allocation = "listed"（按所列顺序）或 "proportion"（按比例）', 'allocation = "listed" or "proportion"'),
    ([*SHARES[:2], with_tables(LISTED)], "benefit[1].bands_from", None,
     '请写 bands_from = "deductible"', 'write bands_from = "deductible"'),
    ([with_tables(LISTED)], "共用", None, '请在 benefit 里写 { shared = "…" }', 'write { shared = "…" } in a benefit'),
    ([(OTHER_DEDUCTIBLE, 'deductible = [{ yuan = 500, per = "visit" }, { yuan = 20000, per = "year" }]')],
     "benefit[2].deductible[1].feeds", None, "feeds = true 或 false", "feeds = true or false"),
    (whens(("drug_list = special", 'ratio = "10%"')), "benefit[2].deductible[1].allocation", "保险法 30",
     'allocation = "listed" 或 "proportion"', 'allocation = "listed" or "proportion"'),
    (whens(("years_enrolled >= 2", 'cap = 100')), "benefit[2].when[1].cap", None,
     "请在 [[cap]] 里写 when", "write the `when` in [[cap]]"),
    ([FEEDING, *whens(("years_enrolled >= 2", "deductible = 100"))], "benefit[2].when[1].deductible", None,
     "有几个时写 { year = … }", "{ year = … }"),
    ([('"admission"', '"admission"\ntail_days = 30')], "tail_days", None,
     '仅在 visit_counts_at = "split" 时', 'only with visit_counts_at = "split"'),
    ([('visit_counts_at = "admission"\n', "")], "visit_counts_at", None,
     "admission、discharge、settlement、split", "write one of: admission"),
    ([(JOIN, 'is = "preexisting"')], "join", None, "只能使用承保时已知的事实", "only facts known when the policy starts"),
]] + [
    frozen(whens(("place = unregistered", "deductible = 100")), "out-of-scope.year.when", "place"),
    frozen([(CAP, f'{CAP}\n[[benefit.when]]\nis = "hospital_grade = 3"\ncap = 100')], "in-scope.year.when", "hospital_grade"),
    frozen(whens(("preexisting", 'bands = [{ above = 0, ratio = "10%" }]')), "benefit[2].when[1].bands", "preexisting"),
    frozen([*SHARES, with_tables(LISTED + VARIED.format("accident", 0))], "共用.when", "accident"),
    ("shenyang", [*SHARES, with_tables(f'{LISTED}scope = "household"\n' + VARIED.format("years_enrolled >= 2", 0))], "共用.when",
     None,
     "只能随家庭的事实变化，如 family_members", "such as family_members"),
])
def test_what_the_arithmetic_cannot_mean(row: Row) -> None:
    check(row)


# ── what is not a plan ───────────────────────────────────────────────────────────────────────────────────────────────

CONDITION = "place = unregistered"


@table([("shenyang", *row) for row in [
    ([("features = []", "feature = []")], "feature", None, "account、", "did you mean 'features'?"),
    ([('ratio = "50%"\n', 'ratio = "50%"\nratois = []\n')], "benefit[2].ratois", None, "不认识的键", "did you mean 'ratio'?"),
    ([('"admission"', '"admision"')], "visit_counts_at", None, "admission、", "did you mean 'admission'?"),
    ([("features = []", 'before = ["maf"]')], "before", None, "hifp_pay、", "did you mean 'maf_pay'?"),
    ([(EXCLUSION, 'diagnosis = ["Z41"]\nbenefits = ["outofscope"]')], "exclusion[1].benefits", None,
     "in-scope、out-of-scope", "did you mean 'out-of-scope'?"),
    ([("in_scope_self_pay +", "in_scope_selfpay +")], "benefit[1].base", None,
     "可写 in_scope_self_pay、", "write some of in_scope_self_pay"),
    ([("in_scope_self_pay +", "2 * in_scope_self_pay +")], "benefit[1].base", None,
     "不超过 1 的系数，如 0.5 * preselfpay_amt", "such as 0.5"),
    ([("in_scope_self_pay +", "preselfpay_amt +")], "benefit[1].base", None, "各一次", "each once"),
    ([(PREMIUM, 'yuan = "百元"\n')], "premium.yuan", None, "应为不为负、最多两位小数的元", "write yuan, not negative, two decimals at most"),
    ([(PREMIUM, "yuan = -100\n")], "premium.yuan", None, "应为不为负", "write yuan, not negative"),
    ([(PREMIUM, "yuan = 100.001\n")], "premium.yuan", None, "最多两位小数", "two decimals at most"),
    ([(PREMIUM, "")], "premium.yuan", None, "缺少此键", "missing; write yuan"),
    ([('ratio = "50%"\n', "ratio = 0.5\n")], "benefit[2].ratio", None,
     "百分数", 'a percentage in quotes of at most 100%, such as "70%"'),
    ([('ratio = "50%"\n', 'ratio = "150%"\n')], "benefit[2].ratio", None,
     "不超过 100% 的百分数", "a percentage in quotes of at most 100%"),
    ([("from = 2026-01-01", 'from = "2026-01-01"')], "valid.from", None, "应为日期", "write a date without quotes"),
    ([("days = 180", 'days = "180"')], "waiting.days", None, "应为不小于 0 的整数", "write a whole number of at least 0"),
    ([('sources = ["测试"]', 'sources = "测试"')], "sources", None,
     "应为文字列表", 'write a list of texts, such as ["a", "b"]'),
    ([(CAP, CAP.replace("}", ', scope = "all" }'))], "benefit[1].cap[1].scope", None,
     "person、household", "write one of: person, household"),
    ([(EXCLUSION, "")], "exclusion[1]", None, "除外责任须写 diagnosis 或 is", "an exclusion needs diagnosis or is"),
    ([('"shenyang"', '"shenyan"')], "scheme", None, "（是否想写“shenyang”？）；可写：jilin、liuzhou、shenyang、xinjiang、xizang", "no scheme 'shenyan' (did you mean 'shenyang'?)"),
    ([("pays = 6000", "pays = [6000, 0]")], "example[1].pays", None, "应有 1 个金额，每次结算一个", "write 1 amounts, one for each claim"),
    ([("pays = 6000", "")], "example[1].pays", None, "缺少此键", "missing; write yuan"),
    ([("syntax = 1", "syntax = 2")], "syntax", None, "本程序只认识 syntax = 1", "this program reads syntax = 1"),
]])
def test_what_is_not_a_plan(row: Row) -> None:
    check(row)


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    text = changed(*banded('{ above = 0, to = 30000, ratio = "60%" }, { above = 40000, ratio = "70%" }'), (PREMIUM, ""),
                   ("features = []", "feature = []"), ('ratio = "50%"\n', "ratio = 0.5\n"), (CONDITION, "plase = unregistered"),
                   ("pays = 6000", "pays = []"))
    assert sorted(problem.key for problem in problems(text)) == [
        "benefit[1].bands[2].above", "benefit[2].ratio", "benefit[2].when[1].is", "example[1].pays", "feature", "premium.yuan"]


# ── how to mend it ───────────────────────────────────────────────────────────────────────────────────────────────────

AGAIN = '[[benefit]]\nid = "again"\nname = "再次"\nbase = "preselfpay_amt"\ncare = ["21"]\nratio = "10%"\n'
LIST = '[[list]]\nid = "{}"\ncodes = ["X1"]\n'
FIELD, FIELD_EN = "请写国家字段名或 docs/reference/facts.md 所列的字段", "write a national field, or a column of docs/reference/facts.md"


@table([("shenyang", *row) for row in [
    (SHARES[:1] + SHARES[2:], "benefit[1].deductible[1].shared", None,
     "没有 id 为“共用”的 [[deductible]]，请写一个 [[deductible]]", "no [[deductible]] with the id '共用'; write one"),
    ([(DEDUCTIBLE, 'deductible = { yuan = 30000, per = "year" }')], "benefit[1].bands", None,
     "已达到第二档的起点 30,000.00 元；请降低免赔额", "reaches the second band at 30,000.00: lower the deductible"),
    ([('[[benefit]]\nid = "out', AGAIN + '[[benefit]]\nid = "out')], "benefit[2]", None, "“再次”永远轮不到：它的费用都先归了前面的保障；请把它移到前面",
     "earlier benefits take all that it names; write it before them"),
    ([(PREMIUM, '[[premium.row]]\nis = "tier = plus"\nyuan = 50\n'), TWO_TIERS], "premium", None,
     "没有适用于“投保档次为 base”的保费；请为它写一行 [[premium.row]]", "no premium row is for tier = base; write a [[premium.row]]"),
    ([("to = 2026-12-31", "to = 2025-12-31")], "valid", None, "to 早于 from，请写 from 当日或以后的日期", "lies before `from`; write a day"),
    ([TWO_TIERS, ('id = "plus"', 'id = "base"')], "tier", None, "“base”出现不止一次，请为每一个写不同的 id", "write another id for each"),
    ([with_tables('[[cap]]\nid = "总"\nyuan = 100\nper = "year"\nover_all = true\n' * 2)], "cap", None,
     "“总”出现不止一次，请为每一个写不同的 id", "stands more than once; write another id"),
    ([("{ in_scope_self_pay", "{ in_scope_selfpay")], "example[1]", None,
     f"不认识的字段 in_scope_selfpay（是否想写“in_scope_self_pay”？），{FIELD}", f"(did you mean 'in_scope_self_pay'?); {FIELD_EN}"),
    ([("claims =", "person = { agee = 3 }\nclaims =")], "example[1]", None, f"不认识的字段 agee（是否想写“age”？），{FIELD}",
     f"(did you mean 'age'?); {FIELD_EN}"),
    ([("20000 }]", "20000, lines = [{ amount = 1 }] }]")], "example[1]", None, "不认识的字段 amount", FIELD_EN),
    ([("[premium]", "[premium")], "（文件）", None, "请检查该行及上一行：引号、括号是否成对", "write the missing quote, bracket or equals sign"),
    ([("syntax = 1\n", "")], "syntax", None, "缺少此键，请写 syntax = 1", "missing; write syntax = 1"),
    ([('id = "out-of-scope"\n', "")], "benefit[2].id", None, "缺少此键", "missing; write text"),
    ([TWO_TIERS, ('id = "plus"\n', "")], "tier[2].id", None, "缺少此键", "missing; write text"),
]])
def test_a_mistake_is_told_with_its_mend(row: Row) -> None:
    check(row)


def in_condition(wrong: str, zh: str, en: str) -> Any:
    return "shenyang", [(CONDITION, wrong)], "benefit[2].when[1].is", None, f"条件无法理解：{zh}", en


@table([in_condition(*row) for row in [
    ("place = unregisterd", "place（就医地）不能是“unregisterd”（是否想写“unregistered”？），可写 local、referred、registered、unregistered",
     "never 'unregisterd' (did you mean 'unregistered'?); write one of these"),
    ("hospital_grade >= 三", "hospital_grade（医院等级）只能与整数比较，不能与“三”比较，如 hospital_grade >= 2",
     "compared with a whole number, not '三'; write digits"),
    ("plase = unregistered", "“plase”不是条件可用的事实（是否想写“place”？），请写 docs/reference/facts.md 所列的事实",
     "'plase' is not a fact that conditions may use (did you mean 'place'?); write one of"),
    ("place unregistered", "“place unregistered”的“unregistered”之前缺少 = 或 != 或 in，请补上", "= or != or in was expected before 'unregistered'"),
    ("place = local and", "“place = local and”的末尾缺少一个词，请补上", "a word was expected at the end of 'place = local and'; write it there"),
    ("preexisting = 1", "“preexisting = 1”中的“=”多余，是非类的事实请单独写", "write a yes-or-no fact alone"),
    ("preexisting)", "“preexisting)”中的“)”多余，括号请成对书写", "write ( for it, or take it out"),
    ("preexisting accident", "“preexisting accident”中的“accident”多余，两个条件之间请写 and 或 or", "write and or or between two conditions"),
    ("place ! local", "“place ! local”中的“! local”，比较请写 =、!=、>=、<=、>、< 或 in", "comparisons write =, !=, >=, <=, >, < or in"),
    ("tier = gold", "本方案没有投保档次“gold”，请先写 [[tier]]", "the plan has no tier 'gold'; write its [[tier]] first"),
]])
def test_a_condition_that_is_not_understood_says_what_to_write(row: Row) -> None:
    check(row)


def test_a_waiting_period_that_is_for_nobody_known_is_told_with_the_nearest() -> None:
    [found] = problems(changed(("days = 180", 'days = 180\nnot_for = "acident"')))
    assert found.key == "waiting.not_for"
    assert "（是否想写“accident”？）" in found.zh
    assert "did you mean 'accident'?" in found.en


def test_an_edge_with_fen_is_told_with_them() -> None:
    [found] = problems(changed(*banded('{ above = 0, to = 30000.50, ratio = "60%" }, { above = 40000, ratio = "70%" }')))
    assert "write above = 30000.50" in found.en
    assert "请写 above = 30000.50" in found.zh


@pytest.mark.parametrize(("said", "zh", "en"), [
    ("occupation = 1", "没有适用于“职业类别为 其他”的保费", "no premium row is for occupation = any other;"),
    ("designated and age >= 18", "没有适用于“投保时年龄为 17 且 非（指定人群）”的保费", "no premium row is for age = 17 and not designated;"),
])
def test_who_has_no_premium_is_told_in_words(said: str, zh: str, en: str) -> None:
    found, *_ = problems(changed((PREMIUM, f'[[premium.row]]\nis = "{said}"\nyuan = 50\n')))
    assert zh in found.zh
    assert en in found.en


# ── what has no effect ───────────────────────────────────────────────────────────────────────────────────────────────

@table([("shenyang", *row) for row in [
    ([(WHEN, CONDITION.join(('is = "', '"')))], "benefit[2].when[1]", None, "这个 when 什么也不改，请写 ratio、", "write one of ratio, ratios"),
    ([with_tables(LIST.format("special") * 2)], "list[2].id", None, "“special”出现不止一次，请改用另一个 id", "write another id"),
    ([(EXCLUSION, 'is = "drug_list = speciel"'), with_tables(LIST.format("special"))], "exclusion[1].is", None,
     "没有 id 为“speciel”的 [[list]]（是否想写“special”？）；请写 special 或 none", "(did you mean 'special'?); write one of special or none"),
    ([("days = 180", 'days = 180\nnot_for = "drug_list = car-t"'), with_tables(LIST.format("special"))], "waiting.not_for", None,
     "没有 id 为“car-t”的 [[list]]；请写 special 或 none", "write one of special or none"),
]])
def test_what_has_no_effect_is_told(row: Row) -> None:
    check(row)


@pytest.mark.parametrize("changes", [
    [(EXCLUSION, 'is = "drug_list = special"')],
    [(EXCLUSION, 'is = "drug_list in (special, none)"'), with_tables(LIST.format("special"))]], ids=["no lists", "a list of the plan"])
def test_a_list_may_be_named_by_a_plan_that_has_it_or_has_none(changes: list[Change]) -> None:
    assert problems(changed(*changes)) == ()
