"""The invariants of renewal: who was charged had asked, proposals lead where they say, years without a break are the record's."""

from collections.abc import Mapping
from typing import Any, Final

from huibao.db import sqlfile
from huibao.db.arrays import Dates, Int8s, Texts
from huibao.scheme.afterwards import RENEWAL
from huibao.scheme.model import in_force
from huibao.verify.checks import Checks, Subject, statement
from huibao.verify.settlements import plans

SQL: Final = sqlfile.load("huibao.verify", "renewals.sql")


def _next_years(subject: Subject) -> Mapping[str, Any]:
    """Products that renew another: which one, from when, and after how many days without cover at most."""
    renewing = {product: plan for product, plan in plans(subject).values() if plan.renews}
    gaps = [(in_force(subject.scheme.renewal, plan.valid_from) or RENEWAL).gap_days for plan in renewing.values()]
    return {"products": Texts(list(renewing)), "renews": Texts([plan.renews for plan in renewing.values()]),
            "starts": Dates([plan.valid_from for plan in renewing.values()]), "gaps": Int8s(gaps)}


CHECKS: Final[Checks] = (
    ("d", "proposals and their orders", statement(SQL, "proposals", _next_years)),
    ("d", "years without a break", statement(SQL, "continuity", _next_years)),
    ("d", "years without a payout", statement(SQL, "unpaid_years", _next_years)),
    ("f", "who asked", statement(SQL, "who_asked")),
)
