"""The agency's days beside ours: totals, then every key, differences as cases with their likely cause; refunds that reach accounts there."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import msgspec
import pytest

from huibao.gateways.accounts import Parts
from huibao.gateways.simulators.accounts import AccountSimulator
from huibao.reconciliation.account_model import Kept, Listed
from huibao.reconciliation.account_rules import CAUSES, differences
from huibao.verify.accounts import CHECKS
from huibao.verify.checks import Subject
from huibao.verify.checks import verify as check
from tests.books import DAY, Someone, founder, owner, rows
from tests.database import MakeProgramme
from tests.journeys.agency import DEAR, Office, agency_city, at_work, give_back

NIGHT: Final = timedelta(hours=22)
PEOPLE: Final = [Someone(n) for n in range(1, 5)]


@pytest.fixture
def office(programme: MakeProgramme) -> Iterator[Office]:
    with at_work(agency_city(programme, PEOPLE), dict.fromkeys(range(1, 5), ("8000", "500"))) as made:
        yield made


DIFFERENCES: Final = [
    # 我方（其中共济账户）     对方明细                  原因
    (("confirmed", 200),       ("confirmed", 200),       None),
    (("confirmed", 200, 50),   ("confirmed", 200, 50),   None),
    (("confirmed", 200, 50),   ("confirmed", 200, 0),    "split.differs"),
    (("confirmed", 200, 0),    ("confirmed", 200, 200),  "split.differs"),
    (("confirmed", 200, 50),   ("confirmed", 201, 51),   "amount.differs"),
    (("frozen", 200, 50),      ("frozen", 200, 60),      "split.differs"),
    (("confirmed", 200, 50),   ("frozen", 200, 60),      "not.taken.there"),
    (("cancelled", 200, 50),   ("cancelled", 200, 60),   None),
    (("doubt", 200, 50),       ("confirmed", 200, 60),   None),
    (("confirmed", 200),       ("confirmed", 201),       "amount.differs"),
    (("confirmed", 200),       ("frozen", 200),          "not.taken.there"),
    (("confirmed", 200),       ("cancelled", 200),       "not.taken.there"),
    (("confirmed", 200),       None,                     "missing.there"),
    (("cancelled", 200),       ("confirmed", 200),       "taken.there"),
    (("cancelled", 200),       ("frozen", 200),          "frozen.there"),
    (("cancelled", 200),       ("declined", 200),        None),
    (("frozen", 200),          ("frozen", 200),          None),
    (("frozen", 200),          ("confirmed", 200),       "taken.there"),
    (("doubt", 200),           ("confirmed", 200),       None),                  # 正在查询，不立案
    (None,                     ("confirmed", 200),       "missing.here"),
    (None,                     ("cancelled", 200),       None),
]


@pytest.mark.clause("SY-3.6")
@pytest.mark.parametrize(("ours", "theirs", "cause"), DIFFERENCES)
def test_why_two_keys_differ(ours: tuple[Any, ...] | None, theirs: tuple[Any, ...] | None, cause: str | None) -> None:
    def savings(of: tuple[Any, ...]) -> int:
        return of[2] if len(of) > 2 else 0

    kept = Kept("K", "hold", 1, ours[0], ours[1] - savings(ours), savings(ours)) if ours else None
    listed = [Listed("K", "hold", theirs[0], theirs[1], savings(theirs))] if theirs else []
    found = differences([kept] if kept and kept.state == "confirmed" else [], listed, {"K": kept} if kept else {})
    assert [one.cause for one in found] == ([cause] if cause else [])


CREDITS: Final = [("credited", "credited", None), ("declined", "credited", "credited.there"), ("credited", "declined", "not.credited.there")]


@pytest.mark.parametrize(("ours", "theirs", "cause"), CREDITS)
def test_why_two_credits_differ(ours: Any, theirs: Any, cause: str | None) -> None:
    kept = Kept("C", "credit", 1, ours, 200, 0)
    assert [one.cause for one in differences([], [Listed("C", "credit", theirs, 200, 0)], {"C": kept})] == ([cause] if cause else [])
    assert cause is None or cause in CAUSES


def cases(office: Office) -> list[tuple[Any, ...]]:
    return rows(office.city, "SELECT cause, order_id, fen FROM open_case WHERE kind = 'accounts' AND closed_at IS NULL ORDER BY id")


def morning(office: Office) -> None:
    """The next morning comes, and the last days are compared."""
    office.city.clock.advance(NIGHT)
    office.turn()


def results(office: Office) -> list[tuple[Any, ...]]:
    return rows(office.city, "SELECT result, detailed, taken_count, taken_fen, our_taken_count FROM account_day WHERE taken_count + our_taken_count > 0 ORDER BY id")


@pytest.mark.clause("SY-3.6")
def test_a_day_that_agrees_needs_no_details(office: Office) -> None:
    office.buy(1)
    office.buy(2, product=DEAR)
    office.turn()
    morning(office)
    assert results(office) == [("equal", False, 1, 20_000, 1)]
    assert not any("entries" in path for _, path in office.network.asked)
    asked = len(office.network.asked)
    office.turn(2)
    assert len(office.network.asked) == asked, "once each morning"


def turned(office: Office, order: int, state: str) -> None:
    """The agency's books are changed by somebody there."""
    office.platform.holds[f"{office.number(order)}-1"].state = state  # type: ignore[assignment]  # one of its states


@pytest.mark.clause("SY-3.6")
@pytest.mark.parametrize(("state", "cause", "fen"), [("frozen", "not.taken.there", -20_000), ("cancelled", "not.taken.there", -20_000)])
def test_a_difference_is_a_case_until_it_is_none(office: Office, state: str, cause: str, fen: int) -> None:
    order = office.buy(1)
    office.turn()
    turned(office, order, state)
    morning(office)
    assert cases(office) == [(cause, order, fen)]
    morning(office)
    assert cases(office) == [(cause, order, fen)], "found again it is the same case"
    turned(office, order, "confirmed")
    office.city.clock.advance(timedelta(days=1))
    office.turn()
    assert cases(office) == []
    assert office.apart() == []


@pytest.mark.clause("SY-3.6")
def test_another_amount_was_taken_there(office: Office) -> None:
    order = office.buy(1)
    office.buy(2)
    office.turn()
    kept = office.platform.holds[f"{office.number(order)}-1"]
    kept.parts = Parts(20_001, 0)
    morning(office)
    assert cases(office) == [("amount.differs", order, 1)]
    assert results(office) == [("differs", True, 2, 40_001, 2)]
    kept.parts = Parts(20_000, 0)
    office.city.clock.advance(timedelta(days=1))
    office.turn()
    assert cases(office) == []


@pytest.mark.clause("SY-3.6")
def test_the_same_was_taken_from_another_account_there(office: Office) -> None:
    """总额相同，各账户不同：只看总额看不出来。"""
    order = office.buy(1)
    office.turn()
    kept = office.platform.holds[f"{office.number(order)}-1"]
    kept.parts = Parts(19_700, 300)
    morning(office)
    assert cases(office) == [("split.differs", order, 300)]
    assert results(office) == [("differs", True, 1, 20_000, 1)]
    kept.parts = Parts(20_000, 0)
    office.city.clock.advance(timedelta(days=1))
    office.turn()
    assert cases(office) == []


@pytest.mark.clause("SY-3.6")
def test_a_refund_reached_another_account_there(office: Office) -> None:
    order = office.buy(1)
    office.turn()
    give_back(office, order)
    office.turn()
    [credit] = office.platform.credits.values()
    credit.asked = msgspec.structs.replace(credit.asked, account="savings")
    morning(office)
    assert cases(office) == [("split.differs", order, 20_000)]


@pytest.mark.clause("SY-3.6")
def test_another_amount_was_given_back_there(office: Office) -> None:
    order = office.buy(1)
    office.turn()
    give_back(office, order)
    office.turn()
    [credit] = office.platform.credits.values()
    credit.asked = msgspec.structs.replace(credit.asked, fen=19_999)
    morning(office)
    assert cases(office) == [("amount.differs", order, -1)]


@pytest.mark.clause("SY-3.6")
def test_days_that_nobody_could_compare_are_compared_when_it_answers_again(office: Office) -> None:
    """Ten days of silence: the day of the money is not among the last three any more."""
    office.buy(1)
    office.turn()
    office.city.clock.advance(NIGHT + timedelta(days=9))
    office.turn()
    assert results(office) == [("equal", False, 1, 20_000, 1)]
    assert rows(office.city, "SELECT count(*), count(DISTINCT on_day), max(on_day) - min(on_day) FROM account_day") == [(13, 13, 12)]


def test_a_day_that_makes_no_sense_keeps_no_other_waiting(office: Office) -> None:
    office.buy(1)
    office.turn()
    office.city.clock.advance(NIGHT)
    office.fail("garbage")
    office.turn()
    assert results(office) == [("equal", False, 1, 20_000, 1)]
    compared = "SELECT count(*) FROM account_day WHERE at = %s"
    assert rows(office.city, compared, office.city.clock.now()) == [(2,)]
    office.city.clock.advance(timedelta(minutes=5))
    office.turn()
    assert rows(office.city, compared, office.city.clock.now()) == [(1,)]


def test_money_that_is_still_set_aside_for_a_void_order(office: Office) -> None:
    office.buy(2)
    order = office.buy(1, product=DEAR)
    office.turn()
    office.cancel(order, 1)
    office.turn()
    turned(office, order, "confirmed")
    morning(office)
    assert cases(office) == [("taken.there", order, 150_000)]


def test_a_key_that_we_never_gave(office: Office) -> None:
    order = office.buy(1)
    office.turn()
    kept = office.platform.holds[f"{office.number(order)}-1"]
    office.platform.holds["not ours"] = type(kept)(kept.programme, kept.psn_no, Parts(7, 0), "confirmed", kept.at)
    morning(office)
    assert cases(office) == [("missing.here", None, 7)]


def listing_without(platform: AccountSimulator, key: str) -> None:
    entries = platform._entries
    setattr(platform, "_entries", lambda *day: (one for one in entries(*day) if one.key != key))  # noqa: B010 - a method in a method's place


def test_what_a_list_has_wrong_and_the_key_right_is_no_case(office: Office) -> None:
    order = office.buy(1)
    office.turn()
    listing_without(office.platform, f"{office.number(order)}-1")
    morning(office)
    assert cases(office) == []
    assert results(office) == [("differs", True, 0, 0, 1)]


def test_a_platform_that_is_silent_in_the_morning_is_left_alone_for_a_while(office: Office) -> None:
    office.buy(1)
    office.turn()
    office.city.clock.advance(NIGHT)
    office.fail("lose", times=None)
    office.turn()
    asked = len(office.network.asked)
    office.turn(3)
    assert len(office.network.asked) == asked
    office.platform.faults.clear()
    office.city.clock.advance(timedelta(minutes=5))
    office.turn()
    assert results(office) == [("equal", False, 1, 20_000, 1)]


# ── refunds ──────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("kind", ["", "drop", "lose", "late", "repeat", "wrong-amount", "garbage", "error"])
def test_a_refund_that_reached_an_account_is_credited_there_once(office: Office, kind: str) -> None:
    order = office.buy(1)
    office.turn()
    give_back(office, order)
    if kind:
        office.fail(kind)
    office.turn(4)
    assert office.purse(1).personal_fen == 800_000
    assert office.postings(order)[-1] == ("credit", 1, "yes", None)
    assert [one.state for one in office.platform.credits.values()] == ["credited"]
    morning(office)
    assert cases(office) == []


# ── the oracle ───────────────────────────────────────────────────────────────────────────────────────────────────────

FAULTS: Final = [
    # 种下的错误                                                                                              谁发现
    ("UPDATE account SET overdraft = false, credit_fen = debit_fen WHERE owner_id = 1 AND kind = 'savings'", {"accounts kept elsewhere"}),
    ("UPDATE account SET credit_fen = debit_fen + 1 WHERE owner_id = 1 AND kind = 'personal'",               {"accounts kept elsewhere"}),
    ("UPDATE account_posting SET personal_fen = personal_fen + 1 WHERE kind = 'confirm'",
     {"account money taken elsewhere", "account money set aside elsewhere"}),
    ("UPDATE account_posting SET personal_fen = personal_fen - 1 WHERE kind = 'freeze' AND order_id = {done}", {"account money set aside elsewhere"}),
    ("DELETE FROM account_posting WHERE kind = 'confirm'",                                                   {"account money taken elsewhere", "orders and their money elsewhere"}),
    ("UPDATE account_posting SET state = 'no', reason = 'x' WHERE kind = 'confirm'",                         {"account money taken elsewhere", "orders and their money elsewhere"}),
    ("DELETE FROM account_posting WHERE kind = 'credit'",                                                    {"refunds credited elsewhere"}),
    ("UPDATE account_posting SET personal_fen = 1 WHERE kind = 'credit'",                                    {"refunds credited elsewhere"}),
    ("UPDATE account_posting SET state = 'yes', reason = NULL WHERE kind = 'credit' AND state = 'no'",       {"refunds credited elsewhere"}),
    ("UPDATE account_posting SET state = 'no', reason = 'x' WHERE kind = 'credit' AND state = 'yes'",        {"refunds credited elsewhere"}),
    ("DELETE FROM transfer WHERE kind = 'reversal-declined'",                                                {"refunds credited elsewhere"}),
    ("UPDATE account_posting SET transfer_id = 1 WHERE kind = 'credit'",                                     {"refunds credited elsewhere"}),
    ("UPDATE orders SET state = 'void', deadline = NULL WHERE id = {held}",                                  {"orders and their money elsewhere"}),
    ("UPDATE orders SET state = 'completed', deadline = NULL WHERE id = {held}",                             {"orders and their money elsewhere"}),
    ("UPDATE orders SET deadline = deadline - interval '2 hours' WHERE state = 'awaiting-account'",          {"orders and their money elsewhere"}),
    ("UPDATE account_posting SET person_id = 4 WHERE kind = 'confirm'",                                      {"orders and their money elsewhere"}),
    ("UPDATE account_posting SET personal_free_fen = 200000 WHERE kind = 'freeze' AND order_id = {done}",    {"minimum and order of accounts elsewhere"}),
    ("""UPDATE account_posting SET personal_free_fen = 1 + personal_free_fen, savings_fen = 1, personal_fen = personal_fen - 1
     WHERE kind = 'freeze' AND order_id = {done}""",
     {"account money set aside elsewhere", "minimum and order of accounts elsewhere"}),
]


@pytest.fixture(scope="module")
def full(owner_url: str) -> Iterator[Office]:
    """An order that was captured and refunded, one whose refund its account declined, one that waits for cash, one that waits for its accounts."""
    with at_work(agency_city(founder(owner_url), PEOPLE), dict.fromkeys(range(1, 5), ("8000", "500"))) as made:
        done = made.buy(1)
        made.turn()
        give_back(made, done)
        made.turn()
        gone = made.buy(4)
        made.turn()
        give_back(made, gone)
        made.purse(4).state = "closed"
        made.buy(2, product=DEAR)
        made.turn()
        made.buy(3)
        yield made


def offended(office: Office, statement: str) -> set[str]:
    with owner(office.city) as connection:
        named = {"done": "(SELECT min(id) FROM orders)", "held": "(SELECT id FROM orders WHERE state = 'awaiting-payment')"}
        if statement:
            connection.execute(statement.format(**named))
        found = list(check(Subject(connection, office.city.code, office.city.scheme, DAY + timedelta(minutes=20)), CHECKS))
        connection.execute("ROLLBACK AND CHAIN")
    return {finding.name for finding in found if finding.offenders}


def test_a_city_in_order_offends_nothing(full: Office) -> None:
    assert offended(full, "") == set()


@pytest.mark.parametrize(("statement", "found"), FAULTS)
def test_a_planted_fault_is_found(full: Office, statement: str, found: set[str]) -> None:
    assert offended(full, statement) == found


def test_every_check_has_its_fault() -> None:
    assert set().union(*(found for _, found in FAULTS)) == {name for _, name, _ in CHECKS}
