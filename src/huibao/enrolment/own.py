"""Commands that no person sends: each with the one key under which it can have its effect, wherever it comes from.

A payment is told by the channel's notice and found by asking; both are this one request.
"""

from typing import Final, NamedTuple

from huibao.enrolment.model import Command, Paid, Release

#: Under whom what the service does by itself is recorded.
NOBODY: Final = 0
_PRINCIPAL: Final = f"credential:{NOBODY}"


class Request(NamedTuple):
    """A command as it is submitted: whose key, by which route, which key, its canonical body."""

    principal: str
    route: str
    key: str
    body: bytes
    command: Command


def paid(order: int, fen: int, reference: str) -> Request:
    """The cash channel took `fen` for an order, under its own reference."""
    return Request(_PRINCIPAL, "paid", f"paid:{reference}", f"{order} {fen} {reference}".encode(), Paid(NOBODY, order, fen, reference))


def expired(order: int) -> Request:
    """An order was not paid in time."""
    return Request(_PRINCIPAL, "expired", f"expired:{order}", str(order).encode(), Release(NOBODY, order, "expired"))
