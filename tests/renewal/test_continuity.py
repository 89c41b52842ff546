"""Years without a break, years without a claim, what last year paid: computed from the record for every purchase, and frozen with it."""

from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from huibao.benefits import loading as plans
from huibao.benefits.changes import changes
from huibao.benefits.terms import Compiled
from huibao.core.money import fen
from huibao.enrolment.continuity import Earlier, continuity
from huibao.enrolment.model import Review
from huibao.scheme import loading as schemes
from huibao.settlement.covers import renewed
from huibao.settlement.model import Cover, Scope
from tests import books
from tests.books import FOUNDED, buy, order, order_id, owner, rows, run, verify
from tests.database import MakeProgramme
from tests.renewal.years import FIRST, SECOND, THIRD, following, noon, two_years

ENDS: Final = date(2026, 12, 31)
FIRST_YEAR: Final = {"years_enrolled": 1}
NEXT_YEARS: Final = {SECOND: FIRST, THIRD: SECOND}


def going_on(years: int, free: int, paid: int) -> dict[str, int]:
    return {"years_enrolled": years, "claim_free_years": free, "healthy_years": free, "paid_last_year": paid}


#: The year before (product, state, last day, its own facts, what it paid in yuan), the day on which the next begins, and what it is then.
CASES: Final = [
    # 情形                  上一年度（产品 状态 止期 事实 赔付）                                 起保日         结果
    ("首次参保",            None,                                                               "2027-01-01",  FIRST_YEAR),
    ("接着参保",            (FIRST, "in-force", ENDS, {"years_enrolled": 1}, "0"),              "2027-01-01",  going_on(2, 1, 0)),
    ("第三年",              (FIRST, "in-force", ENDS, going_on(2, 1, 0), "0"),                  "2027-01-01",  going_on(3, 2, 0)),
    ("上年有赔付",          (FIRST, "in-force", ENDS, going_on(2, 1, 0), "3000"),               "2027-01-01",  going_on(3, 0, 3000)),
    ("上年赔付不到一元",    (FIRST, "in-force", ENDS, {"years_enrolled": 1}, "0.01"),           "2027-01-01",  going_on(2, 0, 1)),
    ("旧保单未记年数",      (FIRST, "in-force", ENDS, {}, "0"),                                 "2027-01-01",  going_on(2, 1, 0)),
    ("间隔六十天",          (FIRST, "in-force", ENDS, {"years_enrolled": 1}, "0"),              "2027-03-02",  going_on(2, 1, 0)),
    ("间隔六十一天",        (FIRST, "in-force", ENDS, {"years_enrolled": 1}, "0"),              "2027-03-03",  FIRST_YEAR),
    ("别的产品",            ("other", "in-force", ENDS, going_on(5, 5, 0), "0"),                "2027-01-01",  FIRST_YEAR),
    ("上年尚待付款",        (FIRST, "pending", None, {"years_enrolled": 1}, "0"),               "2027-01-01",  FIRST_YEAR),
]


@pytest.mark.parametrize(("before", "since", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_policy_continues(before: Any, since: str, expected: dict[str, int]) -> None:
    held = []
    if before is not None:
        product, state, until, known, paid = before
        held.append(Earlier(product, state, until, known, fen(paid)))
    plan = following(plans.builtin(FIRST), SECOND)
    assert continuity(schemes.builtin("xizang"), plan, date.fromisoformat(since), held, NEXT_YEARS.get) == expected


@pytest.mark.parametrize(("first", "second", "expected"), [
    # 第一年（事实 赔付）            第二年（事实 赔付）           第三年
    (({"years_enrolled": 1}, "0"),    (going_on(2, 1, 0), "0"),     going_on(3, 2, 0)),
    (({"years_enrolled": 1}, "300"),  (going_on(2, 1, 0), "0"),     going_on(3, 1, 0)),      # 投保第二年之后才结算的，第三年起计入
    (({"years_enrolled": 1}, "0"),    (going_on(2, 0, 300), "0"),   going_on(3, 2, 0)),      # 投保第二年之后冲销的，第三年起不计入
    (({"years_enrolled": 1}, "0"),    (going_on(2, 1, 0), "300"),   going_on(3, 0, 300)),
    (({"years_enrolled": 1}, "300"),  (FIRST_YEAR, "0"),            going_on(2, 1, 0)),      # 第二年是断保后重新参保
    ((going_on(3, 2, 0), "0"),        (going_on(4, 3, 0), "0"),     going_on(5, 4, 0)),      # 记录之前的两年
], ids=["两年无赔付", "第一年迟到的赔付", "第一年的赔付后来冲销", "第二年有赔付", "中断过", "记录之前的年数"])
def test_every_year_before_is_looked_at_again(first: Any, second: Any, expected: dict[str, int]) -> None:
    """健康年数从现有记录逐年往前数。"""
    held = [Earlier(FIRST, "in-force", ENDS, first[0], fen(first[1])), Earlier(SECOND, "in-force", date(2027, 12, 31), second[0], fen(second[1]))]
    third = following(following(plans.builtin(FIRST), SECOND), THIRD, year=2028)
    assert continuity(schemes.builtin("xizang"), third, date(2028, 1, 1), held, NEXT_YEARS.get) == expected


def facts(city: books.City, product: str) -> list[tuple[Any, ...]]:
    return rows(city, "SELECT insured_id, (facts ->> 'years_enrolled')::int, (facts ->> 'claim_free_years')::int, (facts ->> 'paid_last_year')::int"
                      " FROM policy WHERE product = %s ORDER BY 1", product)


@pytest.mark.clause("XZ-5")
def test_ordinary_purchases_count_their_years(programme: MakeProgramme) -> None:
    """Three years, bought from the catalogue each time; who pauses a year begins anew, and one order may have both."""
    city = two_years(programme)
    with owner(city) as connection:
        next_year = following(city.plan, SECOND)
        books.put_on_sale(city, connection, following(next_year, THIRD, year=2028), date(2027, 11, 1), date(2028, 3, 31))
    run(city, [buy(city, 1, 1, 2, at=noon(date(2026, 3, 2)))], noon(date(2026, 3, 2)))
    run(city, [buy(city, 1, 1, 4, at=noon(date(2026, 12, 1)), product=SECOND)], noon(date(2026, 12, 1)))
    run(city, [buy(city, 1, 1, 2, 4, at=noon(date(2027, 12, 1)), product=THIRD)], noon(date(2027, 12, 1)))
    assert facts(city, FIRST) == [(1, 1, None, None), (2, 1, None, None)]
    assert facts(city, SECOND) == [(1, 2, 1, 0), (4, 1, None, None)]
    assert facts(city, THIRD) == [(1, 3, 2, 0), (2, 1, None, None), (4, 2, 1, 0)]
    assert verify(city) == []


def test_what_is_reviewed_counts_its_years_when_it_is_approved(programme: MakeProgramme) -> None:
    """The next year waits for the agency, and only meanwhile is the rest of this year bought: it has begun when the next is approved."""
    city = two_years(programme, scheme="liuzhou")
    december, approved = noon(date(2026, 12, 1)), noon(date(2026, 12, 10))
    [waiting] = run(city, [buy(city, 5, at=december, product=SECOND)], december)
    [this_year] = run(city, [buy(city, 5, at=december)], december)
    for answer in (this_year, waiting):
        at = approved if answer is waiting else december
        [reviewed] = run(city, [Review(21, None, order_id(city, answer), "approve", None)], at)
        assert order(reviewed).state == "completed"
    assert facts(city, SECOND) == [(5, 2, 1, 0)]
    assert verify(city, approved) == []


def test_what_the_last_year_paid_counts_as_it_stands(programme: MakeProgramme) -> None:
    """A settlement that was taken back, and one that came to nothing, are no claims."""
    city = two_years(programme)
    answers = run(city, [buy(city, who, at=noon(date(2026, 3, 2))) for who in (1, 5, 6)], noon(date(2026, 3, 2)))
    with owner(city) as connection:
        for n, (answer, state) in enumerate(zip(answers, ("confirmed", "reversed", "void"), strict=True), 1):
            connection.execute("INSERT INTO settlement (id, setl_id, person_id, hospital, mdtrt_id, way, at, settled_on, medfee_fen, person_fen,"
                               " pay_fen, payee, state) VALUES (%s, %s, 1, 'H1', 'V', 'desk', %s, '2026-04-01', 9, 9, 9, 'hospital', %s)",
                               [900 + n, f"S{n}", FOUNDED, state])
            connection.execute("INSERT INTO payment VALUES (%s, %s, 1, %s, 1, 300000, 0, 300000, '{}', '{}')", [900 + n, order_id(city, answer), FIRST])
    at = noon(date(2026, 12, 1))
    run(city, [buy(city, who, at=at, product=SECOND) for who in (1, 5, 6)], at)
    assert facts(city, SECOND) == [(1, 2, 0, 3000), (5, 2, 1, 0), (6, 2, 1, 0)]


@pytest.mark.parametrize(("name", "renews", "since", "expected"), [
    # 名称       接续      起期            是否已续保
    ("同名",     False,   "2027-01-01",  True),
    ("改名",     True,    "2027-01-01",  True),
    ("改名",     False,   "2027-01-01",  False),
    ("改名",     True,    "2027-01-02",  False),
])
def test_the_next_year_is_known_by_what_it_renews(name: str, renews: bool, since: str, expected: bool) -> None:
    """Who has renewed has no tail after the end of cover, whatever the next year is called."""
    first = plans.builtin(FIRST)
    second = replace(first, id=SECOND, name=first.name if name == "同名" else "另一个名称", renews=FIRST if renews else None)
    known = {1: Compiled(first), 2: Compiled(second)}
    covers = [Cover(n, 1, 1, n, product, 1, begin, end, {}, Scope(product, 1))
              for n, product, begin, end in ((1, FIRST, date(2026, 3, 3), ENDS), (2, SECOND, date.fromisoformat(since), date(2027, 12, 31)))]
    assert renewed(covers, known.__getitem__) == ([FIRST] if expected else [])


# ── what changed ─────────────────────────────────────────────────────────────────────────────────────────────────────

CHANGES: Final = [
    # 条款文件的改动                                                          说给投保人的话
    ((("days = 30", "days = 15"),),                                          ["除外：等待期 30 天", "除外：等待期 15 天"]),
    ((('deductible = { yuan = 8000, per = "year" }', 'deductible = { yuan = 9000, per = "year" }'),), ["8,000.00 元", "9,000.00 元"]),
    ((('cap = { yuan = 300000, per = "year" }', 'cap = { yuan = 500000, per = "year" }'),), ["300,000.00 元", "500,000.00 元"]),
]


@pytest.mark.parametrize(("edits", "words"), CHANGES)
def test_what_changes_is_said_in_words(edits: Any, words: list[str]) -> None:
    before = plans.builtin(FIRST)
    [price, said] = sorted(changes(before, following(before, SECOND, *edits)), key=lambda line: "保费" not in line)
    assert price.startswith("原为：保费：")
    assert "188.00 元" in price
    was, _, now = said.partition("；改为：")
    assert words[0] in was
    assert words[1] in now


def test_the_same_terms_have_no_changes() -> None:
    before = plans.builtin(FIRST)
    assert changes(before, before) == ()
    dated = next(line for line in before.text.splitlines() if line.startswith("valid = "))
    again = books.another(before, SECOND, (dated, f'valid = {{ from = 2027-01-01, to = 2027-12-31 }}\nrenews = "{FIRST}"'))
    assert changes(before, again) == ()


@pytest.mark.parametrize(("text", "says"), [('renews = "next-2027"', "is the plan itself"), ("renews = 3", "text in quotes")])
def test_a_year_before_is_another_product(text: str, says: str) -> None:
    before = plans.builtin(FIRST)
    with pytest.raises(Exception, match=says):
        books.another(before, SECOND, ('sources = [', f'{text}\nsources = ['))
