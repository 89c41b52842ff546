"""What the agency tells of hospitals outside the desk, and what a sender cannot say of a visit since it is ours to know."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import pytest

from huibao.benefits import loading as plans
from huibao.settlement.model import Agree
from tests.books import FOUNDED, Someone, another, owner, refusal, rows, small_city, verify
from tests.database import MakeProgramme
from tests.settlement.ward import BILLED, Ward, bill, reversal, settled, standing

PEOPLE: Final = (Someone(1), Someone(2))


@pytest.fixture
def shenyang(programme: MakeProgramme) -> Iterator[Ward]:
    """Person 1 is insured and known to have had no earlier illness; 40,000 yuan of cost pay 18,000 at home, 9,000 elsewhere."""
    with Ward(small_city(programme, "shenyang", PEOPLE)) as ward:
        ward.buys(1)
        ward.looked_back(1)
        yield ward


def fed(ward: Ward, setl_id: str, **more: Any) -> Any:
    return bill(1, setl_id, city=ward.city, **{"way": "feed", "hospital": "H9", "in_scope": "30000", "self_paid": "10000", **more})


@pytest.mark.clause("JL-3.3", "SY-3.6")
def test_the_feed_pays_the_person_without_an_application(shenyang: Ward) -> None:
    """外市医院由经办推送，赔付到本人账户，无需申请。"""
    ward = shenyang
    ward.agrees(1)
    [told] = ward.settle(fed(ward, "S1"))
    assert (told.state, told.payee, told.pay_fen, told.confirm_by) == ("confirmed", "person", 900000, None)
    assert rows(ward.city, "SELECT person_id, fen, state, due_on FROM payout") == [(1, 900000, "due", date(2026, 4, 21))]
    assert rows(ward.city, "SELECT person_id, zh LIKE '%%9,000.00%%' FROM notice") == [(1, True)]
    assert rows(ward.city, "SELECT kind, credit_fen - debit_fen FROM account WHERE kind IN ('claims', 'claimant')") == [
        ("claims", 900000), ("claimant", -900000)]
    ward.run(reversal("R1", "S1", "H9"))
    assert rows(ward.city, "SELECT state FROM payout") == [("cancelled",)]
    assert rows(ward.city, "SELECT sum(credit_fen - debit_fen) FROM account WHERE kind IN ('claims', 'claimant', 'hospital')") == [(0,)]
    assert verify(ward.city) == []


@pytest.mark.clause("SY-3.6")
def test_who_agrees_later_is_paid_when_it_is_sent_again(shenyang: Ward) -> None:
    """没有同意的不受理，同意并登记账户后重新推送即赔付。"""
    ward = shenyang
    before = standing(ward.city)
    [answer] = ward.run(fed(ward, "S1"))
    assert refusal(answer).code == "settlement.not_agreed"
    assert standing(ward.city) == before
    ward.agrees(1)
    assert ward.settle(fed(ward, "S1"))[0].pay_fen == 900000


@pytest.mark.parametrize("statement", [
    pytest.param("UPDATE agreement SET ended_at = known_from FROM bank_account b WHERE b.person_id = agreement.person_id", id="撤回了同意"),
    pytest.param("UPDATE bank_account SET known_to = known_from", id="收款账户已停用"),
    pytest.param("DELETE FROM bank_account", id="没有收款账户")])
def test_an_agreement_or_account_that_ended_does_not_count(shenyang: Ward, statement: str) -> None:
    """同意或账户不再有效的不受理。"""
    shenyang.agrees(1)
    with owner(shenyang.city) as connection:
        connection.execute(statement)
    [answer] = shenyang.run(fed(shenyang, "S1"))
    assert refusal(answer).code == "settlement.not_agreed"


@pytest.mark.parametrize("at_once", [pytest.param(True, id="同一批"), pytest.param(False, id="逐条")])
def test_who_agrees_is_paid_until_withdrawn(shenyang: Ward, at_once: bool) -> None:
    """本人同意之后推送的赔付，撤回之后的不受理；此前应付的照付。"""
    ward = shenyang
    said = [fed(ward, "S0"), Agree(7, 1, "6222000000000000009"), fed(ward, "S1"), Agree(7, 1, None), fed(ward, "S2")]
    steps = [(said, BILLED)] if at_once else [([command], BILLED + timedelta(minutes=n)) for n, command in enumerate(said)]
    answers = [answer for commands, at in steps for answer in ward.run(*commands, at=at)]
    assert [answer.outcome for answer in answers] == ["settlement.not_agreed", "done", "done", "done", "settlement.not_agreed"]
    assert rows(ward.city, "SELECT fen, state FROM payout") == [(900000, "due")]
    assert verify(ward.city) == []
    [again] = ward.run(Agree(7, 1, "6222000000000000008"), at=BILLED + timedelta(hours=1))
    assert again.outcome == "done"
    assert rows(ward.city, "SELECT count(*)::int FROM bank_account WHERE known_to IS NULL") == [(1,)]


def test_feed_first_and_desk_later_are_one_settlement(shenyang: Ward) -> None:
    """推送先到、窗口后到，仍是一次，照原样回答。"""
    ward = shenyang
    ward.agrees(1)
    first, again = ward.run(fed(ward, "S1", hospital="H1"))[0], ward.run(fed(ward, "S1", hospital="H1", way="desk"))[0]
    assert again.body == first.body
    assert (settled(first).payee, settled(first).pay_fen) == ("person", 1800000)
    assert rows(ward.city, "SELECT count(*) FROM payout") == [(1,)]
    assert verify(ward.city) == []


@pytest.mark.clause("JL-3.3")
@pytest.mark.parametrize("message, away, pay", [
    pytest.param({"hospital": "H1"}, [], 1800000, id="本地医院"),
    pytest.param({"hospital": "H9"}, [], 900000, id="外地医院_未备案"),
    pytest.param({"hospital": "H9"}, [("registered", "2026-01-01", None)], 1800000, id="外地医院_已备案"),
    pytest.param({"hospital": "H9"}, [("referred", "2026-04-06", "2026-04-06")], 1800000, id="外地医院_转诊当日入院"),
    pytest.param({"hospital": "H9"}, [("referred", "2026-04-07", None)], 900000, id="外地医院_入院次日才转诊"),
    pytest.param({"hospital": "H9", "fixmedins_poolarea": "210100"}, [], 900000, id="登记在外地的医院自称本地"),
    pytest.param({"hospital": "X1", "fixmedins_poolarea": "210100"}, [], 1800000, id="未登记的医院_本地"),
    pytest.param({"hospital": "X1", "fixmedins_poolarea": "210200"}, [], 900000, id="未登记的医院_省内外市"),
    pytest.param({"hospital": "X1", "fixmedins_poolarea": "440100"}, [("registered", "2026-01-01", None)], 1800000, id="未登记的医院_已备案")])
def test_place_follows_from_hospital_and_register(shenyang: Ward, message: dict[str, str], away: list[tuple[str, str, str | None]], pay: int) -> None:
    """就医地由医院所在地和备案决定。"""
    ward = shenyang
    ward.agrees(1)
    with owner(ward.city) as connection:
        connection.execute("INSERT INTO standing VALUES (1, 'away', 'registered', '2025-01-01', NULL, %s, %s)", [FOUNDED, BILLED])  # superseded
        for kind, since, until in away:
            connection.execute("INSERT INTO standing VALUES (1, 'away', %s, %s, %s, %s)", [kind, since, until, FOUNDED])
    assert [told.pay_fen for told in ward.settle(fed(ward, "S1", **message))] == [pay]
    assert verify(ward.city) == []


@pytest.mark.parametrize("hospital, more, pay", [
    pytest.param("H1", {}, 980000, id="定点"), pytest.param("H3", {}, 0, id="非定点"), pytest.param("H9", {}, 0, id="外地未定点"),
    pytest.param("X1", {"fixmedins_poolarea": "450200", "hosp_lv": "3"}, 0, id="未登记"),
    pytest.param("T1", {}, 980000, id="入院当日还是定点"), pytest.param("T2", {}, 0, id="入院前一日取消定点"),
    pytest.param("H3", {"designated_hospital": "1"}, 0, id="自称定点")])
def test_designated_is_who_is_registered(programme: MakeProgramme, hospital: str, more: dict[str, Any], pay: int) -> None:
    """定点医院以登记为准。"""
    plan = another(plans.builtin("liuzhou-example-2026"), "designated-only",
                   ('name = "医保范围内住院费用"\n', 'name = "医保范围内住院费用"\nis = "designated_hospital"\n'))
    with Ward(small_city(programme, "liuzhou", PEOPLE, plan=plan)) as ward:
        ward.buys(1)
        ward.agrees(1)
        with owner(ward.city) as connection:
            for id, until in (("T1", "2026-04-06"), ("T2", "2026-04-05")):
                connection.execute("INSERT INTO hospital VALUES (%s, %s, %s, 3, '2025-01-01', %s, true)", [id, id, ward.city.running.area, until])
        [told] = ward.settle(bill(1, "S1", city=ward.city, way="feed", hospital=hospital, in_scope="20000", **more))
        assert told.pay_fen == pay
        assert verify(ward.city) == []


@pytest.mark.parametrize("hospital, grade, expected", [
    pytest.param("H2", "3", 1050000, id="登记为二级_自称三级"), pytest.param("X1", "2", 1050000, id="未登记_报文写二级"),
    pytest.param("X1", "3", 980000, id="未登记_报文写三级"), pytest.param("X1", "", "settlement.field_unreadable", id="未登记_报文没写")])
def test_grade_is_the_registered_one_or_the_feeds(programme: MakeProgramme, hospital: str, grade: str, expected: int | str) -> None:
    """医院等级以登记为准，未登记的看报文。"""
    with Ward(small_city(programme, "liuzhou", PEOPLE)) as ward:
        ward.buys(1)
        ward.agrees(1)
        [answer] = ward.run(bill(1, "S1", city=ward.city, way="feed", hospital=hospital, in_scope="20000", fixmedins_poolarea="450200", hosp_lv=grade))
        assert (settled(answer).pay_fen if isinstance(expected, int) else refusal(answer).code) == expected


# ── what a sender cannot say ─────────────────────────────────────────────────────────────────────────────────────────

#: By city: a bill and what it pays whatever the message says of these.
PLAIN: Final = {"xizang": ({"in_scope": "30000"}, 660000), "liuzhou": ({"in_scope": "20000"}, 980000),
                "shenyang": ({"in_scope": "30000", "self_paid": "10000", "way": "feed", "hospital": "H9"}, 540000)}
SMUGGLED: Final = [
    ("xizang", "年龄", {"age": "70"}), ("xizang", "出生日期", {"brdy": "1950-01-01"}), ("xizang", "档次", {"tier": "plus"}),
    ("xizang", "首次参保时健康", {"healthy_since_first": "1"}), ("xizang", "不是既往症", {"preexisting": "0"}),
    ("xizang", "既往诊断", {"history_dise": "none"}), ("xizang", "重大既往症", {"severe_preexisting": "1", "dise_codg": "C34.900"}),
    ("xizang", "入院日", {"admitted_on": "2026-03-10"}), ("xizang", "保险期间", {"cover_from": "2026-04-01", "cover_to": "2026-04-02"}),
    ("xizang", "受理序号", {"accept_seq": "1"}), ("xizang", "冲销", {"reverses": "S0"}), ("xizang", "家庭", {"household_id": "9"}),
    ("liuzhou", "险种", {"insutype": "390"}), ("liuzhou", "电子凭证", {"credential_activated": "1"}), ("liuzhou", "医院等级", {"hosp_lv": "1"}),
    ("liuzhou", "上年赔付", {"paid_last_year": "0", "years_enrolled": "2"}), ("liuzhou", "困难类别", {"hardship": "destitute"}),
    ("shenyang", "就医地", {"place": "local"}), ("shenyang", "连续参保", {"years_enrolled": "3"}), ("shenyang", "查过既往", {"history_dise": "none"}),
    ("shenyang", "已续保", {"renewed": "1"}), ("shenyang", "统筹区", {"fixmedins_poolarea": "210100"}),
]


@pytest.mark.parametrize("scheme, said", [pytest.param(scheme, said, id=f"{scheme}-{name}") for scheme, name, said in SMUGGLED])
def test_a_sender_cannot_say_what_is_ours_to_know(programme: MakeProgramme, scheme: str, said: dict[str, str]) -> None:
    """报文不能自报我方掌握的事实。"""
    parts, pay = PLAIN[scheme]
    with Ward(small_city(programme, scheme, [Someone(1, personal="8000")])) as ward:
        (ward.insure if scheme == "xizang" else ward.buys)(1)
        ward.agrees(1)
        given: dict[str, Any] = {**parts, **said}
        [told] = ward.settle(bill(1, "S1", city=ward.city, **given))
        assert told.pay_fen == pay
        assert verify(ward.city) == []
