"""Each invariant of settlements catches the fault planted for it, says nothing of others, and finds nothing in a ward that is whole.

A fault is planted by the database's owner, verified in the same transaction, and taken back.
"""

from datetime import date, timedelta
from typing import Any, Final

import psycopg
import pytest

from huibao.settlement.model import Adjust, Reverse, Settle
from huibao.verify import checks, settlements
from huibao.verify.checks import GRACE, Finding, Subject
from huibao.verify.run import EVERYTHING
from huibao.verify.settlements import LATE_DAYS
from tests import books
from tests.books import City, Someone, another, owner
from tests.settlement.ward import BILLED, Ward, bill, reversal
from tests.verify.test_planted_faults import offended, raise_back

NAMES: Final = [f"{letter} {name}" for letter, name, _ in settlements.CHECKS]
#: Everybody may buy for themselves and, the first, for the second.
PEOPLE: Final = (Someone(1, personal="8000", kin="2 配偶 账户"), *(Someone(n, personal="8000") for n in range(2, 7)))
#: When the wait of a reversal is over.
LATER: Final = BILLED + timedelta(days=3, minutes=1)
PRODUCT: Final = "xizang-example-2026"


def ward_day(city: City) -> None:
    """Settlements in every state, each person another story; then what is owed for them is agreed, paid and called in."""
    with Ward(city) as ward:
        ward.insure(1, 2, 3, 4, 5, 6)
        ward.agrees(3)

        def of(person: int, setl_id: str, **more: Any) -> Settle:
            return bill(person, setl_id, self_paid="30000" if setl_id.endswith("1") else "12000", city=city, **more)

        first, second, after, waiting, waited = ward.settle(
            of(1, "A1"), of(1, "A2"), of(4, "D1"), of(5, "E1"), of(5, "E2"))
        [follows] = ward.settle(of(4, "D2"))
        ward.confirm(first, second, after, follows, waiting, waited)
        [given_up, to_the_bank] = ward.settle(of(2, "B1", hospital="H2"), of(3, "C1"))
        ward.withdraw(given_up, stands=False)
        ward.withdraw(to_the_bank)
        ward.settle(of(3, "C2", way="feed", hospital="H9", fixmedins_poolarea="440100", hosp_lv="3"))
        ward.run(reversal("R-D1", "D1"), reversal("R-X", "X"))
        ward.run(Adjust(7, ward.id(after)), at=LATER)
        ward.run(reversal("R-E1", "E1"), of(6, "F1"), at=LATER)
    with owner(city) as connection:
        pay(connection)


def pay(connection: psycopg.Connection[Any]) -> None:
    """As payables would: paid ahead, a statement agreed, set off and paid, a person paid, one part called in and one arrived."""
    given = {"later": LATER, "product": PRODUCT}
    connection.execute("INSERT INTO payout (at, product, hospital, fen, due_on, state, ended_at)"
                       " VALUES (%(later)s, %(product)s, 'H1', 100000, '2026-04-20', 'paid', %(later)s)", given)
    connection.execute("INSERT INTO statement_line SELECT t.id, 9001 FROM transfer t JOIN settlement s ON s.id = t.settlement_id"
                       " WHERE s.setl_id IN ('A1', 'A2') AND t.kind = 'claim-incurred'")
    connection.execute("INSERT INTO statement SELECT 9001, %(later)s, 'H1', %(product)s, '2026-04-15', sum(fen), 100000, 'paid', %(later)s"
                       " FROM transfer JOIN statement_line ON transfer_id = id", given)
    connection.execute("INSERT INTO payout (at, product, hospital, statement_id, fen, due_on, state, ended_at)"
                       " SELECT at, product, hospital, id, fen - setoff_fen, '2026-04-25', 'paid', at FROM statement")
    connection.execute("UPDATE payout SET state = 'paid' WHERE settlement_id = (SELECT id FROM settlement WHERE setl_id = 'C1')")
    connection.execute("INSERT INTO recovery (at, product, version, insurer, fen, state)"
                       " SELECT %(later)s, %(product)s, 1, u.insurer, u.fen, u.state"
                       " FROM (VALUES ('second', 35000, 'received'), ('third', 25000, 'called')) AS u (insurer, fen, state)", given)
    accounts = {(kind, party): id for id, kind, party in connection.execute("SELECT id, kind, party FROM account WHERE product IS NOT NULL").fetchall()}
    bank, lead = accounts["payout", "lead"], accounts["insurer", "lead"]
    for id, fen, hospital in connection.execute("SELECT id, fen, hospital FROM payout WHERE state = 'paid' ORDER BY id").fetchall():
        move(connection, "claim-advanced", lead, bank, fen, payout=id)
        move(connection, "claim-paid", bank, accounts["hospital", hospital] if hospital else accounts["claimant", "lead"], fen, payout=id)
    [(arrived,)] = connection.execute("SELECT id FROM recovery WHERE state = 'received'").fetchall()
    move(connection, "claim-recovered", accounts["insurer", "second"], bank, 35_000, recovery=arrived)
    move(connection, "advance-repaid", bank, lead, 35_000, recovery=arrived)


def move(connection: psycopg.Connection[Any], kind: str, debit: int, credit: int, fen: int, payout: int | None = None, recovery: int | None = None) -> None:
    """A transfer between two accounts, with their totals."""
    connection.execute("INSERT INTO transfer (at, kind, debit_id, credit_id, fen, payout_id, recovery_id) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                       [LATER, kind, debit, credit, fen, payout, recovery])
    connection.execute("UPDATE account SET debit_fen = debit_fen + %s WHERE id = %s", [fen, debit])
    connection.execute("UPDATE account SET credit_fen = credit_fen + %s WHERE id = %s", [fen, credit])


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    made = books.small_city(books.founder(owner_url), "xizang", PEOPLE)
    ward_day(made)
    return made


def found(city: City, *statements: str) -> list[Finding]:
    """What the oracle says after the statements; nothing of them stays."""
    with owner(city) as connection:
        for statement in statements:
            connection.execute(statement.format(**NAMED))
        findings = list(checks.verify(Subject(connection, city.code, city.scheme, LATER), EVERYTHING))
        raise_back(connection)
    return findings


def test_a_whole_ward_offends_nothing(city: City) -> None:
    assert offended(found(city)) == set()
    assert books.verify(city) == []
    assert books.rows(city, "SELECT setl_id, state, payee FROM settlement ORDER BY setl_id") == [
        ("A1", "confirmed", "hospital"), ("A2", "confirmed", "hospital"), ("B1", "void", "hospital"), ("C1", "confirmed", "person"),
        ("C2", "confirmed", "person"), ("D1", "reversed", "hospital"), ("D2", "confirmed", "hospital"), ("E1", "reversed", "hospital"),
        ("E2", "confirmed", "hospital"), ("F1", "offered", "hospital")]
    assert books.rows(city, "SELECT kind, fen FROM open_case WHERE closed_at IS NULL AND kind <> 'preexisting' ORDER BY 1") == [
        ("less-due", 240_000), ("reversal-parked", 0)]


#: What statements of the faults name: settlements by their number of basic insurance, and a twin of a transfer.
NAMED: Final = {
    **{setl_id: f"(SELECT id FROM settlement WHERE setl_id = '{setl_id}')"  # noqa: S608
       for setl_id in ("A1", "B1", "C1", "C2", "D1", "D2", "E2", "F1", "W2")},
    "later": str(LATER), "product": PRODUCT,
    "twin": "INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id, order_id, position, settlement_id, payout_id, recovery_id)"
            " SELECT at, kind, debit_id, credit_id, fen, person_id, order_id, position, settlement_id, payout_id, recovery_id FROM transfer",
}
RECORDED, REVERSALS, ONE, PAYMENTS, MONEY, POOL, WHO, PAYOUTS, STATEMENTS, WAITS, ON_THEIR_WAY, CAPS, PARENTS = NAMES
BALANCES: Final = "b balances"

FAULTS: Final[list[tuple[str, str, set[str]]]] = [
    # (d) settlements as recorded
    ("an offer grew", "UPDATE settlement SET pay_fen = pay_fen + 1 WHERE setl_id = 'A1'", {RECORDED, PAYMENTS}),
    ("an offer grew with its payment", ("UPDATE settlement SET pay_fen = pay_fen + 1 WHERE setl_id = 'A1'; UPDATE payment SET pay_fen = pay_fen + 1,"
      " figures[10] = figures[10] + 1 WHERE settlement_id = {A1}"), {RECORDED}),
    ("a settlement is another person's", "UPDATE settlement SET person_id = 2 WHERE setl_id = 'A1'", {RECORDED, PAYMENTS, WHO}),
    ("a settlement is dated back", "UPDATE settlement SET at = at - interval '1 second' WHERE setl_id = 'A1'", {RECORDED}),
    ("an offer confirms itself", "UPDATE settlement SET state = 'confirmed', deadline = NULL WHERE setl_id = 'F1'", {RECORDED, MONEY}),
    ("another payee", "UPDATE settlement SET payee = 'person' WHERE setl_id = 'F1'", {RECORDED}),
    ("a settlement out of nothing", ("INSERT INTO settlement SELECT 7777, 'N', person_id, hospital, mdtrt_id, way, at, settled_on, admitted_on, medfee_fen,"
      " person_fen, 0, payee, 'confirmed' FROM settlement WHERE setl_id = 'A1'"), {RECORDED, PAYMENTS}),
    ("a settlement is gone", "DELETE FROM settlement WHERE setl_id = 'F1'", {RECORDED, PARENTS}),
    # (d) reversals as recorded
    ("a reversal is gone", "DELETE FROM reversal WHERE settlement_id = {D1}", {REVERSALS}),
    ("a reversal that nobody sent", "INSERT INTO reversal VALUES (7777, 'R-N', 'N', 'H1', '2026-04-11', NULL, 'parked')", {REVERSALS}),
    ("a reversal of another number", "UPDATE reversal SET reverses = 'A1' WHERE settlement_id = {D1}", {REVERSALS}),
    ("another hospital took it back", "UPDATE reversal SET hospital = 'H2' WHERE settlement_id = {D1}", {REVERSALS}),
    ("a parked reversal is done", "UPDATE reversal SET state = 'done', settlement_id = {A1} WHERE state = 'parked'", {REVERSALS}),
    ("a void settlement is reversed", "UPDATE settlement SET state = 'reversed' WHERE setl_id = 'B1'", {RECORDED, REVERSALS}),
    # (e) one effect per settlement
    ("a number is taken up twice", "ALTER TABLE settlement DROP CONSTRAINT settlement_setl_id_key; UPDATE settlement SET setl_id = 'A1' WHERE setl_id = 'A2'",
     {ONE}),
    ("a settlement is taken back twice", ("ALTER TABLE reversal DROP CONSTRAINT reversal_settlement_id_key;"
      " INSERT INTO reversal SELECT id + 7000, 'R-N', reverses, hospital, at, settlement_id, state FROM reversal WHERE settlement_id = {D1}"), {ONE, REVERSALS}),
    ("a hospital is owed twice", "{twin} WHERE settlement_id = {A1}", {BALANCES, ONE, MONEY, POOL}),
    ("a payout is paid twice", "{twin} WHERE kind = 'claim-paid'", {BALANCES, ONE, PAYOUTS}),
    ("a part arrives twice", "{twin} WHERE kind = 'claim-recovered'", {BALANCES, ONE, STATEMENTS}),
    # (g) settlements and their payments
    ("a policy pays more", "UPDATE payment SET pay_fen = pay_fen + 1, figures[10] = figures[10] + 1 WHERE settlement_id = {A1}", {RECORDED, PAYMENTS}),
    ("a benefit pays more", "UPDATE payment SET figures[10] = figures[10] + 1 WHERE settlement_id = {A1}", {PAYMENTS}),
    ("a figure is missing", "UPDATE payment SET figures = figures || 0::bigint WHERE settlement_id = {A1}", {PAYMENTS}),
    ("a target is no sum", "UPDATE payment SET targets[1] = targets[1] + 1 WHERE settlement_id = {A1}", {PAYMENTS}),
    ("what was reversed would still pay", "UPDATE payment SET target_fen = 1, targets[1] = 1 WHERE settlement_id = {D1}", {PAYMENTS}),
    ("what is void would still pay", "UPDATE payment SET target_fen = 1, targets[1] = 1 WHERE settlement_id = {B1}", {PAYMENTS}),
    ("another's policy pays", "UPDATE policy SET insured_id = 77 WHERE order_id = (SELECT order_id FROM payment WHERE settlement_id = {A1})",
     {"d orders as recorded", PAYMENTS, "· nothing without its parent"}),
    # (g) payments and their money
    ("more is posted", "UPDATE payment SET posted_fen = posted_fen + 1 WHERE settlement_id = {A1}", {MONEY}),
    ("a claim is gone", "DELETE FROM transfer WHERE settlement_id = {F1}; DELETE FROM transfer WHERE settlement_id = {D2}", {BALANCES, MONEY, POOL}),
    ("a claim of no payment", "UPDATE transfer SET position = 9 WHERE settlement_id = {D2}", {MONEY, POOL, WHO}),
    ("an offer is posted", "{twin} WHERE settlement_id = {D2}; UPDATE transfer SET settlement_id = {F1} WHERE id = (SELECT max(id) FROM transfer)",
     {BALANCES, MONEY, WHO}),
    ("more is due and nobody waits", "UPDATE payment SET target_fen = target_fen + 1, targets[2] = targets[2] + 1 WHERE settlement_id = {A1}", {MONEY}),
    ("less is due and there is no case", "UPDATE payment SET target_fen = target_fen - 1, targets[2] = targets[2] - 1 WHERE settlement_id = {A1}", {MONEY}),
    ("a case is closed before its time", "UPDATE open_case SET closed_at = '2026-05-01', outcome = 'x' WHERE settlement_id = {D2} AND kind = 'less-due'", {MONEY}),
    ("a case of another amount", "UPDATE open_case SET fen = fen + 1 WHERE settlement_id = {D2} AND kind = 'less-due'", {MONEY}),
    ("a case of nothing", ("INSERT INTO open_case (at, kind, cause, settlement_id, order_id, position, fen)"
      " SELECT '2026-04-15', 'less-due', 'x', settlement_id, order_id, position, 1 FROM payment WHERE settlement_id = {A1}"), {MONEY}),
    ("a wait is forgotten", "UPDATE settlement SET adjust_at = NULL WHERE setl_id = 'E1'", {MONEY}),
    # (g) claims in the pool
    ("the pool forgets a fen", "UPDATE pool_total SET fen = fen - 1 WHERE stream = 'claim' AND fen > 0", {"g pool totals", POOL}),
    ("the pool forgets what came back", "UPDATE pool_total SET fen = 0 WHERE stream = 'claim-returned'; DELETE FROM pool_entry WHERE stream = 'claim-returned'",
     {POOL}),
    ("a claim under other shares", ("INSERT INTO pool_share SELECT product, 2, position, insurer, weight, since FROM pool_share;"
      " UPDATE payment SET share = 2 WHERE settlement_id = {A1};"
      " UPDATE policy SET share = 2 WHERE order_id = (SELECT order_id FROM payment WHERE settlement_id = {A1})"), {"g pool totals", POOL, PAYMENTS}),
    # (g) who is paid
    ("another hospital is owed", "UPDATE account SET party = 'H3' WHERE kind = 'hospital' AND party = 'H1'", {WHO, STATEMENTS}),
    ("another person is owed", "UPDATE transfer SET person_id = 6 WHERE settlement_id = {D2}", {WHO}),
    ("the hospital is owed for a person", ("UPDATE transfer SET debit_id = (SELECT id FROM account WHERE party = 'H1')"
      " WHERE settlement_id = {C1} AND kind = 'claim-incurred'"), {BALANCES, WHO, PAYOUTS}),
    ("a person is paid for a hospital", ("UPDATE transfer SET credit_id = (SELECT id FROM account WHERE kind = 'claimant') WHERE kind = 'claim-paid'"
      " AND payout_id = (SELECT id FROM payout WHERE statement_id IS NOT NULL)"), {BALANCES, WHO}),
    ("a payout goes to another hospital", "UPDATE payout SET hospital = 'H2' WHERE statement_id IS NOT NULL", {WHO}),
    ("a payout goes to another person", "UPDATE payout SET person_id = 6 WHERE settlement_id = {C1}", {WHO}),
    ("a part comes of another", "UPDATE recovery SET insurer = 'third' WHERE state = 'received'", {WHO}),
    # (g) payouts
    ("a payout of another amount", "UPDATE payout SET fen = fen + 1 WHERE settlement_id = {C1}", {PAYOUTS}),
    ("a payout is gone", "DELETE FROM payout WHERE settlement_id = {C2}", {PAYOUTS}),
    ("a payout out of nothing", ("INSERT INTO payout (at, product, person_id, settlement_id, fen, due_on, state)"
      " SELECT '{later}', '{product}', 1, id, 1, '2026-05-01', 'due' FROM settlement WHERE setl_id = 'A1'"), {PAYOUTS}),
    ("a payout is paid, the books do not know", "UPDATE payout SET state = 'paid' WHERE settlement_id = {C2}", {PAYOUTS}),
    ("a payout was paid and is due again", "UPDATE payout SET state = 'due' WHERE settlement_id = {C1}", {PAYOUTS}),
    ("what was taken back is still to be paid", "UPDATE settlement SET state = 'void' WHERE setl_id = 'C2'", {RECORDED, PAYMENTS, MONEY, PAYOUTS}),
    # (g) statements and recoveries
    ("a statement grew", "UPDATE statement SET fen = fen + 1", {STATEMENTS}),
    ("a line is gone", "DELETE FROM statement_line WHERE transfer_id = (SELECT max(transfer_id) FROM statement_line)", {STATEMENTS}),
    ("a line of another product", "UPDATE statement SET product = 'other'; UPDATE payout SET product = 'other' WHERE statement_id IS NOT NULL",
     {WHO, STATEMENTS}),
    ("a statement is paid and only agreed", "UPDATE statement SET state = 'agreed'", {STATEMENTS}),
    ("a disputed statement keeps its lines", "UPDATE statement SET state = 'disputed'", {STATEMENTS}),
    ("an agreed statement pays another amount", "UPDATE statement SET setoff_fen = setoff_fen - 1", {STATEMENTS}),
    ("more is set off than was paid ahead", "UPDATE statement SET setoff_fen = setoff_fen + 1; UPDATE payout SET fen = fen - 1 WHERE statement_id IS NOT NULL",
     {PAYOUTS, STATEMENTS}),
    ("a part that was called in arrived", "UPDATE recovery SET state = 'received' WHERE state = 'called'", {STATEMENTS}),
    ("a part that arrived is called in", "UPDATE recovery SET state = 'called'", {STATEMENTS}),
    # what waits
    ("an offer is forgotten", "UPDATE settlement SET deadline = deadline - interval '25 hours' WHERE setl_id = 'F1'", {WAITS}),
    ("an offer waits for ever", "UPDATE settlement SET deadline = NULL WHERE setl_id = 'F1'", {WAITS}),
    ("what followed a reversal is forgotten", "UPDATE settlement SET adjust_at = adjust_at - interval '4 days' WHERE setl_id = 'E1'", {WAITS}),
    ("a payout is forgotten", "UPDATE payout SET due_on = '2026-04-10' WHERE state = 'due'", {ON_THEIR_WAY}),
    ("the bank is silent", "UPDATE payout SET due_on = '2026-04-10', state = 'sent' WHERE settlement_id = {C2}", {ON_THEIR_WAY}),
    # caps
    ("more would be paid than a year's cap", "UPDATE payment SET targets[2] = 50000001, target_fen = 50000001 WHERE settlement_id = {E2}", {CAPS}),
    ("more would be paid than a visit's cap", "UPDATE payment SET targets[1] = 2000001, target_fen = target_fen + 2000001 WHERE settlement_id = {E2}", {CAPS}),
    # nothing without its parent
    ("a payment of no settlement", "UPDATE payment SET settlement_id = 7777 WHERE settlement_id = {F1}", {RECORDED, PAYMENTS, PARENTS}),
    ("a payment of no policy", "UPDATE payment SET position = 9 WHERE settlement_id = {F1}", {RECORDED, PARENTS}),
    ("accumulators of nobody", "UPDATE accumulator SET whose = 77 WHERE whose = 6", {PARENTS}),
    ("accumulators of another product", "UPDATE accumulator SET product = 'x' WHERE whose = 6", {PARENTS}),
    ("a reversal of nothing", "UPDATE reversal SET settlement_id = 7777 WHERE settlement_id = {D1}", {REVERSALS, PARENTS}),
    ("a case about nothing", "UPDATE open_case SET settlement_id = 7777 WHERE kind = 'preexisting' AND settlement_id = {F1}", {PARENTS}),
    ("a notice for nobody", "UPDATE notice SET person_id = 77", {PARENTS}),
    ("a line of no statement", "INSERT INTO statement_line SELECT min(id), 7777 FROM transfer", {PARENTS}),
    ("a payout for nothing", "UPDATE payout SET settlement_id = 7777 WHERE settlement_id = {C1}", {PAYOUTS, WHO, PARENTS}),
    ("money for no payout", "UPDATE transfer SET payout_id = 7777 WHERE kind = 'claim-advanced'", {PARENTS}),
    ("a part under no shares", "UPDATE recovery SET version = 9", {PARENTS}),
]


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("statement, reports", [pytest.param(how, reports, id=what) for what, how, reports in FAULTS])
def test_a_planted_fault_is_reported(city: City, statement: str, reports: set[str]) -> None:
    assert offended(found(city, statement)) == reports


def test_every_invariant_has_its_fault() -> None:
    assert set().union(*(reports for _, _, reports in FAULTS)) >= set(NAMES)


def test_nothing_of_the_faults_stays(city: City) -> None:
    assert books.verify(city, LATER) == []


def test_waits_have_ten_minutes_of_grace(city: City) -> None:
    offer = LATER + timedelta(hours=24)
    assert books.verify(city, offer + GRACE) == []
    [late] = books.verify(city, offer + GRACE + timedelta(seconds=1))
    assert late.startswith("h offers and waits: settlement ")


def test_payouts_have_some_days_of_grace(city: City) -> None:
    [(due,)] = books.rows(city, "SELECT max(due_on) FROM payout WHERE state = 'due'")
    with owner(city) as connection:
        connection.execute("UPDATE settlement SET deadline = '2027-01-01' WHERE deadline IS NOT NULL")
        connection.execute("UPDATE settlement SET adjust_at = '2027-01-01' WHERE adjust_at IS NOT NULL")
        last = LATER + timedelta(days=(due - date(2026, 4, 14)).days + LATE_DAYS)
        for at, reports in ((last, set[str]()), (last + timedelta(days=1), {ON_THEIR_WAY})):
            assert offended(list(checks.verify(Subject(connection, city.code, city.scheme, at), EVERYTHING))) == reports
        raise_back(connection)


@pytest.mark.clause("LZ-10")
def test_a_relatives_wait_excuses_a_household(owner_url: str) -> None:
    city = family(owner_url)
    off = "UPDATE payment SET target_fen = target_fen - 1, targets[2] = targets[2] - 1 WHERE settlement_id = {W2}"
    assert offended(found(city)) == set()
    assert offended(found(city, off)) == set(), "the husband's settlement was reversed, and his wife's waits with it"
    assert offended(found(city, off, "UPDATE settlement SET adjust_at = NULL")) == {MONEY}
    assert offended(found(city, "UPDATE payment SET target_fen = 60000001, targets[2] = 60000001 WHERE settlement_id = {W2}")) == {CAPS}


def family(owner_url: str) -> City:
    """A couple that shares a deductible; what the husband had settled first is taken back."""
    city = books.small_city(books.founder(owner_url), "jilin", PEOPLE)
    with Ward(city) as ward:
        ward.buys(1, 1, 2)
        hers, his, again = ward.settle(bill(1, "H1", self_paid="15000", city=city), bill(2, "W1", self_paid="15000", city=city),
                                       bill(2, "W2", self_paid="9000", city=city))
        ward.confirm(his, again)
        assert hers.pay_fen == 0
        ward.run(Reverse(7, "desk", "H1", {"setl_id": "R-H1", "reverses": "H1", "setl_time": "2026-04-11 10:00:00"}))
    return city


@pytest.mark.clause("LZ-10")
def test_two_policies_pay_one_after_the_other(owner_url: str) -> None:
    city = books.small_city(books.founder(owner_url), "xizang", PEOPLE)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "later"))
    with Ward(city) as ward:
        ward.insure(1)
        books.run(city, [books.buy(city, 1, product="later")])
        ward.confirm(*ward.settle(bill(1, "S1", self_paid="30000", city=city)))
    assert books.verify(city) == []
    assert offended(found(city, "UPDATE transfer SET position = 9 WHERE kind = 'claim-incurred'")) == {MONEY, POOL, WHO}
