"""(k): what the desk paid one by one is what columns pay over the same sealed messages, to the fen; and what is altered is named."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from huibao.cli import main
from huibao.core.sealing import Keyring
from huibao.settlement.model import Adjust, Judge, Reverse
from huibao.verify import columns
from huibao.verify.checks import Finding, Subject
from huibao.verify.columns import KeysUnfit, verify_columns
from huibao.verify.run import verify_all
from tests import books
from tests.books import KEYRING, City, another, buy, owner
from tests.refunds.counter import Counter
from tests.settlement.ward import BILLED, Ward, bill
from tests.verify.test_planted_faults import offended, raise_back
from tests.verify.test_settlement_checks import PEOPLE, ward_day

STANDS: Final = "k columns, what stands"
DECIDED: Final = "k columns, as decided"
DRUG: Final = {"med_list_codg": "XL01XEA003", "fulamt_ownpay_amt": "9000", "innovative": "1"}


def family_day(city: City) -> None:
    """A couple that shares a deductible, with lines of bills; the wife's first bill is taken back, then the husband's stays are put right."""
    with Ward(city) as ward:
        ward.buys(1, 1, 2)
        ward.buys(3)
        ward.agrees(3)
        hers, his, drugs, alone = ward.settle(
            bill(1, "H1", self_paid="15000", city=city), bill(2, "W1", self_paid="12000.55", city=city),
            bill(1, "H2", self_paid="9000", med_type="11", city=city, lines=[{"setl_id": "H2", "feedetl_sn": "1", **DRUG}]),
            bill(3, "T1", self_paid="70000.01", in_scope="1000", prepaid="33.33", fund="7000", city=city, lines=[
                {"setl_id": "T1", "feedetl_sn": "1", "med_list_codg": "C0301", "fulamt_ownpay_amt": "50000", "item_kind": "implant"},
                {"setl_id": "T1", "feedetl_sn": "2", "med_list_codg": "XA02", "fulamt_ownpay_amt": "9000", "list_type": "101", "chrgitm_lv": "03", "cnt": "2"}]))
        assert hers.pay_fen == 0
        ward.confirm(his, drugs)
        ward.withdraw(alone)
        ward.run(Reverse(7, "desk", "H1", {"setl_id": "R-H1", "reverses": "H1", "setl_time": "2026-04-11 10:00:00"}))
        ward.settle(bill(2, "W2", self_paid="15000", city=city))
        ward.run(Adjust(7, ward.id(hers)), at=BILLED + timedelta(days=3, minutes=1))


@pytest.fixture(scope="module")
def xizang(owner_url: str) -> City:
    city = books.small_city(books.founder(owner_url), "xizang", PEOPLE)
    ward_day(city)
    return city


@pytest.fixture(scope="module")
def jilin(owner_url: str) -> City:
    city = books.small_city(books.founder(owner_url), "jilin", PEOPLE)
    family_day(city)
    return city


def found(city: City, *statements: str, keyring: Keyring = KEYRING) -> list[Finding]:
    """What columns say after the statements; nothing of them stays."""
    with owner(city) as connection:
        for statement in statements:
            connection.execute(statement)
        findings = verify_columns(Subject(connection, city.code, city.scheme, BILLED), keyring)
        raise_back(connection)
    return findings


def notes(findings: list[Finding]) -> list[str]:
    return [finding.note for finding in findings]


@pytest.mark.clause("LZ-10")
def test_columns_pay_what_the_desk_paid(xizang: City, jilin: City) -> None:
    assert offended(found(xizang)) == offended(found(jilin)) == set()
    # Three of ten were taken back, one of them at its withdrawal; the family's five lost one.
    assert notes(found(xizang)) == ["7 compared, 0 left out", "10 compared, 0 left out"]
    assert notes(found(jilin)) == ["4 compared, 0 left out", "5 compared, 0 left out"]
    assert books.rows(jilin, "SELECT setl_id, target_fen <> p.pay_fen FROM payment p JOIN settlement s ON s.id = settlement_id ORDER BY 1") == [
        ("H1", False), ("H2", False), ("T1", False), ("W1", True), ("W2", False)]


def test_columns_are_asked_for(jilin: City) -> None:
    at = BILLED + timedelta(days=3, minutes=2)
    [without], [with_keys] = verify_all(jilin.url, at, jilin.code), verify_all(jilin.url, at, jilin.code, KEYRING)
    assert [finding.letter for finding in without.findings].count("k") == 0
    assert [finding.letter for finding in with_keys.findings].count("k") == 2


def test_people_in_small_chunks_are_the_same(xizang: City, jilin: City, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found(xizang), found(jilin)
    monkeypatch.setattr(columns, "CHUNK_ROWS", 1)
    assert (found(xizang), found(jilin)) == whole


FAULTS: Final = [
    # what is altered                        how                                                                                         who notices
    ("a target", "UPDATE payment SET targets[2] = targets[2] + 1 WHERE settlement_id = {W1}", {STANDS}),
    ("a figure", "UPDATE payment SET figures[8] = figures[8] + 1 WHERE settlement_id = {W1}", {DECIDED}),
    ("what a reversed one paid", "UPDATE payment SET figures[6] = figures[6] - 1 WHERE settlement_id = {H1}", {DECIDED}),
    ("the cover's facts", "UPDATE policy SET facts = facts || '{\"family_members\": 3}'", {STANDS, DECIDED}),
    ("the order of acceptance", "UPDATE event SET seq = -seq WHERE kind IN ('settlement', 'reversal')", {STANDS, DECIDED}),
    ("a survivor is gone", "UPDATE settlement SET state = 'void', deadline = NULL WHERE id = {W1}", {STANDS}),
    ("a reversal is gone", "DELETE FROM event WHERE kind = 'reversal'", {DECIDED}),
    ("the sealed message", "UPDATE event SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE request_id = {W1}", {STANDS}),
    ("another's message", "UPDATE event SET sealed = (SELECT sealed FROM event WHERE request_id = {H2}) WHERE request_id = {H1}", {STANDS}),
    ("a missing message", "UPDATE event SET sealed = NULL WHERE request_id = {H1}", {STANDS}),
    ("a damaged key", "UPDATE person_key SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE person_id = 1", {STANDS}),
    ("cover of another time", "UPDATE policy SET period_from = '2026-04-12'", {STANDS, DECIDED}),
    ("an unreadable answer", "UPDATE event SET answer = 'x' WHERE kind = 'reversal'", {STANDS}),
]


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("statement, reports", [pytest.param(how, reports, id=what) for what, how, reports in FAULTS])
def test_a_planted_fault_is_reported(jilin: City, statement: str, reports: set[str]) -> None:
    for setl_id in ("H1", "H2", "W1"):
        [(id,)] = books.rows(jilin, "SELECT id FROM settlement WHERE setl_id = %s", setl_id)
        statement = statement.replace(f"{{{setl_id}}}", str(id))
    assert offended(found(jilin, statement)) == reports
    assert offended(found(jilin)) == set(), "nothing of the fault stays"


def test_who_was_erased_is_left_out_with_the_household(jilin: City) -> None:
    assert notes(found(jilin, "DELETE FROM person_key WHERE person_id = 1")) == [
        "1 compared, 4 left out: 4 of somebody who was erased"] * 2


def test_what_was_judged_later_is_compared_as_it_stands(owner_url: str) -> None:
    city = books.small_city(books.founder(owner_url), "xizang", PEOPLE)
    with Ward(city) as ward:
        ward.insure(1, 2)
        first, _, again = ward.settle(*(bill(n, setl_id, self_paid="30000.07", city=city) for n, setl_id in ((1, "A1"), (2, "B1"), (1, "A2"))))
        ward.confirm(first, again)
        ward.run(Judge(7, ward.id(first), False, "查过往病历，没有"))
    assert offended(found(city)) == set()
    assert notes(found(city)) == ["3 compared, 0 left out", "1 compared, 2 left out: 2 judged later"]
    unjudged = found(city, "UPDATE settlement SET judged = NULL WHERE setl_id = 'A1'")
    assert offended(unjudged) == {STANDS}, "as decided it was unknown"
    assert notes(unjudged) == ["3 compared, 0 left out"] * 2


def test_several_policies_are_compared_as_they_stand(owner_url: str) -> None:
    city = books.small_city(books.founder(owner_url), "xizang", PEOPLE)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "zz-later"))
    with Ward(city) as ward:
        ward.insure(1, 2)
        books.run(city, [buy(city, 1, product="zz-later")])
        ward.settle(bill(1, "A1", self_paid="30000.07", other_insurance_pay="1000", city=city), bill(2, "B1", self_paid="20000", city=city))
    assert offended(found(city)) == set()
    assert notes(found(city)) == ["3 compared, 0 left out", "1 compared, 2 left out: 2 with several policies"]
    assert offended(found(city, "UPDATE payment SET target_fen = target_fen + 7 WHERE product = 'xizang-example-2026'")) == {STANDS}, \
        "what the second pays follows from what the first would"


def test_a_stay_over_two_years_is_left_out(owner_url: str) -> None:
    city = books.small_city(books.founder(owner_url), "jilin", PEOPLE)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "jilin-2027", ("from = 2026-01-01, to = 2026-12-31", "from = 2027-01-01, to = 2027-12-31")))
    with Ward(city) as ward:
        ward.buys(1)
        ward.buys(1, product="jilin-2027")
        for setl_id, on in (("S1", date(2026, 12, 20)), ("S2", date(2027, 1, 5))):
            at = datetime.fromisoformat(f"{on}T02:00:00+00:00")
            ward.settle(bill(1, setl_id, self_paid="30000", visit="V1", at=at, city=city), at=at)
    assert offended(found(city)) == set()
    assert notes(found(city)) == ["1 compared, 1 left out: 1 with a stay over two contract years"] * 2


@pytest.mark.clause("LZ-15a")
def test_who_gives_a_policy_back_and_buys_again_is_not_the_same_insured(owner_url: str) -> None:
    """The second policy has its own facts: in hardship by then. Accumulators go on, since product and year are the same."""
    city = books.small_city(books.founder(owner_url), "xizang", PEOPLE)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(
            city.plan, "zz-back",
            ('after = "days"', 'after = "days"\nafter_benefit = true'), ('is = "age >= 60"\n  deductible', 'is = "hardship = subsistence-allowance"\n  deductible')))
    counter = Counter(city)
    with Ward(city) as ward:
        first = counter.buys(1, product="zz-back")
        ward.confirm(*ward.settle(bill(1, "A1", self_paid="20000", city=city)))
        with owner(city) as connection:        # somebody looked back, and what was paid stays as it is
            connection.execute("UPDATE open_case SET closed_at = at, outcome = 'healthy'")
        counter.surrenders(first, BILLED + timedelta(days=10))
        with owner(city) as connection:
            connection.execute("INSERT INTO standing VALUES (1, 'hardship', 'subsistence-allowance', '2026-01-01', NULL, %s)", [books.FOUNDED])
        counter.buys(1, product="zz-back", at=BILLED + timedelta(days=11))
        later = BILLED + timedelta(days=60)
        ward.settle(bill(1, "A2", self_paid="20000", at=later, city=city), at=later)
    assert books.rows(city, "SELECT facts ->> 'hardship' FROM policy ORDER BY order_id") == [("none",), ("subsistence-allowance",)]
    assert offended(found(city)) == set()
    assert notes(found(city)) == ["2 compared, 0 left out"] * 2


@pytest.mark.clause("LZ-15a")
@pytest.mark.parametrize("changes", [pytest.param((), id="有顺延期_退保不顺延"), pytest.param((("tail_days = 30\n", ""),), id="没有顺延期")])
def test_a_stay_over_the_day_of_a_surrender_counts_the_days_before_it(owner_url: str, changes: tuple[tuple[str, str], ...]) -> None:
    """住院期间退保，只计退保生效之前的日子，期满才有的顺延与它无关。"""
    city = books.small_city(books.founder(owner_url), "shenyang", PEOPLE)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "zz-back", ('after = "none"', 'after = "days"'), *changes))
    counter = Counter(city)
    with Ward(city) as ward:
        ward.looked_back(1)
        counter.surrenders(counter.buys(1, product="zz-back", pay_with="cash"), BILLED)
        later = BILLED + timedelta(days=6)
        [told] = ward.settle(bill(1, "S1", in_scope="90000", begin=BILLED.date() - timedelta(days=3), end=later.date(), at=later, city=city), at=later)
    assert told.pay_fen == 1600000, "(90000 × 4 ÷ 10 − 16000) × 80%"
    assert offended(found(city)) == set()
    assert notes(found(city)) == ["1 compared, 0 left out"] * 2


def test_other_keys_are_said_to_be_others(jilin: City) -> None:
    with pytest.raises(KeysUnfit):
        found(jilin, keyring=Keyring({1: bytes(16)}, 1))
    with pytest.raises(KeysUnfit):
        found(jilin, keyring=Keyring({2: bytes(range(16))}, 2))


@pytest.fixture
def verify(jilin: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes | None], Any]:
    """`huibao verify --columns` over the family's programme, with the master key in the file of secrets; None is no file."""
    def run(master: bytes | None) -> Any:
        secrets, clock = tmp_path / "secrets.json", tmp_path / "clock"
        if master is not None:
            rest = dict.fromkeys(("index_key", "token_secret", "channel_secret"), bytes(32).hex())
            secrets.write_text(json.dumps({"master_keys": {"1": master.hex()}, "current": 1, **rest}), "utf-8")
        clock.touch()
        for name, value in (("DATABASE_URL", jilin.url), ("HUIBAO_SECRETS", secrets), ("HUIBAO_CLOCK", clock)):
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr("huibao.core.clock.FileClock.now", lambda _: BILLED)
        return CliRunner().invoke(main, ["verify", "--programme", jilin.code, "--columns"])

    return run


def test_the_command_compares_with_the_services_keys(jilin: City, verify: Callable[[bytes | None], Any]) -> None:
    done = verify(bytes(range(16)))
    assert done.exit_code == 0, done.output
    assert f"{jilin.code} (k) columns, what stands: ✓ (4 compared, 0 left out)" in done.output


def test_the_command_refuses_without_the_services_keys(verify: Callable[[bytes | None], Any]) -> None:
    done = verify(None)
    assert done.exit_code != 0
    assert "密钥打不开" in done.output
    assert "HUIBAO_SECRETS" in done.output


def test_nothing_is_compared_where_nothing_was_settled(owner_url: str) -> None:
    city = books.small_city(books.founder(owner_url), "xizang")
    assert notes(found(city)) == ["0 compared, 0 left out"] * 2
