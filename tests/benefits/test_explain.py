"""A payment said in sentences: every figure of it, in Chinese and in English, as the person at the desk reads them."""

from typing import Any, Final, NamedTuple

import pytest

from huibao.benefits import loading
from huibao.benefits.explain import Explanation, explain
from huibao.benefits.fold import Settlement
from huibao.benefits.history import History
from huibao.benefits.model import Plan
from huibao.benefits.reading import read
from huibao.benefits.terms import Compiled

Bill = dict[str, Any]

HEAD: Final = """
syntax = 1
id = "inline"
name = "测试产品"
kind = "medical"
status = "example"
valid = { from = 2026-01-01, to = 2026-12-31 }
visit_counts_at = "admission"
sources = []
premium = { yuan = 99 }
"""
BENEFIT: Final = '[[benefit]]\nid = "self-paid"\nname = "自费费用"\nbase = "fulamt_ownpay_amt"\n'

CAPPED: Final = BENEFIT + 'deductible = { yuan = 100, per = "year" }\nratio = "80%"\ncap = { yuan = 500, per = "year" }\n'
PER_ITEM: Final = BENEFIT + 'ratio = "80%"\ncap = { yuan = 100, per = "item" }\n'
FLAT: Final = BENEFIT + """
bands_from = "deductible"
bands = [{ above = 0, to = 1000, ratio = "50%" }, { above = 1000, ratio = "70%", flat = 200 }]
"""
LIMITED: Final = BENEFIT + 'ratio = "50%"\n' + "".join(
    f'[[benefit.limit]]\nname = "{name}"\nyuan = {yuan}\nper = "{per}"\nis = "item_kind = {kind}"\n'
    for name, yuan, per, kind in (("单片药价", 100, "unit", "drug"), ("全年耗材", 1000, "year", "material")))
WEIGHTED: Final = BENEFIT.replace('"fulamt', '"0.5 * preselfpay_amt + fulamt') + 'ratio = "37.5%"\n'
VARIED: Final = BENEFIT + 'ratio = "80%"\nwhen_both = "last"\n' + "".join(
    f'[[benefit.when]]\nis = "{condition}"\nratio = "{ratio}"\n'
    for condition, ratio in (("preexisting", "50%"), ("place = unregistered and years_enrolled < 2", "40%")))
SHARED: Final = """
[[benefit]]
id = "out"
name = "范围外"
base = "fulamt_ownpay_amt"
deductible = { shared = "共用免赔额" }
ratio = "60%"
[[benefit]]
id = "in"
name = "范围内"
base = "in_scope_self_pay"
deductible = { shared = "共用免赔额" }
ratio = "80%"
[[deductible]]
id = "共用免赔额"
yuan = 1000
per = "year"
allocation = "listed"
"""
BEFORE_AID: Final = 'before = ["maf_pay"]\n' + BENEFIT.replace("fulamt_ownpay_amt", "in_scope_self_pay") + 'ratio = "100%"\n'
EXCLUDING: Final = BENEFIT + """
ratio = "50%"
[[exclusion]]
name = "精神疾病"
diagnosis = ["F00-F99"]
[[exclusion]]
name = "丙类"
is = "chrgitm_lv = 03"
"""
WAITING: Final = 'waiting = { days = 30 }\n' + BENEFIT + 'ratio = "50%"\n'
NESTED: Final = BENEFIT + """
ratio = "100%"
[[benefit]]
id = "class-b"
name = "甲项"
base = "preselfpay_amt"
ratio = "100%"
cap = { yuan = 100, per = "year" }
[[cap]]
id = "总限额"
yuan = 110
per = "year"
over_all = true
"""
#: The exclusion takes cost from one benefit only.
EXCLUDING_ONE: Final = BENEFIT + 'ratio = "50%"\n[[exclusion]]\nname = "丙类"\nis = "chrgitm_lv = 03"\nbenefits = ["self-paid"]\n'


class Row(NamedTuple):
    """A story: the plan (an id, or lines to follow `HEAD`), the bills, and what is said of the last one, a clause to a line."""

    story: str
    plan: str
    bills: list[Bill]
    zh: str
    en: str


def own(yuan: int, **more: object) -> Bill:
    """A bill, or a line, of fully self-paid cost."""
    return {"fulamt_ownpay_amt": yuan, **more}


def plan(said: str) -> Plan:
    return loading.load_text("inline.toml", HEAD + said) if "\n" in said else loading.builtin(said)


def told(said: Plan, bills: list[Bill]) -> Explanation:
    """The explanation of the last of some bills of one person."""
    compiled = Compiled(said)
    folded = History(compiled, explain=True)
    for n, bill in enumerate(bills, 1):
        row = {"psn_no": "甲", "setl_id": str(n), "setl_time": said.valid_to.isoformat(), "med_type": "21", "insutype": "310",
               "hosp_lv": "3", "age": "45", **bill}
        event = read(compiled, row, row.get("lines", ()))
        assert isinstance(event, Settlement)
        folded.accept(event)
    last = folded.entries[-1]
    assert isinstance(last.event, Settlement)
    return explain(said, last.event, last.posted)


SAID: Final = [
    Row("住院自费五万三千二，首年，非既往症", "huhuibao-2025", [own(53200, preexisting=0, years_enrolled=1)], zh="""
特定住院自费医疗费用：全自费 53,200.00 元；
年度免赔额 12,000.00 元，此前已用 0.00 元，本次扣除 12,000.00 元；
超出部分 41,200.00 × 70% = 28,840.00 元；
未超年度限额 1,000,000.00 元。赔付 28,840.00 元。
合计赔付 28,840.00 元。
""", en="""
inpatient-self-paid: fully self-paid cost 53,200.00;
deductible 12,000.00, used before 0.00, now 12,000.00;
of what exceeds it 41,200.00 × 70% = 28,840.00;
within the cap of 1,000,000.00. Pays 28,840.00 yuan.
In all 28,840.00 yuan.
"""),
    Row("同样的住院，既往病史尚未查明", "huhuibao-2025", [own(53200)], zh="""
特定住院自费医疗费用：（适用：既往症）全自费 53,200.00 元；
年度免赔额 12,000.00 元，此前已用 0.00 元，本次扣除 12,000.00 元；
超出部分 41,200.00 × 50% = 20,600.00 元；
未超年度限额 1,000,000.00 元。赔付 20,600.00 元。
是否既往症尚无资料，暂按既往症比例赔付；
核定后应补的部分另行支付。
合计赔付 20,600.00 元。
""", en="""
inpatient-self-paid: (where preexisting) fully self-paid cost 53,200.00;
deductible 12,000.00, used before 0.00, now 12,000.00;
of what exceeds it 41,200.00 × 50% = 20,600.00;
within the cap of 1,000,000.00. Pays 20,600.00 yuan.
Whether the illness is pre-existing is not known yet: paid at that ratio for now;
what is more due follows once it is decided.
In all 20,600.00 yuan.
"""),
    Row("五档递增", "aksu-huiminbao-2025", [own(30000)], zh="""
住院个人负担费用：医保范围内自付、乙类先行自付、超限价自费、全自费 30,000.00 元；
年度免赔额 5,000.00 元，此前已用 0.00 元，本次扣除 5,000.00 元；
超出部分 5,000.00 × 30% + 5,000.00 × 40% + 8,000.00 × 50% + 7,000.00 × 70% = 12,400.00 元。赔付 12,400.00 元。
合计赔付 12,400.00 元。
""", en="""
inpatient: in-scope cost left to the person, class-B part paid first, cost over the price limit, fully self-paid cost 30,000.00;
deductible 5,000.00, used before 0.00, now 5,000.00;
of what exceeds it 5,000.00 × 30% + 5,000.00 × 40% + 8,000.00 × 50% + 7,000.00 × 70% = 12,400.00. Pays 12,400.00 yuan.
In all 12,400.00 yuan.
"""),
    Row("第二次住院：免赔额已用完，限额只剩一百", CAPPED, [own(600), own(300)], zh="""
自费费用：全自费 300.00 元；
年度免赔额 100.00 元，此前已用 100.00 元，本次扣除 0.00 元；
超出部分 300.00 × 80% = 240.00 元；
年度限额 500.00 元，此前已用 400.00 元，本次以 100.00 元为限。赔付 100.00 元。
合计赔付 100.00 元。
""", en="""
self-paid: fully self-paid cost 300.00;
deductible 100.00, used before 100.00, now 0.00;
of what exceeds it 300.00 × 80% = 240.00;
cap 500.00, used before 400.00, so 100.00. Pays 100.00 yuan.
In all 100.00 yuan.
"""),
    Row("免赔额以内", CAPPED, [own(60)], zh="""
自费费用：全自费 60.00 元；
年度免赔额 100.00 元，此前已用 0.00 元，本次扣除 60.00 元。赔付 0.00 元。
合计赔付 0.00 元。
""", en="""
self-paid: fully self-paid cost 60.00;
deductible 100.00, used before 0.00, now 60.00. Pays 0.00 yuan.
In all 0.00 yuan.
"""),
    Row("单项限额逐项说明", PER_ITEM, [
        own(350, lines=[own(200, med_list_codg="X1"), own(50, med_list_codg="X2")], med_list_codg="X3")], zh="""
自费费用：全自费 350.00 元；
超出部分 100.00 × 80% + 200.00 × 80% + 50.00 × 80% = 280.00 元；
未超单项限额 100.00 元；
单项限额 100.00 元，此前已用 0.00 元，本次以 100.00 元为限；
未超单项限额 100.00 元。赔付 220.00 元。
合计赔付 220.00 元。
""", en="""
self-paid: fully self-paid cost 350.00;
of what exceeds it 100.00 × 80% + 200.00 × 80% + 50.00 × 80% = 280.00;
within the cap of 100.00;
cap 100.00, used before 0.00, so 100.00;
within the cap of 100.00. Pays 220.00 yuan.
In all 220.00 yuan.
"""),
    Row("三片药每片最多一百，耗材全年最多一千", LIMITED, [
        own(900, item_kind="material"),
        own(700, lines=[own(500, item_kind="drug", cnt=3), own(200, item_kind="material")])], zh="""
自费费用：全自费 700.00 元；
“单片药价”最多计入 100.00 元，500.00 元计入 300.00 元；
“全年耗材”最多计入 1,000.00 元，200.00 元计入 100.00 元；
超出部分 300.00 × 50% + 100.00 × 50% = 200.00 元。赔付 200.00 元。
合计赔付 200.00 元。
""", en="""
self-paid: fully self-paid cost 700.00;
at most 100.00 counts under '单片药价': 300.00 of 500.00;
at most 1,000.00 counts under '全年耗材': 100.00 of 200.00;
of what exceeds it 300.00 × 50% + 100.00 × 50% = 200.00. Pays 200.00 yuan.
In all 200.00 yuan.
"""),
    Row("进入第二档，一次性给付二百", FLAT, [own(1500)], zh="""
自费费用：全自费 1,500.00 元；
超出部分 1,000.00 × 50% + 500.00 × 70% = 850.00 元；
累计超过 1,000.00 元，一次性给付 200.00 元。赔付 1,050.00 元。
合计赔付 1,050.00 元。
""", en="""
self-paid: fully self-paid cost 1,500.00;
of what exceeds it 1,000.00 × 50% + 500.00 × 70% = 850.00;
200.00 once on passing 1,000.00. Pays 1,050.00 yuan.
In all 1,050.00 yuan.
"""),
    Row("下一次不再给付", FLAT, [own(1500), own(1500)], zh="""
自费费用：全自费 1,500.00 元；
超出部分 1,500.00 × 70% = 1,050.00 元。赔付 1,050.00 元。
合计赔付 1,050.00 元。
""", en="""
self-paid: fully self-paid cost 1,500.00;
of what exceeds it 1,500.00 × 70% = 1,050.00. Pays 1,050.00 yuan.
In all 1,050.00 yuan.
"""),
    Row("乙类先行自付计一半，比例三成七五", WEIGHTED, [own(600, preselfpay_amt=100)], zh="""
自费费用：50% 乙类先行自付、全自费 650.00 元；
超出部分 650.00 × 37.5% = 243.75 元。赔付 243.75 元。
合计赔付 243.75 元。
""", en="""
self-paid: 50% class-B part paid first, fully self-paid cost 650.00;
of what exceeds it 650.00 × 37.5% = 243.75. Pays 243.75 yuan.
In all 243.75 yuan.
"""),
    Row("两种情形同时适用，以后写的为准", VARIED, [own(100, preexisting=1, place="unregistered")], zh="""
自费费用：（适用：既往症、就医地为 unregistered 且 连续参保年数少于 2）全自费 100.00 元；
超出部分 100.00 × 40% = 40.00 元。赔付 40.00 元。
合计赔付 40.00 元。
""", en="""
self-paid: (where preexisting, place = unregistered and years_enrolled < 2) fully self-paid cost 100.00;
of what exceeds it 100.00 × 40% = 40.00. Pays 40.00 yuan.
In all 40.00 yuan.
"""),
    Row("共用免赔额，先列的先用", SHARED, [own(600, in_scope_self_pay=1400)], zh="""
范围外：全自费 600.00 元；
共用免赔额 1,000.00 元，此前已用 0.00 元，本次扣除 600.00 元。赔付 0.00 元。
范围内：医保范围内自付 1,400.00 元；
共用免赔额 1,000.00 元，此前已用 600.00 元，本次扣除 400.00 元；
超出部分 1,000.00 × 80% = 800.00 元。赔付 800.00 元。
合计赔付 800.00 元。
""", en="""
out: fully self-paid cost 600.00;
deductible 1,000.00, used before 0.00, now 600.00. Pays 0.00 yuan.
in: in-scope cost left to the person 1,400.00;
deductible 1,000.00, used before 600.00, now 400.00;
of what exceeds it 1,000.00 × 80% = 800.00. Pays 800.00 yuan.
In all 800.00 yuan.
"""),
    Row("先于医疗救助赔付，不超过本人仍负担的", BEFORE_AID, [{"inscp_scp_amt": 10000, "fund_pay_sumamt": 8000, "maf_pay": 8000}], zh="""
自费费用：医保范围内自付 10,000.00 元；
超出部分 10,000.00 × 100% = 10,000.00 元；
不超过本人仍负担的 2,000.00 元。赔付 2,000.00 元。
合计赔付 2,000.00 元。
""", en="""
self-paid: in-scope cost left to the person 10,000.00;
of what exceeds it 10,000.00 × 100% = 10,000.00;
not more than the 2,000.00 that the person still bears. Pays 2,000.00 yuan.
In all 2,000.00 yuan.
"""),
    Row("没有属于保障范围的费用", CAPPED, [{"preselfpay_amt": 100}], zh="""
本次结算没有属于保障范围的费用。
合计赔付 0.00 元。
""", en="""
Nothing on this bill is within the benefits.
In all 0.00 yuan.
"""),
    Row("保险期间以外", CAPPED, [own(100, begndate="2027-01-01")], zh="""
本次就诊不在保障范围：不在保险期间。
合计赔付 0.00 元。
""", en="""
This visit is not covered: outside the period of cover.
In all 0.00 yuan.
"""),
    Row("等待期内", WAITING, [own(100, begndate="2026-01-30")], zh="""
本次就诊不在保障范围：等待期 30 天。
合计赔付 0.00 元。
""", en="""
This visit is not covered: '等待期 30 天'.
In all 0.00 yuan.
"""),
    Row("责任免除", EXCLUDING, [own(100, dise_codg="F20.0")], zh="""
本次就诊不在保障范围：精神疾病。
合计赔付 0.00 元。
""", en="""
This visit is not covered: '精神疾病'.
In all 0.00 yuan.
"""),
]


@pytest.mark.parametrize("row", SAID, ids=lambda row: row.story)
def test_what_is_said(row: Row) -> None:
    found = told(plan(row.plan), row.bills)
    assert "".join(found.zh) == "".join(row.zh.split("\n"))
    assert " ".join(found.en) == " ".join(row.en.strip().split("\n"))


@pytest.mark.parametrize("row", SAID, ids=lambda row: row.story)
def test_the_last_sentence_is_what_is_paid(row: Row) -> None:
    found = told(plan(row.plan), row.bills)
    assert found.zh[-1] == f"合计赔付 {found.pay_fen // 100:,}.{found.pay_fen % 100:02d} 元。"


def test_a_line_that_is_excluded_does_not_exclude_the_visit() -> None:
    """一千元的丙类药不赔，其余五百元照赔：不能说本次就诊不在保障范围。"""
    found = told(plan(EXCLUDING), [own(1500, lines=[own(1000, chrgitm_lv="03")])])
    assert found.pay_fen == 25000
    assert "丙类" in "".join(found.zh)
    assert "本次就诊不在保障范围" not in "".join(found.zh)


def test_an_exclusion_of_one_benefit_is_named() -> None:
    """除外责任只针对一项保障，不赔的原因也要说出来。"""
    found = told(plan(EXCLUDING_ONE), [own(1000, chrgitm_lv="03")])
    assert found.pay_fen == 0
    assert "丙类" in "".join(found.zh)


@pytest.mark.parametrize("bill", [own(1000, begndate="2027-01-01"), {"inscp_scp_amt": 1000}], ids=["不在保险期间", "没有属于保障范围的费用"])
def test_what_pays_nothing_promises_nothing_once_it_is_decided(bill: Bill) -> None:
    """是否既往症不影响一分钱时，不说暂按既往症比例赔付。"""
    assert "暂按既往症比例赔付" not in "".join(told(plan(VARIED), [bill]).zh)


def test_what_the_person_still_bears_is_said_whole_where_lines_share_it() -> None:
    """本人仍负担两千元，账单余下部分先用完，明细就没有了：说的仍是两千元，不是零元。"""
    line = {"inscp_scp_amt": 1500}
    found = told(plan(BEFORE_AID), [{"inscp_scp_amt": 10000, "fund_pay_sumamt": 8000, "maf_pay": 8000, "lines": [line]}])
    assert found.pay_fen == 200000
    assert "不超过本人仍负担的 2,000.00 元" in found.zh[0]


def test_what_was_paid_before_is_what_was_paid() -> None:
    """甲项第一次应赔八十元，被总限额截为五十元；第二次说明年度限额时，此前已用是五十元，不是八十元。"""
    earlier = [own(60), {"preselfpay_amt": 80}]
    assert told(plan(NESTED), earlier).pay_fen == 5000
    assert "此前已赔 80.00 元" not in told(plan(NESTED), [*earlier, {"preselfpay_amt": 80}]).zh[0]
