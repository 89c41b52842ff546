"""Each invariant catches the fault planted for it, says nothing of others, and finds nothing in a city that is whole.

A fault is a row of tables/faults.csv: planted by the database's owner, verified in the same transaction, and taken back.
"""

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from huibao.enrolment.model import Paid, Release
from huibao.verify import checks
from huibao.verify.checks import CHECKS, MOST_NAMED, Finding, Subject
from tests import books
from tests.books import DAY, City, another, buy, order_id, owner, run
from tests.database import MakeProgramme

NAMES: Final = [f"{letter} {name}" for letter, name, _ in CHECKS]


def full_city(make: MakeProgramme) -> City:
    """Orders of every kind: captured at once, captured after a hold, awaiting payment, void, refused; each in a batch of its own."""
    city = books.small_city(make, "xizang")
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "dear", premium="1600"))
    early = DAY - timedelta(hours=1)
    run(city, [buy(city, 1, at=early), Paid(2, 987_654_321, 1, "ref")], early)
    with owner(city) as connection:
        connection.execute("INSERT INTO payment_return SELECT seq, at FROM event WHERE kind = 'payment'")
    [held] = run(city, [buy(city, 1, 2, product="dear")])
    run(city, [Paid(2, order_id(city, held), 26_800, "ref")])
    [given_up] = run(city, [buy(city, 5, 4, product="dear")])
    run(city, [Release(1, order_id(city, given_up), "cancelled", 5)])
    run(city, [buy(city, 5, product="dear")])
    run(city, [buy(city, 6)])
    return city


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    return full_city(books.founder(owner_url))


def found(city: City, *statements: str) -> list[Finding]:
    """What the oracle says after the statements; nothing of them stays."""
    with owner(city) as connection:
        for statement in statements:
            connection.execute(statement)
        findings = list(checks.verify(Subject(connection, city.code, city.scheme, DAY)))
        raise_back(connection)
    return findings


def raise_back(connection: psycopg.Connection[Any]) -> None:
    """What was done in this transaction is undone, the transaction goes on."""
    connection.execute("ROLLBACK AND CHAIN")


def offended(findings: list[Finding]) -> set[str]:
    return {f"{finding.letter} {finding.name}" for finding in findings if finding.offenders}


def test_a_whole_city_offends_nothing(city: City) -> None:
    assert [f"{finding.letter} {finding.name}" for finding in found(city)] == NAMES
    assert offended(found(city)) == set()
    assert books.verify(city) == []
    states = books.rows(city, "SELECT state, count(*) FROM orders GROUP BY state ORDER BY state")
    assert states == [("awaiting-payment", 1), ("completed", 2), ("void", 1)]


TABLES: Final = Path(__file__).parent / "tables"
#: What statements of the tables name.
NAMED: Final = {
    "first": "(SELECT min(id) FROM orders)",                                    # captured at once: 168 yuan from the account of person 1
    "waiting": "(SELECT id FROM orders WHERE state = 'awaiting-payment')",
    "pending": "NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = hold.id)",
}
SHARES: Final = "g pool shares"


def table(name: str) -> list[tuple[str, str, str]]:
    """A fault's name, how it is planted, and what notices it."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        _, *lines = csv.reader(file)
    return [(fault, statement.format(**NAMED), noticed) for fault, statement, noticed in lines]


FAULTS: Final = [(fault, statement, set(noticed.split("; "))) for fault, statement, noticed in table("faults")]


@pytest.mark.clause("LZ-9", "JL-3.1a")
@pytest.mark.parametrize("statement, reports", [pytest.param(how, reports, id=what) for what, how, reports in FAULTS])
def test_a_planted_fault_is_reported(city: City, statement: str, reports: set[str]) -> None:
    assert offended(found(city, statement)) == reports
    assert offended(found(city)) == set(), "nothing of the fault stays"


def test_every_invariant_has_its_fault() -> None:
    assert set().union(*(reports for _, _, reports in FAULTS)) == set(NAMES) - {SHARES}


@pytest.mark.clause("XJ-2.3")
def test_shares_that_do_not_add_up_are_reported(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "of_total", lambda fen, weights: [fen * weight // sum(weights) for weight in weights])
    with owner(city) as connection:
        connection.execute("UPDATE pool_total SET fen = 16801 WHERE product = 'dear' AND stream = 'premium'")
        found = list(checks.verify(Subject(connection, city.code, city.scheme, DAY)))
        raise_back(connection)
    assert SHARES in offended(found)


def test_a_sponsors_money_pays_for_its_own_orders(owner_url: str) -> None:
    city = books.small_city(books.founder(owner_url), "shenyang", sponsors={"慈善": "198", "企业": "198"})
    run(city, [buy(city, 7, pay_with="sponsor", sponsor="慈善")])
    assert offended(found(city)) == set()
    assert offended(found(city, "UPDATE orders SET sponsor = '企业'")) == {"f who paid"}


def test_an_overdue_order_has_ten_minutes_of_grace(city: City) -> None:
    due = DAY + timedelta(minutes=30)
    assert books.verify(city, due + timedelta(minutes=10)) == []
    [late] = books.verify(city, due + timedelta(minutes=10, seconds=1))
    assert late.startswith("h holds and their orders: order ")
    assert late.endswith("waits since 2026-03-02 02:00:00+00 for a payment that was due by 2026-03-02 02:30:00+00")


def test_many_offenders_are_counted(city: City) -> None:
    many = "INSERT INTO hold_end SELECT n, '2026-01-01', 'voided' FROM generate_series(1001, 1025) AS n"
    [finding] = [finding for finding in found(city, many) if finding.offenders]
    assert (len(finding.offenders), finding.more) == (MOST_NAMED, 5)


def test_no_finding_names_a_person_by_more_than_a_number(city: City) -> None:
    said = " ".join(text for _, how, _ in FAULTS[:12] for finding in found(city, how) for text in finding.offenders)
    assert "某人" not in said
    assert said


def test_verify_reads_one_instant_and_changes_nothing(city: City) -> None:
    before = books.everything(city)
    assert books.verify(city) == []
    assert books.everything(city) == before


# ── what the database itself refuses ─────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("statement, state", [pytest.param(how, state, id=what) for what, how, state in table("impossible")])
def test_the_database_refuses(city: City, statement: str, state: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as refused, owner(city) as connection:
        connection.execute(statement)
    assert refused.value.sqlstate == state


@pytest.fixture(scope="module", autouse=True)
def still_whole(city: City) -> Iterator[None]:
    yield
    assert books.verify(city) == []
