"""Commands that no person sends: each with the one key under which it can have its effect."""

from datetime import date

from huibao.record.model import NOBODY, OURSELVES, Request
from huibao.renewal.model import Propose, Remind


def proposed(order: int, position: int) -> Request[Propose]:
    return Request(OURSELVES, "renewal", f"renewal:{order}:{position}", b"%d %d" % (order, position), Propose(NOBODY, order, position))


def reminded(order: int, position: int, on: date) -> Request[Remind]:
    """The reminder of one day."""
    key = f"renewal-reminder:{order}:{position}:{on}"
    return Request(OURSELVES, "renewal-reminder", key, f"{order} {position} {on}".encode(), Remind(NOBODY, order, position, on))
