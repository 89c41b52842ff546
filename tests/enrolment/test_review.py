"""The agency's review: what is asked again, who may decide, when its time is over, and what becomes of the money."""

import csv
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from huibao.core.time import moment
from huibao.enrolment.model import Command, Escalate, Paid, Reason, Release, Review, ReviewList, Unreviewed
from huibao.record.model import DONE, Answer
from huibao.scheme import loading as schemes
from tests import books
from tests.books import DAY, City, Someone, another, buy, order, order_id, owner, refusal, rows, run, small_city, verify
from tests.database import MakeProgramme

CLERK, SECOND, THIRD = 71, 72, 73
FAMILY: Final = (
    Someone(1, "1980-05-06", "职工 正常", personal="2000", savings="500", kin="2 父母；4 子女"),
    Someone(2, "1955-03-20", "居民 正常"),
    Someone(4, "2012-01-01", "居民 正常"),
    Someone(6, "1990-01-01", "职工 正常", personal="400"),
    Someone(7, "1985-07-07", "职工 正常", personal="400"),
)
LATER: Final = DAY + timedelta(days=3)


def approve(id: int, clerk: int = CLERK, reviewer: int | None = None) -> Review:
    return Review(clerk, reviewer, id, "approve")


def reject(id: int, reason: Reason | None = "not-eligible", clerk: int = CLERK) -> Review:
    return Review(clerk, None, id, "reject", reason, "材料不清楚")


def applied(city: City, *insured: int, buyer: int = 1, at: datetime = DAY, **more: Any) -> int:
    [answer] = run(city, [buy(city, buyer, *insured, at=at, **more)], at)
    assert order(answer).state == "awaiting-review"
    return order_id(city, answer)


def said(answer: Answer) -> str:
    return order(answer).state if answer.outcome == DONE else answer.outcome


def money(city: City) -> dict[str, tuple[int, int]]:
    found = rows(city, "SELECT kind || coalesce(owner_id::text, ''), credit_fen - debit_fen, held_fen FROM account")
    return {name: (balance, held) for name, balance, held in found if (balance, held) != (0, 0) and name != "fund"}


def told(city: City) -> list[tuple[int, str, str]]:
    return rows(city, "SELECT person_id, zh, en FROM notice ORDER BY id")


# ── approved and rejected ────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-14")
def test_an_approval_captures_what_was_held(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city, 1, 2)
    held = money(city)
    assert held["personal1"] == (200_000, 32_600)
    [answer] = run(city, [approve(id)], LATER)
    done = order(answer)
    assert (done.state, [policy.state for policy in done.policies]) == ("completed", ["in-force", "in-force"])
    assert str(done.policies[0].period_from) == "2026-03-06"
    assert money(city) == {**{name: had for name, had in held.items() if name != "personal1"}, "personal1": (167_400, 0), "clearing": (32_600, 0)}
    [(person, zh, en)] = told(city)
    assert (person, "已审核通过" in zh, "2026-03-06" in zh, "was approved" in en) == (1, True, True, True)
    assert rows(city, "SELECT state, ended_at = %s FROM review", LATER) == [("approved", True)]
    assert verify(city) == []


@pytest.mark.clause("LZ-14")
def test_a_rejection_releases_what_was_held_and_says_why(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    before = money(city)
    id = applied(city, 2)
    [answer] = run(city, [reject(id, "relation-unproven")], LATER)
    assert (order(answer).state, order(answer).policies[0].period_from) == ("void", None)
    assert money(city) == before
    [(_, zh, en)] = told(city)
    assert "亲属关系未能核实" in zh
    assert "register it with proof" in en
    assert "材料不清楚" not in zh, "what a clerk wrote freely stays under the buyer's seal"
    assert rows(city, "SELECT person_id, sealed IS NOT NULL FROM event WHERE kind = 'review'") == [(1, True)]
    assert [said(one) for one in run(city, [buy(city, 1, 2, at=LATER)], LATER)] == ["awaiting-review"], "the person may apply again"
    assert verify(city) == []


def test_a_rejection_names_its_reason(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city)
    assert [said(one) for one in run(city, [reject(id, None)], LATER)] == ["review.reason_needed"]


@pytest.mark.clause("LZ-14")
def test_cash_of_a_rejected_order_goes_back_to_its_channel(programme: MakeProgramme) -> None:
    city = small_city(programme, "xinjiang", [Someone(1, personal="100")])
    [answer] = run(city, [buy(city, 1)])
    id = order_id(city, answer)
    run(city, [Paid(2, id, 2_000, "ref")])
    [rejected] = run(city, [reject(id)], LATER)
    assert order(rejected).state == "void"
    assert rows(city, "SELECT order_id, position, source, fen, state FROM refund") == [(id, 1, "cash", 2_000, "sent")]
    assert "20.00 元现金将原路退回" in told(city)[0][1]
    assert verify(city) == []


# ── asked again ──────────────────────────────────────────────────────────────────────────────────────────────────────

def changes() -> list[tuple[str, str, str]]:
    with (Path(__file__).parent / "tables" / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        _, *lines = csv.reader(file)
    return [(story, statement, ends) for story, statement, ends in lines]


@pytest.mark.clause("LZ-14", "LZ-6", "LZ-7")
@pytest.mark.parametrize(("statement", "ends"), [pytest.param(statement, ends, id=story) for story, statement, ends in changes()])
def test_what_changed_since_the_application_is_noticed(programme: MakeProgramme, statement: str, ends: str) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city, 2)
    with owner(city) as connection:
        connection.execute(statement)
    before = books.everything(city)
    [answer] = run(city, [approve(id)], LATER)
    assert said(answer) == ends
    if answer.outcome != DONE:
        assert books.everything(city) == before, "the order still waits"
        assert refusal(answer).zh != ""
        assert [said(one) for one in run(city, [reject(id)], LATER)] == ["void"]
    assert verify(city) == []


@pytest.mark.clause("LZ-14")
def test_a_suspension_after_the_capture_undoes_nothing(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city, 2)
    run(city, [approve(id)], LATER)
    after = books.everything(city)
    with owner(city) as connection:
        connection.execute("UPDATE enrolment SET status = '2' WHERE person_id = 1")
    assert [said(one) for one in run(city, [approve(id, SECOND), reject(id, clerk=SECOND), Release(1, id, "cancelled", 1)], LATER)] == [
        "review.not_waiting", "review.not_waiting", "order.not_waiting"]
    assert books.everything(city) == after


@pytest.mark.clause("LZ-14")
def test_money_spent_meanwhile_is_not_needed_again(programme: MakeProgramme) -> None:
    """What the order holds is its own: that the rest was spent since does not matter."""
    city = small_city(programme, "liuzhou", [Someone(1, personal="138"), *FAMILY[3:]])
    id = applied(city)
    assert [said(one) for one in run(city, [approve(id)], LATER)] == ["completed"]
    assert verify(city) == []


def test_a_birthday_that_changes_the_premium_is_noticed(programme: MakeProgramme) -> None:
    """Cover from the approval on: who turns 60 before it pays another premium than was held."""
    city = small_city(programme, "liuzhou", [Someone(1, "1966-03-05", personal="2000")])
    assert "60" in city.plan.text
    id = applied(city)
    [answer] = run(city, [approve(id)], LATER)
    assert (answer.outcome, refusal(answer).figures) == ("review.premium_changed", {"insured": 1, "held_fen": 13_800, "now_fen": 18_800})


def test_facts_are_frozen_as_of_the_cover(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", [Someone(1, "1986-03-05", personal="2000")])
    id = applied(city)
    assert rows(city, "SELECT (facts ->> 'age')::int FROM policy") == [(39,)]
    run(city, [approve(id)], LATER)
    assert rows(city, "SELECT (facts ->> 'age')::int, period_from::text FROM policy") == [(40, "2026-03-06")]


# ── four eyes ────────────────────────────────────────────────────────────────────────────────────────────────────────

EYES: Final = [
    # 审核人凭证  审核人本人  结果                   为什么
    (CLERK,       None,       "completed",           "另一名经办人"),
    (1,           None,       "review.own_entry",    "录入者的凭证"),
    (CLERK,       1,          "review.own_entry",    "审核人就是投保人"),
    (CLERK,       2,          "review.own_entry",    "审核人就是被保险人"),
    (CLERK,       6,          "completed",           "审核人与申请无关"),
]


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize(("clerk", "person", "ends", "why"), EYES, ids=[why for *_, why in EYES])
def test_four_eyes(programme: MakeProgramme, clerk: int, person: int | None, ends: str, why: str) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city, 2)
    assert [said(one) for one in run(city, [Review(clerk, person, id, "approve")], LATER)] == [ends]
    assert verify(city) == []


def two_eyed(programme: MakeProgramme) -> tuple[City, int]:
    """A city where an order above 1000 yuan from the account needs two reviewers, and such an order."""
    city = small_city(programme, "liuzhou", FAMILY)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "dear-2026", premium="1000.01"))
    return city, applied(city, product="dear-2026")


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize(("votes", "ends"), [
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
def test_two_reviewers(programme: MakeProgramme, votes: list[tuple[str, int, int | None]], ends: list[str], together: bool) -> None:
    city, id = two_eyed(programme)
    commands: list[Command] = [Review(clerk, person, id, "approve") if vote == "ok" else replace(reject(id, clerk=clerk), reviewer=person)
                               for vote, clerk, person in votes]
    answers = run(city, commands, LATER) if together else [run(city, [one], LATER)[0] for one in commands]
    assert [said(one) for one in answers] == ends
    if ends[0] == "awaiting-review":
        assert (order(answers[0]).zh, order(answers[0]).en) == (
            "已由一人审核通过，待第二人审核，尚未承保。", "approved by one reviewer, awaiting the second, not yet insured")
    assert verify(city) == []


@pytest.mark.parametrize(("premium", "reviewers"), [("1000", 1), ("1000.01", 2)])
def test_two_above_its_amount(programme: MakeProgramme, premium: str, reviewers: int) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "dear-2026", premium=premium))
    applied(city, product="dear-2026")
    assert rows(city, "SELECT reviewers FROM review") == [(reviewers,)]


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Applied on Monday, 2 March 2026: five working days end with 9 March, fifteen with 23 March.
ESCALATES, VOID = moment("2026-03-10"), moment("2026-03-24")
SECOND_: Final = timedelta(seconds=1)


@pytest.mark.clause("LZ-14")
def test_time_passes_in_two_steps(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    before = money(city)
    id = applied(city, 2)
    assert rows(city, "SELECT escalate_at, void_at, void_because FROM review") == [(ESCALATES, VOID, "time")]
    steps: list[tuple[Command, datetime, str]] = [
        (Escalate(0, id),   ESCALATES - SECOND_,     "review.not_due"),
        (Unreviewed(0, id), VOID + SECOND_,          "review.not_due"),
        (Escalate(0, id),   ESCALATES,               "awaiting-review"),
        (Escalate(0, id),   ESCALATES,               "review.not_due"),
        (Unreviewed(0, id), VOID - SECOND_,          "review.not_due"),
        (approve(id),       VOID,                    "review.over"),
        (reject(id),        VOID,                    "review.over"),
        (Unreviewed(0, id), VOID,                    "void"),
        (Unreviewed(0, id), VOID,                    "review.not_waiting"),
        (approve(id),       VOID,                    "review.not_waiting"),
    ]
    for command, at, ends in steps:
        assert [said(one) for one in run(city, [command], at)] == [ends], (command, at)
    assert money(city) == before
    assert "未能审结" in told(city)[0][1]
    assert rows(city, "SELECT kind, cause, order_id, due_on::text, outcome FROM open_case") == [("review", "review.overdue", id, "2026-03-23", "overdue")]
    assert verify(city) == []


@pytest.mark.clause("LZ-14")
def test_what_escalated_may_still_be_decided(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city, 2)
    run(city, [Escalate(0, id)], ESCALATES)
    assert rows(city, "SELECT closed_at FROM open_case") == [(None,)]
    assert [said(one) for one in run(city, [approve(id)], VOID - SECOND_)] == ["completed"]
    assert rows(city, "SELECT outcome FROM open_case") == [("approved",)]
    assert verify(city) == []


def test_what_its_buyer_gives_up_is_withdrawn(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city, 2)
    run(city, [Escalate(0, id)], ESCALATES)
    assert [said(one) for one in run(city, [Release(1, id, "cancelled", 1), approve(id)], ESCALATES)] == ["void", "review.not_waiting"]
    assert rows(city, "SELECT r.state, c.outcome FROM review r JOIN open_case c USING (order_id)") == [("withdrawn", "withdrawn")]
    assert verify(city) == []


STARTS: Final = [
    # 方案写明     申请时间               审核时间               结果            起保日          作废时间
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
@pytest.mark.parametrize(("missed", "applies", "reviewed", "ends", "since", "void"), STARTS)
def test_a_common_start_that_would_be_missed(
    programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch, missed: str, applies: str, reviewed: str, ends: str, since: str | None, void: str
) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    city.scheme = replace(city.scheme, review_clock=tuple(replace(rule, missed_start=missed) for rule in city.scheme.review_clock))
    id = applied(city, 2, at=moment(applies))
    assert rows(city, "SELECT void_at FROM review") == [(moment(void),)]
    [answer] = run(city, [approve(id)], moment(reviewed))
    assert said(answer) == ends
    if answer.outcome == DONE:
        assert str(order(answer).policies[0].period_from) == since
    else:
        run(city, [Escalate(0, id)], moment(void))
        assert [said(one) for one in run(city, [Unreviewed(0, id)], moment(void))] == ["void"]
        assert "可以起保的日期之前" in told(city)[0][1]
    assert verify(city, moment(reviewed)) == []


def test_a_lists_own_decision_has_no_effect(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", FAMILY)
    id = applied(city, 2)
    before = books.everything(city)
    [answer] = run(city, [ReviewList(CLERK, (id,), "approve")], LATER)
    assert (answer.outcome, answer.body) == (DONE, b'{"orders":1,"verdict":"approve"}')
    assert books.everything(city) == before
    assert verify(city) == []


def test_the_scheme_says_when_two_review() -> None:
    [rule] = schemes.builtin("liuzhou").review
    assert rule.two_above is not None
    assert (rule.two_above.fen, rule.two_above.cite.id, rule.basis.cite.id) == (100_000, None, "LZ-14")
