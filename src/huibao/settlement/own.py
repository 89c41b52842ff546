"""Commands that no person sends: each with the one key under which it can have its effect, wherever it comes from."""

from datetime import datetime

from huibao.core.time import unix_us
from huibao.record.model import NOBODY, OURSELVES, Request
from huibao.settlement.model import Adjust, Confirm, Withdraw


def confirmed(settlement: int, fen: int, asked: str) -> Request[Confirm]:
    """The hospital says, being `asked` this time, that it deducted so much."""
    body = f"{settlement} {fen} {asked}".encode()
    return Request(OURSELVES, "confirmation", f"confirmed:{settlement}:{fen}:{asked}", body, Confirm(NOBODY, settlement, fen))


def withdrawn(settlement: int, stands: bool) -> Request[Withdraw]:
    """The hospital says, being asked, that it did not deduct; whether basic insurance `stands` there."""
    body = b"%d %d" % (settlement, stands)
    return Request(OURSELVES, "withdrawal", f"withdrawn:{settlement}:{int(stands)}", body, Withdraw(NOBODY, settlement, stands))


def adjusted(settlement: int, adjust_at: datetime) -> Request[Adjust]:
    """The wait after a settlement was taken back, as it stood, is over."""
    body = b"%d %d" % (settlement, unix_us(adjust_at))
    return Request(OURSELVES, "adjustment", f"adjusted:{settlement}:{unix_us(adjust_at)}", body, Adjust(NOBODY, settlement))
