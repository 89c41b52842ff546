"""All programmes of a database, verified as of now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from psycopg import IsolationLevel

from huibao.db.connect import connect_owner
from huibao.scheme import loading as schemes
from huibao.verify.checks import SQL, Finding, Subject, verify


@dataclass(frozen=True, slots=True)
class Verified:
    """A programme's findings; `sound` where none has an offender."""

    code: str
    name: str
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return not any(finding.offenders for finding in self.findings)


def verify_all(owner_url: str, at: datetime, only: str | None = None) -> Iterator[Verified]:
    """Each programme's findings, each at one instant of its own; `only` is one programme's code."""
    with connect_owner(owner_url, "huibao verify") as connection:
        rows = connection.execute(SQL["programmes"]).fetchall()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for code, name, scheme, schema in rows:
            if only not in {None, code}:
                continue
            with connection.transaction():
                connection.execute(SQL["enter"], {"schema": schema})
                found = tuple(verify(Subject(connection, code, schemes.builtin(scheme), at)))
            yield Verified(code, name, found)
