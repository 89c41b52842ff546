"""Reading settlements: each step of one by its number, for the person, the hospital, the insurer, the auditor; what waits."""

from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from huibao.core.money import yuan
from huibao.core.time import SHANGHAI
from huibao.db import sqlfile
from huibao.endorsements.facts import CORRECTABLE
from huibao.endorsements.model import Answered
from huibao.endorsements.told import named
from huibao.policies.numbers import order_number, policy_number, settlement_number
from huibao.record.model import Sealed
from huibao.settlement.evidence import unpacked
from huibao.settlement.model import Agree, AgreedTold, SettlementTold
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.reads import MOST_LISTED, SQL, opened, whom
from huibao.web.settlements import TOLD, id_of
from huibao.web.words import END, PersonId

_ENDORSEMENTS: Final = sqlfile.load("huibao.endorsements")
_TOLD: Final = msgspec.json.Decoder(SettlementTold)
_ANSWERED: Final = msgspec.json.Decoder(Answered)
_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)
_POLICY: Final = policy_number("990000", 123, 1)


class PaymentNow(msgspec.Struct, frozen=True):
    """What a policy pays of a settlement: as decided, as posted so far, as it would be now. Amounts in fen."""

    policy: str
    product: str
    pay_fen: int
    posted_fen: int
    target_fen: int


class PayoutNow(msgspec.Struct, frozen=True):
    """What goes to the insured's own account."""

    payout: int
    fen: int
    state: str
    due_on: date


class CorrectionNow(msgspec.Struct, frozen=True):
    """A correction after which another amount is right for a policy's payment: of which fact, holding from when, by which endorsement;
    before and after in fen, with each step as it is now. Of a relative's correction, or one that cannot be opened, no steps."""

    endorsement: int
    at: datetime
    policy: str
    before_fen: int
    after_fen: int
    zh: tuple[str, ...]
    en: tuple[str, ...]


class SettlementRead(msgspec.Struct, frozen=True):
    """A settlement as it stands, and the answer as it was given, with each step; none where the person was erased. What was corrected
    since stands in `corrections`: what was said is never rewritten."""

    settlement: str
    setl_id: str
    state: str
    payee: str
    hospital: str
    at: datetime
    person_fen: int
    pay_fen: int
    confirm_by: datetime | None
    adjusted_after: datetime | None
    reversed_by: str | None
    payments: tuple[PaymentNow, ...]
    payouts: tuple[PayoutNow, ...]
    told: SettlementTold | None
    corrections: tuple[CorrectionNow, ...] = ()


_READ: Final = SettlementRead(TOLD.settlement, TOLD.setl_id, "confirmed", "hospital", "H1", _AT, 3_000_000, 1_200_000, None, None, None,
                              (PaymentNow(_POLICY, "example-2026", 1_200_000, 1_200_000, 1_200_000),), (), TOLD)


@operation("GET", "/v1/{programme}/settlements/{settlement}", asks=Nothing, answers=SettlementRead, answered=_READ)
async def settlement(call: Call[Nothing]) -> SettlementRead:
    """Explains a settlement: every payer, each step with what was used before and what remains, and how it stands now."""
    code, id = call.path["programme"], id_of(call)
    async with call.engine.reading(code) as connection:
        row = await (await connection.execute(SQL["settlement"], {"settlement": id})).fetchone()
        payments = await (await connection.execute(SQL["payments_of"], {"settlement": id})).fetchall()
        payouts = await (await connection.execute(SQL["payouts_of"], {"settlement": id})).fetchall()
        sealed = await (await connection.execute(SQL["evidence"], {"request": id})).fetchone()
        corrected = await (await connection.execute(_ENDORSEMENTS["of_settlement"], {"settlement": id})).fetchall()
    if row is None:
        raise Refused(refusals.settlement_unknown())
    _, setl_id, person, area, hospital, at, _, state, payee, person_fen, _, deadline, adjust_at, reversed_by = row
    leads = {lead for _, _, _, lead, *_ in payments}
    if not reaches(call.principal, call.reach, Owners(people=(person,), insurers=leads, hospitals=(hospital,), area=area)):
        raise Refused(refusals.settlement_unknown())
    evidence = opened(call, Sealed(*sealed)) if sealed is not None else None
    whole = _TOLD.decode(unpacked(evidence).told) if evidence is not None else None
    mine = [found for found in payments if call.reach != "insurer" or found[3] == call.principal.insurer]
    return SettlementRead(
        settlement_number(code, id), setl_id, state, payee, hospital, at, person_fen, sum(found[4] for found in mine), deadline,
        adjust_at, reversed_by,
        tuple(PaymentNow(policy_number(code, order, position), product, *fen) for order, position, product, _, *fen in mine),
        tuple(PayoutNow(*payout) for *payout, product in payouts if product in {found[2] for found in mine}), _for_insurer(call, whole),
        tuple(_correction(call, person, id, row) for row in corrected if call.reach != "insurer" or row[7] == call.principal.insurer))


def _correction(call: Call[Any], person: int, settlement: int, row: tuple[Any, ...]) -> CorrectionNow:
    """A correction in words: what it was, then each step of what is right now."""
    endorsed, at, fact, since, about, order, position, _, before, after, answer, sealed, wrapped = row
    policy = policy_number(call.path["programme"], order, position)
    zh, en = named("correction", fact) if about == person else ("同户家庭成员的承保事实", "a relative's fact")
    from_zh, from_en = (f"自 {since} 起", f" from {since} on") if CORRECTABLE[fact].is_dated else ("已", "")
    said_zh = f"{zh}{from_zh}更正：应赔由 {yuan(before)} 元变为 {yuan(after)} 元。"
    said_en = f"{en}, corrected{from_en}: {yuan(before)} yuan were right, now {yuan(after)} are."
    evidence = opened(call, Sealed(answer, about, sealed, wrapped)) if sealed is not None and about == person else None
    steps = [one for one in (_ANSWERED.decode(evidence).steps if evidence is not None else ())
             if (one.settlement, one.policy) == (settlement, policy)]
    return CorrectionNow(endorsed, at, policy, before, after, (said_zh, *(step for one in steps for step in one.zh)),
                         (said_en, *(step for one in steps for step in one.en)))


def _for_insurer(call: Call[Any], whole: SettlementTold | None) -> SettlementTold | None:
    """An insurer reads what its own policies pay, and not what another's do: then neither who else bears the bill."""
    if whole is None or call.reach != "insurer":
        return whole
    mine = tuple(one for one in whole.policies if one.insurer == call.principal.insurer)
    if mine == whole.policies:
        return whole
    paid = sum(one.pay_fen for one in mine)
    return msgspec.structs.replace(whole, policies=mine, payers=(), pay_fen=paid, person_left_fen=whole.person_fen - paid, zh="", en="")


class SettlementLine(msgspec.Struct, frozen=True):
    """A settlement in a list."""

    settlement: str
    setl_id: str
    settled_on: date
    hospital: str
    state: str
    payee: str
    pay_fen: int


class SettlementLines(msgspec.Struct, frozen=True):
    """A member's settlements, newest first."""

    settlements: tuple[SettlementLine, ...]


@operation("GET", "/v1/{programme}/settlements", asks=Nothing, answers=SettlementLines,
           answered=SettlementLines((
               SettlementLine(TOLD.settlement, TOLD.setl_id, date(2026, 1, 5), "第一人民医院", "confirmed", "hospital", 1_200_000),)))
async def settlements(call: Call[Nothing]) -> SettlementLines:
    """Lists one's own settlements, newest first."""
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        rows = await connection.execute(SQL["settlements_of"], {"person": call.person, "most": MOST_LISTED})
        return SettlementLines(tuple(SettlementLine(settlement_number(code, id), *rest) for id, *rest in await rows.fetchall()))


class NoticeLine(msgspec.Struct, frozen=True):
    """What one was told, in both languages."""

    at: datetime
    settlement: str | None
    zh: str
    en: str
    order: str | None = None


class NoticeLines(msgspec.Struct, frozen=True):
    """What a member was told, newest first."""

    notices: tuple[NoticeLine, ...]


@operation("GET", "/v1/{programme}/notices", asks=Nothing, answers=NoticeLines,
           answered=NoticeLines((NoticeLine(_AT, TOLD.settlement, "商业补充医疗保险赔付 12,000.00 元，将支付到您登记的银行账户，无需申请。",
                                            "This insurance pays 12,000.00 yuan to your registered bank account, without an"
                                            " application."),)))
async def notices(call: Call[Nothing]) -> NoticeLines:
    """Lists what one was told about one's settlements and orders, newest first."""
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        rows = await connection.execute(SQL["notices_of"], {"person": call.person, "most": MOST_LISTED})
        return NoticeLines(tuple(
            NoticeLine(at, settlement_number(code, id) if id else None, zh, en, order_number(code, order) if order else None)
            for at, id, order, zh, en in await rows.fetchall()))


# ── paid without an application ──────────────────────────────────────────────────────────────────────────────────────

class PaymentAgreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bank account to be paid to without an application; none withdraws it. `person` is an agency's to name."""

    bank_account: Annotated[str, Meta(pattern="^[0-9]{8,32}" + END)] | None
    person: PersonId | None = None


@operation("POST", "/v1/{programme}/payment-agreements", asks=PaymentAgreement, answers=AgreedTold, status=201, keyed=True, refuses=(422,),
           asked=PaymentAgreement("6222000000000000001"),
           answered=AgreedTold(True, "已登记：此后的赔付直接支付到您的银行账户，无需申请，可随时撤回。", "Noted: you may withdraw this at any time."))
async def agree_to_payment(call: Call[PaymentAgreement]) -> Reply:
    """Agrees to be paid without an application where a settlement of basic insurance arrives, or withdraws that."""
    asked = call.asked
    person = await whom(call, asked.person)
    return told(await submit(call, "agree", asked, Agree(call.principal.id, person, asked.bank_account, call.reach != "own")), 201)


# ── what waits for a person ──────────────────────────────────────────────────────────────────────────────────────────

class After(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cases after this one."""

    after: Annotated[int, Meta(ge=0)] | None = None


class CaseLine(msgspec.Struct, frozen=True):
    """Something to look into: its kind, the likely cause, what it is about, until when."""

    case: int
    at: datetime
    kind: str
    cause: str
    settlement: str | None
    setl_id: str | None
    policy: str | None
    hospital: str | None
    on_day: date | None
    fen: int
    due_on: date | None
    payout: int | None
    order: str | None


class CaseLines(msgspec.Struct, frozen=True):
    """Open cases, the oldest first."""

    cases: tuple[CaseLine, ...]


@operation("GET", "/v1/{programme}/cases", asks=After, answers=CaseLines,
           answered=CaseLines((
               CaseLine(3, _AT, "less-due", "reversal.before_it", TOLD.settlement, TOLD.setl_id, _POLICY, "H1", None,
                        240_000, None, None, None),)))
async def cases(call: Call[After]) -> CaseLines:
    """Lists what waits for a person to look into: an insurer's products', a hospital's own, or all."""
    code, caller = call.path["programme"], call.principal
    given = {"after": call.asked.after or 0, "most": MOST_LISTED,
             "hospital": (caller.provider or "") if call.reach == "hospital" else "",
             "insurer": (caller.insurer or "") if call.reach == "insurer" else "",
             "area": (caller.area or "") if call.reach == "programme" else ""}
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(SQL["cases"], given)).fetchall()
    return CaseLines(tuple(
        CaseLine(id, at, kind, cause, settlement_number(code, about) if about else None, setl_id,
                 policy_number(code, order, position) if position is not None else None, hospital, day, fen, due, payout,
                 order_number(code, order) if order is not None and position is None else None)
        for id, at, kind, cause, about, setl_id, order, position, hospital, day, fen, due, payout in rows))


OPERATIONS: Final = (settlement, settlements, notices, agree_to_payment, cases)
