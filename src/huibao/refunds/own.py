"""Commands that no person sends: each with the one key under which it can have its effect."""

from datetime import date, datetime

from huibao.record.model import NOBODY, OURSELVES, Request
from huibao.refunds.model import CashArrived, CashDeclined, ChannelDiffers, CreditDeclined, Resolve


def resolved(refund: int, line: str, remittance: int, on: date) -> Request[Resolve]:
    """The batch was answered. What came of it is another question for each batch, and asked once a day where the account is closed."""
    key = f"refund-resolved:{refund}:{line}:{remittance}:{on}"
    return Request(OURSELVES, "refund-resolved", key, key.encode(), Resolve(NOBODY, refund))


def cash_arrived(refund: int, fen: int) -> Request[CashArrived]:
    """The channel sent it."""
    return Request(OURSELVES, "refund-cash", f"refund-cash:{refund}", b"%d %d" % (refund, fen), CashArrived(NOBODY, refund, fen))


def cash_declined(refund: int) -> Request[CashDeclined]:
    """The channel cannot."""
    return Request(OURSELVES, "refund-declined", f"refund-declined:{refund}", b"%d" % refund, CashDeclined(NOBODY, refund))


def channel_differs(refund: int) -> Request[ChannelDiffers]:
    """The channel sent another amount, or says no to what it is asked: once, however often it says so."""
    return Request(OURSELVES, "refund-differs", f"refund-differs:{refund}", b"%d" % refund, ChannelDiffers(NOBODY, refund))


def credit_declined(refund: int, posting: int, their_at: datetime, reason: str) -> Request[CreditDeclined]:
    """The system that keeps the account will not take it; told by its answer and found by asking, both are this one request."""
    body = f"{refund} {posting} {their_at.isoformat()} {reason}".encode()
    return Request(OURSELVES, "credit-declined", f"credit-declined:{posting}", body,
                   CreditDeclined(NOBODY, refund, posting, their_at, reason))
