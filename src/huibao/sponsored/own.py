"""Commands that no person sends: each with the one key under which it can have its effect."""

from datetime import datetime

from huibao.enrolment.model import Buy, InsuredWish
from huibao.record.model import NOBODY, OURSELVES, Request
from huibao.sponsored.model import Checked, Enrol, Finished, Line, Steer


def checked(roster: int) -> Request[Checked]:
    """Every part of a roster was checked."""
    return Request(OURSELVES, "roster-checked", f"roster-checked:{roster}", b"%d" % roster, Checked(NOBODY, roster))


def finished(roster: int) -> Request[Finished]:
    """Every part of a roster was run."""
    return Request(OURSELVES, "roster-finished", f"roster-finished:{roster}", b"%d" % roster, Finished(NOBODY, roster))


def paused(roster: int, why: str, at: datetime) -> Request[Steer]:
    """A roster waits for somebody to see what is the matter with a line of it. It may do so more than once."""
    body = f"{roster}:{why}:{at.isoformat()}"
    return Request(OURSELVES, "roster-paused", f"roster-paused:{body}", body.encode(), Steer(NOBODY, roster, "pause", why))


def enrol(roster: int, part: int, line: Line, product: str, sponsor: str, confirmed_by: int) -> Request[Enrol]:
    """A line of a roster is run, in the name of who confirmed it."""
    buy = Buy(confirmed_by, line.person, product, (InsuredWish(line.person, line.tier),), "sponsor", sponsor=sponsor)
    key = f"roster:{roster}:{line.line}"
    return Request(OURSELVES, "roster", key, key.encode(), Enrol(roster, part, line.line, line.category, buy))
