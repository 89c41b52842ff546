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
from tests.app.clinic import CONFIRM, Clinic, clinic_of
from tests.app.street import EVERY_S, LATEST_S, SECRET, Street, number, street_of, until
from tests.books import owner, verify
from tests.journeys.office import ROOT
from tests.record.clerk import lonely
from tests.settlement.rounds import insure
from tests.settlement.ward import BILLED, found_hospitals

#: Those of rosters, remittances, refunds and accounts kept elsewhere are killed at in tests of their own.
OUTSIDE_POINTS: Final = [
    point for point in POINTS if not point.startswith(("batch.", "roster.", "remittance.", "refund.", "accounts."))]
#: An order costs 2,000 yuan, of which the account may pay 1,500 in a year.
HELD, CASH = 150_000, 50_000
#: Of 30,000 yuan in scope (30000 − 8000) × 30% are paid. Three people's hospital says nothing, three are paid themselves.
PAYS: Final = 660_000
UNCONFIRMED, UNPAID = (7, 8, 9), (10, 11, 12)
TIMES = [1, *(pytest.param(n % 3 + 1, marks=pytest.mark.long, id=f"long-{n}") for n in range(199))]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, lonely(12)) as made:
        with owner(made.city) as connection:
            found_hospitals(made.city, connection)
        insure(made.city, *((n,) for n in (*UNCONFIRMED, *UNPAID)))
        made.city.clock.set(BILLED)
        yield made


class Afternoon:
    """Six people bought: one is about to pay, three have paid and nobody heard, one paid too little, one never pays.

    Six more were in hospital: three offers were deducted and never confirmed, three people are owed money and a word, and the
    co-insurers' parts were called in twice.
    """

    def __init__(self, street: Street) -> None:
        self.street = street
        self.channel = CashChannel(street.client, f"{street.url}/cash", SECRET, street.city.clock)
        self.orders: list[OrderTold] = []

    async def begin(self) -> None:
        street, code = self.street, self.street.city.code
        async with clinic_of(street) as clinic:
            await self.settle(clinic)
            engine = clinic.engine
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

    async def settle(self, clinic: Clinic) -> None:
        for n in UNPAID:
            clinic.phone(n, f"138000000{n:02}")
            await clinic.agree(n)
            await clinic.withdraw(await clinic.settle(n, f"S{n}", in_scope="30000"))
            if n != UNPAID[1]:
                await clinic.call()
        for n in UNCONFIRMED:
            await clinic.settle(n, f"S{n}", in_scope="30000")
            self.street.outside.hospitals["H1"].remember(self.street.city.code, f"S{n}", "deducted", PAYS)
        self.street.city.clock.advance(CONFIRM)

    @property
    def pay_by(self) -> datetime:
        [(deadline,)] = self.street.rows("SELECT deadline FROM orders WHERE id = %s", number(self.orders[0]))
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
                return self.kept() == self.recorded() and books(street)["claims"] == WHOLE["claims"]
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
        "pool": street.rows("SELECT stream, fen FROM pool_total WHERE fen > 0 ORDER BY 1"),
        "claims": [street.rows(f"SELECT {columns}, count(*) FROM {table} GROUP BY {columns}")[0] for table, columns in STATES],  # noqa: S608
        "paid": [one.fen for one in street.outside.bank.paid],
        "received": sorted(one.fen for one in street.outside.bank.received),
        "told": sorted(one.phone for one in street.outside.notices.sent),
        "kept_fen": street.kept_fen(),
        "booked_fen": street.booked_fen(),
        "opened": [len(tries) for tries in street.outside.cash._by_order.values()],
    }


#: What there is of claims, all of it in one state in the end.
STATES: Final = (("settlement", "state"), ("payout", "state"), ("recovery", "state"), ("notice", "sent_at IS NOT NULL, declined"))
#: The co-insurers' parts of 6,600 yuan, and of 13,200 more.
PARTS: Final = [165_000, 231_000, 330_000, 462_000]

WHOLE: Final = {
    "orders": [("completed", 10), ("void", 2)],
    "policies": [("in-force", 10), ("void", 2)],
    "moved": [("advance-repaid", fen, 1) for fen in PARTS] + [("claim-advanced", PAYS, 3), ("claim-incurred", PAYS, 6), ("claim-paid", PAYS, 3)]
             + [("claim-recovered", fen, 1) for fen in PARTS] + [("premium-account", HELD, 10), ("premium-cash", CASH, 10)],
    "held": [(0, 0)],
    "payments": [("done", 10), ("payment.amount_differs", 1)],
    "returns": [(1,)],
    "pool": [("claim", 6 * PAYS), ("premium", 10 * (HELD + CASH))],
    "claims": [("confirmed", 6), ("paid", 3), ("received", 4), (True, False, 3)],
    "paid": [PAYS] * 3,
    "received": PARTS,
    "told": ["13800000010", "13800000011", "13800000012"],
    "kept_fen": 4 * CASH,
    "booked_fen": 10 * CASH,
    "opened": [1, 1, 1, 1, 1],
}


def test_every_outside_call_has_its_points() -> None:
    assert OUTSIDE_POINTS == ["cash.before_open", "cash.after_open", "cash.before_ask", "cash.after_ask", "cash.before_refund",
                              "cash.after_refund", "relay.before_send", "relay.after_send", "relay.after_cursor",
                              "hospital.before_ask", "hospital.after_ask", "bank.before_pay", "bank.after_pay", "bank.before_ask", "bank.after_ask",
                              "bank.before_collect", "bank.after_collect", "notice.before_send", "notice.after_send"]


#: Once in its life a process opens this payment and sends that one back: it cannot die there a second time.
ONLY_ONCE: Final = ("cash.before_open", "cash.after_open", "cash.before_refund", "cash.after_refund")


@pytest.mark.clause("LZ-10", "XJ-2.3")
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
        assert len(afternoon.kept()) == 10
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
        assert (street.kept_fen(), street.booked_fen(), street.refunds()) == (5 * CASH - 1, 10 * CASH, 0)

    street.live(story)
