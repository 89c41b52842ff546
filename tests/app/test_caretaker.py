"""What the service does by itself, with the outside systems over loopback: payments found, given up, sent back; insurers told."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import msgspec
import psycopg
import pytest

from huibao.app import caretaker
from huibao.app.reviews import Reviews
from huibao.catalogue.model import Programme
from huibao.enrolment.purchase import TIME_TO_PAY
from huibao.gateways.cash import CashChannel
from huibao.record.model import untold
from huibao.verify.checks import GRACE
from tests.app.street import EVERY_S, SECOND, SECRET, Street, a_while, street_of, until
from tests.books import verify
from tests.record.clerk import lonely

#: An order costs 2,000 yuan, of which the account may pay 1,500 in a year.
HELD, CASH = 150_000, 50_000
LONG_ENOUGH: Final = caretaker.ASK_AFTER
SECOND_S: Final = timedelta(seconds=1)
FREE: Final = "SELECT held_fen, (SELECT sum(held_fen) FROM account_year) FROM account WHERE owner_id = 1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, lonely(20), sold={SECOND: "second"}) as made:
        yield made


# ── payments ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_payment_whose_notice_was_lost_is_found_by_asking(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            url = await street.open(engine, order)
            await street.fail("cash", "drop", on="notices")
            await street.pay(url)
            street.city.clock.advance(LONG_ENOUGH - SECOND_S)
            await a_while()
            assert street.state(order) == "awaiting-payment"
            street.city.clock.advance(SECOND_S)
            await street.becomes(order, "completed")
        assert street.kept_fen() == street.booked_fen() == CASH

    street.live(story)
    assert verify(street.city) == []


def test_what_is_not_paid_in_time_is_given_up_and_its_money_free(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            opened, never = await street.buy(engine, 1), await street.buy(engine, 2)
            await street.open(engine, opened)
            assert street.rows(FREE) == [(HELD, 2 * HELD)]
            street.city.clock.advance(TIME_TO_PAY - SECOND_S)
            await a_while()
            assert [street.state(order) for order in (opened, never)] == ["awaiting-payment"] * 2
            street.city.clock.advance(SECOND_S)
            await street.becomes(opened, "void")
            await street.becomes(never, "void")
            assert street.rows(FREE) == [(0, 0)]
            assert (await street.buy(engine, 1)).account_fen == HELD
        assert street.kept_fen() == street.booked_fen() == 0

    street.live(story)
    assert verify(street.city) == []


def test_a_payment_of_an_order_that_was_given_up_goes_back_once(street: Street) -> None:
    """The buyer gives up and pushes the till's button all the same; the notice comes twice."""
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            url = await street.open(engine, order)
            token = await street.token(engine, "member", person_id=1)
            given_up = await street.send("POST", f"/orders/{order.order}/cancellation", token, headers={"Idempotency-Key": "give-it-up"})
            assert given_up.json()["state"] == "void"
            await street.fail("cash", "duplicate", on="notices")
            await street.pay(url)

            async def back() -> bool:
                return street.returned() == [("payment.not_awaited", True)]
            await until(back)
            await a_while()
        assert (street.kept_fen(), street.booked_fen(), street.refunds()) == (0, 0, 1)

    street.live(story)
    assert verify(street.city) == []


def test_a_payment_that_is_found_after_the_deadline_goes_back(street: Street) -> None:
    """Paid in time, nobody heard of it, and then it was too late: money back, order void."""
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            url = await street.open(engine, order)
        await street.pay(url)
        street.city.clock.advance(TIME_TO_PAY)
        async with street.serving():
            await street.becomes(order, "void")
        assert street.returned() == [("payment.not_awaited", True)]
        assert (street.kept_fen(), street.booked_fen(), street.refunds()) == (0, 0, 1)
        assert street.rows(FREE) == [(0, 0)]

    street.live(story)
    assert verify(street.city) == []


def test_another_amount_than_is_due_goes_back_and_the_order_can_be_paid(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            channel = CashChannel(street.client, f"{street.url}/cash", SECRET, street.city.clock)
            wrong = await channel.open(street.city.code, order.order, CASH - 1, None)
            await street.pay(wrong.pay_url)

            async def back() -> bool:
                return street.returned() == [("payment.amount_differs", True)]
            await until(back)
            assert (street.state(order), street.kept_fen()) == ("awaiting-payment", 0)
            await street.pay(await street.open(engine, order))
            await street.becomes(order, "completed")
        assert street.kept_fen() == street.booked_fen() == CASH

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.parametrize("kind", ["error", "half-answer", "wrong-signature"])
def test_while_the_channel_is_down_everything_waits(street: Street, kind: str) -> None:
    """Neither what was paid nor what is over is decided without the channel's word; afterwards nothing was lost."""
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            paid, unpaid, late = [await street.buy(engine, n) for n in (1, 2, 3)]
            urls = [await street.open(engine, order) for order in (paid, unpaid, late)]
            await street.fail("cash", "drop", on="notices")
            await street.pay(urls[0])
            await street.fail("cash", kind)
            street.city.clock.advance(LONG_ENOUGH)
            await a_while()
            assert [street.state(order) for order in (paid, unpaid, late)] == ["awaiting-payment"] * 3
            await street.mend("cash")
            await street.becomes(paid, "completed")

            await street.fail("cash", "drop", on="notices")
            await street.fail("cash", kind)            # before it is paid: whoever may be asked about is asked about all the time
            await street.pay(urls[2])
            street.city.clock.advance(TIME_TO_PAY)
            await a_while()
            assert [street.state(order) for order in (unpaid, late)] == ["awaiting-payment"] * 2
            await street.mend("cash")
            await street.becomes(unpaid, "void")
            await street.becomes(late, "void")
        assert street.returned() == [("payment.not_awaited", True)]
        assert street.kept_fen() == street.booked_fen() == CASH

    street.live(story)
    assert verify(street.city) == []


def test_a_refund_that_is_declined_is_tried_again_and_named(street: Street, caplog: pytest.LogCaptureFixture) -> None:
    """The notice names more than was paid: so much cannot go back, and a person has to look."""
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            url = await street.open(engine, order)
            await street.fail("cash", "wrong-amount", on="notices", times=1)
            await street.pay(url)

            async def tried() -> bool:
                return street.refunds() > 2
            await until(tried)
            assert street.returned() == [("payment.amount_differs", False)]
            at = street.city.clock.now()
            assert verify(street.city, at + GRACE) == []
            [named] = verify(street.city, at + GRACE + SECOND_S)
            assert "was not taken, and has not gone back" in named
            # The channel is told what to do by its people: then it takes the refund, and nothing is left to name.
            [opened] = street.outside.cash._by_order[street.city.code, order.order]
            opened.asked = msgspec.structs.replace(opened.asked, fen=CASH + 1)

            async def back() -> bool:
                return street.returned() == [("payment.amount_differs", True)]
            await until(back)
            assert verify(street.city, at + GRACE + SECOND_S) == []

    street.live(story)
    declined = [record.getMessage() for record in caplog.records if "declines to send" in record.getMessage()]
    assert declined != []
    assert set(declined) == {f"{street.city.code}: the channel declines to send the payment of event 2 back"}


# ── whose turn it is ─────────────────────────────────────────────────────────────────────────────────────────────────

TURNS: Final = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"


def holders(street: Street) -> list[int]:
    return [pid for (pid,) in street.rows(TURNS)]


async def taken(street: Street, had: int | None = None) -> int:
    """Who has the turn, once somebody has it, other than who had it."""
    async def another() -> bool:
        return holders(street) not in ([], [had])
    await until(another)
    return holders(street)[0]


def test_one_of_two_processes_has_the_turn_and_the_other_takes_over(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as first:
            async def begun() -> bool:
                return len(holders(street)) == 1
            await until(begun)
            had = holders(street)
            second = street.engine()
            await second.start()
            await a_while()
            assert holders(street) == had
            order = await street.buy(first, 1)
            await street.fail("cash", "drop", on="notices")
            await street.pay(await street.open(second, order))
        try:
            street.city.clock.advance(LONG_ENOUGH)
            await street.becomes(order, "completed")
            assert len(holders(street)) == 1
            assert holders(street) != had
        finally:
            await second.stop()

    street.live(story)
    assert verify(street.city) == []


def test_a_turn_that_the_database_took_away_is_taken_again(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            await street.fail("cash", "drop", on="notices")
            await street.pay(await street.open(engine, order))
            had = await taken(street)
            with psycopg.connect(street.city.url) as connection:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'huibao caretaker'")
            street.city.clock.advance(LONG_ENOUGH)
            await street.becomes(order, "completed")
            await taken(street, had)                   # a payment that was asked about just then may be faster

    street.live(story)
    assert verify(street.city) == []


def test_a_duty_that_misses_its_cancellation_keeps_no_turn_from_being_taken_again(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    resting, missed = asyncio.Event(), asyncio.Event()

    async def deaf(_: Reviews, __: Programme) -> None:
        # As a wait with a time limit does on Python 3.11, now and then.
        resting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            missed.set()

    async def story(street: Street) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Reviews, "look_after", deaf)
            async with street.serving():
                await resting.wait()
                [had] = holders(street)
                with psycopg.connect(street.city.url) as connection:
                    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'huibao caretaker'")
                await missed.wait()
                await taken(street, had)

    street.live(story)


# ── insurers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def kept(street: Street, insurer: str) -> list[int]:
    """What an insurer's system keeps, in the order in which it came first."""
    return [seq for test, _, seq in street.outside.insurers[insurer].kept if test is None]


def test_an_insurer_is_told_in_order_at_least_once_whatever_happens(street: Street) -> None:
    async def story(street: Street) -> None:
        for kind in ("error", "half-answer", "wrong-signature", "wrong-digest"):
            await street.fail("insurer-lead", kind, per_mille=300, seed=len(kind))
        async with street.serving() as engine:
            for buyer in range(1, 13):
                order = await street.buy(engine, buyer)
                await street.pay(await street.open(engine, order))
                await street.becomes(order, "completed")
            await street.mend("insurer-lead")
            told = [seq for seq, policy in street.rows("SELECT seq, kind FROM event WHERE outcome = 'done' ORDER BY seq") if policy == "payment"]

            async def complete() -> bool:
                return kept(street, "lead") == told
            await until(complete)
        lead = street.outside.insurers["lead"]
        assert len(told) == 12
        assert [one.policies[0].state for one in lead.kept.values()] == ["in-force"] * 12
        assert sum(map(len, lead.came)) > 12, "nothing came twice: the faults did not strike"
        assert kept(street, "second") == []

    street.live(story)
    assert verify(street.city) == []


def test_an_insurer_that_is_down_delays_only_itself(street: Street) -> None:
    async def story(street: Street) -> None:
        await street.fail("insurer-lead", "delay", ms=1_500)
        async with street.serving() as engine:
            orders = [await street.buy(engine, 1), await street.buy(engine, 2, product=SECOND)]
            for order in orders:
                await street.pay(await street.open(engine, order))
                await street.becomes(order, "completed")

            async def told() -> bool:
                return street.rows("SELECT destination FROM outbox_cursor WHERE seq >= 4") == [("insurer:second",)]
            await until(told)
            assert (kept(street, "second"), kept(street, "lead")) == ([4], [3])
            # Payments go on too while it is waited for.
            await street.fail("cash", "drop", on="notices")
            third = await street.buy(engine, 3)
            await street.pay(await street.open(engine, third))
            street.city.clock.advance(LONG_ENOUGH)
            await street.becomes(third, "completed")
            await street.mend("insurer-lead")

            async def both() -> bool:
                return len(kept(street, "lead")) == 2
            await until(both)

    street.live(story)
    assert verify(street.city) == []


# ── the connection test ──────────────────────────────────────────────────────────────────────────────────────────────

FAULTS: Final = ["error", "half-answer", "wrong-signature", "wrong-digest", "any-signature", "any-product", "forgetful", "stubborn"]


@pytest.mark.clause("XZ-6")
@pytest.mark.parametrize("kind", FAULTS)
def test_what_an_insurers_system_gets_wrong_stops_its_sales(street: Street, kind: str) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            administrator = await street.token(engine, "administrator")
            path = "/insurers/lead/connection-tests"

            async def tried() -> Any:
                answer = await street.send("POST", path, administrator)
                assert answer.status_code == 201
                return answer.json()

            await street.fail("insurer-lead", kind)
            failed = await tried()
            assert failed["passed"] is False
            assert any("未通过" in line for line in failed["lines"])
            answer = await street.ask(engine, 1)
            refused = untold(answer.body)
            assert (refused.code, refused.clause) == ("product.not_connected", "XZ-6")
            assert (await street.buy(engine, 2, product=SECOND)).state == "awaiting-payment"

            await street.mend("insurer-lead")
            passed = await tried()
            assert (passed["passed"], [line for line in passed["lines"] if "未通过" in line]) == (True, [])
            assert (await street.buy(engine, 1)).state == "awaiting-payment"
            bureau = await street.token(engine, "bureau")
            tests = (await street.send("GET", path, bureau)).json()["tests"]
            assert [test["passed"] for test in tests] == [True, False, True]

    street.live(story)
    assert verify(street.city) == []


def test_an_insurer_without_an_address_or_a_product_cannot_be_tried(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            administrator = await street.token(engine, "administrator")
            for insurer in ("third", "nobody"):
                answer = await street.send("POST", f"/insurers/{insurer}/connection-tests", administrator)
                assert (answer.status_code, answer.json()["code"]) == (422, "insurer.not_connected")

    street.live(story)
