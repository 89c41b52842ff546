"""How account money was used, while others buy: nothing seems apart, and no list ends, because of what has only begun."""

import asyncio
from datetime import date
from typing import Any

import psycopg
import pytest

from huibao.core.money import fen
from huibao.oversight import use
from huibao.oversight.model import Report, Scope
from tests.books import City, Someone, owner, small_city
from tests.database import MakeProgramme
from tests.journeys.agency import agency_city, at_work
from tests.oversight.test_account_use import DAY, bought, read, uses_of


class Busy:
    """A connection of a city where somebody buys whenever a statement is done."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], city: City) -> None:
        self._connection, self._city, self._buyers = connection, city, iter((2, 3, 4))

    async def execute(self, *asked: Any) -> Any:
        answer = await self._connection.execute(*asked)
        await asyncio.to_thread(bought, self._city, next(self._buyers), DAY)
        return answer


def test_what_is_bought_meanwhile_is_in_both_or_in_neither(programme: MakeProgramme) -> None:
    """In office hours somebody always buys: that must not look like orders and ledger apart."""
    city = small_city(programme, "xizang", [Someone(n, personal="8000") for n in range(1, 5)])
    bought(city, 1, DAY)

    async def told() -> Report:
        async with await psycopg.AsyncConnection.connect(city.url) as connection:
            await connection.execute("SELECT set_config('search_path', %s, true)", [city.schema])
            busy: Any = Busy(connection, city)
            return await use.report(busy, DAY, "product", Scope(use.end_of(DAY)))

    found = asyncio.run(told())
    assert (found.all.captured_fen, found.ledger.agrees(found.all)) == (fen("168"), True)
    assert read(city, DAY).all.captured_fen == 2 * fen("168"), "somebody did buy"


@pytest.mark.parametrize("most", [1, 2, 3])
def test_who_has_no_account_here_yet_ends_no_list(programme: MakeProgramme, most: int) -> None:
    """Where another system keeps the accounts, the first order of a buyer waits without any: what comes after it is listed too."""
    city = agency_city(programme, [Someone(n) for n in range(1, 5)])
    with at_work(city, dict.fromkeys(range(1, 5), ("8000", "0"))) as agency:
        first, waiting, last = agency.buy(1), agency.buy(2), agency.buy(4)
        agency.turn()
    with owner(city) as connection:                    # as if nobody had answered for the second buyer yet
        connection.execute("UPDATE account SET owner_id = 3 WHERE owner_id = 2")
    assert [one.order for one in uses_of(city, date(2026, 12, 31), most)] == [first, last]
    assert first < waiting < last
