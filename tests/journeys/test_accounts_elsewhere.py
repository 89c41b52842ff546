"""Orders whose account money the agency's system keeps: what becomes of each, by what that system answers, step by step."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Final

import pytest

from huibao.core.money import fen
from huibao.core.points import POINTS
from huibao.enrolment import own
from huibao.record.model import DONE
from tests.books import Someone, owner, rows
from tests.database import MakeProgramme
from tests.journeys.agency import CHEAP, DEAR, Office, agency_city, at_work, told

PEOPLE: Final = [Someone(1, kin="2 配偶"), Someone(2, insurance="居民 正常"), Someone(3), Someone(4)]


@pytest.fixture
def office(programme: MakeProgramme) -> Iterator[Office]:
    with at_work(agency_city(programme, PEOPLE), {1: ("8000", "500"), 3: ("100", "2900"), 4: ("100", "2000")}) as made:
        yield made


SPLITS: Final = [
    # 个人账户   储蓄账户    产品     结果                  个人账户付  储蓄账户付  自费
    ("8000",     "0",        CHEAP,   "completed",          "20000",    "0",        0),
    ("8000",     "0",        DEAR,    "awaiting-payment",   "150000",   "0",        10_000),         # 年度限额 1500 元
    ("100",      "2900",     CHEAP,   "completed",          "10000",    "10000",    0),              # 先用个人账户，再用储蓄账户
    ("0",        "3000",     CHEAP,   "completed",          "0",        "20000",    0),
    ("3000",     "0",        CHEAP,   "completed",          "20000",    "0",        0),
    ("2999.99",  "0",        CHEAP,   "void",               "0",        "0",        0),              # 余额不足 3000 元
    ("2000",     "999.99",   CHEAP,   "void",               "0",        "0",        0),
    ("0",        "0",        CHEAP,   "void",               "0",        "0",        0),
]


@pytest.mark.clause("XZ-2", "LZ-24", "SY-3.6")
@pytest.mark.parametrize(("personal", "savings", "product", "ends", "from_personal", "from_savings", "cash"), SPLITS)
def test_the_scheme_decides_with_what_the_agency_answers(
    office: Office, personal: str, savings: str, product: str, ends: str, from_personal: str, from_savings: str, cash: int
) -> None:
    purse = office.purse(4)
    purse.personal_fen, purse.savings_fen = fen(personal), fen(savings)
    order = office.buy(4, product=product)
    assert office.state(order) == "awaiting-account"
    office.turn(2)
    assert (office.state(order), rows(office.city, "SELECT cash_fen FROM orders")) == (ends, [(cash,)])
    assert (fen(personal) - purse.personal_fen, fen(savings) - purse.savings_fen) == (int(from_personal), int(from_savings))
    assert office.apart() == []


@pytest.mark.clause("SY-3.6")
def test_who_buys_reads_that_the_account_is_asked(office: Office) -> None:
    answer = office.ask(1)
    assert answer.outcome == DONE
    assert told(answer).zh == "已受理，正在与个人账户核对，尚未承保；由账户支付和需自费的金额以核对结果为准。"
    assert (told(answer).state, told(answer).policies[0].state) == ("awaiting-account", "pending")


@pytest.mark.clause("XZ-2")
def test_who_has_too_little_is_told_why_with_the_figures(office: Office) -> None:
    order = office.buy(4)
    office.turn()
    assert office.state(order) == "void"
    [notice] = office.notices(4)
    assert notice.startswith(f"订单 {office.number(order)} 未能办理，个人账户未扣款：个人账户余额 2,100.00 元，低于购买须有的 3,000.00 元，还差 900.00 元，可待余额达到后再买")
    assert office.postings(order) == []


@pytest.mark.parametrize(("state", "reason"), [("frozen", "您的个人账户已被冻结"), ("closed", "您的个人账户已注销")])
def test_an_account_that_may_not_be_spent(office: Office, state: str, reason: str) -> None:
    office.purse(1).state = state  # type: ignore[assignment]  # one of its states
    order = office.buy(1)
    office.turn()
    assert office.state(order) == "void"
    assert office.notices(1) == [f"订单 {office.number(order)} 未能办理，个人账户未扣款：{reason}，可稍后重新下单、改为自费，或向经办机构查询。"]


def test_nobody_has_an_account_there(office: Office) -> None:
    del office.platform.purses[next(key for key in office.platform.purses if key[1].endswith("1"))]
    order = office.buy(1)
    office.turn()
    assert (office.state(order), "没有您的个人账户" in office.notices(1)[0]) == ("void", True)


def test_an_account_that_changes_under_its_hands_is_asked_again(office: Office) -> None:
    order = office.buy(1)
    balances = office.platform._balances

    def spent_meanwhile(holder: object) -> object:
        said = balances(holder)  # type: ignore[arg-type]
        office.purse(1).personal_fen -= 100
        setattr(office.platform, "_balances", balances)  # noqa: B010 - a method in a method's place
        return said

    setattr(office.platform, "_balances", spent_meanwhile)  # noqa: B010 - as above
    office.turn(3)
    assert office.state(order) == "completed"
    assert office.postings(order) == [("freeze", 1, "no", "balance.changed"), ("freeze", 2, "yes", None), ("confirm", 2, "yes", None)]
    assert office.apart() == []


@pytest.mark.clause("SY-3.6")
@pytest.mark.parametrize(("arrives", "begins"), [(True, "2026-03-03"), (False, "2026-12-31")])
def test_money_whose_taking_is_known_after_the_last_day_of_cover(office: Office, arrives: bool, begins: str) -> None:
    """Taken in time, it covers from the day after; taken at last, the last day; in any case it is known."""
    order = office.buy(1)
    setattr(office.network, "unanswered" if arrives else "lost", "confirmation")
    office.turn()
    assert [kept.state for kept in office.platform.holds.values()] == ["confirmed" if arrives else "frozen"]
    office.network.unanswered = office.network.lost = ""
    office.city.clock.advance(timedelta(days=400))
    office.turn()
    assert office.state(order) == "completed"
    assert rows(office.city, "SELECT period_from::text, period_to::text FROM policy") == [(begins, "2026-12-31")]
    assert office.apart() == []


def test_who_buys_reads_no_sentence_of_a_clerks(office: Office) -> None:
    """The premium grows between the order and the answer of the accounts."""
    order = office.buy(1)
    with owner(office.city) as connection:
        connection.execute("UPDATE policy SET premium_fen = 19000")
        connection.execute("UPDATE orders SET premium_fen = 19000")
    office.turn()
    assert office.state(order) == "void"
    [notice] = office.notices(1)
    assert notice.endswith("个人账户未扣款：被保险人的保费现为 200.00 元，下单时为 190.00 元，请按现在的保费重新下单。")


def test_what_is_left_for_cash_is_paid_and_then_the_account_is_taken(office: Office) -> None:
    order = office.buy(1, product=DEAR)
    office.turn()
    assert office.state(order) == "awaiting-payment"
    assert [kept.state for kept in office.platform.holds.values()] == ["frozen"]
    paid = told(office.pay(order))
    assert (paid.state, paid.zh) == ("awaiting-account", "正在与个人账户核对，尚未承保。")
    office.turn()
    assert office.state(order) == "completed"
    assert office.purse(1).personal_fen == 650_000
    assert office.apart() == []


@pytest.mark.parametrize("turns", [0, 1])
def test_an_order_that_is_given_up_is_void_once_the_agency_let_go(office: Office, turns: int) -> None:
    order = office.buy(1, product=DEAR)
    office.turn(turns)
    given_up = told(office.cancel(order, 1))
    assert given_up.state == ("void" if turns == 0 else "awaiting-account")
    office.turn()
    assert (office.state(order), office.purse(1).personal_fen) == ("void", 800_000)
    assert office.cancel(order, 1).outcome == "order.not_waiting"
    assert office.buy(1, product=DEAR) > order, "who gave up may order again"
    assert office.apart() == []


def test_an_order_that_is_not_paid_in_time_is_let_go(office: Office) -> None:
    order = office.buy(1, product=DEAR)
    office.turn()
    office.city.clock.advance(timedelta(minutes=30))
    assert told(office.request(own.expired(order))).state == "awaiting-account"
    assert office.pay(order).outcome == "payment.not_awaited"
    office.turn()
    assert (office.state(order), office.purse(1).personal_fen) == ("void", 800_000)


@pytest.mark.parametrize("turns", [1, 2])
def test_an_order_that_is_given_up_is_asked_about_when_its_till_closes(office: Office, turns: int) -> None:
    """Its buyer may still pay there while the agency lets go: money that comes then must be found, and nobody is told twice."""
    order = office.buy(1, product=DEAR)
    office.turn(turns)
    [(closes,)] = rows(office.city, "SELECT deadline FROM orders WHERE id = %s AND deadline IS NOT NULL", order)
    office.network.unanswered = "/holds"
    assert told(office.cancel(order, 1)).state == "awaiting-account"
    office.city.clock.advance(timedelta(minutes=31))
    office.turn(2)
    assert rows(office.city, "SELECT count(*) FROM event WHERE outcome = 'order.not_waiting'") == [(0,)]
    office.network.unanswered = ""
    office.turn(2)
    assert rows(office.city, "SELECT state, deadline FROM orders WHERE id = %s", order) == [("void", closes)]
    assert office.apart() == []


def test_an_order_of_which_nothing_could_be_asked_is_void_after_its_time(office: Office) -> None:
    order = office.buy(1)
    office.fail("lose", times=None)
    office.turn(2)
    assert office.state(order) == "awaiting-account"
    office.city.clock.advance(timedelta(minutes=30))
    office.turn()
    assert (office.state(order), office.postings(order)) == ("void", [])


@pytest.mark.clause("SY-3.6")
def test_what_was_set_aside_and_never_answered_is_let_go_before_the_order_is_void(office: Office) -> None:
    order = office.buy(1)
    office.network.unanswered = "/holds"
    office.turn(2)
    assert (office.state(order), office.postings(order)) == ("awaiting-account", [("freeze", 1, "sent", None)])
    office.city.clock.advance(timedelta(minutes=30))
    office.turn(2)
    assert (office.state(order), office.postings(order)[1:]) == ("awaiting-account", [("cancel", 1, "sent", None)])
    assert office.ask(1).outcome == "policy.already_insured"
    office.network.unanswered = ""
    office.turn()
    assert office.postings(order) == [("freeze", 1, "no", "hold.cancelled"), ("cancel", 1, "yes", None)]
    assert (office.state(order), office.purse(1).personal_fen) == ("void", 800_000)
    assert office.apart() == []


def test_money_that_is_being_taken_is_not_given_up_however_long_it_takes(office: Office) -> None:
    order = office.buy(1)
    office.network.unanswered = "/confirmation"
    office.turn()
    assert office.postings(order)[1:] == [("confirm", 1, "sent", None)]
    office.city.clock.advance(timedelta(days=2))
    assert office.cancel(order, 1).outcome == "order.not_waiting"
    office.turn()
    assert office.state(order) == "completed", "it is asked what became of the key, and that is answered"
    assert office.apart() == []


def test_a_freeze_that_comes_after_its_cancellation_sets_nothing_aside(office: Office) -> None:
    order = office.buy(1)
    office.turn_to_freeze()
    office.fail("late")
    office.turn()
    [held_back] = office.platform.under_way
    office.platform.under_way.clear()
    office.city.clock.advance(timedelta(minutes=30))
    office.turn(2)
    assert office.state(order) == "void"
    office.platform.under_way.append(held_back)
    office.buy(1)
    office.turn()
    assert sorted(kept.state for kept in office.platform.holds.values()) == ["cancelled", "confirmed"]
    assert (office.purse(1).personal_fen, office.apart()) == (780_000, [])


@pytest.mark.parametrize(("product", "ends"), [(CHEAP, "void")])
def test_money_that_the_agency_let_go_is_no_cover(office: Office, product: str, ends: str) -> None:
    order = office.buy(1, product=product)
    office.network.lost = "/confirmation"
    office.turn()
    [kept] = office.platform.holds.values()
    kept.state = "cancelled"
    office.purse(1).personal_fen += 20_000
    office.network.lost = ""
    office.turn()
    assert (office.state(order), office.postings(order)[1:]) == (ends, [("confirm", 1, "no", "hold.cancelled")])
    assert "经办机构已解除冻结" in office.notices(1)[0]
    assert office.apart() == []


KINDS: Final = ("drop", "error", "half-answer", "wrong-signature", "lose", "late", "repeat", "garbage", "wrong-key", "wrong-amount")


@pytest.mark.clause("SY-3.6")
@pytest.mark.parametrize("skip", range(5), ids=["balances", "freeze", "confirmation", "the next order's", "and its freeze"])
def test_whatever_goes_wrong_once_every_order_ends_well(programme: MakeProgramme, skip: int) -> None:
    """`skip` requests go well, the next goes wrong, in every way one after the other."""
    people = range(1, len(KINDS) + 2)
    with at_work(agency_city(programme, [Someone(n) for n in people]), dict.fromkeys(people, ("8000", "0"))) as office:
        for n, kind in enumerate(KINDS, 1):
            orders = [office.buy(n), office.buy(n, product=DEAR)]
            office.network.well, office.network.then = skip, partial(office.fail, kind)
            office.turn(6)
            assert [office.state(order) for order in orders] == ["completed", "awaiting-payment"], kind
        assert office.apart() == []


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("accounts.")])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_at_any_point_the_next_process_ends_it(office: Office, point: str, nth: int) -> None:
    orders = [office.buy(1)]
    office.network.unanswered = "/confirmation"
    office.turn()
    office.network.unanswered = ""
    orders.append(office.buy(3, product=DEAR))
    died = office.dies(point, nth)
    office.turn(3)
    assert died or nth == 2
    assert [office.state(order) for order in orders] == ["completed", "awaiting-payment"]
    assert office.apart() == []
