"""What clauses forbid, refused by the loader: each row makes one change to a plan that loads.

It names the key, the clause and the words that say what to write instead.
"""

from typing import Any

import pytest

from tests.benefits.refused import (
    COST,
    EXCLUSION,
    IN_SCOPE,
    JOIN,
    OUT_OF_SCOPE,
    PREMIUM,
    Change,
    Row,
    changed,
    check,
    problems,
    table,
)


def joining(condition: str) -> list[Change]:
    return [(JOIN, f'is = "{condition}"')]


def priced(condition: str) -> list[Change]:
    return [(PREMIUM, f'{PREMIUM}[[premium.row]]\nis = "{condition}"\nyuan = 50\n')]


def excluding(text: str) -> list[Change]:
    return [(EXCLUSION, text)]


def featuring(feature: str) -> list[Change]:
    return [("features = []", f'features = ["{feature}"]')]


def sold_as(kind: str) -> list[Change]:
    return [('kind = "medical"', f'kind = "{kind}"')]


@pytest.mark.parametrize("scheme", ["jilin", "liuzhou", "shenyang", "xinjiang", "xizang"])
def test_the_plan_itself_loads_under_every_scheme(scheme: str) -> None:
    assert problems(changed(scheme=scheme)) == ()
    assert problems(changed((f'scheme = "{scheme}"\n', ""), scheme=scheme)) == ()


# ── what clauses forbid ──────────────────────────────────────────────────────────────────────────────────────────────

#: What nobody may be asked to join, and how it is named.
ASKED = [
    ("age >= 18", "年龄", "age"), ("insutype = 310 or age < 60", "年龄", "age"), ("health_declared", "健康状况", "health"),
    ("not with_preexisting", "既往病史", "history"), ("healthy_years >= 1", "既往病史", "history"),
    ("claim_free_years >= 1", "既往病史", "history"), ("paid_last_year = 0", "既往病史", "history"),
    ("occupation = 1", "职业类型", "occupation"), ("household_registration = local", "户籍", "household-registration"),
]
#: What no premium may depend on.
RISKS = [("with_preexisting", "个人疾病风险", "illness-risk"), ("not healthy_since_first", "个人疾病风险", "illness-risk"),
         ("health_declared", "个人疾病风险", "illness-risk"), ("claim_free_years >= 2", "既往理赔", "past-claims"),
         ("paid_last_year > 0", "既往理赔", "past-claims")]


def of_everyone(scheme: str, clause: str) -> list[Any]:
    return [
        *((scheme, joining(condition), "join", clause,
           f"不得以{zh}作为参保条件，请从方案中删去", f"may not depend on {en}; take it out of the plan")
          for condition, zh, en in ASKED),
        *((scheme, priced(condition), "premium", clause, f"不得按{zh}定价，请从费率表中删去", f"take {en} out of the rates")
          for condition, zh, en in RISKS)]


@pytest.mark.clause("SY-2.1")
@table(of_everyone("shenyang", "SY-2.1"))
def test_every_member_may_join_at_a_price_that_knows_no_illness(row: Row) -> None:
    check(row)


@pytest.mark.clause("XJ-2.1")
@table(of_everyone("xinjiang", "XJ-2.1"))
def test_every_member_may_join_at_a_price_that_knows_no_illness_in_the_draft_too(row: Row) -> None:
    check(row)
    [found] = problems(changed(*row.changes, scheme=row.scheme))
    assert "征求意见稿，尚未施行，仅作示例" in found.zh
    assert "draft for comment, not in force" in found.en


@table([
    ("shenyang", priced("age >= 60"), "premium", None, "可用的区分：保障档次", "it may by: tier"),
    ("xinjiang", priced("family_members >= 2"), "premium", None, "可用的区分：保障档次、困难身份", "it may by: tier, hardship"),
    ("liuzhou", priced("insutype = 390"), "premium", None, "可用的区分：年龄、保障档次", "it may by: age, tier"),
])
def test_a_price_differs_by_what_the_scheme_lists(row: Row) -> None:
    check(row)


@pytest.mark.parametrize(("scheme", "condition"), [
    ("liuzhou", "age >= 60"), ("xinjiang", "hardship = destitute"), ("jilin", "family_members >= 3")])
def test_a_price_that_the_scheme_provides_for_loads(scheme: str, condition: str) -> None:
    first = f'[[premium.row]]\nis = "{condition}"\nyuan = 50\n'
    assert problems(changed((PREMIUM, PREMIUM + first), scheme=scheme)) == ()


SOLD = "请选择：医疗保险、疾病保险、失能收入损失保险、护理保险、医疗意外保险"
SOLD_EN = "choose among: medical, disease, disability-income, care, medical-accident"


@pytest.mark.clause("LZ-2", "LZ-21", "XJ-2.0", "XZ-1")
@table([
    ("liuzhou", sold_as("accident"), "kind", "LZ-2", SOLD, SOLD_EN),
    ("liuzhou", sold_as("life"), "kind", "LZ-2", SOLD, SOLD_EN),
    ("liuzhou", sold_as("health-management"), "kind", "LZ-2", SOLD, SOLD_EN),
    ("xizang", sold_as("life"), "kind", "XZ-1", f"{SOLD}、意外伤害保险", f"{SOLD_EN}, accident"),
    ("xinjiang", sold_as("disease"), "kind", "XJ-2.0", "请选择：医疗保险", "choose among: medical"),
    ("liuzhou", featuring("loan"), "features", "LZ-21", "产品含有保单贷款，不得列入目录，请选择不含该内容的产品", "choose one without it"),
    ("xinjiang", featuring("investment"), "features", "XJ-2.0", "产品含有投资理财性质，不得列入目录，请选择", "choose one without it"),
    ("xizang", featuring("investment"), "features", "XZ-1", "产品含有投资理财性质，不得列入目录，请选择", "choose one without it"),
    ("xizang", featuring("return-of-premium"), "features", "XZ-1", "产品含有保险期内返还条款，不得列入目录，请选择", "choose one without it"),
])
def test_kinds_and_features_that_no_listing_may_have(row: Row) -> None:
    check(row)


@pytest.mark.parametrize(("scheme", "kind"), [
    ("liuzhou", "medical-accident"), ("liuzhou", "care"), ("xizang", "accident"), ("jilin", "accident")])
def test_kinds_that_the_scheme_sells_load(scheme: str, kind: str) -> None:
    assert problems(changed(*sold_as(kind), scheme=scheme)) == ()


@pytest.mark.clause("SY-3.2")
@table([
    ("shenyang", [(COST, 'profit = "8.01%"')], "cost", "SY-3.2", "请降低 0.01 元，或由医保局记录理由", "or have the bureau record a reason"),
    ("shenyang", [(COST, 'profit = "9%"\nbureau_reason = " "')], "cost", "SY-3.2", "超过保费的 20%", "lower them by 1.00 yuan"),
])
def test_cost_and_profit_above_a_fifth_need_the_bureaus_reason(row: Row) -> None:
    check(row)


@pytest.mark.clause("SY-3.2")
@pytest.mark.parametrize(("scheme", "cost"), [
    ("shenyang", 'profit = "8%"'), ("shenyang", 'profit = "30%"\nbureau_reason = "首年宣传投入，会议纪要 2026-3"'),
    ("xinjiang", 'profit = "30%"')])
def test_cost_and_profit_within_it_or_with_a_reason_load(scheme: str, cost: str) -> None:
    assert problems(changed((COST, cost), scheme=scheme)) == ()


@table([(scheme, *row) for scheme in ("jilin", "liuzhou", "shenyang", "xinjiang", "xizang") for row in [
    ([("days = 180", "days = 181")], "waiting", "健康保险管理办法", "等待期 181 天，最长 180 天。请缩短。", "at most 180: shorten it"),
    (excluding('is = "days_since_start < 200"'), "waiting", "健康保险管理办法", "等待期 200 天", "at most 180: shorten it"),
]])
def test_nobody_waits_longer_than_180_days(row: Row) -> None:
    check(row)


@pytest.mark.clause("XJ-3.2")
@table([("xinjiang", excluding(said), "exclusion", "XJ-3.2",
         f"不得免除常见病、多发病 {common} 的责任，请从免责条款中删去 {code}", f"take {code} out of the exclusions")
        for said, common, code in [
            ('diagnosis = ["I10"]', "I10-I15", "I10"), ('diagnosis = ["I10.x00"]', "I10-I15", "I10.x00"),
            ('diagnosis = ["C00-K99"]', "J00-J06", "C00-K99"), ('diagnosis = ["E11"]\nbenefits = ["out-of-scope"]', "E11", "E11"),
            ('is = "diagnosis in (Z41, J18.9) and place = unregistered"', "J18", "J18.9")]])
def test_common_illnesses_are_not_excluded(row: Row) -> None:
    check(row)


@pytest.mark.clause("SY-2.2", "XJ-2.2")
@table([(scheme, changes, "benefit", clause, f"缺少{zh}费用的保障，请补充", f"lacks {en} costs; add them")
        for scheme, clause in (("shenyang", "SY-2.2"), ("xinjiang", "XJ-2.2"))
        for changes, zh, en in [
            ([(IN_SCOPE, "")], "政策范围内", "in-scope"), ([(OUT_OF_SCOPE, "")], "政策范围外", "out-of-scope"),
            ([(IN_SCOPE, ""), ('"overlmt_selfpay + fulamt_ownpay_amt"', '"preselfpay_amt"')],
             "政策范围内、外", "in-scope and out-of-scope")]])
def test_both_sides_of_the_bill_are_covered(row: Row) -> None:
    check(row)
    assert problems(changed(*row.changes, scheme="liuzhou")) == ()


def test_every_clause_that_a_file_offends_is_told_at_once() -> None:
    text = changed(*joining("age >= 18 and occupation = 1"), *excluding('diagnosis = ["E11", "I10"]'), *featuring("investment"),
                   ("days = 180", "days = 181"), (OUT_OF_SCOPE, ""), scheme="xinjiang")
    assert sorted((problem.clause or "", problem.key) for problem in problems(text)) == [
        ("XJ-2.0", "features"), ("XJ-2.1", "join"), ("XJ-2.1", "join"), ("XJ-2.2", "benefit"), ("XJ-3.2", "exclusion"),
        ("XJ-3.2", "exclusion"), ("健康保险管理办法", "waiting")]


# ── common illnesses in other words ──────────────────────────────────────────────────────────────────────────────────

REST = "and not diagnosis in (J00-J06, J18, J20-J22, J40-J44, I10-I15, I20-I25, I63, E11, K29, K80, M54, N39)"


@pytest.mark.clause("XJ-3.2")
@table([("xinjiang", excluding(said), "exclusion", "XJ-3.2", zh, en) for said, zh, en in [
    ('diagnosis = ["J"]', "多发病 J00-J06 的责任，请从免责条款中删去 J", "take J out of the exclusions"),
    ('is = "diagnosis in (J) and not diagnosis in (J00-J06)"', "多发病 J18 的责任，请从免责条款中删去 J", "take J out"),
    ('is = "not diagnosis in (C00-C97)"', f"除外责任“整形美容”请加写 {REST}", f"write `{REST}`"),
    ('is = "diagnosis != C00-C97"', f"请加写 {REST}", f"write `{REST}`"),
    ('is = "not (diagnosis in (A00-J00, J02-Z99) or accident)"', "多发病 J00-J06 的责任", "write `and not diagnosis in (J00-J06)`"),
    ('is = "diagnosis = I10 and preexisting"', "请从免责条款中删去 I10", "take I10 out"),
    ('is = "diagnosis = I10 and severe_preexisting"', "请从免责条款中删去 I10", "take I10 out"),
    ('is = "diagnosis = I10 and days_since_start > 30"', "请从免责条款中删去 I10", "take I10 out"),
]])
def test_common_illnesses_are_not_excluded_by_other_words(row: Row) -> None:
    check(row)


@pytest.mark.clause("XJ-3.2")
@pytest.mark.parametrize("said", [
    'is = "preexisting"', 'is = "place = unregistered and not accident"', 'is = "diagnosis in (J) and not diagnosis in (J00-J06, J18, J20-J22, J40-J44)"',
    'is = "diagnosis in (I10) and days_since_start < 90"'])
def test_what_reaches_no_common_illness_or_only_waits_loads(said: str) -> None:
    assert problems(changed(*excluding(said), scheme="xinjiang")) == ()


@pytest.mark.clause("XJ-3.2")
def test_a_waiting_period_excludes_no_common_illness() -> None:
    assert problems(changed(("days = 180", 'days = 90\nnot_for = "accident or diagnosis in (C00-C97)"'), scheme="xinjiang")) == ()


def test_an_exclusion_too_tangled_to_decide_is_refused() -> None:
    names = ("age", "years_enrolled", "claim_free_years", "healthy_years", "paid_last_year", "family_members")
    tangled = " and ".join(["diagnosis = Z41", *(f"not {name} in (10, 20, 30, 40, 50)" for name in names)])
    [found] = problems(changed(*excluding(f'is = "{tangled}"'), scheme="xinjiang"))
    assert found.key == "exclusion"
    assert "请减少条件" in found.zh
    assert "write fewer conditions" in found.en


# ── what is said of cost ─────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("SY-3.2")
@table([
    ("shenyang", [(COST, ""), ('"12%"', '"30%"')], "cost", "SY-3.2", "请降低 10.00 元", "lower them by 10.00 yuan"),
    ("shenyang", [(COST, 'profit = "21%"'), ('expense = "12%"\n', "")], "cost", "SY-3.2", "请降低 1.00 元", "lower them by 1.00 yuan"),
    ("shenyang", [('[cost]\nexpense = "12%"\n', ""), (COST, "")], "cost", "SY-3.2",
     "须在 20% 以内，方案未写明，请写 [cost] 的 expense（成本）和 profit（盈利）", "write [cost] with expense and profit"),
])
def test_what_is_not_said_of_cost_is_nothing_and_silence_is_refused(row: Row) -> None:
    check(row)
    assert problems(changed(*row.changes, scheme="xinjiang")) == ()
