"""kill -9 of the service before and after each outside call: another process finishes, and the channel, the insurer and the books agree."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import pytest

from huibao.app import caretaker
from huibao.core.points import POINTS
from huibao.enrolment import own
from huibao.enrolment.model import OrderTold
from huibao.enrolment.purchase import TIME_TO_PAY
from huibao.gateways.cash import CashChannel
from tests.app.street import EVERY_S, LATEST_S, SECRET, Street, number, street_of, until
from tests.books import verify
from tests.journeys.office import ROOT
from tests.record.clerk import lonely

OUTSIDE_POINTS: Final = [point for point in POINTS if not point.startswith("batch.")]
#: An order costs 2,000 yuan, of which the account may pay 1,500 in a year.
HELD, CASH = 150_000, 50_000
TIMES = [1, *(pytest.param(n % 3 + 1, marks=pytest.mark.long, id=f"long-{n}") for n in range(199))]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, lonely(12)) as made:
        yield made


class Afternoon:
    """Six people bought: one is about to pay, three have paid and nobody heard, one paid too little, one never pays."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.channel = CashChannel(street.client, f"{street.url}/cash", SECRET, street.city.clock)
        self.orders: list[OrderTold] = []

    async def begin(self) -> None:
        street, code = self.street, self.street.city.code
        async with street.serving() as engine:
            self.orders = [await street.buy(engine, n) for n in range(1, 7)]
            little = await self.channel.open(code, self.orders[4].order, CASH - 1, self.pay_by)
            await street.fail("cash", "error")          # so that nothing goes back yet
            said = await engine.submit(code, *own.paid(number(self.orders[4]), CASH - 1, little.reference))
            assert said.outcome == "payment.amount_differs"
        await street.mend("cash")
        await street.fail("cash", "drop", on="notices")
        await street.pay(little.pay_url)
        for order in self.orders[1:4]:
            await street.pay((await self.channel.open(code, order.order, CASH, self.pay_by)).pay_url)
        self.street.asked.clear()
        street.city.clock.advance(caretaker.ASK_AFTER)

    @property
    def pay_by(self) -> datetime:
        [(deadline,)] = self.street.rows("SELECT DISTINCT deadline FROM orders")
        assert isinstance(deadline, datetime)
        return deadline

    async def child(self, die_at: str) -> tuple[int, str]:
        """A process of the service that dies where it is told to: its exit status and what it said."""
        street = self.street
        arguments = [street.city.url, street.city.code, street.url, street.city.clock.now().isoformat(), self.orders[0].order, str(CASH), self.pay_by.isoformat()]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.journeys.care", *arguments, cwd=ROOT, env={**os.environ, "HUIBAO_DIE_AT": die_at},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        assert process.stdout is not None
        assert process.stdin is not None
        async with asyncio.timeout(LATEST_S):
            said = (await process.stdout.read()).decode()
            status = await process.wait()
        process.stdin.close()
        return status, said

    async def finish(self) -> None:
        """Another process, for whom nothing is special."""
        street, first = self.street, self.orders[0]
        async with street.serving() as engine:
            await street.pay(await street.open(engine, first))
            for order in self.orders[:4]:
                await street.becomes(order, "completed")

            async def back() -> bool:
                return street.returned() == [("payment.amount_differs", True)]
            await until(back)
            street.city.clock.advance(TIME_TO_PAY)
            for order in self.orders[4:]:
                await street.becomes(order, "void")

            async def told() -> bool:
                return self.kept() == self.recorded()
            await until(told)

    def recorded(self) -> list[int]:
        return [seq for (seq,) in self.street.rows("SELECT seq FROM event WHERE kind = 'payment' AND outcome = 'done' ORDER BY seq")]

    def kept(self) -> list[int]:
        """What the insurer's system keeps, in the order in which it came first."""
        return [seq for _, _, seq in self.street.outside.insurers["lead"].kept]


def books(street: Street) -> dict[str, Any]:
    """Everything that is the same however often something died."""
    return {
        "orders": street.rows("SELECT state, count(*) FROM orders GROUP BY 1 ORDER BY 1"),
        "policies": street.rows("SELECT state, count(*) FROM policy GROUP BY 1 ORDER BY 1"),
        "moved": street.rows("SELECT kind, fen, count(*) FROM transfer WHERE kind <> 'funding' GROUP BY 1, 2 ORDER BY 1, 2"),
        "held": street.rows("SELECT sum(held_fen)::bigint, (SELECT sum(held_fen)::bigint FROM account_year) FROM account"),
        "payments": street.rows("SELECT outcome, count(*) FROM event WHERE kind = 'payment' GROUP BY 1 ORDER BY 1"),
        "returns": street.rows("SELECT count(*) FROM payment_return"),
        "pool": street.rows("SELECT stream, fen FROM pool_total WHERE fen > 0"),
        "kept_fen": street.kept_fen(),
        "booked_fen": street.booked_fen(),
        "opened": [len(tries) for tries in street.outside.cash._by_order.values()],
    }


WHOLE: Final = {
    "orders": [("completed", 4), ("void", 2)],
    "policies": [("in-force", 4), ("void", 2)],
    "moved": [("premium-account", HELD, 4), ("premium-cash", CASH, 4)],
    "held": [(0, 0)],
    "payments": [("done", 4), ("payment.amount_differs", 1)],
    "returns": [(1,)],
    "pool": [("premium", 4 * (HELD + CASH))],
    "kept_fen": 4 * CASH,
    "booked_fen": 4 * CASH,
    "opened": [1, 1, 1, 1, 1],
}


def test_every_outside_call_has_its_points() -> None:
    assert OUTSIDE_POINTS == ["cash.before_open", "cash.after_open", "cash.before_ask", "cash.after_ask", "cash.before_refund",
                              "cash.after_refund", "relay.before_send", "relay.after_send", "relay.after_cursor"]


#: Once in its life a process opens this payment and sends that one back: it cannot die there a second time.
ONLY_ONCE: Final = ("cash.before_open", "cash.after_open", "cash.before_refund", "cash.after_refund")


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", OUTSIDE_POINTS)
def test_the_service_is_killed_at_each_outside_call(street: Street, point: str, times: int) -> None:
    async def story(street: Street) -> None:
        afternoon = Afternoon(street)
        await afternoon.begin()
        status, said = await afternoon.child(f"{point}:{1 if point in ONLY_ONCE else times}")
        assert status == -signal.SIGKILL, said
        assert verify(street.city) == []
        await afternoon.finish()
        assert books(street) == WHOLE
        assert len(afternoon.kept()) == 4
        assert {seq for seqs in street.outside.insurers["lead"].came for seq in seqs} == set(afternoon.recorded())

    street.live(story)
    assert verify(street.city) == []


def test_a_refund_that_is_recorded_and_not_made_is_noticed(street: Street) -> None:
    """The planted fault: the record first, and then it dies. The books are silent; the channel's money says it."""
    async def story(street: Street) -> None:
        afternoon = Afternoon(street)
        await afternoon.begin()
        [(seq,)] = await asyncio.to_thread(street.rows, "SELECT seq FROM event WHERE outcome = 'payment.amount_differs'")
        await asyncio.to_thread(street.rows, "INSERT INTO payment_return VALUES (%s, '2026-03-02Z') RETURNING seq", seq)
        await afternoon.child("cash.before_ask")
        async with street.serving() as engine:
            await street.pay(await street.open(engine, afternoon.orders[0]))
            for order in afternoon.orders[:4]:
                await street.becomes(order, "completed")
        assert (street.kept_fen(), street.booked_fen(), street.refunds()) == (5 * CASH - 1, 4 * CASH, 0)

    street.live(story)
