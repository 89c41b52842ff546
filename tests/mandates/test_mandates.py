"""Mandates: who may give one to whom, how long, and how it ends."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from huibao.record.model import DONE
from tests.books import DAY, City, Someone, founder, refusal, rows, small_city, verify
from tests.mandates.desk import given, mandate, revoke, run

PEOPLE: Final = (
    Someone(1, "1950-01-01", "职工 正常", personal="900"), Someone(2, "1980-01-01", "职工 正常"), Someone(3, "2010-01-01", "居民 正常"),
    Someone(4, "1940-01-01", "居民 正常", died="2026-01-01"), Someone(5, "1985-01-01", "居民 正常"),
    *(Someone(n, "1985-01-01", "居民 正常") for n in range(10, 20)),
)


@pytest.fixture(scope="module")
def city(owner_url: str) -> Iterator[City]:
    made = small_city(founder(owner_url), "liuzhou", PEOPLE)
    yield made
    assert verify(made) == []


GIVEN: Final = [
    # 委托人  代办人  授权                起           止             结果
    (1,      2,     ("order", "pay"),  "2026-03-02", "2026-12-31", DONE),
    (5,      2,     ("order",),        "2026-03-02", "2026-03-02", DONE),
    (10,     2,     ("order",),        "2026-03-02", "2027-03-02", DONE),
    (10,     5,     ("order",),        "2026-03-02", "2027-03-03", "mandate.term_too_long"),
    (10,     5,     ("order",),        "2026-03-01", "2026-03-05", "mandate.term_wrong"),
    (10,     5,     ("order",),        "2026-03-05", "2026-03-04", "mandate.term_wrong"),
    (10,     5,     ("pay",),          "2026-03-02", "2026-12-31", "mandate.pay_alone"),
    (10,     10,    ("order",),        "2026-03-02", "2026-12-31", "mandate.to_oneself"),
    (10,     99,    ("order",),        "2026-03-02", "2026-12-31", "mandate.agent_unfit"),
    (99,     10,    ("order",),        "2026-03-02", "2026-12-31", "mandate.principal_unknown"),
    (4,      10,    ("order",),        "2026-03-02", "2026-12-31", "person.died"),
    (10,     4,     ("order",),        "2026-03-02", "2026-12-31", "mandate.agent_unfit"),
    (3,      10,    ("order",),        "2026-03-02", "2026-12-31", "mandate.principal_minor"),
    (10,     3,     ("order",),        "2026-03-02", "2026-12-31", "mandate.agent_unfit"),
]


@pytest.mark.clause("XJ-3.4")
@pytest.mark.parametrize(("principal", "agent", "may", "since", "until", "ends"), GIVEN)
def test_who_may_give_what_to_whom(city: City, principal: int, agent: int, may: tuple[str, ...], since: str, until: str, ends: str) -> None:
    before = rows(city, "SELECT count(*) FROM mandate")
    [answer] = run(city, mandate(principal, agent, *may, since=since, until=until))  # type: ignore[arg-type]  # the table's own words
    assert answer.outcome == ends
    if ends == DONE:
        told = given(answer)
        assert (told.principal, told.agent, told.may, told.state) == (principal, agent, may, "in-force")
        assert ("个人账户" in told.zh, "account" in told.en) == (("pay" in may),) * 2
    else:
        assert rows(city, "SELECT count(*) FROM mandate") == before


def test_who_names_an_agent_learns_nothing_about_them(city: City) -> None:
    answers = run(city, *(mandate(10, agent, "order") for agent in (99, 4, 3)))
    assert len({answer.body for answer in answers}) == 1
    assert (refusal(answers[0]).code, refusal(answers[0]).figures) == ("mandate.agent_unfit", {})


def test_a_scheme_that_keeps_the_account_closed_gives_no_mandate_to_pay(owner_url: str) -> None:
    city = small_city(founder(owner_url), "xizang", PEOPLE)
    refused, done = run(city, mandate(1, 2, "order", "pay"), mandate(1, 2, "order"))
    assert (refusal(refused).code, refusal(refused).clause, done.outcome) == ("mandate.account_closed", None, DONE)


def test_the_same_mandate_is_given_once(city: City) -> None:
    first, again, more, after = run(city, mandate(11, 2), mandate(11, 2, "order"), mandate(11, 2, until="2027-01-31"), mandate(11, 5))
    assert [answer.outcome for answer in (first, again, more, after)] == [DONE, "mandate.given_already", DONE, DONE]
    assert refusal(again).figures == {"mandate": given(first).mandate}


@pytest.mark.clause("XJ-3.4")
@pytest.mark.parametrize(("person", "ends"), [(12, DONE), (2, DONE), (None, DONE), (5, "mandate.unknown")])
def test_either_party_revokes_and_the_agency_for_them(city: City, person: int | None, ends: str) -> None:
    [made] = run(city, mandate(12, 2))
    id = given(made).mandate
    [revoked] = run(city, revoke(id, person), at=DAY + timedelta(hours=1))
    assert revoked.outcome == ends
    if ends == DONE:
        assert (given(revoked).state, "撤销" in given(revoked).zh) == ("revoked", True)
        assert rows(city, "SELECT revoked_at = %s, revoked_by FROM mandate WHERE id = %s", DAY + timedelta(hours=1), id) == [(True, 81)]
        assert refusal(run(city, revoke(id, person))[0]).code == "mandate.revoked_already"
    else:
        run(city, revoke(id))


def test_given_and_revoked_in_one_batch_by_hand_of_two(city: City) -> None:
    """A mandate's number is known once it is committed: who revokes at once, revokes in the next batch."""
    [made] = run(city, mandate(13, 2))
    both = run(city, revoke(given(made).mandate, 13), revoke(given(made).mandate, 2), mandate(13, 2))
    assert [answer.outcome for answer in both] == [DONE, "mandate.revoked_already", DONE]


CHECKED: Final = [
    # 几分钟前核验  结果
    (0,            DONE),
    (15,           DONE),
    (16,           "identity.expired"),
    (-1,           DONE),
    (-2,           "identity.expired"),
]


@pytest.mark.clause("LZ-9")
@pytest.mark.parametrize(("minutes", "ends"), CHECKED)
def test_a_mandate_given_online_rests_on_a_fresh_check(city: City, minutes: int, ends: str) -> None:
    online = replace(mandate(15, 16, until=f"2026-11-1{CHECKED.index((minutes, ends))}"), evidence="identity-check", digest="check-15",
                     checked_at=DAY - timedelta(minutes=minutes))
    [answer] = run(city, online)
    assert answer.outcome == ends


def test_how_old_a_check_may_be_is_the_schemes(owner_url: str) -> None:
    city = small_city(founder(owner_url), "liuzhou", PEOPLE)
    [rule] = city.scheme.identity
    city.scheme = replace(city.scheme, identity=(replace(rule, minutes=60),))
    online = replace(mandate(1, 2), evidence="identity-check", checked_at=DAY - timedelta(minutes=59))
    [first] = run(city, online, keys=("m-2",))
    assert first.outcome == DONE
    [again] = run(city, online, at=DAY + timedelta(hours=2), keys=("m-2",))
    assert (again.body, again.replayed) == (first.body, True)
    [late] = run(city, replace(online, agent=5), at=DAY + timedelta(minutes=2))
    assert (refusal(late).code, refusal(late).figures["minutes"]) == ("identity.expired", 60)


def test_a_key_answers_once(city: City) -> None:
    command = mandate(14, 2)
    [first], [again] = run(city, command, keys=("m-1",)), run(city, command, keys=("m-1",))
    assert (again.body, again.replayed) == (first.body, True)
    [other] = run(city, mandate(14, 5), keys=("m-1",))
    assert other.outcome == "key.other_body"
    assert rows(city, "SELECT count(*) FROM mandate WHERE principal_id = 14") == [(1,)]
