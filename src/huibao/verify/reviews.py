"""The invariants of reviews, of who entered an order for another, and of mandates; `run` asks for them with the ground's."""

from collections.abc import Mapping
from typing import Any, Final

from huibao.db import sqlfile
from huibao.db.arrays import Int8s
from huibao.verify.checks import GRACE, Check, Checks, Subject, statement

SQL: Final = sqlfile.load("huibao.verify", "reviews.sql")


def _overdue(subject: Subject) -> Mapping[str, Any]:
    return {"overdue": subject.at - GRACE}


def _credentials(subject: Subject) -> Mapping[str, Any]:
    rows = subject.connection.execute(SQL["credentials"], {"programme": subject.code}).fetchall()
    return {"credentials": Int8s([id for id, _ in rows]), "people": Int8s([person for _, person in rows])}


def _sql(name: str) -> Check:
    return statement(SQL, name)


CHECKS: Final[Checks] = (
    ("f", "reviews as decided", _sql("decided")),
    ("f", "reviews and what was told", _sql("told")),
    ("f", "four eyes", _sql("four_eyes")),
    ("f", "reviews and who had them", _sql("claimed")),
    ("f", "orders entered for others", statement(SQL, "entries", _credentials)),
    ("f", "mandates", _sql("mandates")),
    ("h", "reviews and their time", statement(SQL, "waiting", _overdue)),
)
