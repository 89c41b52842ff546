"""Refunds that the service sees to by itself: cash by its channel, however that fails; account money once its batch was answered."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import pytest

from huibao.app import caretaker
from huibao.app.engine import Engine
from huibao.enrolment.model import OrderTold
from huibao.record.model import DONE
from huibao.refunds.model import Surrender, SurrenderTold
from tests.app.street import EVERY_S, Street, a_while, number, street_of, until
from tests.books import verify
from tests.record.clerk import lonely
from tests.refunds.counter import Counter

#: An order costs 2,000 yuan, of which the account may pay 1,500 in a year.
HELD, CASH = 150_000, 50_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, lonely(3)) as made:
        yield made


async def bought(street: Street, engine: Engine, buyer: int) -> OrderTold:
    """An order, its cash part paid at the till."""
    order = await street.buy(engine, buyer)
    await street.pay(await street.open(engine, order))
    await street.becomes(order, "completed")
    return order


async def surrendered(street: Street, engine: Engine, order: OrderTold, fen: int = HELD + CASH) -> SurrenderTold:
    command = Surrender(1, number(order), 1, fen)
    answer = await engine.submit(street.city.code, "agency", "route", f"surrender-{order.order}", msgspec.json.encode(fen), command)
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=SurrenderTold)


def states(street: Street) -> list[str]:
    return [state for _, _, state in Counter(street.city).refunds()]


async def become(street: Street, wanted: list[str]) -> None:
    async def are_they() -> bool:
        return await asyncio.to_thread(states, street) == wanted
    await until(are_they)


@pytest.mark.clause("LZ-15a", "XZ-2")
@pytest.mark.parametrize("kind", ["drop", "error", "half-answer", "wrong-signature", "hold"])
def test_cash_goes_back_once_however_the_channel_fails(street: Street, kind: str) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await bought(street, engine, 1)
            await street.fail("cash", kind)
            await surrendered(street, engine, order)
            await a_while()
            assert await asyncio.to_thread(states, street) == ["done", "sent"]
            await street.mend("cash")
            await become(street, ["done", "done"])
        assert [(one.fen, one.order) for one in street.outside.cash.sent_back] == [(CASH, order.order)]
        assert street.kept_fen() == 0

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.clause("LZ-15b")
def test_cash_that_the_channel_declines_is_a_case_and_the_insurer_owes_it(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await bought(street, engine, 1)
            await street.fail("cash", "return", times=1)
            await surrendered(street, engine, order)
            await become(street, ["done", "owed"])
            counter = Counter(street.city)
            assert await asyncio.to_thread(counter.cases) == [("refund.channel_declined", True)]
        assert (street.kept_fen(), street.outside.cash.sent_back) == (CASH, [])

    street.live(story)
    assert verify(street.city) == []


def test_another_amount_than_was_asked_is_an_alarm_and_nothing_is_booked(street: Street, caplog: pytest.LogCaptureFixture) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await bought(street, engine, 1)
            await street.fail("cash", "wrong-amount")
            await surrendered(street, engine, order)

            async def alarmed() -> bool:
                return "50001 fen back for refund" in caplog.text
            await until(alarmed)
            counter = Counter(street.city)
            await until(lambda: asyncio.to_thread(lambda: counter.cases() == [("refund.channel_differs", True)]))
            assert await asyncio.to_thread(states, street) == ["done", "sent"]
            await street.mend("cash")
            await become(street, ["done", "done"])
            assert await asyncio.to_thread(counter.cases) == [("refund.channel_differs", False)]

    street.live(story)
    assert verify(street.city) == []


def test_what_the_channel_will_not_take_waits_for_a_person(street: Street) -> None:
    """By its own books everything went back before."""
    async def story(street: Street) -> None:
        counter = Counter(street.city)
        async with street.serving() as engine:
            order = await bought(street, engine, 1)
            for one in street.outside.cash._by_reference.values():
                one.back_fen = one.asked.fen
            await surrendered(street, engine, order)
            await until(lambda: asyncio.to_thread(lambda: counter.cases() == [("refund.channel_differs", True)]))
            assert await asyncio.to_thread(states, street) == ["done", "sent"]

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.clause("LZ-15a")
def test_a_part_of_a_payment_goes_back(street: Street) -> None:
    """After the start: the days left; the insurer keeps what was used."""
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await bought(street, engine, 1)
            street.city.clock.set(datetime.fromisoformat("2026-07-01T10:00:00+08:00"))
            told = await surrendered(street, engine, order, 120_395)
            assert [part.fen for part in told.parts] == [90_296, 30_099]
            await become(street, ["done", "done"])
        assert street.kept_fen() == CASH - 30_099

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.clause("LZ-15a", "LZ-14")
@pytest.mark.parametrize(("how", "state"), [("paid", "owed"), ("failed", "done")])
def test_account_money_is_seen_to_once_its_batch_was_answered(street: Street, how: str, state: str) -> None:
    counter = Counter(street.city)
    policy = counter.buys(1)
    listed = counter.lists(policy)
    counter.surrenders(policy)
    counter.answered(listed, how)  # type: ignore[arg-type]  # one of its answers

    async def story(street: Street) -> None:
        street.city.clock.advance(timedelta(hours=1))
        async with street.serving():
            async def decided() -> bool:
                return (await asyncio.to_thread(counter.refunds))[0] == ("personal", HELD, state)
            await until(decided)

    street.live(story)
