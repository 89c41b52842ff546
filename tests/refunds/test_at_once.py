"""A surrender beside itself, beside a settlement of the same person and beside a batch of account money, at the same moment."""

import asyncio
from collections import Counter as Tally
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer
from huibao.refunds.model import Surrender
from huibao.refunds.work import Refunds
from huibao.remittance.work import Remittances
from huibao.settlement.work import Desk
from tests.books import DAY, KEYRING, City, owner, rows, small_city, verify
from tests.books import Desk as Orders
from tests.books import buy as buying
from tests.database import MakeProgramme
from tests.record.clerk import lonely, service
from tests.refunds.counter import EVENING, Counter, Policy, code, waiting
from tests.remittance import office
from tests.settlement.rounds import QUICK
from tests.settlement.ward import INDEX_KEY, bill, found_hospitals

LANES: Final = 8
ROUNDS: Final = [12, pytest.param(1_000, marks=pytest.mark.long)]
#: Within the cooling period of ten days: everything would go back.
TENTH: Final = datetime(2026, 3, 10, 2, tzinfo=UTC)


def town(programme: MakeProgramme, people: int) -> tuple[City, list[Policy]]:
    """People who each bought for 168 yuan of their account, and their policies."""
    city = small_city(programme, "xizang", lonely(people))
    with Orders(city) as counter:
        for first in range(1, people + 1, 50):
            counter.run([buying(city, person) for person in range(first, min(first + 50, people + 1))])
    with owner(city) as connection:
        found_hospitals(city, connection)
    return city, [(order, 1) for (order,) in rows(city, "SELECT id FROM orders ORDER BY buyer_id")]


def lane(city: City, work: Any) -> Lane[Any, Any]:
    return Lane(service(city, QUICK), city.clock, {city.code: (city.schema, work)})


async def all_at_once(doing: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    return list(await asyncio.gather(*doing))


async def later(turns: int, doing: Coroutine[Any, Any, Any]) -> Any:
    """A little later than the other, so that either may be first."""
    await asyncio.sleep(max(0, turns) * 0.003)
    return await doing


@pytest.mark.clause("LZ-15a")
def test_one_surrender_has_its_effect_however_often_it_is_asked(programme: MakeProgramme) -> None:
    """Twice with one key is one answer; eight keys are one surrender and seven refusals."""
    city, [first, second] = town(programme, 2)
    counter = Counter(city)
    same = counter.at_once([[Surrender(7, *first, 16_800)]] * LANES, keys=[["one key"]] * LANES)
    assert {bytes(answer.body) for [answer] in same} == {bytes(same[0][0].body)}
    assert sum(not answer.replayed for [answer] in same) == 1
    others = counter.at_once([[Surrender(7, *second, 16_800)]] * LANES)
    assert Tally(code(answer) for [answer] in others) == {"done": 1, "surrender.already": LANES - 1}
    assert counter.refunds() == [("personal", 16_800, "done")] * 2
    assert verify(city, EVENING) == []


@pytest.mark.clause("LZ-15a", "LZ-10")
@pytest.mark.parametrize("rounds", ROUNDS)
def test_never_both_a_benefit_and_the_whole_premium(programme: MakeProgramme, rounds: int) -> None:
    city, policies = town(programme, rounds)
    city.clock.set(TENTH, backwards=True)

    async def story() -> list[tuple[Answer, Answer]]:
        counters = [lane(city, Refunds(city.running, KEYRING)) for _ in range(LANES // 2)]
        desks = [lane(city, Desk(city.running, KEYRING, INDEX_KEY)) for _ in range(LANES // 2)]
        told: list[tuple[Answer, Answer]] = []
        try:
            for n, policy in enumerate(policies):
                settle = bill(n + 1, f"S{n}", self_paid="30000", med_type="22", begin=DAY.date().replace(day=5), end=TENTH.date(), at=TENTH, city=city)
                counter, desk = counters[n % len(counters)], desks[n % len(desks)]
                [surrender], [settled] = await all_at_once([
                    later(n % 3 - 1, counter.run(city.code, [waiting(city, f"s{n}", Surrender(7, *policy, 16_800))])),
                    later(1 - n % 3, desk.run(city.code, [waiting(city, f"d{n}", settle)]))])  # type: ignore[arg-type]  # another's
                told.append((surrender, settled))
        finally:
            for one in (*counters, *desks):
                await one.close()
        return told

    told = asyncio.run(story())
    outcomes = Tally((surrender.outcome, settled.outcome) for surrender, settled in told)
    assert set(outcomes) <= {(DONE, "settlement.not_insured"), ("surrender.settlement_open", DONE)}, outcomes
    both = rows(city, "SELECT count(*) FROM policy p JOIN payment y ON y.order_id = p.order_id WHERE p.state = 'surrendered' AND y.pay_fen > 0")
    assert both == [(0,)]
    assert verify(city, TENTH) == []


@pytest.mark.clause("LZ-15a", "LZ-14")
@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_movement_is_reversed_or_listed_and_never_both(programme: MakeProgramme, rounds: int) -> None:
    city, policies = town(programme, rounds)
    office.open_account(city, DAY.replace(month=1))
    city.clock.set(EVENING, backwards=True)

    async def story() -> list[Any]:
        surrenders = [lane(city, Refunds(city.running, KEYRING)) for _ in range(LANES)]
        lister = lane(city, Remittances(city.running, KEYRING))

        async def surrender(n: int) -> list[Any]:
            mine = policies[n::LANES]
            return [await surrenders[n].run(city.code, [waiting(city, f"s{policy[0]}", Surrender(7, *policy, 16_800))]) for policy in mine]

        async def listing() -> Any:
            await asyncio.sleep(0.01)
            return await lister.run(city.code, [waiting(city, "list", office.make(city, EVENING))])  # type: ignore[arg-type]  # another's

        try:
            return await all_at_once([listing(), *(surrender(n) for n in range(LANES))])
        finally:
            for one in (*surrenders, lister):
                await one.close()

    _, *told = asyncio.run(story())
    assert {code(answer) for of in told for [answer] in of} == {"done"}
    twice = rows(city, "SELECT count(*) FROM remittance_line l JOIN transfer t ON t.order_id = l.order_id AND t.kind = 'refund-reversed'")
    assert twice == [(0,)]
    listed = rows(city, "SELECT count(*) FROM refund r JOIN remittance_line l ON l.order_id = r.order_id WHERE r.state = 'waiting'")
    assert listed == rows(city, "SELECT count(*) FROM remittance_line")
    assert verify(city, EVENING) == []
