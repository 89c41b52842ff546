"""What a batch of orders did, as set-wise statements: orders, policies, who entered them, reviews, what people are told."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from huibao.core.time import business_date
from huibao.db.arrays import Column, Dates, Int8s, Texts, Times
from huibao.db.wire import Wire
from huibao.enrolment.loading import SQL
from huibao.enrolment.model import Reviewing
from huibao.enrolment.state import (
    State,
    entry_columns,
    moved_columns,
    order_columns,
    policy_columns,
    review_columns,
    vote_columns,
)
from huibao.members import notices
from huibao.scheme.afterwards import RENEWAL
from huibao.scheme.model import in_force

_INSTANT = timedelta(microseconds=1)


def write_orders(wire: Wire, state: State, at: datetime) -> None:
    """Queues orders that moved on, and new ones with their policies and entries."""
    if state.moved:                                    # first: who was let go of may be insured again by the same batch
        orders_moved, policies_moved = moved_columns(list(state.moved.values()))
        wire.ask(SQL["move_orders"], orders_moved)
        wire.ask(SQL["move_policies"], policies_moved)
    if state.new_orders:
        wire.ask(SQL["insert_orders"], {"at": at, **order_columns(state.new_orders)})
        policies = [policy for order in state.new_orders for policy in order.policies]
        wire.ask(SQL["insert_policies"], policy_columns(policies))
    if state.new_entries:
        wire.ask(SQL["insert_entries"], entry_columns(state.new_entries))


def write_proposals(wire: Wire, state: State, at: datetime) -> None:
    """Queues what comes of proposals: they follow an order into the one that took its place, are confirmed, and open again when the
    order came to nothing."""
    if state.amended:
        wire.ask(SQL["follow_proposals"], {
            "before": Int8s([a.order for a in state.amended]), "after": Int8s([a.id for a in state.amended])})
    if state.confirmed:
        wire.ask(SQL["confirm_proposals"], {
            "at": at, "bought": Int8s([order for _, order in state.confirmed]), **key_columns([key for key, _ in state.confirmed])})
    if void := [order.id for order in state.moved.values() if order.state == "void"]:
        days = (in_force(state.programme.scheme.renewal, state.on) or RENEWAL).remind_days
        wire.ask(SQL["reopen_proposals"], {"orders": Int8s(void), "days": Int8s(days), "on": state.on})


def key_columns(keys: Sequence[tuple[int, int]]) -> dict[str, Int8s]:
    """Orders and positions as arrays."""
    return {"orders": Int8s([order for order, _ in keys]), "positions": Int8s([position for _, position in keys])}


def write_reviews(wire: Wire, state: State, at: datetime) -> None:
    """Queues reviews that begin, escalate and end, votes, cases, refunds of cash, and what buyers are told."""
    if state.new_reviews:
        wire.ask(SQL["insert_reviews"], {"at": at, **review_columns(state.new_reviews)})
    if moved := list(state.moved_reviews.values()):
        wire.ask(SQL["move_reviews"], {
            "at": at, "orders": Int8s([r.order for r in moved]), "escalated": Times([r.escalated_at for r in moved]),
            "states": Texts([r.state for r in moved]), **_claims(moved)})
    if state.new_votes:
        wire.ask(SQL["insert_votes"], {"at": at, **vote_columns(state.new_votes)})
    _write_cases(wire, state, at)
    if back := state.refunded:
        wire.ask(SQL["insert_refunds"], {
            "at": at, "requests": Int8s([request for request, _ in back]), "orders": Int8s([p.order for _, p in back]),
            "positions": Int8s([p.position for _, p in back]), "fen": Int8s([p.cash_fen for _, p in back])})
    notices.write(wire, state.notices, at)


def _claims(reviews: Sequence[Reviewing]) -> dict[str, Column]:
    """Who has each: nobody has one that ended."""
    claims = [review.claim if review.state == "open" else None for review in reviews]
    return {
        "claimed_by": Int8s([claim.credential if claim else None for claim in claims]),
        "claimants": Int8s([claim.person if claim else None for claim in claims]),
        "claimed_at": Times([claim.since if claim else None for claim in claims]),
        "claimed_until": Times([claim.until if claim else None for claim in claims]),
    }


def _write_cases(wire: Wire, state: State, at: datetime) -> None:
    """A review that escalates is a case until it ends; both may happen in one batch."""
    if late := state.escalated:
        wire.ask(SQL["open_review_cases"], {
            "at": at, "orders": Int8s([o.id for o in late]), "products": Texts([o.product for o in late]),
            "fen": Int8s([o.premium_fen for o in late]), "due": Dates([_last_day(state.reviews[o.id]) for o in late])})
    ended = [r for r in (*state.new_reviews, *state.moved_reviews.values()) if r.state != "open" and r.escalated_at is not None]
    if ended:
        wire.ask(SQL["close_review_cases"], {
            "at": at, "orders": Int8s([r.order for r in ended]), "outcomes": Texts([r.state for r in ended])})


def _last_day(review: Reviewing) -> date:
    return business_date(review.void_at - _INSTANT)
