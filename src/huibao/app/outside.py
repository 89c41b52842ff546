"""The outside systems as the API asks for them."""

from datetime import datetime

from huibao.core.points import reached
from huibao.gateways.cash import CashChannel
from huibao.web.engine import Instructions


class CashDesk:
    """The cash channel."""

    def __init__(self, channel: CashChannel) -> None:
        self._channel = channel

    def genuine(self, notice: bytes, signature: str) -> bool:
        """Whether a notice is the channel's own, and fresh."""
        return self._channel.verify_notice(notice, signature) is not None

    async def open(self, programme: str, order: str, fen: int, pay_by: datetime | None) -> Instructions:
        """Where an order's cash part is paid; asked again, the same payment."""
        reached("cash.before_open")
        opened = await self._channel.open(programme, order, fen, pay_by)
        reached("cash.after_open")
        return Instructions(opened.pay_url, opened.reference)
