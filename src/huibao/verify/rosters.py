"""The invariants of rosters, of their lines and of what sponsors were charged; `run` asks for them with the ground's."""

from typing import Final

from huibao.db import sqlfile
from huibao.verify.checks import Checks, statement

SQL: Final = sqlfile.load("huibao.verify", "rosters.sql")

CHECKS: Final[Checks] = (
    ("d", "rosters as recorded", statement(SQL, "as_recorded")),
    ("e", "lines and their policies", statement(SQL, "policies")),
    ("e", "lines and the own policies whose place they took", statement(SQL, "replaced")),
    ("f", "rosters and their lines", statement(SQL, "counts")),
    ("f", "rosters and their money", statement(SQL, "money")),
)
