"""The discharge desk: a settlement and what a hospital says of it afterwards. The one message brings every payer in one answer."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.core.refusal import Refusal
from huibao.core.time import SHANGHAI
from huibao.gateways.national import ASKS, REVERSES, received
from huibao.policies.numbers import policy_number, read_settlement, settlement_number
from huibao.record.model import DONE, Answer
from huibao.settlement.covers import plainly
from huibao.settlement.evidence import unpacked
from huibao.settlement.model import (
    BenefitTold,
    Confirm,
    Judge,
    MovedTold,
    PayerTold,
    PolicyPaysTold,
    RemainingTold,
    Reverse,
    Settle,
    SettlementTold,
    Way,
    Withdraw,
)
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call, operation
from huibao.web.problems import Refused, Reply
from huibao.web.reads import SQL, opened
from huibao.web.words import END, Fen, Id, Text

#: A bill of thousands of lines.
MOST_BYTES: Final = 4 * 1024 * 1024

Fields = dict[str, Any]

_HOSPITAL: Final = re.compile("[!-~]{1,40}")


class SettlementMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A settlement of basic insurance as received from the national platform.

    `transaction` is the platform's (2304 in-patient, 2207 out-patient, 2102 pharmacy; 2303, 2206, 2101 ask beforehand; 2305, 2208,
    2103 take back). `answer` is the platform's answer, as the envelope or as its setlinfo alone; `request` is what was asked, whose
    data.setl_id names the original of a reversal; `visit` has what was sent at admission and discharge （2401, 2402）; `lines` are
    the lines of the bill （2301）. `hospital` is where the person was, where an agency sends for one.
    """

    transaction: Annotated[str, Meta(pattern="^[0-9]{4}" + END)]
    answer: Fields
    request: Fields | None = None
    visit: Fields | None = None
    lines: Annotated[tuple[Fields, ...], Meta(max_length=10_000)] = ()
    hospital: Id | None = None


_SETLINFO: Final[Fields] = {
    "setl_id": "S20260105001", "psn_no": "54000000000001001", "mdtrt_id": "M2026010500001", "setl_time": "2026-01-05 09:30:00",
    "med_type": "21", "insutype": "310", "medfee_sumamt": "40000.00", "inscp_scp_amt": "30000.00", "fulamt_ownpay_amt": "6000.00",
    "preselfpay_amt": "4000.00", "overlmt_selfpay": "0.00", "fund_pay_sumamt": "10000.00", "hifp_pay": "10000.00", "acct_pay": "0.00",
    "psn_cash_pay": "30000.00", "psn_part_amt": "30000.00"}
MESSAGE: Final = SettlementMessage("2304", {"infcode": 0, "output": {"setlinfo": _SETLINFO}},
                                   visit={"begndate": "2025-12-28", "enddate": "2026-01-05", "dise_codg": "J18.900"})
_NUMBER: Final = settlement_number("990000", 124)
_POLICY: Final = PolicyPaysTold(
    policy_number("990000", 123, 1), "example-2026", "示例产品", "anxin", 1_200_000,
    (BenefitTold("inpatient", "疾病住院费用", 2_800_000, 800_000, 2_000_000, 1_200_000, 1_200_000),),
    ("疾病住院费用：…… 赔付 12,000.00 元。", "合计赔付 12,000.00 元。"), ("inpatient: … Pays 12,000.00 yuan.", "In all 12,000.00 yuan."),
    (RemainingTold("年度免赔额", "deductible", "year", 800_000, 800_000, 0),), "7c1f" * 16, "1")
TOLD: Final = SettlementTold(
    _NUMBER, "S20260105001", "M2026010500001", "offered", "hospital", 4_000_000, 3_000_000, 1_200_000, 1_800_000,
    (PayerTold("hifp_pay", "基本医疗保险统筹基金", 1_000_000), PayerTold("commercial_pay", "商业补充医疗保险", 1_200_000),
     PayerTold("psn_cash_pay", "个人现金支付", 1_800_000)), (_POLICY,),
    "可赔付 12,000.00 元，请在收费时抵扣并确认。", "12,000.00 yuan are offered: deduct them from what the patient pays, and confirm.",
    confirm_by=datetime(2026, 1, 6, 9, 30, tzinfo=SHANGHAI))
MOVED: Final = MovedTold(_NUMBER, "confirmed", "hospital", 1_200_000, 1_200_000, "已确认抵扣 12,000.00 元，由承保机构与医院结算。",
                         "12,000.00 yuan were deducted, and the insurer owes them to the hospital.")


@operation("POST", "/v1/{programme}/settlements", asks=SettlementMessage, answers=SettlementTold, status=201, keyed=True,
           refuses=(409, 422), asked=MESSAGE, answered=TOLD, most_bytes=MOST_BYTES)
async def settle(call: Call[SettlementMessage]) -> Reply:
    """Settles a bill that basic insurance has settled, or takes one back.

    A hospital reads what to deduct, with every payer and every step, and confirms that it did. An agency sends for hospitals
    outside the desk, and the insured is paid directly. The same settlement answers the same whichever way it comes.
    """
    command = command_of(call, call.asked, "desk" if call.reach == "hospital" else "feed")
    if isinstance(command, Refusal):
        raise Refused(command)
    if call.principal.area is not None:
        await _area_of(call, command)
    answer = await submit(call, "settle", call.asked, command)
    return told(whole(call, answer) if isinstance(command, Settle) else answer, 201)


@operation("POST", "/v1/{programme}/pre-settlements", asks=SettlementMessage, answers=SettlementTold, status=200, keyed=True,
           refuses=(422,), asked=msgspec.structs.replace(MESSAGE, transaction="2303"),
           answered=msgspec.structs.replace(TOLD, settlement="", state="pre", confirm_by=None), most_bytes=MOST_BYTES)
async def pre_settle(call: Call[SettlementMessage]) -> Reply:
    """Says what would be paid as things stand; promises nothing, and moves nothing."""
    command = command_of(call, call.asked, "desk")
    if isinstance(command, Refusal):
        raise Refused(command)
    if isinstance(command, Reverse):
        raise Refused(refusals.not_a_bill())
    asked = Settle(command.credential, command.way, command.hospital, command.row, command.lines, command.notes, promises=False)
    return told(whole(call, await submit(call, "pre-settle", call.asked, asked)), 200)


def command_of(call: Call[Any], message: SettlementMessage, way: Way) -> Settle | Reverse | Refusal:
    """The command that a message is, by whoever sends it; or why it is none."""
    scheme = call.programme.scheme
    found = received(message.transaction, message.answer, message.request, message.visit, message.lines,
                     acct_inside_fund=scheme.acct_pay_counted == "inside-fund")
    if isinstance(found, Refusal):
        return plainly(found)
    named = message.hospital or str(found.row.get("fixmedins_code") or "")
    hospital = call.principal.provider or named
    if not _HOSPITAL.fullmatch(hospital):
        return refusals.hospital_needed()
    if named and named != hospital:
        return refusals.hospital_is_own()
    if found.transaction in REVERSES:
        return Reverse(call.principal.id, way, hospital, found.row)
    return Settle(call.principal.id, way, hospital, found.row, found.lines, found.notes, found.transaction not in ASKS)


def whole(call: Call[Any], answer: Answer) -> Answer:
    """An answer as it was given first: the plain record keeps only its amounts, the rest is sealed with the message."""
    if answer.sealed is None or answer.outcome != DONE:
        return answer
    evidence = opened(call, answer.sealed)
    return answer if evidence is None else Answer(answer.outcome, bytes(unpacked(evidence).told), True)


async def _area_of(call: Call[Any], command: Settle | Reverse) -> None:
    """Refuses somebody out of an agency's area like one who is not there."""
    given = {"psn_no": command.psn_no if isinstance(command, Settle) else "",
             "reverses": command.reverses if isinstance(command, Reverse) else ""}
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(SQL["person_area_by_number"], given)).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(area=row[0])):
        raise Refused(refusals.person_unknown())


def id_of(call: Call[Any]) -> int:
    """The settlement that the path names. Raises `Refused`."""
    id = read_settlement(call.path["programme"], call.path["settlement"])
    if id is None:
        raise Refused(refusals.settlement_unknown())
    return id


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────────

class Deduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hospital took off what the patient paid."""

    deducted_fen: Fen


@operation("POST", "/v1/{programme}/settlements/{settlement}/confirmations", asks=Deduction, answers=MovedTold, status=201, keyed=True,
           refuses=(409, 422), asked=Deduction(1_200_000), answered=MOVED)
async def confirm_settlement(call: Call[Deduction]) -> Reply:
    """Confirms that the offered amount was deducted at the desk: it is owed to the hospital from now on."""
    command = Confirm(call.principal.id, id_of(call), call.asked.deducted_fen, call.principal.provider)
    return told(await submit(call, "confirm", (call.path["settlement"], call.asked), command), 201)


class NotDeducted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it was not deducted: whether the settlement of basic insurance stands, or was never finished."""

    basic_insurance: Literal["stands", "not-settled"]


@operation("POST", "/v1/{programme}/settlements/{settlement}/withdrawals", asks=NotDeducted, answers=MovedTold, status=201, keyed=True,
           refuses=(409, 422), asked=NotDeducted("stands"),
           answered=msgspec.structs.replace(MOVED, payee="person", zh="赔付 12,000.00 元，支付到本人登记的银行账户。",
                                            en="12,000.00 yuan are paid to the insured's registered bank account."))
async def withdraw_settlement(call: Call[NotDeducted]) -> Reply:
    """Says that nothing was deducted: the insured is paid directly, or the offer is void, as the scheme says."""
    command = Withdraw(call.principal.id, id_of(call), call.asked.basic_insurance == "stands", call.principal.provider)
    return told(await submit(call, "withdraw", (call.path["settlement"], call.asked), command), 201)


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the illness of a provisional settlement is pre-existing, and on what evidence."""

    preexisting: bool
    reason: Text


@operation("POST", "/v1/{programme}/settlements/{settlement}/judgements", asks=Judgement, answers=MovedTold, status=201, keyed=True,
           refuses=(409, 422), asked=Judgement(False, "三年内住院记录中没有同类疾病"),
           answered=msgspec.structs.replace(MOVED, more_due_fen=1_200_000, posted_fen=2_400_000))
async def judge_settlement(call: Call[Judgement]) -> Reply:
    """Decides what nobody knew at the desk; what is more due is paid to the insured."""
    id = id_of(call)
    insurer = call.principal.insurer if call.reach == "insurer" else None
    if call.principal.area is not None:
        async with call.engine.reading(call.path["programme"]) as connection:
            row = await (await connection.execute(SQL["settlement"], {"settlement": id})).fetchone()
        if row is None or not reaches(call.principal, call.reach, Owners(area=row[3])):
            raise Refused(refusals.settlement_unknown())
    command = Judge(call.principal.id, id, call.asked.preexisting, call.asked.reason, insurer)
    return told(await submit(call, "judge", (call.path["settlement"], call.asked), command), 201)


OPERATIONS: Final = (settle, pre_settle, confirm_settlement, withdraw_settlement, judge_settlement)
