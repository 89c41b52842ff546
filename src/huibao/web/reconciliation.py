"""A hospital's day: totals, then every settlement, and what differs with its likely cause."""

from datetime import date
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from huibao.policies.numbers import read_settlement
from huibao.reconciliation.model import Detail, DifferenceTold, OfferTold, Reconcile, ReconciledTold
from huibao.reconciliation.rules import CAUSES
from huibao.record.model import DONE
from huibao.settlement import own
from huibao.web.commands import submit, told
from huibao.web.operations import Call, operation
from huibao.web.problems import Reply
from huibao.web.settlements import TOLD
from huibao.web.words import END, MOST_FEN

_TOLD: Final = msgspec.json.Decoder(ReconciledTold)

Number = Annotated[str, Meta(pattern="^[!-~]{1,40}" + END)]
Deducted = Annotated[int, Meta(ge=0, le=MOST_FEN)]


class DayDetail(Detail, frozen=True, forbid_unknown_fields=True):
    """One settlement as the hospital has it: what it deducted for this insurance, in fen, and how it stands there."""

    setl_id: Number
    fen: Deducted


class Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hospital's day: for how many settlements it deducted, and how much in fen; in the manner of 3202 with all of them."""

    day: date
    count: Annotated[int, Meta(ge=0, le=1_000_000)]
    fen: Deducted
    details: Annotated[tuple[DayDetail, ...], Meta(max_length=100_000)] | None = None


_ASKED: Final = Day(date(2026, 1, 5), 2, 1_500_000, (DayDetail("S20260105001", 1_200_000), DayDetail("S20260105002", 300_000)))
_ANSWERED: Final = ReconciledTold(
    date(2026, 1, 5), "differs", 2, 1_500_000, 0, 0, 1,
    (DifferenceTold("S20260105002", "", "missing.here", "", 0, "deducted", 300_000, *CAUSES["missing.here"]),),
    (OfferTold(TOLD.settlement, 1_200_000, True),), "对账不一致。", "The day differs.")


@operation("POST", "/v1/{programme}/reconciliations", asks=Day, answers=ReconciledTold, status=201, keyed=True, refuses=(422,),
           asked=_ASKED, answered=_ANSWERED, most_bytes=16 * 1024 * 1024)
async def reconcile(call: Call[Day]) -> Reply:
    """Compares a hospital's day with ours: totals first, then details; differences are cases with their likely cause.

    Details also answer what was still asked: an offer that they list as deducted is confirmed, one that they do not is withdrawn.
    """
    asked, hospital = call.asked, call.principal.provider or ""
    command = Reconcile(call.principal.id, hospital, asked.day, asked.count, asked.fen, asked.details)
    answer = await submit(call, "reconcile", asked, command)
    if answer.outcome == DONE and asked.details is not None:
        await _carry_out(call, _TOLD.decode(answer.body).answered)
    return told(answer, 201)


async def _carry_out(call: Call[Day], answered: tuple[OfferTold, ...]) -> None:
    """What the details answered, under the keys under which asking the hospital would: whoever comes first has the effect."""
    code = call.path["programme"]
    for offer in answered:
        id = read_settlement(code, offer.settlement)
        if id is not None and offer.fen:
            await call.engine.submit(code, *own.confirmed(id, offer.fen, f"reconciliation of {call.asked.day}"))
        elif id is not None:
            await call.engine.submit(code, *own.withdrawn(id, stands=offer.stands))


OPERATIONS: Final = (reconcile,)
