"""Each invariant of refunds catches the fault planted for it, says nothing of others, and finds nothing in a counter that is whole."""

import csv
from pathlib import Path
from typing import Final

import pytest

from huibao.refunds import own
from huibao.refunds.model import DecideChannel
from huibao.verify import checks, refunds
from huibao.verify.checks import Finding, Subject
from huibao.verify.run import EVERYTHING
from tests import books
from tests.books import City, Someone, another, owner, put_on_sale
from tests.refunds.counter import EVENING, Counter, refund_id
from tests.verify.test_planted_faults import offended, raise_back

NAMES: Final = [f"{letter} {name}" for letter, name, _ in refunds.CHECKS]
PEOPLE: Final = tuple(Someone(n, personal="8000") for n in range(1, 8))


def counter_day(city: City) -> None:
    """Refunds in every state: reversed, waiting, owed, told to be repaid, credited, sent, arrived, paid elsewhere, decided by two clerks."""
    counter = Counter(city)
    with owner(city) as connection:
        put_on_sale(city, connection, another(city.plan, "dear", premium="2000"))
    first, second, third, sixth = (counter.buys(person) for person in (1, 2, 3, 6))
    fourth, fifth = (counter.buys(person, product="dear") for person in (4, 5))
    counter.surrenders(first)
    counter.remits(second)
    owed, told, elsewhere = (refund_id(city, counter.surrenders(policy).parts[0].refund) for policy in (second, third, sixth))
    counter.lists(fourth)
    counter.surrenders(fourth)
    cash = refund_id(city, counter.surrenders(fifth).parts[1].refund)
    counter.run(own.cash_arrived(cash, 50_000).command)
    counter.receives(counter.repays(owed, at=EVENING), at=EVENING)
    counter.repays(told, reference="B-2", at=EVENING)
    counter.confirms(elsewhere, at=EVENING)
    counter.accepts(elsewhere, 6, at=EVENING)
    assert counter.pays(elsewhere) == "done"
    odd = refund_id(city, counter.surrenders(counter.buys(7, product="dear")).parts[1].refund)
    counter.run(own.channel_differs(odd).command)
    for clerk in (9, 10):
        counter.run(DecideChannel(clerk, odd, "sent-back", "对账单"))


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    city = books.small_city(books.founder(owner_url), "xizang", PEOPLE)
    counter_day(city)
    return city


def found(city: City, statement: str = "") -> list[Finding]:
    """What the oracle says after a statement; nothing of it stays."""
    with owner(city) as connection:
        if statement:
            connection.execute(statement)
        findings = list(checks.verify(Subject(connection, city.code, city.scheme, EVENING), EVERYTHING))
        raise_back(connection)
    return findings


def test_a_whole_counter_offends_nothing(city: City) -> None:
    assert offended(found(city)) == set()
    assert books.rows(city, "SELECT source, state, count(*) FROM refund GROUP BY 1, 2 ORDER BY 1, 2") == [
        ("cash", "done", 2), ("cash", "sent", 1), ("personal", "done", 4), ("personal", "owed", 1), ("personal", "waiting", 2)]


with (Path(__file__).parent / "tables" / "refunds.csv").open(encoding="utf-8-sig", newline="") as _file:
    _, *FAULTS = csv.reader(_file)


@pytest.mark.clause("LZ-15a", "LZ-15b")
@pytest.mark.parametrize("statement, reports", [pytest.param(how, set(noticed.split("; ")), id=what) for what, how, noticed in FAULTS])
def test_a_planted_fault_is_reported(city: City, statement: str, reports: set[str]) -> None:
    assert offended(found(city, statement)) == reports
    assert offended(found(city)) == set(), "nothing of the fault stays"


def test_every_invariant_has_its_fault() -> None:
    assert set().union(*(set(noticed.split("; ")) for _, _, noticed in FAULTS)) >= set(NAMES)
