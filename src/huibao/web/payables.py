"""What hospitals are owed and paid, and what co-insurers owe the lead: each side reads its own."""

from datetime import date, datetime
from typing import Any, Final

import msgspec

from huibao.core.time import SHANGHAI, business_date
from huibao.db import sqlfile
from huibao.payables.model import Answer, Call, CalledTold, CallTold, PayoutTold, Prepay, Propose, Reissue, Statement, StatementTold
from huibao.payables.work import statement_told
from huibao.policies.numbers import policy_number, settlement_number
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call as Asked
from huibao.web.operations import Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.reads import MOST_LISTED
from huibao.web.settlements import TOLD
from huibao.web.words import Fen, Id

SQL: Final = sqlfile.load("huibao.payables")
_AT: Final = datetime(2026, 2, 1, 9, 30, tzinfo=SHANGHAI)


class PayableLine(msgspec.Struct, frozen=True):
    """What a product owes a hospital, in fen: in all, of that in open statements, and by age in days. Below zero, it was taken back."""

    product: str
    hospital: str
    due_fen: int
    listed_fen: int
    to_30_fen: int
    to_60_fen: int
    to_90_fen: int
    over_90_fen: int


class PayableLines(msgspec.Struct, frozen=True):
    """Payables by product and hospital."""

    payables: tuple[PayableLine, ...]


@operation("GET", "/v1/{programme}/payables", asks=Nothing, answers=PayableLines,
           answered=PayableLines((PayableLine("example-2026", "H1", 1_200_000, 0, 1_200_000, 0, 0, 0),)))
async def payables(call: Asked[Nothing]) -> PayableLines:
    """Lists what hospitals are owed, by product and age: a hospital its own, an insurer the products it leads."""
    shelf = await call.engine.shelf(call.path["programme"])
    async with call.engine.reading(call.path["programme"]) as connection:
        if call.reach == "hospital":
            hospitals = [call.principal.provider or ""]
        else:
            hospitals = [row[0] for row in await (await connection.execute(SQL["hospitals_paid"])).fetchall()]
        given = {"hospitals": hospitals, "on": business_date(call.engine.clock.now())}
        rows = await (await connection.execute(SQL["payables"], given)).fetchall()
    mine = [row for row in rows if call.reach != "insurer" or shelf.offers[row[0]].lead == call.principal.insurer]
    return PayableLines(tuple(PayableLine(row[0], row[1], *(fen or 0 for fen in row[2:])) for row in mine))


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────

class NewStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement to propose: everything that a product owes a hospital up to a day."""

    hospital: Id
    product: Id
    upto: date


_STATEMENT: Final = StatementTold(125, "H1", "example-2026", date(2026, 1, 31), 1, 1_200_000, 0, 1_200_000, "proposed", "待医院核对确认。",
                                  "waits for the hospital to agree")


@operation("POST", "/v1/{programme}/statements", asks=NewStatement, answers=StatementTold, status=201, keyed=True, refuses=(409, 422),
           asked=NewStatement("H1", "example-2026", date(2026, 1, 31)), answered=_STATEMENT)
async def propose_statement(call: Asked[NewStatement]) -> Reply:
    """Proposes a statement to a hospital; the lead of the product does."""
    asked = call.asked
    command = Propose(call.principal.id, call.principal.insurer, asked.hospital, asked.product, asked.upto)
    return told(await submit(call, "propose", asked, command), 201)


class StatementAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hospital says of a statement."""

    agree: bool


@operation("POST", "/v1/{programme}/statements/{statement}/answers", asks=StatementAnswer, answers=StatementTold, status=201, keyed=True,
           refuses=(409, 422), asked=StatementAnswer(True),
           answered=msgspec.structs.replace(_STATEMENT, state="agreed", zh="医院已确认，将支付 12,000.00 元。",
                                            en="agreed: 12,000.00 yuan will be paid"))
async def answer_statement(call: Asked[StatementAnswer]) -> Reply:
    """Agrees to a statement, which is then paid, or disputes it, and what it listed may stand in another."""
    command = Answer(call.principal.id, call.principal.provider or "", int(call.path["statement"]), call.asked.agree)
    return told(await submit(call, "answer", (call.path["statement"], call.asked), command), 201)


class StatementLine(msgspec.Struct, frozen=True):
    """One movement that a statement lists; below zero was taken back."""

    settlement: str
    setl_id: str
    policy: str
    fen: int
    at: datetime


class StatementRead(msgspec.Struct, frozen=True):
    """A statement with what it lists."""

    statement: StatementTold
    lines: tuple[StatementLine, ...]


@operation("GET", "/v1/{programme}/statements/{statement}", asks=Nothing, answers=StatementRead,
           answered=StatementRead(_STATEMENT, (
               StatementLine(TOLD.settlement, TOLD.setl_id, policy_number("990000", 123, 1), 1_200_000, _AT),)))
async def statement(call: Asked[Nothing]) -> StatementRead:
    """Reads a statement line by line; both sides read the same."""
    code, given = call.path["programme"], {"statement": int(call.path["statement"])}
    shelf = await call.engine.shelf(code)
    async with call.engine.reading(code) as connection:
        row = await (await connection.execute(SQL["statement"], given)).fetchone()
        lines = await (await connection.execute(SQL["statement_lines"], given)).fetchall()
    if row is None or not reaches(call.principal, call.reach, Owners(insurers=(shelf.offers[row[2]].lead,), hospitals=(row[1],))):
        raise Refused(refusals.statement_unknown())
    return StatementRead(statement_told(Statement(*row)), tuple(
        StatementLine(settlement_number(code, id), setl_id, policy_number(code, order, position), fen, at)
        for id, setl_id, order, position, fen, at in lines))


class NewPrepayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money for a hospital ahead of what it will deduct."""

    hospital: Id
    product: Id
    fen: Fen


@operation("POST", "/v1/{programme}/prepayments", asks=NewPrepayment, answers=PayoutTold, status=201, keyed=True, refuses=(422,),
           asked=NewPrepayment("H1", "example-2026", 5_000_000), answered=PayoutTold(8, 5_000_000, "due"))
async def prepay_hospital(call: Asked[NewPrepayment]) -> Reply:
    """Pays a hospital ahead; its later statements are set off against it."""
    asked = call.asked
    command = Prepay(call.principal.id, call.principal.insurer, asked.hospital, asked.product, asked.fen)
    return told(await submit(call, "prepay", asked, command), 201)


@operation("POST", "/v1/{programme}/payouts/{payout}/reissues", asks=Nothing, answers=PayoutTold, status=201, keyed=True,
           refuses=(409, 422), answered=PayoutTold(7, 1_200_000, "due"))
async def reissue_payout(call: Asked[Nothing]) -> Reply:
    """Pays again what came back from a bank, to the account that is known now."""
    command = Reissue(call.principal.id, call.principal.insurer, int(call.path["payout"]))
    return told(await submit(call, "reissue", call.path["payout"], command), 201)


# ── the pool ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@operation("POST", "/v1/{programme}/products/{product}/recoveries", asks=Nothing, answers=CallTold, status=201, keyed=True, refuses=(422,),
           answered=CallTold("example-2026", (CalledTold("hongtu", 1, 480_000),)))
async def call_recoveries(call: Asked[Nothing]) -> Reply:
    """Calls the co-insurers' parts of the claims so far in, by the shares at each policy's inception, to the fen （XJ-2.3）."""
    product = call.path["product"]
    return told(await submit(call, "call", product, Call(call.principal.id, call.principal.insurer, product)), 201)


class RecoveryLine(msgspec.Struct, frozen=True):
    """A co-insurer's part that was called in, and whether it arrived."""

    recovery: int
    version: int
    insurer: str
    fen: int
    state: str
    called_at: datetime
    received_at: datetime | None


class RecoveryLines(msgspec.Struct, frozen=True):
    """Parts of a product's claims that were called in, newest first."""

    product: str
    recoveries: tuple[RecoveryLine, ...]


@operation("GET", "/v1/{programme}/products/{product}/recoveries", asks=Nothing, answers=RecoveryLines,
           answered=RecoveryLines("example-2026", (RecoveryLine(1, 1, "hongtu", 480_000, "received", _AT, _AT),)))
async def recoveries(call: Asked[Nothing]) -> RecoveryLines:
    """Lists what was called in of co-insurers: the lead reads all of a product's, a co-insurer its own."""
    product = call.path["product"]
    offer = (await call.engine.shelf(call.path["programme"])).offers.get(product)
    if offer is None:
        raise Refused(refusals.product_unknown())
    async with call.engine.reading(call.path["programme"]) as connection:
        rows: list[Any] = await (await connection.execute(SQL["recoveries_of"], {"product": product, "most": MOST_LISTED})).fetchall()
    if call.reach == "insurer" and call.principal.insurer != offer.lead:
        rows = [row for row in rows if row[2] == call.principal.insurer]
        if not rows:
            raise Refused(refusals.product_unknown())
    return RecoveryLines(product, tuple(RecoveryLine(*row) for row in rows))


class PayoutLine(msgspec.Struct, frozen=True):
    """A payout: to a hospital for a statement, or ahead where it names none; or to a person for a settlement."""

    payout: int
    product: str
    hospital: str | None
    statement: int | None
    settlement: str | None
    fen: int
    state: str
    due_on: date
    ended_at: datetime | None


class PayoutLines(msgspec.Struct, frozen=True):
    """Payouts, newest first."""

    payouts: tuple[PayoutLine, ...]


@operation("GET", "/v1/{programme}/payouts", asks=Nothing, answers=PayoutLines,
           answered=PayoutLines((PayoutLine(7, "example-2026", "H1", 125, None, 1_200_000, "paid", date(2026, 2, 10), _AT),)))
async def payouts(call: Asked[Nothing]) -> PayoutLines:
    """Lists payouts: an insurer those of products it leads, a hospital those it is paid."""
    code = call.path["programme"]
    shelf = await call.engine.shelf(code)
    products = [id for id, offer in shelf.offers.items() if call.reach != "insurer" or offer.lead == call.principal.insurer]
    given = {"products": products, "hospital": (call.principal.provider or "") if call.reach == "hospital" else "", "most": MOST_LISTED}
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(SQL["payouts_of"], given)).fetchall()
    return PayoutLines(tuple(
        PayoutLine(id, product, hospital, statement, settlement_number(code, about) if about else None, *rest)
        for id, product, hospital, statement, about, *rest in rows))


OPERATIONS: Final = (
    payables, payouts, propose_statement, answer_statement, statement, prepay_hospital, reissue_payout, call_recoveries, recoveries)
