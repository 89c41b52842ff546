"""Orders after they were made: reading, giving up, paying the cash part, and what the cash channel says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from huibao.core.time import business_date
from huibao.enrolment import own, tellings
from huibao.enrolment.model import OrderState, OrderTold, PartTold, PolicyTold, Reason, Release, ReviewState
from huibao.enrolment.refusals import order_unknown
from huibao.gateways.signing import HEADER
from huibao.policies.numbers import order_number, policy_number, read_number
from huibao.record.model import Sealed
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.engine import Instructions
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.purchases import ORDER_EXAMPLE
from huibao.web.reads import ENROLMENT, MOST_LISTED, SQL, opened
from huibao.web.words import Fen, Id

_TOLD: Final = msgspec.json.Decoder(OrderTold)


class OrderLine(msgspec.Struct, frozen=True):
    """An order in a list."""

    order: str
    at: datetime
    product: str
    state: str
    premium_fen: int
    cash_fen: int


class OrderLines(msgspec.Struct, frozen=True):
    """A member's orders, newest first."""

    orders: tuple[OrderLine, ...]


class ReviewRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an order's review stands, and until when it is decided; of a rejection why, and what the reviewer wrote."""

    state: ReviewState
    since: datetime
    decided_by: datetime
    reason: Reason | None = None
    zh: str | None = None
    en: str | None = None
    note: str | None = None


class OrderRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order as it stands now, under the wording it was made under; `zh` and `en` say so: nobody is insured before it is captured."""

    order: str
    at: datetime
    state: str
    product: str
    premium_fen: int
    account_fen: int
    cash_fen: int
    policies: tuple[PolicyTold, ...]
    plan_digest: str
    engine: str
    terms_digest: str
    clauses: tuple[str, ...]
    zh: str
    en: str
    sponsor_fen: int = 0
    pay_by: datetime | None = None
    review: ReviewRead | None = None


class _Row(msgspec.Struct, frozen=True):
    """An order as it is kept; `made` is the answer to its making."""

    at: datetime
    buyer: int
    area: str
    state: OrderState
    cash_fen: int
    deadline: datetime | None
    made: bytes


_AT: Final = datetime.fromisoformat("2026-01-05T09:30:00+08:00")
_LINES: Final = OrderLines((OrderLine(ORDER_EXAMPLE.order, _AT, "example-2026", "completed", 33600, 0),))


@operation("GET", "/v1/{programme}/orders", asks=Nothing, answers=OrderLines, answered=_LINES)
async def orders(call: Call[Nothing]) -> OrderLines:
    """Lists one's own orders, newest first."""
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        rows = await connection.execute(ENROLMENT["orders_of"], {"person": call.person, "most": MOST_LISTED})
        return OrderLines(tuple(
            OrderLine(order_number(code, id), at, product, state, premium, cash)
            for id, at, product, premium, cash, state in await rows.fetchall()))


_READ: Final = OrderRead(
    **{name: getattr(ORDER_EXAMPLE, name) for name in OrderRead.__struct_fields__ if name not in {"at", "review"}}, at=_AT)


@operation("GET", "/v1/{programme}/orders/{order}", asks=Nothing, answers=OrderRead, answered=_READ)
async def order(call: Call[Nothing]) -> OrderRead:
    """Reads one order as it stands now."""
    id = _id(call, call.path["order"])
    row = await _order(call, id)
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(ENROLMENT["order_policies"], {"order": id})).fetchall()
        held = await (await connection.execute(ENROLMENT["order_parts"], {"order": id})).fetchall()
        found = await (await connection.execute(ENROLMENT["review_of"], {"order": id})).fetchone()
        sealed = await (await connection.execute(SQL["evidence"], {"request": found[5]})).fetchone() if found and found[5] else None
    made = _TOLD.decode(row.made)
    zh, en = tellings.standing(row.state, row.cash_fen, found[4] if found else 0)
    now = {policy_number(code, id, position): (position, state, since, until, cash) for position, _, state, since, until, cash in rows}
    policies = tuple(
        msgspec.structs.replace(policy, state=state, period_from=since, period_to=until,
                                parts=policy.parts or _parts(held, position, cash))
        for policy in made.policies for position, state, since, until, cash in (now[policy.number],))
    account = made.premium_fen - row.cash_fen - made.sponsor_fen
    return OrderRead(made.order, row.at, row.state, made.product, made.premium_fen, account, row.cash_fen, policies,
                     made.plan_digest, made.engine, made.terms_digest, made.clauses, zh, en, made.sponsor_fen,
                     row.deadline if row.state == "awaiting-payment" else None, _review(call, found, sealed))


def _parts(held: Sequence[tuple[int, str, int]], position: int, cash_fen: int) -> tuple[PartTold, ...]:
    """What each source pays of a policy, where that was not known yet when the order was made."""
    found = [PartTold(kind, fen) for of, kind, fen in held if of == position]
    return (*found, PartTold("cash", cash_fen)) if cash_fen else tuple(found)


def _review(call: Call[Nothing], found: tuple[Any, ...] | None, sealed: tuple[Any, ...] | None) -> ReviewRead | None:
    """The review as the buyer and the agency read it; an auditor reads no free text."""
    if found is None:
        return None
    state, since, void_at, _, _, _, reason = found
    zh, en = tellings.REASONS[reason] if reason else (None, None)
    evidence = opened(call, Sealed(*sealed)) if sealed and sealed[2] is not None and call.principal.role != "auditor" else None
    note = str(msgspec.json.decode(evidence).get("note")) if evidence else None
    return ReviewRead(state, since, void_at, reason, zh, en, note)


class CancelledOrder(msgspec.Struct, frozen=True):
    """What is asked of an order that is given up: the canonical form of a request without a body."""

    order: str


@operation("POST", "/v1/{programme}/orders/{order}/cancellation", asks=Nothing, answers=OrderTold, keyed=True, refuses=(409,),
           answered=ORDER_EXAMPLE)
async def cancel_order(call: Call[Nothing]) -> Reply:
    """Gives up an order that waits; what was set aside for it is free again."""
    number = call.path["order"]
    id = _id(call, number)
    if call.principal.area is not None:
        await _order(call, id)
    command = Release(call.principal.id, id, "cancelled", call.principal.person_id if call.reach == "own" else None)
    return told(await submit(call, "cancel_order", CancelledOrder(number), command), 200)


@operation("POST", "/v1/{programme}/orders/{order}/payments", asks=Nothing, answers=Instructions, status=201, refuses=(409,),
           answered=Instructions("https://pay.example/990000/9f2c", "9f2c"))
async def open_payment(call: Call[Nothing]) -> Instructions:
    """Asks where to pay an order's cash part; asked again, the same payment."""
    row = await _order(call, _id(call, call.path["order"]))
    if row.state != "awaiting-payment" or (row.deadline is not None and row.deadline <= call.engine.clock.now()):
        raise Refused(refusals.payment_not_due(row.state))
    return await call.engine.cash.open(call.path["programme"], call.path["order"], row.cash_fen, row.deadline)


class PaymentNotice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the cash channel says: so much was paid for an order, under this reference of its own."""

    order: str
    fen: Fen
    reference: Id


class Noted(msgspec.Struct, frozen=True):
    """What became of a notice: `done`, or the code under which the money goes back the way it came."""

    outcome: str


@operation("POST", "/v1/{programme}/payment-notices", asks=PaymentNotice, answers=Noted,
           asked=PaymentNotice(ORDER_EXAMPLE.order, 16800, "9f2c"), answered=Noted("done"))
async def notify_payment(call: Call[PaymentNotice]) -> Noted:
    """Takes a notice of the cash channel, signed in X-Huibao-Signature.

    A notice that was answered 200 is settled, whatever its outcome; one that was not may be sent again.
    """
    if not call.engine.cash.genuine(call.raw, call.headers.get(HEADER.lower().encode(), b"").decode("latin-1")):
        raise Refused(refusals.signature_invalid(), {"WWW-Authenticate": "HMAC-SM3"})
    notice = call.asked
    answer = await call.engine.submit(call.path["programme"], *own.paid(_id(call, notice.order), notice.fen, notice.reference))
    return Noted(answer.outcome)


def _id(call: Call[Nothing] | Call[PaymentNotice], number: str) -> int:
    """The id of the order with this number; one that is mistyped is none."""
    found = read_number(call.path["programme"], number)
    if found is None or found[1] is not None:
        raise Refused(order_unknown())
    return found[0]


async def _order(call: Call[Nothing], id: int) -> _Row:
    """The order, where the caller reaches it."""
    async with call.engine.reading(call.path["programme"]) as connection:
        given = {"order": id, "on": business_date(call.engine.clock.now())}
        row = await (await connection.execute(SQL["order"], given)).fetchone()
        agent = await (await connection.execute(SQL["order_agent"], given)).fetchone()
    # Who acts for the buyer reads what was entered, as long as that may be done.
    if row is None or not reaches(call.principal, call.reach, Owners(people=(row[1], *(agent or ())), area=row[2])):
        raise Refused(order_unknown())
    return _Row(*row)


OPERATIONS: Final = (orders, order, cancel_order, open_payment, notify_payment)
