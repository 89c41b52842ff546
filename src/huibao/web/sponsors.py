"""Who pays for others, and the money that came from them."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from huibao.sponsored.model import Fund, PaymentTold, Register, SponsorKind, SponsorTold
from huibao.sponsored.work import SQL
from huibao.web.commands import submit, told
from huibao.web.operations import Call, operation
from huibao.web.problems import Reply
from huibao.web.reads import MOST_LISTED
from huibao.web.words import MOST_FEN, Fen, Id, Text

_SPONSOR: Final = SponsorTold(126, "某市民政局（示例）", "subsidy", 0, 0)


class NewSponsor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who pays for others: public money, a charity, a donor, an employer. `credit_limit_fen` is how far it may spend ahead of
    its money, where it was agreed that it pays afterwards."""

    name: Text
    kind: SponsorKind
    credit_limit_fen: Annotated[int, Meta(ge=0, le=MOST_FEN)] = 0


@operation("POST", "/v1/{programme}/sponsors", asks=NewSponsor, answers=SponsorTold, status=201, keyed=True, refuses=(409,),
           asked=NewSponsor("某市民政局（示例）", "subsidy"), answered=_SPONSOR)
async def register_sponsor(call: Call[NewSponsor]) -> Reply:
    """Registers a sponsor and opens its account in the books （XJ-3.3, JL-4.3）."""
    asked = call.asked
    command = Register(call.principal.id, asked.name, asked.kind, asked.credit_limit_fen)
    return told(await submit(call, "register_sponsor", asked, command), 201)


class SponsorPayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money that came from a sponsor, under the bank's reference."""

    fen: Fen
    reference: Id


@operation("POST", "/v1/{programme}/sponsors/{sponsor}/payments", asks=SponsorPayment, answers=PaymentTold, status=201, keyed=True,
           refuses=(409,), asked=SponsorPayment(1_000_000, "B202601050001"),
           answered=PaymentTold(126, 1_000_000, "B202601050001", 1_000_000))
async def fund_sponsor(call: Call[SponsorPayment]) -> Reply:
    """Books money that came from a sponsor; each of the bank's references once."""
    number, asked = int(call.path["sponsor"]), call.asked
    return told(await submit(call, "fund_sponsor", (number, asked), Fund(call.principal.id, number, asked.fen, asked.reference)), 201)


class Sponsors(msgspec.Struct, frozen=True):
    """Sponsors, the oldest first."""

    sponsors: tuple[SponsorTold, ...]


class After(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a list goes on after: the last number of the page before."""

    after: Annotated[int, Meta(ge=0, le=2**62)] | None = None


@operation("GET", "/v1/{programme}/sponsors", asks=After, answers=Sponsors, answered=Sponsors((_SPONSOR,)))
async def sponsors(call: Call[After]) -> Sponsors:
    """Lists sponsors with their money; below zero is what they owe within their credit."""
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await connection.execute(SQL["sponsors_listed"], {"after": call.asked.after or 0, "most": MOST_LISTED})
        return Sponsors(tuple(SponsorTold(*row) for row in await rows.fetchall()))


OPERATIONS: Final = (register_sponsor, fund_sponsor, sponsors)
