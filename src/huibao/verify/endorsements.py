"""The invariants of endorsements; `run` asks for them with the ground's."""

from collections.abc import Mapping
from typing import Any, Final

from huibao.db import sqlfile
from huibao.verify.checks import GRACE, Check, Checks, Subject, statement

SQL: Final = sqlfile.load("huibao.verify", "endorsements.sql")


def _overdue(subject: Subject) -> Mapping[str, Any]:
    return {"overdue": subject.at - GRACE}


def _sql(name: str) -> Check:
    return statement(SQL, name)


CHECKS: Final[Checks] = (
    ("d", "endorsements as recorded", _sql("as_recorded")),
    ("d", "two people", _sql("four_eyes")),
    ("d", "facts as corrected", _sql("facts")),
    ("f", "orders in the place of others", _sql("replaced")),
    ("g", "what corrections came to", _sql("effects")),
    ("h", "proposals", statement(SQL, "waits", _overdue)),
    ("·", "no endorsement without its parent", _sql("orphans")),
)
