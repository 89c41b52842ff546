"""What the service does about refunds by itself: finishes what a batch was answered for, and sends cash back by its channel."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from huibao.catalogue.model import Programme
from huibao.core.batcher import TurnedAway
from huibao.core.points import reached
from huibao.core.time import business_date
from huibao.gateways.cash import CashChannel, ChannelRefused, ChannelUnreachable, PartRefund, RefundState, SentBack
from huibao.policies.numbers import order_number, refund_number
from huibao.record.lane import CommandFailed
from huibao.record.model import Request
from huibao.refunds import own
from huibao.refunds.loading import SQL
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")

MOST: Final = 100


class Refunds:
    """The duties of one process about refunds, while it has the turn. They read rows that are there, and each step may be done twice."""

    def __init__(self, engine: Engine, cash: CashChannel) -> None:
        self._engine = engine
        self._cash = cash
        self._after: dict[tuple[str, str], int] = {}

    async def look_after(self, programme: Programme) -> None:
        """One turn. What is the matter with the channel keeps no account waiting."""
        await self.resolve(programme)
        try:
            await self.send(programme)
        except ChannelUnreachable as failure:
            _LOG.warning("%s: refunds wait, %s", programme.code, type(failure).__name__)

    async def resolve(self, programme: Programme) -> None:
        """Account money whose batch was answered: taken back by the agency, or owed by the insurer from now on."""
        on = business_date(self._engine.clock.now())
        for id, line, remittance in await self._waiting(programme, "to_resolve"):
            await self._one(programme, id, own.resolved(id, line, remittance, on))

    async def send(self, programme: Programme) -> None:
        """Sends cash back by its channel, and asks about what was sent. Each once at the channel, however often it is asked."""
        for id, order, fen in await self._waiting(programme, "to_send"):
            part = PartRefund(refund_number(programme.code, id), programme.code, order_number(programme.code, order), fen)
            try:
                standing = await self._send(part)
            except ChannelRefused as refused:
                _LOG.error("%s: refund %s waits: %s", programme.code, id, refused)
                continue
            if isinstance(standing, SentBack) and standing.fen != fen:
                _LOG.error("%s: the channel sent %s fen back for refund %s of %s", programme.code, standing.fen, id, fen)
            elif isinstance(standing, SentBack):
                await self._one(programme, id, own.cash_arrived(id, fen))
            elif standing == "declined":
                await self._one(programme, id, own.cash_declined(id))

    async def _send(self, part: PartRefund) -> RefundState:
        """What was told before is asked about first. A channel that knows of no such payment declines."""
        standing = await self._ask(part.number)
        if standing != "unknown":
            return standing
        reached("refund.before_send")
        known = await self._cash.refund_part(part)
        reached("refund.after_send")
        return await self._ask(part.number) if known else "declined"

    async def _ask(self, number: str) -> RefundState:
        reached("refund.before_ask")
        standing = await self._cash.ask_refund(number)
        reached("refund.after_ask")
        return standing

    async def _one(self, programme: Programme, id: int, request: Request[Any]) -> None:
        """One command. What is the matter with it keeps no other waiting: the next turn finds its row again."""
        try:
            await self._engine.submit(programme.code, *request)
        except (TurnedAway, CommandFailed) as failure:
            _LOG.warning("%s: refund %s waits, %s", programme.code, id, type(failure).__name__)

    async def _waiting(self, programme: Programme, statement: str) -> Sequence[tuple[Any, ...]]:
        """The next rows of a list that is gone through round and round: a hundred that wait keep no later one waiting."""
        key = (programme.code, statement)
        async with self._engine.reading(programme.code) as connection:
            rows = await (await connection.execute(SQL[statement], {"after": self._after.get(key, 0), "most": MOST})).fetchall()
        self._after[key] = rows[-1][0] if len(rows) == MOST else 0
        return rows
