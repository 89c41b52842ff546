"""The invariants of surrenders and refunds on one programme, at one instant; the letters are those of `docs/reference/verify.md`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.scheme.model import REFUND, in_force
from huibao.verify.checks import Checks, Subject, statement

SQL: Final = sqlfile.load("huibao.verify", "refunds.sql")

#: The cash channel has so long to send a refund back.
CHANNEL_DAYS: Final = timedelta(days=3)


def _people(subject: Subject) -> Mapping[str, Any]:
    """How many clerks confirm that an account cannot be credited, by the rule in force now."""
    return {"people": (in_force(subject.scheme.refund, business_date(subject.at)) or REFUND).people}


CHECKS: Final[Checks] = (
    ("f", "refunds and their policies", statement(SQL, "refunds")),
    ("f", "surrenders as recorded", statement(SQL, "surrenders")),
    ("f", "refunds and their money", statement(SQL, "refund_money")),
    ("f", "refunds paid elsewhere", statement(SQL, "refund_elsewhere", _people)),
    ("h", "refunds in time", statement(SQL, "refunds_sent", lambda subject: {"overdue": subject.at - CHANNEL_DAYS})),
    ("i", "limit years given back", statement(SQL, "refund_year")),
    ("l", "repayments of refunds", statement(SQL, "repayments")),
)
