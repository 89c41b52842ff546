"""Proposals: asked once, reminded on the scheme's days, confirmed afresh or declined; and nobody is ever charged in silence."""

import asyncio
from datetime import date, timedelta
from typing import Any, Final, get_args

import psycopg
import pytest

from huibao.app import families
from huibao.app.renewals import SQL, ending
from huibao.catalogue import shelf as catalogue
from huibao.core.money import fen
from huibao.db.connect import connect_service
from huibao.enrolment.model import Amend, Buy, InsuredWish, Release
from huibao.record.lane import CommandFailed
from huibao.record.model import NOBODY, Request
from huibao.renewal import own
from huibao.renewal.model import Asked, Command, Decline, Propose, Remind
from huibao.renewal.state import State
from tests import books
from tests.books import City, buy, order, order_id, owner, refusal, rows, run, verify
from tests.database import MakeProgramme
from tests.journeys.office import open_office
from tests.renewal.years import FIRST, SECOND, asked, confirm, day_of, following, money, noon, notices, proposals, serve, told, two_years

BOUGHT, DECEMBER = noon(date(2026, 3, 2)), noon(date(2026, 12, 1))


def insured(city: City, *people: int, buyer: int = 1) -> int:
    """An order of 2026 for these people."""
    [answer] = run(city, [buy(city, buyer, *people, at=BOUGHT)], BOUGHT)
    return order_id(city, answer)


@pytest.mark.clause("SY-3.7")
def test_a_family_is_asked_once_and_charged_nothing(programme: MakeProgramme) -> None:
    city = two_years(programme)
    first = insured(city, 1, 2, 4)
    before = money(city)
    [answer] = serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)
    assert asked(answer) == Asked(3, 0)
    assert proposals(city) == [(who, "open", fen("188"), date(2026, 12, 24), None) for who in (1, 2, 4)]
    [(person, said)] = notices(city)
    assert person == 1
    for words in ("3 份保单将于 2026-12-31 到期", "不会自动续保，也不会自动扣费", "保费合计 564.00 元", "本年度 604.00 元", "2027-03-31"):
        assert words in said, said
    assert money(city) == before
    assert verify(city) == []


def test_two_orders_of_one_buyer_are_one_message(programme: MakeProgramme) -> None:
    """Who bought for the family in two goes has one family: proposals and reminders come in one message each."""
    city = two_years(programme)
    orders = [insured(city, 1, 2), insured(city, 4)]
    assert found(city, "to_propose", buyer=0, products=[FIRST]) == [(1, orders)]
    assert asked(serve(city, Propose(NOBODY, 1, tuple(orders)), at=DECEMBER)[0]) == Asked(3, 0)
    assert found(city, "to_propose", buyer=0, products=[FIRST]) == []
    last = date(2026, 12, 24)
    assert found(city, "to_remind", on=last) == [(1, orders)]
    assert asked(serve(city, Remind(NOBODY, 1, tuple(orders)), at=noon(last))[0]) == Asked(3, 0)
    assert [("3 份保单" in said, "564.00 元" in said) for _, said in notices(city)] == [(True, True)] * 2


def test_what_a_sponsor_paid_for_is_not_asked_of_the_insured(programme: MakeProgramme) -> None:
    city = two_years(programme, scheme="xinjiang", sponsors={"慈善": "9000"})
    [answer] = run(city, [buy(city, 2, at=BOUGHT, pay_with="sponsor", sponsor="慈善")], BOUGHT)
    assert order(answer).state == "completed"
    assert asked(serve(city, Propose(NOBODY, 2, (order_id(city, answer),)), at=DECEMBER)[0]) == Asked(0, 1)
    assert proposals(city) == [(2, "lapsed", 0, None, "sponsored")]
    assert notices(city) == []
    assert verify(city) == []


def test_what_could_not_be_asked_today_is_asked_tomorrow(programme: MakeProgramme) -> None:
    """The next year is off sale for an hour, just when a buyer was to be asked."""
    city = two_years(programme)
    first, outcomes = insured(city, 1), []
    for state, days in (("stopped", 0), ("on-sale", 0), ("on-sale", 1)):
        with owner(city) as connection:
            connection.execute("UPDATE product SET state = %s WHERE id = %s", [state, SECOND])
            connection.execute("UPDATE catalogue_version SET version = version + 1")
        request = own.proposed(1, [first], day_of(DECEMBER, days).date())
        outcomes.append(serve(city, request.command, at=day_of(DECEMBER, days), keys=[request.key])[0].outcome)
    assert outcomes == ["renewal.nothing_expires", "renewal.nothing_expires", "done"]


#: When a proposal is made, and on which days it is reminded of, under 60, 30 and 7 days before the end.
REMINDERS: Final = [
    # 生成日         此后的提醒日
    ("2026-11-01",  ["2026-12-01", "2026-12-24"]),
    ("2026-11-20",  ["2026-12-01", "2026-12-24"]),
    ("2026-12-01",  ["2026-12-24"]),
    ("2026-12-23",  ["2026-12-24"]),
    ("2026-12-24",  []),
    ("2027-01-05",  []),
]


@pytest.mark.parametrize(("made", "days"), REMINDERS)
def test_reminders_come_on_the_schemes_days(programme: MakeProgramme, made: str, days: list[str]) -> None:
    city = two_years(programme)
    first = insured(city, 1)
    serve(city, Propose(NOBODY, 1, (first,)), at=noon(date.fromisoformat(made)))
    for day in days:
        on = date.fromisoformat(day)
        assert proposals(city)[0][3] == on
        again = Remind(NOBODY, 1, (first,))
        assert refusal(serve(city, again, at=noon(on - timedelta(days=1)))[0]).code == "renewal.not_open"
        assert asked(serve(city, again, at=noon(on))[0]) == Asked(1, 0)
    assert proposals(city)[0][3] is None
    assert len(notices(city)) == 1 + len(days)


def test_who_declines_is_asked_no_more(programme: MakeProgramme) -> None:
    city = two_years(programme)
    first = insured(city, 1)
    serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)
    assert refusal(serve(city, Decline(1, first, 1, 5), at=DECEMBER)[0]).code == "renewal.unknown"
    assert [told(answer).state for answer in serve(city, Decline(1, first, 1, 1), Decline(1, first, 1, 1), at=DECEMBER)] == ["declined"] * 2
    reminded = serve(city, Remind(NOBODY, 1, (first,)), at=noon(date(2026, 12, 24)))[0]
    assert refusal(reminded).figures["state"] == "declined"
    assert len(notices(city)) == 1
    assert verify(city) == []
    # Declining is no farewell: what was declined may still be confirmed.
    [answer] = run(city, [confirm(city, 1, (first, 1), at=DECEMBER, fen=fen("188"))], DECEMBER)
    assert order(answer).state == "completed"
    assert verify(city) == []


#: What became of the insured or the product before the buyer could be asked, and why nothing is proposed or reminded.
BARS: Final = [
    # 情形                    数据库里发生的                                                      原因
    ("被保险人身故",          "UPDATE person SET died = '2026-11-30' WHERE id = 1",               "died"),
    ("个人信息已删除",        "DELETE FROM person_key WHERE person_id = 1",                        "erased"),
    ("产品已停售",            "UPDATE product SET state = 'stopped' WHERE id = 'next-2027'",       "not-on-sale"),
    ("销售期已过",            "UPDATE product SET on_sale_to = '2026-12-20' WHERE id = 'next-2027'", "not-on-sale"),
]


@pytest.mark.parametrize(("happens", "why"), [bar[1:] for bar in BARS], ids=[bar[0] for bar in BARS])
def test_nobody_is_reminded_of_what_cannot_be(programme: MakeProgramme, happens: str, why: str) -> None:
    city = two_years(programme)
    first = insured(city, 1)
    serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)
    with owner(city) as connection:
        connection.execute(happens.encode())
        connection.execute("UPDATE catalogue_version SET version = version + 1")
    serve(city, Remind(NOBODY, 1, (first,)), at=noon(date(2026, 12, 24)))
    assert [row[1:] for row in proposals(city)] == [("lapsed", fen("188"), None, why)]
    assert len(notices(city)) == 1


def test_who_is_insured_already_is_not_asked(programme: MakeProgramme) -> None:
    city = two_years(programme)
    first = insured(city, 1, 2)
    run(city, [buy(city, 1, 1, at=DECEMBER, product=SECOND)], DECEMBER)
    serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)
    assert [row[1:] for row in proposals(city)] == [("lapsed", 0, None, "insured-already"), ("open", fen("188"), date(2026, 12, 24), None)]
    assert len(notices(city)) == 1
    assert verify(city) == []


def test_what_is_over_or_has_no_next_year_is_not_proposed(programme: MakeProgramme) -> None:
    city = two_years(programme)
    first = insured(city, 1)
    assert refusal(serve(city, Propose(NOBODY, 1, (first,)), at=BOUGHT)[0]).figures == {"why": "not-on-sale"}
    for nothing in (Propose(NOBODY, 1, (first + 1,)), Propose(NOBODY, 5, (first,))):
        assert refusal(serve(city, nothing, at=DECEMBER)[0]).figures == {"why": "no-policy"}
    with owner(city) as connection:
        connection.execute("UPDATE policy SET state = 'surrendered', ended_on = '2026-06-01'")
    assert refusal(serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)[0]).figures == {"why": "surrendered"}
    assert proposals(city) == []


# ── confirmed afresh ─────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-9", "LZ-25")
def test_confirming_is_a_purchase_with_everything_asked_again(programme: MakeProgramme) -> None:
    city = two_years(programme)
    first = insured(city, 1, 2)
    serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)
    [answer] = run(city, [confirm(city, 1, (first, 1), (first, 2), at=DECEMBER, fen=fen("376"))], DECEMBER)
    bought = order(answer)
    assert (bought.state, bought.account_fen, [policy.insured for policy in bought.policies]) == ("completed", fen("376"), [1, 2])
    assert rows(city, "SELECT state, bought FROM renewal") == [("confirmed", order_id(city, answer))] * 2
    assert rows(city, "SELECT DISTINCT facts ->> 'years_enrolled' FROM policy WHERE product = %s", SECOND) == [("2",)]
    assert refusal(serve(city, Decline(1, first, 1, 1), at=DECEMBER)[0]).code == "renewal.not_open"
    assert verify(city) == []


REFUSED: Final = [
    # 情形                 改动                                                拒绝
    ("未同意条款",         {"consent": None},                                  "consent.terms_changed"),
    ("未核验身份",         {"identity": None},                                 "identity.not_verified"),
    ("昨天核验的身份",     {"old_check": True},                                "identity.expired"),
    ("保费与所示不同",     {"fen": fen("168")},                                "renewal.quote_changed"),
    ("没有看到保费",       {"fen": None},                                      "renewal.unknown"),
    ("别人的续保",         {"buyer": 5},                                       "renewal.unknown"),
    ("没有的续保",         {"policy": 9},                                      "renewal.unknown"),
    ("换了产品",           {"product": FIRST},                                 "renewal.unknown"),
]


@pytest.mark.clause("LZ-9")
@pytest.mark.parametrize(("change", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_was_not_asked_again_is_refused_and_charges_nothing(programme: MakeProgramme, change: dict[str, Any], code: str) -> None:
    city = two_years(programme)
    first = insured(city, 1)
    serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)
    before, state = money(city), proposals(city)
    more = {name: value for name, value in change.items() if name in ("consent", "identity", "product")}
    if "old_check" in change:
        more["identity"] = buy(city, 1, at=day_of(DECEMBER, -1)).identity
    command = confirm(city, change.get("buyer", 1), (first, change.get("policy", 1)), at=DECEMBER, fen=change.get("fen", fen("188")), **more)
    assert refusal(run(city, [command], DECEMBER)[0]).code == code
    assert (money(city), proposals(city)) == (before, state)


def test_an_order_that_was_given_up_may_be_confirmed_again(programme: MakeProgramme) -> None:
    city = two_years(programme, premium="1600")
    first = insured(city, 1)
    at = noon(date(2027, 1, 4))
    serve(city, Propose(NOBODY, 1, (first,)), at=at)
    [waiting] = run(city, [confirm(city, 1, (first, 1), at=at, fen=fen("1600"))], at)
    assert order(waiting).state == "awaiting-payment"
    run(city, [Release(1, order_id(city, waiting), "cancelled", 1)], at)
    assert rows(city, "SELECT state, bought, ended_at FROM renewal") == [("open", None, None)]
    assert verify(city) == []
    [again] = run(city, [confirm(city, 1, (first, 1), at=at, fen=fen("1600"))], at)
    assert order(again).state == "awaiting-payment"
    assert rows(city, "SELECT state, bought FROM renewal") == [("confirmed", order_id(city, again))]
    assert verify(city) == []


def test_who_did_not_pay_in_time_is_asked_again(programme: MakeProgramme) -> None:
    """An order that comes to nothing leaves the proposal as it was: open, reminded of on the scheme's next day, and declined by who will."""
    city = two_years(programme, premium="1600")
    first = insured(city, 1)
    at, later = noon(date(2026, 11, 20)), noon(date(2026, 11, 25))
    serve(city, Propose(NOBODY, 1, (first,)), at=at)
    [waiting] = run(city, [confirm(city, 1, (first, 1), at=at, fen=fen("1600"))], at)
    assert [row[1:] for row in proposals(city)] == [("confirmed", fen("1600"), None, None)]
    run(city, [Release(NOBODY, order_id(city, waiting), "expired")], later)
    assert [row[1:] for row in proposals(city)] == [("open", fen("1600"), date(2026, 12, 1), None)]
    assert asked(serve(city, Remind(NOBODY, 1, (first,)), at=DECEMBER)[0]) == Asked(1, 0)
    assert told(serve(city, Decline(1, first, 1, 1), at=DECEMBER)[0]).state == "declined"
    assert verify(city) == []
    with owner(city) as connection:
        connection.execute("UPDATE renewal SET state = 'confirmed', bought = %s", [order_id(city, waiting)])
    assert verify(city) == [f"d proposals and their orders: the proposal for policy 1 of order {first} is confirmed, and its order came to nothing"]


def test_an_order_that_another_took_the_place_of_is_followed(programme: MakeProgramme) -> None:
    """A child is added to an order that waits for its cash part; then who had confirmed is taken out of it."""
    city = two_years(programme, premium="1600")
    first = insured(city, 1, 2)
    at = noon(date(2027, 1, 4))
    serve(city, Propose(NOBODY, 1, (first,)), at=at)
    command = confirm(city, 1, (first, 1), (first, 2), at=at, fen=fen("3200"))
    [waiting] = run(city, [command], at)
    [added] = run(city, [Amend(1, order_id(city, waiting), InsuredWish(4, "base"), None, "添一人", command.consent, command.identity, 1)], at)
    assert rows(city, "SELECT bought FROM renewal") == [(order_id(city, added),)] * 2
    assert verify(city) == []
    [removed] = run(city, [Amend(1, order_id(city, added), None, 2, "减一人", command.consent, command.identity, 1)], at)
    assert rows(city, "SELECT insured_id, bought, state FROM renewal ORDER BY 1") == [(1, order_id(city, removed), "confirmed"), (2, None, "open")]
    assert verify(city) == []


def test_the_same_confirmation_from_many_lanes_buys_once(programme: MakeProgramme) -> None:
    """Eight times under one key, eight under keys of their own, at once."""
    city = two_years(programme)
    first = insured(city, 1)
    serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)
    command = confirm(city, 1, (first, 1), at=DECEMBER, fen=fen("188"))

    async def rush() -> list[Any]:
        async with open_office(city, 4) as office:
            return await asyncio.gather(*(office.ask(key, command) for key in ["same"] * 8 + [f"own-{n}" for n in range(8)]))

    answers = asyncio.run(rush())
    assert not any(isinstance(answer, CommandFailed) for answer in answers)
    assert {answer.outcome for answer in answers} == {"done", "policy.already_insured"}
    assert rows(city, "SELECT count(*) FROM orders o JOIN offer f ON f.id = o.offer_id WHERE f.product = %s", SECOND) == [(1,)]
    assert verify(city) == []


def test_the_same_proposal_and_reminder_twice_is_once(programme: MakeProgramme) -> None:
    city = two_years(programme)
    first = insured(city, 1)
    at, last = noon(date(2026, 12, 1)), date(2026, 12, 24)
    for _ in range(3):
        request = own.proposed(1, [first], at.date())
        serve(city, request.command, request.command, at=at, keys=[request.key, f"{request.key} from elsewhere"])
    for _ in range(3):
        request_again = own.reminded(1, [first], last)
        serve(city, request_again.command, at=noon(last), keys=[request_again.key])
    assert (len(proposals(city)), len(notices(city))) == (1, 2)


# ── never a silent charge ────────────────────────────────────────────────────────────────────────────────────────────

def test_commands_of_renewal_have_no_books() -> None:
    """What proposes, reminds and declines is decided over a state without accounts, so it cannot move or set aside a fen."""
    assert set(get_args(Command)) == {Propose, Remind, Decline}
    assert {families.queue("1", command) for command in (Propose(NOBODY, 1, (1,)), Remind(NOBODY, 1, (1,)), Decline(NOBODY, 1, 1, 1))} == {"1 renewal"}
    assert not {"books", "orders", "pool"} & set(State.__dataclass_fields__)


@pytest.mark.clause("SY-3.7")
def test_a_whole_turn_of_years_charges_nobody_who_says_nothing(programme: MakeProgramme) -> None:
    """Everything that the service does by itself about renewal, day by day from November to February: only questions come of it."""
    city = two_years(programme)
    insured(city, 1, 2, 4)
    insured(city, 5, buyer=5)
    before = money(city)
    on = date(2026, 10, 25)
    while on < date(2027, 2, 10):
        on += timedelta(days=3)
        due: list[Request[Any]] = [own.reminded(buyer, orders, on) for buyer, orders in found(city, "to_remind", on=on)]
        if FIRST in asyncio.run(_ending(city, on)):
            due += [own.proposed(buyer, orders, on) for buyer, orders in found(city, "to_propose", buyer=0, products=[FIRST])]
        if due:
            serve(city, *(one.command for one in due), at=noon(on), keys=[one.key for one in due])
    assert {row[1] for row in proposals(city)} == {"open"}
    assert len(notices(city)) == 6
    assert money(city) == before
    assert verify(city, noon(on)) == []


def found(city: City, statement: str, **given: Any) -> list[tuple[Any, ...]]:
    """What the duty finds to do."""
    with owner(city) as connection:
        return connection.execute(SQL[statement], {"most": 9} | given).fetchall()


async def _ending(city: City, on: date) -> tuple[str, ...]:
    async with await connect_service(city.url) as connection:
        await connection.execute("SELECT set_config('search_path', %s, false)", [city.schema])
        return ending(city.running, await catalogue.load(connection, 1), on)


def test_what_ends_when(programme: MakeProgramme) -> None:
    """From 60 days before the end to the end of the gap, while the next year is on sale."""
    city = two_years(programme)
    days = {"2026-10-31": (), "2026-11-01": (FIRST,), "2026-12-31": (FIRST,), "2027-03-01": (FIRST,), "2027-03-02": ()}
    assert {day: asyncio.run(_ending(city, date.fromisoformat(day))) for day in days} == days


@pytest.mark.parametrize(("fault", "noticed"), [
    ("UPDATE orders SET credential = 0 WHERE id = (SELECT max(id) FROM orders)",                       "f who asked"),
    ("UPDATE event SET sealed = NULL WHERE request_id = (SELECT max(id) FROM orders)",                 "f who asked"),
    ("UPDATE renewal SET state = 'confirmed', ended_at = at, remind_on = NULL, bought = 1 WHERE state = 'open'", "d proposals and their orders"),
    ("UPDATE renewal SET bought = (SELECT max(id) FROM orders) WHERE state = 'open'",                   None),
    ("UPDATE renewal SET buyer_id = 6 WHERE state = 'open'",                                            "d proposals and their orders"),
    ("UPDATE renewal SET product = 'xizang-example-2026' WHERE state = 'open'",                         "d proposals and their orders"),
    ("UPDATE policy SET facts = facts || '{\"years_enrolled\": 3}' WHERE product = 'next-2027'",        "d years without a break"),
    ("UPDATE policy SET facts = facts - 'years_enrolled' WHERE product = 'next-2027'",                  "d years without a break"),
    ("UPDATE policy SET facts = facts || '{\"healthy_years\": 0, \"claim_free_years\": 0}' WHERE product = 'next-2027'", "d years without a payout"),
    ("UPDATE policy SET facts = facts || '{\"healthy_years\": 2}' WHERE product = 'next-2027'",         "d years without a payout"),
])
def test_a_planted_fault_is_reported(programme: MakeProgramme, fault: str, noticed: str | None) -> None:
    city = two_years(programme)
    first, second = insured(city, 1), insured(city, 5, buyer=5)
    serve(city, Propose(NOBODY, 1, (first,)), Propose(NOBODY, 5, (second,)), at=DECEMBER)
    run(city, [confirm(city, 1, (first, 1), at=DECEMBER, fen=fen("188"))], DECEMBER)
    assert verify(city) == []
    if noticed is None:
        with pytest.raises(psycopg.errors.CheckViolation), owner(city) as connection:
            connection.execute(fault.encode())
        return
    with owner(city) as connection:
        connection.execute(fault.encode())
    assert {line.partition(":")[0] for line in verify(city)} - {"j chain of the record", "d orders as recorded"} == {noticed}


def test_who_entered_orders_of_before_that_was_kept_is_not_asked(programme: MakeProgramme) -> None:
    """A database of the release before has orders that nobody entered; what is entered since has somebody."""
    city = two_years(programme)
    insured(city, 1)
    with owner(city) as connection:
        connection.execute("UPDATE orders SET credential = 0")
    assert "f who asked" in {line.partition(":")[0] for line in verify(city)}
    with owner(city) as connection:
        connection.execute("UPDATE migration SET applied_at = (SELECT max(at) FROM orders) + interval '1 second' WHERE number = 3")
    assert "f who asked" not in {line.partition(":")[0] for line in verify(city)}


def test_two_that_renew_one_product_are_one_proposal(programme: MakeProgramme) -> None:
    city = two_years(programme)
    with owner(city) as connection:
        books.put_on_sale(city, connection, following(city.plan, "another-2027"), date(2026, 11, 1), date(2027, 3, 31))
    first = insured(city, 1)
    assert asked(serve(city, Propose(NOBODY, 1, (first,)), at=DECEMBER)[0]) == Asked(1, 0)
    assert rows(city, "SELECT product FROM renewal") == [("another-2027",)]
    assert isinstance(buy(city, 1), Buy)
