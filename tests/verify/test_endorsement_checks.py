"""Each invariant of endorsements catches the fault planted for it, says nothing of others, and finds nothing in an office that is whole.

A fault is planted by the database's owner, verified in the same transaction, and taken back.
"""

from datetime import date, timedelta
from typing import Final

import pytest

from huibao.endorsements.model import Answer, Correct, Expire
from huibao.endorsements.state import PROPOSAL_DAYS
from huibao.enrolment.model import Amend, InsuredWish
from huibao.verify import checks, endorsements
from huibao.verify.checks import GRACE, Finding, Subject
from huibao.verify.run import EVERYTHING
from tests import books
from tests.books import City, Someone, buy, order_id, owner, run
from tests.endorsements.office import CLERK, SECOND, Office, change, member, register
from tests.settlement.ward import BILLED, Ward, bill
from tests.verify.test_planted_faults import offended, raise_back

NAMES: Final = [f"{letter} {name}" for letter, name, _ in endorsements.CHECKS]
PEOPLE: Final = (Someone(1, personal="8000"), Someone(2, personal="8000", kin="3 配偶"), Someone(3), Someone(4))
START: Final = date(2026, 1, 1)


def office_day(city: City) -> None:
    """Endorsements of every kind and in every state: corrected, mended, proposed, sent back, lapsed, an order in the place of another."""
    with Ward(city) as ward, Office(city) as office:
        ward.buys(1)
        ward.confirm(*ward.settle(bill(1, "S1", in_scope="20000", city=city)))
        [settlement] = [id for (id,) in books.rows(city, "SELECT id FROM settlement")]
        register(city, 1, "王䶮", "110101198506150023")
        office.corrects(1, "insutype", "390", START)
        office.corrects_visit(settlement, "hospital_grade", "2")
        office.corrects(1, "hardship", "orphan", START)
        office.asks(change(1, "phone", "13900000001", by=member(1), evidence=""))
        office.approves(office.asks(change(1, "name", "王龑")))
        lapses = office.asks(change(4, "name", "赵六"), at=BILLED - timedelta(days=PROPOSAL_DAYS))
        refused = office.asks(change(1, "bank-account", "6222000000000000009"))
        office.run(Answer(SECOND, refused.endorsement, False))
        office.run(Expire(lapses.endorsement))
        office.asks(Correct(CLERK, "away", "registered", "x", "y", 1, START))
    made = buy(city, 2, at=BILLED)
    [waiting] = run(city, [made], BILLED)
    run(city, [Amend(1, order_id(city, waiting), InsuredWish(3), None, "x", made.consent, made.identity, 2)], BILLED)
    city.clock.set(BILLED)


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    made = books.small_city(books.founder(owner_url), "liuzhou", PEOPLE)
    office_day(made)
    return made


def found(city: City, *statements: str) -> list[Finding]:
    """What the oracle says after the statements; nothing of them stays."""
    with owner(city) as connection:
        for statement in statements:
            connection.execute(statement.format(**NAMED))
        findings = list(checks.verify(Subject(connection, city.code, city.scheme, BILLED), EVERYTHING))
        raise_back(connection)
    return findings


def test_a_whole_office_offends_nothing(city: City) -> None:
    assert offended(found(city)) == set()
    assert books.verify(city, BILLED) == []
    assert books.rows(city, "SELECT kind, COALESCE(fact, ''), state FROM endorsement ORDER BY 1, 2, 3") == [
        ("bank-account", "", "rejected"), ("correction", "away", "proposed"), ("correction", "hardship", "done"),
        ("correction", "hospital_grade", "done"), ("correction", "insutype", "done"), ("insured-added", "", "done"),
        ("name", "", "done"), ("name", "", "expired"), ("phone", "", "done")]


#: What statements of the faults name.
NAMED: Final = {"insutype": "(SELECT id FROM endorsement WHERE fact = 'insutype')", "named": "kind = 'name' AND state = 'done'",
                "loose": "ALTER TABLE endorsement DROP CONSTRAINT endorsement_four_eyes;"}
RECORDED, TWO, FACTS, REPLACED, EFFECTS, WAITS, PARENTS = NAMES

FAULTS: Final[list[tuple[str, str, set[str]]]] = [
    # (d) endorsements as recorded
    ("another kind", "UPDATE endorsement SET kind = 'bank-account' WHERE {named}", {RECORDED}),
    ("another person", "UPDATE endorsement SET person_id = 2 WHERE {named}", {RECORDED}),
    ("another asked for it", "UPDATE endorsement SET asked_by = 77 WHERE {named}", {RECORDED}),
    ("another approved it", "UPDATE endorsement SET answered_by = 77 WHERE {named}", {RECORDED}),
    ("a proposal approves itself", ("UPDATE endorsement SET state = 'done', ended_at = at, ended_by = id, answered_by = 77"
      " WHERE state = 'proposed'"), {RECORDED}),
    ("what was done waits again", "UPDATE endorsement SET state = 'proposed', ended_at = NULL, ended_by = NULL WHERE {named}", {RECORDED}),
    ("what was sent back was done", "UPDATE endorsement SET state = 'done' WHERE state = 'rejected'", {RECORDED}),
    ("an endorsement is gone", "DELETE FROM endorsement WHERE {named}", {RECORDED}),
    ("an endorsement out of nothing", ("INSERT INTO endorsement (id, at, kind, person_id, effective_on, asked_by, sealed, state, expires_at)"
      " VALUES (7777, '2026-04-11', 'name', 1, '2026-04-11', 1, '', 'proposed', '2027-01-01')"), {RECORDED}),
    # (d) two people
    ("one person did both", "{loose} UPDATE endorsement SET answered_by = asked_by WHERE {named}", {RECORDED, TWO}),
    ("the person approved it", "{loose} UPDATE endorsement SET answerer_id = person_id WHERE {named}", {TWO}),
    ("nobody approved it", "{loose} UPDATE endorsement SET answered_by = NULL WHERE {named}", {RECORDED, TWO}),
    # (d) facts as corrected
    ("a fact is another by itself", ("UPDATE policy SET facts = facts || '{{\"corrected\": [{{\"by\": 7777, \"from\": \"2026-03-03\","
      " \"fact\": \"insutype\", \"value\": \"390\"}}]}}' WHERE insured_id = 2 AND state = 'pending'"), {FACTS}),
    ("a correction holds from another day", "UPDATE policy SET facts = jsonb_set(facts, '{{corrected,0,from}}', '\"2026-04-01\"') WHERE insured_id = 1",
     {FACTS}),
    ("a correction of another fact", "UPDATE policy SET facts = jsonb_set(facts, '{{corrected,0,fact}}', '\"age\"') WHERE insured_id = 1", {FACTS}),
    ("a correction is taken out", "UPDATE policy SET facts = facts - 'corrected' WHERE insured_id = 1", {FACTS}),
    # (f) orders in the place of others
    ("the order that was replaced waits again", "UPDATE endorsement SET order_id = id WHERE order_id IS NOT NULL", {REPLACED}),
    ("an order of another stands there", "UPDATE endorsement SET person_id = 1 WHERE order_id IS NOT NULL", {REPLACED}),
    # (g) what corrections came to
    ("a fen more was right", "UPDATE endorsement_effect SET after_fen = after_fen + 1 WHERE endorsement_id = {insutype}", {EFFECTS}),
    ("an effect is gone", "DELETE FROM endorsement_effect WHERE endorsement_id = {insutype}", {EFFECTS}),
    # (h) proposals
    ("a proposal is forgotten", "UPDATE endorsement SET expires_at = expires_at - interval '16 days' WHERE state = 'proposed'", {WAITS}),
    # nothing without its parent
    ("about nobody", "UPDATE endorsement SET person_id = 77 WHERE {named}", {RECORDED, PARENTS}),
    ("about another's settlement", "UPDATE endorsement SET settlement_id = 77 WHERE {named}", {PARENTS}),
    ("an effect of nothing", "UPDATE endorsement_effect SET endorsement_id = 77 WHERE endorsement_id = {insutype}", {EFFECTS, PARENTS}),
    ("an effect on nothing", "UPDATE endorsement_effect SET position = 9 WHERE endorsement_id = {insutype}", {EFFECTS, PARENTS}),
]


@pytest.mark.clause("LZ-19", "XJ-3")
@pytest.mark.parametrize("statement, reports", [pytest.param(how, reports, id=what) for what, how, reports in FAULTS])
def test_a_planted_fault_is_reported(city: City, statement: str, reports: set[str]) -> None:
    assert offended(found(city, statement)) == reports


def test_every_invariant_has_its_fault() -> None:
    assert set().union(*(reports for _, _, reports in FAULTS)) == set(NAMES)


def test_nothing_of_the_faults_stays(city: City) -> None:
    assert books.verify(city, BILLED) == []


def test_proposals_have_ten_minutes_of_grace(city: City) -> None:
    due = BILLED + timedelta(days=PROPOSAL_DAYS)
    at = [(due + GRACE, set[str]()), (due + GRACE + timedelta(seconds=1), {WAITS})]
    with owner(city) as connection:
        connection.execute("UPDATE payout SET due_on = '2027-01-01'")
        connection.execute("UPDATE orders SET deadline = '2027-01-01' WHERE deadline IS NOT NULL")
        connection.execute("UPDATE review SET void_at = '2027-01-01', escalate_at = '2026-12-01'")
        for when, reports in at:
            assert offended(list(checks.verify(Subject(connection, city.code, city.scheme, when), EVERYTHING))) == reports
        raise_back(connection)
