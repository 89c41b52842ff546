"""Surrenders by state of the money, mix of sources and time, each figure worked by hand.

A row: what was bought and how it was paid, where the account money is, when it is given back; then what each source gets and where
that stands, what counts against the account's year afterwards, and the first day without cover.
"""

from datetime import UTC, date, datetime
from typing import Final, Literal

import pytest

from tests.books import DAY, City, Someone, another, founder, owner, put_on_sale, small_city, verify
from tests.refunds.counter import EVENING, SUMMER, Counter

#: Bought on 2 March 2026, covers from the 3rd to 31 December: 304 days. The account pays at most 1,500 yuan in a year.
TENTH: Final = datetime(2026, 3, 10, 2, tzinfo=UTC)
LAST: Final = datetime(2026, 12, 30, 2, tzinfo=UTC)



@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    return small_city(founder(owner_url), "xizang", [Someone(n, personal="8000") for n in range(1, len(ROWS) + 1)])


Money = Literal["unlisted", "listed", "remitted"]
STARTS: Final = date(2026, 3, 3)


ROWS: Final = [
    # 保费      账户款      条款                        何时       依据             退回：来源、分、状态                                             年度    首个无保障日
    ("168",    "unlisted", "",                         EVENING, "before-start", [("personal", 16_800, "done")],                                    0, STARTS),
    ("168",    "listed",   "",                         EVENING, "before-start", [("personal", 16_800, "waiting")],                                 0, STARTS),
    ("168",    "remitted", "",                         EVENING, "before-start", [("personal", 16_800, "owed")],                                    0, STARTS),
    ("2000",   "unlisted", "",                         EVENING, "before-start", [("personal", 150_000, "done"), ("cash", 50_000, "sent")],         0, STARTS),
    ("2000",   "remitted", "",                         EVENING, "before-start", [("personal", 150_000, "owed"), ("cash", 50_000, "sent")],         0, STARTS),
    # 犹豫期 10 天，第 8 天：全额，限额不恢复
    ("168",    "unlisted", "",                         TENTH,   "cooling",      [("personal", 16_800, "done")],                               16_800, STARTS),
    # 7 月 1 日退，2 日起无保障：剩 183 天，16800 × 183 / 304 = 10113.15…
    ("168",    "unlisted", "",                         SUMMER,  "days",         [("personal", 10_113, "done")],                               16_800, date(2026, 7, 2)),
    ("168",    "listed",   "",                         SUMMER,  "days",         [("personal", 10_113, "waiting")],                            16_800, date(2026, 7, 2)),
    ("168",    "remitted", "",                         SUMMER,  "days",         [("personal", 10_113, "owed")],                               16_800, date(2026, 7, 2)),
    # 200000 × 183 / 304 = 120394.73… → 120395；150000/200000 = 90296.25，50000/200000 = 30098.75：余下 1 分归余数大的现金
    ("2000",   "unlisted", "",                         SUMMER,  "days",         [("personal", 90_296, "done"), ("cash", 30_099, "sent")],    150_000, date(2026, 7, 2)),
    # 手续费 25%：200000 × 183 / 304 × 75% = 90296.05… → 90296；账户 67722，现金 22574
    ("2000",   "unlisted", 'fee = "25%"',              SUMMER,  "days",         [("personal", 67_722, "done"), ("cash", 22_574, "sent")],    150_000, date(2026, 7, 2)),
    # 3000 元：1500 账户、1500 现金，按月：3 月 3 日至 12 月 31 日十个月，到 7 月 2 日已用四个，退 60% = 180000，各 90000
    ("3000",   "unlisted", 'after = "months"',         SUMMER,  "months",       [("personal", 90_000, "done"), ("cash", 90_000, "sent")],    150_000, date(2026, 7, 2)),
    # 3000.01 元：账户 150000，现金 150001；剩 1 天：300001 / 304 = 986.84… → 987；余数 493.49… 与 493.50…：现金余数大，得 1 分
    ("3000.01", "unlisted", "",                        LAST,    "days",         [("personal", 493, "done"), ("cash", 494, "sent")],          150_000, date(2026, 12, 31)),
    # 3000.00 元：两边相等，余下 1 分归账户
    ("3000.00", "unlisted", "",                        LAST,    "days",         [("personal", 494, "done"), ("cash", 493, "sent")],          150_000, date(2026, 12, 31)),
]


@pytest.mark.clause("LZ-15a", "LZ-19", "XZ-2")
@pytest.mark.parametrize(("premium", "money", "terms", "when", "ground", "back", "year", "ended_on", "person"),
                         [(*row, person) for person, row in enumerate(ROWS, 1)])
def test_what_goes_back_to_whom(
    city: City, premium: str, money: Money, terms: str, when: datetime, ground: str, back: list[tuple[str, int, str]], year: int, ended_on: date,
    person: int,
) -> None:
    new = f"{terms}\n" if "after" in terms else f'after = "days"\n{terms}'
    plan = another(city.plan, f"plan-{person}", ('after = "days"', new), premium=premium)
    with owner(city) as connection:
        put_on_sale(city, connection, plan)
    counter = Counter(city)
    policy = counter.buys(person, product=plan.id)
    listed = counter.lists(policy) if money != "unlisted" else 0
    if money == "remitted":
        counter.answered(listed, "paid")
    clearing, income = counter.balance("clearing"), counter.balance("income")

    told = counter.surrenders(policy, when)

    assert (told.ground, told.ended_on, told.fen) == (ground, ended_on, sum(fen for _, fen, _ in back))
    assert [(part.source, part.fen, part.state) for part in told.parts] == back == counter.refunds(policy)
    assert counter.spent(person) == year
    reversed_fen = sum(fen for source, fen, state in back if source == "personal" and state == "done")
    paid_fen = sum(part.paid_fen for part in told.parts if part.source == "personal")
    assert counter.balance("personal", person) == 800_000 - paid_fen + reversed_fen
    assert (counter.balance("clearing"), counter.balance("income")) == (clearing - reversed_fen, income)
    assert verify(city, DAY) == []
