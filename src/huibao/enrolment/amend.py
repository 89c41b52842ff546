"""Somebody is added to an order that waits, or taken out of it: priced, split and tested anew, and a new order stands in its place.

1. the order waits, and no cash has come for it: what was captured is a contract, to which one adds by another order and of which
   one is let go by surrender;
2. the wish: who is added is not in it, who is taken out is, and somebody is left;
3. everything that a purchase is tested for, as if what is set aside for the order were free;
4. what was set aside is free, the order void, and the new one taken up: in one step, or nothing has moved.
"""

from datetime import datetime

from huibao.core.refusal import Refusal
from huibao.enrolment import declined, orders, refusals, tellings
from huibao.enrolment.model import Amend, Buy, InsuredWish, Order, Release
from huibao.enrolment.purchase import Granting, decide
from huibao.enrolment.state import Amended, State


def amend(state: State, command: Amend, request_id: int, at: datetime) -> tuple[Order, Granting] | Refusal:
    """The order that stands in the place of the other, with what was granted for it."""
    order = state.orders.get(command.order)
    if order is None or (command.buyer is not None and order.buyer != command.buyer):
        return refusals.order_unknown()
    if state.elsewhere and order.pay_with == "account":
        return declined.amended_elsewhere()
    wishes = _waits(order, command, at) or _wishes(order, command)
    if isinstance(wishes, Refusal):
        return wishes
    buy = Buy(command.credential, order.buyer, order.product, wishes, order.pay_with, command.consent, command.identity, order.sponsor,
              command.entry)
    insured = {(policy.insured, policy.product) for policy in order.policies}
    state.live -= insured
    with state.books.as_if_free(order.id):
        granting = decide(state, buy, at)
    state.live |= insured
    if isinstance(granting, Refusal):
        return granting
    given_up = orders.release(state, Release(command.credential, order.id, "cancelled"), at)
    assert not isinstance(given_up, Refusal), "an order that waits can be given up"
    state.amended.append(Amended(request_id, order.id, order.buyer, "insured-added" if command.add is not None else "insured-removed",
                                 command.credential, command.entry.person if command.entry else command.buyer, command.reason))
    state.hands[request_id] = state.hands.get(order.id, ())
    made = orders.take_up(state, request_id, buy, granting, at)
    if command.buyer is None:
        state.notices.append(tellings.amended(state.programme.code, order, made))
    return made, granting


def _waits(order: Order, command: Amend, at: datetime) -> Refusal | None:
    if order.state == "completed":
        return refusals.captured_already(command.add is not None)
    is_over = order.state == "awaiting-payment" and order.deadline is not None and order.deadline <= at
    if order.state == "void" or is_over:
        return refusals.order_not_waiting(order.state)
    return refusals.cash_has_come() if order.state == "awaiting-review" and order.cash_fen else None


def _wishes(order: Order, command: Amend) -> tuple[InsuredWish, ...] | Refusal:
    """Who is to be insured then; whoever is added comes last."""
    there = {policy.insured for policy in order.policies}
    if command.add is not None and command.add.member in there:
        return refusals.insured_twice(command.add.member)
    if command.remove is not None and command.remove not in there:
        return refusals.insured_not_in_order(command.remove)
    left = tuple(InsuredWish(policy.insured, policy.tier) for policy in order.policies if policy.insured != command.remove)
    if command.add is not None:
        return (*left, command.add)
    return left or refusals.nobody_left()
