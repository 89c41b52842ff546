"""Refunds on their way: one by its number, what is owed and for how long, what insurers pay back, what is paid elsewhere."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.core.time import SHANGHAI, business_date
from huibao.policies.numbers import policy_number, read_refund, refund_number
from huibao.record.model import Sealed
from huibao.refunds import loading
from huibao.refunds.loading import SQL
from huibao.refunds.model import (
    Accept,
    AnswerRepayment,
    By,
    Confirm,
    DecideChannel,
    Evidence,
    PayElsewhere,
    Reason,
    RefundTold,
    Repay,
    RepaymentTold,
    Withdraw,
)
from huibao.refunds.refusals import refund_unknown, repayment_unknown
from huibao.refunds.told import repayment_told
from huibao.scheme.national import effect
from huibao.scheme.national_loading import builtin_national
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.reads import MOST_LISTED, opened
from huibao.web.surrenders import POLICY, REFUND_NUMBER
from huibao.web.words import END, MOST_FEN, Fen, Id, Text

_EVIDENCE: Final = msgspec.json.Decoder(Evidence)
#: Where no national rule says: 保险法第四十七条, thirty days after the insurer was told that the contract is given back.
_DAYS: Final = 30
_AT: Final = datetime(2026, 3, 2, 18, tzinfo=SHANGHAI)
_NUMBER: Final = "^[0-9]{6}-R[0-9]{12}-[0-9]" + END

RefundNumber = Annotated[str, Meta(pattern=_NUMBER, description="A refund's number.", examples=[REFUND_NUMBER])]


class RefundLine(msgspec.Struct, frozen=True):
    """A refund in a list: how it stands, since when and by when it is due. `repayment` is the insurer's, where it told of one."""

    refund: str
    policy: str
    source: str
    fen: int
    state: str
    at: datetime
    days: int
    due_on: date
    product: str
    insurer: str
    repayment: int | None


class RefundLines(msgspec.Struct, frozen=True):
    """Refunds, a page of them; `owed_fen` is what insurers owe of all that the caller reaches, on whichever page."""

    refunds: tuple[RefundLine, ...]
    owed_fen: int


class Which(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those after this number, and in this state; a member's own are all listed."""

    after: RefundNumber | None = None
    state: Literal["waiting", "owed", "sent"] | None = None


_LINE: Final = RefundLine(REFUND_NUMBER, POLICY, "personal", 16_800, "owed", _AT, 12, date(2026, 4, 1), "example-2026", "anxin", None)


@operation("GET", "/v1/{programme}/refunds", asks=Which, answers=RefundLines, answered=RefundLines((_LINE,), 16_800))
async def refunds(call: Call[Which]) -> RefundLines:
    """Lists refunds: a member's own, newest first; else those on their way with their age, the oldest first, an insurer's its own."""
    code, on = call.path["programme"], business_date(call.engine.clock.now())
    after = read_refund(code, call.asked.after) if call.asked.after else 0
    if after is None:
        raise Refused(refund_unknown())
    async with call.engine.reading(code) as connection:
        if call.reach == "own":
            of = {"person": call.person, "most": MOST_LISTED}
            rows = await (await connection.execute(SQL["refunds_of"], of)).fetchall()
            owed = await (await connection.execute(SQL["owed_to"], of)).fetchone()
        else:
            given = {"after": after, "state": call.asked.state or "", "most": MOST_LISTED,
                     "insurer": (call.principal.insurer or "") if call.reach == "insurer" else "",
                     "area": (call.principal.area or "") if call.reach == "programme" else ""}
            rows = await (await connection.execute(SQL["refunds_open"], given)).fetchall()
            owed = await (await connection.execute(SQL["owed"], given)).fetchone()
    return RefundLines(tuple(_line(code, row, on) for row in rows), owed[0] if owed else 0)


def _line(code: str, row: tuple[Any, ...], on: date) -> RefundLine:
    id, order, position, source, fen, state, at, product, insurer, repayment = row
    since = business_date(at)
    return RefundLine(refund_number(code, id), policy_number(code, order, position), source, fen, state, at, (on - since).days,
                      since + timedelta(days=_days(since)), product, insurer, repayment)


def _days(on: date) -> int:
    rule = effect(builtin_national(), on, "refund_days")
    return int(str(rule.value)) if rule is not None else _DAYS


# ── one ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

class ConfirmedBy(msgspec.Struct, frozen=True):
    """A clerk of the agency who confirmed that the account cannot be credited, or said what the cash channel did (`sent-back`,
    `elsewhere`), and when that was withdrawn, if it was.

    The document is the holder's, the agency's, the bureau's and the auditor's to read, and not the insurer's.
    """

    clerk: int
    at: datetime
    reason: str
    document: str | None
    withdrawn_at: datetime | None


class AcceptedBy(msgspec.Struct, frozen=True):
    """Where the member or the heirs accept to be paid: the insurer names the number that it paid by.

    Only who pays it, the agency and the holder read the account.
    """

    number: int
    by: str
    at: datetime
    payee: str | None
    bank_account: str | None
    evidence: str | None


class RefundRead(msgspec.Struct, frozen=True):
    """One refund: what it is of, how it stands, and how it went or may go.

    `way` is the movement that ended it, `reference` the insurer's bank's where it was paid elsewhere, `declined` why the system that
    keeps the account would not take it.
    """

    refund: RefundLine
    ended_at: datetime | None
    way: str | None
    limit_year: int | None
    declined: str | None
    confirmed: tuple[ConfirmedBy, ...]
    accepted: AcceptedBy | None
    reference: str | None


@operation("GET", "/v1/{programme}/refunds/{refund}", asks=Nothing, answers=RefundRead,
           answered=RefundRead(_LINE, None, None, None, None, (ConfirmedBy(42, _AT, "closed", "柳医保函〔2026〕12号", None),),
                               AcceptedBy(141, "member", _AT, "某某", "6222000000000000001", ""), None))
async def refund(call: Call[Nothing]) -> RefundRead:
    """Reads one refund: where it stands, who confirmed what, and where it is paid if not the way it came."""
    code = call.path["programme"]
    row = await _found(call)
    id, order, position, source, fen, state, year, at, ended, product, lead, _, _, repayment, way, declined, reference = row
    async with call.engine.reading(code) as connection:
        said = await (await connection.execute(SQL["confirmations"], {"refund": id})).fetchall()
        agreed = await (await connection.execute(SQL["acceptance"], {"refund": id})).fetchone()
    line = _line(code, (id, order, position, source, fen, state, at, product, lead, repayment), business_date(call.engine.clock.now()))
    return RefundRead(line, ended, way, year, declined, tuple(_confirmed(call, one) for one in said), _accepted(call, agreed), reference)


def _confirmed(call: Call[Any], row: tuple[Any, ...]) -> ConfirmedBy:
    clerk, at, reason, withdrawn, *sealed = row
    evidence = _evidence(call, sealed) if call.reach in ("own", "programme") else None
    return ConfirmedBy(clerk, at, reason, evidence.document if evidence else None, withdrawn)


def _accepted(call: Call[Any], row: tuple[Any, ...] | None) -> AcceptedBy | None:
    if row is None:
        return None
    number, by, at, *sealed = row
    evidence = _evidence(call, sealed) if call.reach in ("own", "insurer") or call.principal.role == "agency" else None
    if evidence is None:
        return AcceptedBy(number, by, at, None, None, None)
    return AcceptedBy(number, by, at, evidence.payee, evidence.account, evidence.evidence)


def _evidence(call: Call[Any], sealed: list[Any]) -> Evidence | None:
    """What was put down, unsealed; None where the person was erased."""
    plain = opened(call, Sealed(*sealed))
    return _EVIDENCE.decode(plain) if plain is not None else None


async def _found(call: Call[Any]) -> tuple[Any, ...]:
    """The refund with the number in the path, where the caller reaches it."""
    id = read_refund(call.path["programme"], call.path["refund"])
    row: tuple[Any, ...] | None = None
    if id is not None:
        async with call.engine.reading(call.path["programme"]) as connection:
            row = await (await connection.execute(SQL["refund"], {"refund": id})).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(people=(row[11],), insurers=(row[10],), area=row[12])):
        raise Refused(refund_unknown())
    return row


# ── what insurers pay back ───────────────────────────────────────────────────────────────────────────────────────────

class NewRepayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one transfer of the insurer's bank pays back to the agency: which refunds, how much in all, under which reference."""

    refunds: Annotated[tuple[RefundNumber, ...], Meta(min_length=1, max_length=1000)]
    fen: Fen
    reference: Id


_REPAID: Final = RepaymentTold(130, "anxin", "B20260315-7", (REFUND_NUMBER,), 16_800, "told", "保险公司已划款 168.00 元，待经办机构确认到账。",
                               "168.00 yuan are on their way: the agency says what arrives")


@operation("POST", "/v1/{programme}/repayments", asks=NewRepayment, answers=RepaymentTold, status=201, keyed=True, refuses=(409, 422),
           asked=NewRepayment((REFUND_NUMBER,), 16_800, "B20260315-7"), answered=_REPAID)
async def repay(call: Call[NewRepayment]) -> Reply:
    """Says which refunds of account money one bank transfer to the agency pays back, to the fen; nothing is netted against a batch."""
    asked, code = call.asked, call.path["programme"]
    ids = tuple(read_refund(code, number) or 0 for number in asked.refunds)
    command = Repay(call.principal.id, call.principal.insurer, ids, asked.reference, asked.fen)
    return told(await submit(call, "repay", asked, command), 201)


class RepaymentAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What arrived of a repayment, in fen; 0 where nothing came."""

    received_fen: Annotated[int, Meta(ge=0, le=MOST_FEN)]


@operation("POST", "/v1/{programme}/repayments/{repayment}/answers", asks=RepaymentAnswer, answers=RepaymentTold, status=201, keyed=True,
           refuses=(409, 422), asked=RepaymentAnswer(16_800),
           answered=msgspec.structs.replace(_REPAID, state="received", zh="168.00 元已到账，已计入各账户。",
                                            en="168.00 yuan arrived, and the accounts are credited"))
async def answer_repayment(call: Call[RepaymentAnswer]) -> Reply:
    """Says what arrived: where it is what the insurer told, to the fen, each account is credited."""
    command = AnswerRepayment(call.principal.id, int(call.path["repayment"]), call.asked.received_fen)
    return told(await submit(call, "answer_repayment", (call.path["repayment"], call.asked), command), 201)


class RepaymentLines(msgspec.Struct, frozen=True):
    """Repayments that wait for what the agency says, the oldest first."""

    repayments: tuple[RepaymentTold, ...]


@operation("GET", "/v1/{programme}/repayments", asks=Nothing, answers=RepaymentLines, answered=RepaymentLines((_REPAID,)))
async def repayments(call: Call[Nothing]) -> RepaymentLines:
    """Lists repayments on their way: what the agency looks for on its bank account."""
    code = call.path["programme"]
    given = {"insurer": (call.principal.insurer or "") if call.reach == "insurer" else "", "most": MOST_LISTED}
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(SQL["repayments_told"], given)).fetchall()
    return RepaymentLines(tuple(repayment_told(code, loading.repayment(row)) for row in rows))


@operation("GET", "/v1/{programme}/repayments/{repayment}", asks=Nothing, answers=RepaymentTold, answered=_REPAID)
async def repayment(call: Call[Nothing]) -> RepaymentTold:
    """Reads a repayment with the refunds that it lists; both sides read the same."""
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        row = await (await connection.execute(SQL["repayment"], {"repayment": int(call.path["repayment"])})).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(insurers=(row[1],))):
        raise Refused(repayment_unknown())
    return repayment_told(code, loading.repayment(row))


# ── elsewhere ────────────────────────────────────────────────────────────────────────────────────────────────────────

class AccountConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the account cannot be credited, and the document that says so."""

    reason: Reason
    document: Text


_MOVED: Final = RefundTold(REFUND_NUMBER, "personal", 16_800, "owed", "资金已在保险公司，由其退还；2 位经办人员已确认账户不能入账，须 2 位。",
                           "the money is with the insurer, who pays it back; 2 of 2 clerks confirmed that its account cannot be credited.",
                           2, 2)


@operation("POST", "/v1/{programme}/refunds/{refund}/account-confirmations", asks=AccountConfirmation, answers=RefundTold, status=201,
           keyed=True, refuses=(409, 422), asked=AccountConfirmation("closed", "柳医保函〔2026〕12号"), answered=_MOVED)
async def confirm_account_closed(call: Call[AccountConfirmation]) -> Reply:
    """Confirms, for the record, that a refund's account cannot be credited; by as many clerks as the scheme asks （LZ-15b）."""
    id, asked = (await _found(call))[0], call.asked
    return told(await submit(call, "confirm_account_closed", (call.path["refund"], asked),
                             Confirm(call.principal.id, id, asked.reason, asked.document)), 201)


@operation("POST", "/v1/{programme}/refunds/{refund}/account-confirmations/withdrawal", asks=Nothing, answers=RefundTold, keyed=True,
           refuses=(409,),
           answered=RefundTold(REFUND_NUMBER, "personal", 16_800, "owed", "资金已在保险公司，由其退还。", "the money is with the insurer, who pays"
                               " it back."))
async def withdraw_confirmation(call: Call[Nothing]) -> Reply:
    """Takes the caller's own confirmation back, as long as nobody accepted to be paid elsewhere: the refund goes its way again."""
    id = (await _found(call))[0]
    return told(await submit(call, "withdraw_confirmation", call.path["refund"], Withdraw(call.principal.id, id)), 200)


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the member, or the heirs with their evidence, accept to be paid. A member accepts for oneself."""

    payee: Text
    bank_account: Annotated[str, Meta(pattern="^[0-9]{8,32}" + END)]
    by: By = "member"
    evidence: Text | Literal[""] = ""


@operation("POST", "/v1/{programme}/refunds/{refund}/acceptances", asks=Acceptance, answers=RefundTold, status=201, keyed=True,
           refuses=(409, 422), asked=Acceptance("某某", "6222000000000000001"),
           answered=msgspec.structs.replace(_MOVED, zh=f"{_MOVED.zh[:-1]}；已登记收款方式。",
                                            en=f"{_MOVED.en[:-1]}; where to pay it is known."))
async def accept_refund(call: Call[Acceptance]) -> Reply:
    """Names where a refund that cannot go back the way it came is to be paid; the account is sealed （LZ-15b）."""
    id, asked = (await _found(call))[0], call.asked
    buyer = call.person if call.reach == "own" else None
    command = Accept(call.principal.id, id, asked.by, asked.payee, asked.bank_account, asked.evidence, buyer)
    return told(await submit(call, "accept_refund", (call.path["refund"], asked), command), 201)


class PaidElsewhere(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reference of the insurer's bank under which the refund was paid, and the number of the acceptance that it was paid by."""

    reference: Id
    acceptance: Annotated[int, Meta(ge=1, le=10**18 - 1)]


@operation("POST", "/v1/{programme}/refunds/{refund}/payments", asks=PaidElsewhere, answers=RefundTold, status=201, keyed=True,
           refuses=(409, 422), asked=PaidElsewhere("B20260402-1", 141),
           answered=RefundTold(REFUND_NUMBER, "personal", 16_800, "done", "已退回。", "back where it came from.", 2, 2))
async def pay_refund(call: Call[PaidElsewhere]) -> Reply:
    """Says that the insurer paid a refund as it was accepted."""
    id, asked = (await _found(call))[0], call.asked
    command = PayElsewhere(call.principal.id, call.principal.insurer, id, asked.reference, asked.acceptance)
    return told(await submit(call, "pay_refund", (call.path["refund"], asked), command), 201)


# ── cash ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

class ChannelDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the channel's own books say of a refund that it answers oddly about, and the document that says so."""

    outcome: Literal["sent-back", "elsewhere"]
    document: Text


@operation("POST", "/v1/{programme}/refunds/{refund}/channel-decisions", asks=ChannelDecision, answers=RefundTold, status=201, keyed=True,
           refuses=(409, 422), asked=ChannelDecision("sent-back", "支付渠道对账单 2026-03-20"),
           answered=RefundTold(REFUND_NUMBER, "cash", 50_000, "done", "已退回。", "back where it came from.", 2, 2))
async def decide_channel_refund(call: Call[ChannelDecision]) -> Reply:
    """Says what the cash channel did of a refund that it speaks oddly about; when a second clerk says the same, that became of it."""
    id, asked = (await _found(call))[0], call.asked
    return told(await submit(call, "decide_channel_refund", (call.path["refund"], asked),
                             DecideChannel(call.principal.id, id, asked.outcome, asked.document)), 201)


OPERATIONS: Final = (
    refunds, refund, repay, answer_repayment, repayments, repayment, confirm_account_closed, withdraw_confirmation, accept_refund,
    pay_refund, decide_channel_refund)
