"""Renewal: what one is asked about the next year, with what changes; confirmed afresh or declined. Nothing is bought in silence."""

from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.benefits.changes import changes
from huibao.catalogue.model import Shelf
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.enrolment.model import MOST_INSURED, Buy, Consent, InsuredWish, OrderTold
from huibao.enrolment.refusals import proposal_unknown
from huibao.policies.numbers import order_number, policy_number, read_number
from huibao.renewal.model import Decline, Key, RenewalTold
from huibao.scheme.rules import usable_fen
from huibao.scheme.running import kept_elsewhere
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.purchases import ORDER_EXAMPLE, checked
from huibao.web.reads import LEDGER, MOST_LISTED, opened_name
from huibao.web.words import END, MOST_FEN, Token

SQL: Final = sqlfile.load("huibao.renewal")

PolicyNumber = Annotated[str, Meta(pattern="^[0-9]{6}-[0-9]{12}-[0-9]-[0-9]{2}" + END)]


class RenewalLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A policy that ends, and its next year: prices beside each other, and what changes in the terms, each change a sentence.

    `terms_digest` is of the terms to be read and agreed to, as they are worded now; the changes are theirs. `order` is what came of it,
    `why` says why there is nothing to confirm.
    """

    policy: str
    insured: int
    name: str | None
    ends_on: date
    product: str
    product_name: str
    tier: str | None
    premium_fen: int
    premium_before_fen: int
    state: str
    changes: tuple[str, ...]
    terms_digest: str
    confirm_by: date | None = None
    order: str | None = None
    why: str | None = None


class RenewalLines(msgspec.Struct, frozen=True):
    """A buyer's proposals, newest first, and what the accounts could pay today, as the scheme lets them; none where another system
    keeps the accounts, which is asked at the purchase."""

    renewals: tuple[RenewalLine, ...]
    usable_fen: int | None


_NUMBER: Final = policy_number("990000", 123, 1)
_LINE: Final = RenewalLine(
    _NUMBER, 1001, "上官婉莹", date(2026, 12, 31), "example-2027", "示例产品", None, 18_800, 16_800, "open",
    ("原为：保费：168.00 元；改为：保费：188.00 元",), "7c1f" * 16, date(2027, 1, 31))


@operation("GET", "/v1/{programme}/renewals", asks=Nothing, answers=RenewalLines, answered=RenewalLines((_LINE,), 512_300))
async def renewals(call: Call[Nothing]) -> RenewalLines:
    """Lists what one is asked about the next year of one's policies: prices, what changes, what the account could pay."""
    code, on = call.path["programme"], business_date(call.engine.clock.now())
    shelf = await call.engine.shelf(code)
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(SQL["renewals_of"], {"buyer": call.person, "most": MOST_LISTED})).fetchall()
        accounts = await (await connection.execute(LEDGER["accounts_of"], {"people": [call.person]})).fetchall()
        years = await (await connection.execute(LEDGER["years_of"], {"people": [call.person]})).fetchall()
    balances = {kind: balance - held for _, _, kind, _, _, _, state, balance, held in accounts if state == "open"}
    paid = sum(spent + held for _, year, spent, held in years if year == on.year)
    scheme = call.programme.scheme
    # What is booked here of accounts that another system keeps is what was taken from them, not what they have.
    usable = None if kept_elsewhere(scheme) else usable_fen(scheme, on, balances, paid)
    return RenewalLines(tuple(_line(call, shelf, on, row) for row in rows), usable)


def _line(call: Call[Nothing], shelf: Shelf, on: date, row: tuple[Any, ...]) -> RenewalLine:
    (order, position, insured, sealed, wrapped, product, before_id, tier, premium, before, ends_on, state, why, bought) = row
    code, sold = call.path["programme"], shelf.offers[product]
    stands = "lapsed" if state == "open" and not sold.sells(on) else state
    return RenewalLine(
        policy_number(code, order, position), insured, opened_name(call.engine.keyring, code, insured, wrapped, sealed), ends_on, product,
        sold.name, tier, premium, before, stands, changes(shelf.wordings[before_id].plan, sold.plan), sold.terms_digest.hex(),
        sold.on_sale_to if stands == "open" else None, order_number(code, bought) if bought is not None else None, why)


class RenewalConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proposals that are confirmed, one order together: of one product, with the premium in all as it was shown, and the terms agreed to.

    `identity_check` is the token of a fresh check, from identity-checks.
    """

    policies: Annotated[tuple[PolicyNumber, ...], Meta(min_length=1, max_length=MOST_INSURED)]
    premium_fen: Annotated[int, Meta(ge=0, le=MOST_FEN, description="An amount in fen （分）.")]
    pay_with: Literal["account", "cash"]
    consent: Consent
    identity_check: Token


_CONFIRMED: Final = RenewalConfirmation(
    (_NUMBER,), 18_800, "account", Consent("7c1f" * 16, ("terms", "exclusions", "notice"), "sign:7c1f"), "c2lnbmVk")


@operation("POST", "/v1/{programme}/renewals/confirmations", asks=RenewalConfirmation, answers=OrderTold, status=201, keyed=True,
           refuses=(409, 422), asked=_CONFIRMED, answered=ORDER_EXAMPLE)
async def confirm_renewals(call: Call[RenewalConfirmation]) -> Reply:
    """Confirms proposals: a purchase like any other, with terms, identity and premium confirmed afresh."""
    code, asked = call.path["programme"], call.asked
    keys = tuple(_key(code, number) for number in asked.policies)
    given = {"orders": [order for order, _ in keys], "positions": [position for _, position in keys], "buyer": call.person}
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(SQL["proposed"], given)).fetchall()
    if len(rows) != len(keys) or len({row[3] for row in rows}) != 1:
        raise Refused(proposal_unknown())
    wishes = tuple(InsuredWish(insured, tier) for _, _, insured, _, tier in rows)
    command = Buy(call.principal.id, call.person, rows[0][3], wishes, asked.pay_with, asked.consent, checked(call, asked.identity_check),
                  renewing=keys, quoted_fen=asked.premium_fen)
    return told(await submit(call, "confirm_renewals", asked, command), 201)


@operation("POST", "/v1/{programme}/renewals/{policy}/refusals", asks=Nothing, answers=RenewalTold, status=201, keyed=True, refuses=(409,),
           answered=RenewalTold(_NUMBER, "example-2027", 18_800, date(2026, 12, 31), "declined", "已谢绝，不再提醒，也不会扣费。",
                                "declined: you are asked no more, and nothing is charged"))
async def decline_renewal(call: Call[Nothing]) -> Reply:
    """Declines a proposal: one is asked no more, and nothing is charged."""
    order, position = _key(call.path["programme"], call.path["policy"])
    command = Decline(call.principal.id, order, position, call.person)
    return told(await submit(call, "decline_renewal", call.path["policy"], command), 201)


class RenewalTotal(msgspec.Struct, frozen=True):
    """How many were asked about a product, and what became of it; `premium_fen` is what was confirmed."""

    product: str
    proposed: int
    open: int
    confirmed: int
    declined: int
    lapsed: int
    premium_fen: int


class RenewalTotals(msgspec.Struct, frozen=True):
    """Proposals by the product of the next year."""

    totals: tuple[RenewalTotal, ...]


@operation("GET", "/v1/{programme}/renewal-totals", asks=Nothing, answers=RenewalTotals,
           answered=RenewalTotals((RenewalTotal("example-2027", 1_000, 400, 500, 60, 40, 9_400_000),)))
async def renewal_totals(call: Call[Nothing]) -> RenewalTotals:
    """Counts who was asked, who confirmed and who declined, by product."""
    given = {"area": call.principal.area or "", "on": business_date(call.engine.clock.now())}
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(SQL["totals"], given)).fetchall()
    return RenewalTotals(tuple(RenewalTotal(*row) for row in rows))


def _key(code: str, number: str) -> Key:
    """The policy with this number; a mistyped one is none."""
    found = read_number(code, number)
    if found is None or found[1] is None:
        raise Refused(proposal_unknown())
    return found[0], found[1]


OPERATIONS: Final = (renewals, confirm_renewals, decline_renewal, renewal_totals)
