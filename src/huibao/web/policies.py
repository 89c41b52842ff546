"""Policies: one's own, one by its number, and whether one that somebody holds or shows is genuine."""

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from huibao.core.identity import normal_name
from huibao.oversight.use import SQL as OVERSIGHT
from huibao.policies.numbers import order_number, policy_number, read_number
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused
from huibao.web.reads import ENROLMENT, MOST_LISTED, SQL, opened_name
from huibao.web.words import END, Text


class PolicyLine(msgspec.Struct, frozen=True):
    """A policy in a list."""

    policy: str
    insured: int
    product: str
    relation: str
    premium_fen: int
    state: str
    period_from: date | None
    period_to: date | None


class PolicyLines(msgspec.Struct, frozen=True):
    """A member's policies, as buyer or as insured, newest first."""

    policies: tuple[PolicyLine, ...]


class PolicyRead(msgspec.Struct, frozen=True):
    """A policy with the very wording it was sold under: digests of plan, scheme and terms, and the arithmetic's version.

    `share` is the version of the pool's shares at inception, `insurer` the lead.
    """

    policy: str
    order: str
    product: str
    insurer: str
    buyer: int
    insured: int
    relation: str
    tier: str | None
    premium_fen: int
    cash_fen: int
    state: str
    period_from: date | None
    period_to: date | None
    share: int
    plan_digest: str
    scheme_digest: str
    terms_digest: str
    engine: str


class Verified(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a policy with this number is in force; the regulator also reads the insurer, and the state of any."""

    genuine: bool
    product: str | None = None
    period_from: date | None = None
    period_to: date | None = None
    insurer: str | None = None
    state: str | None = None


_FROM, _TO = date(2026, 1, 6), date(2027, 1, 5)
_NUMBER: Final = policy_number("990000", 123, 1)
_LINES: Final = PolicyLines((PolicyLine(_NUMBER, 1001, "example-2026", "self", 16_800, "in-force", _FROM, _TO),))
_POLICY: Final = PolicyRead(_NUMBER, order_number("990000", 123), "example-2026", "anxin", 1001, 1001, "self", None, 16_800, 0,
                            "in-force", _FROM, _TO, 1, "7c1f" * 16, "5a0e" * 16, "93bd" * 16, "1")


@operation("GET", "/v1/{programme}/policies", asks=Nothing, answers=PolicyLines, answered=_LINES)
async def policies(call: Call[Nothing]) -> PolicyLines:
    """Lists one's policies, as buyer or as insured, newest first."""
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        rows = await connection.execute(ENROLMENT["policies_of"], {"person": call.person, "most": MOST_LISTED})
        return PolicyLines(tuple(
            PolicyLine(policy_number(code, id, position), *rest) for id, position, *rest in await rows.fetchall()))


@operation("GET", "/v1/{programme}/policies/{policy}", asks=Nothing, answers=PolicyRead, answered=_POLICY)
async def policy(call: Call[Nothing]) -> PolicyRead:
    """Reads one policy with the wording it was sold under."""
    code = call.path["programme"]
    row = await _row(call)
    if row is None:
        raise Refused(refusals.policy_unknown())
    (id, position, insured, buyer, product, relation, tier, premium, cash, state, since, until,
     share, plan, scheme, terms, engine, lead) = row
    area = await _area(call, buyer) if call.principal.area is not None else None
    if not reaches(call.principal, call.reach, Owners(people=(buyer, insured), insurers=(lead,), area=area)):
        raise Refused(refusals.policy_unknown())
    return PolicyRead(policy_number(code, id, position), order_number(code, id), product, lead, buyer, insured, relation, tier,
                      premium, cash, state, since, until, share, plan.hex(), scheme.hex(), terms.hex(), engine)


@operation("GET", "/v1/{programme}/verifications/policies/{policy}", asks=Nothing, answers=Verified,
           answered=Verified(True, "示例产品", _FROM, _TO))
async def verify_policy(call: Call[Nothing]) -> Verified:
    """Says whether a policy that somebody holds is genuine; nothing about any person."""
    row = await _row(call)
    regulator = call.caller is not None and call.caller.role == "regulator"
    if row is None or (row[9] != "in-force" and not regulator):
        return Verified(False)
    product, state, since, until, lead = row[4], *row[9:12], row[17]
    offer = (await call.engine.shelf(call.path["programme"])).offers[product]
    seen = Verified(state == "in-force", offer.name, since, until)
    return msgspec.structs.replace(seen, insurer=lead, state=state) if regulator else seen


class PolicyShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands on a policy that was shown: its number, the insured's name, its first day of cover."""

    policy: Annotated[str, Meta(pattern="^[0-9]{6}-[0-9]{12}-[0-9]-[0-9]{2}" + END)]
    insured: Text
    period_from: date


class PolicyChecked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether such a policy was issued; of one that was, its state and product. Whatever does not fit is said alike."""

    genuine: bool
    state: str | None = None
    product: str | None = None


@operation("POST", "/v1/{programme}/verifications", asks=PolicyShown, answers=PolicyChecked,
           asked=PolicyShown(_NUMBER, "上官婉莹", _FROM), answered=PolicyChecked(True, "in-force", "示例产品"))
async def check_policy(call: Call[PolicyShown]) -> PolicyChecked:
    """Checks a policy as shown, number, insured and first day together, for an authority （LZ-19c）; which of them is wrong is not said.

    Of any area: beside what stands on the paper the answer has only whether it is in force.
    """
    code, shown = call.path["programme"], call.asked
    number = read_number(code, shown.policy) or (0, 0)
    async with call.engine.reading(code) as connection:
        row = await (await connection.execute(OVERSIGHT["holder"], {"order": number[0], "position": number[1]})).fetchone()
    if row is None:
        return PolicyChecked(False)
    insured, name, wrapped, state, since, product = row
    held = opened_name(call.engine.keyring, code, insured, wrapped, name)
    if held is None or normal_name(held) != normal_name(shown.insured) or since != shown.period_from:
        return PolicyChecked(False)
    return PolicyChecked(True, state, (await call.engine.shelf(code)).offers[product].name)


async def _row(call: Call[Nothing]) -> tuple[Any, ...] | None:
    """The policy with the number in the path; a mistyped one is none."""
    found = read_number(call.path["programme"], call.path["policy"])
    if found is None:
        return None
    async with call.engine.reading(call.path["programme"]) as connection:
        return await (await connection.execute(ENROLMENT["policy"], {"order": found[0], "position": found[1]})).fetchone()


async def _area(call: Call[Nothing], person: int) -> str | None:
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(SQL["person_area"], {"person": person})).fetchone()
    return row[0] if row else None


OPERATIONS: Final = (policies, policy, verify_policy, check_policy)
