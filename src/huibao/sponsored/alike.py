"""Lines whose people differ in nothing that decides: the first of a kind is decided, the others are granted what it was.

A file has thousands of lines and few kinds of people. A kind is all that decides a sponsored purchase: nobody's own money is asked
about, no consent, no relation. Who is insured already, has died or was erased, and whomever the sponsor's money does not reach, is
decided alone, so that every refusal is the purchase's own.
"""

import re
from datetime import datetime
from typing import NamedTuple

import msgspec

from huibao.core.refusal import Refusal
from huibao.core.time import whole_years
from huibao.enrolment import orders, purchase
from huibao.enrolment.model import Buy, Order, Policy
from huibao.enrolment.purchase import Granting
from huibao.enrolment.state import State
from huibao.policies.numbers import order_number


class _Kind(NamedTuple):
    """What decides about a line. `person` is the object that people of a batch share who are alike to a scheme, by its identity."""

    credential: int
    product: str
    tier: str | None
    sponsor: str | None
    age: int
    hardship: str
    person: int
    past: tuple[object, ...]


class _Taken(NamedTuple):
    """The first order of a kind, and what was said of it around its number, its policy's, and who is insured."""

    order: Order
    said: tuple[bytes, ...]


class Alike:
    """What the first of each kind of a batch was granted, and the order that it came to."""

    def __init__(self) -> None:
        self._granted: dict[_Kind, Granting] = {}
        self._taken: dict[_Kind, _Taken] = {}

    def decide(self, state: State, buy: Buy, at: datetime) -> Granting | Refusal:
        """As a purchase is decided; nothing is moved."""
        kind = _kind(state, buy)
        granted = self._granted.get(kind) if kind is not None else None
        if granted is not None and _may(state, buy, granted.premium_fen):
            return _to_another(state, granted, buy)
        found = purchase.decide(state, buy, at)
        if kind is not None and isinstance(found, Granting):
            self._granted[kind] = found
        return found

    def again(self, state: State, order_id: int, buy: Buy) -> bytes | None:
        """Takes up an order like one before, and says of it what was said of that; None where it is decided alone."""
        kind = _kind(state, buy)
        taken = self._taken.get(kind) if kind is not None else None
        if taken is None or not _may(state, buy, taken.order.premium_fen):
            return None
        order = _of_another(taken.order, order_id, buy.buyer)
        state.add(order)
        orders.complete(state, order, state.shelf.wordings[order.offer])
        number, (start, between, after, end) = order_number(state.programme.code, order_id).encode(), taken.said
        return b"%b%b%b%b%b%d%b" % (start, number, between, number, after, buy.buyer, end)

    def keep(self, state: State, buy: Buy, said: bytes) -> None:
        """The order that was just taken up, and what was said of it, are the first of their kind, if nothing is waited for."""
        order, kind = state.new_orders[-1], _kind(state, buy)
        if kind is not None and order.state == "completed":
            self._taken[kind] = _Taken(order, _around(said, order_number(state.programme.code, order.id), buy.buyer))


def _kind(state: State, buy: Buy) -> _Kind | None:
    """The kind of a line's person; None for who is decided alone."""
    member, offer = state.people.get(buy.buyer), state.shelf.offers.get(buy.product)
    if member is None or offer is None or member.died is not None or member.wrapped is None:
        return None
    tier = buy.insured[0].tier
    past = tuple(purchase.facts_of(state, offer, member, tier, 1).items()) if state.held.get(member.id) else ()
    age = whole_years(member.born, state.start(offer)[0])
    return _Kind(buy.credential, buy.product, tier, buy.sponsor, age, member.hardship, id(member.person), past)


def _may(state: State, buy: Buy, premium_fen: int) -> bool:
    """Whether nothing that may differ among people of a kind stands against it: a policy that one has, what the sponsor has left."""
    sponsor = state.books.sponsor(buy.sponsor or "")
    return (buy.buyer, buy.product) not in state.live and sponsor is not None and sponsor.free_fen >= premium_fen


def _to_another(state: State, granted: Granting, buy: Buy) -> Granting:
    [grant] = granted.grants
    return Granting(granted.offer, state.people[buy.buyer], (msgspec.structs.replace(grant, member=buy.buyer),), granted.years)


def _of_another(order: Order, id: int, person: int) -> Order:
    """The same order for another person, before it is completed."""
    [first] = order.policies
    policy = Policy(id, first.position, person, first.product, first.relation, first.tier, first.premium_fen, first.parts, first.cash_fen,
                    first.share, first.facts, "pending")
    return Order(id, order.at, person, order.offer, order.product, order.pay_with, order.sponsor, order.premium_fen, order.cash_fen,
                 "awaiting-review", order.review_by, order.deadline, order.credential, [policy])


def _around(said: bytes, number: str, insured: int) -> tuple[bytes, ...]:
    """What stands before, between and after the number of an order, that of its policy, and who is insured: all in which two differ."""
    pieces = re.split(rb'%b|(?<="insured":)%d(?=,)' % (re.escape(number.encode()), insured), said)
    assert len(pieces) == 4, "an order says its number, its policy's, and who is insured, each once"
    return tuple(pieces)
