"""What the service does about refunds by itself: finishes what a batch was answered for, and sends cash back by its channel."""

import logging
from typing import Final

from huibao.app.duties import Apart, Round, lost, one
from huibao.catalogue.model import Programme
from huibao.core.points import reached
from huibao.core.time import business_date
from huibao.gateways.cash import CashChannel, ChannelRefused, PartRefund, RefundState, SentBack
from huibao.policies.numbers import order_number, refund_number
from huibao.refunds import own
from huibao.refunds.loading import SQL
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")


class Refunds:
    """The duties of one process about refunds, while it has the turn. They read rows that are there, and each step may be done twice."""

    def __init__(self, engine: Engine, cash: CashChannel) -> None:
        self._engine = engine
        self._cash = cash
        self._round = Round(engine)

    async def look_after(self, programme: Programme) -> None:
        """One turn. What is the matter with the channel keeps no account waiting."""
        for duty in (self.resolve, self.send):
            with Apart(programme.code, f"refunds, {duty.__name__}", ends=lost):
                await duty(programme)

    async def resolve(self, programme: Programme) -> None:
        """Account money whose batch was answered: taken back by the agency, or owed by the insurer from now on."""
        on = business_date(self._engine.clock.now())
        async for id, line, remittance in self._round.each(programme, SQL["to_resolve"]):
            await one(self._engine, programme, f"refund {id}", own.resolved(id, line, remittance, on))

    async def send(self, programme: Programme) -> None:
        """Sends cash back by its channel, and asks about what was sent. Each once at the channel, however often it is asked."""
        async for id, order, fen in self._round.each(programme, SQL["to_send"]):
            with Apart(programme.code, f"refund {id}"):
                await self._see_to(programme, id, order, fen)

    async def _see_to(self, programme: Programme, id: int, order: int, fen: int) -> None:
        part = PartRefund(refund_number(programme.code, id), programme.code, order_number(programme.code, order), fen)
        try:
            standing = await self._send(part)
        except ChannelRefused as refused:
            _LOG.error("%s: refund %s waits: %s", programme.code, id, refused)
            await self._engine.submit(programme.code, *own.channel_differs(id))
            return
        if isinstance(standing, SentBack) and standing.fen != fen:
            _LOG.error("%s: the channel sent %s fen back for refund %s of %s", programme.code, standing.fen, id, fen)
            await self._engine.submit(programme.code, *own.channel_differs(id))
        elif isinstance(standing, SentBack):
            await self._engine.submit(programme.code, *own.cash_arrived(id, fen))
        elif standing == "declined":
            await self._engine.submit(programme.code, *own.cash_declined(id))

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
