"""Endorsements （保全）: details and facts that are to be another, who a waiting order is for, a second person's answer, reading all that."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.core.sealing import Place, open_sealed, unwrap
from huibao.core.time import SHANGHAI
from huibao.db import sqlfile
from huibao.endorsements import facts
from huibao.endorsements.model import Actor, Answer, Change, Content, Correct, Detail, EffectTold, EndorsementTold
from huibao.enrolment.model import Amend, Consent, Entry, InsuredWish, OrderTold
from huibao.enrolment.refusals import order_unknown
from huibao.policies.numbers import order_number, policy_number, read_number, read_settlement, settlement_number
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.purchases import ORDER_EXAMPLE, Counter, Wish, checked
from huibao.web.reads import ENROLMENT, MOST_LISTED, area_of, whom
from huibao.web.reads import SQL as READS
from huibao.web.settlements import TOLD
from huibao.web.words import PersonId, Text, Token

SQL: Final = sqlfile.load("huibao.endorsements")

_CONTENT: Final = msgspec.json.Decoder(Content)
_AT: Final = datetime(2026, 3, 5, 9, 30, tzinfo=SHANGHAI)
_UNTIL: Final = datetime(2026, 3, 20, 9, 30, tzinfo=SHANGHAI)
_POLICY: Final = policy_number("990000", 123, 1)
_PROPOSED: Final = EndorsementTold(126, "correction", "proposed", "困难类别的变更已受理，须由另一人复核后生效，逾期未复核即作废。",
                                   "hardship: taken down; it holds when another person has approved it, and lapses if nobody does in time",
                                   _UNTIL)


def actor(call: Call[Any]) -> Actor:
    """Who asks or answers."""
    caller = call.principal
    return Actor(caller.id, caller.person_id, caller.insurer if call.reach == "insurer" else None)


# ── details ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class DetailChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A detail that is to be another. `person` is an agency's to name; `evidence` is the reference under which the proof is kept."""

    kind: Detail
    value: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,100}$(?!\n)")]
    reason: Text
    evidence: Text | None = None
    person: PersonId | None = None


#: What a member may have changed of their own.
_OWN: Final = ("phone", "bank-account")


@operation("POST", "/v1/{programme}/endorsements/details", asks=DetailChange, answers=EndorsementTold, status=201, keyed=True,
           refuses=(409, 422), asked=DetailChange("phone", "13900000001", "换号"),
           answered=EndorsementTold(126, "phone", "done", "手机号码已变更。", "phone number: changed"))
async def change_detail(call: Call[DetailChange]) -> Reply:
    """Changes a name, a phone number, an identity number or the account for benefits; all but the phone when a second person approves."""
    asked = call.asked
    person = await whom(call, asked.person)
    if call.reach == "own" and asked.kind not in _OWN:
        raise Refused(refusals.detail_by_agency(asked.kind))
    command = Change(actor(call), person, asked.kind, asked.value, asked.reason, asked.evidence or "")
    return told(await submit(call, "endorse-detail", asked, command), 201)


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

Fact = Literal["hardship", "insutype", "born", "away", "look_back", "past_claims", "preexisting", "hospital_grade", "designated_hospital"]
assert set(Fact.__args__) == set(facts.CORRECTABLE), "what may be asked for is what can be corrected"  # type: ignore[attr-defined]


class FactCorrection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fact that benefits rest on and that is to be another: of a person from `since` on, or of the visit of one settlement."""

    fact: Fact
    value: Annotated[str, Meta(pattern=r"^[0-9A-Za-z;.+*-]{1,1000}$(?!\n)")]
    reason: Text
    evidence: Text
    person: PersonId | None = None
    since: date | None = None
    until: date | None = None
    settlement: Annotated[str, Meta(pattern=r"^[0-9]{6}-S[0-9]{12}-[0-9]$(?!\n)")] | None = None


@operation("POST", "/v1/{programme}/endorsements/corrections", asks=FactCorrection, answers=EndorsementTold, status=201, keyed=True,
           refuses=(409, 422), asked=FactCorrection("hardship", "subsistence-allowance", "民政部门追认", "民政核定书 2026-118", 1001,
                                                    date(2026, 1, 1)), answered=_PROPOSED)
async def correct_fact(call: Call[FactCorrection]) -> Reply:
    """Proposes to correct a fact backwards; once a second person approves, what was paid is folded again （XJ-3）."""
    asked, code = call.asked, call.path["programme"]
    settlement = None
    if asked.settlement is not None:
        settlement = read_settlement(code, asked.settlement)
        if settlement is None:
            raise Refused(refusals.settlement_unknown())
        await _settlement_area(call, settlement)
    elif asked.person is not None:
        await area_of(call, asked.person)
    else:
        raise Refused(refusals.person_needed())
    command = Correct(actor(call), asked.fact, asked.value, asked.reason, asked.evidence, asked.person, asked.since, asked.until,
                      settlement)
    return told(await submit(call, "endorse-fact", asked, command), 201)


async def _settlement_area(call: Call[Any], settlement: int) -> None:
    """Refuses a settlement out of the caller's area like one that is not there."""
    if call.principal.area is None:
        return
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(READS["settlement"], {"settlement": settlement})).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(area=row[3])):
        raise Refused(refusals.settlement_unknown())


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────────

class OrderChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is added to an order that waits, or taken out of it; with the buyer's consent to the order as it will be. `counter` is for a
    clerk to name."""

    reason: Text
    add: Wish | None = None
    remove: PersonId | None = None
    consent: Consent | None = None
    identity_check: Token | None = None
    counter: Counter | None = None


@operation("POST", "/v1/{programme}/orders/{order}/endorsements", asks=OrderChange, answers=OrderTold, status=201, keyed=True,
           refuses=(409, 422), asked=OrderChange(
               "家里添了人", Wish(1003), None, Consent("7c1f" * 16, ("terms", "exclusions", "notice"), "sign:7c1f"), "c2lnbmVk"),
           answered=msgspec.structs.replace(ORDER_EXAMPLE, state="awaiting-review", replaces=order_number("990000", 122)))
async def amend_order(call: Call[OrderChange]) -> Reply:
    """Adds somebody to an order that waits, or takes somebody out: a new order stands in its place, priced and tested anew."""
    asked, number = call.asked, call.path["order"]
    found = read_number(call.path["programme"], number)
    if found is None or found[1] is not None:
        raise Refused(order_unknown())
    if (asked.add is None) == (asked.remove is None):
        raise Refused(refusals.one_change())
    if call.principal.area is not None:
        await _order_area(call, found[0])
    wish = InsuredWish(asked.add.member, asked.add.tier) if asked.add is not None else None
    buyer, entry = _changed_by(call)
    command = Amend(call.principal.id, found[0], wish, asked.remove, asked.reason, asked.consent, checked(call, asked.identity_check),
                    buyer, entry)
    return told(await submit(call, "amend", (number, asked), command), 201)


def _changed_by(call: Call[OrderChange]) -> tuple[int | None, Entry | None]:
    """The buyer whose own order a member changes, or at which counter a clerk does, on what （LZ-8）."""
    counter = call.asked.counter
    if call.reach == "own":
        if counter is not None:
            raise Refused(refusals.counter_is_clerks())
        return call.person, None
    if counter is None:
        raise Refused(refusals.counter_needed())
    return None, counter.entered(call)


async def _order_area(call: Call[Any], order: int) -> None:
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(READS["order"], {"order": order})).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(area=row[2])):
        raise Refused(order_unknown())


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class EndorsementAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a second person says of a proposal, and why."""

    approve: bool
    reason: Text | None = None


@operation("POST", "/v1/{programme}/endorsements/{endorsement}/answers", asks=EndorsementAnswer, answers=EndorsementTold, status=201,
           keyed=True, refuses=(409, 422), asked=EndorsementAnswer(True),
           answered=msgspec.structs.replace(
               _PROPOSED, state="done", expires_at=None, more_due_fen=450_000,
               zh="困难类别已更正，1 笔赔付已重算：应补 4,500.00 元，将在时限内支付；多付 0.00 元，转人工处理，不自动扣回。",
               en="hardship: corrected; 1 payments were folded again", effects=(EffectTold(TOLD.settlement, _POLICY, 180_000, 630_000),)))
async def answer_endorsement(call: Call[EndorsementAnswer]) -> Reply:
    """Approves a proposal, which is then done, or sends it back; never by who asked for it, nor by whom it is about."""
    id = (await _reached(call))[0]
    command = Answer(actor(call), id, call.asked.approve, call.asked.reason or "")
    return told(await submit(call, "answer-endorsement", (id, call.asked), command), 201)


async def _reached(call: Call[Any]) -> tuple[Any, ...]:
    """The endorsement that the path names, where the caller reaches it."""
    given = {"endorsement": int(call.path["endorsement"])}
    async with call.engine.reading(call.path["programme"]) as connection:
        row: tuple[Any, ...] | None = await (await connection.execute(SQL["read"], given)).fetchone()
        leads = await (await connection.execute(SQL["leads"], given)).fetchall()
    owners = Owners(people=(row[3],), insurers={lead for (lead,) in leads}, area=row[4]) if row is not None else Owners()
    if row is None or not reaches(call.principal, call.reach, owners):
        raise Refused(refusals.endorsement_unknown())
    return row


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class EndorsementLine(msgspec.Struct, frozen=True):
    """An endorsement in a list: nothing of what was changed from or to."""

    endorsement: int
    at: datetime
    kind: str
    fact: str | None
    person: int
    effective_on: date
    asked_by: int
    state: str
    expires_at: datetime | None
    ended_at: datetime | None


class EndorsementLines(msgspec.Struct, frozen=True):
    """Endorsements."""

    endorsements: tuple[EndorsementLine, ...]


_LINES: Final = EndorsementLines((
    EndorsementLine(126, _AT, "correction", "hardship", 1001, date(2026, 1, 1), 42, "proposed", _UNTIL, None),))


class EndorsementsAfter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proposals after this one."""

    after: Annotated[int, Meta(ge=0)] | None = None


@operation("GET", "/v1/{programme}/endorsements", asks=EndorsementsAfter, answers=EndorsementLines, answered=_LINES)
async def endorsements(call: Call[EndorsementsAfter]) -> EndorsementLines:
    """Lists what waits for a second person, the oldest first; a member's own endorsements, newest first."""
    caller = call.principal
    async with call.engine.reading(call.path["programme"]) as connection:
        if call.reach == "own":
            rows = await connection.execute(SQL["of_person"], {"person": call.person, "most": MOST_LISTED})
        else:
            rows = await connection.execute(SQL["waiting_for_answer"], {
                "after": call.asked.after or 0, "area": (caller.area or "") if call.reach == "programme" else "",
                "insurer": (caller.insurer or "") if call.reach == "insurer" else "", "most": MOST_LISTED})
        return EndorsementLines(tuple(EndorsementLine(*row) for row in await rows.fetchall()))


@operation("GET", "/v1/{programme}/policies/{policy}/endorsements", asks=Nothing, answers=EndorsementLines, answered=_LINES)
async def policy_endorsements(call: Call[Nothing]) -> EndorsementLines:
    """Lists what was endorsed of a policy, newest first: of its order, of its insured, of what it pays; what the caller may also read."""
    found = read_number(call.path["programme"], call.path["policy"])
    if found is None or found[1] is None:
        raise Refused(refusals.policy_unknown())
    caller = call.principal
    given = {"order": found[0], "position": found[1], "most": MOST_LISTED, "person": call.person if call.reach == "own" else None,
             "area": (caller.area or "") if call.reach == "programme" else "",
             "insurer": (caller.insurer or "") if call.reach == "insurer" else ""}
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(ENROLMENT["policy"], given)).fetchone()
        area = await (await connection.execute(READS["person_area"], {"person": row[3] if row else 0})).fetchone()
        lines = await (await connection.execute(SQL["of_policy"], given)).fetchall()
    owners = Owners(people=(row[2], row[3]), insurers=(row[17],), area=area[0] if area else None) if row is not None else Owners()
    if row is None or not reaches(call.principal, call.reach, owners):
        raise Refused(refusals.policy_unknown())
    return EndorsementLines(tuple(EndorsementLine(*line) for line in lines))


class ContentRead(msgspec.Struct, frozen=True):
    """What was, what is to be, why, and the reference of the proof; masked for who only watches."""

    before: str
    after: str
    reason: str
    evidence: str


class EndorsementRead(msgspec.Struct, frozen=True):
    """An endorsement: what it is about, who asked and who answered, how it stands, what it came to. `content` is for the person and for
    who handles it; none where the person was erased."""

    endorsement: int
    at: datetime
    kind: str
    fact: str | None
    person: int
    order: str | None
    settlement: str | None
    effective_on: date
    until_on: date | None
    asked_by: int
    answered_by: int | None
    state: str
    expires_at: datetime | None
    ended_at: datetime | None
    content: ContentRead | None
    effects: tuple[EffectTold, ...]


_READ: Final = EndorsementRead(126, _AT, "correction", "hardship", 1001, None, None, date(2026, 1, 1), None, 42, 43, "done", None, _AT,
                               ContentRead("none", "subsistence-allowance", "民政部门追认", "民政核定书 2026-118"),
                               (EffectTold(TOLD.settlement, _POLICY, 180_000, 630_000),))


@operation("GET", "/v1/{programme}/endorsements/{endorsement}", asks=Nothing, answers=EndorsementRead, answered=_READ)
async def endorsement(call: Call[Nothing]) -> EndorsementRead:
    """Reads one endorsement: who asked, who answered, and what a correction came to."""
    code, row = call.path["programme"], await _reached(call)
    async with call.engine.reading(code) as connection:
        found = await (await connection.execute(SQL["effects"], {"endorsement": row[0]})).fetchall()
    (id, at, kind, person, _, order, settlement, fact, since, until, asked_by, answered_by, state, expires_at, ended_at, sealed,
     wrapped) = row
    effects = tuple(EffectTold(settlement_number(code, about), policy_number(code, of, position), before, after)
                    for about, of, position, before, after, who, lead in found
                    if (call.reach != "own" or who == call.person) and (call.reach != "insurer" or lead == call.principal.insurer))
    return EndorsementRead(
        id, at, kind, fact, person, order_number(code, order) if order is not None else None,
        settlement_number(code, settlement) if settlement is not None else None, since, until, asked_by, answered_by, state,
        expires_at if state == "proposed" else None, ended_at, _content(call, person, id, bytes(sealed), wrapped, kind, settlement),
        effects)


def _content(
    call: Call[Nothing], person: int, id: int, sealed: bytes, wrapped: bytes | None, kind: str, settlement: int | None
) -> ContentRead | None:
    """An insurer reads what it handles, of visits; an auditor that there was a change, and nothing that names anybody."""
    if wrapped is None or (call.reach == "insurer" and settlement is None):
        return None
    code = call.path["programme"]
    key = unwrap(call.engine.keyring, code, person, bytes(wrapped))
    said = _CONTENT.decode(open_sealed(key, sealed, Place(code, "endorsement", id, "sealed")))
    found = ContentRead(said.before, said.after, said.reason, said.evidence)
    if call.principal.role != "auditor":
        return found
    before, after = (found.before, found.after) if kind == "correction" else (_masked(found.before), _masked(found.after))
    return ContentRead(before, after, _masked(found.reason), found.evidence)


def _masked(text: str) -> str:
    return f"{text[0]}**" if text else text


OPERATIONS: Final = (
    change_detail, correct_fact, amend_order, answer_endorsement, endorsements, endorsement, policy_endorsements)
