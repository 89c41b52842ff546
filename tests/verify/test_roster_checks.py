"""Each invariant of rosters catches the fault planted for it, and finds nothing in a city that is whole.

A fault is planted by the database's owner, verified in the same transaction, and taken back.
"""

import csv
import dataclasses
from pathlib import Path
from typing import Final

import pytest

from huibao.enrolment.model import Paid
from huibao.verify import checks, rosters
from huibao.verify.checks import Finding, Subject
from huibao.verify.run import EVERYTHING
from tests import books
from tests.books import DAY, City, buy, founder, order, order_id, owner
from tests.sponsored.agency import Agency, Somebody, agency_of, done, sheet
from tests.verify.test_planted_faults import offended, raise_back

NAMES: Final = [f"{letter} {name}" for letter, name, _ in rosters.CHECKS]


def days(agency: Agency) -> None:
    """Rosters in every state: one is done, with a line twice and one that took an own policy's place; an employer's is done on credit; one runs, one waits, one is cancelled."""
    sponsor, employer = agency.sponsor("1000"), agency.sponsor("0", "企业（示例）", "employer", 50_000)
    buys_before(agency, 9)
    first = agency.upload(sponsor, sheet(agency.says(1, 2, 1, 9)))
    second = agency.upload(employer, sheet(agency.says(3, 4)))
    agency.work()
    for roster in (first, second):
        done(agency.confirm(roster))
    agency.work()
    agency.upload(sponsor, sheet(agency.says(5, 6)))
    agency.work()
    done(agency.confirm(3))
    agency.upload(sponsor, sheet(agency.says(7)))
    done(agency.steer(agency.upload(sponsor, sheet(agency.says(8))), "cancel"))


def buys_before(agency: Agency, person: int) -> None:
    """Somebody has an own policy, which gives way here to a sponsor's."""
    rule = agency.city.scheme.sponsored[0]
    agency.city.scheme = dataclasses.replace(agency.city.scheme, sponsored=(dataclasses.replace(rule, replaces_own=True),))
    [answer] = books.run(agency.city, [buy(agency.city, person, pay_with="cash")])
    books.run(agency.city, [Paid(1, order_id(agency.city, answer), order(answer).cash_fen, "ref")])


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    made = agency_of(founder(owner_url), [Somebody(n, insurance="居民 正常") for n in range(1, 10)])
    days(made)
    return made.city


def found(city: City, *statements: str) -> list[Finding]:
    """What the oracle says after the statements; nothing of them stays."""
    with owner(city) as connection:
        for statement in statements:
            connection.execute(statement)
        findings = list(checks.verify(Subject(connection, city.code, city.scheme, DAY), EVERYTHING))
        raise_back(connection)
    return findings


def test_a_whole_city_offends_nothing(city: City) -> None:
    assert offended(found(city)) == set()
    assert books.rows(city, "SELECT id, state FROM roster ORDER BY id") == [
        (1, "done"), (2, "done"), (3, "running"), (4, "checking"), (5, "cancelled")]


NAMED: Final = {"done": "1", "running": "3", "checked": "4", "other": "(SELECT max(id) FROM sponsor)"}


def table() -> list[tuple[str, str, set[str]]]:
    with (Path(__file__).parent / "tables" / "rosters.csv").open(encoding="utf-8-sig", newline="") as file:
        _, *lines = csv.reader(file)
    return [(fault, statement.format(**NAMED), set(noticed.split("; "))) for fault, statement, noticed in lines]


FAULTS: Final = table()


@pytest.mark.clause("XJ-3.3", "JL-4.3")
@pytest.mark.parametrize("statement, reports", [pytest.param(how, reports, id=what) for what, how, reports in FAULTS])
def test_a_planted_fault_is_reported(city: City, statement: str, reports: set[str]) -> None:
    assert offended(found(city, statement)) == reports


def test_every_invariant_has_its_fault() -> None:
    assert set(NAMES) <= set().union(*(reports for *_, reports in FAULTS))
