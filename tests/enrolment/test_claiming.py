"""Who has an application: taken, let go of, taken over, decided; what that keeps from whom, and what it keeps from nobody."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final

import msgspec
import pytest

from huibao.core.time import moment
from huibao.enrolment.model import ClaimReview, ClaimTold, Command, Entry, Escalate, Release, ReleaseReview, Review, Unreviewed
from huibao.record.model import DONE, Answer
from tests import books
from tests.books import DAY, City, Someone, another, buy, founder, order, order_id, owner, refusal, rows, run, small_city, verify

#: Clerks by credential, and as which person they are known: 乙's second credential is the same person's.
CLERKS: Final = {"甲": (71, None), "乙": (72, 1), "乙二": (73, 1), "丙": (74, None)}
_BUYERS: Final = count(100)
ESCALATES, VOID = moment("2026-03-10"), moment("2026-03-24")


@pytest.fixture(scope="module")
def city(owner_url: str) -> Iterator[City]:
    """A city whose agency reviews, and where an order above 1000 yuan needs two; whoever takes an application has it for half an hour."""
    made = small_city(founder(owner_url), "liuzhou", [Someone(1)])
    with owner(made) as connection:
        books.put_on_sale(made, connection, another(made.plan, "dear-2026", premium="1000.01"))
    yield made
    assert verify(made, DAY) == []


def applied(city: City, product: str | None = None, entry: Entry | None = None, credential: int = 1) -> int:
    """An application of somebody new."""
    who = next(_BUYERS)
    with owner(city) as connection:
        books.settle_down(city, connection, [Someone(who, personal="2000")])
    [answer] = run(city, [replace(buy(city, who, product=product), entry=entry, credential=credential)])
    assert order(answer).state == "awaiting-review"
    return order_id(city, answer)


def step(id: int, what: str, who: str) -> Command:
    credential, person = CLERKS.get(who, (0, None))
    steps: dict[str, Command] = {
        "领取": ClaimReview(credential, person, id), "放回": ReleaseReview(credential, person, id),
        "通过": Review(credential, person, id, "approve"), "不通过": Review(credential, person, id, "reject", "other"),
        "撤销": Release(1, id, "cancelled"), "上报": Escalate(0, id), "作废": Unreviewed(0, id),
    }
    return steps[what]


def said(answer: Answer) -> str:
    """How a step ended: an order's state, `claimed` or `released`, or a refusal's code."""
    return str(msgspec.json.decode(answer.body)["state"]) if answer.outcome == DONE else answer.outcome


def has(city: City, id: int) -> int | None:
    """Whose credential the row names."""
    [(credential,)] = rows(city, "SELECT claimed_by FROM review WHERE order_id = %s", id)
    found: int | None = credential
    return found


#: Each step: minutes after the application, what, who, how it ends. Afterwards, whom the row names.
STORIES: Final = {
    "taken and decided": ([(0, "领取", "甲", "claimed"), (5, "通过", "甲", "completed")], None),
    "nobody need take it": ([(0, "通过", "乙", "completed")], None),
    "another waits": ([(0, "领取", "甲", "claimed"), (1, "领取", "乙", "review.claimed"), (1, "通过", "乙", "review.claimed"),
                       (1, "不通过", "乙", "review.claimed"), (1, "放回", "乙", "review.claimed")], 71),
    "taken again by oneself": ([(0, "领取", "甲", "claimed"), (20, "领取", "甲", "claimed"), (31, "通过", "乙", "completed")], None),
    "a person is one person": ([(0, "领取", "乙", "claimed"), (1, "领取", "乙二", "claimed"), (2, "通过", "乙二", "completed")], None),
    "let go of": ([(0, "领取", "甲", "claimed"), (1, "放回", "甲", "released"), (1, "领取", "乙", "claimed")], 72),
    "let go of by another credential": ([(0, "领取", "乙", "claimed"), (1, "放回", "乙二", "released")], None),
    "let go of twice": ([(0, "领取", "甲", "claimed"), (1, "放回", "甲", "released"), (2, "放回", "甲", "review.not_claimed")], None),
    "never taken": ([(0, "放回", "甲", "review.not_claimed")], None),
    "its time ends to the minute": ([(0, "领取", "甲", "claimed"), (29, "领取", "乙", "review.claimed"), (30, "领取", "乙", "claimed")], 72),
    "taken over": ([(0, "领取", "甲", "claimed"), (30, "领取", "乙", "claimed"), (31, "通过", "甲", "review.claimed"),
                    (31, "放回", "甲", "review.claimed"), (32, "通过", "乙", "completed")], None),
    "over, and decided by another": ([(0, "领取", "甲", "claimed"), (30, "通过", "乙", "completed")], None),
    "over, and let go of all the same": ([(0, "领取", "甲", "claimed"), (40, "放回", "甲", "released")], None),
    "over, and let go of by another": ([(0, "领取", "甲", "claimed"), (40, "放回", "乙", "review.not_claimed")], 71),
    "over, and taken anew": ([(0, "领取", "甲", "claimed"), (40, "领取", "甲", "claimed"), (50, "领取", "乙", "review.claimed")], 71),
    "decided, and taken": ([(0, "通过", "甲", "completed"), (1, "领取", "乙", "review.not_waiting"), (1, "放回", "乙", "review.not_claimed")], None),
    "given up by its buyer": ([(0, "领取", "甲", "claimed"), (1, "撤销", "", "void"), (2, "通过", "甲", "review.not_waiting")], None),
}


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize(("steps", "left"), STORIES.values(), ids=STORIES)
def test_who_has_an_application(city: City, steps: list[tuple[int, str, str, str]], left: int | None) -> None:
    id = applied(city)
    for minutes, what, who, ends in steps:
        [answer] = run(city, [step(id, what, who)], DAY + timedelta(minutes=minutes))
        assert said(answer) == ends, (minutes, what, who)
    assert has(city, id) == left


@pytest.mark.clause("LZ-14")
def test_two_clerks_in_one_batch(city: City) -> None:
    id = applied(city)
    steps = [("领取", "甲", "claimed"), ("领取", "乙", "review.claimed"), ("通过", "乙", "review.claimed"), ("放回", "甲", "released"),
             ("领取", "乙", "claimed"), ("通过", "甲", "review.claimed")]
    assert [said(one) for one in run(city, [step(id, what, who) for what, who, _ in steps])] == [ends for *_, ends in steps]
    assert has(city, id) == 72


@pytest.mark.clause("LZ-14")
def test_who_is_refused_reads_whose_it_is_and_until_when(city: City) -> None:
    id = applied(city)
    run(city, [step(id, "领取", "甲")])
    [answer] = run(city, [step(id, "通过", "乙")], DAY + timedelta(minutes=1))
    refused = refusal(answer)
    assert (refused.code, refused.figures) == (
        "review.claimed", {"credential": 71, "since": "2026-03-02T10:00:00+08:00", "until": "2026-03-02T10:30:00+08:00"})
    assert "凭证 71" in refused.zh
    assert "2026-03-02 10:30" in refused.zh


def told(answer: Answer) -> ClaimTold:
    return msgspec.json.decode(answer.body, type=ClaimTold)


@pytest.mark.clause("LZ-14")
def test_taking_it_again_adds_no_time_and_taking_over_says_whose_it_was(city: City) -> None:
    id = applied(city)
    first, again = (told(run(city, [step(id, "领取", "甲")], DAY + timedelta(minutes=n))[0]) for n in (0, 20))
    assert (first, first.until - first.since) == (again, timedelta(minutes=30))
    over = told(run(city, [step(id, "领取", "乙")], DAY + timedelta(minutes=30))[0])
    assert (over.credential, over.person, over.took_over, first.took_over) == (72, 1, 71, None)


@pytest.mark.clause("LZ-14")
def test_it_opens_no_way_around_four_eyes(city: City) -> None:
    entered = applied(city, entry=Entry("counter", 1, "450200-07", "signed-form", "ab" * 32), credential=71)
    assert [said(run(city, [step(entered, "领取", who)])[0]) for who in ("甲", "乙", "丙")] == ["review.own_entry", "review.own_entry", "claimed"]
    two = applied(city, "dear-2026")
    steps = [("领取", "乙", "claimed"), ("通过", "乙", "awaiting-review"), ("领取", "乙二", "review.same_reviewer"),
             ("领取", "甲", "claimed"), ("通过", "丙", "review.claimed"), ("通过", "甲", "completed")]
    assert [said(one) for one in run(city, [step(two, what, who) for what, who, _ in steps])] == [ends for *_, ends in steps]


@pytest.mark.clause("LZ-14")
def test_its_deadlines_go_on(city: City) -> None:
    id = applied(city)
    minute = timedelta(minutes=1)
    steps: list[tuple[datetime, str, str, str]] = [
        (ESCALATES - minute, "领取", "甲", "claimed"), (ESCALATES, "上报", "", "awaiting-review"),
        (ESCALATES, "通过", "乙", "review.claimed"), (VOID - minute, "领取", "甲", "claimed"), (VOID - minute, "通过", "乙", "review.claimed"),
        (VOID, "通过", "甲", "review.over"), (VOID, "领取", "甲", "review.over"), (VOID, "作废", "", "void")]
    for at, what, who, ends in steps:
        assert said(run(city, [step(id, what, who)], at)[0]) == ends, (at, what, who)
    assert has(city, id) is None


def test_nobody_has_it_longer_than_it_may_be_decided(city: City) -> None:
    [answer] = run(city, [step(applied(city), "领取", "甲")], VOID - timedelta(minutes=1))
    assert told(answer).until == VOID


def test_the_scheme_says_for_how_long(city: City) -> None:
    clock = tuple(replace(rule, claim_minutes=5) for rule in city.scheme.review_clock)
    city = replace(city, scheme=replace(city.scheme, review_clock=clock))
    assert told(run(city, [step(applied(city), "领取", "甲")])[0]).until == DAY + timedelta(minutes=5)


def test_an_order_that_is_not_there(city: City) -> None:
    assert [said(one) for one in run(city, [step(987_654, what, "甲") for what in ("领取", "放回")])] == ["order.unknown", "review.not_claimed"]
