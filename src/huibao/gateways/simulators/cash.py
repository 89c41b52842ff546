"""A simulated acquirer: opens payments, lets a tester pay them with a button, sends its notices, gives money back."""

import asyncio
import html
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import unquote

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.core.money import yuan
from huibao.gateways.cash import (
    Notice,
    Opening,
    PartRefund,
    Payment,
    PaymentOpened,
    Refund,
    RefundStanding,
    RefundTaken,
    Standing,
)
from huibao.gateways.signing import HEADER, NOTICE, Taken, new_nonce, sign
from huibao.gateways.simulators.model import Said, Simulator, no

_PAGE: Final = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>模拟收银台</title><link rel="icon" href="data:,">
<body style="font-family: sans-serif; max-width: 24em; margin: 3em auto; text-align: center">
<p>模拟收银台 · 不是真实支付</p>
{content}
</body></html>
"""
_TO_PAY: Final = """<p>订单 {order}</p><p style="font-size: 2em">¥ {yuan}</p>
<form method="post"><button style="font-size: 1.2em; padding: .5em 2em">立即支付</button></form>"""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a person with a browser."""

    status: int
    html: str


@dataclass(slots=True)
class _Opened:
    """A payment that was opened; `paid_at` once it was made."""

    asked: Opening
    reference: str
    paid_at: datetime | None = None
    refunded: Refund | None = None
    back_fen: int = 0

    def closed(self, at: datetime) -> bool:
        return self.refunded is not None or (self.paid_at is None and self.asked.pay_by is not None and self.asked.pay_by <= at)

    def payment(self) -> Payment | None:
        return Payment(self.asked.fen, self.reference, self.paid_at) if self.paid_at and not self.refunded else None


@dataclass(slots=True)
class _Back:
    """A part that was asked to go back, of which payment, and what became of it."""

    asked: PartRefund
    of: _Opened
    state: Literal["processing", "done", "declined"] = "processing"
    at: datetime | None = None


class CashSimulator(Simulator):
    """The channel. `callback` takes its notices and may have `{programme}` in it; `public` is its own address for people.

    Where a fault may hold a refund or send it back, its fate is thrown each time that it is asked about; `sent_back` has each part
    that reached its person.
    """

    def __init__(self, clock: Clock, secret: bytes, callback: str, public: str, client: httpx.AsyncClient) -> None:
        super().__init__(clock, secret)
        self._callback = callback
        self._public = public
        self._client = client
        self._by_order: dict[tuple[str, str], list[_Opened]] = {}
        self._by_reference: dict[str, _Opened] = {}
        self._undelivered: list[_Opened] = []
        self._backs: dict[str, _Back] = {}
        self.sent_back: Final[list[PartRefund]] = []

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        match method, path.split("/")[1:]:
            case "POST", ["payments"]:
                return self._open(msgspec.json.decode(body, type=Opening))
            case "GET", ["payments", programme, order]:
                return self._standing((programme, order))
            case "POST", ["payments", programme, order, "refunds"]:
                return self._refund((programme, order), msgspec.json.decode(body, type=Refund))
            case "POST", ["refunds"]:
                return self._send_part(msgspec.json.decode(body, type=PartRefund))
            case "GET", ["refunds", number]:
                return self._part(unquote(number))
        return no(404, "path.unknown")

    async def page(self, method: str, path: str) -> Page | None:
        """For people, who sign nothing: the till, and `POST /notices`, which sends again what did not arrive; else None."""
        match method, path.split("/")[1:]:
            case "GET" | "POST", ["pay", reference]:
                opened = self._by_reference.get(reference)
                if opened is None:
                    return _page(404, "<p>没有此付款单，请回到订单重新发起支付。</p>")
                return await self._till(method, opened)
            case "POST", ["notices"]:
                await self._deliver()
                return _page(200, f"<p>还有 {len(self._undelivered)} 条通知未送达。</p>")
        return None

    def _open(self, asked: Opening) -> Said:
        tries = self._by_order.setdefault((asked.programme, asked.order), [])
        if not tries or tries[-1].refunded:
            # The same numbers after a restart: what was opened then is opened again.
            tries.append(_Opened(asked, f"{asked.order}-{len(tries) + 1}"))
            self._by_reference[tries[-1].reference] = tries[-1]
        if tries[-1].asked.fen != asked.fen:
            return no(409, "payment.other_amount")
        return Said(200, PaymentOpened(tries[-1].reference, f"{self._public}/pay/{tries[-1].reference}"))

    def _standing(self, order: tuple[str, str]) -> Said:
        if order not in self._by_order:
            return no(404, "payment.unknown")
        last = self._by_order[order][-1]
        if last.closed(self.clock.now()):
            return Said(200, Standing("closed"))
        payment = last.payment()
        if payment and self.faults.strikes("wrong-amount"):
            payment = msgspec.structs.replace(payment, fen=payment.fen + 1)
        return Said(200, Standing("paid", payment) if payment else Standing("unpaid"))

    def _refund(self, order: tuple[str, str], refund: Refund) -> Said:
        found = next((one for one in self._by_order.get(order, ()) if one.reference == refund.reference), None)
        if found is None or found.paid_at is None:
            return no(404, "payment.unknown")
        if found.refunded is None and refund.fen <= found.asked.fen - found.back_fen:
            found.refunded = refund
        return Said(200, Taken(refund.reference)) if found.refunded == refund else no(409, "refund.other_amount")

    def _send_part(self, asked: PartRefund) -> Said:
        back = self._backs.get(asked.number)
        if back is not None:
            return Said(200, RefundTaken(asked.number)) if back.asked == asked else no(409, "refund.other_content")
        paid = next((one for one in self._by_order.get((asked.programme, asked.order), ()) if one.payment()), None)
        if paid is None:
            return no(404, "payment.unknown")
        if paid.back_fen + asked.fen > paid.asked.fen:
            return no(409, "refund.exceeds_payment")
        paid.back_fen += asked.fen
        self._backs[asked.number] = made = _Back(asked, paid)
        if not (self.faults.may_strike("hold") or self.faults.may_strike("return")):
            self._carry_out(made)
        return Said(200, RefundTaken(asked.number))

    def _part(self, number: str) -> Said:
        back = self._backs.get(number)
        if back is None:
            return no(404, "refund.unknown")
        if back.state == "processing" and not self.faults.strikes("hold"):
            self._carry_out(back)
        fen = back.asked.fen + bool(back.state == "done" and self.faults.strikes("wrong-amount"))
        return Said(200, RefundStanding(back.state, fen, back.at))

    def _carry_out(self, back: _Back) -> None:
        """It reaches the person, unless the card or wallet is no more."""
        back.at = self.clock.now()
        if self.faults.strikes("return"):
            back.state, back.of.back_fen = "declined", back.of.back_fen - back.asked.fen
        else:
            back.state = "done"
            self.sent_back.append(back.asked)

    async def _till(self, method: str, opened: _Opened) -> Page:
        at = self.clock.now()
        if opened.closed(at):
            return _page(409, "<p>付款单已关闭，请回到订单查看。</p>")
        if opened.paid_at is None and method == "GET":
            return _page(200, _TO_PAY.format(order=html.escape(opened.asked.order), yuan=yuan(opened.asked.fen)))
        if opened.paid_at is None:
            opened.paid_at = at
            await self._announce(opened)
        return _page(200, "<p>已支付，请回到订单查看。</p>")

    # ── notices ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _announce(self, paid: _Opened) -> None:
        if self.faults.strikes("drop", "notices"):
            return
        self._undelivered.insert(0, paid)
        if not self.faults.strikes("reorder", "notices"):
            await self._deliver()

    async def _deliver(self) -> None:
        """Sends what waits, the newest first; what is not taken stays."""
        waiting, self._undelivered = self._undelivered, []
        for paid in waiting:
            if late := self.faults.strikes("delay", "notices"):
                await asyncio.sleep(late.ms / 1000)
            again = bool(self.faults.strikes("duplicate", "notices"))
            taken = [await self._send(paid) for _ in range(1 + again)]
            if not all(taken):
                self._undelivered.append(paid)

    async def _send(self, paid: _Opened) -> bool:
        notice = Notice(paid.asked.order, paid.asked.fen, paid.reference)
        if self.faults.strikes("wrong-amount", "notices"):
            notice = msgspec.structs.replace(notice, fen=notice.fen + 1)
        secret = self.secret + b"?" if self.faults.strikes("wrong-signature", "notices") else self.secret
        body = msgspec.json.encode(notice)
        headers = {HEADER: sign(secret, NOTICE, body, self.clock.now(), new_nonce()), "Content-Type": "application/json"}
        try:
            answer = await self._client.post(self._callback.format(programme=paid.asked.programme), content=body, headers=headers)
        except httpx.TransportError:
            return False
        return answer.is_success


def _page(status: int, content: str) -> Page:
    return Page(status, _PAGE.format(content=content))
