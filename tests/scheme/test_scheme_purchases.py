"""Who may buy what for whom, with which money: one row of a table a decision.

The tables in `tables/` open in a spreadsheet. A refusal's clause is named, or 未作规定 (no document provides for it), or
示例 (the scheme file's own example decides).
"""

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from huibao.core.money import fen, plain_yuan
from huibao.core.refusal import Refusal
from huibao.scheme import loading, words
from huibao.scheme.asked import Enrolment, Person, Product, Purchase
from huibao.scheme.model import Scheme
from huibao.scheme.rules import Granted, decide_purchase

TABLES = Path(__file__).parent / "tables"
CITIES = ("jilin", "liuzhou", "shenyang", "xinjiang", "xizang")
INSURANCE = {"职工": "310", "居民": "390", "离休": "340"}
STATUS = {"正常": "1", "暂停": "2", "终止": "4"}

Row = Mapping[str, str]


def code(vocabulary: Mapping[str, str], label: str) -> str:
    return {v: k for k, v in vocabulary.items()}[label]


def person(text: str, chronic: bool = False) -> Person:
    """"职工 正常 450202；居民 暂停 450202" as enrolments; 未参保 has none."""
    entries = [] if text == "未参保" else [part.split(" ") for part in text.split("；")]
    return Person(tuple(Enrolment(INSURANCE[kind], STATUS[status], area) for kind, status, area in entries), chronic)


def purchase(row: Row) -> Purchase:
    payer = person(row["付款人参保"], row["慢性病待遇"] == "是")
    insured = payer if row["被保险人参保"] == "同付款人" else person(row["被保险人参保"])
    relation = words.OTHER_RELATION if row["关系"] == "其他关系" else code(words.RELATIONS, row["关系"])
    features = (code(words.FEATURES, row["产品特点"]),) if row["产品特点"] else ()
    return Purchase(
        payer=payer,
        insured=insured,
        relation=relation,
        product=Product(code(words.KINDS, row["险种"]), features, row["已确认"] == "是", row["产品开通个账"] == "是"),
        premium_fen=fen(row["保费"]),
        pay_with={"自费": "cash", "个人账户": "account"}[row["支付方式"]],
        balances_fen=(("personal", fen(row["个人账户余额"])), ("savings", fen(row["储蓄账户余额"]))),
        paid_this_year_fen=fen(row["本年已付"]),
        account_family=row["家庭账户成员"] == "是",
    )


def rows(city: str) -> list[Row]:
    with (TABLES / f"{city}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def outcome(scheme: Scheme, answer: Granted | Refusal) -> dict[str, str]:
    """The answer in the table's own columns; the ones that do not apply are blank."""
    columns = dict.fromkeys(("结果", "代码", "条款", "个人账户支付", "储蓄账户支付", "现金支付", "审核"), "")
    if isinstance(answer, Refusal):
        basis = answer.clause or ("示例" if "本地示例" in answer.zh else "未作规定")
        return columns | {"结果": "拒绝", "代码": answer.code, "条款": basis}
    paid = {part.account: part.fen for part in answer.parts}
    return columns | {
        "结果": "准予",
        "个人账户支付": plain_yuan(paid.get("personal", 0)),
        "储蓄账户支付": plain_yuan(paid.get("savings", 0)),
        "现金支付": plain_yuan(answer.cash_fen),
        "审核": words.REVIEWERS[answer.review.by],
    }


def decided(city: str, story: str) -> Granted | Refusal:
    """The answer to one row of a city's table."""
    row = next(row for row in rows(city) if row["故事"] == story)
    return decide_purchase(loading.builtin(city), date.fromisoformat(row["日期"]), purchase(row))


CASES = [pytest.param(city, row, id=f"{city}-{row['故事']}") for city in CITIES for row in rows(city)]


@pytest.mark.clause(
    "LZ-2", "LZ-5", "LZ-6", "LZ-7", "LZ-21", "LZ-24", "XZ-1", "XZ-2", "XZ-3", "XJ-2.0", "XJ-2.1", "SY-2.1"
)
@pytest.mark.parametrize("city, row", CASES)
def test_purchase(city: str, row: Row) -> None:
    scheme = loading.builtin(city)
    answer = decide_purchase(scheme, date.fromisoformat(row["日期"]), purchase(row))
    expected = outcome(scheme, answer)
    assert {key: row[key] for key in expected} == expected


@pytest.mark.parametrize("city", CITIES)
def test_each_table_has_fifteen_rows_and_stories_of_their_own(city: str) -> None:
    stories = [row["故事"] for row in rows(city)]
    assert len(stories) >= 15
    assert sorted(set(stories)) == sorted(stories)


@pytest.mark.clause("LZ-2", "LZ-5", "LZ-6", "LZ-7", "LZ-24")
def test_the_employee_account_buys_for_a_relative_under_these_clauses() -> None:
    answer = decided("liuzhou", "为参加居民医保的女儿买")
    assert isinstance(answer, Granted)
    assert answer.clauses == ("LZ-2", "LZ-7", "LZ-5", "LZ-24", "LZ-14")
    assert answer.zh == "可以购买，保费 78.00 元：个人账户支付 78.00 元；须经医保经办机构审核，待审核，尚未承保"
    assert answer.en == (
        "may be bought, premium 78.00 yuan: 78.00 yuan from the personal account; awaiting the agency's review,"
        " not yet insured"
    )


def test_account_money_is_reviewed_by_the_agency_with_its_clock_and_cash_is_not() -> None:
    bought = decided("liuzhou", "职工用个人账户为本人买")
    cash = decided("liuzhou", "产品本年度不开通个人账户,改为自费")
    assert isinstance(bought, Granted)
    assert isinstance(cash, Granted)
    assert (bought.review.by, bought.review.clause) == ("agency", "LZ-14")
    assert bought.review.clock is not None
    assert (bought.review.clock.escalate_days, bought.review.clock.void_days) == (5, 15)
    assert (cash.review.by, cash.review.clause, cash.review.clock) == ("none", None, None)


@pytest.mark.clause("LZ-7")
def test_the_chronic_bar_says_what_can_be_done() -> None:
    answer = decided("liuzhou", "享受门诊慢性病待遇的职工为母亲买")
    assert isinstance(answer, Refusal)
    assert answer.zh == (
        "已办理门诊慢性病待遇的参保人员不能用个人账户为亲属购买，可为本人购买或改为自费（依据柳医保规〔2020〕2号第七条，LZ-7）"
    )
    assert answer.en.endswith("buy for yourself, or pay in cash (under 柳医保规〔2020〕2号 第七条, LZ-7)")
    assert answer.figures == {"document": "柳医保规〔2020〕2号", "document_status": "in-force"}


@pytest.mark.clause("XZ-2")
def test_the_minimum_balance_names_its_figures() -> None:
    answer = decided("xizang", "余额差一分不到三千")
    assert isinstance(answer, Refusal)
    assert {key: answer.figures[key] for key in ("balance_fen", "minimum_fen", "short_fen")} == {
        "balance_fen": 299_999, "minimum_fen": 300_000, "short_fen": 1,
    }
    assert "还差 0.01 元" in answer.zh


@pytest.mark.parametrize("city", ["jilin", "shenyang"])
def test_a_silent_document_is_said_to_be_silent_not_to_forbid(city: str) -> None:
    answer = decided(city, "用个人账户为配偶买")
    assert isinstance(answer, Refusal)
    number = loading.builtin(city).document.number
    assert answer.clause is None
    assert answer.zh == f"个人账户购买未开放，可改为自费（{number}未作规定）"
    assert answer.figures["document"] == number


def test_no_answer_under_a_draft_reads_as_law() -> None:
    scheme = loading.builtin("xinjiang")
    assert scheme.document.status == "draft"
    for row in rows("xinjiang"):
        answer = decide_purchase(scheme, date.fromisoformat(row["日期"]), purchase(row))
        assert "征求意见稿" in answer.zh, row["故事"]
        assert "依据" not in answer.zh, row["故事"]
        if isinstance(answer, Refusal) and answer.clause:
            assert "尚未施行" in answer.zh
            assert "draft for comment, not in force" in answer.en


def test_a_rule_of_another_document_is_cited_by_that_documents_number() -> None:
    answer = decided("jilin", "用个人账户买养生保健保险")
    assert isinstance(answer, Refusal)
    assert answer.zh.endswith("可改为自费（依据国办发〔2021〕14号二、（五））")


def cash_purchase(premium_fen: int = 1, pay_with: str = "cash", balance_fen: int = 0, paid_fen: int = 0) -> Purchase:
    nobody = Person(())
    balances = (("personal", balance_fen),)
    return Purchase(nobody, nobody, "self", Product("medical"), premium_fen, pay_with, balances, paid_fen)


def test_a_request_that_cannot_be_is_a_bug() -> None:
    cash_purchase()
    for premium, balance, paid in ((-1, 0, 0), (0, -1, 0), (0, 0, -1)):
        with pytest.raises(ValueError, match="at least zero"):
            cash_purchase(premium_fen=premium, balance_fen=balance, paid_fen=paid)
    with pytest.raises(ValueError, match="account or cash"):
        cash_purchase(pay_with="credit")
