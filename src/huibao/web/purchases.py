"""Buying: the one route that crowds come to."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from huibao.core.chain import sm3
from huibao.enrolment.model import (
    MOST_INSURED,
    Buy,
    Consent,
    Document,
    Entry,
    IdentityCheck,
    InsuredWish,
    OrderTold,
    PartTold,
    PayWith,
    PolicyTold,
)
from huibao.policies.numbers import order_number, policy_number
from huibao.web import refusals
from huibao.web.commands import submit, told
from huibao.web.operations import Call, operation
from huibao.web.problems import Refused, Reply
from huibao.web.reads import area_of
from huibao.web.tokens import read_check
from huibao.web.words import END, Id, PersonId, Text, Token


class Wish(InsuredWish, frozen=True, forbid_unknown_fields=True):
    """Who is to be insured, and in which tier where the plan has tiers."""

    member: PersonId
    tier: Id | None = None


class Counter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a clerk enters an order, and the buyer's consent as presented there: as what, and its SM3 digest （LZ-8）."""

    outlet: Id
    document: Document
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}" + END)]

    def entered(self, call: Call[Any]) -> Entry:
        """What the clerk who calls enters there."""
        return Entry("counter", call.principal.person_id, self.outlet, self.document, self.digest)


class Purchase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order of one product for oneself or one's family.

    `identity_check` is the token of a check of the buyer, from identity-checks. `buyer`, `counter` and `sponsor` are an agency's to
    name. `principal` is for whom a member acts, under a mandate or as a registered relative: it is the member who is checked then.
    """

    product: Id
    insured: Annotated[tuple[Wish, ...], Meta(min_length=1, max_length=MOST_INSURED)]
    pay_with: PayWith
    consent: Consent | None = None
    identity_check: Token | None = None
    buyer: PersonId | None = None
    sponsor: Text | None = None
    counter: Counter | None = None
    principal: PersonId | None = None


_DIGEST: Final = sm3("示例".encode()).hex()

EXAMPLE: Final = Purchase(
    product="example-2026", insured=(Wish(1001), Wish(1002, "base")), pay_with="account",
    consent=Consent(terms=_DIGEST, accepted=("terms", "exclusions", "notice"), signature="sign:7c1f"),
    identity_check="c2lnbmVk",
)

ORDER_EXAMPLE: Final = OrderTold(
    order=order_number("990000", 123), state="completed", product="example-2026", premium_fen=33600, account_fen=33600, cash_fen=0,
    policies=tuple(
        PolicyTold(number=policy_number("990000", 123, position), insured=insured, relation=relation, state="in-force",
                   premium_fen=16800, parts=(PartTold("personal", 16800),))
        for position, (insured, relation) in enumerate(((1001, "self"), (1002, "parent")), 1)
    ),
    plan_digest=_DIGEST, engine="1", terms_digest=_DIGEST, clauses=(), zh="可以用个人账户支付。", en="the account may pay",
)


@operation("POST", "/v1/{programme}/purchases", asks=Purchase, answers=OrderTold, status=201, keyed=True, refuses=(409, 422),
           asked=EXAMPLE, answered=ORDER_EXAMPLE)
async def purchase(call: Call[Purchase]) -> Reply:
    """Buys a product for oneself or one's family.

    A member buys as oneself, or for who let them act; an agency names the buyer with the counter and the document, or with a sponsor
    who pays. An order whose state is awaiting-payment is paid next, at its payments. The same key and body answer the same again.
    """
    asked, caller = call.asked, call.principal
    buyer, entry = _entered(call) if call.reach == "own" else await _at_counter(call)
    check = checked(call, asked.identity_check)
    command = Buy(caller.id, buyer, asked.product, asked.insured, asked.pay_with, asked.consent, check, asked.sponsor, entry)
    return told(await submit(call, "purchase", asked, command), 201)


def _entered(call: Call[Purchase]) -> tuple[int, Entry | None]:
    """Whose order a member enters: their own, or that of who let them."""
    asked = call.asked
    if asked.buyer is not None or asked.sponsor is not None or asked.counter is not None or asked.pay_with == "sponsor":
        raise Refused(refusals.buyer_is_self())
    if asked.principal is None or asked.principal == call.person:
        return call.person, None
    return asked.principal, Entry("agent", call.person)


async def _at_counter(call: Call[Purchase]) -> tuple[int, Entry | None]:
    """Whose order a clerk enters, and at which counter on what; who is paid for by a sponsor need not be there."""
    asked = call.asked
    if asked.buyer is None:
        raise Refused(refusals.buyer_needed())
    if asked.principal is not None:
        raise Refused(refusals.principal_is_members())
    await area_of(call, asked.buyer)
    if asked.counter is None:
        if asked.pay_with != "sponsor":
            raise Refused(refusals.counter_needed())
        return asked.buyer, None
    return asked.buyer, asked.counter.entered(call)


def checked(call: Call[Any], token: str | None) -> IdentityCheck | None:
    """The check that a token stands for; how old it may be is for the scheme to say."""
    if token is None:
        return None
    check = read_check(call.engine.secret, call.path["programme"], token)
    if check is None:
        raise Refused(refusals.identity_token_invalid())
    return check


OPERATIONS: Final = (purchase,)
