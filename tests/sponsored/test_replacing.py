"""Own purchases that a sponsor's takes the place of, where the scheme says so: who pays back what to whom, and what stays as it is.

A row: how the person of a line had bought before; what becomes of the line; what goes back, from where and how far; in which states the
person's policies are then.
"""

import asyncio
import signal
from collections import Counter as Tally
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from huibao.enrolment.model import Paid, Review
from huibao.gateways.insurers import relay
from huibao.policies.numbers import policy_number
from huibao.record.lane import Lane
from huibao.record.model import DONE
from huibao.refunds.model import Surrender
from huibao.refunds.work import Refunds
from huibao.scheme.model import SPONSORED
from huibao.sponsored.work import SQL
from tests import books
from tests.books import DAY, KEYRING, buy, order, order_id, owner, rows, verify
from tests.database import MakeProgramme
from tests.gateways.simulated import World, in_world
from tests.refunds.counter import Counter, Policy, code, waiting
from tests.sponsored.agency import SPONSOR, Agency, Somebody, agency_of, done, purse, sheet, told
from tests.sponsored.test_runs import child

PREMIUM: Final = 12_000
YESTERDAY: Final = DAY - timedelta(days=1)


def giving_way(make: MakeProgramme, people: list[Somebody], **more: Any) -> Agency:
    """An agency where own purchases give way."""
    agency = agency_of(make, people, **more)
    rule = next(iter(agency.city.scheme.sponsored), SPONSORED)
    agency.city.scheme = replace(agency.city.scheme, sponsored=(replace(rule, replaces_own=True),))
    return agency


def buys(agency: Agency, buyer: int, *insured: int, at: datetime = DAY, **how: Any) -> Policy:
    """The first policy of an own order, paid or reviewed, and in force."""
    [answer] = books.run(agency.city, [buy(agency.city, buyer, *insured, at=at, **how)], at)
    order_, id = order(answer), order_id(agency.city, answer)
    if order_.state == "awaiting-payment":
        books.run(agency.city, [Paid(1, id, order_.cash_fen, "ref")], at)
    elif order_.state == "awaiting-review":
        books.run(agency.city, [Review(9, None, id, "approve")], at)
    assert rows(agency.city, "SELECT state FROM orders WHERE id = %s", id) == [("completed",)]
    return id, 1


def enrolled(agency: Agency, *people: int, yuan: str = "5000") -> int:
    """A file of people that was checked, confirmed and run."""
    roster = agency.upload(agency.sponsor(yuan), sheet(agency.says(*people)))
    agency.work()
    done(agency.confirm(roster))
    agency.work()
    return roster


TABLE: Final = [
    # 编号 已有                              名册结果                     退回：来源、状态                其保单
    (1,  "账户资金未划转",                    "120",                    [("personal", "done")],      ["surrendered", "in-force"]),
    (2,  "账户资金在待答复的批次中",            "120",                    [("personal", "waiting")],   ["surrendered", "in-force"]),
    (3,  "账户资金已划转",                    "120",                    [("personal", "owed")],      ["surrendered", "in-force"]),
    (4,  "自费",                            "120",                    [("cash", "sent")],          ["surrendered", "in-force"]),
    (5,  "家人账户代买，同一订单还有他人",        "120",                    [("personal", "done")],      ["surrendered", "in-force"]),
    (6,  "昨日购买，今日起保",                 "roster.surrender_first", [],                          ["in-force"]),
    (7,  "自费待付款",                       "policy.already_insured", [],                          ["pending"]),
    (8,  "另有资助",                         "policy.already_insured", [],                          ["in-force"]),
    (9,  "没有保单",                         "120",                    [],                          ["in-force"]),
    (10, "买后暂停参保，名册不收",              "join.status_not_normal", [],                          ["in-force"]),
]
#: Who bought for the fifth, and the other one of that order.
PARENT, SIBLING = 11, 12


def before(agency: Agency) -> None:
    """What people had bought by the morning on which the file comes."""
    counter = Counter(agency.city)
    buys(agency, 6, at=YESTERDAY)
    counter.answered(counter.lists(buys(agency, 3)), "paid")
    counter.lists(buys(agency, 2))
    buys(agency, 1)
    buys(agency, 4, pay_with="cash")
    buys(agency, PARENT, 5, SIBLING)
    books.run(agency.city, [buy(agency.city, 7, pay_with="cash")])
    agency.sponsor("1000", name="慈善总会（示例）")
    books.run(agency.city, [buy(agency.city, 8, pay_with="sponsor", sponsor="慈善总会（示例）")])
    buys(agency, 10)
    with owner(agency.city) as connection:
        connection.execute("UPDATE enrolment SET status = '2' WHERE person_id = 10")


@pytest.mark.clause("XJ-3.3", "LZ-15a")
def test_every_row_of_the_table(programme: MakeProgramme) -> None:
    people = [Somebody(n, personal="500") for n in range(1, 11)]
    people += [Somebody(PARENT, personal="500", kin=f"5 子女 账户；{SIBLING} 子女 账户"), Somebody(SIBLING, insurance="居民 正常")]
    agency = giving_way(programme, people)
    before(agency)
    held = rows(agency.city, "SELECT facts, premium_fen FROM policy WHERE insured_id = %s", SIBLING)
    roster = agency.upload(agency.sponsor("5000"), sheet(agency.says(*range(1, 11))))
    agency.work()
    checked = [what for _, what in agency.lines(roster)]
    assert checked == ["" if what == "120" else what for _, _, what, *_ in TABLE]
    report = told(agency.confirm(roster)).report
    assert report is not None
    assert (report.accepted, report.replaces, report.returned_fen) == (6, 5, 5 * PREMIUM)
    agency.work()
    assert [what for _, what in agency.lines(roster)] == [what for _, _, what, *_ in TABLE]
    with owner(agency.city) as connection:
        assert connection.execute(SQL["gave_way"], {"roster": roster}).fetchone() == (5, 5 * PREMIUM)
    for person, _, what, back, states in TABLE:
        refunds = rows(agency.city, "SELECT source, r.state, r.fen FROM refund r JOIN policy p USING (order_id, position) WHERE insured_id = %s", person)
        assert refunds == [(*one, PREMIUM) for one in back], (person, what)
        assert [state for (state,) in rows(agency.city, "SELECT state FROM policy WHERE insured_id = %s ORDER BY order_id", person)] == states, person
    assert rows(agency.city, "SELECT facts, premium_fen FROM policy WHERE insured_id = %s AND state = 'in-force'", SIBLING) == held
    assert rows(agency.city, "SELECT credit_fen - debit_fen, held_fen FROM account WHERE party = %s", SPONSOR) == [(500_000 - 6 * PREMIUM, 0)]
    # Who bought is told who pays now, and where the money goes; the limit year has it back.
    [(number,)] = rows(agency.city, "SELECT order_id FROM policy WHERE insured_id = 5 AND state = 'in-force'")
    said = [zh for (zh,) in rows(agency.city, "SELECT zh FROM notice WHERE person_id = %s", PARENT)]
    assert any(f"已改由{SPONSOR}出资" in zh and policy_number(agency.city.code, number, 1) in zh and "退还 120.00 元：个人账户 120.00 元" in zh for zh in said), said
    assert not any("退保" in zh for zh in said)
    assert Counter(agency.city).spent(1) == 0
    assert verify(agency.city) == []


def test_the_insurer_is_told_of_both_at_once(programme: MakeProgramme) -> None:
    agency = giving_way(programme, [Somebody(1, personal="500")])
    own, _ = buys(agency, 1)
    enrolled(agency, 1)

    async def story(world: World) -> None:
        connection = await agency.connect()
        assert await relay(connection, agency.city.running, world.insurer(), DAY) == 2
        await connection.close()
        system = world.simulators.insurers["lead"]
        [(sponsored,)] = rows(agency.city, "SELECT id FROM orders WHERE sponsor IS NOT NULL")
        numbers = {policy_number(agency.city.code, sponsored, 1): "in-force", policy_number(agency.city.code, own, 1): "surrendered"}
        last = system.kept[max(system.kept, key=lambda key: key[2])]
        assert {policy.number: policy.state for policy in last.policies} == numbers
        assert {number: policy.state for number, policy in system.policies(agency.city.code).items()} == numbers
        assert [policy.returned_fen for policy in last.policies] == [None, PREMIUM]

    in_world(story, products=[agency.city.plan.id])


@pytest.mark.clause("XJ-3.3")
def test_where_the_scheme_is_silent_own_purchases_stay(agency: Agency) -> None:
    buys(agency, 1)
    roster = enrolled(agency, 1, 2)
    assert agency.lines(roster) == [(2, "policy.already_insured"), (3, "120")]
    assert rows(agency.city, "SELECT count(*) FROM refund") == [(0,)]


def test_a_household_keeps_its_members(programme: MakeProgramme) -> None:
    """Who left a shared deductible would leave the others with another than they bought."""
    agency = giving_way(programme, [Somebody(n, personal="2000", kin="2 配偶 账户" if n == 1 else "") for n in (1, 2, 3)], scheme="jilin")
    buys(agency, 1, 1, 2, pay_with="cash")
    assert rows(agency.city, "SELECT DISTINCT state FROM policy") == [("in-force",)]
    roster = enrolled(agency, 2, 3)
    assert agency.lines(roster)[0] == (2, "roster.surrender_first")
    assert rows(agency.city, "SELECT count(*) FROM policy WHERE state = 'surrendered'") == [(0,)]
    assert verify(agency.city) == []


@pytest.mark.parametrize("rounds", [4, pytest.param(50, marks=pytest.mark.long)])
def test_a_holder_who_gives_it_back_at_the_same_moment(owner_url: str, rounds: int) -> None:
    """Either the holder's own surrender or the sponsor's: the premium goes back once, and the person ends with one policy, the sponsor's."""
    people = range(1, 4 * rounds + 1)
    agency = giving_way(books.founder(owner_url), [Somebody(n, personal="500") for n in people])
    for person in people:
        buys(agency, person)
    policies = [order_ for (order_,) in rows(agency.city, "SELECT order_id FROM policy ORDER BY insured_id")]
    roster = agency.upload(agency.sponsor("50000"), sheet(agency.says(*people)))
    agency.work()
    done(agency.confirm(roster))
    lanes: list[Lane[Any, Any]] = [Lane(agency.connect, agency.clock, {agency.city.code: (agency.city.schema, Refunds(agency.city.running, KEYRING))})
                                   for _ in range(2)]

    async def giving_back(lane: Lane[Any, Any], mine: list[int]) -> list[str]:
        told_: list[Any] = []
        for policy in mine:
            told_ += await lane.run(agency.city.code, [waiting(agency.city, f"own-{policy}", Surrender(7, policy, 1, PREMIUM))])
        await lane.close()
        return [code(answer) for answer in told_]

    async def story() -> list[str]:
        found = await asyncio.gather(agency.runner(), agency.runner(), giving_back(lanes[0], policies), giving_back(lanes[1], policies[::-1]))
        return [*found[2], *found[3]]

    outcomes = Tally(asyncio.run(story()))
    agency.work()
    assert set(outcomes) <= {DONE, "surrender.already"}
    assert {what for _, what in agency.lines(roster)} == {"120"}
    assert rows(agency.city, "SELECT count(*), sum(fen)::bigint FROM refund") == [(len(people), len(people) * PREMIUM)]
    assert rows(agency.city, "SELECT count(*) FROM policy WHERE state = 'in-force'") == [(len(people),)]
    replaced = rows(agency.city, "SELECT count(*) FROM roster_line WHERE replaces_order IS NOT NULL")[0][0]
    given = rows(agency.city, "SELECT count(*) FROM event WHERE kind = 'surrender' AND outcome = 'done'")[0][0]
    assert replaced + given == len(people)
    assert verify(agency.city) == []


@pytest.mark.parametrize("point", ["batch.before_effects", "batch.before_commit", "batch.after_commit", "roster.after_lines"])
def test_a_run_that_is_killed_replaces_nobody_twice(programme: MakeProgramme, point: str) -> None:
    agency = giving_way(programme, [Somebody(n, personal="500") for n in range(1, 7)])
    counter = Counter(agency.city)
    for person in range(1, 7):
        buys(agency, person)
    roster = agency.upload(agency.sponsor("5000"), sheet(agency.says(*range(1, 7))))
    agency.work()
    done(agency.confirm(roster))
    assert child(agency, point) == -signal.SIGKILL
    assert verify(agency.city) == []
    agency.work()
    assert [what for _, what in agency.lines(roster)] == ["120"] * 6
    assert counter.refunds() == [("personal", PREMIUM, "done")] * 6
    assert purse(agency) == (500_000 - 6 * PREMIUM, 0)
    assert verify(agency.city) == []
