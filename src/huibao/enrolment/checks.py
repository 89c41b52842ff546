"""What an application is checked on, as codes and values that a clerk compares: when it was taken up, and again before it is approved.

Nothing here decides: `purchase.decide_again` does. Values are codes, dates' years and amounts; no name, no number of a document.
"""

from datetime import date
from typing import Final

from huibao.catalogue.model import Offer
from huibao.core.time import whole_years
from huibao.enrolment.model import Check, Order, Policy
from huibao.enrolment.state import State
from huibao.members.model import Member
from huibao.scheme.model import in_force

#: Each check as a clerk reads it.
LABELS: Final = {
    "buyer.alive": "投保人在世", "payer.enrolment": "付款人参保", "payer.chronic-benefit": "付款人门诊慢性病待遇",
    "account.personal": "个人账户", "account.savings": "储蓄账户",
    "insured.alive": "被保险人在世", "insured.enrolment": "被保险人参保", "insured.relation": "与付款人关系",
    "insured.age": "起保日周岁", "insured.hardship": "困难身份",
}


def checks(state: State, order: Order) -> tuple[Check, ...]:
    """What is found now of an order's people and accounts."""
    offer = state.shelf.wordings[order.offer]
    buyer = state.people.get(order.buyer)
    found: list[Check] = [("buyer.alive", 0, _alive(buyer, state.on)), ("payer.enrolment", 0, _enrolment(buyer))]
    chronic = in_force(state.programme.scheme.chronic_benefit, state.on)
    if chronic and chronic.bars_relatives and any(policy.relation != "self" for policy in order.policies):
        found.append(("payer.chronic-benefit", 0, "yes" if buyer and buyer.person.chronic_benefit else "no"))
    paying = {kind for policy in order.policies for kind, _ in policy.parts}
    found += [(f"account.{kind}", 0, account.state) for kind, account in sorted(state.books.purse(order.buyer).items()) if kind in paying]
    for policy in order.policies:
        found += _insured(state, offer, buyer, policy)
    return tuple(found)


def _insured(state: State, offer: Offer, buyer: Member | None, policy: Policy) -> list[Check]:
    member = state.people.get(policy.insured)
    kin = buyer.kin.get(policy.insured) if buyer else None
    relation = "self" if policy.relation == "self" else kin.relation if kin else "none"
    return [
        ("insured.alive", policy.position, _alive(member, state.on)),
        ("insured.enrolment", policy.position, _enrolment(member)),
        ("insured.relation", policy.position, relation),
        ("insured.age", policy.position, str(whole_years(member.born, offer.cover_from(state.on))) if member else "none"),
        ("insured.hardship", policy.position, member.hardship if member else "none"),
    ]


def _alive(member: Member | None, on: date) -> str:
    if member is None or member.wrapped is None:
        return "none"
    return "no" if member.died is not None and member.died <= on else "yes"


def _enrolment(member: Member | None) -> str:
    """Insurance and status, where: "310/1/450200"; more than one in their order."""
    enrolled = member.person.enrolments if member else ()
    return ";".join(f"{one.insurance}/{one.status}/{one.area}" for one in enrolled) or "none"
