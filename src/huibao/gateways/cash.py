"""The cash channel: an acquirer that takes what a person pays and passes it straight into the insurer's income account.

    POST /payments                              opens a payment of an order, once
    GET  /payments/{programme}/{order}          how it stands
    POST /payments/{programme}/{order}/refunds  sends a payment back that was not taken, whole and once
    POST /refunds                               sends a part of a payment back, once under its number
    GET  /refunds/{number}                      how that stands

What comes of a call that was not answered is unknown until it is asked for: everything may be called again, and `ask` and
`ask_refund` tell. A notice only brings forward what `ask` would tell. A number is used once: asked again with the same content, the
channel has the same refund; with other content, or for more than is left of the payment, it answers 409.
"""

from datetime import datetime
from typing import Literal
from urllib.parse import quote

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.core.refusal import Refusal
from huibao.gateways.signing import NOTICE, PATIENCE_S, Declined, Denied, Fen, Instant, Peer, Taken, Unreachable, unknown, verify


class ChannelUnreachable(Unreachable):
    """The channel did not answer: what was asked may have been done or not."""

    @property
    def refusal(self) -> Refusal:
        return Refusal("payment.channel_unreachable", None, f"支付渠道暂时不可用（{self.zh}），订单保留，请稍后重试，不会重复扣款。",
                       f"the cash channel cannot be reached ({self.en}): the order stays, try again, nothing is charged twice")


class ChannelRefused(Declined):
    """The channel answered no to what it should take: an order opened before with another amount, say."""

    who = "the cash channel"


class PaymentOpened(msgspec.Struct, frozen=True):
    """Where a person pays, and the payment's number at the channel."""

    reference: str
    pay_url: str


class Payment(msgspec.Struct, frozen=True):
    """A payment that was made: what was really paid, which need not be what was asked for."""

    fen: Fen
    reference: str
    at: Instant


#: `closed` will not be paid any more, or was sent back; `unknown` is an order that was never opened there.
PaymentState = Payment | Literal["unpaid", "closed", "unknown"]


class Notice(msgspec.Struct, frozen=True):
    """The channel says of itself that so much was paid for an order. It may come twice, late, and in any order."""

    order: str
    fen: Fen
    reference: str


class Opening(msgspec.Struct, frozen=True):
    """What is to be paid, and until when."""

    programme: str
    order: str
    fen: Fen
    pay_by: Instant | None


class Refund(msgspec.Struct, frozen=True):
    """Which payment goes back, and how much of it."""

    reference: str
    fen: Fen


class Standing(msgspec.Struct, frozen=True):
    """How a payment stands at the channel; `payment` once it was made."""

    state: Literal["unpaid", "paid", "closed"]
    payment: Payment | None = None


class PartRefund(msgspec.Struct, frozen=True):
    """A part of what was paid for an order, to go back the way it came, under a number of ours."""

    number: str
    programme: str
    order: str
    fen: Fen


class RefundTaken(msgspec.Struct, frozen=True):
    """The channel took the refund: now, or when it was asked before."""

    number: str


class RefundStanding(msgspec.Struct, frozen=True):
    """How a refund stands, and since when it is with the person. `declined`: the card or wallet is no more, or it is too late."""

    state: Literal["processing", "done", "declined"]
    fen: Fen
    at: Instant | None = None


class SentBack(msgspec.Struct, frozen=True):
    """The refund is with the person: what was really sent, and when."""

    fen: Fen
    at: Instant


#: `unknown` was never asked for.
RefundState = SentBack | Literal["processing", "declined", "unknown"]


class CashChannel:
    """The channel over HTTP. Every call raises `ChannelUnreachable` where no answer can be relied on."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, secret: bytes, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self._peer = Peer(client, base_url, secret, clock, ChannelUnreachable, patience_s)
        self._secret = secret
        self._clock = clock

    async def open(self, programme: str, order: str, fen: int, pay_by: datetime | None) -> PaymentOpened:
        """Asks for a payment of the order with this number; asked again, the same payment. Raises `ChannelRefused`."""
        opened = await self._peer.call("POST", "/payments", PaymentOpened, msgspec.json.encode(Opening(programme, order, fen, pay_by)))
        if isinstance(opened, Denied):
            raise ChannelRefused(opened)
        return opened

    async def ask(self, programme: str, order: str) -> PaymentState:
        """How the order's payment stands. Raises `ChannelRefused`."""
        standing = await self._peer.call("GET", f"/payments/{programme}/{order}", Standing)
        if isinstance(standing, Denied):
            return unknown(standing, ChannelRefused)
        if standing.state != "paid":
            return standing.state
        if standing.payment is None:
            raise ChannelUnreachable("unreadable")
        return standing.payment

    async def refund(self, programme: str, order: str, reference: str, fen: int) -> bool:
        """Sends the payment with this reference back the way it came; False where the channel declines.

        A payment goes back once: asked again, the first refund stands.
        """
        path = f"/payments/{programme}/{order}/refunds"
        return isinstance(await self._peer.call("POST", path, Taken, msgspec.json.encode(Refund(reference, fen))), Taken)

    async def refund_part(self, refund: PartRefund) -> bool:
        """Asks for a part of an order's payment to go back; asked again, the same refund. Whether it did, `ask_refund` tells.

        False where the channel knows of no payment for this order. Raises `ChannelRefused` for other content under the same number,
        or more than is left.
        """
        taken = await self._peer.call("POST", "/refunds", RefundTaken, msgspec.json.encode(refund))
        if isinstance(taken, Denied) and taken.status != 404:
            raise ChannelRefused(taken)
        return isinstance(taken, RefundTaken)

    async def ask_refund(self, number: str) -> RefundState:
        """How a refund stands. Raises `ChannelRefused`."""
        standing = await self._peer.call("GET", f"/refunds/{quote(number, safe='')}", RefundStanding)
        if isinstance(standing, Denied):
            return unknown(standing, ChannelRefused)
        if standing.state != "done":
            return standing.state
        if standing.at is None:
            raise ChannelUnreachable("unreadable")
        return SentBack(standing.fen, standing.at)

    def verify_notice(self, raw_body: bytes, signature: str) -> Notice | None:
        """The notice in a body under this signature header; None where it is forged, stale or no notice."""
        if verify(self._secret, NOTICE, raw_body, signature, self._clock.now()) is None:
            return None
        try:
            return msgspec.json.decode(raw_body, type=Notice)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
