"""What is refused at the desk and leaves nothing behind, and what happens when the same is said again, is taken back or withdrawn."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from inspect import getmembers, isfunction, signature
from pathlib import Path
from typing import Any, Final

import pytest

from huibao.scheme.model import DESK
from huibao.settlement import refusals
from huibao.settlement.model import Adjust, Agree, Command, Confirm, Judge, Reverse, Settle, Withdraw
from huibao.settlement.work import Desk
from tests.books import KEYRING, Someone, owner, refusal, rows, small_city, verify
from tests.database import MakeProgramme
from tests.settlement.ward import BILLED, INDEX_KEY, Ward, bill, moved, reversal, settled, standing

#: 1 and 2 are insured and 1 agreed to be paid without an application; 3 is insured and did not agree; 4 is not insured.
PEOPLE: Final = (Someone(1), Someone(2), Someone(3), Someone(4))
LATER: Final = BILLED + timedelta(days=4)


@pytest.fixture
def ward(programme: MakeProgramme) -> Iterator[Ward]:
    city = small_city(programme, "liuzhou", PEOPLE)
    with Ward(city) as found:
        for person in (1, 2, 3):
            found.buys(person)
        found.agrees(1)
        yield found


def big(ward: Ward, setl_id: str, person: int | str = 1, **more: Any) -> Settle:
    """20,000 yuan in scope: 9,800 are paid where nothing came before."""
    return bill(person, setl_id, city=ward.city, **{"in_scope": "20000", **more})


def events(ward: Ward) -> list[tuple[Any, ...]]:
    return rows(ward.city, "SELECT kind, outcome FROM event ORDER BY seq")


def cases(ward: Ward) -> list[tuple[Any, ...]]:
    """Open cases: kind, cause, which settlement, fen."""
    return rows(ward.city, "SELECT kind, cause, setl_id, fen FROM open_case WHERE closed_at IS NULL ORDER BY id")


def payouts(ward: Ward) -> list[tuple[Any, ...]]:
    return rows(ward.city, "SELECT p.state, s.setl_id, p.fen FROM payout p JOIN settlement s ON s.id = p.settlement_id ORDER BY p.id")


def used(ward: Ward) -> list[tuple[Any, ...]]:
    return rows(ward.city, "SELECT whose, product, used::text FROM accumulator WHERE used <> '[]' ORDER BY 1, 2")


# ── every refusal ────────────────────────────────────────────────────────────────────────────────────────────────────

def _offered(ward: Ward) -> int:
    [told] = ward.settle(big(ward, "S1"))
    return ward.id(told)


def _voided(ward: Ward) -> int:
    [told] = ward.settle(big(ward, "S1"))
    ward.withdraw(told, stands=False)
    return ward.id(told)


def _reversed(ward: Ward) -> int:
    [told] = ward.settle(big(ward, "S1"))
    ward.confirm(told)
    ward.run(reversal("R1", "S1"))
    return ward.id(told)


REFUSED: Final[list[tuple[str, str, Callable[[Ward], Command], Mapping[str, int | str]]]] = [
    ("人员编号不存在", "settlement.person_unknown", lambda ward: big(ward, "S1", "99999999"), {}),
    ("没有人员编号", "settlement.person_unknown", lambda ward: big(ward, "S1", ""), {}),
    ("外地医院来报窗口结算", "settlement.no_desk", lambda ward: big(ward, "S1", hospital="H9"), {"hospital": "H9"}),
    ("未登记的医院补传文件", "settlement.no_desk", lambda ward: big(ward, "S1", hospital="X1", way="file"), {"hospital": "X1"}),
    ("推送的医院未登记，也没有统筹区", "settlement.hospital_unknown", lambda ward: big(ward, "S1", hospital="X1", way="feed"), {"hospital": "X1"}),
    ("没有参保", "settlement.not_insured", lambda ward: big(ward, "S1", 4), {}),
    ("出院在生效之前", "settlement.not_in_force", lambda ward: big(ward, "S1", end=_day(2026, 3, 2)),
     {"on": "2026-03-02", "period_from": "2026-03-03", "period_to": "2026-12-31"}),
    ("推送的结算，本人没有同意", "settlement.not_agreed", lambda ward: big(ward, "S1", 3, way="feed"), {}),
    ("同一编号，另一个人", "settlement.differs", lambda ward: (_offered(ward), big(ward, "S1", 2))[1], {"setl_id": "S1"}),
    ("同一编号，另一家医院", "settlement.differs", lambda ward: (_offered(ward), big(ward, "S1", hospital="H2"))[1], {"setl_id": "S1"}),
    ("同一编号，另一次就诊", "settlement.differs", lambda ward: (_offered(ward), big(ward, "S1", visit="V2"))[1], {"setl_id": "S1"}),
    ("同一编号，另一个总额", "settlement.differs", lambda ward: (_offered(ward), big(ward, "S1", in_scope="20001"))[1], {"setl_id": "S1"}),
    ("同一编号，总额相同而统筹多付五千", "settlement.differs",
     lambda ward: (_offered(ward), big(ward, "S1", in_scope="15000", fund="5000"))[1], {"setl_id": "S1"}),
    ("已冲销的编号再来", "settlement.taken_back", lambda ward: (_reversed(ward), big(ward, "S1"))[1], {"setl_id": "S1"}),
    ("已作废的编号再来", "settlement.taken_back", lambda ward: (_voided(ward), big(ward, "S1", way="feed"))[1], {"setl_id": "S1"}),
    ("确认没有的结算", "settlement.unknown", lambda _: Confirm(7, 999, 1, "H1"), {}),
    ("别的医院来确认", "settlement.unknown", lambda ward: Confirm(7, _offered(ward), 980000, "H2"), {}),
    ("改为赔付本人之后，窗口再发", "settlement.paid_directly", lambda ward: (ward.withdraw(ward.settle(big(ward, "S1"))[0]), big(ward, "S1"))[1],
     {"setl_id": "S1"}),
    ("别的医院来撤销", "settlement.unknown", lambda ward: Withdraw(7, _offered(ward), True, "H2"), {}),
    ("别的医院来冲销", "settlement.unknown", lambda ward: (_offered(ward), reversal("R1", "S1", "H2"))[1], {}),
    ("冲销之后，别的医院用同一编号再来", "settlement.unknown", lambda ward: (_reversed(ward), reversal("R1", "S1", "H2"))[1], {}),
    ("不是承保人的来核定", "settlement.unknown", lambda ward: Judge(7, _offered(ward), False, "病历", "second"), {}),
    ("作废之后确认", "settlement.not_offered", lambda ward: Confirm(7, _voided(ward), 980000, "H1"), {"state": "void"}),
    ("冲销之后确认", "settlement.not_offered", lambda ward: Confirm(7, _reversed(ward), 980000, "H1"), {"state": "reversed"}),
    ("冲销之后撤销", "settlement.not_offered", lambda ward: Withdraw(7, _reversed(ward), True, "H1"), {"state": "reversed"}),
    ("少抵扣一分", "settlement.deduction_differs", lambda ward: Confirm(7, _offered(ward), 979999, "H1"),
     {"deducted_fen": 979999, "offered_fen": 980000}),
    ("冲销编号已用于另一笔", "reversal.number_used", lambda ward: (_reversed(ward), ward.settle(big(ward, "S2")), reversal("R1", "S2"))[2],
     {"setl_id": "R1"}),
    ("冲销两次，编号不同", "reversal.already_reversed", lambda ward: (_reversed(ward), reversal("R2", "S1"))[1], {"setl_id": "S1"}),
    ("作废之后冲销", "reversal.already_reversed", lambda ward: (_voided(ward), reversal("R1", "S1"))[1], {"setl_id": "S1"}),
    ("冲销金额不符", "reversal.amounts_differ", lambda ward: (_offered(ward), reversal("R1", "S1", psn_part_amt="-19999.99"))[1],
     {"said_fen": 1999999, "person_fen": 2000000}),
    ("没有冲销就调整", "adjustment.not_waiting", lambda ward: Adjust(7, _offered(ward)), {}),
    ("调整没有的结算", "adjustment.not_waiting", lambda _: Adjust(7, 999), {}),
    ("没有待核定的既往症", "judgement.not_open", lambda ward: Judge(7, _offered(ward), False, "病历"), {}),
    ("经办人员更换收款账户", "agreement.account_for_two", lambda _: Agree(7, 1, "6222000000000000002", by_staff=True), {}),
    ("没有结算编号", "settlement.field_unreadable", lambda ward: big(ward, ""), {"field": "setl_id"}),
    ("金额不是数", "settlement.field_unreadable", lambda ward: big(ward, "S1", medfee_sumamt="贰万"), {"field": "medfee_sumamt"}),
    ("金额为负而没有原结算", "settlement.negative_without_original", lambda ward: big(ward, "S1", psn_part_amt="-1"), {}),
    ("出院日期不是日期", "settlement.field_unreadable", lambda ward: big(ward, "S1", enddate="2026-02-30"), {"field": "enddate"}),
    ("入院日期在历法之外", "settlement.field_unreadable", lambda ward: big(ward, "S1", begndate="9999-12-31T23:59:59Z"), {"field": "begndate"}),
    ("编号里有数据库不收的字符", "settlement.field_unreadable", lambda ward: big(ward, "S\0"), {"field": "setl_id"}),
    ("就诊编号里有数据库不收的字符", "settlement.field_unreadable", lambda ward: big(ward, "S1", visit="V\0"), {"field": "mdtrt_id"}),
    ("冲销没有自己的编号", "settlement.field_unreadable", lambda ward: (_offered(ward), reversal("", "S1"))[1], {"field": "setl_id"}),
    ("冲销没有原结算编号", "settlement.field_unreadable", lambda ward: (_offered(ward), reversal("R1", ""))[1], {"field": "reverses"}),
]


def _day(year: int, month: int, day: int) -> Any:
    return BILLED.date().replace(year=year, month=month, day=day)


@pytest.mark.parametrize("code, build, figures", [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_a_refusal_leaves_only_its_event(ward: Ward, code: str, build: Callable[[Ward], Command], figures: Mapping[str, int | str]) -> None:
    command = build(ward)
    before, known = standing(ward.city), events(ward)
    [answer] = ward.run(command)
    refused = refusal(answer)
    assert (refused.code, dict(refused.figures)) == (code, figures)
    assert standing(ward.city) == before
    new = events(ward)[len(known):]
    assert [outcome for _, outcome in new] == [code]
    assert verify(ward.city) == []


def test_every_refusal_has_a_row() -> None:
    codes = set()
    for name, make in getmembers(refusals, isfunction):
        if make.__module__ == refusals.__name__ and not name.startswith("_"):
            given: dict[str, Any] = {"state": "void"}
            kinds = {"int": 1, "str": "x", "date": BILLED.date()}
            codes.add(make(**{key: given.get(key, kinds[str(getattr(p.annotation, "__name__", p.annotation))])
                              for key, p in signature(make).parameters.items()}).code)
    elsewhere = {"settlement.kin_erased"}
    assert codes - {row[1] for row in REFUSED} == elsewhere
    flows = (Path(__file__).parent / "test_evidence.py").read_text("utf-8")
    assert [code for code in elsewhere if f'"{code}"' not in flows] == []


# ── the same again ───────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10")
def test_the_same_again_by_any_way_answers_as_before(ward: Ward) -> None:
    """同一结算从窗口、文件、推送再来，回答一字不差，只有一次效果。"""
    commands = [big(ward, "S1"), big(ward, "S1"), big(ward, "S1", way="file"), big(ward, "S1", way="feed")]
    answers = ward.run(*commands[:2])
    before = standing(ward.city)
    answers += ward.run(commands[2]) + ward.run(commands[3])
    assert standing(ward.city) == before
    ward.confirm(settled(answers[0]))
    answers += ward.run(big(ward, "S1"))
    assert [answer.body for answer in answers] == [answers[0].body] * 5
    assert settled(answers[0]).pay_fen == 980000
    assert rows(ward.city, "SELECT setl_id, way, state FROM settlement") == [("S1", "desk", "confirmed")]
    assert verify(ward.city) == []


def test_blanks_around_a_number_make_no_other_settlement(ward: Ward) -> None:
    """编号前后有空格的仍是同一结算。"""
    first, again = ward.run(big(ward, "S1", visit="V"))[0], ward.run(big(ward, " S1 ", visit=" V "))[0]
    assert again.body == first.body
    assert rows(ward.city, "SELECT setl_id FROM settlement") == [("S1",)]


def test_an_estimate_told_again_is_no_offer(ward: Ward) -> None:
    """同一请求重发，预结算不变成承诺。"""
    estimate = big(ward, "S1", promises=False)
    before = standing(ward.city)
    [told] = ward.run(estimate, keys=["one"])
    assert (settled(told).state, settled(told).settlement, settled(told).confirm_by, settled(told).pay_fen) == ("pre", "", None, 980000)
    [again] = ward.run(estimate, keys=["one"])
    assert b'"offered"' not in again.body, "an estimate offers nothing, also when it is told again"
    assert standing(ward.city) == before
    assert events(ward)[-1] == ("pre-settlement", "done")


def test_confirmed_twice_is_posted_once(ward: Ward) -> None:
    """确认两次，一次入账。"""
    [told] = ward.settle(big(ward, "S1"))
    assert told.confirm_by == BILLED + timedelta(hours=24)
    first, again = ward.confirm(told, told)
    assert (first.state, first.posted_fen, again) == ("confirmed", 980000, first)
    [wrong] = ward.run(Confirm(7, ward.id(told), 980001, "H1"))
    assert refusal(wrong).code == "settlement.deduction_differs"
    assert rows(ward.city, "SELECT kind, fen FROM transfer WHERE settlement_id IS NOT NULL") == [("claim-incurred", 980000)]
    assert verify(ward.city) == []


# ── taken back ───────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10")
def test_a_reversal_before_its_original_is_parked_until_it_comes(ward: Ward) -> None:
    """冲销先到，挂起并列入待办；原结算后到不受理，待办了结。"""
    parked, again = ward.run(reversal("R1", "S1"))[0], ward.run(reversal("R1", "S1"))[0]
    assert (moved(parked).state, again.body) == ("parked", parked.body)
    assert cases(ward) == [("reversal-parked", "reversal.original_unknown", "R1", 0)]
    [late] = ward.run(big(ward, "S1"))
    assert refusal(late).code == "settlement.taken_back"
    assert rows(ward.city, "SELECT count(*) FROM settlement") == [(0,)]
    assert cases(ward) == [], "the original is known now: nobody has to look for it any more"
    assert rows(ward.city, "SELECT state FROM reversal") == [("met",)]
    [other] = ward.run(big(ward, "S2"))
    assert settled(other).pay_fen == 980000
    assert verify(ward.city) == []


def test_another_hospitals_reversal_blocks_nothing(ward: Ward) -> None:
    """别的医院先发的冲销不能挡住本院的结算。"""
    [parked] = ward.run(reversal("R1", "S1", "H2"))
    assert moved(parked).state == "parked"
    [told] = ward.settle(big(ward, "S1"))
    assert told.pay_fen == 980000


@pytest.mark.clause("LZ-10")
def test_a_reversal_with_amounts_and_once_more(ward: Ward) -> None:
    """冲销带金额，医疗救助在后的也相符；再发一次回答不变。"""
    [told] = ward.settle(big(ward, "S1", in_scope="16000", fund="44000", hifp_pay="36000", maf_pay="8000"))
    ward.confirm(told)
    amounts = {"psn_part_amt": "-16000", "psn_cash_pay": "-16000", "acct_pay": "0", "medfee_sumamt": "-60000", "inscp_scp_amt": "-60000",
               "fund_pay_sumamt": "-44000", "hifp_pay": "-36000", "maf_pay": "-8000"}
    first, again = ward.run(reversal("R1", "S1", **amounts))[0], ward.run(reversal("R1", "S1", **amounts))[0]
    assert (moved(first).state, moved(first).posted_fen, again.body) == ("reversed", 0, first.body)
    posted = rows(ward.city, "SELECT kind, fen FROM transfer WHERE settlement_id IS NOT NULL ORDER BY id")
    assert posted == [("claim-incurred", 1260000), ("claim-taken-back", 1260000)], "to the fen what was posted, never computed anew"
    assert used(ward) == []
    assert verify(ward.city) == []


def test_void_then_reversed(ward: Ward) -> None:
    """先作废后冲销，冲销被拒，累计如初。"""
    [told] = ward.settle(big(ward, "S1"))
    assert ward.withdraw(told, stands=False).state == "void"
    assert used(ward) == []
    [late] = ward.run(reversal("R1", "S1"))
    assert refusal(late).code == "reversal.already_reversed"
    assert rows(ward.city, "SELECT count(*) FROM transfer WHERE settlement_id IS NOT NULL") == [(0,)]


def test_withdrawn_pays_the_person_until_reversed(ward: Ward) -> None:
    """未抵扣而基本医保有效，赔付本人；冲销时取消付款。"""
    [told] = ward.settle(big(ward, "S1"))
    given = ward.withdraw(told)
    assert (given.state, given.payee, given.posted_fen) == ("confirmed", "person", 980000)
    assert payouts(ward) == [("due", "S1", 980000)]
    assert rows(ward.city, "SELECT due_on - %s FROM payout", BILLED.date()) == [(10,)]
    assert rows(ward.city, "SELECT person_id FROM notice") == [(1,)]
    ward.run(reversal("R1", "S1"))
    assert payouts(ward) == [("cancelled", "S1", 980000)]
    assert verify(ward.city) == []


def test_a_scheme_may_void_what_is_not_confirmed(ward: Ward) -> None:
    """方案规定未确认即作废的，不赔付本人。"""
    desk = replace(DESK, unconfirmed="void")
    running = replace(ward.city.running, scheme=replace(ward.city.scheme, desk=(desk,)))
    ward.lane._works = {ward.city.code: (ward.city.schema, Desk(running, KEYRING, INDEX_KEY))}
    [told] = ward.settle(big(ward, "S1"))
    given = ward.withdraw(told)
    assert (given.state, given.payee, given.posted_fen) == ("void", "hospital", 0)
    assert (payouts(ward), used(ward)) == ([], [])
    assert verify(ward.city) == []


def test_a_payout_that_was_sent_is_a_case(ward: Ward) -> None:
    """付款已经发出后冲销，不扣回，列入待办。"""
    [told] = ward.settle(big(ward, "S1"))
    ward.withdraw(told)
    with owner(ward.city) as connection:
        connection.execute("UPDATE payout SET state = 'sent'")
    ward.run(reversal("R1", "S1"))
    assert payouts(ward) == [("sent", "S1", 980000)]
    assert cases(ward) == [("less-due", "reversal.after_payout", "S1", 980000)]


# ── what came after ──────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("deducted", [pytest.param(True, id="医院确认"), pytest.param(False, id="改付本人")])
def test_what_was_offered_before_a_reversal_is_put_right_when_it_ends(ward: Ward, deducted: bool) -> None:
    """冲销调整之后才确认的后一笔，差额不能没人管。 B was offered while A stood; A is reversed and its wait ends before B's hospital says whether it deducted."""
    [a] = ward.settle(big(ward, "A"))
    ward.confirm(a)
    [b] = ward.settle(bill(1, "B", city=ward.city, in_scope="3000"))
    assert b.pay_fen == 175000
    ward.run(reversal("R", "A"))
    [adjusted] = ward.run(Adjust(7, ward.id(a)), at=LATER)
    assert (moved(adjusted).more_due_fen, moved(adjusted).less_due_fen) == (0, 0)
    if deducted:
        ward.confirm(b, at=LATER)
    else:
        ward.withdraw(b, at=LATER)
    assert cases(ward) == [("less-due", "reversal.before_it", "B", 175000)], "B's target is 0, 1,750 yuan were posted"


def test_more_due_is_paid_with_notice_and_clock(ward: Ward) -> None:
    """补给本人的有付款、通知和期限。"""
    [a] = ward.settle(big(ward, "A", in_scope="306000", self_paid="215000"))
    [b] = ward.settle(big(ward, "B"))
    assert (a.pay_fen, b.pay_fen, b.state) == (30000000, 0, "confirmed")
    ward.confirm(a)
    ward.run(reversal("R", "A"))
    assert payouts(ward) == []
    [adjusted] = ward.run(Adjust(7, ward.id(a)), at=LATER)
    assert (moved(adjusted).more_due_fen, moved(adjusted).less_due_fen) == (980000, 0)
    assert payouts(ward) == [("due", "B", 980000)]
    assert rows(ward.city, "SELECT due_on FROM payout") == [((LATER + timedelta(days=10)).date(),)]
    assert rows(ward.city, "SELECT person_id, zh LIKE '%%9,800.00%%' FROM notice") == [(1, True)]
    assert verify(ward.city, LATER) == []
    ward.run(reversal("R2", "B"), at=LATER)
    assert payouts(ward) == [("cancelled", "B", 980000)]
    assert verify(ward.city, LATER) == []


def test_less_due_is_one_case_that_follows(ward: Ward) -> None:
    """少付的只有一个待办，金额随后来的冲销改变，被冲销时了结。"""
    for name, yuan in (("A", "4000"), ("B", "2000"), ("C", "10000")):
        ward.confirm(*ward.settle(big(ward, name, in_scope=yuan)))
    assert rows(ward.city, "SELECT setl_id, pay_fen FROM settlement ORDER BY id") == [("A", 0), ("B", 0), ("C", 665000)]
    for at, name, less in ((BILLED, "A", 245000), (LATER, "B", 385000)):
        ward.run(reversal(f"R{name}", name), at=at)
        [taken] = rows(ward.city, "SELECT id FROM settlement WHERE setl_id = %s", name)
        [adjusted] = ward.run(Adjust(7, taken[0]), at=at + timedelta(days=4))
        assert moved(adjusted).less_due_fen == less
        assert cases(ward) == [("less-due", "reversal.before_it", "C", less)]
    assert rows(ward.city, "SELECT kind FROM transfer WHERE settlement_id IS NOT NULL") == [("claim-incurred",)], "never debited by itself"
    ward.run(Reverse(7, "desk", "H1", {"setl_id": "RC", "reverses": "C"}), at=LATER)
    assert (cases(ward), used(ward)) == ([], [])
    assert verify(ward.city, LATER) == []
