"""What an order adds to a decision: what insured persons before this one take, the check of identity, the connection test."""

from datetime import date
from typing import Final

import pytest

from huibao.core.money import fen, plain_yuan
from huibao.core.refusal import Refusal
from huibao.core.tomlfile import FileRefused
from huibao.scheme import loading
from huibao.scheme.asked import Enrolment, Person, Product, Purchase
from huibao.scheme.describing import describe
from huibao.scheme.model import EXAMPLE, Cite, Scheme, in_force
from huibao.scheme.rules import decide_purchase

ON: Final = date(2026, 3, 1)


def decided(scheme: Scheme, premium: str, balances: dict[str, str], taken: dict[str, str], paid: str = "0") -> str:
    """"personal 100.00 cash 20.00", or the refusal's code; everybody is an employee of the area and buys for themselves."""
    someone = Person((Enrolment("310", "1", scheme.admdvs[0]),))
    answer = decide_purchase(scheme, ON, Purchase(
        someone, someone, "self", Product("medical"), fen(premium), "account", tuple((kind, fen(yuan)) for kind, yuan in balances.items()),
        fen(paid), taken_fen=tuple((kind, fen(yuan)) for kind, yuan in taken.items())))
    if isinstance(answer, Refusal):
        return answer.code
    return " ".join([*(f"{part.account} {plain_yuan(part.fen)}" for part in answer.parts), f"cash {plain_yuan(answer.cash_fen)}"])


TAKEN: Final = [
    # 方案        保费      订单前余额                                  前面的人已用                            本年已付（含前面的人）  结果
    ("xizang",    "600",    {"personal": "3000"},                       {},                                     "0",      "personal 600.00 cash 0.00"),
    ("xizang",    "600",    {"personal": "3000"},                       {"personal": "600"},                    "600",    "personal 600.00 cash 0.00"),
    ("xizang",    "600",    {"personal": "3000"},                       {"personal": "1200"},                   "1200",   "personal 300.00 cash 300.00"),
    ("xizang",    "600",    {"personal": "3000"},                       {"personal": "1500"},                   "1500",   "cash 600.00"),
    ("xizang",    "600",    {"personal": "2999.99"},                    {"personal": "600"},                    "600",    "account.balance_below_minimum"),
    ("xizang",    "600",    {"personal": "2999.99"},                    {},                                     "0",      "account.balance_below_minimum"),
    ("liuzhou",   "138",    {"personal": "200", "savings": "200"},      {},                                     "0",      "personal 138.00 cash 0.00"),
    ("liuzhou",   "138",    {"personal": "200", "savings": "200"},      {"personal": "138"},                    "138",    "personal 62.00 savings 76.00 cash 0.00"),
    ("liuzhou",   "138",    {"personal": "200", "savings": "200"},      {"personal": "200", "savings": "62"},   "262",    "savings 138.00 cash 0.00"),
    ("liuzhou",   "138",    {"personal": "200", "savings": "200"},      {"personal": "200", "savings": "62.01"}, "262.01", "account.insufficient"),
    ("liuzhou",   "138",    {"personal": "138"},                        {"personal": "138"},                    "138",    "account.insufficient"),
    ("xinjiang",  "120",    {"personal": "200"},                        {"personal": "120"},                    "120",    "personal 80.00 cash 40.00"),
    ("xinjiang",  "120",    {"personal": "200"},                        {"personal": "200"},                    "200",    "cash 120.00"),
    # 储蓄账户不在支付次序里的，前面的人也用不到它
    ("xizang",    "600",    {"personal": "3000", "savings": "900"},     {"personal": "600"},                    "600",    "personal 600.00 cash 0.00"),
]


@pytest.mark.clause("LZ-24", "XZ-2")
@pytest.mark.parametrize("scheme, premium, balances, taken, paid, expected", TAKEN)
def test_what_was_taken_before(scheme: str, premium: str, balances: dict[str, str], taken: dict[str, str], paid: str, expected: str) -> None:
    assert decided(loading.builtin(scheme), premium, balances, taken, paid) == expected


def test_a_refusal_tells_what_is_left_for_this_one() -> None:
    scheme = loading.builtin("liuzhou")
    someone = Person((Enrolment("310", "1", "450200"),))
    answer = decide_purchase(scheme, ON, Purchase(
        someone, someone, "self", Product("medical"), 13_800, "account", (("personal", 20_000),), 0, taken_fen=(("personal", 13_800),)))
    assert isinstance(answer, Refusal)
    assert {key: answer.figures[key] for key in ("balance_fen", "premium_fen", "short_fen")} == {
        "balance_fen": 6_200, "premium_fen": 13_800, "short_fen": 7_600}


def test_less_than_nothing_cannot_have_been_taken() -> None:
    nobody = Person(())
    with pytest.raises(ValueError, match="at least zero"):
        Purchase(nobody, nobody, "self", Product("medical"), 1, "account", taken_fen=(("personal", -1),))


# ── identity and connection ──────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-9", "XZ-6")
@pytest.mark.parametrize("scheme, identity, connection", [
    # 方案        身份核验的出处                          联通测试的出处
    ("liuzhou",   Cite("LZ-9", "第九条"),                 EXAMPLE),
    ("xizang",    Cite("XZ-5", "操作流程“新闻+”"),        Cite("XZ-6", "通知要点“政策”")),
    ("xinjiang",  EXAMPLE,                                EXAMPLE),
    ("shenyang",  Cite("SY-3.5", "三、（五）"),           EXAMPLE),
    ("jilin",     EXAMPLE,                                EXAMPLE),
])
def test_where_identity_and_connection_stand(scheme: str, identity: Cite, connection: Cite) -> None:
    loaded = loading.builtin(scheme)
    checked, tested = in_force(loaded.identity, ON), in_force(loaded.connection, ON)
    assert checked is not None
    assert tested is not None
    assert (checked.basis.cite, checked.minutes) == (identity, 15)
    assert (tested.basis.cite, tested.tested) == (connection, True)
    said = "\n".join(describe(loaded))
    assert "划款前核验身份与意愿，15 分钟内有效" in said
    assert "保险公司系统通过联通测试后方可线上销售" in said


HEAD: Final = """
id = "linhai"
name = "临海"
admdvs = ["3399"]
acct_pay_counted = "inside-fund"

[document]
title = "临海市个人账户购买商业健康保险办法"
number = "临医保发〔2025〕1号"
issuer = "临海市医疗保障局"
issued = 2025-01-01
status = "example"

[clauses]
"LH-1" = "第一条"

[kinds]
clause = "LH-1"
sell = ["medical"]
"""


@pytest.mark.parametrize("section, minutes", [
    ("",                                                            None),
    ('[identity]\nclause = "LH-1"',                                 15),
    ('[identity]\nclause = "LH-1"\nminutes = 1',                    1),
    ('[[identity]]\nclause = "LH-1"\nuntil = 2025-12-31\nminutes = 5\n[[identity]]\nclause = "LH-1"\nfrom = 2026-01-01\nminutes = 10', 10),
])
def test_how_long_a_check_holds(section: str, minutes: int | None) -> None:
    rule = in_force(loading.load_text("linhai.toml", HEAD + section + "\n").identity, ON)
    assert (rule.minutes if rule else None) == minutes


@pytest.mark.parametrize("section, tested", [
    ("",                                                            None),
    ('[connection]\nclause = "LH-1"\ntested = true',                True),
    ('[connection]\nclause = "LH-1"\ntested = false',               False),
])
def test_whether_a_connection_test_is_asked_for(section: str, tested: bool | None) -> None:
    scheme = loading.load_text("linhai.toml", HEAD + section + "\n")
    rule = in_force(scheme.connection, ON)
    assert (rule.tested if rule else None) is tested
    assert any("不要求" in line for line in describe(scheme)) is (tested is False)


@pytest.mark.parametrize("section, key", [
    ('[identity]\nclause = "LH-1"\nminutes = 0',                    "identity.minutes"),
    ('[identity]\nclause = "LH-1"\nminutes = "15"',                 "identity.minutes"),
    ('[identity]\nminutes = 15',                                    "identity.clause"),
    ('[identity]\nclause = "LH-9"',                                 "identity.clause"),
    ('[identity]\nclause = "LH-1"\nhours = 1',                      "identity.hours"),
    ('[connection]\nclause = "LH-1"',                               "connection.tested"),
    ('[connection]\nclause = "LH-1"\ntested = "yes"',               "connection.tested"),
    ('[connection]\nexample = true\ntested = true\npassed = true',  "connection.passed"),
])
def test_a_broken_section_is_named(section: str, key: str) -> None:
    with pytest.raises(FileRefused) as refused:
        loading.load_text("linhai.toml", HEAD + section + "\n")
    assert [problem.key.rstrip(".") for problem in refused.value.problems] == [key]
