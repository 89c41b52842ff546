"""The agency's review of an application （LZ-14）: approved or rejected by who did not enter it, in time, or void when time is over.

Before it is approved, everything about payer and insured that was asked when it was entered is asked again, as it is now. Approval
captures what is held; rejection, and the end of the time, set it free and send cash back the way it came. What was captured stays:
a suspension afterwards undoes nothing.
"""

from datetime import datetime

from huibao.core.refusal import Refusal
from huibao.enrolment import asking, refusals, review_refusals, tellings
from huibao.enrolment.checks import checks
from huibao.enrolment.model import Claim, Escalate, Order, Review, Reviewing, Unreviewed, Vote
from huibao.enrolment.orders import complete, void
from huibao.enrolment.purchase import Grant, decide_again
from huibao.enrolment.state import State


def review(state: State, asked: Review, request_id: int, at: datetime) -> Order | Refusal:
    """The order as decided: completed, void, or waiting for its second reviewer; or why this is no decision."""
    found = decidable(state, asked.order, asked.credential, asked.reviewer, at)
    if isinstance(found, Refusal):
        return found
    order, waiting = found
    if asked.verdict == "reject":
        if asked.reason is None:
            return review_refusals.reason_needed()
        _vote(state, asked, request_id, order, waiting)
        _give_up(state, order, waiting, "rejected", request_id)
        state.notices.append(tellings.rejected(state.programme.code, order, asked.reason))
        return order
    grants = decide_again(state, order)
    if isinstance(grants, Refusal):
        return grants
    _vote(state, asked, request_id, order, waiting)
    if len(waiting.votes) == waiting.reviewers:
        _approve(state, order, waiting, grants)
    return order


def is_own(state: State, order: Order, waiting: Reviewing, credential: int, person: int | None) -> bool:
    """Whether who reviews entered the order or one that it took the place of, or is party to it."""
    parties = {order.buyer, *(policy.insured for policy in order.policies), *(one for _, one in state.hands[order.id])} - {None}
    return credential in waiting.entered_by or person in parties


def decidable(state: State, id: int, credential: int, person: int | None, at: datetime) -> tuple[Order, Reviewing] | Refusal:
    """The application that somebody wants to decide, or why it is not theirs to decide now."""
    found = _open(state, id)
    if isinstance(found, Refusal):
        return found
    order, waiting = found
    if waiting.void_at <= at:
        return review_refusals.review_over(waiting.void_at)
    refused = _four_eyes(state, order, waiting, credential, person)
    if refused:
        return refused
    has = holder(waiting, at)
    if has is not None and not is_theirs(has, credential, person):
        return review_refusals.claimed(has)
    return found


def holder(waiting: Reviewing, at: datetime) -> Claim | None:
    """The claim of whoever has the application now: nobody does when its time is over."""
    return waiting.claim if waiting.claim is not None and at < waiting.claim.until else None


def is_theirs(claim: Claim, credential: int, person: int | None) -> bool:
    """Whether a claim is a clerk's own: a person is one person under several credentials."""
    return claim.credential == credential or (claim.person is not None and claim.person == person)


def escalate(state: State, asked: Escalate, at: datetime) -> Order | Refusal:
    """The review becomes a case: its first time is over."""
    found = _open(state, asked.order)
    if isinstance(found, Refusal):
        return found
    order, waiting = found
    if waiting.escalated_at is not None or max(at, asked.due or at) < waiting.escalate_at:
        return review_refusals.review_not_due(waiting.escalate_at)
    waiting.escalated_at = at
    state.move_review(waiting)
    state.escalated.append(order)
    return order


def unreviewed(state: State, asked: Unreviewed, request_id: int, at: datetime) -> Order | Refusal:
    """The order comes to nothing: nobody decided in time, though it was somebody's case."""
    found = _open(state, asked.order)
    if isinstance(found, Refusal):
        return found
    order, waiting = found
    if waiting.escalated_at is None or max(at, asked.due or at) < waiting.void_at:
        return review_refusals.review_not_due(waiting.void_at)
    _give_up(state, order, waiting, "overdue", request_id)
    state.notices.append(tellings.overdue(state.programme.code, order, waiting.void_because))
    return order


def _open(state: State, id: int) -> tuple[Order, Reviewing] | Refusal:
    order = state.orders.get(id)
    if order is None:
        return refusals.order_unknown()
    waiting = state.reviews.get(id)
    if order.state != "awaiting-review" or waiting is None:
        return review_refusals.not_under_review(order.state)
    return order, waiting


def _four_eyes(state: State, order: Order, waiting: Reviewing, credential: int, person: int | None) -> Refusal | None:
    """Nobody reviews what is theirs, and nobody twice; a person is one person under several credentials."""
    if is_own(state, order, waiting, credential, person):
        return review_refusals.own_entry()
    for vote in waiting.votes:
        if vote.credential == credential or (vote.person is not None and vote.person == person):
            return review_refusals.reviewed_by_you()
    return None


def _vote(state: State, asked: Review, request_id: int, order: Order, waiting: Reviewing) -> None:
    reason = asked.reason if asked.verdict == "reject" else None
    vote = Vote(len(waiting.votes) + 1, request_id, asked.credential, asked.reviewer, asked.verdict, reason, checks(state, order))
    waiting.votes.append(vote)
    state.new_votes.append((waiting, vote))
    if waiting.claim is not None:                       # who decided has it no longer: it is free for the second reviewer
        waiting.claim = None
        state.move_review(waiting)


def _approve(state: State, order: Order, waiting: Reviewing, grants: tuple[Grant, ...]) -> None:
    """What is held is captured, and the cover begins as it would for who bought now."""
    for policy, grant in zip(order.policies, grants, strict=True):
        policy.facts = grant.facts
    waiting.state = "approved"
    state.move_review(waiting)
    if asking.capture(state, order):
        return                                         # who is covered is told so once the account was charged
    complete(state, order, state.shelf.wordings[order.offer])
    state.notices.append(tellings.approved(state.programme.code, order))


def _give_up(state: State, order: Order, waiting: Reviewing, how: tellings.GivenUp, request_id: int) -> None:
    """The order is void: holds are released, cash that was paid is sent back."""
    void(state, order)
    waiting.state = how
    state.move_review(waiting)
    state.refunded += [(request_id, policy) for policy in order.policies if policy.cash_fen]
