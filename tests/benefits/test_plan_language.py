"""What a plan file must be able to say, each said by a plan that comes with the package or by a few lines here, and paid.

Amounts in the tables are yuan. A row ends with what each of its claims pays; the sums are worked in the comment above it.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from huibao.benefits import conditions, examples, loading
from huibao.benefits.facts import FACTS
from huibao.benefits.fold import Payment
from huibao.benefits.model import Example, Plan
from huibao.benefits.terms import Compiled

Claim = dict[str, Any]
Person = dict[str, Any]

HEALTHY: Person = {"preexisting": 0}

HEAD = """
syntax = 1
id = "inline"
name = "测试产品"
kind = "medical"
status = "proposed"
valid = { from = 2026-01-01, to = 2026-12-31 }
visit_counts_at = "admission"
sources = ["测试"]
"""

#: What the inline plans vary: all that is fully self-paid, beyond 10,000 a year a half, up to 40,000.
BENEFIT = """
[premium]
yuan = 100
[[tier]]
id = "base"
[[tier]]
id = "plus"
[[benefit]]
id = "self-paid"
name = "自费费用"
base = "fulamt_ownpay_amt"
deductible = [{ yuan = 10000, per = "year", allocation = "listed" }]
ratio = "50%"
cap = { yuan = 40000, per = "year" }
"""
TWO_BANDS = BENEFIT.replace(
    'ratio = "50%"', 'bands_from = "zero"\nbands = [{ above = 0, to = 30000, ratio = "40%" }, { above = 30000, ratio = "60%" }]')
NOT_FED = BENEFIT.replace("deductible = [", 'deductible = [{ yuan = 500, per = "visit", feeds = false }, ')


class Row(NamedTuple):
    """One thing that is said: the plan (an id, or lines to follow `HEAD`), the person, the claims, what each pays."""

    says: str
    plan: str
    person: Person
    claims: list[Claim]
    pays: list[int]


def plan(said: str) -> Plan:
    return loading.load_text("inline.toml", HEAD + said) if "\n" in said else loading.builtin(said)


def work(said: Plan, person: Person, claims: list[Claim]) -> tuple[tuple[Payment, ...], ...]:
    worked = examples.work(Compiled(said), Example("", person, tuple(claims), ()))
    assert worked.refusal is None
    return worked.payments


def paid(said: Plan, person: Person, claims: list[Claim]) -> list[int]:
    """What each claim pays, in fen."""
    return [sum(payment.pay for payment in of_claim) for of_claim in work(said, person, claims)]


def fen(yuan: list[int]) -> list[int]:
    return [amount * 100 for amount in yuan]


def own(yuan: int, **more: object) -> Claim:
    """A claim, or a line, of fully self-paid cost."""
    return {"fulamt_ownpay_amt": yuan, **more}


def items(*lines: Claim, **more: object) -> Claim:
    """A claim whose fully self-paid cost is all in its lines."""
    return own(sum(line["fulamt_ownpay_amt"] for line in lines), lines=list(lines), **more)


def both(in_scope: int, out_of_scope: int, **more: object) -> Claim:
    return {"in_scope_self_pay": in_scope, "fulamt_ownpay_amt": out_of_scope, **more}


def when(condition: str, change: str) -> str:
    return f'[[benefit.when]]\nis = "{condition}"\n{change}\n'


def table(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.says) for row in rows])


def check(row: Row) -> None:
    assert paid(plan(row.plan), row.person, row.claims) == fen(row.pays)


# ── bands, deductibles, base ─────────────────────────────────────────────────────────────────────────────────────────

@table([
    # 5000 × 30% + 5000 × 40% + 8000 × 50% + 7000 × 70%
    Row("bands whose ratio rises", "aksu-huiminbao-2025", {}, [own(30000)], [12400]),
    # (60000 − 45000) × 50% + (100000 − 60000) × 30%
    Row("bands whose ratio falls", "huiliaobao-2025", {**HEALTHY, "years_enrolled": 2}, [own(100000)], [19500]),
    # (30000 − 10000) × 40% + (50000 − 30000) × 60%
    Row("bands counted from zero", TWO_BANDS, {}, [own(50000)], [20000]),
    # 30000 × 40% + (50000 − 10000 − 30000) × 60%
    Row("bands counted from the deductible", TWO_BANDS.replace('"zero"', '"deductible"'), {}, [own(50000)], [18000]),
    # 30000 × 40%; 30000 × 40% + 10000 × 60%
    Row("bands counted anew at each visit", TWO_BANDS.replace('"zero"', '"deductible"\nbands_per = "visit"'), {},
        [own(40000), own(40000)], [12000, 18000]),
    # 40000 × 60% + (50000 − 8000 − 40000) × 76% + 2000
    Row("an amount paid flat inside a band", "xizang-example-2026", HEALTHY, [own(50000)], [27520]),
    # (10000 + 6000 × 0.5 − 8000) × 60%
    Row("a base with weights", "xizang-example-2026", HEALTHY, [{"in_scope_self_pay": 10000, "preselfpay_amt": 6000}], [3000]),
    # (49525 − 39525) × 80% + (30000 − 20000) × 70%
    Row("a deductible for each benefit", "beijing-puhui-2022", {}, [both(49525, 30000)], [15000]),
    # (13000 + 9000 − 18000) × 75%
    Row("a deductible shared by benefits", "huirongbao-2021", {}, [both(13000, 9000)], [3000]),
    # (20000 − 12000) × 60% + 20000 × 40%
    Row("shared, used up as listed", "xinjiang-example-2026", {}, [both(20000, 20000)], [12800]),
    # (20000 − 8000) × 80% + (20000 − 8000) × 60%
    Row("shared, used up in proportion", "shenyang-example-2026", HEALTHY, [both(20000, 20000)], [16800]),
    # annual 6000: 4000 seen; 2000 left, of which the visit takes 500; then only the visit's 500
    Row("per visit beside an annual one that it feeds", "liuzhou-example-2026", {}, [both(4000, 0)] * 3, [0, 1400, 2450]),
    # annual 10000 sees 3500 a visit: 3500; 7000; (3500 − 3000) × 50%
    Row("per visit beside an annual one that it does not feed", NOT_FED, {}, [own(4000)] * 3, [0, 0, 250]),
    # (15000 + 15000 − 20000) × 60%
    Row("a deductible shared by a household", "jilin-example-2026", {},
        [own(15000, psn_no="甲"), own(15000, psn_no="乙")], [0, 6000]),
])
def test_bands_deductibles_and_base(row: Row) -> None:
    check(row)


# ── deductible, ratio and cap by what is known of the policy ─────────────────────────────────────────────────────────

#: 50,000 and 150,000 in a year pay 20,000 and what the cap of 40,000 leaves, 20,000; each change, what they pay with it.
CHANGES = [
    ("deductible = 5000", [22500, 17500]),  # (50000 − 5000) × 50%; 40000 − 22500
    ('ratio = "80%"', [32000, 8000]),       # 40000 × 80%; 40000 − 32000
    ("cap = 60000", [20000, 40000]),        # 60000 − 20000
]
POLICY: list[tuple[str, Person, Person]] = [
    # the condition, a person of whom it holds, and one of whom it does not
    ("years_enrolled >= 2", {"years_enrolled": 2}, {"years_enrolled": 1}),
    ("claim_free_years >= 1", {"claim_free_years": 1}, {"claim_free_years": 0}),
    ("paid_last_year <= 5000", {"paid_last_year": 5000}, {"paid_last_year": 5001}),
    ("family_members >= 3", {"family_members": 3}, {"family_members": 2}),
    ("hardship in (destitute, subsistence-allowance)", {"hardship": "subsistence-allowance"}, {"hardship": "near-subsistence"}),
    ("insutype = 390", {"insutype": "390"}, {"insutype": "310"}),
    ("tier = plus", {"tier": "plus"}, {"tier": "base"}),
    ("age >= 60", {"age": 60}, {"age": 59}),
]


@pytest.mark.parametrize(("change", "pays"), CHANGES, ids=["deductible", "ratio", "cap"])
@pytest.mark.parametrize(("condition", "favoured", "other"), POLICY, ids=[condition for condition, _, _ in POLICY])
def test_deductible_ratio_and_cap_by_the_policy(
    condition: str, favoured: Person, other: Person, change: str, pays: list[int]
) -> None:
    varied = plan(BENEFIT + when(condition, change))
    claims = [own(50000), own(150000)]
    assert paid(varied, favoured, claims) == fen(pays)
    assert paid(varied, other, claims) == fen([20000, 20000])


# ── ratio by visit and line ──────────────────────────────────────────────────────────────────────────────────────────

BY_PLACE = BENEFIT + when("place = referred", 'ratio = "45%"') + when("place = registered", 'ratio = "40%"') + when(
    "place = unregistered", 'ratio = "25%"')
BY_GRADE = BENEFIT + when("hospital_grade = 2", 'ratio = "60%"') + when("hospital_grade = 1", 'ratio = "70%"')
BY_CLASS = BENEFIT.replace('"50%"', '"80%"') + when("chrgitm_lv = 02", 'ratio = "60%"') + when("chrgitm_lv = 03", 'ratio = "40%"')
BY_LIST = '[[list]]\nid = "special"\ncodes = ["XL01"]\n' + BENEFIT + when("drug_list = special", 'ratio = "70%"')
THREE_CLASSES = items(own(12000, chrgitm_lv="01"), own(12000, chrgitm_lv="02"), own(6000, chrgitm_lv="03"))


@table([
    # 10000 × 50%, 45%, 40%, 25%, after the deductible
    Row("by place of treatment", BY_PLACE, {}, [own(20000), own(10000, place="referred"), own(10000, place="registered"),
                                                own(10000, place="unregistered")], [5000, 4500, 4000, 2500]),
    # 10000 × 50%, 60%, 70%
    Row("by hospital grade", BY_GRADE, {}, [own(20000, hosp_lv="3"), own(10000, hosp_lv="2"), own(10000, hosp_lv="1")],
        [5000, 6000, 7000]),
    # (20000 − 10000) × 50% + 10000 × 70%
    Row("by drug list, found by its codes", BY_LIST, {}, [items(own(20000), own(10000, med_list_codg="XL01"))], [12000]),
    # as listed: (12000 − 10000) × 80% + 12000 × 60% + 6000 × 40%
    Row("by class 甲乙丙， the deductible used up as listed", BY_CLASS, {}, [THREE_CLASSES], [11200]),
    # a third of each: (12000 − 4000) × 80% + (12000 − 4000) × 60% + (6000 − 2000) × 40%
    Row("by class 甲乙丙， the deductible in proportion", BY_CLASS.replace('"listed"', '"proportion"'), {}, [THREE_CLASSES], [12800]),
    # (20000 − 6000) × (70% + 5%)
    Row("by activated credential", "liuzhou-example-2026", {"credential_activated": 1}, [both(20000, 0)], [10500]),
])
def test_ratio_by_visit_and_line(row: Row) -> None:
    check(row)


# ── caps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

IMPLANTS = """
[premium]
yuan = 100
[[benefit]]
id = "implants"
name = "植入物"
base = "fulamt_ownpay_amt"
is = "item_kind = implant"
ratio = "50%"
cap = { yuan = 30000, per = "item" }
"""
ONE_DRUG, OTHER_DRUG = "XL01XEA003", "XL01XCB004"


@table([
    # 240000 of one drug: 200000; what the benefit's 300000 leaves
    Row("per drug, inside the benefit", "jilin-example-2026", {}, [
        items(own(300000, med_list_codg=ONE_DRUG, innovative=1), med_type="11"),
        items(own(50000, med_list_codg=ONE_DRUG, innovative=1), med_type="11"),
        items(own(150000, med_list_codg=OTHER_DRUG, innovative=1), med_type="11")], [200000, 0, 100000]),
    # 27000 held to 20000, (15100 − 100) × 90% held to the year's 10000
    Row("per stay, inside the year", "xizang-example-2026", HEALTHY, [own(30100, med_type="22"), own(15100, med_type="22")],
        [20000, 10000]),
    # 40000 and 30000 × 50%: the first held to 30000
    Row("per implant, of what is paid", IMPLANTS, {}, [items(own(80000, item_kind="implant", med_list_codg="C1"),
                                                            own(30000, item_kind="implant", med_list_codg="C2"))], [45000]),
    # (80000 of 90000 + 30000 − 20000) × 60%
    Row("per implant, of what counts", "jilin-example-2026", {}, [items(own(90000, item_kind="implant", med_list_codg="C1"),
                                                                       own(30000))], [54000]),
    # (2 × 5000 of 12000 + 25000 − 15000) × 60%
    Row("per unit, of what counts", "chuncheng-jixiangbao-2025", {}, [
        items(own(12000, list_type="101", chrgitm_lv="03", cnt=2), own(25000))], [12000]),
    # (1500000 − 39525) × 80% held to 1000000; (30000 − 20000) × 70%
    Row("per benefit", "beijing-puhui-2022", {}, [both(1500000, 30000)], [1007000]),
    # 750000; 375000 held to what is left
    Row("over all", "huirongbao-2021", {}, [both(518000, 500000), own(500000)], [750000, 250000]),
])
def test_caps(row: Row) -> None:
    check(row)


# ── exclusions, waiting, pre-existing illness ────────────────────────────────────────────────────────────────────────

CANCER = {"preexisting": 1, "severe_preexisting": 1, "dise_codg": "C34.900"}


@table([
    # excluded; (40000 − 20000) × 75%
    Row("excluded by diagnosis where held before", "shenyang-quanminbao-2020", {}, [
        both(40000, 0, dise_codg="N18.500", history_dise="N18.300"),
        both(40000, 0, dise_codg="N18.500", history_dise="none")], [0, 15000]),
    # day 89 and day 90 of a first year, (28000 − 8000) × 60%
    Row("a waiting period by diagnosis", "xizang-example-2026", HEALTHY, [
        both(28000, 0, dise_codg="K80.200", begndate="2026-03-30"), both(28000, 0, dise_codg="K80.200", begndate="2026-04-01")],
        [0, 12000]),
    # day 29, an accident on it, day 30
    Row("a waiting period of every illness but accidents", "xizang-example-2026", HEALTHY, [
        both(28000, 0, begndate="2026-01-30"), both(1100, 0, begndate="2026-01-30", accident=1),
        both(28000, 0, begndate="2026-01-31")], [0, 900, 12000]),
    # held before the first enrolment; fallen ill since then, (28000 − 8000) × 60%
    Row("severe pre-existing excluded only before first enrolment", "xizang-example-2026", {"years_enrolled": 3}, [
        both(28000, 0, **CANCER), both(28000, 0, **CANCER, healthy_since_first=1)], [0, 12000]),
    # (28000 − 8000) × 60% × 50%, then 20000 of the next 28000 × 60% and 8000 × 76% + 2000
    Row("once healthy always healthy while renewed", "xizang-example-2026", {"preexisting": 1}, [
        both(28000, 0), both(28000, 0, healthy_since_first=1)], [6000, 20080]),
])
def test_exclusions_waiting_and_preexisting(row: Row) -> None:
    check(row)


# ── premium ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PREMIUMS = BENEFIT.replace("[premium]\nyuan = 100\n", """
[premium]
row = [
    { is = "tier = plus and age >= 60", yuan = 300 },
    { is = "tier = plus", yuan = 200 },
    { is = "paid_last_year > 10000", yuan = 150 },
    { is = "family_members >= 3", yuan = 80 },
    { is = "age < 18", yuan = 60 },
    { is = "age >= 18", yuan = 100 },
]
""")


@pytest.mark.parametrize(("known", "yuan"), [
    ({"age": 17}, 60),
    ({"age": 18}, 100),
    ({"age": 59, "tier": "plus"}, 200),
    ({"age": 60, "tier": "plus"}, 300),
    ({"age": 40, "family_members": 3}, 80),
    ({"age": 40, "family_members": 3, "paid_last_year": 10000}, 80),
    ({"age": 40, "family_members": 3, "paid_last_year": 10001}, 150),
])
def test_premium_by_age_band_household_size_tier_and_past_claims(known: dict[str, Any], yuan: int) -> None:
    assert premium(plan(PREMIUMS), {"tier": "base", **known}) == yuan * 100


def premium(said: Plan, known: dict[str, Any]) -> int:
    facts = {name: fact.default for name, fact in FACTS.items()} | known
    return next(row.fen for row in said.premium if conditions.holds(row.condition, facts))


# ── order among payers, time ─────────────────────────────────────────────────────────────────────────────────────────

AIDED = {"inscp_scp_amt": 50000, "hifp_pay": 20000, "maf_pay": 12000, "fund_pay_sumamt": 32000}
IN_SCOPE = BENEFIT.replace("fulamt_ownpay_amt", "in_scope_self_pay")


@table([
    # (50000 − 20000 − 12000 − 10000) × 50%
    Row("after medical aid", IN_SCOPE, {}, [AIDED], [4000]),
    # (50000 − 20000 − 10000) × 50%
    Row("before medical aid", 'before = ["maf_pay"]\n' + IN_SCOPE, {}, [AIDED], [10000]),
    # never beyond what the person still bears, 50000 − 20000 − 28000
    Row("before medical aid, which leaves less", 'before = ["maf_pay"]\n' + IN_SCOPE, {},
        [AIDED | {"maf_pay": 28000, "fund_pay_sumamt": 48000}], [2000]),
    # (20000 − 5000 − 10000) × 50%
    Row("after another insurer", BENEFIT, {}, [own(20000, other_insurance_pay=5000)], [2500]),
    # 10 of 20 days are of the year: (60000 × 10 ÷ 20 − 16000) × 80%
    Row("a stay split by days", "shenyang-example-2026", {**HEALTHY, "renewed": 1}, [both(60000, 0, begndate="2026-12-22", enddate="2027-01-10")], [11200]),
    # not renewed: 10 days of the year and 30 after it, of 80: (60000 × 40 ÷ 80 − 16000) × 80%
    Row("split by days, with a tail", "shenyang-example-2026", {**HEALTHY, "renewed": 0}, [both(60000, 0, begndate="2026-12-22", enddate="2027-03-11")], [11200]),
    # given back a day before the year's last: 10 of 20 days, (60000 × 10 ÷ 20 − 16000) × 80%
    Row("no tail after cover that ended a day early", "shenyang-example-2026", {**HEALTHY, "renewed": 0, "cover_to": "2026-12-30"},
        [both(60000, 0, begndate="2026-12-21", enddate="2027-01-09")], [11200]),
    # a visit that begins after the year has no tail
    Row("no tail for a later visit", "shenyang-example-2026", {**HEALTHY, "renewed": 0}, [both(60000, 0, begndate="2027-01-01", enddate="2027-01-10")], [0]),
])
def test_order_among_payers_and_split_by_days(row: Row) -> None:
    check(row)


# ── clauses of the documents ─────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XJ-3")
@pytest.mark.parametrize(("hardship", "premium_yuan", "deductible", "in_scope", "out_of_scope", "cap"), [
    # the category, its premium; of 20,000 in scope and 10,000 out of scope: the deductible and what each pays; the cap
    ("none", 120, 12000, 4800, 4000, 500000),            # 8000 × 60%; 10000 × 40%
    ("subsistence-allowance", 60, 6000, 9800, 5000, 600000),       # 14000 × 70%; 10000 × 50%
    ("destitute", 60, 3000, 11900, 5000, 600000),  # 17000 × 70%; 10000 × 50%
])
def test_people_in_hardship_are_favoured(
    hardship: str, premium_yuan: int, deductible: int, in_scope: int, out_of_scope: int, cap: int
) -> None:
    said = plan("xinjiang-example-2026")
    inner, outer = work(said, {"hardship": hardship}, [both(20000, 10000)])[0]
    assert premium(said, {"hardship": hardship}) == premium_yuan * 100
    assert [inner.deductible, inner.pay, outer.pay] == fen([deductible, in_scope, out_of_scope])
    assert paid(said, {"hardship": hardship}, [both(2000000, 0)]) == fen([cap])


@pytest.mark.clause("XJ-2.2")
@pytest.mark.parametrize(("funds", "pays"), [
    # of 100,000 in scope and 20,000 out of scope, what each fund pays first; (rest in scope − 12000) × 60% + 20000 × 40%
    ({"hifp_pay": 50000}, 30800),
    ({"hifp_pay": 50000, "hifob_pay": 10000}, 24800),
    ({"hifp_pay": 50000, "hifmi_pay": 15000}, 21800),
    ({"hifp_pay": 50000, "hifmi_pay": 15000, "maf_pay": 8000}, 17000),
])
def test_it_follows_the_funds_and_pays_both_sides(funds: dict[str, int], pays: int) -> None:
    claim = {"inscp_scp_amt": 100000, "fulamt_ownpay_amt": 20000, "fund_pay_sumamt": sum(funds.values()), **funds}
    assert paid(plan("xinjiang-example-2026"), {}, [claim]) == fen([pays])


@pytest.mark.clause("XJ-2.2")
def test_the_plan_sets_the_place_of_medical_aid() -> None:
    aided = {"inscp_scp_amt": 100000, "hifp_pay": 65000, "maf_pay": 8000, "fund_pay_sumamt": 73000}
    said = plan("xinjiang-example-2026")
    assert paid(said, {}, [aided]) == fen([9000])                                # (27000 − 12000) × 60%
    assert paid(replace(said, before=("maf_pay",)), {}, [aided]) == fen([13800])  # (35000 − 12000) × 60%


@pytest.mark.clause("SY-2.2")
def test_a_plan_covers_both_sides() -> None:
    inner, outer = work(plan("shenyang-example-2026"), HEALTHY, [both(60000, 20000)])[0][1:]
    assert [inner.pay, outer.pay] == fen([38400, 9600])  # (60000 − 12000) × 80%; (20000 − 4000) × 60%


@pytest.mark.clause("JL-1.3")
@pytest.mark.parametrize(("line", "ordinary", "preferred"), [
    # 50,000 of a drug, a device and a technique; 60,000 of other cost uses up the household's deductible first
    (own(50000, item_kind="drug", med_list_codg=ONE_DRUG), 56500, 64000),    # 40000 × 60% + 50000 × 65% or 80%
    (own(50000, item_kind="implant", med_list_codg="C1"), 54000, 61500),     # 40000 × 60% + 50000 × 60% or 75%
    (own(50000, item_kind="service", med_list_codg="S1"), 54000, 61500),
], ids=["drug", "device", "technique"])
def test_innovative_drugs_devices_and_techniques_have_a_preferred_ratio(line: Claim, ordinary: int, preferred: int) -> None:
    said = plan("jilin-example-2026")
    assert paid(said, {}, [items(own(60000), line)]) == fen([ordinary])
    assert paid(said, {}, [items(own(60000), line | {"innovative": 1})]) == fen([preferred])
