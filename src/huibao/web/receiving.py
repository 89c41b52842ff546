"""Where insurers take their money: a change is proposed, called back, and decided by another person; numbers are masked everywhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from huibao.core.sealing import Place, open_sealed, unwrap_row_key
from huibao.core.time import SHANGHAI
from huibao.db import sqlfile
from huibao.remittance.accounts import TABLE, account_told, called_told
from huibao.remittance.model import AccountTold, CallAnswer, CallBack, CallBackTold, Called, Decide, Receiving, Register
from huibao.remittance.state import paid_to
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Reply
from huibao.web.reads import MOST_LISTED
from huibao.web.words import END, Text

SQL: Final = sqlfile.load("huibao.remittance")

_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)
_FROM: Final = datetime(2026, 1, 8, tzinfo=SHANGHAI)
Phone = Annotated[str, Meta(pattern="^[0-9][0-9 -]{4,23}" + END, description="A telephone number; blanks and dashes do not matter.")]


class NewReceivingAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an insurer wants its money, and the number on which it is called about later changes, from the agreement with it."""

    bank: Text
    holder: Text
    number: Annotated[str, Meta(pattern="^[0-9]{8,32}" + END)]
    phone: Phone


_RECEIVING: Final = Receiving(127, "anxin", "某某银行营业部", "安心健康保险股份有限公司（示例）", "0123", b"", b"", b"", 11, "approved", _FROM, 13)
_TOLD: Final = account_told(_RECEIVING)


@operation("POST", "/v1/{programme}/insurers/{insurer}/receiving-accounts", asks=NewReceivingAccount, answers=AccountTold, status=201,
           keyed=True, refuses=(409, 422),
           asked=NewReceivingAccount("某某银行营业部", "安心健康保险股份有限公司（示例）", "6222000000000000123", "0891-6330001"),
           answered=msgspec.structs.replace(_TOLD, state="proposed", decided_by=None, effective_at=None))
async def register_receiving_account(call: Call[NewReceivingAccount]) -> Reply:
    """Proposes where an insurer takes its money; nothing changes until it was called back and another person has approved."""
    asked, insurer = call.asked, call.path["insurer"]
    command = Register(call.principal.id, insurer, asked.bank, asked.holder, asked.number, asked.phone)
    return told(await submit(call, "register_receiving_account", (insurer, asked), command), 201)


class CalledBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call to the insurer: the number that was called, which must be the one on file, and what was answered."""

    number: Phone
    answer: CallAnswer


@operation("POST", "/v1/{programme}/receiving-accounts/{account}/call-backs", asks=CalledBack, answers=CallBackTold, status=201,
           keyed=True, refuses=(409, 422), asked=CalledBack("0891-6330001", "confirmed"),
           answered=called_told(Called(128, 127, 127, 12, "confirmed")))
async def call_back_insurer(call: Call[CalledBack]) -> Reply:
    """Puts a call-back on record; where the insurer knows nothing of the change, it is refused there and then."""
    account, asked = int(call.path["account"]), call.asked
    command = CallBack(call.principal.id, account, asked.number, asked.answer)
    return told(await submit(call, "call_back_insurer", (account, asked), command), 201)


class AccountDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the second person decides."""

    approve: bool


@operation("POST", "/v1/{programme}/receiving-accounts/{account}/decisions", asks=AccountDecision, answers=AccountTold, status=201,
           keyed=True, refuses=(409, 422), asked=AccountDecision(True), answered=_TOLD)
async def decide_receiving_account(call: Call[AccountDecision]) -> Reply:
    """Approves a proposed account, or refuses it; who proposed it cannot approve, and it is in force only after some working days."""
    account = int(call.path["account"])
    command = Decide(call.principal.id, account, call.asked.approve)
    return told(await submit(call, "decide_receiving_account", (account, call.asked), command), 201)


class CallLine(msgspec.Struct, frozen=True):
    """A call-back: when, by whose credential, with which account the number is on file, and what was answered."""

    at: datetime
    called_by: int
    number_of: int
    answer: str


class ReceivingLine(msgspec.Struct, frozen=True):
    """A receiving account with its call-backs. `call` is the number on file that is to be called about it; the agency alone reads it."""

    account: AccountTold
    proposed_at: datetime
    decided_at: datetime | None
    call: str | None
    calls: tuple[CallLine, ...]


class ReceivingLines(msgspec.Struct, frozen=True):
    """Receiving accounts, first those that wait, then the newest."""

    accounts: tuple[ReceivingLine, ...]


@operation("GET", "/v1/{programme}/receiving-accounts", asks=Nothing, answers=ReceivingLines,
           answered=ReceivingLines((ReceivingLine(_TOLD, _AT, _AT, None, (CallLine(_AT, 12, 127, "confirmed"),)),)))
async def receiving_accounts(call: Call[Nothing]) -> ReceivingLines:
    """Lists where insurers take their money, in force, waiting and past; an insurer reads its own."""
    insurer = (call.principal.insurer or "") if call.reach == "insurer" else ""
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(SQL["accounts_page"], {"insurer": insurer, "most": MOST_LISTED})).fetchall()
        calls = await (await connection.execute(SQL["calls_page"], {"accounts": [row[0] for row in rows]})).fetchall()
    accounts = [Receiving(*row[:12]) for row in rows]
    to_call = await _to_call(call, [one for one in accounts if one.state == "proposed"]) if call.principal.role == "agency" else {}
    return ReceivingLines(tuple(
        ReceivingLine(account_told(one), at, decided_at, to_call.get(one.id),
                      tuple(CallLine(when, by, of, answer) for about, when, by, of, answer in calls if about == one.id))
        for one, (*_, at, decided_at) in zip(accounts, rows, strict=True)))


async def _to_call(call: Call[Any], waiting: Sequence[Receiving]) -> dict[int, str]:
    """The number that the agency is to call about each change that waits: the one on file before it, however long ago that was."""
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(SQL["accounts"], {"accounts": [], "insurers": [one.insurer for one in waiting]})).fetchall()
    known, now = [Receiving(*row) for row in rows], call.engine.clock.now()
    return {one.id: _phone(call, paid_to(known, one.insurer, now) or one) for one in waiting}


def _phone(call: Call[Any], of: Receiving) -> str:
    place = Place(call.path["programme"], TABLE, of.id, "wrapped")
    key = unwrap_row_key(call.engine.keyring, place, bytes(of.wrapped))
    return open_sealed(key, bytes(of.phone), place._replace(column="phone")).decode()


OPERATIONS: Final = (receiving_accounts, register_receiving_account, call_back_insurer, decide_receiving_account)
