"""Insurers' systems: tried before their products sell, then told of every policy that concerns them.

`POST /messages` below an insurer's endpoint takes an `Envelope` and answers 200 with the SM3 digest, in hex, of the body
as it came: all messages of the envelope are kept then. Otherwise none is: 401 for a signature that does not fit or is
stale, 409 for a sequence number that was used for another message, 422 for a product it does not know. An envelope with
`test` is answered in the same way and put aside.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
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
from huibao.gateways.signing import PATIENCE_S, Declined, Denied, Peer, Unreachable, new_nonce, sign
from huibao.policies.numbers import order_number, policy_number, read_number
from huibao.record.model import Connection

SQL: Final = sqlfile.load("huibao.gateways")

#: So many events are looked at in one go: what an envelope may hold.
WINDOW: Final = 100

#: What an insurer is told of. A release is not: only an order is released of which neither cover nor cash has begun. Where another
#: system keeps the accounts, cover begins with its answer.
_TELLING: Final = ("purchase", "payment", "review", "review-overdue", "account-balances", "account-posting", "surrender")

#: A policy by its order and its place in it.
PolicyId = tuple[int, int]


class InsurerUnreachable(Unreachable):
    """The insurer's system did not answer: it may have kept the messages or not, and gets them again."""


class InsurerRefused(Declined):
    """The insurer's system declines the envelope from `seq` on; its messages wait until that is mended with the insurer."""

    def __init__(self, insurer: str, seq: int, denied: Denied) -> None:
        self.who = f"insurer {insurer}"
        super().__init__(denied, f" its messages from {seq} on")
        self.insurer: Final = insurer
        self.seq: Final = seq


class PolicyMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A policy as its insurer needs it: the insured by the platform's number, no name, no document. Of one that was given back,
    `ended_on` is its first day without cover (`period_from` where it never covered) and `returned_fen` what goes back of its premium."""

    number: str
    insured: int
    state: str
    premium_fen: int
    parts: tuple[PartTold, ...]
    tier: str | None = None
    period_from: date | None = None
    period_to: date | None = None
    ended_on: date | None = None
    returned_fen: int | None = None


class Message(msgspec.Struct, frozen=True):
    """What became of an order, or of a policy of it that was given back; `seq` is the key under which it is kept once. A policy is as
    the message with the highest `seq` says; where a sponsor's policy stands in the place of an own one, one message has both."""

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
    ended = Envelope(programme, (_given_back(issued.messages[0]),), run)
    unknown = Envelope(programme, (_sample(programme, UNKNOWN_PRODUCT, premium_fen=12_900),), new_nonce())
    tried = [
        await _try("承保通知", "应接收并答复报文摘要（SM3）", lambda: _taken(system, issued)),
        await _try("重复通知", "应与首次同样答复", lambda: _taken(system, issued)),
        await _try("同一序号、不同内容", "应拒收并答复 409", lambda: _declined(system, changed, 409)),
        await _try("未知产品", "应拒收并答复 422", lambda: _declined(system, unknown, 422)),
        await _try("签名不符", "应拒收并答复 401", lambda: _forged(system, issued, stale=False)),
        await _try("签名过期", "应拒收并答复 401", lambda: _forged(system, issued, stale=True)),
        await _try("退保通知", "应接收并答复报文摘要（SM3）", lambda: _taken(system, ended)),
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


def _given_back(issued: Message) -> Message:
    """The sample's policy, given back before its start."""
    [policy] = issued.policies
    ended = msgspec.structs.replace(policy, state="surrendered", ended_on=policy.period_from, returned_fen=policy.premium_fen)
    return msgspec.structs.replace(issued, seq=issued.seq + 1, policies=(ended,))


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
        events = [_event(programme.code, *row) for row in await (await connection.execute(SQL["events_after"], given)).fetchall()]
        ended = [event.ended for event in events if event.ended is not None]
        given_back = await _surrendered(connection, programme.code, ended) if ended else {}
    return (events[-1].seq, _concerning(events, given_back, {product for (product,) in led})) if events else None


async def _move(connection: Connection, programme: Programme, insurer: str, seq: int, at: datetime) -> None:
    async with connection.transaction():
        await connection.execute(SQL["enter"], {"schema": programme.schema})
        await connection.execute(SQL["move_cursor"], {"destination": _destination(insurer), "seq": seq, "at": at})


def _destination(insurer: str) -> str:
    return f"insurer:{insurer}"


@dataclass(frozen=True, slots=True)
class _Event:
    """What was recorded: an order as it was told, a policy that was given back, or nothing that an insurer is told of."""

    seq: int
    at: datetime
    kind: str
    order: OrderTold | None
    ended: PolicyId | None


class _Surrendered(msgspec.Struct, frozen=True):
    """What the answer to a surrender says of whose it is; the rest is read off the policy."""

    policy: str


def _event(programme: str, seq: int, at: datetime, kind: str, answer: bytes | None) -> _Event:
    if answer is None:
        return _Event(seq, at, kind, None, None)
    if kind == "surrender":
        return _Event(seq, at, kind, None, _policy_id(programme, msgspec.json.decode(answer, type=_Surrendered).policy))
    order = msgspec.json.decode(answer, type=OrderTold)
    return _Event(seq, at, kind, order, _policy_id(programme, order.takes_over) if order.takes_over is not None else None)


def _policy_id(programme: str, number: str) -> PolicyId:
    read = read_number(programme, number)
    assert read is not None, "the record names policies of its own programme"
    assert read[1] is not None, "a policy has its place in its order"
    return read[0], read[1]


async def _surrendered(connection: Connection, programme: str, policies: Sequence[PolicyId]) -> dict[PolicyId, tuple[str, PolicyMessage]]:
    """Policies that were given back, each with its product. Nothing of them changes any more, so that a message stays what it was."""
    rows = await (await connection.execute(SQL["surrendered"], {
        "orders": [order for order, _ in policies], "positions": [position for _, position in policies]})).fetchall()
    return {(order, position): (product, PolicyMessage(
        policy_number(programme, order, position), insured, "surrendered", premium_fen,
        tuple(PartTold(source, fen) for source, fen in zip(sources, parts, strict=True)), tier, since, until, ended_on, returned_fen))
        for order, position, product, insured, premium_fen, sources, parts, tier, since, until, ended_on, returned_fen in rows}


def _concerning(
    events: Sequence[_Event], given_back: Mapping[PolicyId, tuple[str, PolicyMessage]], products: Collection[str]
) -> tuple[Message, ...]:
    """The messages among these events: orders of these products that are covered, or for which the insurer got cash, also where they
    came to nothing then; and their policies that were given back."""
    messages = []
    for event in events:
        product, ended = given_back[event.ended] if event.ended is not None else ("", None)
        policies = (ended,) if ended is not None else ()
        if order := event.order:
            if order.product in products and (event.kind == "payment" or order.state == "completed" or _came_to_nothing(order)):
                policies = (*(_policy(policy) for policy in order.policies), *policies)
                messages.append(Message(event.seq, event.at, order.order, order.product, policies))
        elif ended is not None and product in products:
            messages.append(Message(event.seq, event.at, ended.number.rpartition("-")[0], product, policies))
    return tuple(messages)


def _came_to_nothing(order: OrderTold) -> bool:
    """A review ended an order whose cash part the insurer has been told of."""
    return order.state == "void" and order.cash_fen > 0


def _policy(told: PolicyTold) -> PolicyMessage:
    return PolicyMessage(told.number, told.insured, told.state, told.premium_fen, told.parts, told.tier, told.period_from, told.period_to)
