"""Mandates （授权办理）: given online after a check of identity, or at a counter on what was presented; read by both parties; revoked."""

from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.mandates.model import Act, Authorise, Evidence, MandateTold, Revoke
from huibao.mandates.refusals import mandate_unknown
from huibao.mandates.work import mandate_told, of_row
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.purchases import checked
from huibao.web.reads import MOST_LISTED, area_of, whom
from huibao.web.words import END, PersonId, Token

SQL: Final = sqlfile.load("huibao.mandates")

_EXAMPLE: Final = MandateTold(127, 1002, 1001, ("order", "pay"), date(2026, 1, 5), date(2026, 12, 31), "identity-check", "in-force",
                              "代办人可代为下单，并使用其个人账户支付，2026-01-05 至 2026-12-31；本人可随时撤销。",
                              "the agent may order and pay from the account, from 2026-01-05 to 2026-12-31; the principal may revoke it at"
                              " any time")


class NewMandate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mandate to give: to whom, for what, until when, both days included.

    A member gives their own, with a check of their identity. An agency names the principal, and what was presented, with its SM3 digest.
    """

    agent: PersonId
    may: Annotated[tuple[Act, ...], Meta(min_length=1, max_length=2)]
    valid_to: date
    valid_from: date | None = None
    identity_check: Token | None = None
    principal: PersonId | None = None
    evidence: Evidence | None = None
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}" + END)] | None = None


@operation("POST", "/v1/{programme}/mandates", asks=NewMandate, answers=MandateTold, status=201, keyed=True, refuses=(409, 422),
           asked=NewMandate(1001, ("order", "pay"), date(2026, 12, 31), identity_check="c2lnbmVk"), answered=_EXAMPLE)
async def give_mandate(call: Call[NewMandate]) -> Reply:
    """Lets somebody act for a person: order, and pay from the person's account where the scheme lets them （XJ-3.4）."""
    asked = call.asked
    on = business_date(call.engine.clock.now())
    principal, evidence, digest, checked_at = _own(call) if call.reach == "own" else await _presented(call)
    may = tuple(dict.fromkeys(asked.may))
    command = Authorise(call.principal.id, principal, asked.agent, may, asked.valid_from or on, asked.valid_to, evidence, digest,
                        checked_at)
    return told(await submit(call, "give-mandate", asked, command), 201)


#: Whose mandate, on which evidence, its digest or reference, and when a check of identity was passed.
_Given = tuple[int, Evidence, str, datetime | None]


def _own(call: Call[NewMandate]) -> _Given:
    """What a member gives, on a check of who they are; how old it may be is for the scheme to say."""
    if call.asked.principal is not None or call.asked.evidence is not None or call.asked.digest is not None:
        raise Refused(refusals.person_is_self())
    check = checked(call, call.asked.identity_check)
    if check is None or not check.passed or check.person != call.person:
        raise Refused(refusals.mandate_check_needed())
    return call.person, "identity-check", check.reference, check.at


async def _presented(call: Call[NewMandate]) -> _Given:
    """What was presented at a counter; a check online is the member's own."""
    asked = call.asked
    if asked.principal is None or asked.evidence in {None, "identity-check"} or asked.digest is None:
        raise Refused(refusals.mandate_evidence_needed())
    await area_of(call, asked.principal)
    assert asked.evidence is not None, "asked for just now"
    return asked.principal, asked.evidence, asked.digest, None


class MandateQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose mandates; a member's are their own."""

    person: PersonId | None = None


class MandateLines(msgspec.Struct, frozen=True):
    """The mandates that a person gave and was given, newest first."""

    mandates: tuple[MandateTold, ...]


@operation("GET", "/v1/{programme}/mandates", asks=MandateQuery, answers=MandateLines, refuses=(422,),
           answered=MandateLines((_EXAMPLE,)))
async def mandates(call: Call[MandateQuery]) -> MandateLines:
    """Lists the mandates that a person gave and was given."""
    person = await whom(call, call.asked.person)
    on = business_date(call.engine.clock.now())
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(SQL["mandates_of"], {"person": person, "most": MOST_LISTED})).fetchall()
    return MandateLines(tuple(mandate_told(of_row(*row), on) for row in rows))


@operation("POST", "/v1/{programme}/mandates/{mandate}/revocation", asks=Nothing, answers=MandateTold, keyed=True, refuses=(409,),
           answered=msgspec.structs.replace(_EXAMPLE, state="revoked", zh="授权已撤销。", en="revoked: nobody acts under it any more"))
async def revoke_mandate(call: Call[Nothing]) -> Reply:
    """Ends a mandate now: its principal or its agent does, or the agency for them."""
    id = int(call.path["mandate"])
    if not await _reached(call, id):
        raise Refused(mandate_unknown())
    command = Revoke(call.principal.id, id, call.principal.person_id if call.reach == "own" else None)
    return told(await submit(call, "revoke-mandate", call.path["mandate"], command), 200)


async def _reached(call: Call[Any], id: int) -> bool:
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(SQL["principal"], {"mandate": id})).fetchone()
    return row is not None and reaches(call.principal, call.reach, Owners(people=(row[0], row[1]), area=row[2]))


OPERATIONS: Final = (give_mandate, mandates, revoke_mandate)
