"""The agency's review: what is asked again, who may decide, when its time is over, and what becomes of the money."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from huibao.core.time import moment
from huibao.enrolment import own
from huibao.enrolment.model import Amend, Command, Entry, Escalate, InsuredWish, Paid, Reason, Release, Review, ReviewList, Unreviewed
from huibao.record.model import DONE, Answer
from huibao.scheme import loading as schemes
from tests import books
from tests.books import DAY, City, Someone, another, buy, founder, order, order_id, owner, refusal, rows, run, small_city, verify

CLERK, SECOND, THIRD = 71, 72, 73
LATER: Final = DAY + timedelta(days=3)
_BASES: Final = count(100, 10)


@pytest.fixture(scope="module")
def city(owner_url: str) -> Iterator[City]:
    """A city whose agency reviews, and where an order above 1000 yuan from the account needs two; families move in test by test."""
    made = small_city(founder(owner_url), "liuzhou", [])
    with owner(made) as connection:
        for id, premium in (("dear-2026", "1000.01"), ("less-dear-2026", "1000")):
            books.put_on_sale(made, connection, another(made.plan, id, premium=premium))
    yield made
    assert verify(made, DAY) == []


def family(city: City, born: str = "1980-05-06", personal: str = "2000") -> int:
    """A family moves in: the buyer by its number, a parent (+2), a child (+4), two others (+6, +7)."""
    base = next(_BASES)
    people = (
        Someone(base, born, "职工 正常", personal=personal, savings="500", kin=f"{base + 2} 父母；{base + 4} 子女"),
        Someone(base + 2, "1955-03-20", "居民 正常"),
        Someone(base + 4, "2012-01-01", "居民 正常"),
        Someone(base + 6, "1990-01-01", "职工 正常", personal="400"),
        Someone(base + 7, "1985-07-07", "职工 正常", personal="400"),
    )
    with owner(city) as connection:
        books.settle_down(city, connection, people)
    return base


def approve(id: int, clerk: int = CLERK, reviewer: int | None = None) -> Review:
    return Review(clerk, reviewer, id, "approve")


def reject(id: int, reason: Reason | None = "not-eligible", clerk: int = CLERK, reviewer: int | None = None) -> Review:
    return Review(clerk, reviewer, id, "reject", reason, "材料不清楚")


def applied(city: City, buyer: int, *insured: int, at: datetime = DAY, product: str | None = None) -> int:
    """An order under review, for the buyer or for those of the family."""
    [answer] = run(city, [buy(city, buyer, *(buyer + one for one in insured), at=at, product=product)], at)
    assert order(answer).state == "awaiting-review"
    return order_id(city, answer)


def said(answer: Answer) -> str:
    return order(answer).state if answer.outcome == DONE else answer.outcome


def ends(city: City, command: Command, at: datetime = LATER) -> str:
    """How one command ends."""
    [answer] = run(city, [command], at)
    return said(answer)


def money(city: City, buyer: int) -> tuple[int, int]:
    """What the buyer's account has, and holds."""
    [found] = rows(city, "SELECT credit_fen - debit_fen, held_fen FROM account WHERE owner_id = %s AND kind = 'personal'", buyer)
    return found[0], found[1]


def told(city: City, id: int) -> list[tuple[int, str, str]]:
    return rows(city, "SELECT person_id, zh, en FROM notice WHERE order_id = %s ORDER BY id", id)


def left(city: City, id: int) -> str:
    """Everything of an order as it is kept."""
    tables = {"orders": "id", "policy": "order_id", "hold": "order_id", "transfer": "order_id", "review": "order_id", "review_vote": "order_id"}
    return "\n".join(str(rows(city, f"SELECT * FROM {table} WHERE {column} = %s ORDER BY 1, 2", id)) for table, column in tables.items())  # noqa: S608


# ── approved and rejected ────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-14")
def test_an_approval_captures_what_was_held(city: City) -> None:
    who = family(city)
    id = applied(city, who, 0, 2)
    assert money(city, who) == (200_000, 32_600)
    [answer] = run(city, [approve(id)], LATER)
    done = order(answer)
    assert (done.state, [(policy.state, str(policy.period_from)) for policy in done.policies]) == ("completed", [("in-force", "2026-03-06")] * 2)
    assert money(city, who) == (167_400, 0)
    assert rows(city, "SELECT fen, count(*) FROM transfer WHERE order_id = %s GROUP BY fen ORDER BY fen", id) == [(13_800, 1), (18_800, 1)]
    [(person, zh, en)] = told(city, id)
    assert (person, "已审核通过" in zh, "2026-03-06" in zh, "was approved" in en) == (who, True, True, True)
    assert rows(city, "SELECT state, ended_at = %s FROM review WHERE order_id = %s", LATER, id) == [("approved", True)]


@pytest.mark.clause("LZ-14")
def test_a_rejection_releases_what_was_held_and_says_why(city: City) -> None:
    who = family(city)
    id = applied(city, who, 2)
    [answer] = run(city, [reject(id, "relation-unproven")], LATER)
    assert (order(answer).state, order(answer).policies[0].period_from, money(city, who)) == ("void", None, (200_000, 0))
    [(_, zh, en)] = told(city, id)
    assert "亲属关系未能核实" in zh
    assert "register it with proof" in en
    assert "材料不清楚" not in zh, "what a clerk wrote freely stays under the buyer's seal"
    assert rows(city, "SELECT e.person_id, e.sealed IS NOT NULL FROM event e JOIN review_vote v USING (request_id) WHERE v.order_id = %s", id) == [(who, True)]
    assert ends(city, buy(city, who, who + 2, at=LATER)) == "awaiting-review", "the person may apply again"


def test_a_rejection_names_its_reason(city: City) -> None:
    id = applied(city, family(city))
    before = left(city, id)
    assert (ends(city, reject(id, None)), left(city, id)) == ("review.reason_needed", before)


def test_a_reason_given_with_an_approval_is_none(city: City) -> None:
    id = applied(city, family(city))
    assert ends(city, replace(approve(id), reason="other", note="看过了")) == "completed"
    assert rows(city, "SELECT verdict, reason FROM review_vote WHERE order_id = %s", id) == [("approve", None)]


def test_an_order_that_is_not_there_or_never_waited(city: City) -> None:
    who = family(city)
    [bought] = run(city, [buy(city, who, pay_with="cash")])
    assert [ends(city, approve(987_654)), ends(city, approve(order_id(city, bought)))] == ["order.unknown", "review.not_waiting"]


@pytest.mark.clause("LZ-14")
def test_cash_of_a_rejected_order_goes_back_to_its_channel(owner_url: str) -> None:
    city = small_city(founder(owner_url), "xinjiang", [Someone(1, personal="100")])
    [answer] = run(city, [buy(city, 1)])
    id = order_id(city, answer)
    assert rows(city, "SELECT count(*) FROM review") == [(0,)], "what is not paid yet waits for nobody's review"
    run(city, [Paid(2, id, 2_000, "ref")])
    assert ends(city, reject(id)) == "void"
    assert rows(city, "SELECT order_id, position, source, fen, state FROM refund") == [(id, 1, "cash", 2_000, "sent")]
    assert "20.00 元现金将原路退回" in told(city, id)[0][1]
    assert verify(city) == []


# ── asked again ──────────────────────────────────────────────────────────────────────────────────────────────────────

def changes() -> list[tuple[str, str, str]]:
    with (Path(__file__).parent / "tables" / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        _, *lines = csv.reader(file)
    return [(story, statement, ends) for story, statement, ends in lines]


@pytest.mark.clause("LZ-14", "LZ-6", "LZ-7")
@pytest.mark.parametrize(("statement", "expected"), [pytest.param(statement, expected, id=story) for story, statement, expected in changes()])
def test_what_changed_since_the_application_is_noticed(city: City, statement: str, expected: str) -> None:
    who = family(city)
    id = applied(city, who, 2)
    with owner(city) as connection:
        connection.execute(statement.format(payer=who, insured=who + 2))
    before = left(city, id)
    [answer] = run(city, [approve(id)], LATER)
    assert said(answer) == expected
    if answer.outcome != DONE:
        assert left(city, id) == before, "the order still waits"
        assert refusal(answer).zh != ""
        assert ends(city, reject(id)) == "void"


@pytest.mark.clause("LZ-14")
def test_a_suspension_after_the_capture_undoes_nothing(city: City) -> None:
    who = family(city)
    id = applied(city, who, 2)
    run(city, [approve(id)], LATER)
    after = left(city, id)
    with owner(city) as connection:
        connection.execute("UPDATE enrolment SET status = '2' WHERE person_id = %s", [who])
    assert [said(one) for one in run(city, [approve(id, SECOND), reject(id, clerk=SECOND), Release(1, id, "cancelled", who)], LATER)] == [
        "review.not_waiting", "review.not_waiting", "order.not_waiting"]
    assert left(city, id) == after


@pytest.mark.clause("LZ-14")
def test_money_spent_meanwhile_is_not_needed_again(city: City) -> None:
    """What the order holds is its own: that there is no more does not matter."""
    who = family(city, personal="138")
    id = applied(city, who)
    assert (money(city, who), ends(city, approve(id)), money(city, who)) == ((13_800, 13_800), "completed", (0, 0))


def test_a_birthday_that_changes_the_premium_is_noticed(city: City) -> None:
    """Cover begins with the approval: who turns 60 before it pays another premium than was held."""
    who = family(city, born="1966-03-05")
    [answer] = run(city, [approve(applied(city, who))], LATER)
    assert (answer.outcome, refusal(answer).figures) == ("review.premium_changed", {"insured": who, "held_fen": 13_800, "now_fen": 18_800})


def test_facts_are_frozen_as_of_the_cover(city: City) -> None:
    who = family(city, born="1986-03-05")
    id, asked = applied(city, who), "SELECT (facts ->> 'age')::int, period_from::text FROM policy WHERE order_id = %s"
    assert rows(city, asked, id) == [(39, None)]
    run(city, [approve(id)], LATER)
    assert rows(city, asked, id) == [(40, "2026-03-06")]


# ── four eyes ────────────────────────────────────────────────────────────────────────────────────────────────────────

EYES: Final = [
    # 审核人凭证  审核人本人  结果                   为什么
    (CLERK,       None,       "completed",           "另一名经办人"),
    (1,           None,       "review.own_entry",    "录入者的凭证"),
    (CLERK,       0,          "review.own_entry",    "审核人就是投保人"),
    (CLERK,       2,          "review.own_entry",    "审核人就是被保险人"),
    (CLERK,       6,          "completed",           "审核人与申请无关"),
]


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize(("clerk", "person", "expected", "why"), EYES, ids=[why for *_, why in EYES])
def test_four_eyes(city: City, clerk: int, person: int | None, expected: str, why: str) -> None:
    who = family(city)
    id = applied(city, who, 2)
    assert ends(city, Review(clerk, None if person is None else who + person, id, "approve")) == expected


@pytest.mark.clause("LZ-14")
def test_a_clock_that_steps_back_undoes_nothing_that_was_due(city: City) -> None:
    id = applied(city, family(city))
    [(escalates, void)] = rows(city, "SELECT escalate_at, void_at FROM review WHERE order_id = %s", id)
    back = timedelta(seconds=2)
    assert ends(city, own.escalated(id, escalates).command, escalates - back) == "awaiting-review"
    assert rows(city, "SELECT escalated_at IS NOT NULL FROM review WHERE order_id = %s", id) == [(True,)]
    assert ends(city, own.unreviewed(id, void).command, void - back) == "void"


CHANGED: Final = [
    # 审核人凭证  审核人本人  结果                   为什么
    (CLERK,       None,       "review.own_entry",    "最初录入的经办人"),
    (THIRD,       6,          "review.own_entry",    "最初录入者本人，换了凭证"),
    (SECOND,      None,       "review.own_entry",    "变更被保险人的经办人"),
    (THIRD,       7,          "review.own_entry",    "变更者本人，换了凭证"),
    (THIRD,       None,       "completed",           "没有经手的人"),
]


@pytest.mark.clause("LZ-14", "LZ-8")
@pytest.mark.parametrize(("clerk", "person", "expected", "why"), CHANGED, ids=[why for *_, why in CHANGED])
def test_four_eyes_on_an_order_that_others_changed(city: City, clerk: int, person: int | None, expected: str, why: str) -> None:
    """One clerk enters it, another adds a parent, the buyer takes the parent out again."""
    who = family(city)
    made = buy(city, who)

    def at_counter(person: int) -> Entry:
        return Entry("counter", who + person, "450200-07", "signed-form", "ab" * 32)

    [entered] = run(city, [replace(made, credential=CLERK, entry=at_counter(6))])
    [added] = run(city, [Amend(SECOND, order_id(city, entered), InsuredWish(who + 2), None, "x", made.consent, made.identity, None, at_counter(7))])
    [id] = [order_id(city, answer) for answer in run(city, [Amend(1, order_id(city, added), None, who + 2, "x", made.consent, made.identity, who)])]
    assert rows(city, "SELECT entered_by FROM review WHERE order_id = %s", id) == [([1, CLERK, SECOND],)]
    assert rows(city, "SELECT channel, credential, person_id FROM order_entry WHERE order_id = %s", order_id(city, added)) == [("counter", SECOND, who + 7)]
    assert ends(city, Review(clerk, None if person is None else who + person, id, "approve")) == expected


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize(("votes", "expected"), [
    # 依次审核的人（凭证、本人）、决定                                              每一步的结果
    ([("ok", CLERK, None), ("ok", SECOND, None)],                                ["awaiting-review", "completed"]),
    ([("ok", CLERK, None), ("ok", CLERK, None)],                                 ["awaiting-review", "review.same_reviewer"]),
    ([("ok", CLERK, 6), ("ok", SECOND, 6)],                                      ["awaiting-review", "review.same_reviewer"]),
    ([("ok", CLERK, 6), ("ok", SECOND, 7)],                                      ["awaiting-review", "completed"]),
    ([("ok", CLERK, None), ("no", SECOND, None)],                                ["awaiting-review", "void"]),
    ([("ok", CLERK, None), ("no", CLERK, None)],                                 ["awaiting-review", "review.same_reviewer"]),
    ([("no", CLERK, None), ("ok", SECOND, None)],                                ["void", "review.not_waiting"]),
    ([("ok", CLERK, None), ("ok", SECOND, None), ("ok", THIRD, None)],           ["awaiting-review", "completed", "review.not_waiting"]),
])
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_two_reviewers(city: City, votes: list[tuple[str, int, int | None]], expected: list[str], together: bool) -> None:
    who = family(city)
    id = applied(city, who, product="dear-2026")
    commands: list[Command] = [(approve if vote == "ok" else reject)(id, clerk=clerk, reviewer=None if person is None else who + person)
                               for vote, clerk, person in votes]
    answers = run(city, commands, LATER) if together else [run(city, [one], LATER)[0] for one in commands]
    assert [said(one) for one in answers] == expected
    if expected[0] == "awaiting-review":
        assert (order(answers[0]).zh, order(answers[0]).en) == (
            "已由一人审核通过，待第二人审核，尚未承保。", "approved by one reviewer, awaiting the second, not yet insured")


@pytest.mark.parametrize(("product", "reviewers"), [("less-dear-2026", 1), ("dear-2026", 2)])
def test_two_above_its_amount(city: City, product: str, reviewers: int) -> None:
    id = applied(city, family(city), product=product)
    assert rows(city, "SELECT reviewers FROM review WHERE order_id = %s", id) == [(reviewers,)]


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Applied on Monday, 2 March 2026: five working days end with 9 March, fifteen with 23 March.
ESCALATES, VOID = moment("2026-03-10"), moment("2026-03-24")
TICK: Final = timedelta(seconds=1)


@pytest.mark.clause("LZ-14")
def test_time_passes_in_two_steps(city: City) -> None:
    who = family(city)
    id = applied(city, who, 2)
    assert rows(city, "SELECT escalate_at, void_at, void_because FROM review WHERE order_id = %s", id) == [(ESCALATES, VOID, "time")]
    steps: list[tuple[Command, datetime, str]] = [
        (Escalate(0, id),   ESCALATES - TICK,     "review.not_due"),
        (Unreviewed(0, id), VOID + TICK,          "review.not_due"),
        (Escalate(0, id),   ESCALATES,            "awaiting-review"),
        (Escalate(0, id),   ESCALATES,            "review.not_due"),
        (Unreviewed(0, id), VOID - TICK,          "review.not_due"),
        (approve(id),       VOID,                 "review.over"),
        (reject(id),        VOID,                 "review.over"),
        (Unreviewed(0, id), VOID,                 "void"),
        (Unreviewed(0, id), VOID,                 "review.not_waiting"),
        (approve(id),       VOID,                 "review.not_waiting"),
    ]
    for command, at, expected in steps:
        assert ends(city, command, at) == expected, (command, at)
    assert money(city, who) == (200_000, 0)
    assert "未能审结" in told(city, id)[0][1]
    assert rows(city, "SELECT kind, cause, due_on::text, outcome FROM open_case WHERE order_id = %s", id) == [
        ("review", "review.overdue", "2026-03-23", "overdue")]


@pytest.mark.clause("LZ-14")
def test_what_escalated_may_still_be_decided(city: City) -> None:
    id = applied(city, family(city), 2)
    case = "SELECT closed_at IS NULL, outcome FROM open_case WHERE order_id = %s"
    run(city, [Escalate(0, id)], ESCALATES)
    assert rows(city, case, id) == [(True, None)]
    assert ends(city, approve(id), VOID - TICK) == "completed"
    assert rows(city, case, id) == [(False, "approved")]


def test_what_its_buyer_gives_up_is_withdrawn(city: City) -> None:
    who = family(city)
    id = applied(city, who, 2)
    run(city, [Escalate(0, id)], ESCALATES)
    assert [said(one) for one in run(city, [Release(1, id, "cancelled", who), approve(id)], ESCALATES)] == ["void", "review.not_waiting"]
    assert rows(city, "SELECT r.state, c.outcome FROM review r JOIN open_case c USING (order_id) WHERE order_id = %s", id) == [("withdrawn", "withdrawn")]


STARTS: Final = [
    # 方案写明        申请时间               审核时间               结果            起保日          作废时间
    ("void",          "2025-12-22 10:00",   "2025-12-31 23:59:59", "completed",    "2026-01-01",   "2026-01-01"),
    ("void",          "2025-12-22 10:00",   "2026-01-01 00:00",    "review.over",  None,           "2026-01-01"),
    ("void",          "2025-12-01 10:00",   "2025-12-10 10:00",    "completed",    "2026-01-01",   "2025-12-23"),
    ("void",          "2026-01-05 10:00",   "2026-01-12 10:00",    "completed",    "2026-01-13",   "2026-01-27"),
    ("from-approval", "2025-12-22 10:00",   "2025-12-31 23:59:59", "completed",    "2026-01-01",   "2026-01-14"),
    ("from-approval", "2025-12-22 10:00",   "2026-01-05 10:00",    "completed",    "2026-01-06",   "2026-01-14"),
    ("void",          "2026-12-22 10:00",   "2026-12-30 10:00",    "completed",    "2026-12-31",   "2026-12-31"),
    ("void",          "2026-12-22 10:00",   "2026-12-31 00:00",    "review.over",  None,           "2026-12-31"),
]


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize(("missed", "applies", "reviewed", "expected", "since", "void"), STARTS)
def test_a_common_start_that_would_be_missed(city: City, missed: str, applies: str, reviewed: str, expected: str, since: str | None, void: str) -> None:
    clock = tuple(replace(rule, missed_start=missed) for rule in city.scheme.review_clock)
    city = replace(city, scheme=replace(city.scheme, review_clock=clock))
    id = applied(city, family(city), 2, at=moment(applies))
    assert rows(city, "SELECT void_at FROM review WHERE order_id = %s", id) == [(moment(void),)]
    [answer] = run(city, [approve(id)], moment(reviewed))
    assert said(answer) == expected
    if answer.outcome == DONE:
        assert str(order(answer).policies[0].period_from) == since
        return
    run(city, [Escalate(0, id)], moment(void))
    assert ends(city, Unreviewed(0, id), moment(void)) == "void"
    assert "可以起保的日期之前" in told(city, id)[0][1]


def test_a_lists_own_decision_has_no_effect(city: City) -> None:
    id = applied(city, family(city), 2)
    before = left(city, id)
    [answer] = run(city, [ReviewList(CLERK, (id,), "approve")], LATER)
    assert (answer.outcome, answer.body, left(city, id)) == (DONE, b'{"orders":1,"verdict":"approve"}', before)


def test_the_scheme_says_when_two_review() -> None:
    [rule] = schemes.builtin("liuzhou").review
    assert rule.two_above is not None
    assert (rule.two_above.fen, rule.two_above.cite.id, rule.basis.cite.id) == (100_000, None, "LZ-14")
