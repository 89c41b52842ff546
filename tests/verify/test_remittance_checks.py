"""Each invariant of remittances catches the fault planted for it, says nothing of others, and finds nothing where all is well."""

import csv
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from huibao.remittance import own
from huibao.verify import checks, remittances
from huibao.verify.checks import Finding, Subject
from huibao.verify.run import EVERYTHING
from tests import books
from tests.books import City, buy, owner
from tests.books import run as buys
from tests.remittance import office
from tests.remittance.office import FEN
from tests.verify.test_planted_faults import offended, raise_back

NAMES: Final = [f"{letter} {name}" for letter, name, _ in remittances.CHECKS]


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    """A batch that is paid but for a line, one that is sent, one that is listed beside a frozen account, and what stands in none."""
    city = office.city_of(books.founder(owner_url), 3, more=6)
    office.open_account(city)
    paid = office.sent(city)
    office.file(city, paid.remittance, f"line,{{e1}},,{FEN},failed,R01\ntotal,,2,{2 * FEN},paid,")
    office.sent(city)
    buys(city, [buy(city, n) for n in (4, 5, 6)])
    office.freeze(city, 6)
    office.done(city, own.due(city.plan.id, office.LATER.date()))
    buys(city, [buy(city, n) for n in (7, 8)])
    city.clock.set(office.LATER, backwards=True)
    return city


def found(city: City, *statements: str) -> list[Finding]:
    """What the oracle says after the statements; nothing of them stays."""
    with owner(city) as connection:
        for statement in statements:
            connection.execute(statement)
        findings = list(checks.verify(Subject(connection, city.code, city.scheme, office.LATER), EVERYTHING))
        raise_back(connection)
    return findings


def test_a_whole_office_offends_nothing(city: City) -> None:
    assert offended(found(city)) == set()
    assert office.standing(city) == [("answered", 3 * FEN, "failed paid paid"), ("sent", FEN, "listed"), ("listed", 2 * FEN, "listed listed failed")]


with (Path(__file__).parent / "tables" / "remittances.csv").open(encoding="utf-8-sig", newline="") as _file:
    _, *FAULTS = csv.reader(_file)

#: What statements of the table name: the batch that is paid, the one that is sent, the one that is listed, its frozen account's line.
NAMED: Final = {name: f"(SELECT id FROM remittance ORDER BY id OFFSET {n} LIMIT 1)" for n, name in enumerate(("paid", "sent", "listed"))}  # noqa: S608


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize("statement, reports", [pytest.param(how.format(**NAMED), set(noticed.split("; ")), id=what) for what, how, noticed in FAULTS])
def test_a_planted_fault_is_reported(city: City, statement: str, reports: set[str]) -> None:
    assert offended(found(city, statement)) == reports
    assert offended(found(city)) == set(), "nothing of the fault stays"


def test_every_invariant_has_its_fault() -> None:
    assert set().union(*(set(noticed.split("; ")) for _, _, noticed in FAULTS)) >= set(NAMES)


def test_a_batch_that_nobody_answers_is_reported(city: City) -> None:
    with owner(city) as connection:
        late = list(checks.verify(Subject(connection, city.code, city.scheme, office.LATER + remittances.LATE + timedelta(seconds=1)), remittances.CHECKS))
    [finding] = [one for one in late if one.offenders]
    assert (finding.name, len(finding.offenders)) == ("remittances on their way", 2)
