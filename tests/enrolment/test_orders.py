"""What becomes of an order: paid, given up, expired; every step skipped, repeated and reversed; several insured; several buyers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
import pytest
from msgspec.structs import replace as replaced

from huibao.core.money import fen
from huibao.enrolment.model import Command, InsuredWish, Paid, PayWith, Release
from huibao.record.model import DONE, Answer
from tests import books
from tests.books import DAY, PEOPLE, City, Someone, another, buy, order, order_id, owner, refusal, rows, run, small_city, verify
from tests.database import MakeProgramme

MINUTE: Final = timedelta(minutes=1)
DUE: Final = DAY + 30 * MINUTE


def waiting_city(programme: MakeProgramme) -> City:
    """A city whose product costs 1600 yuan: the account pays 1500 of it, the rest is awaited in cash."""
    city = small_city(programme, "xizang")
    dear = another(city.plan, "dear-2026", premium="1600")
    with owner(city) as connection:
        books.put_on_sale(city, connection, dear)
    city.plan = dear
    return city


def purses(city: City) -> dict[str, tuple[int, int]]:
    """Balance and held amount of each account that has either, by kind, or kind and owner."""
    found = rows(city, "SELECT kind || coalesce(owner_id::text, ''), credit_fen - debit_fen, held_fen FROM account ORDER BY 1")
    return {name: (balance, held) for name, balance, held in found if (balance, held) != (0, 0)}


# ── order of steps ───────────────────────────────────────────────────────────────────────────────────────────────────

def step(city: City, id: int, word: str) -> tuple[Command, datetime]:
    """One step by its word, and when it is taken."""
    paid: dict[str, tuple[str, timedelta]] = {
        "付": ("100", MINUTE), "付在最后一秒": ("100", 30 * MINUTE - timedelta(seconds=1)), "付在到期时": ("100", 30 * MINUTE),
        "少付一分": ("99.99", MINUTE), "多付一分": ("100.01", MINUTE), "付零元": ("0", MINUTE)}
    if word in paid:
        yuan, after = paid[word]
        return Paid(2, id, fen(yuan), "ref"), DAY + after
    given_up: dict[str, tuple[Release, datetime]] = {
        "撤": (Release(1, id, "cancelled", 1), DAY + MINUTE),
        "别人撤": (Release(1, id, "cancelled", 5), DAY + MINUTE),
        "过期": (Release(3, id, "expired"), DUE),
        "过期太早": (Release(3, id, "expired"), DUE - timedelta(seconds=1))}
    return given_up[word] if word in given_up else (buy(city, 1), DAY)


STEPS: Final = [
    # 步骤                    最后一步的结果
    ("付",                    "payment.not_awaited"),
    ("撤",                    "order.unknown"),
    ("过期",                  "order.unknown"),
    ("买",                    "awaiting-payment"),
    ("买 付",                 "completed"),
    ("买 付在最后一秒",       "completed"),
    ("买 付在到期时",         "payment.not_awaited"),
    ("买 少付一分",           "payment.amount_differs"),
    ("买 多付一分",           "payment.amount_differs"),
    ("买 付零元",             "payment.amount_differs"),
    ("买 少付一分 付",        "completed"),
    ("买 付 付",              "payment.not_awaited"),
    ("买 付 少付一分",        "payment.not_awaited"),
    ("买 付 撤",              "order.not_waiting"),
    ("买 付 过期",            "order.not_waiting"),
    ("买 付 买",              "policy.already_insured"),
    ("买 撤",                 "void"),
    ("买 别人撤",             "order.unknown"),
    ("买 别人撤 撤",          "void"),
    ("买 撤 撤",              "order.not_waiting"),
    ("买 撤 付",              "payment.not_awaited"),
    ("买 撤 过期",            "order.not_waiting"),
    ("买 撤 买",              "awaiting-payment"),
    ("买 撤 买 付",           "completed"),
    ("买 过期太早",           "order.not_waiting"),
    ("买 过期",               "void"),
    ("买 过期 过期",          "order.not_waiting"),
    ("买 过期 付",            "payment.not_awaited"),
    ("买 过期 撤",            "order.not_waiting"),
    ("买 付在到期时 过期",    "void"),
    ("买 付在到期时 撤",      "void"),
    ("买 买",                 "policy.already_insured"),
]
#: Balance and held amount of the buyer's account, the insurer's two, by how the order stands.
MONEY: Final = {
    "awaiting-payment": {"personal1": (800_000, 150_000)},
    "completed":        {"personal1": (650_000, 0), "clearing": (150_000, 0), "income": (10_000, 0)},
    "void":             {"personal1": (800_000, 0)},
}


@pytest.mark.clause("XZ-2")
@pytest.mark.parametrize("steps, ends", STEPS)
def test_order_of_steps(programme: MakeProgramme, steps: str, ends: str) -> None:
    city, id, state = waiting_city(programme), 987_654_321, "nothing"
    *_, last = steps.split(" ")
    answer = None
    for word in steps.split(" "):
        before = books.everything(city)
        command, at = step(city, id, word)
        [answer] = run(city, [command], at)
        if answer.outcome == DONE:
            id, state = order_id(city, answer), order(answer).state
        else:
            assert books.everything(city) == before
        assert verify(city) == []
    assert answer is not None, last
    assert (state if answer.outcome == DONE else answer.outcome) == ends
    bounded = {name: money for name, money in purses(city).items() if name in {"personal1", "clearing", "income"}}
    assert bounded == MONEY.get(state, {"personal1": (800_000, 0)})


@pytest.mark.parametrize("first, second, ends", [
    ("付", "撤", ["completed", "order.not_waiting"]),
    ("撤", "付", ["void", "payment.not_awaited"]),
    ("付", "付", ["completed", "payment.not_awaited"]),
    ("撤", "撤", ["void", "order.not_waiting"]),
])
def test_two_steps_of_one_order_in_one_batch(programme: MakeProgramme, first: str, second: str, ends: list[str]) -> None:
    city = waiting_city(programme)
    id = order_id(city, run(city, [buy(city, 1)])[0])
    commands: list[Command] = [step(city, id, first)[0], step(city, id, second)[0]]
    if first == second == "付":
        commands[1] = Paid(2, id, 10_000, "another")
    assert outcomes(run(city, commands, DAY + MINUTE)) == ends
    assert verify(city) == []


def outcomes(answers: Sequence[Answer]) -> list[str]:
    return [order(answer).state if answer.outcome == DONE else answer.outcome for answer in answers]


# ── review ───────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-24")
def test_an_order_under_review_holds_its_money_and_can_be_given_up(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", [Someone(1, personal="100", savings="50")])
    [answer] = run(city, [buy(city, 1)])
    assert (order(answer).state, order(answer).policies[0].period_from) == ("awaiting-review", None)
    assert "尚未承保" in order(answer).zh
    assert [(part.source, part.fen) for part in order(answer).policies[0].parts] == [("personal", 10_000), ("savings", 3_800)]
    assert purses(city) == {"fund": (-15_000, 0), "personal1": (10_000, 10_000), "savings1": (5_000, 3_800)}
    assert run(city, [Release(3, order_id(city, answer), "expired")], DAY + timedelta(days=60))[0].outcome == "order.not_waiting"
    late = {one.partition(":")[0] for one in verify(city, DAY + timedelta(days=60))}
    assert late == {"h reviews and their time"}, "a hold under review never expires by itself: somebody voids it, or is late"
    assert outcomes(run(city, [Release(1, order_id(city, answer), "cancelled", 1)])) == ["void"]
    assert purses(city) == {"fund": (-15_000, 0), "personal1": (10_000, 0), "savings1": (5_000, 0)}
    assert verify(city) == []


def test_cash_that_was_paid_is_not_given_up_with_the_order_under_review(programme: MakeProgramme) -> None:
    city = small_city(programme, "xinjiang", [Someone(1, personal="100")])
    [answer] = run(city, [buy(city, 1)])
    id = order_id(city, answer)
    assert [(part.source, part.fen) for part in order(answer).policies[0].parts] == [("personal", 10_000), ("cash", 2_000)]
    [paid] = run(city, [Paid(2, id, 2_000, "ref")])
    assert (order(paid).state, order(paid).zh) == ("awaiting-review", "已支付，待审核，尚未承保。")
    assert purses(city) == {"fund": (-10_000, 0), "cash": (-2_000, 0), "income": (2_000, 0), "personal1": (10_000, 10_000)}
    assert outcomes(run(city, [Release(1, id, "cancelled", 1), Paid(2, id, 2_000, "again")])) == ["order.not_waiting", "payment.not_awaited"]
    assert verify(city) == []


# ── several insured, several orders ──────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XZ-2", "XZ-3")
def test_several_insured_are_split_one_after_the_other(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "earlier", premium="1100"))
    run(city, [buy(city, 1, product="earlier")])
    [answer] = run(city, [buy(city, 1, 1, 5, 2)])
    parts = [[(part.source, part.fen) for part in policy.parts] for policy in order(answer).policies]
    assert parts == [[("personal", 16_800)], [("personal", 16_800)], [("personal", 6_400), ("cash", 20_400)]]
    assert [policy.number[-3:] for policy in order(answer).policies] == ["-01", "-02", "-03"]
    assert rows(city, "SELECT position, fen FROM hold ORDER BY id") == [(1, 16_800), (2, 16_800), (3, 6_400)]
    [paid] = run(city, [Paid(2, order_id(city, answer), 20_400, "ref")])
    assert [policy.state for policy in order(paid).policies] == ["in-force"] * 3
    assert rows(city, "SELECT spent_fen, held_fen FROM account_year WHERE person_id = 1") == [(150_000, 0)]
    assert verify(city) == []


@pytest.mark.clause("XZ-2")
def test_two_orders_of_one_batch_meet_each_others_spending(programme: MakeProgramme) -> None:
    city = waiting_city(programme)
    answers = run(city, [buy(city, 1), buy(city, 1, 2), buy(city, 1, 4)])
    assert [(order(answer).account_fen, order(answer).cash_fen) for answer in answers] == [(150_000, 10_000), (0, 160_000), (0, 160_000)]
    assert verify(city) == []


@pytest.mark.clause("XZ-2")
def test_the_minimum_balance_is_net_of_other_holds(programme: MakeProgramme) -> None:
    people = [Someone(1, personal="3000.01", kin="2 父母 账户"), Someone(2, "1955-01-01", "居民 正常")]
    city = small_city(programme, "xizang", people)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "dear-2026", premium="1600"))
    [first, second] = run(city, [buy(city, 1, product="dear-2026"), buy(city, 1, 2)])
    assert order(first).state == "awaiting-payment"
    refused = refusal(second)
    assert (refused.code, refused.clause) == ("account.balance_below_minimum", "XZ-2")
    assert (refused.figures["balance_fen"], refused.figures["short_fen"]) == (150_001, 149_999)
    run(city, [Release(1, order_id(city, first), "cancelled", 1)])
    assert outcomes(run(city, [buy(city, 1, 2)])) == ["completed"]


def test_one_person_is_insured_once_whoever_buys_and_in_whichever_batch(programme: MakeProgramme) -> None:
    for together in (True, False):
        city = small_city(programme, "xizang", sponsors={"慈善": "1000"})
        orders = [buy(city, 1, 4), buy(city, 5, 4), buy(city, 1, 2, 4), buy(city, 7, 4, pay_with="sponsor", sponsor="慈善")]
        answers = run(city, orders) if together else [run(city, [one])[0] for one in orders]
        assert outcomes(answers) == ["completed", "policy.already_insured", "policy.already_insured", "policy.already_insured"]
        assert verify(city) == []


def test_a_frozen_account_spends_nothing(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", [Someone(1, personal="500", savings="500")])
    with owner(city) as connection:
        connection.execute("UPDATE account SET state = 'frozen' WHERE kind = 'personal'")
    assert [(part.source, part.fen) for part in order(run(city, [buy(city, 1)])[0]).policies[0].parts] == [("savings", 13_800)]


@pytest.mark.parametrize("children, ends", [(19, "completed"), (20, "order.insured_count")])
def test_a_family_is_at_most_twenty(programme: MakeProgramme, children: int, ends: str) -> None:
    ids = range(2, 2 + children)
    family = [Someone(1, personal="8000", kin="；".join(f"{id} 子女 账户" for id in ids)), *(Someone(id, "2015-01-01", "居民 正常") for id in ids)]
    city = small_city(programme, "xizang", family)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "cheap", premium="1"))
    assert outcomes(run(city, [buy(city, 1, 1, *ids, product="cheap")])) == [ends]
    assert verify(city) == []


def test_a_sponsor_pays_without_consent_and_from_its_own_account(programme: MakeProgramme) -> None:
    city = small_city(programme, "shenyang", sponsors={"慈善": "198"})
    first, second, third = run(city, [buy(city, 7, who, pay_with="sponsor", sponsor="慈善", consent=None, identity=None) for who in (7, 4, 2)])
    assert outcomes([first, second, third]) == ["completed", "completed", "sponsor.insufficient"]
    assert (order(second).sponsor_fen, order(second).account_fen, order(second).cash_fen) == (9_900, 0, 0)
    assert refusal(third).figures["short_fen"] == 9_900
    assert {name: money for name, money in purses(city).items() if name in {"income", "sponsor", "clearing"}} == {"income": (19_800, 0)}
    assert rows(city, "SELECT kind, person_id FROM transfer WHERE kind LIKE 'premium%%' ORDER BY id") == [("premium-sponsor", 7)] * 2
    assert rows(city, "SELECT sealed FROM event") == [(None,)] * 3
    assert verify(city) == []


@pytest.mark.parametrize("insured, sponsor, code, figures", [
    ((1, 2),    "慈善",         "order.insured_count",  {"count": 2, "most": 1}),
    ((999_999,), "慈善",        "insured.unknown",      {}),
    ((1,),      "慈\0善",       "sponsor.unknown",      {}),
    ((1,),      None,           "sponsor.unknown",      {}),
])
def test_what_a_sponsor_cannot_pay_for(
    programme: MakeProgramme, insured: tuple[int, ...], sponsor: str | None, code: str, figures: dict[str, int]
) -> None:
    city = small_city(programme, "jilin", sponsors={"慈善": "1000"})
    [answer] = run(city, [buy(city, 1, *insured, pay_with="sponsor", sponsor=sponsor)])
    assert (refusal(answer).code, refusal(answer).figures) == (code, figures)
    assert verify(city) == []


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_key_answers_once_and_for_ever(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    asked, refused = buy(city, 1), buy(city, 6)
    first = run(city, [asked, asked, refused], keys=["a", "a", "b"])
    assert [answer.replayed for answer in first] == [False, True, False]
    assert first[0].body == first[1].body
    with owner(city) as connection:
        connection.execute("UPDATE product SET state = 'stopped'")
    again = run(city, [refused, asked, buy(city, 5)], keys=["b", "a", "a"], at=DAY + timedelta(days=1))
    assert [(answer.outcome, answer.body, answer.replayed) for answer in again[:2]] == [
        (first[2].outcome, first[2].body, True), (DONE, first[0].body, True)]
    assert again[2].outcome == "key.other_body"
    assert verify(city) == []


# ── who learns what ──────────────────────────────────────────────────────────────────────────────────────────────────

def masked(answer: Answer, *who: int) -> str:
    """A refusal as told, without the number that the asker gave."""
    told = msgspec.json.decode(answer.body)
    figures = {key: "?" if value in who else value for key, value in told.get("figures", {}).items()}
    return msgspec.json.encode({**told, "figures": figures}).decode()


@pytest.mark.parametrize("scheme, pay_with", [
    ("liuzhou", "account"), ("liuzhou", "cash"), ("xizang", "account"), ("xizang", "cash"), ("xinjiang", "account"), ("xinjiang", "cash"),
    ("jilin", "account"), ("jilin", "cash"), ("shenyang", "account"), ("shenyang", "cash"),
])
def test_a_stranger_and_nobody_are_refused_alike(programme: MakeProgramme, scheme: str, pay_with: PayWith) -> None:
    """Whoever asks for a stranger learns nothing: not that there is such a person, nor its age, death, insurance or policies."""
    strangers = [Someone(20, "1955-01-01", "居民 正常"), Someone(21, "2016-01-01", "居民 正常"), Someone(22, "1955-01-01", "", died="2026-01-01"),
                 Someone(23, "1955-01-01", "离休 终止", hardship="特困", chronic=True)]
    city = small_city(programme, scheme, [*PEOPLE, *strangers])
    ids = (20, 21, 22, 23, 999_999)
    answers = run(city, [buy(city, 1, id, pay_with=pay_with, guardian=False) for id in ids])
    assert DONE not in {answer.outcome for answer in answers}
    assert len({masked(answer, *ids) for answer in answers}) == 1


TYPED: Final = "张三13800000000"


def test_a_refusal_repeats_nothing_that_was_typed(programme: MakeProgramme) -> None:
    """It is kept in plain text, for ever."""
    city = small_city(programme, "xizang", sponsors={"慈善": "1000"})
    asked = buy(city, 1)
    assert asked.consent is not None
    typed: list[Command] = [
        replace(asked, product=TYPED), replace(asked, insured=(InsuredWish(1, TYPED),)), replace(asked, consent=replaced(asked.consent, terms=TYPED)),
        replace(asked, consent=replaced(asked.consent, accepted=(TYPED,))), buy(city, 1, pay_with="sponsor", sponsor=TYPED)]
    answers = run(city, typed)
    assert [answer.outcome for answer in answers][:4] == ["product.unknown", "product.tier_unknown", "consent.terms_changed", "consent.incomplete"]
    assert DONE not in {answer.outcome for answer in answers}
    assert [answer.outcome for answer in answers if TYPED in answer.body.decode()] == []
    assert rows(city, "SELECT count(*) FROM event e WHERE e::text LIKE %s OR convert_from(e.answer, 'UTF8') LIKE %s", f"%{TYPED}%", f"%{TYPED}%") == [(0,)]


def test_a_second_buyer_learns_nothing_about_the_first(programme: MakeProgramme) -> None:
    told = set()
    for first in ("account", "sponsor", "waits"):
        city = small_city(programme, "xinjiang", sponsors={"慈善": "1000"})
        if first == "sponsor":
            run(city, [buy(city, 7, 4, pay_with="sponsor", sponsor="慈善")])
        else:
            run(city, [buy(city, 1, 4, pay_with="account" if first == "account" else "cash")])
        with owner(city) as connection:
            connection.execute("UPDATE kinship SET relation = 'child' WHERE person_id = 5 AND relative_id = 4")
        [answer] = run(city, [buy(city, 5, 4)])
        told.add(answer.body)
        assert refusal(answer).code == "policy.already_insured"
        assert refusal(answer).figures == {"insured": 4}
    assert len(told) == 1
