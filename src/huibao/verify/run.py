"""All programmes of a database, verified as of now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import IsolationLevel

from huibao.core.sealing import Keyring
from huibao.db.connect import connect_owner
from huibao.scheme import loading as schemes
from huibao.verify import accounts, checks, endorsements, refunds, remittances, renewals, reviews, rosters, settlements
from huibao.verify.checks import SQL, Checks, Finding, Subject, verify
from huibao.verify.columns import verify_columns

#: Everything that needs no keys, in the order of its letters.
EVERYTHING: Final[Checks] = sorted(
    (*checks.CHECKS, *accounts.CHECKS, *reviews.CHECKS, *settlements.CHECKS, *remittances.CHECKS, *endorsements.CHECKS,
     *renewals.CHECKS, *refunds.CHECKS, *rosters.CHECKS),
    key=lambda check: check[0])


@dataclass(frozen=True, slots=True)
class Verified:
    """A programme's findings; `sound` where none has an offender."""

    code: str
    name: str
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return not any(finding.offenders for finding in self.findings)


def verify_all(owner_url: str, at: datetime, only: str | None = None, keyring: Keyring | None = None) -> Iterator[Verified]:
    """Each programme's findings, each at one instant of its own; `only` is one programme's code.

    With a keyring, sealed messages are opened and folded as columns too. Raises `KeysUnfit` where they are sealed under other keys.
    """
    with connect_owner(owner_url, "huibao verify") as connection:
        rows = connection.execute(SQL["programmes"]).fetchall()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for code, name, scheme, schema in rows:
            if only not in {None, code}:
                continue
            with connection.transaction():
                connection.execute(SQL["enter"], {"schema": schema})
                subject = Subject(connection, code, schemes.builtin(scheme), at)
                found = [*verify(subject, EVERYTHING)]
                if keyring is not None:
                    found += verify_columns(subject, keyring)
            yield Verified(code, name, tuple(found))
