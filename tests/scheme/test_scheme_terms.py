"""What a plan may say and how a programme is run: one row of `tables/terms.csv` a decision."""

import csv
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from huibao.core.money import fen
from huibao.core.refusal import Refusal
from huibao.scheme import loading, rules, running, terms, words
from huibao.scheme.asked import Product
from huibao.scheme.model import Scheme
from huibao.scheme.sentences import Allowed
from huibao.scheme.terms import PlanTerms

TABLE = Path(__file__).parent / "tables" / "terms.csv"
DAY = date(2026, 3, 1)
CITIES = {"吉林": "jilin", "柳州": "liuzhou", "沈阳": "shenyang", "新疆": "xinjiang", "西藏": "xizang"}

Row = Mapping[str, str]
Answer = Allowed | Refusal


def code(vocabulary: Mapping[str, str], label: str) -> str:
    return {v: k for k, v in vocabulary.items()}[label]


def rows() -> list[Row]:
    with TABLE.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def agreement(scheme: Scheme, on: date, text: str) -> Answer:
    dates, _, reason = text.partition(" 理由 ")
    start, end = (date.fromisoformat(part) for part in dates.split(" 至 "))
    return running.agreement_term(scheme, start, end, reason)


def cost(scheme: Scheme, on: date, text: str) -> Answer:
    amounts, _, reason = text.partition(" 理由 ")
    premium, spent, profit = (fen(amount) for amount in re.findall(r"\d+\.\d\d", amounts))
    return running.cost_and_profit(scheme, on, premium, spent, profit, reason)


def covers(scheme: Scheme, on: date, text: str) -> Answer:
    return terms.coverage(scheme, on, "政策范围内" in text.split("、"), "政策范围外" in text.split("、"))


def favours(scheme: Scheme, on: date, text: str) -> Answer:
    category, matter = text.split(" ")
    return terms.favour(scheme, on, code(words.HARDSHIPS, category), code(words.FAVOURS, matter))


def listed(scheme: Scheme, on: date, text: str) -> Answer:
    answer = rules.product_refusal(scheme, on, Product("medical", (code(words.FEATURES, text),)))
    assert answer is not None
    return answer


ASKED: dict[str, Callable[[Scheme, date, str], Answer]] = {
    "遴选方式": lambda scheme, on, text: running.selection(scheme, on, code(words.ROUTES, text)),
    "承办周期": agreement,
    "参保条件": lambda scheme, on, text: terms.join_condition(scheme, on, code(words.CONDITIONS, text)),
    "保费因素": lambda scheme, on, text: terms.premium_may_vary(scheme, on, code(words.FACTORS, text)),
    "保障范围": covers,
    "免责疾病": terms.exclusion,
    "困难倾斜": favours,
    "产品特点": listed,
    "保单贷款": lambda scheme, on, text: rules.policy_loan(scheme, on, fen(text)),
    "成本盈利": cost,
    "跨产品划转": lambda scheme, on, text: running.book_transfer(scheme, on, *text.split(" ")),
}


@pytest.mark.clause("LZ-21", "SY-2.1", "SY-2.2", "SY-3.2", "XJ-2.0", "XJ-2.1", "XJ-2.2", "XZ-1")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["故事"])
def test_terms(row: Row) -> None:
    scheme = loading.builtin(CITIES[row["方案"]])
    answer = ASKED[row["事项"]](scheme, date.fromisoformat(row["日期"]), row["内容"])
    silent = "示例" if "本地示例" in answer.zh else "未作规定"
    refused = isinstance(answer, Refusal)
    assert ("拒绝" if refused else "准予", answer.code if isinstance(answer, Refusal) else "", answer.clause or silent) == (
        row["结果"], row["代码"], row["条款"])


@pytest.mark.clause("SY-3.2")
def test_cost_above_a_fifth_says_by_how_much_and_how_to_go_on() -> None:
    answer = running.cost_and_profit(loading.builtin("shenyang"), DAY, 100_000, 20_000, 1)
    assert isinstance(answer, Refusal)
    assert answer.zh == (
        "成本及盈利 200.01 元，超过保费的 20%（200.00 元），请降低 0.01 元，或由医保局记录理由"
        "（依据沈医保发〔2021〕40号三、（二），SY-3.2）"
    )
    assert (answer.figures["spent_fen"], answer.figures["allowed_fen"]) == (20_001, 20_000)


def test_a_blank_reason_is_no_reason() -> None:
    answer = running.cost_and_profit(loading.builtin("shenyang"), DAY, 100_000, 20_000, 1, "  ")
    assert isinstance(answer, Refusal)


def test_a_share_of_no_premium_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no premium"):
        running.cost_and_profit(loading.builtin("shenyang"), DAY, 0, 1, 1)


@pytest.mark.clause("XJ-2.2")
@pytest.mark.parametrize("city, before, after, order", [
    ("xinjiang", (), (), ("hifp_pay", "hifob_pay", "hifmi_pay", "this")),
    ("xinjiang", ("maf_pay",), (), ("hifp_pay", "hifob_pay", "hifmi_pay", "maf_pay", "this")),
    ("xinjiang", ("cvlserv_pay",), ("maf_pay",),
     ("hifp_pay", "hifob_pay", "hifmi_pay", "cvlserv_pay", "this", "maf_pay")),
    ("shenyang", ("hifmi_pay",), (), ("hifp_pay", "hifmi_pay", "this")),
    ("jilin", (), ("hifob_pay",), ("hifp_pay", "hifmi_pay", "this", "hifob_pay")),
])
def test_order_of_payers(city: str, before: tuple[str, ...], after: tuple[str, ...], order: tuple[str, ...]) -> None:
    assert terms.payer_order(loading.builtin(city), DAY, before, after) == order


@pytest.mark.clause("XJ-2.2")
@pytest.mark.parametrize("before, after, refused, clause", [
    ((), ("hifp_pay",), "order.fixed", "XJ-2.2"),
    (("hifmi_pay",), (), "order.fixed", "XJ-2.2"),
    (("psn_cash_pay",), (), "order.not_provided", None),
    (("maf_pay",), ("maf_pay",), "order.twice", "XJ-2.2"),
])
def test_a_plan_cannot_move_a_fixed_payer(
    before: tuple[str, ...], after: tuple[str, ...], refused: str, clause: str | None
) -> None:
    answer = terms.payer_order(loading.builtin("xinjiang"), DAY, before, after)
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.clause) == (refused, clause)


@pytest.mark.clause("XJ-2.1", "XJ-2.2")
def test_every_reason_against_a_plan_is_named_at_once() -> None:
    plan = PlanTerms(("age", "occupation"), ("tier", "illness-risk"), True, False, ("E10-E14", "Z41"))
    refusals = terms.plan_refusals(loading.builtin("xinjiang"), DAY, plan)
    assert [(refusal.code, refusal.clause) for refusal in refusals] == [
        ("plan.join_condition_refused", "XJ-2.1"),
        ("plan.join_condition_refused", "XJ-2.1"),
        ("plan.premium_by_illness_risk", "XJ-2.1"),
        ("plan.covers_one_side", "XJ-2.2"),
        ("plan.excludes_common_illness", "XJ-3.2"),
    ]
    assert "病种清单为示例" in refusals[-1].zh


def test_a_plan_without_offence_has_no_refusal() -> None:
    assert terms.plan_refusals(loading.builtin("xinjiang"), DAY, PlanTerms(premium_factors=("tier",))) == ()


@pytest.mark.parametrize("city, apart", [("jilin", True), ("shenyang", False)])
def test_separate_accounts_where_the_document_says_so(city: str, apart: bool) -> None:
    assert running.separate_accounts(loading.builtin(city), DAY) is apart


@pytest.mark.parametrize("start, end", [
    (date(2026, 1, 1), date(2028, 12, 31)),
    (date(2026, 3, 1), date(2029, 2, 28)),
    (date(2025, 3, 1), date(2028, 2, 29)),
    (date(2028, 2, 29), date(2031, 2, 28)),
])
def test_three_years_end_on_the_day_before(start: date, end: date) -> None:
    assert running.cycle_end(start, 3) == end


def test_the_limit_counts_by_calendar_year_only_where_there_is_one() -> None:
    assert rules.limit_year(loading.builtin("xizang"), DAY) == (date(2026, 1, 1), date(2026, 12, 31))
    assert rules.limit_year(loading.builtin("liuzhou"), DAY) is None
    assert rules.limit_year(loading.builtin("jilin"), DAY) is None
