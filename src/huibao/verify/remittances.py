"""The invariants of account money on its way to insurers; `run` asks for them with the ground's."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from huibao.db import sqlfile
from huibao.verify.checks import Checks, Subject, statement

SQL: Final = sqlfile.load("huibao.verify", "remittances.sql")

#: A batch may be on its way at the bank for so long.
LATE: Final = timedelta(days=3)


def _late(subject: Subject) -> Mapping[str, Any]:
    return {"late": subject.at - LATE}


CHECKS: Final[Checks] = (
    ("d", "remittances as recorded", statement(SQL, "as_recorded")),
    ("h", "remittances on their way", statement(SQL, "waits", _late)),
    ("l", "lines of remittances", statement(SQL, "lines")),
    ("l", "remittances", statement(SQL, "batches")),
    ("l", "remitted money", statement(SQL, "money")),
    ("l", "clearing", statement(SQL, "clearing")),
    ("l", "receiving accounts", statement(SQL, "receiving")),
)
