"""Commands that no person sends: each with the one key under which it can have its effect."""

from huibao.payables.model import CameBack, PaidOut, Received, Sent
from huibao.record.model import NOBODY, OURSELVES, Request


def sent(payout: int, try_: int) -> Request[Sent]:
    """A payout is told to the bank; `try_` counts, since one that came back may be tried again."""
    return Request(OURSELVES, "payout-sent", f"payout-sent:{payout}:{try_}", b"%d %d" % (payout, try_), Sent(NOBODY, payout))


def paid(payout: int, try_: int) -> Request[PaidOut]:
    return Request(OURSELVES, "payout-paid", f"payout-paid:{payout}:{try_}", b"%d %d" % (payout, try_), PaidOut(NOBODY, payout))


def came_back(payout: int, try_: int) -> Request[CameBack]:
    return Request(OURSELVES, "payout-returned", f"payout-returned:{payout}:{try_}", b"%d %d" % (payout, try_), CameBack(NOBODY, payout))


def received(recovery: int) -> Request[Received]:
    return Request(OURSELVES, "recovery", f"recovery:{recovery}", b"%d" % recovery, Received(NOBODY, recovery))
