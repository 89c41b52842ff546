"""Money that only asking finds, and what may not keep other orders waiting."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest

from huibao.app import caretaker, duties
from huibao.app.reviews import Reviews
from huibao.app.rosters import Runner
from huibao.enrolment.purchase import TIME_TO_PAY
from huibao.gateways.simulators.model import Said, no
from tests.app.street import EVERY_S, SECOND, Street, a_while, number, street_of, until
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


# ── one that cannot be asked about ───────────────────────────────────────────────────────────────────────────────────

def deny(street: Street, order: str) -> None:
    """The channel says no whenever it is asked about one order."""
    answer = street.outside.cash.answer

    async def denying(method: str, path: str, body: bytes) -> Said:
        return no(422, "order.odd") if method == "GET" and path.endswith(order) else await answer(method, path, body)

    setattr(street.outside.cash, "answer", denying)  # noqa: B010 - a method in a method's place


def test_an_order_that_the_channel_says_no_to_holds_up_no_other(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            odd, plain, given_up = [await street.buy(engine, n) for n in (1, 2, 3)]
            urls = [await street.open(engine, order) for order in (odd, plain, given_up)]
            deny(street, odd.order)
            token = await street.token(engine, "member", person_id=3)
            await street.send("POST", f"/orders/{given_up.order}/cancellation", token, headers={"Idempotency-Key": "give-it-up"})
            await street.pay(urls[2])
            await street.fail("cash", "drop", on="notices")
            await street.pay(urls[1])
            street.city.clock.advance(LONG_ENOUGH)
            await street.becomes(plain, "completed")

            async def back() -> bool:
                return street.returned() == [("payment.not_awaited", True)]
            await until(back)
            assert (street.state(odd), number(odd)) == ("awaiting-payment", number(odd))

    street.live(story)
    assert verify(street.city) == []


def test_a_payment_of_an_order_given_up_is_found_after_days_without_a_caretaker(street: Street) -> None:
    """Paid, nobody heard of it, given up, and then the service is down for days: the money goes back when it is there again."""
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            url = await street.open(engine, order)
            await street.fail("cash", "drop", on="notices")
            await street.pay(url)
            token = await street.token(engine, "member", person_id=1)
            assert (await street.send("POST", f"/orders/{order.order}/cancellation", token, headers={"Idempotency-Key": "no-longer"})).is_success
        assert street.kept_fen() == CASH
        street.city.clock.advance(timedelta(days=3))
        async with street.serving():
            async def back() -> bool:
                return street.kept_fen() == 0 and street.rows("SELECT FROM orders WHERE deadline IS NOT NULL") == []
            await until(back)
            asked = len(street.asked)
            await a_while()
            assert len(street.asked) == asked, "once it was answered it is not asked about again"

    street.live(story)
    assert verify(street.city) == []


def test_a_payment_of_an_order_given_up_is_found_without_its_notice(street: Street) -> None:
    """A notice only brings forward what `ask` would tell, also of an order that is void."""
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            url = await street.open(engine, order)
            token = await street.token(engine, "member", person_id=1)
            await street.send("POST", f"/orders/{order.order}/cancellation", token, headers={"Idempotency-Key": "give-it-up"})
            await street.fail("cash", "drop", on="notices")
            paid = await street.client.post(url)           # 409 would do as well: the till is closed when the order is given up
            assert paid.status_code in {200, 409}
            street.city.clock.advance(TIME_TO_PAY + SECOND_S)          # the till is closed now

            async def back() -> bool:
                return street.kept_fen() == 0
            await until(back)

    street.live(story)


# ── a duty that fails ────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_duty_that_always_fails_stops_no_other(street: Street, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("never mind")

    monkeypatch.setattr(Reviews, "look_after", broken)
    monkeypatch.setattr(Runner, "turn", broken)

    async def story(street: Street) -> None:
        async with street.serving() as engine:
            order = await street.buy(engine, 1)
            url = await street.open(engine, order)
            await street.fail("cash", "drop", on="notices")
            await street.pay(url)
            street.city.clock.advance(LONG_ENOUGH)
            await street.becomes(order, "completed")
        assert "reviews failed: KeyError at broken:" in caplog.text
        assert "rosters failed: KeyError at broken:" in caplog.text
        assert "begins again" not in caplog.text, "the others did not notice"

    street.live(story)


def test_a_hundred_orders_that_wait_keep_no_later_one_waiting(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time here: the channel says no to the first two whenever it is asked."""
    monkeypatch.setattr(duties.Round.__init__, "__defaults__", (2,))

    async def story(street: Street) -> None:
        async with street.serving() as engine:
            orders = [await street.buy(engine, n) for n in (1, 2, 3)]
            urls = [await street.open(engine, order) for order in orders]
            for order in orders[:2]:
                deny(street, order.order)
            await street.fail("cash", "drop", on="notices")
            await street.pay(urls[2])
            street.city.clock.advance(LONG_ENOUGH)
            await street.becomes(orders[2], "completed")

    street.live(story)
