"""Who an order that waits is for: somebody added, somebody taken out, priced and tested anew in one step; or refused, and nothing has moved."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import pytest

from huibao.enrolment.model import Amend, InsuredWish, Paid, Release
from huibao.policies.numbers import read_number
from tests import books
from tests.books import DAY, City, Someone, buy, everything, order, order_id, refusal, rows, run, small_city, verify
from tests.database import MakeProgramme

#: 1 has 3,500 yuan and a family; 6 is a stranger to them. Liuzhou reviews: money is set aside, premium 138, children 88, from 60 on 188.
PEOPLE: Final = (Someone(1, personal="400", kin="2 配偶；3 子女；4 父母"), Someone(2), Someone(3, "2016-09-01", "居民 正常"),
                 Someone(4, "1955-02-11", "居民 正常"), Someone(6), Someone(7, personal="400"))


@pytest.fixture
def city(programme: MakeProgramme) -> Iterator[City]:
    made = small_city(programme, "liuzhou", PEOPLE)
    yield made
    assert verify(made) == []


def amend(city: City, order_: int, add: int | None = None, remove: int | None = None, buyer: int | None = 1) -> Amend:
    made = buy(city, buyer or 1)
    return Amend(1, order_, InsuredWish(add) if add else None, remove, "家里添了人", made.consent, made.identity, buyer)


def waiting(city: City, *insured: int, buyer: int = 1) -> int:
    [answer] = run(city, [buy(city, buyer, *insured)])
    assert order(answer).state == "awaiting-review"
    return order_id(city, answer)


def purse(city: City, person: int = 1) -> list[tuple[int, int]]:
    """What is held on the account, and against the year."""
    return rows(city, "SELECT a.held_fen, y.held_fen FROM account a JOIN account_year y ON y.person_id = a.owner_id AND y.year = 2026 WHERE a.owner_id = %s",
                person)


@pytest.mark.clause("LZ-19")
def test_a_child_is_added_before_the_review(city: City) -> None:
    first = waiting(city, 1)
    assert purse(city) == [(13_800, 13_800)]
    [answer] = run(city, [amend(city, first, add=3)])
    told = order(answer)
    assert (told.state, told.premium_fen, told.account_fen, [policy.insured for policy in told.policies]) == ("awaiting-review", 22_600, 22_600, [1, 3])
    assert told.replaces is not None
    assert read_number(city.code, told.replaces) == (first, None)
    assert purse(city) == [(22_600, 22_600)]
    assert rows(city, "SELECT id = %s, state FROM orders ORDER BY id", first) == [(True, "void"), (False, "awaiting-review")]
    assert rows(city, "SELECT kind, person_id, order_id, state FROM endorsement") == [("insured-added", 1, first, "done")]


@pytest.mark.clause("LZ-19")
def test_a_parent_is_taken_out_and_the_money_is_free(city: City) -> None:
    first = waiting(city, 1, 4)
    assert purse(city) == [(32_600, 32_600)]
    [answer] = run(city, [amend(city, first, remove=4)])
    assert (order(answer).premium_fen, [policy.insured for policy in order(answer).policies]) == (13_800, [1])
    assert purse(city) == [(13_800, 13_800)]
    [again] = run(city, [buy(city, 1, 4)])
    assert order(again).state == "awaiting-review", "who was taken out may be insured again"


def test_what_was_set_aside_counts_for_the_new_order(city: City) -> None:
    """400 yuan: 326 are set aside, and 276 of the same money do for two others."""
    first = waiting(city, 1, 4)
    [second] = run(city, [amend(city, first, remove=4)])
    [third] = run(city, [amend(city, order_id(city, second), add=2)])
    assert order(third).account_fen == 27_600
    assert purse(city) == [(27_600, 27_600)]


def given_up(city: City) -> Amend:
    first = waiting(city, 1)
    run(city, [Release(1, first, "cancelled", 1)])
    return amend(city, first, add=3)


REFUSED: Final[list[tuple[str, str, Callable[[City], Amend]]]] = [
    ("没有这张订单", "order.unknown", lambda city: amend(city, 999, add=3)),
    ("别人的订单", "order.unknown", lambda city: amend(city, waiting(city, 7, buyer=7), add=3)),
    ("已经在订单里", "order.insured_twice", lambda city: amend(city, waiting(city, 1, 3), add=3)),
    ("不在订单里的退出", "order.insured_unknown", lambda city: amend(city, waiting(city, 1), remove=3)),
    ("最后一人退出", "order.nobody_left", lambda city: amend(city, waiting(city, 1), remove=1)),
    ("没有登记的亲属", "relation.not_allowed", lambda city: amend(city, waiting(city, 1), add=6)),
    ("另有保单的人", "policy.already_insured", lambda city: (waiting(city, 2), amend(city, waiting(city, 1), add=2))[1]),
    ("没有同意", "consent.terms_changed", lambda city: Amend(1, waiting(city, 1), InsuredWish(3), None, "x", None, None, 1)),
    ("撤销之后", "order.not_waiting", given_up),
]


@pytest.mark.parametrize("code, build", [pytest.param(code, build, id=name) for name, code, build in REFUSED])
def test_a_refusal_leaves_the_order_as_it_was(city: City, code: str, build: Callable[[City], Amend]) -> None:
    command = build(city)
    before = everything(city)
    [answer] = run(city, [command])
    assert refusal(answer).code == code
    assert everything(city) == before
    assert rows(city, "SELECT count(*) FROM endorsement") == [(0,)]


def test_money_that_is_not_there_refuses(programme: MakeProgramme) -> None:
    """账户余额 200 元：本人 138 元已冻结，再加一位 138 元不够；柳州超出的不以现金支付。"""
    city = small_city(programme, "liuzhou", (Someone(1, personal="200", kin="2 配偶"), Someone(2)))
    first = waiting(city, 1)
    before = everything(city)
    [answer] = run(city, [amend(city, first, add=2)])
    assert answer.outcome != "done", answer.body.decode()
    assert everything(city) == before
    assert purse(city) == [(13_800, 13_800)]


@pytest.mark.clause("LZ-19")
def test_after_capture_one_adds_by_an_order_and_leaves_by_surrender(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    [bought] = run(city, [buy(city, 1, 2)])
    captured = order_id(city, bought)
    for command, said in ((amend(city, captured, add=4), "另下一单"), (amend(city, captured, remove=2), "退保")):
        [answer] = run(city, [command])
        assert refusal(answer).code == "order.captured"
        assert said in refusal(answer).zh
    assert verify(city) == []


def test_an_order_that_awaits_cash_is_paid_at_its_new_price(programme: MakeProgramme) -> None:
    """沈阳只收现金：九十九元一位，加一位后付一百九十八元；原订单的款项退回。"""
    city = small_city(programme, "shenyang", (Someone(1, kin="2 配偶"), Someone(2)))
    [bought] = run(city, [buy(city, 1, pay_with="cash")])
    first = order_id(city, bought)
    [answer] = run(city, [amend(city, first, add=2)])
    second = order_id(city, answer)
    assert (order(answer).cash_fen, order(answer).state) == (2 * order(bought).cash_fen, "awaiting-payment")
    paid_late, paid = run(city, [Paid(1, first, order(bought).cash_fen, "old"), Paid(1, second, order(answer).cash_fen, "new")])
    assert (refusal(paid_late).code, order(paid).state) == ("payment.not_awaited", "completed")
    with books.owner(city) as connection:
        connection.execute("INSERT INTO payment_return SELECT seq, at FROM event WHERE kind = 'payment' AND outcome <> 'done'")
    assert verify(city) == []


def test_an_order_whose_cash_has_come_stays_as_it_is_while_it_is_reviewed(programme: MakeProgramme) -> None:
    """新疆保费 120 元：账户 100 元，现金 20 元已付；审核期间不能再加配偶。"""
    city = small_city(programme, "xinjiang", (Someone(1, personal="100", kin="2 配偶"), Someone(2)))
    [bought] = run(city, [buy(city, 1)])
    first = order_id(city, bought)
    assert order(run(city, [Paid(2, first, 2_000, "ref")])[0]).state == "awaiting-review"
    before = everything(city)
    [answer] = run(city, [amend(city, first, add=2)])
    assert refusal(answer).code == "order.cash_paid"
    assert everything(city) == before
    assert verify(city) == []


def test_an_order_whose_time_is_over_waits_no_more(programme: MakeProgramme) -> None:
    city = small_city(programme, "shenyang", (Someone(1, kin="2 配偶"), Someone(2)))
    [bought] = run(city, [buy(city, 1, pay_with="cash")])
    late = DAY + timedelta(minutes=30)
    made = buy(city, 1, at=late)
    [answer] = run(city, [Amend(1, order_id(city, bought), InsuredWish(2), None, "x", made.consent, made.identity, 1)], late)
    assert refusal(answer).code == "order.not_waiting"


def test_the_same_key_amends_once(city: City) -> None:
    first = waiting(city, 1)
    command = amend(city, first, add=3)
    one, same = run(city, [command], keys=["once"]) + run(city, [command], keys=["once"])
    assert one.body == same.body
    assert rows(city, "SELECT count(*) FROM endorsement") == [(1,)]


def test_two_changes_at_once_meet_each_other(city: City) -> None:
    """In one batch: the second finds the first order void, and says so."""
    first = waiting(city, 1)
    one, two = run(city, [amend(city, first, add=3), amend(city, first, add=2)])
    assert (one.outcome, refusal(two).code) == ("done", "order.not_waiting")


def test_the_record_keeps_consent_and_reason_sealed(city: City) -> None:
    first = waiting(city, 1)
    run(city, [amend(city, first, add=3)])
    [(kind, has_evidence)] = rows(city, "SELECT e.kind, e.sealed IS NOT NULL FROM event e JOIN endorsement n ON n.id = e.request_id")
    assert (kind, has_evidence) == ("purchase", True)
    assert "添了人" not in str(rows(city, "SELECT * FROM endorsement"))


def test_what_a_stranger_sent_is_not_kept_as_the_buyers(city: City) -> None:
    first = waiting(city, 1)
    [refused] = run(city, [amend(city, first, add=3, buyer=7)])
    assert refused.outcome == "order.unknown"
    assert rows(city, "SELECT person_id, sealed FROM event ORDER BY seq DESC LIMIT 1") == [(None, None)]


def test_the_buyer_is_told_what_a_clerk_changed(city: City) -> None:
    first = waiting(city, 1)
    run(city, [amend(city, first, add=3)])
    assert rows(city, "SELECT count(*) FROM notice") == [(0,)], "who did it themselves has the answer"
    second = waiting(city, 7, buyer=7)
    made = buy(city, 7)
    run(city, [Amend(9, second, InsuredWish(7), None, "x", made.consent, made.identity)])
    run(city, [Amend(9, second, None, 99, "x", made.consent, made.identity)])
    assert rows(city, "SELECT count(*) FROM notice") == [(0,)], "what was refused is not told"
    [(state, id)] = rows(city, "SELECT state, id FROM orders WHERE buyer_id = 1 AND state <> 'void'")
    own = buy(city, 1)
    [answer] = run(city, [Amend(9, id, None, 3, "x", own.consent, own.identity)])
    assert (state, order(answer).premium_fen) == ("awaiting-review", 13_800)
    [(person, zh)] = rows(city, "SELECT person_id, zh FROM notice")
    assert (person, "保费 138.00 元" in zh) == (1, True)
