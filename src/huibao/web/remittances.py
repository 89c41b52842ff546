"""Account money on its way to insurers: batches, their lines and files, what banks answered, what the insurer received."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.core.chain import sm3
from huibao.core.time import SHANGHAI, business_date
from huibao.db import sqlfile
from huibao.policies.numbers import order_number, policy_number
from huibao.remittance.accounts import masked
from huibao.remittance.batches import batch_told, resolved_told
from huibao.remittance.files import BatchFile, read_return
from huibao.remittance.model import (
    Acknowledge,
    BankFileTold,
    Batch,
    BatchTold,
    Case,
    Make,
    ReadBack,
    ReceiptTold,
    RejectedRow,
    Resolution,
    Resolve,
    ResolvedTold,
    Sum,
)
from huibao.remittance.schedule import start_of
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.words import END, MOST_FEN, Id

SQL: Final = sqlfile.load("huibao.remittance")
CSV: Final = "text/csv"
#: A batch of a hundred thousand lines is answered in some five megabytes.
MOST_BYTES: Final = 64 * 1024 * 1024
#: So many lines are read at a time, and so many told.
PAGE: Final = 2_000
LISTED: Final = 100

_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)
_DAY: Final = timedelta(days=1)
_FIRST, _LAST = date(2000, 1, 1), date(9000, 1, 1)
_PAID: Final = Batch(126, "example-2026", "anxin", 127, _AT, 2, 33_600, "answered", paid=Sum(2, 33_600))


class BatchRead(msgspec.Struct, frozen=True):
    """A batch, in fen: what it lists up to its cut-off, where it goes, and how its lines stand. `not_open` are no part of it."""

    remittance: int
    at: datetime
    product: str
    insurer: str
    bank: str
    account: str
    until: datetime
    state: str
    count: int
    fen: int
    paid_count: int
    paid_fen: int
    failed_count: int
    failed_fen: int
    not_open: int
    answered_at: datetime | None
    confirmed_at: datetime | None
    confirmed_fen: int | None


READ: Final = BatchRead(126, _AT, "example-2026", "anxin", "某某银行营业部", "****0123", _AT, "answered", 2, 33_600, 2, 33_600, 0, 0, 0, _AT,
                        None, None)


# ── making and reading batches ───────────────────────────────────────────────────────────────────────────────────────

class NewRemittance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product's batch: everything captured up to the end of a day, today unless told."""

    product: Id
    upto: date | None = None


@operation("POST", "/v1/{programme}/remittances", asks=NewRemittance, answers=BatchTold, status=201, keyed=True, refuses=(422,),
           asked=NewRemittance("example-2026", date(2026, 1, 4)),
           answered=batch_told(Batch(126, "example-2026", "anxin", 127, _AT, 2, 33_600, "listed", Sum(2, 33_600))))
async def make_remittance(call: Call[NewRemittance]) -> Reply:
    """Lists all account money of a product that stands in no batch; what the schedule does by itself （LZ-14）."""
    upto = call.asked.upto or business_date(call.engine.clock.now())
    command = Make(call.principal.id, call.asked.product, start_of(min(upto, _LAST) + _DAY))
    return told(await submit(call, "make_remittance", call.asked, command), 201)


class BatchesAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one product, made within days, before which number: the last of the page before."""

    product: Id | None = None
    since: date | None = None
    until: date | None = None
    before: Annotated[int, Meta(ge=1, le=2**62)] | None = None


class Batches(msgspec.Struct, frozen=True):
    """Batches, the newest first; `next` is what to ask `before` for more, none at the end."""

    remittances: tuple[BatchRead, ...]
    next: int | None


@operation("GET", "/v1/{programme}/remittances", asks=BatchesAsked, answers=Batches, answered=Batches((READ,), None))
async def remittances(call: Call[BatchesAsked]) -> Batches:
    """Lists batches; an insurer reads those of products it leads."""
    asked = call.asked
    found = await batches_of(call, await products(call, asked.product), asked.since, asked.until, before=asked.before or 0)
    return Batches(tuple(found), found[-1].remittance if len(found) == LISTED else None)


@operation("GET", "/v1/{programme}/remittances/{remittance}", asks=Nothing, answers=BatchRead, answered=READ)
async def remittance(call: Call[Nothing]) -> BatchRead:
    """Reads a batch: what it lists, where it goes, how its lines stand."""
    return await one_batch(call)


async def products(call: Call[Any], only: str | None = None) -> list[str]:
    """The products whose batches the caller reads."""
    offers = (await call.engine.shelf(call.path["programme"])).offers
    return [id for id, offer in offers.items()
            if only in (None, id) and reaches(call.principal, call.reach, Owners(insurers=(offer.lead,)))]


async def batches_of(
    call: Call[Any], of: Sequence[str], since: date | None, until: date | None, before: int = 0, only: int = 0, most: int | None = LISTED
) -> list[BatchRead]:
    """Batches of products that were made within days, both included; the newest first, and all of them with `most` None."""
    given = {"products": list(of), "since": start_of(since or _FIRST), "until": start_of(min(until or _LAST, _LAST) + _DAY),
             "before": before, "remittance": only, "most": most}
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(SQL["batches_page"], given)).fetchall()
    return [BatchRead(id, at, product, insurer, bank, masked(tail), *rest) for id, at, product, insurer, bank, tail, *rest in rows]


async def one_batch(call: Call[Any]) -> BatchRead:
    found = await batches_of(call, await products(call), None, None, only=int(call.path["remittance"]))
    if not found:
        raise Refused(refusals.remittance_unknown())
    return found[0]


# ── lines and files ──────────────────────────────────────────────────────────────────────────────────────────────────

class LinesAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines in one state, after which entry: the last of the page before."""

    state: Literal["listed", "paid", "failed"] | None = None
    after: Annotated[int, Meta(ge=0, le=2**62)] | None = None


class BatchLine(msgspec.Struct, frozen=True):
    """A line: one movement of account money for one policy. `reason` is why it failed."""

    entry: int
    order: str
    policy: str
    fen: int
    state: str
    reason: str | None


class BatchLines(msgspec.Struct, frozen=True):
    """Lines by entry; `next` is what to ask `after` for more, none at the end."""

    lines: tuple[BatchLine, ...]
    next: int | None


@operation("GET", "/v1/{programme}/remittances/{remittance}/lines", asks=LinesAsked, answers=BatchLines,
           answered=BatchLines((
               BatchLine(10_023, order_number("990000", 123), policy_number("990000", 123, 1), 16_800, "paid", None),), None))
async def remittance_lines(call: Call[LinesAsked]) -> BatchLines:
    """Reads a batch line by line. Whose account was not open is no part of it, and the agency alone reads that."""
    batch, asked = await one_batch(call), call.asked
    rows = await _rows(call, batch.remittance, asked.after or 0, asked.state or "", uncounted=call.reach == "programme")
    code = call.path["programme"]
    return BatchLines(
        tuple(BatchLine(entry, order_number(code, order), policy_number(code, order, position), fen, state, reason)
              for entry, order, position, fen, state, reason in rows),
        rows[-1][0] if len(rows) == PAGE else None)


async def _rows(call: Call[Any], batch: int, after: int, state: str = "", *, uncounted: bool = False) -> list[tuple[Any, ...]]:
    given = {"remittance": batch, "after": after, "state": state, "uncounted": uncounted, "most": PAGE}
    async with call.engine.reading(call.path["programme"]) as connection:
        return await (await connection.execute(SQL["lines_page"], given)).fetchall()


async def pages(call: Call[Any], batch: int) -> AsyncIterator[list[tuple[Any, ...]]]:
    """All lines of a batch's file, page by page: what it lists never changes."""
    after = 0
    while rows := await _rows(call, batch, after):
        yield rows
        after = rows[-1][0]


class BatchControl(msgspec.Struct, frozen=True):
    """The control totals of a batch's file: lines, fen, and the SM3 of all its bytes before the last line, in hex."""

    remittance: int
    count: int
    fen: int
    sm3: str


CONTROL: Final = BatchControl(126, 2, 33_600, sm3(b"record,entry,order,policy,fen\n").hex())


@operation("GET", "/v1/{programme}/remittances/{remittance}/file", asks=Nothing, answers=BatchControl, answered=CONTROL, also=(CSV,))
async def remittance_file(call: Call[Nothing]) -> BatchControl | Reply:
    """Reads the control totals of a batch's file, or where CSV is asked for the file itself; nobody is named in it."""
    batch = await one_batch(call)
    if CSV.encode() in call.headers.get(b"accept", b""):
        name = f"remittance-{call.path['programme']}-{batch.remittance}.csv"
        return Reply(b"", 200, {"Content-Disposition": f'attachment; filename="{name}"'}, media_type=f"{CSV}; charset=utf-8",
                     stream=_file(call, batch.remittance))
    return await control(call, batch)


async def _file(call: Call[Any], batch: int) -> AsyncIterator[bytes]:
    file = BatchFile(call.path["programme"])
    yield file.head()
    async for rows in pages(call, batch):
        yield file.lines([row[:4] for row in rows])
    yield file.total()


async def control(call: Call[Any], batch: BatchRead) -> BatchControl:
    """What the file of a batch comes to."""
    file = BatchFile(call.path["programme"])
    file.head()
    async for rows in pages(call, batch.remittance):
        file.lines([row[:4] for row in rows])
    return BatchControl(batch.remittance, file.count, file.fen, file.digest())


@operation("POST", "/v1/{programme}/remittances/{remittance}/returns", asks=Nothing, answers=BankFileTold, status=201, keyed=True,
           refuses=(409, 422), answered=BankFileTold(batch_told(_PAID), 2, 0, 0, 0, 1, (
               RejectedRow(4, "return.line_unknown", "批次中没有该笔，请核对明细编号与批次号。",
                           "the batch has no such entry: check its number and the batch's."),)),
           media=CSV, most_bytes=MOST_BYTES)
async def read_bank_return(call: Call[Nothing]) -> Reply:
    """Reads a bank's return file against its batch: by line, as a whole, or by totals; a row that is rejected says why.

    Columns `record,entry,count,fen,result,reason`. Read again it changes nothing; a paid line that failed later comes back.
    """
    remittance = int(call.path["remittance"])
    read = await asyncio.to_thread(read_return, call.raw)
    if isinstance(read, str):
        raise Refused(refusals.return_unreadable(read))
    command = ReadBack(call.principal.id, remittance, *read)
    return told(await submit(call, "read_bank_return", (remittance, sm3(call.raw).hex()), command), 201)


# ── the insurer's word, and people's ─────────────────────────────────────────────────────────────────────────────────

class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the insurer received of a batch, and the SM3 of the file that it compared with."""

    count: Annotated[int, Meta(ge=0, le=10**9)]
    fen: Annotated[int, Meta(ge=0, le=MOST_FEN)]
    sm3: Annotated[str, Meta(pattern="^[0-9a-f]{64}" + END)]


@operation("POST", "/v1/{programme}/remittances/{remittance}/receipts", asks=Receipt, answers=ReceiptTold, status=201, keyed=True,
           refuses=(409, 422), asked=Receipt(2, 33_600, CONTROL.sm3),
           answered=ReceiptTold(126, True, 2, 33_600, 2, 33_600, "与平台一致，已确认收款。", "agrees with what was paid: confirmed."))
async def confirm_remittance(call: Call[Receipt]) -> Reply:
    """Confirms what arrived of a batch; where it is not what was paid, a person looks into it."""
    batch, asked = await one_batch(call), call.asked
    same_file = (await control(call, batch)).sm3 == asked.sm3
    command = Acknowledge(call.principal.id, call.principal.insurer, batch.remittance, asked.count, asked.fen, same_file)
    return told(await submit(call, "confirm_remittance", (batch.remittance, asked), command), 201)


class CaseDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a movement that could not be remitted: `remit` lists it next time, whatever its account is; `kept` does not."""

    how: Resolution


@operation("POST", "/v1/{programme}/remittance-cases/{case}/decisions", asks=CaseDecision, answers=ResolvedTold, status=201, keyed=True,
           refuses=(409, 422), asked=CaseDecision("remit"),
           answered=resolved_told(Case(12, "example-2026", "account.frozen", 126, 7, "remit")))
async def decide_remittance_case(call: Call[CaseDecision]) -> Reply:
    """Decides on money that could not be remitted: whose account is frozen or closed, or what the bank could not pay."""
    case = int(call.path["case"])
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(SQL["case_area"], {"case": case})).fetchone()
    # A case of a whole batch is of no area, and not on the list of who has one.
    if row is None or not reaches(call.principal, call.reach, Owners(area=row[0] or "")):
        raise Refused(refusals.remittance_case_unknown())
    return told(await submit(call, "decide_remittance_case", (case, call.asked), Resolve(call.principal.id, case, call.asked.how)), 201)


OPERATIONS: Final = (
    make_remittance, remittances, remittance, remittance_lines, remittance_file, read_bank_return, confirm_remittance,
    decide_remittance_case)
