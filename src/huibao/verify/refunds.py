"""The invariants of surrenders and refunds on one programme, at one instant; the letters are those of `docs/reference/verify.md`."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.refunds.model import CHANNEL_PEOPLE
from huibao.scheme.model import REFUND, in_force
from huibao.verify.checks import Checks, Subject, statement

SQL: Final = sqlfile.load("huibao.verify", "refunds.sql")

#: The cash channel has so long to send a refund back.
CHANNEL_DAYS: Final = timedelta(days=3)


def _paid_elsewhere(subject: Subject) -> Iterator[str]:
    """What was paid elsewhere was confirmed, by as many clerks as the scheme asked that day, and accepted; cash needs no clerk."""
    for refund, source, at, confirmed, accepted, is_named in subject.connection.execute(SQL["refund_elsewhere"]):
        people = (in_force(subject.scheme.refund, business_date(at)) or REFUND).people
        if not accepted or (source != "cash" and confirmed < people):
            yield f"refund {refund} was paid elsewhere at {at}: {confirmed} of {people} clerks confirmed, {accepted} accepted"
        if not is_named:
            yield f"refund {refund} was paid elsewhere at {at} under no reference of its insurer"


CHECKS: Final[Checks] = (
    ("f", "refunds and their policies", statement(SQL, "refunds")),
    ("f", "surrenders as recorded", statement(SQL, "surrenders")),
    ("f", "refunds and their money", statement(SQL, "refund_money")),
    ("f", "refunds paid elsewhere", _paid_elsewhere),
    ("f", "refunds decided by clerks", statement(SQL, "channel_decisions", lambda _: {"people": CHANNEL_PEOPLE})),
    ("h", "refunds in time", statement(SQL, "refunds_sent", lambda subject: {"overdue": subject.at - CHANNEL_DAYS})),
    ("i", "limit years given back", statement(SQL, "refund_year")),
    ("l", "repayments of refunds", statement(SQL, "repayments")),
)
