"""Insurers' systems: tried before their products sell, then told of every policy that concerns them.

`POST /messages` below an insurer's endpoint takes an `Envelope` and answers 200 with the SM3 digest, in hex, of the body
as it came: all messages of the envelope are kept then. Otherwise none is: 401 for a signature that does not fit or is
stale, 409 for a sequence number that was used for another message, 422 for a product it does not know. An envelope with
`test` is answered in the same way and put aside.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from secrets import token_bytes
from typing import Final

import httpx
import msgspec

from huibao.catalogue.model import Programme
from huibao.core.chain import sm3
from huibao.core.clock import Clock
from huibao.core.points import reached
from huibao.db import sqlfile
from huibao.enrolment.model import OrderTold, PartTold, PolicyTold
from huibao.gateways.signing import PATIENCE_S, Denied, Peer, Unreachable, new_nonce, sign
from huibao.policies.numbers import order_number, policy_number
from huibao.record.model import Connection

SQL: Final = sqlfile.load("huibao.gateways")

#: So many events are looked at in one go: what an envelope may hold.
WINDOW: Final = 100

#: What an insurer is told of. A release is not: only an order is released of which neither cover nor cash has begun.
_TELLING: Final = ("purchase", "payment", "review", "review-overdue")


class InsurerUnreachable(Unreachable):
    """The insurer's system did not answer: it may have kept the messages or not, and gets them again."""


class InsurerRefused(Exception):
    """The insurer's system declines the envelope from `seq` on; its messages wait until that is mended with the insurer."""

    def __init__(self, insurer: str, seq: int, denied: Denied) -> None:
        super().__init__(f"insurer {insurer} declined its messages from {seq} on: {denied.status} {denied.code}")
        self.insurer: Final = insurer
        self.seq: Final = seq
        self.denied: Final = denied


class PolicyMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A policy as its insurer needs it: the insured by the platform's number, no name, no document."""

    number: str
    insured: int
    state: str
    premium_fen: int
    parts: tuple[PartTold, ...]
    tier: str | None = None
    period_from: date | None = None
    period_to: date | None = None


class Message(msgspec.Struct, frozen=True):
    """What became of an order; `seq` is the key under which it is kept once."""

    seq: int
    at: datetime
    order: str
    product: str
    policies: tuple[PolicyMessage, ...]


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages of a programme in the order of `seq`; `test` names the connection test that they belong to."""

    programme: str
    messages: tuple[Message, ...]
    test: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """All messages are kept; `digest` is the SM3 of the body as it came."""

    digest: str


class InsurerSystem:
    """One insurer's system over HTTP."""

    def __init__(
        self, client: httpx.AsyncClient, endpoint: str, insurer: str, secret: bytes, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self.insurer: Final = insurer
        self._peer = Peer(client, endpoint, secret, clock, InsurerUnreachable, patience_s)
        self._secret = secret
        self._clock = clock

    async def post(self, envelope: Envelope) -> Receipt | Denied:
        """The receipt, which is for these very bytes. Raises `InsurerUnreachable`."""
        body = msgspec.json.encode(envelope)
        told = await self._peer.call("POST", "/messages", Receipt, body)
        if isinstance(told, Receipt) and told.digest != sm3(body).hex():
            raise InsurerUnreachable("mismatch")
        return told

    async def status_of_forged(self, envelope: Envelope, *, stale: bool) -> int:
        """The status answered to an envelope signed an hour ago, or else with another secret. Raises `InsurerUnreachable`."""
        body = msgspec.json.encode(envelope)
        now = self._clock.now()
        secret, at = (self._secret, now - timedelta(hours=1)) if stale else (token_bytes(32), now)
        return (await self._peer.send("POST", "/messages", body, sign(secret, "POST /messages", body, at, new_nonce()))).status


# ── the connection test ──────────────────────────────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """How an insurer's system did, a line for each thing tried."""

    passed: bool
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


#: A product that no plan is called: the insurer's system must not know it.
UNKNOWN_PRODUCT: Final = "no-such-product"

_SAMPLE_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)


async def try_connection(system: InsurerSystem, programme: str, product: str) -> ConnectionReport:
    """Sends the insurer's system a set of samples and compares what it answers. `product` is one that it insures.

    Each run has a name of its own, so that a test can be run again. Never raises for what the system does.
    """
    run = new_nonce()
    issued = Envelope(programme, (_sample(programme, product, premium_fen=12_900),), run)
    changed = Envelope(programme, (_sample(programme, product, premium_fen=13_900),), run)
    unknown = Envelope(programme, (_sample(programme, UNKNOWN_PRODUCT, premium_fen=12_900),), new_nonce())
    tried = [
        await _try("承保通知", "应接收并答复报文摘要（SM3）", lambda: _taken(system, issued)),
        await _try("重复通知", "应与首次同样答复", lambda: _taken(system, issued)),
        await _try("同一序号、不同内容", "应拒收并答复 409", lambda: _declined(system, changed, 409)),
        await _try("未知产品", "应拒收并答复 422", lambda: _declined(system, unknown, 422)),
        await _try("签名不符", "应拒收并答复 401", lambda: _forged(system, issued, stale=False)),
        await _try("签名过期", "应拒收并答复 401", lambda: _forged(system, issued, stale=True)),
    ]
    return ConnectionReport(all(passed for passed, _ in tried), tuple(line for _, line in tried))


async def _try(name: str, expected: str, attempt: Callable[[], Awaitable[str]]) -> tuple[bool, str]:
    """Whether an attempt found nothing wrong, and the line of the report."""
    try:
        found = await attempt()
    except InsurerUnreachable as failure:
        found = failure.zh
    return (False, f"{name}：未通过，{found}；{expected}。") if found else (True, f"{name}：通过。")


async def _taken(system: InsurerSystem, envelope: Envelope) -> str:
    told = await system.post(envelope)
    return f"被拒收（{told.status} {told.code}）" if isinstance(told, Denied) else ""


async def _declined(system: InsurerSystem, envelope: Envelope, status: int) -> str:
    told = await system.post(envelope)
    if isinstance(told, Denied):
        return "" if told.status == status else f"答复为 {told.status}"
    return "被接收"


async def _forged(system: InsurerSystem, envelope: Envelope, *, stale: bool) -> str:
    status = await system.status_of_forged(envelope, stale=stale)
    return "" if status == 401 else f"答复为 {status}"


def _sample(programme: str, product: str, premium_fen: int) -> Message:
    policy = PolicyMessage(policy_number(programme, 0, 1), 0, "in-force", premium_fen, (PartTold("personal", premium_fen),),
                           period_from=date(2000, 1, 2), period_to=date(2000, 12, 31))
    return Message(1, _SAMPLE_AT, order_number(programme, 0), product, (policy,))


# ── the relay ────────────────────────────────────────────────────────────────────────────────────────────────────────

async def relay(connection: Connection, programme: Programme, system: InsurerSystem, at: datetime) -> int:
    """Tells an insurer what was recorded since it was last told; answers how many messages it acknowledged.

    In order, at least once: the cursor moves when an envelope is acknowledged, and is committed before the next one goes
    out. Two relays at once tell things twice and skip nothing. Raises `InsurerUnreachable` and `InsurerRefused`, with what
    was acknowledged before kept; no transaction is open while the insurer is waited for.
    """
    acknowledged = 0
    while window := await _window(connection, programme, system.insurer):
        last_seq, messages = window
        if messages:
            reached("relay.before_send")
            told = await system.post(Envelope(programme.code, messages))
            reached("relay.after_send")
            if isinstance(told, Denied):
                raise InsurerRefused(system.insurer, messages[0].seq, told)
            acknowledged += len(messages)
        await _move(connection, programme, system.insurer, last_seq, at)
        reached("relay.after_cursor")
    return acknowledged


async def _window(connection: Connection, programme: Programme, insurer: str) -> tuple[int, tuple[Message, ...]] | None:
    """The next events behind the cursor: where they end, and what among them concerns the insurer; None where all was told."""
    async with connection.transaction():
        await connection.execute(SQL["enter"], {"schema": programme.schema})
        cursor = await (await connection.execute(SQL["told_up_to"], {"destination": _destination(insurer)})).fetchone()
        led = await (await connection.execute(SQL["products_led"], {"insurer": insurer})).fetchall()
        if not led:
            return None
        given = {"after": cursor[0] if cursor else 0, "kinds": list(_TELLING), "most": WINDOW}
        rows = await (await connection.execute(SQL["events_after"], given)).fetchall()
    return (rows[-1][0], _concerning(rows, {product for (product,) in led})) if rows else None


async def _move(connection: Connection, programme: Programme, insurer: str, seq: int, at: datetime) -> None:
    async with connection.transaction():
        await connection.execute(SQL["enter"], {"schema": programme.schema})
        await connection.execute(SQL["move_cursor"], {"destination": _destination(insurer), "seq": seq, "at": at})


def _destination(insurer: str) -> str:
    return f"insurer:{insurer}"


def _concerning(rows: Sequence[tuple[int, datetime, str, bytes | None]], products: Collection[str]) -> tuple[Message, ...]:
    """The messages among these events: orders of these products that are covered, or for which the insurer got cash, also where they
    came to nothing then."""
    messages = []
    for seq, at, kind, answer in rows:
        if answer is None:
            continue
        order = msgspec.json.decode(answer, type=OrderTold)
        if order.product in products and (kind == "payment" or order.state == "completed" or _came_to_nothing(order)):
            messages.append(Message(seq, at, order.order, order.product, tuple(_policy(policy) for policy in order.policies)))
    return tuple(messages)


def _came_to_nothing(order: OrderTold) -> bool:
    """A review ended an order whose cash part the insurer has been told of."""
    return order.state == "void" and order.cash_fen > 0


def _policy(told: PolicyTold) -> PolicyMessage:
    return PolicyMessage(told.number, told.insured, told.state, told.premium_fen, told.parts, told.tier, told.period_from, told.period_to)
