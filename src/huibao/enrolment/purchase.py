"""Deciding a purchase: who, what, with which consent, for whom, with which money; the first that fails is the answer.

1. the product: known, on sale, its insurer connected;
2. whoever acts for the buyer may (`entries`), before anything is said of the buyer: known, alive, of age;
3. the consent: these very terms, everything confirmed and signed, identity checked in time;
4. each insured, in the order given: alive, related, not insured already, taken by scheme and plan, with a premium;
5. the money: the scheme splits each premium over accounts and cash, one after the other, so that two insured of one
   order and two orders of one batch meet each other's spending.

An order is granted whole or refused whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Protocol

import msgspec

from huibao.benefits.facts import Facts, Value
from huibao.benefits.premium import premium_fen, takes
from huibao.catalogue.model import Offer, Programme, Shelf
from huibao.catalogue.terms import TO_ACCEPT
from huibao.core.refusal import Refusal
from huibao.core.time import business_date, whole_years
from huibao.enrolment import clocks, entries, refusals, review_refusals
from huibao.enrolment.continuity import Earlier, continuity
from huibao.enrolment.entries import NONE_NEEDED, Authority
from huibao.enrolment.model import MOST_INSURED, Buy, Consent, InsuredWish, Order
from huibao.enrolment.state import State
from huibao.members.freshness import expired
from huibao.members.model import Kin, Member
from huibao.scheme import asked
from huibao.scheme.model import in_force
from huibao.scheme.rules import Granted, decide_purchase
from huibao.scheme.sentences import refuse

#: How long an order waits for its cash part.
TIME_TO_PAY: Final = timedelta(minutes=30)
#: So long before and after New Year may the system that keeps the accounts be silent: what it is asked for must fit both years.
SILENT: Final = timedelta(days=3)
_NOBODY: Final = asked.Person(())
_SELF: Final = Kin("self", False)
_STRANGER: Final = Kin("other", False)


class Grant(msgspec.Struct, frozen=True):
    """What is granted for one insured: the member, the relation, the premium and the scheme's split of it.

    `facts` are what the policy freezes: what its arithmetic may ask of the insured later.
    """

    member: int
    relation: str
    tier: str | None
    facts: Facts
    premium_fen: int
    granted: Granted


@dataclass(frozen=True, slots=True)
class Granting:
    """An order that may be taken up. `years` are the limit years in which money that waits must fit.

    `elsewhere` says that another system keeps the accounts: what they pay is decided with its answer.
    """

    offer: Offer
    buyer: Member
    grants: tuple[Grant, ...]
    years: tuple[int, ...]
    authority: Authority = NONE_NEEDED
    elsewhere: bool = False

    @property
    def premium_fen(self) -> int:
        return sum(grant.premium_fen for grant in self.grants)

    @property
    def cash_fen(self) -> int:
        return sum(grant.granted.cash_fen for grant in self.grants)

    @property
    def review_by(self) -> str:
        return next((grant.granted.review.by for grant in self.grants if grant.granted.review.by != "none"), "none")


def decide(state: State, buy: Buy, at: datetime) -> Granting | Refusal:
    """What is granted, or why not. Reads `state` and changes nothing."""
    offer = _offer(state, buy)
    if isinstance(offer, Refusal):
        return offer
    buyer = state.people.get(buy.buyer)
    authority = entries.authority(state, buy, buyer)
    if isinstance(authority, Refusal):
        return authority
    refused = _buyer(buy, buyer, state.on)
    if refused or buyer is None:
        return refused or refusals.buyer_unknown()
    refused = _consent(state, offer, buy, at) or _proposals(state, buy)
    if refused:
        return refused
    wishes = _wishes(offer, buy)
    if isinstance(wishes, Refusal):
        return wishes
    granting = _grant(state, offer, buy, buyer, wishes, (state.on.year,))
    if isinstance(granting, Refusal):
        return granting
    years = _years_of_waiting(state, granting, at)
    if years != granting.years:
        granting = _grant(state, offer, buy, buyer, wishes, years)
        if isinstance(granting, Refusal):
            return granting
    if buy.quoted_fen not in (None, granting.premium_fen):
        return refusals.quote_changed(buy.quoted_fen or 0, granting.premium_fen)
    return _sponsor(state, buy, granting) or (granting if authority is NONE_NEEDED else replace(granting, authority=authority))


def decide_again(state: State, order: Order) -> tuple[Grant, ...] | Refusal:
    """The order as it would be granted on this day, what it holds counted as free: what is asked again before it is approved.

    Consent and identity were there when it was entered, and the sale was open: these are not asked again.
    """
    granting = _anew(state, order, (state.on.year,))
    return granting if isinstance(granting, Refusal) else granting.grants


def split_again(state: State, order: Order, free: Mapping[str, int], at: datetime) -> Granting | Refusal:
    """As above, with what the system that keeps the accounts says is free: what each account pays, what is left for cash."""
    state.told_free[order.buyer] = free
    granting = _anew(state, order, (state.on.year,))
    if isinstance(granting, Granting) and (years := _years_of_waiting(state, granting, at)) != granting.years:
        granting = _anew(state, order, years)
    del state.told_free[order.buyer]                   # it is set aside next, and says nothing of another order any more
    return granting


def _anew(state: State, order: Order, years: tuple[int, ...]) -> Granting | Refusal:
    offer, holds, purse = state.shelf.wordings[order.offer], state.books.holds(order.id), state.books.purse(order.buyer)
    buyer = state.people.get(order.buyer)
    asked = Buy(order.credential, order.buyer, order.product, tuple(InsuredWish(p.insured, p.tier) for p in order.policies),
                order.pay_with, Consent("", (), "", guardian=True))
    refused = _buyer(asked, buyer, state.on)
    if refused or buyer is None:
        return refused or refusals.buyer_unknown()
    for kind, account in purse.items():
        if account.state != "open" and any(hold.account_id == account.id for hold in holds):
            return review_refusals.account_not_open(kind, account.state)
    insured = {(policy.insured, policy.product) for policy in order.policies}
    state.live -= insured
    with state.books.as_if_free(order.id):
        granting = _grant(state, offer, asked, buyer, asked.insured, years)
    state.live |= insured
    if isinstance(granting, Refusal):
        return granting
    for policy, grant in zip(order.policies, granting.grants, strict=True):
        if grant.premium_fen != policy.premium_fen:
            return review_refusals.premium_changed(policy.insured, policy.premium_fen, grant.premium_fen)
    return granting


def _grant(
    state: State, offer: Offer, buy: Buy, buyer: Member, wishes: tuple[InsuredWish, ...], years: tuple[int, ...]
) -> Granting | Refusal:
    """Every insured in turn, each after what those before take; account money must fit each of `years`."""
    grants: list[Grant] = []
    for wish in wishes:
        grant = _insured(state, offer, buy, buyer, wish, grants, years)
        if isinstance(grant, Refusal):
            return grant
        grants.append(grant)
    return Granting(offer, buyer, tuple(grants), years, elsewhere=buy.pay_with == "account" and state.elsewhere)


def _years_of_waiting(state: State, granting: Granting, at: datetime) -> tuple[int, ...]:
    """This year, and the next where money set aside today could be captured then."""
    until = at + (SILENT if granting.elsewhere else timedelta())
    if granting.cash_fen and any(grant.granted.parts for grant in granting.grants):
        until = max(until, at + TIME_TO_PAY)
    # One review for the whole order, which begins when its money has come.
    if clock := next((grant.granted.review.clock for grant in granting.grants if grant.granted.review.clock), None):
        until = max(until, clocks.void_at(clock, granting.offer, until))
    return (state.on.year,) if until == at else tuple(sorted({state.on.year, business_date(until).year}))


def _offer(state: State, buy: Buy) -> Offer | Refusal:
    offer = state.shelf.offers.get(buy.product)
    if offer is None:
        return refusals.product_unknown()
    if not offer.sells(state.on) or state.start(offer)[0] > offer.plan.valid_to:
        return refusals.not_on_sale(offer.product, offer.on_sale_from, offer.on_sale_to)
    connection = in_force(state.programme.scheme.connection, state.on)
    if connection and connection.tested and not offer.connected:
        return refuse(state.programme.scheme, connection.basis.cite, "product.not_connected",
                      "承保公司的系统尚未通过联通测试，该产品暂不能在线购买，请选择其他产品或稍后再试",
                      "the insurer's system has not passed the connection test, so the product does not sell online yet:"
                      " choose another, or come back later", product=offer.product)
    return offer


def _buyer(buy: Buy, buyer: Member | None, on: date) -> Refusal | None:
    # Whose key was erased is nobody any more: no evidence of consent could be kept.
    if buyer is None or buyer.wrapped is None:
        return refusals.buyer_unknown()
    if buyer.died is not None and buyer.died <= on:
        return refusals.person_died("投保人", "buyer")
    if buy.pay_with == "sponsor":
        return None                                    # who pays is another, and a child may be insured in its own name
    age = whole_years(buyer.born, on)
    return refusals.buyer_minor(age) if age < 18 else None


def _consent(state: State, offer: Offer, buy: Buy, at: datetime) -> Refusal | None:
    """A sponsor pays without the person's consent to spend; anyone else agrees to these terms and proves who they are."""
    if buy.pay_with == "sponsor":
        return None
    consent = buy.consent
    if consent is None or consent.terms != offer.terms_digest.hex():
        return refusals.terms_changed(offer.terms_digest.hex())
    missing = [name for name in TO_ACCEPT if name not in consent.accepted] + ([] if consent.signature.strip() else ["signature"])
    if missing:
        return refusals.consent_incomplete("、".join(missing))
    scheme = state.programme.scheme
    check = buy.identity
    if check is None or not check.passed or check.person != entries.acting(buy):
        rule = in_force(scheme.identity, state.on)
        return refuse(scheme, rule.basis.cite if rule else None, "identity.not_verified",
                      "尚未核验投保人的身份与投保意愿，请完成人脸识别、短信验证或到柜台核验后再提交",
                      "the buyer's identity and intent are not verified: pass the check by face, by message or at a counter")
    return expired(scheme, state.on, check.at, at)


def _proposals(state: State, buy: Buy) -> Refusal | None:
    """What is confirmed was proposed to this buyer, for these very people and this product, and its premium was shown."""
    if not buy.renewing:
        return None
    found = [state.proposals.get(key) for key in buy.renewing]
    known = [one for one in found if one is not None and (one.buyer, one.product) == (buy.buyer, buy.product)]
    if len(known) != len(found) or [one.insured for one in known] != [wish.member for wish in buy.insured] or buy.quoted_fen is None:
        return refusals.proposal_unknown()
    return None


def _wishes(offer: Offer, buy: Buy) -> tuple[InsuredWish, ...] | Refusal:
    most = 1 if buy.pay_with == "sponsor" else MOST_INSURED
    if not 1 <= len(buy.insured) <= most:
        return refusals.insured_count(len(buy.insured), most)
    seen: set[int] = set()
    for wish in buy.insured:
        if wish.member in seen:
            return refusals.insured_twice(wish.member)
        seen.add(wish.member)
        if (wish.tier is None) == bool(offer.plan.tiers) or (wish.tier is not None and wish.tier not in offer.plan.tier_ids):
            return refusals.tier_unknown(offer.plan.tier_ids)
    return buy.insured


def _insured(
    state: State, offer: Offer, buy: Buy, buyer: Member, wish: InsuredWish, before: list[Grant], years: tuple[int, ...]
) -> Grant | Refusal:
    """One insured after those `before` in the same order. Who is no relative learns nothing about the person."""
    kin = _SELF if wish.member == buyer.id else buyer.kin.get(wish.member, _STRANGER)
    if kin is _STRANGER and buy.pay_with == "cash":
        return refusals.relation_not_registered(wish.member)
    member = state.people.get(wish.member) if kin is not _STRANGER or buy.pay_with == "sponsor" else None
    if member is None and buy.pay_with == "sponsor":
        return refusals.insured_unknown()
    refused = _person(state, offer, buy, member)
    if refused:
        return refused
    facts = facts_of(state, offer, member, wish.tier, len(buy.insured)) if member else None
    if facts and not takes(offer.plan, facts):
        return refusals.join_not_met(wish.member)
    premium = premium_fen(offer.plan, facts) if facts else 0
    if premium is None:
        return refusals.premium_not_stated(wish.member)
    granted = _split(state, offer, buy, buyer, member, kin, premium, before, years)
    if isinstance(granted, Refusal):
        return granted
    assert member is not None, "a scheme refuses account money for a stranger"
    return Grant(member.id, kin.relation, wish.tier, facts or {}, premium, granted)


def _person(state: State, offer: Offer, buy: Buy, member: Member | None) -> Refusal | None:
    if member is None:
        return None
    if member.died is not None and member.died <= state.on:
        return refusals.person_died("被保险人", "insured")
    if buy.pay_with != "sponsor" and not (buy.consent and buy.consent.guardian) and whole_years(member.born, state.on) < 14:
        return refusals.guardian_needed(member.id)
    if (member.id, offer.product) in state.live:
        return refusals.already_insured(member.id)
    return None


class Ground(Protocol):
    """What facts are computed on: a day, a scheme, and what people hold."""

    @property
    def on(self) -> date: ...

    @property
    def programme(self) -> Programme: ...

    @property
    def shelf(self) -> Shelf: ...

    @property
    def held(self) -> Mapping[int, Sequence[Earlier]]: ...


def facts_of(ground: Ground, offer: Offer, member: Member, tier: str | None, family: int) -> Facts:
    """What is frozen when the policy starts: age on the first day of cover, insurance, hardship, tier, family in this order, and what
    it continues."""
    enrolled, since = member.person.enrolments, offer.cover_from(ground.on)
    facts: dict[str, Value] = {
        "age": whole_years(member.born, since),
        "insutype": next((e.insurance for e in enrolled if e.status == "1"), enrolled[0].insurance if enrolled else ""),
        "hardship": member.hardship,
        "family_members": family,
        **continuity(ground.programme.scheme, offer.plan, since, ground.held.get(member.id, ()), ground.shelf.renews),
    }
    if tier is not None:
        facts["tier"] = tier
    return facts


def _split(
    state: State, offer: Offer, buy: Buy, buyer: Member, member: Member | None, kin: Kin, premium: int, before: list[Grant],
    years: tuple[int, ...],
) -> Granted | Refusal:
    """The scheme's decision on one premium, after what the insured before take."""
    taken: dict[str, int] = {}
    for grant in before:
        for part in grant.granted.parts:
            taken[part.account] = taken.get(part.account, 0) + part.fen
    request = asked.Purchase(
        payer=buyer.person,
        insured=member.person if member else _NOBODY,
        relation=kin.relation,
        product=offer.decided_by,
        premium_fen=premium,
        pay_with="account" if buy.pay_with == "account" else "cash",
        balances_fen=tuple(state.free(buyer.id).items()),
        paid_this_year_fen=max(state.books.paid_fen(buyer.id, year) for year in years) + sum(taken.values()),
        account_family=kin.account_family,
        taken_fen=tuple(taken.items()),
    )
    return decide_purchase(state.programme.scheme, state.on, request)


def _sponsor(state: State, buy: Buy, granting: Granting) -> Refusal | None:
    if buy.pay_with != "sponsor":
        return None
    premium = granting.premium_fen
    account = state.books.sponsor(buy.sponsor or "")
    if account is None:
        return refusals.sponsor_unknown()
    if account.free_fen < premium:
        return refusals.sponsor_short(account.free_fen, premium)
    return None
