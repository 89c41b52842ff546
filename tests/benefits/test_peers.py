"""Answers that a widely used system of this field gets wrong, and what is right, at the desk and in columns.

Each row is a story, the terms, the bills in the order of their acceptance, and what each of them is paid, in yuan. What two
hospitals do at the same moment becomes here whichever order the ledger accepts them in: the fold then never pays twice. That
the ledger gives them an order under real concurrency is the database's to prove, with the database.
"""

from decimal import Decimal
from itertools import permutations
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pytest

from huibao.benefits import loading
from huibao.benefits.columns import ColumnFold
from huibao.benefits.history import History
from huibao.benefits.model import Plan
from huibao.benefits.reading import read
from huibao.benefits.terms import Compiled
from huibao.core import money
from huibao.core.refusal import Refusal
from tests.benefits.both import Row, by_columns, by_desk

HEAD: Final = """
syntax = 1
id = "peers"
name = "对照产品"
kind = "medical"
status = "example"
valid = { from = 2025-01-01, to = 2025-12-31 }
visit_counts_at = "admission"
sources = []
premium = { yuan = 99 }
"""
BENEFIT: Final = '[[benefit]]\nid = "self-paid"\nname = "自费费用"\nbase = "fulamt_ownpay_amt"\n'

EVERYTHING: Final = BENEFIT + 'ratio = "100%"\n'
CEILING: Final = EVERYTHING + 'cap = { yuan = 100, per = "year" }\n'
ALL_IN_ONE: Final = BENEFIT + """
deductible = { yuan = 100, per = "year" }
ratio = "80%"
cap = { yuan = 500, per = "year" }
"""
CHILDS_DRUGS: Final = """
[[benefit]]
id = "drugs"
name = "药品"
base = "fulamt_ownpay_amt"
is = "item_kind = drug"
ratio = "100%"
cap = { yuan = 1000, per = "year" }
  [[benefit.when]]
  is = "age < 18"
  cap = 100
[[benefit]]
id = "rest"
name = "其他费用"
base = "fulamt_ownpay_amt"
ratio = "100%"
"""
TWO_BENEFITS: Final = """
[[benefit]]
id = "drugs"
name = "药品"
base = "fulamt_ownpay_amt"
is = "item_kind = drug"
ratio = "100%"
[[benefit]]
id = "materials"
name = "耗材"
base = "fulamt_ownpay_amt"
is = "item_kind = material"
ratio = "100%"
"""
DRUGS: Final = EVERYTHING.replace("ratio", 'is = "item_kind = drug"\nratio')
MATERIALS: Final = EVERYTHING.replace("ratio", 'is = "item_kind = material"\nratio')
HOUSEHOLD: Final = EVERYTHING + """
cap = { shared = "家庭限额" }
[[cap]]
id = "家庭限额"
yuan = 100
per = "year"
scope = "household"
""" + "".join(f'[[cap.when]]\nis = "family_members = {members}"\nyuan = {100 * members}\n' for members in range(2, 7))


class Peer(NamedTuple):
    """One answer: the story, the plan, its bills, what each is paid."""

    story: str
    plan: str
    rows: list[Row]
    pays: list[str]


def bill(setl_id: str, yuan: int | str, person: str = "甲", **more: str) -> Row:
    """A settlement whose cost is all fully self-paid."""
    return {"household_id": "户", "psn_no": person, "setl_id": setl_id, "setl_time": "2025-06-01", "age": "40",
            "fulamt_ownpay_amt": str(yuan), **more}


def with_lines(setl_id: str, *lines: tuple[str, int], **more: str) -> list[Row]:
    """A settlement of nothing but these lines: what each is and its yuan."""
    return [bill(setl_id, sum(yuan for _, yuan in lines), **more),
            *(bill(setl_id, yuan, feedetl_sn=str(n), item_kind=kind) for n, (kind, yuan) in enumerate(lines, 1))]


def reversal(setl_id: str, of: str, yuan: int) -> Row:
    return bill(setl_id, -yuan, reverses=of)


def plan(said: str) -> Plan:
    return loading.load_text("peers.toml", HEAD + said)


def paid(said: Plan, rows: list[Row]) -> list[str]:
    """What each bill is paid, in yuan, or why it was refused; the same at the desk and in columns."""
    answers = by_desk(said, rows)
    assert by_columns(said, rows) == answers
    return [money.plain_yuan(sum(benefit[4] for benefit in figures)) if figures else status for status, figures in answers]


A_THREE_TIMES: Final = [bill("A", 30), bill("X1", 50), reversal("R1", "X1", 50), bill("X2", 80), reversal("R2", "X2", 80),
                        bill("X3", 5), reversal("R3", "X3", 5), bill("B", 60)]
A_SENT_THREE_TIMES: Final = [bill("A1", 30), reversal("R1", "A1", 30), bill("A2", 30), reversal("R2", "A2", 30), bill("A3", 30),
                             bill("B", 60)]

PEERS: Final = [
    Peer("一千元，免赔一百，赔八成，限额五百",             ALL_IN_ONE, [bill("1", 1000)], ["500.00"]),
    Peer("十元九角九分，全额",                           EVERYTHING, [bill("1", "10.99")], ["10.99"]),
    Peer("儿童三百元检查费，药品限额一百管不到它",       CHILDS_DRUGS, with_lines("1", ("service", 300), age="8"), ["300.00"]),
    Peer("儿童三百元药费，药品限额一百",                 CHILDS_DRUGS, with_lines("1", ("drug", 300), age="8"), ["100.00"]),
    Peer("成人三百元药费，限额一千",                     CHILDS_DRUGS, with_lines("1", ("drug", 300), age="18"), ["300.00"]),
    Peer("一张账单，两项保障各管一行，一百加二百",         TWO_BENEFITS, with_lines("1", ("drug", 100), ("material", 200)), ["300.00"]),
    Peer("一口人，家庭限额一百",                         HOUSEHOLD, [bill("1", 350, family_members="1")], ["100.00"]),
    Peer("二口人，家庭限额二百",                         HOUSEHOLD, [bill("1", 350, family_members="2")], ["200.00"]),
    Peer("三口人，家庭限额三百",                         HOUSEHOLD, [bill("1", 350, family_members="3")], ["300.00"]),
    Peer("四口人，家庭限额四百，账单三百五",             HOUSEHOLD, [bill("1", 350, family_members="4")], ["350.00"]),
    Peer("四口人，第二位家人只剩五十",                   HOUSEHOLD,
         [bill("1", 350, "甲", family_members="4"), bill("2", 350, "乙", family_members="4")], ["350.00", "50.00"]),
    Peer("限额一百，先后两次八十",                       CEILING, [bill("1", 80), bill("2", 80)], ["80.00", "20.00"]),
    Peer("三十元之后三笔结算又撤销，每次都重算，再来六十", CEILING, A_THREE_TIMES,
         ["30.00", "50.00", "-50.00", "70.00", "-70.00", "5.00", "-5.00", "60.00"]),
    Peer("同一笔三十元撤销重结三次，再来六十",           CEILING, A_SENT_THREE_TIMES, ["30.00", "-30.00", "30.00", "-30.00", "30.00", "60.00"]),
    Peer("二元六角七分五厘，四舍五入到分",               EVERYTHING, [bill("1", "2.675")], ["2.68"]),
    Peer("九千万亿元，一分不差地拒绝",                   EVERYTHING, [bill("1", "9007199254740993.01")], ["settlement.amount_out_of_range"]),
]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.story)
def test_the_right_answer(peer: Peer) -> None:
    assert paid(plan(peer.plan), peer.rows) == peer.pays


@pytest.mark.parametrize(("bills", "pays"), [
    # at the same moment: whichever comes first in the ledger is paid in full, the other what is left of 100
    ([("甲院", 80), ("乙院", 80)],               ["80.00", "20.00"]),
    ([("甲院", 70), ("乙院", 80)],               ["70.00", "30.00"]),
    ([("乙院", 80), ("甲院", 70)],               ["80.00", "20.00"]),
    ([("甲院", 100), ("乙院", 1)],               ["100.00", "0.00"]),
    ([("乙院", 1), ("甲院", 100)],               ["1.00", "99.00"]),
])
def test_at_the_same_moment_the_order_of_acceptance_decides(bills: list[tuple[str, int]], pays: list[str]) -> None:
    rows = [bill(hospital, yuan, setl_time="2025-06-01 08:00:00") for hospital, yuan in bills]
    assert paid(plan(CEILING), rows) == pays


def test_in_every_order_of_acceptance_the_ceiling_is_paid_once() -> None:
    amounts = (80, 80, 30, 5)
    for order in permutations(range(len(amounts))):
        rows = [bill(str(n), amounts[n], setl_time="2025-06-01 08:00:00") for n in order]
        assert sum(Decimal(yuan) for yuan in paid(plan(CEILING), rows)) == 100


def test_two_policies_pay_each_line_once() -> None:
    """药品一百元归一份保单，耗材二百元归另一份：合计三百元，不是六百元。"""
    rows = with_lines("1", ("drug", 100), ("material", 200))
    assert [paid(plan(said), rows) for said in (DRUGS, MATERIALS)] == [["100.00"], ["200.00"]]


@pytest.mark.parametrize(("first_pays", "second_pays"), [
    # of a bill of 300 under two policies that would each pay all of it
    (0,   "300.00"),
    (180, "120.00"),
    (300, "0.00"),
])
def test_two_policies_together_pay_the_cost_at_most(first_pays: int, second_pays: str) -> None:
    rows = with_lines("1", ("drug", 100), ("material", 200), other_insurance_pay=str(first_pays))
    assert paid(plan(EVERYTHING), rows) == [second_pays]


def test_an_amount_beyond_any_bill_is_said_exactly() -> None:
    row = bill("1", "9007199254740993.01")
    refusal = read(Compiled(plan(EVERYTHING)), row)
    assert isinstance(refusal, Refusal)
    assert refusal.figures == {"field": "fulamt_ownpay_amt", "amount_fen": 900_719_925_474_099_301}
    assert refusal.zh == "fulamt_ownpay_amt 为 9,007,199,254,740,993.01 元，超出可结算范围（0 至十亿元）。请核对后重新发送。"


def test_valuing_again_moves_nothing() -> None:
    """三十元的账单在每次撤销后重算，限额里始终只占三十元。"""
    said = Compiled(plan(CEILING))
    fold = History(said)
    used: list[Any] = []
    for row in A_THREE_TIMES:
        event = read(said, row)
        assert not isinstance(event, Refusal)
        fold.accept(event)
        used.append(sum(amount for (kind, *_), amount in fold.used.items() if kind == "C"))
    assert used == [3000, 8000, 3000, 11000, 3000, 3500, 3000, 9000]


def test_columns_reset_at_each_person() -> None:
    """两位被保险人各有一百元限额，排在一起也互不相干。"""
    rows = [bill("1", 80, "甲"), bill("2", 80, "甲"), bill("1", 80, "乙"), bill("2", 80, "乙")]
    folded = ColumnFold(plan(CEILING)).fold(pa.Table.from_pylist(rows))
    assert folded.result.pay.tolist() == [[8000, 2000, 8000, 2000]]
