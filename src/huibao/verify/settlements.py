"""The invariants of settlements, of what is owed for them, and of what waits; `run` asks for them with the ground's."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from huibao.benefits.model import Cap, Plan
from huibao.catalogue.shelf import plan_of
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Int8s, Texts
from huibao.verify.checks import GRACE, Check, Checks, Subject, statement

SQL: Final = sqlfile.load("huibao.verify", "settlements.sql")

#: A payout may be on its way at the bank so many days after it was due.
LATE_DAYS: Final = 3

#: Caps whose use can be told from payments: those per item or unit are within the lines of a bill.
_COUNTED: Final = ("year", "visit")


def plans(subject: Subject) -> dict[int, tuple[str, Plan]]:
    """Every wording that was ever sold, by offer: its product, and its plan from the text that policies were sold under."""
    return {offer: (product, plan_of(product, body)) for offer, product, body in subject.connection.execute(SQL["offers"]).fetchall()}


def _households(subject: Subject) -> Mapping[str, Any]:
    """Products whose policies share amounts within a household: what happens to one moves the others."""
    return {"households": Texts(sorted({product for product, plan in plans(subject).values() if plan.household}))}


def _caps(subject: Subject) -> Mapping[str, Any]:
    """Every cap of every wording, once for each benefit under it, with the most that it can be."""
    found = [(offer, cap.id, benefit + 1, most(cap), int(cap.scope == "household"), int(cap.per == "visit"))
             for offer, (_, plan) in plans(subject).items()
             for cap in plan.caps if cap.per in _COUNTED for benefit in cap.benefits]
    offers, names, benefits, fen, shared, visits = ([row[column] for row in found] for column in range(6))
    return {"offers": Int8s(offers), "caps": Texts(names), "benefits": Int8s(benefits), "fen": Int8s(fen), "shared": Int8s(shared),
            "visits": Int8s(visits)}


def most(cap: Cap) -> int:
    """The largest amount that a cap has, whatever varies it."""
    return max((cap.amount.fen, *(fen for _, fen in cap.amount.when)))


def _overdue(subject: Subject) -> Mapping[str, Any]:
    return {"overdue": subject.at - GRACE}


def _late(subject: Subject) -> Mapping[str, Any]:
    return {"late": business_date(subject.at) - timedelta(days=LATE_DAYS)}


def _sql(name: str) -> Check:
    return statement(SQL, name)


CHECKS: Final[Checks] = (
    ("d", "settlements as recorded", _sql("as_recorded")),
    ("d", "reversals as recorded", _sql("reversals")),
    ("e", "one effect per settlement", _sql("one_effect")),
    ("g", "settlements and their payments", _sql("payments")),
    ("g", "payments and their money", statement(SQL, "money", _households)),
    ("g", "claims in the pool", _sql("pool")),
    ("g", "who is paid", _sql("who_is_paid")),
    ("g", "payouts", _sql("payouts")),
    ("g", "statements and recoveries", _sql("statements")),
    ("h", "offers and waits", statement(SQL, "waits", _overdue)),
    ("h", "payouts on their way", statement(SQL, "late_payouts", _late)),
    ("i", "benefits within caps", statement(SQL, "caps", _caps)),
    ("·", "no claim without its parent", _sql("orphans")),
)
