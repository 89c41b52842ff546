"""Deciding proposals: what the next year would be for whom, when the buyer is asked, and what ends the asking.

A proposal is a question. Who wants it buys: with the terms read again, the identity checked again, the premium shown; the order
names the proposal, and everything that is asked of a purchase is asked of it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from huibao.benefits.premium import premium_fen, takes
from huibao.catalogue.model import Offer
from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.enrolment.purchase import facts_of
from huibao.members.notices import Notice
from huibao.renewal import refusals
from huibao.renewal.model import Decline, Expiring, Propose, Quoted, Remind, Renewal
from huibao.renewal.state import State
from huibao.scheme.afterwards import RENEWAL
from huibao.scheme.model import in_force


def propose(state: State, command: Propose, at: datetime) -> Sequence[Renewal] | Refusal:
    """One proposal for each policy; where there is nothing to confirm, a row that says why, so that nobody looks again."""
    policies = [policy for policy in state.policies.values() if policy.order in command.orders and policy.buyer == command.buyer]
    in_force_ = [policy for policy in policies if policy.state == "in-force"]
    ending = [(policy, offer) for policy in in_force_ if (offer := state.successor(policy.product)) is not None]
    if not ending:
        return refusals.nothing_expires("not-on-sale" if in_force_ else policies[0].state if policies else "no-policy")
    return [state.renewals.get((policy.order, policy.position)) or _proposed(state, policy, offer, at) for policy, offer in ending]


def _proposed(state: State, policy: Expiring, offer: Offer, at: datetime) -> Renewal:
    quoted = quote(state, policy, offer)
    made = Renewal(policy.order, policy.position, at, policy.buyer, policy.insured, offer.product, offer.id, quoted.tier,
                   quoted.premium_fen, policy.period_to, "lapsed" if quoted.why else "open", why=quoted.why)
    state.renewals[made.key] = made
    state.new.append(made)
    if made.state == "open":
        made.remind_on = _next(state, made)
        state.ask(made)
    return made


def quote(state: State, policy: Expiring, offer: Offer) -> Quoted:
    """What the next year would be, with the same family and tier as this one."""
    # Who paid nothing for this year is not asked to pay for the next: whether they are insured again is for their sponsor to say.
    why = "sponsored" if policy.pay_with == "sponsor" else _bar(state, policy.buyer, policy.insured, offer)
    tier = policy.tier if policy.tier in offer.plan.tier_ids else None
    if why is None and bool(offer.plan.tiers) != (tier is not None):
        why = "tier-gone"
    if why:
        return Quoted(tier, {}, 0, why)
    facts = facts_of(state, offer, state.people[policy.insured], tier, max(1, policy.family))
    premium = premium_fen(offer.plan, facts)
    if premium is None or not takes(offer.plan, facts):
        return Quoted(tier, facts, 0, "not-taken")
    return Quoted(tier, facts, premium)


def remind(state: State, command: Remind) -> Sequence[Renewal] | Refusal:
    """The buyer is asked again about all that is due, unless there is nothing to ask any more."""
    found = [one for one in state.renewals.values() if one.order in command.orders and one.buyer == command.buyer]
    due = [one for one in found if one.state == "open" and one.remind_on is not None and one.remind_on <= state.on]
    if not due:
        return refusals.not_open(found[0].state, state.on) if found else refusals.proposal_unknown()
    for one in due:
        _reminded(state, one)
    return due


def _reminded(state: State, found: Renewal) -> None:
    offer = state.shelf.offers[found.product]
    is_over = state.policies[found.key].state != "in-force"
    why = "ended-early" if is_over else "not-on-sale" if not offer.sells(state.on) else _bar(state, found.buyer, found.insured, offer)
    if why:
        found.state, found.why, found.remind_on = "lapsed", why, None
    else:
        found.remind_on = _next(state, found)
        state.ask(found)
    state.moved[found.key] = found


def decline(state: State, command: Decline) -> Renewal | Refusal:
    """The buyer does not want it; said twice is once."""
    found = state.renewals.get((command.order, command.position))
    if found is None or found.buyer != command.buyer:
        return refusals.proposal_unknown()
    if found.state in ("confirmed", "lapsed"):
        return refusals.not_open(found.state)
    if found.state == "open":
        found.state, found.remind_on = "declined", None
        state.moved[found.key] = found
    return found


def notices(state: State) -> list[Notice]:
    """What buyers are told: the end, the price beside this year's, and that nothing happens unless they say so."""
    return [_notice(state, buyer, product, ends_on, asked) for (buyer, product, ends_on), asked in state.asked.items()]


def _notice(state: State, buyer: int, product: str, ends_on: date, asked: list[Renewal]) -> Notice:
    offer = state.shelf.offers[product]
    fen, before = sum(one.premium_fen for one in asked), sum(state.policies[one.key].premium_fen for one in asked)
    return Notice(
        buyer,
        f"您投保的 {len(asked)} 份保单将于 {ends_on} 到期，到期不会自动续保，也不会自动扣费。下一年度“{offer.name}”保费合计 {yuan(fen)} 元"
        f"（本年度 {yuan(before)} 元）。需要的，请在 {offer.on_sale_to} 前到“我的续保”查看变化并确认；不需要的可以谢绝，不再提醒。",
        f"{len(asked)} policies of yours end on {ends_on}; nothing is renewed or charged by itself. The next year of {offer.name!r} costs"
        f" {yuan(fen)} yuan in all ({yuan(before)} this year). To have it, look at what changes and confirm by {offer.on_sale_to}; to be"
        " asked no more, decline.")


def _bar(state: State, buyer: int, insured: int, offer: Offer) -> str | None:
    """Why there is nothing to confirm: insured already, deceased, erased."""
    if any(one.product == offer.product for one in state.held.get(insured, ())):
        return "insured-already"
    people = [state.people.get(id) for id in (buyer, insured)]
    if any(one is not None and one.died is not None and one.died <= state.on for one in people):
        return "died"
    return "erased" if any(one is None or one.wrapped is None for one in people) else None


def _next(state: State, renewal: Renewal) -> date | None:
    """The next day on which the scheme reminds; none when they are over."""
    rule = in_force(state.programme.scheme.renewal, state.on) or RENEWAL
    days = (renewal.ends_on - timedelta(days=before) for before in rule.remind_days)
    return min((day for day in days if day > state.on), default=None)
