"""Commands that no person sends: each with the one key under which it can have its effect.

A day is in each key: what was refused today may be asked tomorrow. That nobody is asked twice is for the rows to say.
"""

from collections.abc import Sequence
from datetime import date

from huibao.record.model import NOBODY, OURSELVES, Request
from huibao.renewal.model import Propose, Remind


def proposed(buyer: int, orders: Sequence[int], on: date) -> Request[Propose]:
    """All that ends of what somebody bought, as it is found on a day."""
    key = f"renewal:{buyer}:{','.join(map(str, orders))}:{on}"
    return Request(OURSELVES, "renewal", key, key.encode(), Propose(NOBODY, buyer, tuple(orders)))


def reminded(buyer: int, orders: Sequence[int], on: date) -> Request[Remind]:
    """The reminder of one day."""
    key = f"renewal-reminder:{buyer}:{','.join(map(str, orders))}:{on}"
    return Request(OURSELVES, "renewal-reminder", key, key.encode(), Remind(NOBODY, buyer, tuple(orders)))
