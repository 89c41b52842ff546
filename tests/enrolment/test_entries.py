"""Orders that somebody else enters: a clerk at a counter, an agent under a mandate, a registered relative."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final

import msgspec
import pytest

from huibao.core.chain import sm3
from huibao.core.sealing import Place, open_sealed, unwrap
from huibao.enrolment.model import Buy, Entry, IdentityCheck, InsuredWish, PayWith
from huibao.record.model import DONE
from tests import books
from tests.books import DAY, KEYRING, City, Someone, buy, founder, order, order_id, owner, refusal, rows, run, small_city, verify
from tests.mandates import desk as mandates
from tests.mandates.desk import mandate

_BASES: Final = count(100, 10)
FORM: Final = sm3("投保单".encode()).hex()


@pytest.fixture(scope="module")
def city(owner_url: str) -> Iterator[City]:
    made = small_city(founder(owner_url), "liuzhou", [])
    yield made
    assert verify(made, DAY) == []


def household(city: City) -> int:
    """An older buyer by number; a grown child (+1), a neighbour (+2), a minor grandchild (+3), somebody who has died (+4)."""
    base = next(_BASES)
    people = (
        Someone(base, "1950-05-06", "职工 正常", personal="900", kin=f"{base + 1} 子女；{base + 3} 其他；{base + 4} 子女"),
        Someone(base + 1, "1980-03-20", "职工 正常"), Someone(base + 2, "1979-01-01", "居民 正常"), Someone(base + 3, "2012-01-01", "居民 正常"),
        Someone(base + 4, "1975-01-01", "居民 正常", died="2026-03-01"))
    with owner(city) as connection:
        books.settle_down(city, connection, people)
    return base


def acting(city: City, who: int, agent: int, pay_with: PayWith = "account", at: datetime = DAY) -> Buy:
    """An order for the buyer that somebody else enters, after proving who they are."""
    check = IdentityCheck(agent, "face", True, at, "ref")
    return replace(buy(city, who, at=at, pay_with=pay_with, identity=check), entry=Entry("agent", agent))


# ── agents and relatives ─────────────────────────────────────────────────────────────────────────────────────────────

AGENTS: Final = [
    # 代办人      授权                  支付         结果                          凭什么
    ("子女",      (),                   "cash",      "awaiting-payment",           "亲属关系"),
    ("子女",      (),                   "account",   "mandate.account_not_given",  ""),
    ("子女",      ("order",),           "account",   "mandate.account_not_given",  ""),
    ("子女",      ("order", "pay"),     "account",   "awaiting-review",            "授权"),
    ("邻居",      (),                   "cash",      "mandate.none",               ""),
    ("邻居",      ("order",),           "cash",      "awaiting-payment",           "授权"),
    ("邻居",      ("order", "pay"),     "account",   "awaiting-review",            "授权"),
    ("孙辈",      (),                   "cash",      "agent.minor",                ""),
    ("已故子女",  (),                   "cash",      "person.died",                ""),
    ("无此人",    (),                   "cash",      "agent.unknown",              ""),
]
PLACES: Final = {"子女": 1, "邻居": 2, "孙辈": 3, "已故子女": 4, "无此人": 100_000}


@pytest.mark.clause("XJ-3.4")
@pytest.mark.parametrize(("agent", "may", "pay_with", "ends", "by"), AGENTS)
def test_who_may_act_for_another(city: City, agent: str, may: tuple[str, ...], pay_with: PayWith, ends: str, by: str) -> None:
    who = household(city)
    number = who + PLACES[agent]
    given = mandates.given(mandates.run(city, mandate(who, number, *may))[0]).mandate if may else None  # type: ignore[arg-type]
    [answer] = run(city, [acting(city, who, number, pay_with)])
    assert (order(answer).state if answer.outcome == DONE else answer.outcome) == ends
    kept = rows(city, "SELECT channel, person_id, mandate_id, relation FROM order_entry WHERE order_id IN (SELECT id FROM orders WHERE buyer_id = %s)", who)
    if not by:
        assert kept == []
    elif by == "授权":
        assert kept == [("agent", number, given, "child" if agent == "子女" else None)]
    else:
        assert kept == [("agent", number, None, "child")]


@pytest.mark.parametrize(("pay_with", "ends"), [("cash", "mandate.none"), ("account", "mandate.account_not_given")])
def test_who_may_not_act_learns_nothing_of_the_buyer(city: City, pay_with: PayWith, ends: str) -> None:
    """The neighbour asks for a grown woman, a child, a dead man and nobody at all, without consent or proof."""
    who = household(city)
    asked = [replace(acting(city, number, who + 2, pay_with), consent=None, identity=None) for number in (who, who + 3, who + 4, who + 100_000)]
    answers = run(city, asked)
    assert {answer.outcome for answer in answers} == {ends}
    assert len({answer.body for answer in answers}) == 1


def test_what_a_stranger_proved_is_never_kept_as_the_buyers(city: City) -> None:
    """Who is refused for want of a mandate keeps their own evidence; it goes when they are erased, and stays when the buyer is."""
    who = household(city)
    [refused] = run(city, [acting(city, who, who + 2)])
    assert refused.outcome == "mandate.account_not_given"
    [(person, request, sealed, wrapped)] = rows(
        city, "SELECT e.person_id, e.request_id, e.sealed, k.wrapped FROM event e JOIN person_key k USING (person_id) WHERE e.person_id = ANY(%s)", [who, who + 2])
    evidence = open_sealed(unwrap(KEYRING, city.code, person, wrapped), sealed, Place(city.code, "event", request, "sealed"))
    assert (person, msgspec.json.decode(evidence)["identity"]["person"]) == (who + 2, who + 2)


ENDED: Final = [
    # 之后发生的事                                   再次代办时的结果
    ("什么也没有",                                   "awaiting-review"),
    ("撤销",                                         "mandate.account_not_given"),
    ("到期",                                         "mandate.account_not_given"),
    ("委托人去世",                                   "person.died"),
    ("代办人去世",                                   "person.died"),
]


@pytest.mark.clause("XJ-3.4")
@pytest.mark.parametrize(("event", "ends"), ENDED)
def test_how_a_mandate_ends(city: City, event: str, ends: str) -> None:
    who, at = household(city), DAY + timedelta(days=2)
    id = mandates.given(mandates.run(city, mandate(who, who + 2, until="2026-03-03" if event == "到期" else "2026-12-31"))[0]).mandate
    with owner(city) as connection:
        if event.endswith("去世"):
            connection.execute("UPDATE person SET died = '2026-03-03' WHERE id = %s", [who + 2 * (event == "代办人去世")])
    if event == "撤销":
        mandates.run(city, mandates.revoke(id, who), at=DAY + timedelta(days=1))
    [answer] = run(city, [acting(city, who, who + 2, at=at)], at)
    assert (order(answer).state if answer.outcome == DONE else answer.outcome) == ends


@pytest.mark.clause("XJ-3.4", "LZ-9")
def test_it_is_the_agent_who_proves_who_they_are(city: City) -> None:
    who = household(city)
    mandates.run(city, mandate(who, who + 1))
    asked = acting(city, who, who + 1)
    [refused] = run(city, [replace(asked, identity=IdentityCheck(who, "face", True, DAY, "ref"))])
    assert refused.outcome == "identity.not_verified"
    assert run(city, [asked])[0].outcome == DONE


def test_a_scheme_that_is_silent_keeps_the_account_closed_to_agents(owner_url: str) -> None:
    city = small_city(founder(owner_url), "xizang", [Someone(1, personal="8000"), Someone(2)])
    mandates.run(city, mandate(1, 2, "order"))
    account, cash = run(city, [acting(city, 1, 2), acting(city, 1, 2, "cash")])
    assert (refusal(account).code, refusal(account).clause) == ("mandate.account_closed", None)
    assert "未作规定" in refusal(account).zh
    assert cash.outcome != "mandate.none"
    assert verify(city) == []


def test_an_agent_may_insure_the_buyers_family_not_their_own(city: City) -> None:
    who = household(city)
    mandates.run(city, mandate(who, who + 2))
    asked = acting(city, who, who + 2)
    child, own = run(city, [replace(asked, insured=(InsuredWish(member),)) for member in (who + 1, who + 2)])
    assert (order(child).state, own.outcome) == ("awaiting-review", "relation.not_allowed")


# ── counters ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-8")
def test_a_counter_is_on_record_with_clerk_outlet_and_document(city: City) -> None:
    who = household(city)
    asked = replace(buy(city, who, credential=55), entry=Entry("counter", None, "450200-07", "signed-form", FORM))
    [answer] = run(city, [asked])
    id = order_id(city, answer)
    assert rows(city, "SELECT channel, credential, outlet, document, document_digest, mandate_id FROM order_entry WHERE order_id = %s", id) == [
        ("counter", 55, "450200-07", "signed-form", FORM, None)]
    [(sealed, wrapped)] = rows(city, "SELECT e.sealed, k.wrapped FROM event e JOIN person_key k USING (person_id) WHERE e.request_id = %s", id)
    evidence = msgspec.json.decode(open_sealed(unwrap(KEYRING, city.code, who, wrapped), sealed, Place(city.code, "event", id, "sealed")))
    assert evidence["entry"] == {"channel": "counter", "person": None, "outlet": "450200-07", "document": "signed-form", "digest": FORM}


@pytest.mark.clause("LZ-8", "LZ-9")
def test_at_a_counter_the_buyer_is_checked(city: City) -> None:
    who = household(city)
    at_counter = Entry("counter", who + 2, "450200-07", "recording", FORM)
    asked = replace(buy(city, who), entry=at_counter)
    wrong = replace(asked, identity=IdentityCheck(who + 2, "counter", True, DAY, "ref"))
    assert [answer.outcome for answer in run(city, [wrong, asked])] == ["identity.not_verified", DONE]


@pytest.mark.parametrize("pay_with", ["account", "cash"])
@pytest.mark.parametrize("is_named", [False, True], ids=["buys", "named as their own agent"])
def test_an_order_by_oneself_has_no_entry(city: City, pay_with: PayWith, *, is_named: bool) -> None:
    """Whoever names the buyer as who acts for the buyer names nobody: it takes no mandate, and nobody else entered it."""
    who = household(city)
    asked = acting(city, who, who, pay_with)
    [answer] = run(city, [asked if is_named else replace(asked, entry=None)])
    assert order(answer).state == ("awaiting-review" if pay_with == "account" else "awaiting-payment")
    assert rows(city, "SELECT count(*) FROM order_entry WHERE order_id = %s", order_id(city, answer)) == [(0,)]
