"""Each invariant of reviews, entries and mandates catches the fault planted for it, and finds nothing in a city that is whole.

A fault is planted by the database's owner, verified in the same transaction, and taken back.
"""

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from huibao.core.time import moment
from huibao.enrolment.model import ClaimReview, Command, Entry, Escalate, IdentityCheck, Paid, Release, Review, Unreviewed
from huibao.verify import checks, reviews
from huibao.verify.checks import GRACE, Finding, Subject
from huibao.verify.run import EVERYTHING
from tests import books
from tests.books import DAY, City, Someone, another, buy, founder, order_id, owner, run, small_city
from tests.mandates import desk as mandates
from tests.verify.test_planted_faults import offended, raise_back

NAMES: Final = [f"{letter} {name}" for letter, name, _ in reviews.CHECKS]
PEOPLE: Final = (Someone(1, personal="2000", kin="2 子女"), Someone(2), *(Someone(n, personal="2000") for n in range(3, 15)))
LATER: Final = DAY + timedelta(days=3)
ESCALATES, VOID = moment("2026-03-10"), moment("2026-03-24")
NOW: Final = VOID + timedelta(minutes=1)
_TABLES: Final = Path(__file__).parent / "tables"


def days(city: City) -> None:
    """Reviews in every state, each buyer another story: 3 is approved, 4 by two, 5 rejected, 6 overdue, 7 withdrawn, 8 late, 9 waits, 10 waits
    for the second, and both have been taken; a clerk enters for 11, an agent for 12, whose mandate is revoked later, a child for 1."""
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "dear", premium="1000.01"))
    mandates.run(city, mandates.mandate(12, 2))
    counter = replace(buy(city, 11), entry=Entry("counter", 13, "450200-07", "signed-form", mandates.DIGEST))
    agent = replace(buy(city, 12, identity=IdentityCheck(2, "face", True, DAY, "ref")), entry=Entry("agent", 2))
    child = replace(buy(city, 1, pay_with="cash", identity=IdentityCheck(2, "face", True, DAY, "ref")), entry=Entry("agent", 2))
    first = run(city, [*(buy(city, n, product="dear" if n in {4, 10} else None) for n in range(3, 9)), counter, agent, child])
    three, four, five, six, seven, eight, *_, for_one = (order_id(city, answer) for answer in first)
    run(city, [Paid(0, for_one, 13_800, "ref")], DAY + timedelta(minutes=1))
    mandates.run(city, mandates.revoke(1, 12), at=DAY + timedelta(days=1))
    steps: list[Command] = [Review(71, None, three, "approve"), Review(71, 13, four, "approve"), Review(72, 14, four, "approve"),
                            Review(71, None, five, "reject", "other", "不清楚"), Release(1, seven, "cancelled", 7)]
    run(city, steps, LATER)
    run(city, [Escalate(0, six)], ESCALATES)
    run(city, [Unreviewed(0, six)], VOID)
    after = run(city, [buy(city, 9, at=VOID), buy(city, 10, product="dear", at=VOID)], VOID)
    nine, ten = (order_id(city, answer) for answer in after)
    run(city, [ClaimReview(71, None, nine), ClaimReview(71, 13, ten), Review(71, 13, ten, "approve"), ClaimReview(72, 14, ten)], VOID)
    # Who came first waits longest: decided at last, so that what still waits is within its time.
    eleven, twelve = (order_id(city, answer) for answer in first[6:8])
    run(city, [Escalate(0, eight), Review(71, None, eleven, "approve"), Review(71, None, twelve, "approve")], ESCALATES)
    with owner(city) as connection:
        connection.execute("UPDATE review SET void_at = void_at + interval '10 days' WHERE order_id = %s", [eight])


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    made = small_city(founder(owner_url), "liuzhou", PEOPLE)
    days(made)
    return made


def found(city: City, *statements: str) -> list[Finding]:
    """What the oracle says after the statements; nothing of them stays."""
    with owner(city) as connection:
        for statement in statements:
            connection.execute(statement)
        findings = list(checks.verify(Subject(connection, city.code, city.scheme, NOW), EVERYTHING))
        raise_back(connection)
    return findings


def test_a_whole_city_offends_nothing(city: City) -> None:
    assert [(finding.name, finding.offenders) for finding in found(city) if finding.offenders] == []
    assert books.rows(city, "SELECT state, count(*) FROM review GROUP BY state ORDER BY state") == [
        ("approved", 4), ("open", 3), ("overdue", 1), ("rejected", 1), ("withdrawn", 1)]


def order_of(buyer: int) -> str:
    return f"(SELECT id FROM orders WHERE buyer_id = {buyer})"  # noqa: S608 - our own number


NAMED: Final = {f"of{n}": order_of(n) for n in range(1, 13)}


def table(name: str) -> list[tuple[str, str, set[str]]]:
    with (_TABLES / name).open(encoding="utf-8-sig", newline="") as file:
        _, *lines = csv.reader(file)
    return [(fault, statement.format(**NAMED), set(noticed.split("; "))) for fault, statement, noticed in lines]


FAULTS: Final = table("review_faults.csv")


@pytest.mark.clause("LZ-14", "LZ-8", "XJ-3.4")
@pytest.mark.parametrize(("statement", "reports"), [pytest.param(how, reports, id=what) for what, how, reports in FAULTS])
def test_a_planted_fault_is_reported(city: City, statement: str, reports: set[str]) -> None:
    assert offended(found(city, statement)) == reports


def test_every_invariant_has_its_fault() -> None:
    assert set(NAMES) <= set().union(*(reports for *_, reports in FAULTS))


def test_a_late_review_has_ten_minutes_of_grace(city: City) -> None:
    with owner(city) as connection:
        connection.execute(f"UPDATE review SET void_at = %s WHERE order_id = {order_of(8)}", [NOW - GRACE])  # noqa: S608 - as above
        on_time = list(checks.verify(Subject(connection, city.code, city.scheme, NOW), EVERYTHING))
        late = list(checks.verify(Subject(connection, city.code, city.scheme, NOW + timedelta(seconds=1)), EVERYTHING))
        raise_back(connection)
    assert (offended(on_time), offended(late)) == (set(), {"h reviews and their time"})


# ── what the database itself refuses ─────────────────────────────────────────────────────────────────────────────────

IMPOSSIBLE: Final = [
    ("the one who entered it reviews it",      "UPDATE review_vote SET credential = entered_by[1]",                                         "23514"),
    ("one credential reviews twice",           "UPDATE review_vote SET credential = 71",                                                    "23505"),
    ("one person reviews twice",               "UPDATE review_vote SET person_id = 13 WHERE order_id = {of4}",                              "23505"),
    ("a third reviewer",                       "UPDATE review_vote SET number = 3 WHERE number = 2",                                        "23514"),
    ("another is said to have entered it",     "UPDATE review_vote SET entered_by = '{{99}}'",                                               "23503"),
    ("a rejection without a reason",           "UPDATE review_vote SET reason = NULL",                                                      "23514"),
    ("void without having been a case",        "UPDATE review SET escalated_at = NULL WHERE state = 'overdue'",                             "23514"),
    ("who entered it has it",                  "UPDATE review SET claimed_by = 1 WHERE order_id = {of9}",                                    "23514"),
    ("somebody has it for no time",            "UPDATE review SET claimed_until = NULL WHERE order_id = {of9}",                              "23514"),
    ("somebody has what ended",                "UPDATE review SET claimed_by = 71, claimed_at = since, claimed_until = void_at WHERE order_id = {of3}", "23514"),
    ("somebody has it longer than it waits",   "UPDATE review SET claimed_until = void_at + interval '1 second' WHERE order_id = {of9}",     "23514"),
    ("it ends, and is open",                   "UPDATE review SET state = 'open' WHERE state = 'approved'",                                 "23514"),
    ("an agent out of nowhere",                "UPDATE order_entry SET mandate_id = NULL WHERE order_id = {of12}",                          "23514"),
    ("a counter without its document",         "UPDATE order_entry SET document = NULL WHERE channel = 'counter'",                          "23514"),
    ("a mandate to oneself",                   "UPDATE mandate SET agent_id = principal_id",                                                "23514"),
    ("a mandate for nothing",                  "UPDATE mandate SET may = '{{}}'",                                                           "23514"),
    ("a mandate that ends before it starts",   "UPDATE mandate SET valid_to = '2020-01-01'",                                                "23514"),
]


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize(("statement", "state"), [pytest.param(how.format(**NAMED), state, id=what) for what, how, state in IMPOSSIBLE])
def test_the_database_refuses(city: City, statement: str, state: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as refused, owner(city) as connection:
        connection.execute(statement)
    assert refused.value.sqlstate == state
