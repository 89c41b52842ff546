"""The traps of the national settlement message: what is left to the person, in four parts, and when nothing can be settled."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huibao.benefits import loading, prepare
from huibao.benefits.buckets import AMOUNTS, Buckets, buckets
from huibao.benefits.reading import Unreadable, _taken_back, amount
from huibao.benefits.vectors import BAD, NULL
from huibao.core import money
from huibao.core.refusal import Refusal
from tests.benefits.both import by_columns, by_desk
from tests.structure.tree import ROOT

MESSAGES: Final = ROOT.parent / "shared" / "interface" / "messages.json"

Said = dict[str, Any]


def read(said: Mapping[str, Any], *, inside: bool = False) -> Buckets | Refusal:
    """The buckets of a message's amounts, in yuan as it carries them."""
    return buckets({name: amount(said, name) for name in AMOUNTS}, inside)


def yuan(found: Buckets | Refusal) -> tuple[str, ...]:
    assert isinstance(found, Buckets)
    return tuple(map(money.plain_yuan, found.amounts))


# ── what is left to the person ───────────────────────────────────────────────────────────────────────────────────────

#: A bill of 10,000: in scope 8,000 of which the funds pay 6,000; 500 of class B, 500 over the limit, 1,000 self-paid.
BILL: Final[Said] = {
    "medfee_sumamt": 10000, "inscp_scp_amt": 8000, "preselfpay_amt": 500, "overlmt_selfpay": 500, "fulamt_ownpay_amt": 1000,
    "fund_pay_sumamt": 6000, "hosp_part_amt": 0, "acct_pay": 700, "psn_cash_pay": 3300, "psn_part_amt": 4000}

#: The amounts of message V1 (in-patient, Chongqing): 18,808.16 − 18,785.39 − 505.01 is −482.24.
V1: Final[Said] = {
    "medfee_sumamt": "23442.46", "inscp_scp_amt": "18808.16", "preselfpay_amt": "703.44", "overlmt_selfpay": "1396.89",
    "fulamt_ownpay_amt": "2533.97", "fund_pay_sumamt": "18785.39", "hosp_part_amt": "505.01", "acct_pay": "170.04",
    "psn_cash_pay": "3982.02", "psn_part_amt": "4152.06"}

#: The hospital bears more and more; the rest of the bill stays as it is, and the person bears what is left.
HOSPITAL: Final[Said] = {
    "inscp_scp_amt": 8000, "fund_pay_sumamt": 7900, "preselfpay_amt": 30, "overlmt_selfpay": 20, "fulamt_ownpay_amt": 10}


class Row(NamedTuple):
    """A story, what the message says, and what is left: in scope, class B, over the limit, fully self-paid."""

    story: str
    said: Said
    left: tuple[str, str, str, str]


LEFT: Final = [
    Row("各项齐全", BILL,                                          ("2000.00", "500.00", "500.00", "1000.00")),
    Row("医院分担超出范围内自付，多出的 482.24 由超限价部分吸收", V1, ("0.00", "703.44", "914.65", "2533.97")),
    Row("医院分担正好等于范围内自付", HOSPITAL | {"hosp_part_amt": 100},      ("0.00", "30.00", "20.00", "10.00")),
    Row("医院分担少一分", HOSPITAL | {"hosp_part_amt": "99.99"},          ("0.01", "30.00", "20.00", "10.00")),
    Row("医院分担多一分，先从超限价扣", HOSPITAL | {"hosp_part_amt": "100.01"}, ("0.00", "30.00", "19.99", "10.00")),
    Row("超限价扣完，再从乙类先行自付扣", HOSPITAL | {"hosp_part_amt": 125},   ("0.00", "25.00", "0.00", "10.00")),
    Row("再从全自费扣", HOSPITAL | {"hosp_part_amt": 155},                 ("0.00", "0.00", "0.00", "5.00")),
    Row("医院全部承担", HOSPITAL | {"hosp_part_amt": 160},                 ("0.00", "0.00", "0.00", "0.00")),
    Row("医院分担为空，等于零", BILL | {"hosp_part_amt": None},             ("2000.00", "500.00", "500.00", "1000.00")),
    Row("共济账户支付是账户支付的一部分，不再相加", BILL | {"acct_mulaid_pay": 700}, ("2000.00", "500.00", "500.00", "1000.00")),
    Row("账户付清，仍是本人的钱", BILL | {"acct_pay": 4000, "psn_cash_pay": 0}, ("2000.00", "500.00", "500.00", "1000.00")),
    Row("没有个人负担总额，用账户加现金", BILL | {"psn_part_amt": None},      ("2000.00", "500.00", "500.00", "1000.00")),
    Row("没有账户支付，只认个人负担总额", BILL | {"acct_pay": ""},            ("2000.00", "500.00", "500.00", "1000.00")),
    Row("都没有，用总费用减基金", BILL | {"psn_part_amt": "", "acct_pay": None, "psn_cash_pay": ""},
        ("2000.00", "500.00", "500.00", "1000.00")),
    Row("没有范围内金额，由个人负担推算",
        {"psn_part_amt": 4000, "preselfpay_amt": 500, "overlmt_selfpay": 500, "fulamt_ownpay_amt": 1000},
        ("2000.00", "500.00", "500.00", "1000.00")),
    Row("直接给出范围内自付", {"in_scope_self_pay": 2000, "fulamt_ownpay_amt": 1000}, ("2000.00", "0.00", "0.00", "1000.00")),
    Row("只有全自费", {"fulamt_ownpay_amt": "53200"},                       ("0.00", "0.00", "0.00", "53200.00")),
    Row("什么都没有", {},                                                   ("0.00", "0.00", "0.00", "0.00")),
    Row("将近十亿", {"fulamt_ownpay_amt": "999999999.99"},                  ("0.00", "0.00", "0.00", "999999999.99")),
]


@pytest.mark.parametrize("row", LEFT, ids=lambda row: row.story)
def test_what_is_left_to_the_person(row: Row) -> None:
    assert yuan(read(row.said)) == row.left


@pytest.mark.parametrize(("inside", "fund", "left"), [
    # whether acct_pay is counted inside fund_pay_sumamt, what the message then carries, and what is left in scope
    (False, 6000, "2000.00"),
    (True,  6700, "2000.00"),
])
def test_an_account_inside_the_funds_sum_is_a_setting_of_the_area(inside: bool, fund: int, left: str) -> None:
    assert yuan(read(BILL | {"fund_pay_sumamt": fund}, inside=inside))[0] == left


@pytest.mark.parametrize(("written", "fen"), [
    # as messages carry an amount       in fen
    (None,                              None),
    ("",                                None),
    (0,                                 0),
    ("0",                               0),
    ("0.00",                            0),
    (170,                               17000),
    ("170.04",                          17004),
    (" 170.04 ",                        17004),
    (Decimal("170.04"),                 17004),
    (Decimal("170.0400"),               17004),
    ("-32.86",                          -3286),
    ("2.675",                           268),
])
def test_an_amount_is_a_number_a_text_or_nothing(written: object, fen: int | None) -> None:
    assert amount({"acct_pay": written}, "acct_pay") == fen


@pytest.mark.parametrize("written", ["1,000", "￥5", "5元", "1e3", "nan", 170.04, True])
def test_what_is_no_amount_is_refused_by_field_and_text(written: object) -> None:
    with pytest.raises(Unreadable) as refused:
        amount({"acct_pay": written}, "acct_pay")
    assert refused.value.refusal.code == "settlement.field_unreadable"
    assert refused.value.refusal.zh == f"acct_pay 为 {written!r}，不是以元为单位的金额。请改正后重新发送。"


# ── what can't be settled ────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("said", "inside", "code", "figures", "zh"), [
    # I1: the four parts of a bill are its total
    (BILL | {"medfee_sumamt": "10000.01"}, False, "settlement.parts_differ_from_total",
     {"medfee_sumamt_fen": 1_000_001, "parts_fen": 1_000_000},
     "全自费、超限价、先行自付与范围内金额合计 10,000.00 元，与医疗费总额 10,000.01 元不符。请核对费用明细后重新结算。"),
    # I3: the person's part is account and cash
    (BILL | {"psn_cash_pay": 3299}, False, "settlement.person_part_differs", {"psn_part_amt_fen": 400_000, "paid_fen": 399_900},
     "个人负担总金额 4,000.00 元，与个人账户支付加现金支付 3,999.00 元不符。请核对后重新结算。"),
    # I4: and what the parts leave
    (BILL | {"fund_pay_sumamt": 5900}, False, "settlement.buckets_differ_from_person_part",
     {"psn_part_amt_fen": 400_000, "parts_fen": 410_000},
     "按各项推算个人负担为 4,100.00 元，报文为 4,000.00 元，不能结算。请核对基金支付与个人负担后重新结算。"),
    # the area's setting is wrong: the difference is exactly the account's part
    (BILL | {"fund_pay_sumamt": 6700}, False, "settlement.buckets_differ_from_person_part",
     {"psn_part_amt_fen": 400_000, "parts_fen": 330_000},
     "按各项推算个人负担为 3,300.00 元，报文为 4,000.00 元，不能结算。差额正好等于个人账户支付：请核对本省“基金支付总额是否含个人账户”的设置。"),
    (BILL, True, "settlement.buckets_differ_from_person_part", {"psn_part_amt_fen": 400_000, "parts_fen": 470_000},
     "按各项推算个人负担为 4,700.00 元，报文为 4,000.00 元，不能结算。差额正好等于个人账户支付：请核对本省“基金支付总额是否含个人账户”的设置。"),
    # the hospital's share is more than the bill leaves
    (HOSPITAL | {"hosp_part_amt": 170, "psn_part_amt": -10}, False, "settlement.amount_out_of_range",
     {"field": "psn_part_amt", "amount_fen": -1000},
     "psn_part_amt 为 -10.00 元，超出可结算范围（0 至十亿元）。请核对后重新发送。"),
    ({"fulamt_ownpay_amt": 1_000_000_000}, False, "settlement.amount_out_of_range",
     {"field": "fulamt_ownpay_amt", "amount_fen": 100_000_000_000},
     "fulamt_ownpay_amt 为 1,000,000,000.00 元，超出可结算范围（0 至十亿元）。请核对后重新发送。"),
])
def test_what_does_not_agree_is_refused_with_its_figures(
    said: Said, inside: bool, code: str, figures: dict[str, int | str], zh: str
) -> None:
    found = read(said, inside=inside)
    assert isinstance(found, Refusal)
    assert (found.code, found.figures, found.zh) == (code, figures, zh)


@pytest.mark.parametrize(("said", "en"), [
    (BILL | {"fund_pay_sumamt": 5900},
     "the parts left to the person are 4,100.00 yuan, the message says 4,000.00: check what the funds paid and settle again."),
    (BILL | {"fund_pay_sumamt": 6700},
     ("the parts left to the person are 3,300.00 yuan, the message says 4,000.00: the difference is exactly acct_pay: "
      "check whether this province counts it inside fund_pay_sumamt.")),
])
def test_the_hint_is_said_in_english_too(said: Said, en: str) -> None:
    found = read(said)
    assert isinstance(found, Refusal)
    assert found.en == en


# ── the messages themselves ──────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("message", "sign", "left"), [
    # the real message, its sign (a reversal's amounts are negative), and what is left to the person
    ("V1",  1,  ("0.00", "703.44", "914.65", "2533.97")),
    ("V1p", 1,  ("0.00", "703.44", "914.65", "2533.97")),
    ("V2",  -1, ("0.00", "197.22", "153.45", "956.34")),       # the hospital's 32.86 comes as ownpay_hosp_part
    ("V3",  1,  ("4.29", "0.23", "0.00", "0.00")),             # all of it from the account
])
def test_real_messages(message: str, sign: int, left: tuple[str, ...]) -> None:
    if not MESSAGES.exists():
        pytest.skip("the real messages are not beside this tree")
    known = {each["id"]: each["message"] for each in json.loads(MESSAGES.read_text("utf-8"), parse_float=Decimal)}
    said = known[message]["output"]["setlinfo"]
    said |= {"hosp_part_amt": said["hosp_part_amt"] or said.get("ownpay_hosp_part")}
    found = buckets({name: None if (fen := amount(said, name)) is None else sign * fen for name in AMOUNTS})
    assert yuan(found) == left
    assert isinstance(found, Buckets)
    assert found.person_fen == sign * ((amount(said, "acct_pay") or 0) + (amount(said, "psn_cash_pay") or 0))


# ── through the whole reader ─────────────────────────────────────────────────────────────────────────────────────────

EVERY_BUCKET: Final = """
syntax = 1
id = "buckets"
name = "四项各赔"
kind = "medical"
status = "example"
valid = { from = 2025-01-01, to = 2025-12-31 }
visit_counts_at = "settlement"
sources = []
premium = { yuan = 99 }
""" + "".join(f'[[benefit]]\nid = "{name}"\nname = "{name}"\nbase = "{name}"\nratio = "100%"\n'
              for name in ("in_scope_self_pay", "preselfpay_amt", "overlmt_selfpay", "fulamt_ownpay_amt"))


@pytest.mark.parametrize("row", LEFT, ids=lambda row: row.story)
def test_desk_and_columns_settle_on_what_is_left(row: Row) -> None:
    """A plan that pays every part in full pays each what is left of it; `acct_mulaid_pay` is carried along and counts nowhere."""
    plan = loading.load_text("buckets.toml", EVERY_BUCKET)
    amounts = {name: None if yuan is None else str(yuan) for name, yuan in row.said.items()}
    rows = [{"psn_no": "甲", "setl_id": "1", "setl_time": "2025-06-01"} | amounts]
    [(status, figures)] = by_desk(plan, rows)
    assert (status, tuple(money.plain_yuan(of_bucket[4]) for of_bucket in figures)) == ("settled", row.left)
    assert by_columns(plan, rows) == [(status, figures)]


# ── the columns ──────────────────────────────────────────────────────────────────────────────────────────────────────

NONSENSE: Final = "nonsense"

Small = st.integers(0, 300)
Mark = st.sampled_from((None, None, NONSENSE, -1, 1, money.AMOUNT_LIMIT_FEN))


@st.composite
def messages(draw: st.DrawFn) -> dict[str, int | str | None]:
    """Amounts that agree, some of them then left out, moved by a fen, beyond every bill, or nonsense."""
    inscp, pre, over, full = (draw(Small) for _ in range(4))
    cost = inscp + pre + over + full
    fund = draw(st.integers(0, inscp))
    hospital = draw(st.integers(0, cost - fund))
    account = draw(st.integers(0, cost - fund - hospital))
    inside = draw(st.booleans())
    said: dict[str, int | str | None] = dict(zip(AMOUNTS, (
        cost, inscp, full, over, pre, fund + (account if inside else 0), hospital, account, cost - fund - hospital - account,
        cost - fund - hospital, max(0, inscp - fund - hospital), draw(Small)), strict=True))
    for name, mark in draw(st.dictionaries(st.sampled_from(AMOUNTS), Mark, max_size=4)).items():
        before = said[name]
        said[name] = before + mark if isinstance(before, int) and isinstance(mark, int) else mark
    sign = draw(st.sampled_from((1, 1, 1, -1)))
    return {name: sign * fen if isinstance(fen, int) else fen for name, fen in said.items()}


def by_python(said: Mapping[str, int | str | None], reversal: bool, inside: bool) -> tuple[int, ...] | int | str | None:
    """The parts and the person's part; for a reversal the person's part alone (None: it says nothing); or that it is refused."""
    if NONSENSE in said.values():
        return "refused"
    amounts = {name: fen for name, fen in said.items() if not isinstance(fen, str)}
    try:
        found = _taken_back(amounts, inside) if reversal else buckets(amounts, inside)
    except Unreadable:
        return "refused"
    if isinstance(found, Refusal):
        return "refused"
    return (*found.amounts, found.person_fen) if isinstance(found, Buckets) else found


@settings(deadline=None)
@given(st.lists(st.tuples(messages(), st.booleans()), min_size=1, max_size=6), st.booleans())
def test_the_columns_make_the_same_buckets(rows: list[tuple[dict[str, int | str | None], bool]], inside: bool) -> None:
    coded = [[NULL if said[name] is None else BAD if said[name] == NONSENSE else said[name] for said, _ in rows]
             for name in AMOUNTS]
    amounts, reversal = np.array(coded, np.int64), np.array([reversal for _, reversal in rows], np.bool_)
    held, left, none = np.zeros((4, len(rows)), np.int64), np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    good = prepare.make_buckets(amounts, none, none.astype(np.bool_), reversal, inside, held, left)
    for i, (said, taken_back) in enumerate(rows):
        person = None if left[i] == NULL else int(left[i])
        made = person if taken_back else (*map(int, held[:, i]), person)
        assert (made if good[i] else "refused") == by_python(said, taken_back, inside)
