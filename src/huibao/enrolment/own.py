"""Commands that no person sends: each with the one key under which it can have its effect, wherever it comes from.

A payment is told by the channel's notice and found by asking; both are this one request.
"""

from datetime import datetime

from huibao.enrolment.model import Escalate, Paid, Release, Unreviewed
from huibao.record.model import NOBODY, OURSELVES, Request


def paid(order: int, fen: int, reference: str) -> Request[Paid]:
    """The cash channel took `fen` for an order, under its own reference."""
    return Request(OURSELVES, "paid", f"paid:{reference}", f"{order} {fen} {reference}".encode(), Paid(NOBODY, order, fen, reference))


def expired(order: int) -> Request[Release]:
    """An order was not paid in time."""
    return Request(OURSELVES, "expired", f"expired:{order}", str(order).encode(), Release(NOBODY, order, "expired"))


def escalated(order: int, due: datetime) -> Request[Escalate]:
    """A review was not decided in its first time."""
    return Request(OURSELVES, "escalated", f"escalated:{order}:{due.isoformat()}", str(order).encode(), Escalate(NOBODY, order))


def unreviewed(order: int, due: datetime) -> Request[Unreviewed]:
    """A review was not decided in time."""
    return Request(OURSELVES, "unreviewed", f"unreviewed:{order}:{due.isoformat()}", str(order).encode(), Unreviewed(NOBODY, order))
