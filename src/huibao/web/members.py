"""A member's own page, and the check of who is acting."""

from datetime import date, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from huibao.core.time import SHANGHAI, business_date
from huibao.web import refusals
from huibao.web.operations import Call, operation
from huibao.web.problems import Refused
from huibao.web.reads import MEMBERS, masked, opened_name, whom
from huibao.web.tokens import sign_check
from huibao.web.words import Id, PersonId, Token


class AsOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day that is asked about, and the instant as of whose knowledge; today and now where nothing is said."""

    on: date | None = None
    known: Annotated[datetime, Meta(tz=True)] | None = None


class Insurance(msgspec.Struct, frozen=True):
    """Basic insurance in the national platform's codes: insutype, psn_insu_stas, insuplc_admdvs."""

    insurance: str
    status: str
    area: str


class Relative(msgspec.Struct, frozen=True):
    """A registered relative, by a masked name; `account_family` says whether registered to the account."""

    person: int
    relation: str
    account_family: bool
    born: date
    name: str | None


class Me(msgspec.Struct, frozen=True):
    """A member as known here on a day; `name` is none where the person's key was erased."""

    person: int
    name: str | None
    born: date
    sex: str
    area: str
    on: date
    enrolments: tuple[Insurance, ...]
    family: tuple[Relative, ...]


_ME: Final = Me(1001, "张三", date(1980, 5, 6), "1", "9900", date(2026, 1, 5), (Insurance("310", "1", "9900"),),
                (Relative(1002, "parent", True, date(1951, 2, 3), "张**"),))


@operation("GET", "/v1/{programme}/me", asks=AsOf, answers=Me, answered=_ME)
async def me(call: Call[AsOf]) -> Me:
    """Reads one's own page: who one is, how one is insured, one's registered family.

    `on` and `known` ask for another day, and for what was known at an instant.
    """
    code, person, keyring = call.path["programme"], call.person, call.engine.keyring
    now = call.engine.clock.now()
    on = call.asked.on or business_date(now)
    known = call.asked.known or now
    given = {"person": person, "on": on, "known": known}
    async with call.engine.reading(code) as connection:
        row = await (await connection.execute(MEMBERS["person"], {"person": person})).fetchone()
        enrolments = await (await connection.execute(MEMBERS["enrolments_as_of"], given)).fetchall()
        family = await (await connection.execute(MEMBERS["family_of"], given)).fetchall()
    if row is None:
        raise Refused(refusals.person_unknown())
    _, _, born, sex, area, _, name, wrapped = row
    relatives = tuple(
        Relative(id, relation, account_family, their_birth, masked(opened_name(keyring, code, id, their_key, their_name)))
        for id, relation, account_family, their_birth, their_name, their_key in family)
    return Me(person, opened_name(keyring, code, person, wrapped, name), born, sex, area, on,
              tuple(Insurance(*enrolment) for enrolment in enrolments), relatives)


class IdentityProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How identity is to be checked, and what the method wants as proof. `person` is an agency's to name."""

    method: Id
    proof: Token
    person: PersonId | None = None


class CheckedIdentity(msgspec.Struct, frozen=True):
    """A check that passed; a purchase carries its `token`, within the minutes that the scheme allows."""

    token: str
    method: str
    at: datetime


@operation("POST", "/v1/{programme}/identity-checks", asks=IdentityProof, answers=CheckedIdentity, status=201, refuses=(422,),
           asked=IdentityProof("sms", "135790"),
           answered=CheckedIdentity("c2lnbmVk", "sms", datetime(2026, 1, 5, 9, 25, tzinfo=SHANGHAI)))
async def check_identity(call: Call[IdentityProof]) -> CheckedIdentity:
    """Checks that a person is there and means it, by face, message or at the counter.

    A check that does not pass answers with the other ways there are.
    """
    asked, desk, programme = call.asked, call.engine.identity, call.path["programme"]
    person = await whom(call, asked.person)
    if asked.method not in desk.methods:
        raise Refused(refusals.identity_method_unknown(desk.methods))
    check = await desk.check(programme, person, asked.method, asked.proof)
    if not check.passed:
        raise Refused(refusals.identity_not_passed(desk.methods))
    return CheckedIdentity(sign_check(call.engine.secret, programme, check), check.method, check.at)


OPERATIONS: Final = (me, check_identity)
