"""What the service does about remittances by itself: makes the batches that the schedule asks for, tells the bank, and asks it.

Like the other duties it reads rows that are there already, and every step may be done twice: a day of the schedule is one request, a
batch one reference at the bank, which is asked before anything is told again.
"""

import logging
from typing import Any, Final

from huibao.catalogue.model import Programme
from huibao.core.batcher import TurnedAway
from huibao.core.points import reached
from huibao.core.sealing import Place, open_sealed, unwrap_row_key
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Texts
from huibao.gateways.bank import BankRefused, BankUnreachable, Paid, Payout, PayoutBank, PayoutState
from huibao.record.lane import CommandFailed
from huibao.record.model import DONE, Request
from huibao.remittance import own
from huibao.remittance.accounts import TABLE
from huibao.remittance.schedule import latest_due, start_of
from huibao.scheme.model import REMITTING, in_force
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")
_SQL: Final = sqlfile.load("huibao.remittance")

MOST: Final = 100


class Remitting:
    """The duties of one process about remittances, while it has the turn."""

    def __init__(self, engine: Engine, bank: PayoutBank) -> None:
        self._engine = engine
        self._bank = bank
        self._after: dict[str, int] = {}

    async def look_after(self, programme: Programme) -> None:
        """One turn. What is the matter with one duty keeps the other not waiting."""
        for duty in (self.make, self.send):
            try:
                await duty(programme)
            except (BankUnreachable, TurnedAway, CommandFailed) as failure:
                _LOG.warning("%s: remittances wait, %s: %s", programme.code, duty.__name__, type(failure).__name__)

    async def make(self, programme: Programme) -> None:
        """Makes the batches of the schedule's latest day, where it is not done: also one that was missed while nobody served."""
        today = business_date(self._engine.clock.now())
        day = latest_due(in_force(programme.scheme.remittance, today) or REMITTING, today)
        if day is None:
            return
        shelf = await self._engine.shelf(programme.code)
        async with self._engine.reading(programme.code) as connection:
            given = {"day": day, "until": start_of(day), "products": Texts(sorted(shelf.offers))}
            rows = await (await connection.execute(_SQL["not_run"], given)).fetchall()
        for (product,) in rows:
            answer = await self._submit(programme, own.due(product, day))
            if answer != DONE:
                _LOG.warning("%s: no batch of %s is made for %s: %s", programme.code, product, day, answer)

    async def send(self, programme: Programme) -> None:
        """Tells the bank of batches that are listed, and asks about those that it was told of."""
        async with self._engine.reading(programme.code) as connection:
            given = {"after": self._after.get(programme.code, 0), "most": MOST}
            rows = await (await connection.execute(_SQL["on_their_way"], given)).fetchall()
        # Round and round: a hundred that the bank is silent about keep no later one waiting.
        self._after[programme.code] = rows[-1][0] if len(rows) == MOST else 0
        for id, product, insurer, account, fen, waiting_fen, state, wrapped, number in rows:
            reference = f"{programme.code}-remittance-{id}"
            place = Place(programme.code, TABLE, account, "wrapped")
            key = unwrap_row_key(self._engine.keyring, place, bytes(wrapped))
            to = open_sealed(key, bytes(number), place._replace(column="number")).decode()
            payout = Payout(reference, programme.code, product, f"insurer:{insurer}", to, fen, "clearing")
            try:
                if state == "listed" and await self._submit(programme, own.sent(id)) != DONE:
                    continue
                await self._pay(programme, id, payout, waiting_fen, is_new=state == "listed")
            except (BankRefused, TurnedAway, CommandFailed) as failure:
                _LOG.error("%s: remittance %s waits: %s", programme.code, id, failure)

    async def _pay(self, programme: Programme, id: int, payout: Payout, waiting_fen: int, is_new: bool) -> None:
        """What was told before is asked about first; what the bank says it paid is taken as said, and compared there."""
        standing: PayoutState = "unknown" if is_new else await self._ask(payout.reference)
        if standing == "unknown":
            reached("remittance.before_pay")
            await self._bank.pay(payout)
            reached("remittance.after_pay")
            standing = await self._ask(payout.reference)
        if isinstance(standing, Paid):
            await self._submit(programme, own.paid(id, standing.fen, waiting_fen))
        elif standing == "returned":
            await self._submit(programme, own.returned(id))

    async def _ask(self, reference: str) -> PayoutState:
        reached("remittance.before_ask")
        standing = await self._bank.ask(reference)
        reached("remittance.after_ask")
        return standing

    async def _submit(self, programme: Programme, request: Request[Any]) -> str:
        """What came of a command: done, or a refusal's code."""
        return (await self._engine.submit(programme.code, *request)).outcome
