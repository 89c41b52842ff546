"""Commands that no person sends: each with the one key under which it can have its effect, wherever it comes from.

A payment is told by the channel's notice and found by asking; both are this one request.
"""

from datetime import datetime

from huibao.enrolment.model import Balances, Escalate, Paid, Posted, Release, Unreviewed
from huibao.record.model import NOBODY, OURSELVES, Request


def paid(order: int, fen: int, reference: str) -> Request[Paid]:
    """The cash channel took `fen` for an order, under its own reference."""
    return Request(OURSELVES, "paid", f"paid:{reference}", f"{order} {fen} {reference}".encode(), Paid(NOBODY, order, fen, reference))


def expired(order: int) -> Request[Release]:
    """An order was not paid in time. It waits for payment once, until one time that is not moved: there is no second expiry to tell
    from the first."""
    return Request(OURSELVES, "expired", f"expired:{order}", str(order).encode(), Release(NOBODY, order, "expired"))


def escalated(order: int, due: datetime) -> Request[Escalate]:
    """A review was not decided in its first time."""
    return Request(OURSELVES, "escalated", f"escalated:{order}:{due.isoformat()}", str(order).encode(), Escalate(NOBODY, order, due))


def unreviewed(order: int, due: datetime) -> Request[Unreviewed]:
    """A review was not decided in time."""
    return Request(OURSELVES, "unreviewed", f"unreviewed:{order}:{due.isoformat()}", str(order).encode(), Unreviewed(NOBODY, order, due))


def unanswered(order: int, deadline: datetime) -> Request[Release]:
    """The system that keeps the accounts did not say in time what an order may take."""
    until = deadline.isoformat()
    return Request(OURSELVES, "unanswered", f"unanswered:{order}:{until}", f"{order} {until}".encode(), Release(NOBODY, order, "expired"))


def balances(order: int, try_: int, personal_fen: int, savings_fen: int, unusable: str | None = None) -> Request[Balances]:
    """What that system says is free for an order."""
    body = f"{order} {try_} {personal_fen} {savings_fen} {unusable or ''}".encode()
    return Request(OURSELVES, "account-balances", f"account-balances:{order}:{try_}", body,
                   Balances(NOBODY, order, try_, personal_fen, savings_fen, unusable))


def posted(order: int, posting: int, is_done: bool, their_at: datetime, reason: str | None = None) -> Request[Posted]:
    """What became of what it was asked to do; told by its answer and found by asking, both are this one request."""
    body = f"{order} {posting} {is_done} {reason or ''}".encode()
    return Request(OURSELVES, "account-posting", f"account-posting:{posting}", body,
                   Posted(NOBODY, order, posting, is_done, their_at, reason))
