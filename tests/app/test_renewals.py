"""What the service does about renewal by itself: everybody is asked once, again on the last day, and nobody buys."""

from datetime import UTC, date, datetime

import pytest

from huibao.app import caretaker, renewals
from tests.app.street import EVERY_S, Street, a_while, street_of, until
from tests.books import owner, put_on_sale, verify
from tests.record.clerk import lonely
from tests.renewal.years import following

DECEMBER, LAST = datetime(2026, 12, 2, 4, tzinfo=UTC), datetime(2026, 12, 24, 4, tzinfo=UTC)


@pytest.mark.clause("SY-3.7")
def test_everybody_is_asked_and_nobody_charged(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven policies end, three are looked at in a turn; the service dies in between and goes on."""
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)
    monkeypatch.setattr(renewals, "MOST", 3)
    with street_of(pg_url, lonely(7), premium="100") as street:
        with owner(street.city) as connection:
            put_on_sale(street.city, connection, following(street.city.plan, "next", premium="120"), date(2026, 11, 1), date(2027, 3, 31))

        async def asked(street: Street, times: int) -> bool:
            return street.rows("SELECT count(*) FROM notice") == [(7 * times,)]

        async def story(street: Street) -> None:
            async with street.serving() as engine:
                for buyer in range(1, 8):
                    await street.buy(engine, buyer)
                before = street.rows("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM hold), (SELECT count(*) FROM transfer)")
                await a_while()
                assert street.rows("SELECT count(*) FROM renewal") == [(0,)]
                street.city.clock.set(DECEMBER)
                await until(lambda: asked(street, 1))
            street.city.clock.set(LAST)
            async with street.serving():
                await until(lambda: asked(street, 2))
                await a_while()
            assert street.rows("SELECT state, remind_on, count(*) FROM renewal GROUP BY 1, 2") == [("open", None, 7)]
            assert street.rows("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM hold), (SELECT count(*) FROM transfer)") == before

        street.live(story)
        assert verify(street.city) == []
