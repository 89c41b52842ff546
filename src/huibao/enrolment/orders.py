"""What becomes of an order: taken up, paid, completed, given up. Each moves the state on, after it was decided.

What waits for its review goes on in `review`.
"""

from datetime import date, datetime, time

from huibao.catalogue.model import Offer
from huibao.core.refusal import Refusal
from huibao.core.time import SHANGHAI
from huibao.enrolment import asking, clocks, refusals
from huibao.enrolment.checks import checks
from huibao.enrolment.entries import by_another
from huibao.enrolment.model import Buy, Entered, Order, Paid, Policy, Release, Reviewing
from huibao.enrolment.purchase import TIME_TO_PAY, Granting
from huibao.enrolment.state import State
from huibao.policies.numbers import order_number
from huibao.scheme.model import in_force


def take_up(state: State, order_id: int, buy: Buy, granting: Granting, at: datetime) -> Order:
    """The order as granted: captured at once where nothing is waited for, else set aside."""
    # What is left for cash where another system keeps the accounts is known with its answer.
    offer, cash = granting.offer, granting.cash_fen if buy.pay_with != "sponsor" and not granting.elsewhere else 0
    _, share = state.start(offer)
    order = Order(
        id=order_id, at=at, buyer=granting.buyer.id, offer=offer.id, product=offer.product, pay_with=buy.pay_with,
        sponsor=buy.sponsor if buy.pay_with == "sponsor" else None, premium_fen=granting.premium_fen, cash_fen=cash,
        state="awaiting-account" if granting.elsewhere else "awaiting-payment" if cash else "awaiting-review",
        review_by=granting.review_by, deadline=pay_by(offer, at) if cash or granting.elsewhere else None, credential=buy.credential,
        policies=[
            Policy(order_id, position, grant.member, offer.product, grant.relation, grant.tier, grant.premium_fen,
                   () if granting.elsewhere else tuple((part.account, part.fen) for part in grant.granted.parts),
                   grant.granted.cash_fen if cash else 0, share, grant.facts, "pending")
            for position, grant in enumerate(granting.grants, 1)
        ])
    state.add(order)
    entry = by_another(buy)
    state.hands[order_id] = (*state.hands.get(order_id, ()), (buy.credential, entry.person if entry else None))
    if entry is not None:
        state.new_entries.append(Entered(order_id, buy.credential, entry, granting.authority.mandate, granting.authority.relation))
    if granting.elsewhere:
        return order
    if not cash and granting.review_by == "none":
        complete(state, order, offer)
        return order
    purse = state.books.purse(order.buyer)
    for policy in order.policies:
        for kind, fen in policy.parts:
            state.books.hold(purse[kind], fen, order.id, policy.position, granting.years)
    if order.state == "awaiting-review":
        begin_review(state, order, at)
    return order


def pay(state: State, paid: Paid, at: datetime) -> Order | Refusal:
    """The cash part has come: the order completes, or goes on to its review with the account part still set aside."""
    number = order_number(state.programme.code, paid.order)
    order = state.orders.get(paid.order)
    if order is None:
        return refusals.payment_not_awaited(number, "unknown", paid.fen, paid.reference)
    if order.state != "awaiting-payment" or (order.deadline is not None and order.deadline <= at):
        return refusals.payment_not_awaited(number, order.state, paid.fen, paid.reference)
    if paid.fen != order.cash_fen:
        return refusals.payment_differs(number, paid.fen, order.cash_fen, paid.reference)
    offer = state.shelf.wordings[order.offer]
    for policy in order.policies:
        if policy.cash_fen:
            state.books.transfer("premium-cash", state.cash(), state.income(offer), policy.cash_fen,
                                 person=order.buyer, order=order.id, position=policy.position)
    order.deadline = None
    if order.review_by != "none":
        order.state = "awaiting-review"
        state.move(order)
        begin_review(state, order, at)
    elif not asking.capture(state, order):
        complete(state, order, offer)
    return order


def release(state: State, given_up: Release, at: datetime) -> Order | Refusal:
    """The order is void and what was set aside is free again. Cash that was paid is not here: it would have completed."""
    order = state.orders.get(given_up.order)
    if order is None or (given_up.buyer is not None and order.buyer != given_up.buyer):
        return refusals.order_unknown()
    waiting_for_money = order.state == "awaiting-payment" or (order.state == "awaiting-account" and asking.may_give_up(state, order))
    if given_up.why == "expired" and not (waiting_for_money and order.deadline is not None and order.deadline <= at):
        return refusals.order_not_waiting(order.state)
    if not waiting_for_money and not (order.state == "awaiting-review" and order.cash_fen == 0):
        return refusals.order_not_waiting(order.state)
    void(state, order)
    review = state.reviews.get(order.id)
    if review is not None:
        review.state = "withdrawn"
        state.move_review(review)
    return order


def void(state: State, order: Order) -> None:
    """The order comes to nothing: what was set aside is free again, elsewhere first, if another system keeps the account."""
    if asking.give_up(state, order):
        return
    drop(state, order)


def drop(state: State, order: Order) -> None:
    """Nothing is set aside for the order any more, and it is void. It keeps its deadline: when a till that is open closes."""
    for hold in state.books.holds(order.id):
        state.books.end(hold, "voided")
    state.void(order)


def begin_review(state: State, order: Order, at: datetime) -> None:
    """The order waits for its review from now on, with what was found when it was taken up."""
    scheme = state.programme.scheme
    clock, rule = in_force(scheme.review_clock, state.on), in_force(scheme.review, state.on)
    assert clock is not None, "a scheme whose account is open says how long a review may take"
    times = clocks.deadlines(clock, state.shelf.wordings[order.offer], at)
    held = sum(hold.fen for hold in state.books.new_holds if hold.order_id == order.id)
    held += sum(hold.fen for hold in state.books.holds(order.id))
    two = rule is not None and rule.two_above is not None and held > rule.two_above.fen
    hands = tuple(sorted({credential for credential, _ in state.hands[order.id]}))
    state.open_review(Reviewing(order.id, at, hands, 2 if two else 1, checks(state, order), times.escalate_at, times.void_at,
                                times.because, None, "open", []))


def complete(state: State, order: Order, offer: Offer, begins: date | None = None) -> None:
    """Captures what is not cash, which came before, and starts the cover: no cover before capture. It `begins` as what is captured now,
    unless its money was taken before.
    """
    for hold in state.books.holds(order.id):
        state.books.end(hold, "posted")
    for policy in order.policies:
        known = {"person": order.buyer, "order": order.id, "position": policy.position}
        for kind, fen in policy.parts:
            account = state.books.purse(order.buyer)[kind]
            state.books.transfer("premium-account", account, state.clearing(offer), fen, year=state.on.year, **known)
        if order.sponsor is not None and policy.premium_fen:
            sponsor = state.books.sponsor(order.sponsor)
            assert sponsor is not None, "a sponsored order is refused without the sponsor's account"
            state.books.transfer("premium-sponsor", sponsor, state.income(offer), policy.premium_fen, **known)
        policy.state = "in-force"
        policy.period_from, policy.share = (begins, offer.share_on(begins)) if begins else state.start(offer)
        policy.period_to = offer.plan.valid_to
        state.pool.add(policy.product, policy.share, "premium", policy.premium_fen)
    order.state = "completed"
    state.move(order)


def pay_by(offer: Offer, at: datetime) -> datetime:
    """Until when the cash part may come: for some time, and while there is a day left to cover."""
    return min(at + TIME_TO_PAY, datetime.combine(offer.plan.valid_to, time(), SHANGHAI))
