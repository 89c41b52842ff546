"""Where an insurer takes its money: two people, a call-back on the number on file, a delay; a batch that is listed keeps its account."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from huibao.core.sealing import Place, SealBroken, unwrap_row_key
from huibao.remittance.model import AccountTold, CallBack, Command, Decide
from huibao.remittance.schedule import in_force_from
from tests.books import DAY, KEYRING, City, buy, rows
from tests.books import run as buys
from tests.database import MakeProgramme
from tests.remittance import office
from tests.remittance.office import CALLER, CLERK, NUMBER, PHONE, SECOND, code, register, run, sound

HOUR = timedelta(hours=1)


@pytest.fixture
def city(programme: MakeProgramme) -> City:
    return office.city_of(programme, 2, more=2)


CASES = [
    # what is done, by whom, in order                                                       what each comes to
    ("提出；回访；核准",            [("call", CALLER), ("approve", SECOND)],                 ["done", "done"]),
    ("回访的人也可核准",            [("call", CALLER), ("approve", CALLER)],                 ["done", "done"]),
    ("提出的人自己回访",            [("call", CLERK), ("approve", SECOND)],                  ["receiving.same_person", "receiving.not_called"]),
    ("提出的人自己核准",            [("call", CALLER), ("approve", CLERK)],                  ["done", "receiving.same_person"]),
    ("未回访即核准",                [("approve", SECOND)],                                   ["receiving.not_called"]),
    ("拨打来函上的号码",            [("other", CALLER), ("approve", SECOND)],                ["receiving.other_number", "receiving.not_called"]),
    ("未接通不能核准",              [("silent", CALLER), ("approve", SECOND)],               ["done", "receiving.not_called"]),
    ("未接通后再拨通",              [("silent", CALLER), ("call", CALLER), ("approve", SECOND)], ["done", "done", "done"]),
    ("保险公司否认即退回",          [("deny", CALLER), ("call", CALLER), ("approve", SECOND)], ["done", "receiving.decided", "receiving.decided"]),
    ("先确认后否认",                [("call", CALLER), ("deny", SECOND), ("approve", SECOND)], ["done", "done", "receiving.decided"]),
    ("退回后不能核准",              [("call", CALLER), ("refuse", SECOND), ("approve", SECOND)], ["done", "done", "receiving.decided"]),
    ("提出的人可以撤回",            [("refuse", CLERK), ("approve", SECOND)],                ["done", "receiving.decided"]),
    ("核准两次",                    [("call", CALLER), ("approve", SECOND), ("approve", CALLER)], ["done", "done", "receiving.decided"]),
    ("待复核时又提出",              [("register", SECOND)],                                  ["receiving.change_open"]),
    ("退回后可再提出",              [("refuse", SECOND), ("register", SECOND)],              ["done", "done"]),
]


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize("steps, outcomes", [pytest.param(steps, outcomes, id=story) for story, steps, outcomes in CASES])
def test_four_eyes(city: City, steps: list[tuple[str, int]], outcomes: list[str]) -> None:
    account = office.told(office.done(city, register()), AccountTold).account
    does: dict[str, Callable[[int], Command]] = {
        "call": lambda who: CallBack(who, account, PHONE, "confirmed"), "other": lambda who: CallBack(who, account, "0891-6330002", "confirmed"),
        "silent": lambda who: CallBack(who, account, PHONE, "no-answer"), "deny": lambda who: CallBack(who, account, PHONE, "denied"),
        "approve": lambda who: Decide(who, account, True), "refuse": lambda who: Decide(who, account, False),
        "register": lambda who: register(by=who)}
    assert [code(run(city, does[what](who))[0]) for what, who in steps] == outcomes
    in_force = rows(city, "SELECT count(*) FROM receiving_account WHERE state = 'approved'")
    assert in_force == [(int("approve" in [what for (what, _), told in zip(steps, outcomes, strict=True) if told == "done"]),)]
    assert sound(city) == []


def test_a_whole_change_in_one_batch_is_the_same(city: City) -> None:
    [made] = run(city, register())
    account = office.told(made, AccountTold).account
    told = run(city, Decide(SECOND, account, True), CallBack(CALLER, account, PHONE, "confirmed"), Decide(CLERK, account, True),
               Decide(SECOND, account, True), Decide(CALLER, account, True))
    assert [code(one) for one in told] == ["receiving.not_called", "done", "receiving.same_person", "done", "receiving.decided"]


def test_a_number_is_masked_and_sealed(city: City) -> None:
    answer = office.done(city, register())
    assert office.told(answer, AccountTold).number == "****0123"
    [row] = rows(city, "SELECT * FROM receiving_account")
    [event] = rows(city, "SELECT answer, sealed FROM event ORDER BY seq DESC LIMIT 1")
    for kept in (str(row), str(event), repr(register())):
        assert NUMBER not in kept
        assert "6330001" not in kept
    assert str(NUMBER).encode() not in bytes(row[7]) + bytes(row[8])


def test_a_number_of_another_row_does_not_open(city: City) -> None:
    account = office.told(office.done(city, register()), AccountTold).account
    [(wrapped,)] = rows(city, "SELECT wrapped FROM receiving_account")
    place = Place(city.code, "receiving_account", account, "wrapped")
    unwrap_row_key(KEYRING, place, bytes(wrapped))
    with pytest.raises(SealBroken):
        unwrap_row_key(KEYRING, place._replace(row=account + 1), bytes(wrapped))


@pytest.mark.parametrize("approved, days, from_day", [
    # approved (Shanghai)                             working days  in force from 00:00 of
    (datetime(2026, 3, 2, 10, tzinfo=UTC),            2,            date(2026, 3, 5)),    # Monday: Tuesday and Wednesday pass
    (datetime(2026, 3, 2, 15, 59, tzinfo=UTC),        2,            date(2026, 3, 5)),    # a minute before midnight there
    (datetime(2026, 3, 2, 16, tzinfo=UTC),            2,            date(2026, 3, 6)),    # Tuesday there already
    (datetime(2026, 3, 5, 2, tzinfo=UTC),             2,            date(2026, 3, 10)),   # Thursday: Friday and Monday pass
    (datetime(2026, 3, 7, 2, tzinfo=UTC),             1,            date(2026, 3, 10)),   # Saturday: Monday passes
    (datetime(2026, 9, 30, 2, tzinfo=UTC),            2,            date(2026, 10, 10)),  # the day before the holiday: 8 and 9 October pass
    (datetime(2026, 2, 13, 2, tzinfo=UTC),            2,            date(2026, 2, 25)),   # Friday: Saturday makes up, then the 24th
])
def test_the_delay(approved: datetime, days: int, from_day: date) -> None:
    assert in_force_from(approved, days) == datetime(from_day.year, from_day.month, from_day.day, tzinfo=in_force_from(approved, days).tzinfo)


@pytest.mark.clause("LZ-14", "XZ-6")
def test_a_change_in_flight_leaves_a_listed_batch_alone(city: City) -> None:
    """Approved on day one, in force on day four: what is listed before goes to the old account, also when it is sent after."""
    first = office.open_account(city)
    made = office.listed(city)
    at = office.LATER
    second = office.told(office.done(city, register(number="6222000000000000999", phone="0891-7777777"), at), AccountTold).account
    assert [code(run(city, CallBack(CALLER, second, "0891-7777777", "confirmed"))[0])] == ["receiving.other_number"], "the new number proves nothing"
    office.done(city, CallBack(CALLER, second, PHONE, "confirmed"), at)
    told = office.told(office.done(city, Decide(SECOND, second, True), at), AccountTold)
    assert told.effective_at is not None
    buys(city, [buy(city, 3)])
    before = office.batch(office.done(city, office.make(city, office.LATER + HOUR), told.effective_at - HOUR))
    buys(city, [buy(city, 4)])
    after = office.batch(office.done(city, office.make(city, office.LATER + HOUR), told.effective_at))
    assert rows(city, "SELECT id, account_id FROM remittance ORDER BY id") == [
        (made.remittance, first), (before.remittance, first), (after.remittance, second)]
    city.clock.set(office.LATER, backwards=True)
    assert sound(city) == []


def test_no_account_in_force_no_batch(city: City) -> None:
    assert code(run(city, office.make(city))[0]) == "remittance.no_account"
    account = office.told(office.done(city, register()), AccountTold).account
    office.done(city, CallBack(CALLER, account, PHONE, "confirmed"))
    told = office.told(office.done(city, Decide(SECOND, account, True)), AccountTold)
    assert told.effective_at is not None
    assert code(run(city, office.make(city), at=told.effective_at - timedelta(microseconds=1))[0]) == "remittance.no_account"
    assert code(run(city, office.make(city), at=told.effective_at)[0]) == "done"


def test_who_leads_nothing_has_no_account(city: City) -> None:
    assert [code(one) for one in run(city, register("second"), register("nobody"), register("no\0body"), CallBack(CALLER, 999, PHONE, "denied"),
                                     Decide(SECOND, 999, True))] == ["receiving.insurer_unknown"] * 3 + ["receiving.unknown"] * 2


def test_two_who_approve_at_once_approve_once(city: City) -> None:
    account = office.told(office.done(city, register()), AccountTold).account
    office.done(city, CallBack(CALLER, account, PHONE, "confirmed"))
    told = office.at_once(city, [[Decide(who, account, True)] for who in (SECOND, CALLER, CLERK, 14, 15)])
    assert sorted(code(one) for [one] in told) == ["done", *["receiving.decided"] * 4] or \
        sorted(code(one) for [one] in told) == ["done", *["receiving.decided"] * 3, "receiving.same_person"]
    assert sound(city) == []


def test_two_who_propose_at_once_make_one(city: City) -> None:
    told = office.at_once(city, [[register(by=who)] for who in range(20, 26)], DAY)
    assert sorted(code(one) for [one] in told) == ["done"] + ["receiving.change_open"] * 5
