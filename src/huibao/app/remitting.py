"""What the service does about remittances by itself: makes the batches that the schedule asks for, tells the bank, and asks it.

Like the other duties it reads rows that are there already, and every step may be done twice: a day of the schedule is one request, a
batch one reference at the bank, which is asked before anything is told again.
"""

import logging
from typing import Final

from huibao.app.duties import Apart, Round, lost, one
from huibao.catalogue.model import Programme
from huibao.core.points import reached
from huibao.core.sealing import Place, open_sealed, unwrap_row_key
from huibao.core.time import business_date
from huibao.db.arrays import Texts
from huibao.gateways.bank import Paid, Payout, PayoutBank, PayoutState
from huibao.record.model import DONE
from huibao.remittance import own
from huibao.remittance.accounts import TABLE
from huibao.remittance.schedule import latest_due, start_of
from huibao.remittance.work import SQL
from huibao.scheme.model import REMITTING, in_force
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")


class Remitting:
    """The duties of one process about remittances, while it has the turn."""

    def __init__(self, engine: Engine, bank: PayoutBank) -> None:
        self._engine = engine
        self._bank = bank
        self._round = Round(engine)

    async def look_after(self, programme: Programme) -> None:
        """One turn. What is the matter with one duty keeps the other not waiting."""
        for duty in (self.make, self.send):
            with Apart(programme.code, f"remittances, {duty.__name__}", ends=lost):
                await duty(programme)

    async def make(self, programme: Programme) -> None:
        """Makes the batches of the schedule's latest day, where it is not done: also one that was missed while nobody served."""
        today = business_date(self._engine.clock.now())
        day = latest_due(in_force(programme.scheme.remittance, today) or REMITTING, today)
        if day is None:
            return
        shelf = await self._engine.shelf(programme.code)
        async with self._engine.reading(programme.code) as connection:
            given = {"day": day, "until": start_of(day), "products": Texts(sorted(shelf.offers))}
            rows = await (await connection.execute(SQL["not_run"], given)).fetchall()
        for (product,) in rows:
            answer = await one(self._engine, programme, f"the batch of {product} for {day}", own.due(product, day))
            if answer is not None and answer.outcome != DONE:
                _LOG.warning("%s: no batch of %s is made for %s: %s", programme.code, product, day, answer.outcome)

    async def send(self, programme: Programme) -> None:
        """Tells the bank of batches that are listed, and asks about those that it was told of."""
        async for id, *row in self._round.each(programme, SQL["on_their_way"]):
            with Apart(programme.code, f"remittance {id}"):
                await self._see_to(programme, id, *row)

    async def _see_to(
        self, programme: Programme, id: int, product: str, insurer: str, account: int, fen: int, waiting_fen: int, state: str,
        wrapped: bytes, number: bytes,
    ) -> None:
        place = Place(programme.code, TABLE, account, "wrapped")
        key = unwrap_row_key(self._engine.keyring, place, bytes(wrapped))
        to = open_sealed(key, bytes(number), place._replace(column="number")).decode()
        payout = Payout(f"{programme.code}-remittance-{id}", programme.code, product, f"insurer:{insurer}", to, fen, "clearing")
        if state == "listed" and (await self._engine.submit(programme.code, *own.sent(id))).outcome != DONE:
            return
        await self._pay(programme, id, payout, waiting_fen, is_new=state == "listed")

    async def _pay(self, programme: Programme, id: int, payout: Payout, waiting_fen: int, is_new: bool) -> None:
        """What was told before is asked about first; what the bank says it paid is taken as said, and compared there."""
        standing: PayoutState = "unknown" if is_new else await self._ask(payout.reference)
        if standing == "unknown":
            reached("remittance.before_pay")
            await self._bank.pay(payout)
            reached("remittance.after_pay")
            standing = await self._ask(payout.reference)
        if isinstance(standing, Paid):
            await self._engine.submit(programme.code, *own.paid(id, standing.fen, waiting_fen))
        elif standing == "returned":
            await self._engine.submit(programme.code, *own.returned(id))

    async def _ask(self, reference: str) -> PayoutState:
        reached("remittance.before_ask")
        standing = await self._bank.ask(reference)
        reached("remittance.after_ask")
        return standing
