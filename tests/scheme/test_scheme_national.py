"""National rules by date, and both sides where a local document and a national rule disagree (`national.csv`)."""

import csv
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from huibao.core.money import fen
from huibao.core.tomlfile import FileRefused
from huibao.scheme import loading, national, words
from huibao.scheme.asked import Product
from huibao.scheme.model import Scheme
from huibao.scheme.national import Answer, effect, rules_in_force
from huibao.scheme.national_loading import builtin_national, load_national_text

TABLE = Path(__file__).parent / "tables" / "national.csv"
CITIES = {"吉林": "jilin", "柳州": "liuzhou", "沈阳": "shenyang", "新疆": "xinjiang", "西藏": "xizang"}
NATIONAL = builtin_national()

Row = Mapping[str, str]


def amounts(text: str) -> list[int]:
    return [fen(amount) for amount in re.findall(r"\d+\.\d\d", text)]


def payout(scheme: Scheme, on: date, text: str) -> Answer:
    raised, paid = amounts(text)
    return national.payout_trigger(scheme, NATIONAL, on, raised, paid, text.endswith("期满"))


def surplus(scheme: Scheme, on: date, text: str) -> Answer:
    income, paid, cost, profit = amounts(text)
    return national.surplus(scheme, NATIONAL, on, income, paid, cost, profit)


def renewal(scheme: Scheme, on: date, text: str) -> Answer:
    assert text == ""
    return national.renewal(scheme, NATIONAL, on)


def price(scheme: Scheme, on: date, text: str) -> Answer:
    factor = {v: k for k, v in words.FACTORS.items()}[text]
    return national.price_factor(scheme, NATIONAL, on, factor)


ASKED: dict[str, Callable[[Scheme, date, str], Answer]] = {
    "赔付率": payout,
    "结余": surplus,
    "续保": renewal,
    "差异定价": price,
    "个人账户": lambda scheme, on, text: national.account_open(
        scheme, on, Product("medical", account_open=text == "开通")
    ),
}


def rows() -> list[Row]:
    with TABLE.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.clause("XJ-3.5b")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["故事"])
def test_local_and_national(row: Row) -> None:
    answer = ASKED[row["事项"]](loading.builtin(CITIES[row["方案"]]), date.fromisoformat(row["日期"]), row["内容"])
    assert (answer.behaviour, answer.clause or "", answer.national or "") == (
        row["处理"], row["本地条款"], row["国家规定"])


def test_the_answer_says_both_rules_and_their_dates() -> None:
    answer = national.payout_trigger(loading.builtin("shenyang"), NATIONAL, date(2026, 3, 1), 100_000, 60_000, True)
    assert answer.zh == (
        "净赔付率 60%，标准 75%，发出提示并重新精算；比例仅作展示，新条款自下一合同年度起"
        "（本地：依据沈医保发〔2021〕40号三、（三），SY-3.3，自 2021-12-31 起；"
        "国家：金办便函〔2025〕745号，自 2025-07-31 起）"
    )
    assert answer.figures == {"funds_raised_fen": 100_000, "net_payout_fen": 60_000, "ratio": 6000, "below": 7500}
    assert (answer.clause_since, answer.national_since) == (date(2021, 12, 31), date(2025, 7, 31))


def test_the_trigger_compares_fen_not_rounded_percentages() -> None:
    scheme, on = loading.builtin("shenyang"), date(2022, 3, 1)
    short = national.payout_trigger(scheme, NATIONAL, on, 1_000_000_00, 749_999_99, True)
    assert (short.behaviour, short.figures["ratio"]) == ("re-price-now", 7500)


@pytest.mark.clause("XJ-3.5b")
@pytest.mark.parametrize("city, income, left, carried", [
    ("xinjiang", 100_000, 10_000, 10_000),
    ("xinjiang", 90_000, 0, 0),
    ("xinjiang", 80_000, -10_000, 0),
    ("shenyang", 100_000, 10_000, 0),
])
def test_surplus_is_always_computed_and_carried_where_the_scheme_says_so(
    city: str, income: int, left: int, carried: int
) -> None:
    answer = national.surplus(loading.builtin(city), NATIONAL, date(2026, 3, 1), income, 70_000, 15_000, 5_000)
    assert answer.figures == {"surplus_fen": left, "carried_fen": carried}


@pytest.mark.parametrize("on, ids", [
    (date(2015, 4, 23), []),
    (date(2015, 4, 24), ["insurance-law"]),
    (date(2019, 12, 1), ["insurance-law", "health-insurance"]),
    (date(2021, 1, 11), ["insurance-law", "health-insurance", "complaints", "traceability", "short-term-health"]),
    (date(2025, 7, 31), [
        "insurance-law", "health-insurance", "complaints", "traceability", "short-term-health", "internet-insurance",
        "solvency", "outpatient-mutual-aid", "city-medical-2021", "personal-information", "face-recognition",
        "city-medical-2025",
    ]),
])
def test_rules_in_force(on: date, ids: list[str]) -> None:
    assert [rule.id for rule in rules_in_force(NATIONAL, on)] == ids


@pytest.mark.parametrize("key, before, since, value", [
    ("claim_decided_days", date(2015, 4, 23), date(2015, 4, 24), 30),
    ("product_kinds", date(2019, 11, 30), date(2019, 12, 1),
     ("medical", "disease", "disability-income", "care", "medical-accident")),
    ("complaint_days", date(2020, 2, 29), date(2020, 3, 1), 15),
    ("evidence_years", date(2020, 9, 30), date(2020, 10, 1), 10),
    ("no_automatic_renewal", date(2021, 1, 10), date(2021, 1, 11), True),
    ("licensed_bodies_only", date(2021, 1, 31), date(2021, 2, 1), True),
    ("core_solvency_least", date(2021, 2, 28), date(2021, 3, 1), 5000),
    ("head_office_responsible", date(2021, 5, 27), date(2021, 5, 28), True),
    ("guardian_under_age", date(2021, 10, 31), date(2021, 11, 1), 14),
    ("face_never_only_way", date(2025, 5, 31), date(2025, 6, 1), True),
    ("no_change_within_year", date(2025, 7, 30), date(2025, 7, 31), True),
])
def test_an_effect_begins_on_its_day(key: str, before: date, since: date, value: object) -> None:
    assert effect(NATIONAL, before, key) is None
    found = effect(NATIONAL, since, key)
    assert found is not None
    assert found.value == value


def test_an_effect_nobody_can_have_is_a_bug() -> None:
    with pytest.raises(KeyError):
        effect(NATIONAL, date(2026, 1, 1), "complaint_weeks")


RULE = """
[[rule]]
id = "{id}"
number = "某〔2026〕1号"
issuer = "某部门"
name = "某规定"
from = {since}
asks = ["某项"]
effects = {{ {effects} }}
"""


def test_a_rule_that_ended_is_not_in_force_and_its_successor_is() -> None:
    old = RULE.format(id="old", since="2026-01-01\nuntil = 2026-06-30", effects="complaint_days = 15")
    new = RULE.format(id="new", since="2026-07-01", effects="complaint_days = 10")
    loaded = load_national_text("national.toml", old + new)
    last = effect(loaded, date(2026, 6, 30), "complaint_days")
    first = effect(loaded, date(2026, 7, 1), "complaint_days")
    assert last is not None
    assert first is not None
    assert (last.value, first.value) == (15, 10)


@pytest.mark.parametrize("text, key, mend", [
    (RULE.format(id="a", since="2026-01-01", effects="complaint_day = 15"), "rule[1].effects.complaint_day",
     "did you mean 'complaint_days'?"),
    (RULE.format(id="a", since="2026-01-01", effects='core_solvency_least = 50'), "rule[1].effects.core_solvency_least",
     'such as "70%"'),
    (RULE.format(id="a", since="2026-01-01", effects="complaint_days = 15")
     + RULE.format(id="a", since="2027-01-01", effects="refund_days = 30"), "rule[2].id", "write another id"),
    (RULE.format(id="a", since="2026-01-01", effects="complaint_days = 15")
     + RULE.format(id="b", since="2027-01-01", effects="complaint_days = 10"), "rule[2].effects.complaint_days",
     "write until in one of the two"),
], ids=["unknown effect", "ratio as a number", "id twice", "two voices on one day"])
def test_a_broken_national_file_says_what_to_write(text: str, key: str, mend: str) -> None:
    with pytest.raises(FileRefused) as refused:
        load_national_text("national.toml", text)
    (problem,) = refused.value.problems
    assert (problem.file, problem.key) == ("national.toml", key)
    assert mend in problem.en
