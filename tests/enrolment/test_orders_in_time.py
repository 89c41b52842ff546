"""Orders and the calendar: New Year in Asia/Shanghai, a second before and after, checks of identity, periods of cover, changed terms."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from huibao import ENGINE
from huibao.benefits import loading as plans
from huibao.catalogue.shelf import SQL as LISTING
from huibao.core.time import moment
from huibao.enrolment.model import Command, Consent, IdentityCheck, Paid, Release
from huibao.record.model import DONE
from huibao.scheme import loading as schemes
from tests import books
from tests.books import DAY, City, another, buy, order, order_id, owner, refusal, rows, run, small_city, verify
from tests.database import MakeProgramme

SECOND: Final = timedelta(seconds=1)
#: 00:00 of 1 January 2026 in Asia/Shanghai.
NEW_YEAR: Final = datetime(2025, 12, 31, 16, tzinfo=UTC)


def dear_city(programme: MakeProgramme, **premiums: str) -> City:
    """A city that also sells these products, each at one premium for everybody; `dear` costs 1600 yuan, so that 100 are due in cash."""
    city = small_city(programme, "xizang", books.PEOPLE)
    with owner(city) as connection:
        for id, yuan in {"dear": "1600", **premiums}.items():
            books.put_on_sale(city, connection, another(city.plan, id, premium=yuan))
    return city


def years(city: City, person: int = 1) -> dict[int, tuple[int, int]]:
    """What counts in each limit year: spent and held."""
    found = rows(city, "SELECT year, spent_fen, held_fen FROM account_year WHERE person_id = %s", person)
    return {year: (spent, held) for year, spent, held in found if (spent, held) != (0, 0)}


# ── New Year ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XZ-2")
@pytest.mark.parametrize("before_midnight, spent", [
    # 距新年（秒）    计入哪一年
    (1,              {2025: (16_800, 0)}),
    (0,              {2026: (16_800, 0)}),
    (-1,             {2026: (16_800, 0)}),
    (-8 * 3600,      {2026: (16_800, 0)}),
    (8 * 3600,       {2025: (16_800, 0)}),
])
def test_a_payment_counts_in_the_year_of_shanghai(programme: MakeProgramme, before_midnight: int, spent: dict[int, tuple[int, int]]) -> None:
    city = small_city(programme, "xizang")
    at = NEW_YEAR - before_midnight * SECOND
    assert order(run(city, [buy(city, 1, at=at)], at)[0]).state == "completed"
    assert years(city) == spent
    assert verify(city, at) == []


@pytest.mark.clause("XZ-2")
@pytest.mark.parametrize("before_midnight, held_in", [
    (30 * 60 + 1,    [2025]),
    (30 * 60,        [2025, 2026]),
    (1,              [2025, 2026]),
    (0,              [2026]),
])
def test_money_that_may_be_captured_next_year_is_held_in_both(programme: MakeProgramme, before_midnight: int, held_in: list[int]) -> None:
    city = dear_city(programme)
    at = NEW_YEAR - before_midnight * SECOND
    [answer] = run(city, [buy(city, 1, at=at, product="dear")], at)
    assert years(city) == dict.fromkeys(held_in, (0, 150_000))
    assert rows(city, "SELECT years FROM hold") == [(held_in,)]
    assert verify(city, at) == []
    run(city, [Release(1, order_id(city, answer), "cancelled", 1)], at)
    assert years(city) == {}
    assert verify(city, at) == []


@pytest.mark.clause("XZ-2")
def test_a_hold_over_new_year_is_captured_in_the_new_one(programme: MakeProgramme) -> None:
    city = dear_city(programme, earlier="1000")
    morning, evening, captured = NEW_YEAR - timedelta(hours=9), NEW_YEAR - timedelta(minutes=10), NEW_YEAR + timedelta(minutes=10)
    run(city, [buy(city, 1, at=morning, product="earlier")], morning)
    [waits] = run(city, [buy(city, 1, at=evening, product="dear")], evening)
    assert (order(waits).account_fen, order(waits).cash_fen) == (50_000, 110_000)
    assert years(city) == {2025: (100_000, 50_000), 2026: (0, 50_000)}
    # The new year knows of the hold before it is captured: another order has 1000 yuan left, not 1500.
    early = NEW_YEAR + SECOND
    [other] = run(city, [buy(city, 1, 2, at=early, product="dear")], early)
    assert (order(other).account_fen, order(other).cash_fen) == (100_000, 60_000)
    assert verify(city, early) == []
    [paid] = run(city, [Paid(2, order_id(city, waits), 110_000, "ref")], captured)
    assert [(policy.period_from, policy.period_to) for policy in order(paid).policies] == [(date(2026, 1, 2), date(2026, 12, 31))]
    assert years(city) == {2025: (100_000, 0), 2026: (50_000, 100_000)}
    assert verify(city, captured) == []


@pytest.mark.clause("XZ-2")
@pytest.mark.parametrize("how, after, state, counted", [
    ("paid",        SECOND,                 "completed",    {2026: (150_000, 0)}),
    ("cancelled",   SECOND,                 "void",         {}),
    ("cancelled",   timedelta(days=400),    "void",         {}),
    ("expired",     timedelta(minutes=30),  "void",         {}),
])
def test_last_years_hold_ends_in_the_new_year(
    programme: MakeProgramme, how: str, after: timedelta, state: str, counted: dict[int, tuple[int, int]]
) -> None:
    city = dear_city(programme)
    before, at = NEW_YEAR - timedelta(minutes=10), NEW_YEAR + after
    id = order_id(city, run(city, [buy(city, 1, at=before, product="dear")], before)[0])
    ends: dict[str, Command] = {"paid": Paid(2, id, 10_000, "ref"), "cancelled": Release(1, id, "cancelled", 1), "expired": Release(3, id, "expired")}
    assert order(run(city, [ends[how]], at)[0]).state == state
    assert years(city) == counted
    assert verify(city, at) == []


@pytest.mark.clause("XZ-2")
def test_a_lane_whose_clock_is_behind_still_fits_both_years(programme: MakeProgramme) -> None:
    """Another lane was in the new year already; what this one sets aside in the old one must fit what is left of both."""
    city = dear_city(programme, earlier="1400")
    ahead, behind = NEW_YEAR + SECOND, NEW_YEAR - SECOND
    run(city, [buy(city, 1, at=ahead, product="earlier")], ahead)
    [answer] = run(city, [buy(city, 1, at=behind, product="dear")], behind)
    assert (order(answer).account_fen, order(answer).cash_fen) == (10_000, 150_000)
    assert years(city) == {2025: (0, 10_000), 2026: (140_000, 10_000)}
    assert verify(city, behind) == []


def test_a_review_lasts_as_long_for_a_family_as_for_one(programme: MakeProgramme) -> None:
    """Three people on one application are one review: fifteen working days from the second of November end in the same month."""
    city = small_city(programme, "liuzhou")
    at = moment("2026-11-02 13:20:00")
    [answer] = run(city, [buy(city, 1, 1, 2, 3, at=at)], at)
    assert order(answer).state == "awaiting-review"
    assert rows(city, "SELECT DISTINCT years FROM hold") == [([2026],)]


def test_a_review_that_may_last_over_new_year_is_held_in_both(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou")
    for days, held_in in ((40, [2025]), (20, [2025, 2026])):
        at = NEW_YEAR - timedelta(days=days)
        [answer] = run(city, [buy(city, 1, at=at)], at)
        assert list(years(city)) == held_in
        run(city, [Release(1, order_id(city, answer), "cancelled", 1)], NEW_YEAR + timedelta(days=1))
        assert years(city) == {}
        assert verify(city) == []


# ── identity ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-9")
@pytest.mark.parametrize("checked, outcome", [
    # 核验时间，距下单
    (timedelta(0),                      DONE),
    (timedelta(minutes=-15),            DONE),
    (timedelta(minutes=-15, seconds=-1), "identity.expired"),
    (timedelta(minutes=1),              DONE),
    (timedelta(minutes=1, seconds=1),   "identity.expired"),
])
def test_a_check_of_identity_grows_old(programme: MakeProgramme, checked: timedelta, outcome: str) -> None:
    city = small_city(programme, "liuzhou")
    [answer] = run(city, [buy(city, 1, identity=IdentityCheck(1, "face", True, DAY + checked, "ref"))])
    assert answer.outcome == outcome
    if answer.outcome != DONE:
        assert (refusal(answer).clause, refusal(answer).figures["minutes"]) == ("LZ-9", 15)
        assert books.rows(city, "SELECT count(*) FROM transfer WHERE kind <> 'funding'") == [(0,)]


@pytest.mark.clause("LZ-9")
@pytest.mark.parametrize("missing", ["terms", "exclusions", "notice"])
def test_every_confirmation_is_asked_for_by_name(programme: MakeProgramme, missing: str) -> None:
    city = small_city(programme, "liuzhou")
    asked = buy(city, 1)
    assert asked.consent is not None
    kept = tuple(name for name in asked.consent.accepted if name != missing)
    [answer] = run(city, [replace(asked, consent=Consent(asked.consent.terms, kept, "签名"))])
    assert (refusal(answer).code, refusal(answer).figures) == ("consent.incomplete", {"missing": missing})


# ── cover and wording ────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("at, since", [
    ("2025-12-30 23:59:59", date(2026, 1, 1)),
    ("2025-12-31 00:00:00", date(2026, 1, 1)),
    ("2025-12-31 23:59:59", date(2026, 1, 1)),
    ("2026-01-01 00:00:00", date(2026, 1, 2)),
    ("2026-02-28 23:59:59", date(2026, 3, 1)),
    ("2026-12-30 23:59:59", date(2026, 12, 31)),
])
def test_cover_starts_the_day_after_at_the_earliest(programme: MakeProgramme, at: str, since: date) -> None:
    city = small_city(programme, "xizang")
    [answer] = run(city, [buy(city, 1, at=moment(at))], moment(at))
    [policy] = order(answer).policies
    assert (policy.period_from, policy.period_to) == (since, date(2026, 12, 31))


def test_cover_starts_with_the_payment_not_with_the_order(programme: MakeProgramme) -> None:
    city = small_city(programme, "jilin")
    ordered, paid = moment("2026-03-01 23:45"), moment("2026-03-02 00:05")
    [answer] = run(city, [buy(city, 7, at=ordered, pay_with="cash")], ordered)
    assert [(policy.state, policy.period_from) for policy in order(answer).policies] == [("pending", None)]
    [done] = run(city, [Paid(2, order_id(city, answer), 15_800, "ref")], paid)
    assert [(policy.state, policy.period_from) for policy in order(done).policies] == [("in-force", date(2026, 3, 3))]


#: The plan's last day, which a payment must leave to be covered.
LAST_DAY: Final = "2026-12-31 00:00"


@pytest.mark.parametrize("ordered, pay_by, paid, ends", [
    ("2026-12-30 23:20",    "2026-12-30 23:50",     "2026-12-30 23:49:59",  "completed"),
    ("2026-12-30 23:30",    LAST_DAY,               "2026-12-30 23:59:59",  "completed"),
    ("2026-12-30 23:50",    LAST_DAY,               "2026-12-30 23:59:59",  "completed"),
    ("2026-12-30 23:50",    LAST_DAY,               LAST_DAY,               "payment.not_awaited"),
    ("2026-12-30 23:59:59", LAST_DAY,               "2026-12-31 00:10",     "payment.not_awaited"),
])
def test_a_payment_may_come_while_there_is_a_day_left_to_cover(programme: MakeProgramme, ordered: str, pay_by: str, paid: str, ends: str) -> None:
    city = small_city(programme, "jilin")
    [answer] = run(city, [buy(city, 7, at=moment(ordered), pay_with="cash")], moment(ordered))
    assert order(answer).pay_by == moment(pay_by)
    [done] = run(city, [Paid(2, order_id(city, answer), 15_800, "ref")], moment(paid))
    if done.outcome == DONE:
        assert (order(done).state, order(done).policies[0].period_from) == (ends, date(2026, 12, 31))
    else:
        assert done.outcome == ends
        assert order(run(city, [Release(3, order_id(city, answer), "expired")], moment(paid))[0]).state == "void"
    assert verify(city) == []


def test_nothing_sells_on_the_last_day_of_cover(programme: MakeProgramme) -> None:
    """Also where the catalogue says so: who bought then would be covered by nothing."""
    city = small_city(programme, "xizang")
    with owner(city) as connection:
        connection.execute("UPDATE product SET on_sale_to = '2027-12-31'")
        connection.execute(LISTING["raise_version"])
    for at, outcome in (("2026-12-30 23:59:59", DONE), (LAST_DAY, "product.not_on_sale"), ("2027-01-02 10:00", "product.not_on_sale")):
        [answer] = run(city, [buy(city, 1, 1 if outcome == DONE else 2, at=moment(at))], moment(at))
        assert answer.outcome == outcome
    assert verify(city) == []


def test_a_payment_tells_the_wording_that_was_ordered(programme: MakeProgramme) -> None:
    city = small_city(programme, "jilin")
    [answer] = run(city, [buy(city, 7, pay_with="cash")])
    with owner(city) as connection:
        books.load(city, connection, another(city.plan, city.plan.id, ("yuan = 158", "yuan = 168"), ("2026-12-31", "2026-06-30")))
    [paid, later] = run(city, [Paid(2, order_id(city, answer), 15_800, "ref"), buy(city, 6, pay_with="cash")])
    assert (order(paid).terms_digest, order(paid).plan_digest) == (order(answer).terms_digest, order(answer).plan_digest)
    assert (order(paid).premium_fen, order(paid).policies[0].period_to) == (15_800, date(2026, 12, 31))
    assert (order(later).premium_fen, order(later).terms_digest) == (16_800, books.terms(city))
    assert verify(city) == []


def test_a_policy_leads_to_the_wording_it_was_sold_under(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    [answer] = run(city, [buy(city, 1)])
    [(plan, scheme, terms, engine)] = rows(
        city, "SELECT encode(f.plan_digest, 'hex'), encode(f.scheme_digest, 'hex'), encode(f.terms_digest, 'hex'), f.engine"
              " FROM policy p JOIN orders o ON o.id = p.order_id JOIN offer f ON f.id = o.offer_id")
    told = order(answer)
    assert (told.plan_digest, told.terms_digest, told.engine) == (plan, terms, engine)
    assert (terms, engine) == (books.terms(city), ENGINE)
    bodies = dict(rows(city, "SELECT encode(digest, 'hex'), body FROM rule_text"))
    assert plans.load_text("x.toml", bodies[plan]) == city.plan
    assert schemes.load_text("xizang.toml", bodies[scheme]) == city.scheme
    assert city.plan.name in bodies[terms]


@pytest.mark.clause("LZ-9")
def test_terms_that_changed_are_read_and_agreed_to_again(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    old = buy(city, 1)
    with owner(city) as connection:
        books.load(city, connection, another(city.plan, city.plan.id, ("yuan = 168", "yuan = 178")))
    [refused, done] = run(city, [old, buy(city, 1)])
    assert refusal(refused).code == "consent.terms_changed"
    assert refusal(refused).figures == {"terms": books.terms(city)}
    assert (order(done).premium_fen, order(done).terms_digest) == (17_800, books.terms(city))


@pytest.mark.clause("XZ-6")
def test_a_product_sells_while_its_insurers_latest_test_passed(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    with books.Desk(city) as desk:
        for n, passed in enumerate([False, True, False]):
            with owner(city) as connection:
                books.connect(connection, passed)
            [answer] = desk.run([buy(city, 1, (1, 2, 4)[n])])
            assert answer.outcome == (DONE if passed else "product.not_connected")
            if not passed:
                assert refusal(answer).clause == "XZ-6"


def test_a_product_taken_off_sale_is_paid_for_where_it_was_ordered_before(programme: MakeProgramme) -> None:
    city = small_city(programme, "jilin")
    [answer] = run(city, [buy(city, 7, pay_with="cash")])
    with owner(city) as connection:
        connection.execute("UPDATE product SET state = 'stopped'")
        connection.execute(LISTING["raise_version"])
    [late, paid] = run(city, [buy(city, 6, pay_with="cash"), Paid(2, order_id(city, answer), 15_800, "ref")])
    assert refusal(late).code == "product.not_on_sale"
    assert order(paid).state == "completed"
