"""Orders whose account money another system keeps: asked what is free, asked to set it aside, to take it, to let it go.

    awaiting-account ─ balances ─▶ freeze ─yes─▶ awaiting-payment, awaiting-review, or both, or none
                          ▲           │                    │
                          └─changed───┴─no─▶ void          └──▶ awaiting-account ─ confirm ─yes─▶ completed, no ─▶ void
    given up before it is confirmed ──▶ awaiting-account ─ cancel ─yes─▶ void

Nothing is assumed. An order is completed once that system took the money, and void once it let it go; in between it waits, however
long that takes, and the person reads so.
"""

from datetime import datetime
from typing import Final

from huibao.core.refusal import Refusal
from huibao.core.time import business_date
from huibao.enrolment import declined, refusals, tellings
from huibao.enrolment.asking import capture
from huibao.enrolment.model import Balances, Order, Posted
from huibao.enrolment.orders import begin_review, complete, drop, pay_by
from huibao.enrolment.postings import Posting
from huibao.enrolment.purchase import Granting, split_again
from huibao.enrolment.state import State
from huibao.members.notices import Notice
from huibao.policies.numbers import order_number

#: An order asks so often where its accounts change under its hands; after that it is given up.
MOST_TRIES: Final = 5
#: They answer so where the accounts are not as they were when it was decided: every other answer is final.
_CHANGED: Final = "balance.changed"


def split(state: State, told: Balances, at: datetime) -> tuple[Order, Granting | None] | Refusal:
    """It is known what is free: the scheme says what each account pays, that is set aside in our books and asked for in theirs."""
    order = state.orders.get(told.order)
    if order is None:
        return refusals.order_unknown()
    if order.state != "awaiting-account" or state.postings.frozen(order.id) is not None or told.try_ != state.postings.tries(order.id) + 1:
        return refusals.order_not_waiting(order.state)
    if told.unusable is not None:
        return _refuse(state, order, declined.account_declined(told.unusable)), None
    granting = split_again(state, order, {"personal": told.personal_fen, "savings": told.savings_fen}, at)
    if isinstance(granting, Refusal):
        return _refuse(state, order, declined.as_the_buyer_reads(granting)), None
    _set_aside(state, order, granting, told)
    if state.postings.frozen(order.id) is None:
        _go_on(state, order, at)
    else:
        state.move(order)
    return order, granting


def posted(state: State, told: Posted, request_id: int, at: datetime) -> Order | Refusal:
    """It is known what became of what was asked for an order."""
    order, posting = state.orders.get(told.order), state.postings.find(told.order, told.posting)
    if order is None or posting is None or not posting.is_open:
        return declined.posting_known(posting.state if posting else "unknown")
    state.postings.know(posting, told.is_done, told.their_at, None if told.is_done else told.reason or "undecided")
    if posting.kind == "cancel":
        _let_go(state, order, told.their_at)
    elif state.postings.open(order.id, "cancel") is None:
        if not told.is_done:
            _declined(state, order, posting, request_id)
        elif posting.kind == "freeze":
            _go_on(state, order, at)
        else:
            _taken(state, order, told.their_at)
    return order


def _set_aside(state: State, order: Order, granting: Granting, told: Balances) -> None:
    """What each account pays and what is left for cash; held here, so that it counts against the year, and asked for there."""
    purse = state.books.purse(order.buyer)
    asked = {"personal": 0, "savings": 0}
    for policy, grant in zip(order.policies, granting.grants, strict=True):
        policy.parts = tuple((part.account, part.fen) for part in grant.granted.parts)
        policy.cash_fen = grant.granted.cash_fen
        for kind, fen in policy.parts:
            state.books.hold(purse[kind], fen, order.id, policy.position, granting.years, told.try_)
            asked[kind] += fen
    order.cash_fen, order.review_by = granting.cash_fen, granting.review_by
    if any(asked.values()):
        state.postings.ask(Posting(order.id, order.buyer, "freeze", told.try_, asked["personal"], asked["savings"],
                                   free=(told.personal_fen, told.savings_fen)))


def _go_on(state: State, order: Order, at: datetime) -> None:
    """Its money is set aside: it waits for cash, for the review, or for that money to be taken."""
    offer = state.shelf.wordings[order.offer]
    order.deadline = None
    if order.cash_fen:
        order.state, order.deadline = "awaiting-payment", pay_by(offer, at)
        state.move(order)
    elif order.review_by != "none":
        order.state = "awaiting-review"
        state.move(order)
        begin_review(state, order, at)
    elif not capture(state, order):
        complete(state, order, offer)


def _taken(state: State, order: Order, their_at: datetime) -> None:
    """They took it: the cover starts as of then, however late that is known here, and who was reviewed is told."""
    offer = state.shelf.wordings[order.offer]
    begins = offer.cover_from(min(business_date(their_at), state.on))
    # What was under way on the last day of all is taken all the same: that day is covered.
    complete(state, order, offer, min(begins, offer.plan.valid_to))
    if order.id in state.reviews:
        state.notices.append(tellings.approved(state.programme.code, order))


def _declined(state: State, order: Order, posting: Posting, request_id: int) -> None:
    """They have not set it aside, or no longer: asked from the beginning where that helps, else given up with their reason.

    Cash that came after it was set aside goes back the way it came.
    """
    if posting.kind == "freeze" and posting.reason == _CHANGED and posting.try_ < MOST_TRIES:
        for hold in state.books.holds(order.id):
            state.books.end(hold, "voided")
        state.move(order)
        return
    if posting.kind == "confirm":
        state.refunded += [(request_id, policy) for policy in order.policies if policy.cash_fen]
    _refuse(state, order, declined.account_declined(posting.reason or ""))


def _let_go(state: State, order: Order, their_at: datetime) -> None:
    """They let it go, or never had it, and never will under this key."""
    freeze = state.postings.open(order.id, "freeze")
    if freeze is not None:
        state.postings.know(freeze, False, their_at, "hold.cancelled")
    drop(state, order)


def _refuse(state: State, order: Order, refusal: Refusal) -> Order:
    """The order comes to nothing, and its buyer is told why."""
    number = order_number(state.programme.code, order.id)
    state.notices.append(Notice(
        order.buyer, f"订单 {number} 未能办理，个人账户未扣款：{refusal.zh}",
        f"Order {number} could not be carried out, nothing was taken from the account: {refusal.en}", order=order.id))
    drop(state, order)
    return order
