"""What the service does about renewal by itself: asks buyers of policies that are about to end, and asks again on the scheme's days.

It proposes and reminds. Nothing here buys, and nothing that it submits can move or set aside money.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from huibao.catalogue.model import Programme, Shelf
from huibao.core.batcher import TurnedAway
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.record.lane import CommandFailed
from huibao.record.model import Request
from huibao.renewal import own
from huibao.renewal.state import successor
from huibao.scheme.afterwards import RENEWAL
from huibao.scheme.model import in_force
from huibao.web.engine import Engine

SQL: Final = sqlfile.load("huibao.renewal")
MOST: Final = 100

_LOG: Final = logging.getLogger("huibao.caretaker")


class Renewals:
    """The duties of one process about renewal, while it has the turn."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._after: dict[str, tuple[date, tuple[str, ...], int]] = {}

    async def look_after(self, programme: Programme) -> None:
        """One turn."""
        await self.propose(programme)
        await self.remind(programme)

    async def propose(self, programme: Programme) -> None:
        """Asks the next hundred buyers of policies that end. Each day, and when more is on sale, the list is gone through once."""
        on = business_date(self._engine.clock.now())
        products = ending(programme, await self._engine.shelf(programme.code), on)
        if not products:
            return
        day, before, after = self._after.get(programme.code, (on, products, 0))
        reached = after if (day, before) == (on, products) else 0
        async with self._engine.reading(programme.code) as connection:
            given = {"buyer": reached, "products": list(products), "most": MOST}
            rows = await (await connection.execute(SQL["to_propose"], given)).fetchall()
        if await self._submit(programme, [own.proposed(buyer, orders, on) for buyer, orders in rows]):
            self._after[programme.code] = (on, products, rows[-1][0] if rows else reached)

    async def remind(self, programme: Programme) -> None:
        """Asks again where the day has come."""
        on = business_date(self._engine.clock.now())
        async with self._engine.reading(programme.code) as connection:
            rows = await (await connection.execute(SQL["to_remind"], {"on": on, "most": MOST})).fetchall()
        await self._submit(programme, [own.reminded(buyer, orders, on) for buyer, orders in rows])

    async def _submit(self, programme: Programme, requests: Sequence[Request[Any]]) -> bool:
        """Whether all were answered; who was not is found again."""
        answers = await asyncio.gather(*(self._engine.submit(programme.code, *request, "import") for request in requests),
                                       return_exceptions=True)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        for failure in failures:
            if not isinstance(failure, TurnedAway | CommandFailed):
                raise failure
        if failures:
            _LOG.warning("%s: %s buyers wait to be asked, %s", programme.code, len(failures), type(failures[0]).__name__)
        return not failures


def ending(programme: Programme, shelf: Shelf, on: date) -> tuple[str, ...]:
    """Products whose policies end soon, or have ended lately, while their next year is on sale."""
    rule = in_force(programme.scheme.renewal, on) or RENEWAL
    return tuple(sorted(
        product for product, offer in shelf.offers.items()
        if offer.plan.valid_to - timedelta(days=rule.remind_days[0]) <= on <= offer.plan.valid_to + timedelta(days=rule.gap_days)
        and successor(shelf, product, on) is not None))
