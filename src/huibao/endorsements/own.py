"""Commands that no person sends: each with the one key under which it can have its effect."""

from huibao.endorsements.model import Expire
from huibao.record.model import OURSELVES, Request


def expired(endorsement: int) -> Request[Expire]:
    """Nobody answered a proposal in time."""
    return Request(OURSELVES, "endorsement-expired", f"endorsement-expired:{endorsement}", b"%d" % endorsement, Expire(endorsement))
