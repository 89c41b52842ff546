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
    told,
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
RULE, RULE_EN = 'when_both = "best"(对被保险人最有利)、"first" 或 "last"', 'write when_both = "best", "first" or "last"'
FROZEN, FROZEN_EN = "在承保时确定,不能随 {} 变化;可改写 ratio", "can't vary with {}; a ratio can"


def frozen(changes: list[Change], key: str, fact: str) -> Any:
    return "shenyang", changes, key, None, FROZEN.format(fact), FROZEN_EN.format(fact)


@table([("shenyang", *row) for row in [
    (banded('{ above = 0, to = 30000, ratio = "60%" }, { above = 40000, ratio = "70%" }'), "benefit[1].bands[2].above", None,
     "有空隙;请写 above = 30000", "a gap; write above = 30000"),
    (banded('{ above = 0, to = 30000, ratio = "60%" }, { above = 20000, ratio = "70%" }'), "benefit[1].bands[2].above", None,
     "有重叠;请写 above = 30000", "overlap; write above = 30000"),
    (banded('{ above = 10000, ratio = "60%" }, { above = 50000, ratio = "70%" }, { above = 30000, ratio = "80%" }'),
     "benefit[1].bands[3].above", None, "各档须由低到高排列", "each starts above the one before"),
    (banded('{ above = 0, to = 30000, ratio = "60%" }, { above = 30000, to = 50000, ratio = "70%" }'),
     "benefit[1].bands[2].to", None,
     '到此为止的写一档 ratio = "0%" 或用 cap', 'add a band with ratio = "0%", or write a cap'),
    (banded('{ above = 15000, to = 30000, ratio = "60%" }, { above = 30000, ratio = "70%" }'), "benefit[1].bands", None,
     "请写 above = 0.00 或 10000.00", "write above = 0.00"),
    ([('bands_from = "zero"\n', "")], "benefit[1].bands_from", None, "请写:zero、deductible", "write one of: zero, deductible"),
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
     "benefit[2].limit", None, "请用 is 分开,或由内到外排列", "list them from inner to outer"),
    ([*SHARES, with_tables(SHARED)], "deductible[1].allocation", "保险法 30",
     '分摊方式:allocation = "listed"(按所列顺序)或 "proportion"(按比例)', 'allocation = "listed" or "proportion"'),
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
     "请写:admission、discharge、settlement、split", "write one of: admission"),
    ([(JOIN, 'is = "preexisting"')], "join", None, "只能使用承保时已知的事实", "only facts known when the policy starts"),
]] + [
    frozen(whens(("place = unregistered", "deductible = 100")), "out-of-scope.year.when", "place"),
    frozen([(CAP, f'{CAP}\n[[benefit.when]]\nis = "hospital_grade = 3"\ncap = 100')], "in-scope.year.when", "hospital_grade"),
    frozen(whens(("preexisting", 'bands = [{ above = 0, ratio = "10%" }]')), "benefit[2].when[1].bands", "preexisting"),
    frozen([*SHARES, with_tables(LISTED + VARIED.format("accident", 0))], "共用.when", "accident"),
    ("shenyang", [*SHARES, with_tables(f'{LISTED}scope = "household"\n' + VARIED.format("years_enrolled >= 2", 0))], "共用.when",
     None,
     "只能随家庭的事实变化,如 family_members", "such as family_members"),
])
def test_what_the_arithmetic_cannot_mean(row: Row) -> None:
    check(row)


# ── what is not a plan ───────────────────────────────────────────────────────────────────────────────────────────────

CONDITION = "place = unregistered"


@table([("shenyang", *row) for row in [
    ([("features = []", "feature = []")], "feature", None, "不认识的键;此处可写:account、", "did you mean 'features'?"),
    ([('ratio = "50%"\n', 'ratio = "50%"\nratois = []\n')], "benefit[2].ratois", None, "不认识的键;此处可写:", "did you mean 'ratio'?"),
    ([('"admission"', '"admision"')], "visit_counts_at", None, "请写:admission、", "did you mean 'admission'?"),
    ([("features = []", 'before = ["maf"]')], "before", None, "请写:hifp_pay、", "did you mean 'maf_pay'?"),
    ([(EXCLUSION, 'diagnosis = ["Z41"]\nbenefits = ["outofscope"]')], "exclusion[1].benefits", None,
     "请写:in-scope、out-of-scope", "did you mean 'out-of-scope'?"),
    ([("in_scope_self_pay +", "in_scope_selfpay +")], "benefit[1].base", None,
     "可写 in_scope_self_pay、", "write some of in_scope_self_pay"),
    ([("in_scope_self_pay +", "2 * in_scope_self_pay +")], "benefit[1].base", None,
     "不超过 1 的系数,如 0.5 * preselfpay_amt", "such as 0.5"),
    ([("in_scope_self_pay +", "preselfpay_amt +")], "benefit[1].base", None, "各一次", "each once"),
    ([(PREMIUM, 'yuan = "百元"\n')], "premium.yuan", None, "应为不为负、最多两位小数的元", "write yuan, not negative, two decimals at most"),
    ([(PREMIUM, "yuan = -100\n")], "premium.yuan", None, "应为不为负", "write yuan, not negative"),
    ([(PREMIUM, "yuan = 100.001\n")], "premium.yuan", None, "最多两位小数", "two decimals at most"),
    ([(PREMIUM, "")], "premium.yuan", None, "缺少此键,请写", "missing; write yuan"),
    ([('ratio = "50%"\n', "ratio = 0.5\n")], "benefit[2].ratio", None,
     '百分数,如 "70%"', 'a percentage in quotes of at most 100%, such as "70%"'),
    ([('ratio = "50%"\n', 'ratio = "150%"\n')], "benefit[2].ratio", None,
     "不超过 100% 的百分数", "a percentage in quotes of at most 100%"),
    ([("from = 2026-01-01", 'from = "2026-01-01"')], "valid.from", None, "应为日期,如 2025-07-01", "write a date without quotes"),
    ([("days = 180", 'days = "180"')], "waiting.days", None, "应为不小于 0 的整数", "write a whole number of at least 0"),
    ([('sources = ["测试"]', 'sources = "测试"')], "sources", None,
     '应为文字列表,如 ["甲", "乙"]', 'write a list of texts, such as ["a", "b"]'),
    ([(CAP, CAP.replace("}", ', scope = "all" }'))], "benefit[1].cap[1].scope", None,
     "请写:person、household", "write one of: person, household"),
    ([(EXCLUSION, "")], "exclusion[1]", None, "除外责任须写 diagnosis 或 is", "an exclusion needs diagnosis or is"),
    ([('"shenyang"', '"shenyan"')], "scheme", None, "可写:jilin、liuzhou、shenyang、xinjiang、xizang", "no scheme 'shenyan'"),
    ([("pays = 6000", "pays = [6000, 0]")], "example[1].pays", None, "应有 1 个金额,每次结算一个", "write 1 amounts, one for each claim"),
    ([("pays = 6000", "")], "example[1].pays", None, "缺少此键,请写", "missing; write yuan"),
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


# ── told, but not yet how to mend it ─────────────────────────────────────────────────────────────────────────────────

AGAIN = '[[benefit]]\nid = "again"\nname = "再次"\nbase = "preselfpay_amt"\ncare = ["21"]\nratio = "10%"\n'
UNMENDED = [("shenyang", *row) for row in [
    (SHARES[:1] + SHARES[2:], "benefit[1].deductible[1].shared", None,
     "没有 id 为“共用”的 [[deductible]]", "no [[deductible]] with the id '共用'"),
    ([(CONDITION, "place = unregisterd")], "benefit[2].when[1].is", None,
     "local, referred, registered, unregistered", "never 'unregisterd'"),
    ([(CONDITION, "hospital_grade >= 三")], "benefit[2].when[1].is", None, "条件无法理解", "compared with a whole number, not '三'"),
    ([(DEDUCTIBLE, 'deductible = { yuan = 30000, per = "year" }')], "benefit[1].bands", None,
     "已达到第二档的起点", "reaches the second band"),
    ([('[[benefit]]\nid = "out', AGAIN + '[[benefit]]\nid = "out')], "benefit[2]", None, "“再次”永远轮不到",
     "earlier benefits take all that it names"),
    ([(PREMIUM, '[[premium.row]]\nis = "tier = plus"\nyuan = 50\n'), TWO_TIERS], "premium", None, "没有适用于“投保档次 base”的保费",
     "no premium row is for"),
    ([("to = 2026-12-31", "to = 2025-12-31")], "valid", None, "to 早于 from", "`to` lies before `from`"),
    ([TWO_TIERS, ('id = "plus"', 'id = "base"')], "tier", None, "“base”出现不止一次", "'base' stands more than once"),
    ([with_tables('[[cap]]\nid = "总"\nyuan = 100\nper = "year"\nover_all = true\n' * 2)], "cap", None,
     "“总”出现不止一次", "stands more than once"),
    ([("{ in_scope_self_pay", "{ in_scope_selfpay")], "example[1]", None,
     "不认识的字段 in_scope_selfpay", "unknown field 'in_scope_selfpay'"),
    ([("claims =", "person = { agee = 3 }\nclaims =")], "example[1]", None, "不认识的字段 agee", "unknown field 'agee'"),
    ([("20000 }]", "20000, lines = [{ amount = 1 }] }]")], "example[1]", None, "不认识的字段 amount", "unknown field 'amount'"),
    ([(CONDITION, "plase = unregistered")], "benefit[2].when[1].is", None, "条件无法理解", "'plase' is not a fact"),
    ([(CONDITION, "place unregistered")], "benefit[2].when[1].is", None, "条件无法理解", "= or != or in was expected"),
    ([(CONDITION, "place = local and")], "benefit[2].when[1].is", None, "条件无法理解", "a word was expected before 'the end'"),
    ([(CONDITION, "preexisting = 1")], "benefit[2].when[1].is", None, "条件无法理解", "'=' was not expected"),
    ([("[premium]", "[premium")], "(文件)", None, "不是有效的 TOML 文件", "at line 13"),
]]


@table(UNMENDED)
def test_what_is_told_without_a_mend(row: Row) -> None:
    told(row)


@pytest.mark.xfail(reason="the message says what is wrong, not what to write instead", strict=True)
@table(UNMENDED)
def test_what_is_told_says_what_to_write(row: Row) -> None:
    check(row)


@pytest.mark.xfail(reason="no nearest word is named", strict=True)
@pytest.mark.parametrize(("wrong", "right"), [("plase = unregistered", "place"), ("place = unregisterd", "unregistered")])
def test_an_unknown_word_of_a_condition_is_told_with_the_nearest(wrong: str, right: str) -> None:
    [found] = problems(changed((CONDITION, wrong)))
    assert f"did you mean {right!r}?" in found.en


@pytest.mark.xfail(reason="loads without a word", strict=True)
@pytest.mark.parametrize("change", [
    (WHEN, CONDITION.join(('is = "', '"'))),
    with_tables('[[list]]\nid = "special"\ncodes = ["X1"]\n[[list]]\nid = "special"\ncodes = ["X2"]\n'),
    (EXCLUSION, 'is = "drug_list = special"'),
], ids=["a when that changes nothing", "a list twice", "a list that is none of the plan's"])
def test_what_has_no_effect_is_told(change: Change) -> None:
    assert len(problems(changed(change))) == 1
