"""How account money was used: what the books said at the end of each day of a story, told policy by policy, in all, and by the ledger."""

import asyncio
import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huibao.catalogue import listing
from huibao.core.money import fen
from huibao.enrolment.model import Release
from huibao.oversight import use
from huibao.oversight.model import NONE, Amounts, By, Report, Scope, Use, figures
from tests import books
from tests.books import City, Someone, another, buy, order_id, owner, run, small_city
from tests.database import MakeProgramme
from tests.remittance import office
from tests.remittance.test_stories import STEPS, STORIES

DAY: Final = date(2026, 3, 2)
KEYS: Final[tuple[By, ...]] = ("product", "insurer", "account", "month")


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 4, tzinfo=UTC)


def read(city: City, on: date, by: By = "product", **scope: Any) -> Report:
    return asyncio.run(_report(city, on, by, Scope(use.end_of(on), **scope)))


async def _report(city: City, on: date, by: By, scope: Scope) -> Report:
    async with await psycopg.AsyncConnection.connect(city.url) as connection:
        await connection.execute("SELECT set_config('search_path', %s, true)", [city.schema])
        return await use.report(connection, on, by, scope)


async def _uses(city: City, scope: Scope, most: int) -> list[Use]:
    found: list[Use] = []
    after: tuple[int, int] | None = (0, 0)
    async with await psycopg.AsyncConnection.connect(city.url) as connection:
        await connection.execute("SELECT set_config('search_path', %s, true)", [city.schema])
        while after is not None:
            uses, after = await use.page(connection, scope, after, most)
            found += uses
    return found


def uses_of(city: City, on: date, most: int = 2, **scope: Any) -> list[Use]:
    """Every use, page by page."""
    return asyncio.run(_uses(city, Scope(use.end_of(on), **scope), most))


def move(city: City, kind: str, on: date, order: int, yuan: str, *, account: str = "personal", batch: int = 0) -> None:
    """Money of a policy goes on, as whoever does it books it; `batch` is the remittance that lists it."""
    with owner(city) as connection:
        accounts = dict(connection.execute(
            "SELECT a.kind, a.id FROM account a, orders o JOIN offer f ON f.id = o.offer_id WHERE o.id = %s AND"
            " (a.owner_id = o.buyer_id OR a.product = f.product OR a.kind = 'cash')", [order]).fetchall())
        ways = {"premium-remitted": ("clearing", "income"), "remittance-returned": ("income", "clearing"),
                "refund-reversed": ("clearing", account), "refund-account": ("income", account), "refund-elsewhere": ("income", "cash")}
        debit, credit = (accounts[name] for name in ways[kind])
        refund = connection.execute(
            "INSERT INTO refund (request_id, at, order_id, position, source, fen, state, ended_at)"
            " VALUES (1, %(at)s, %(order)s, 1, %(source)s, %(fen)s, 'done', %(at)s) RETURNING id",
            {"at": noon(on), "order": order, "source": account, "fen": fen(yuan)}).fetchone() if kind.startswith("refund") else None
        connection.execute(
            "INSERT INTO transfer (at, kind, debit_id, credit_id, fen, order_id, position, refund_id, remittance_id, person_id)"
            " SELECT %s, %s, %s, %s, %s, id, 1, %s, %s, buyer_id FROM orders WHERE id = %s",
            [noon(on), kind, debit, credit, fen(yuan), refund[0] if refund else None, batch or None, order])
        if kind == "premium-remitted":
            connection.execute(
                "INSERT INTO remittance_line (remittance_id, transfer_id, order_id, position, account_id, fen, state, counted, paid_at)"
                " SELECT %s, id, order_id, position, debit_id, %s, 'paid', true, %s FROM transfer"
                " WHERE order_id = %s AND kind = 'premium-account' AND debit_id = %s", [batch, fen(yuan), noon(on), order, accounts[account]])
        elif kind == "remittance-returned":
            connection.execute("UPDATE remittance_line SET state = 'failed', reason = 'x', failed_at = %s WHERE remittance_id = %s", [noon(on), batch])


def bought(city: City, buyer: int, on: date, **more: Any) -> int:
    [answer] = run(city, [buy(city, buyer, at=noon(on), **more)], noon(on))
    return order_id(city, answer)


# ── a story, day by day ──────────────────────────────────────────────────────────────────────────────────────────────

#: An order of 168 yuan and what becomes of it.
STORY: Final = [
    # 日期          发生                               冻结    划出    撤回    已划付  退回账户  另行退付
    ("2026-03-01",  "",                               ("0",   "0",   "0",   "0",    "0",    "0")),
    ("2026-03-02",  "买",                             ("0",   "168", "0",   "0",    "0",    "0")),
    ("2026-03-03",  "premium-remitted 168",           ("0",   "168", "0",   "168",  "0",    "0")),
    ("2026-03-04",  "remittance-returned 168",        ("0",   "168", "0",   "0",    "0",    "0")),
    ("2026-03-05",  "premium-remitted 168",           ("0",   "168", "0",   "168",  "0",    "0")),
    ("2026-03-09",  "refund-account 100",             ("0",   "168", "0",   "168",  "100",  "0")),
    ("2026-03-10",  "refund-elsewhere 60",            ("0",   "168", "0",   "168",  "100",  "60")),
    ("2026-03-11",  "",                               ("0",   "168", "0",   "168",  "100",  "60")),
]


@pytest.mark.clause("LZ-19c")
def test_any_day_can_be_asked_for_again(programme: MakeProgramme) -> None:
    """The whole story is over before the first day is asked for: what came later does not show."""
    city = small_city(programme, "xizang", [Someone(1, personal="8000")])
    order, batch = 0, 0
    for on, happens, _ in STORY:
        day = date.fromisoformat(on)
        if happens == "买":
            order = bought(city, 1, day)
        elif happens:
            kind, yuan = happens.split(" ")
            batch += kind == "premium-remitted"
            move(city, kind, day, order, yuan, batch=batch if kind.startswith(("premium", "remittance")) else 0)
    for on, _, expected in STORY:
        found = read(city, date.fromisoformat(on))
        assert found.all == Amounts(*map(fen, expected)), on
        assert found.ledger.agrees(found.all), on
        assert [one.amounts for one in uses_of(city, date.fromisoformat(on))] == ([found.all] if found.all != NONE else []), on
    assert read(city, date(2026, 3, 11)).all.spent_fen == fen("8")
    assert read(city, date(2026, 3, 4)).all.clearing_fen == fen("168")


def test_a_day_ends_at_midnight_in_shanghai(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang", [Someone(1, personal="8000")])
    last = datetime(2026, 3, 2, 15, 59, 59, 999_999, tzinfo=UTC)
    [answer] = run(city, [buy(city, 1, at=last)], last)
    order = order_id(city, answer)
    with owner(city) as connection:
        connection.execute("UPDATE transfer SET at = %s WHERE order_id = %s", [last, order])
    assert read(city, date(2026, 3, 2)).all.captured_fen == fen("168")
    with owner(city) as connection:
        connection.execute("UPDATE transfer SET at = %s WHERE order_id = %s", [last + timedelta(microseconds=1), order])
    assert read(city, date(2026, 3, 2)).all.captured_fen == 0
    assert read(city, date(2026, 3, 3)).all.captured_fen == fen("168")


def test_what_is_set_aside_is_held_until_it_is_taken_or_free(programme: MakeProgramme) -> None:
    """The part that cash must follow waits; given up on the next day it is nothing."""
    city = small_city(programme, "xizang", [Someone(1, personal="8000")])
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "dear", premium="1600"))
    waiting = bought(city, 1, DAY, product="dear")
    run(city, [Release(1, waiting, "cancelled", 1)], noon(DAY + timedelta(days=1)))
    assert read(city, DAY).all == Amounts(fen("1500"), 0, 0, 0, 0, 0)
    assert [one.order for one in uses_of(city, DAY)] == [waiting]
    assert read(city, DAY + timedelta(days=1)).all == NONE
    assert uses_of(city, DAY + timedelta(days=1)) == []


# ── by what it is told ───────────────────────────────────────────────────────────────────────────────────────────────

@pytest.fixture(scope="module")
def street(owner_url: str) -> City:
    """Six orders over two months, two products of two insurers, two kinds of account."""
    people = [Someone(1, personal="8000"), Someone(2, personal="3100", savings="500"), Someone(3, personal="9000")]
    city = small_city(books.founder(owner_url), "xizang", people)
    with owner(city) as connection:
        connection.execute("UPDATE person SET area = '9902' WHERE id = 3")
        books.put_on_sale(city, connection, another(city.plan, "second", premium="300"), insurers={"second": ("乙", 1)})
        listing.record_connection_test(connection, "second", True, "连通", 1, books.FOUNDED)
    for n, (buyer, product, on) in enumerate([(1, None, DAY), (2, None, DAY), (3, "second", DAY), (1, "second", date(2026, 4, 1)),
                                              (3, None, date(2026, 4, 2))], 1):
        order = bought(city, buyer, on, product=product)
        if n in (1, 3):
            move(city, "premium-remitted", on + timedelta(days=2), order, "168" if n == 1 else "300", batch=n)
        if n == 2:
            move(city, "refund-reversed", date(2026, 4, 3), order, "168")
    return city


#: What each key says on 30 April: policies, captured, reversed, remitted.
BY: Final[dict[By, dict[str, tuple[int, str, str, str]]]] = {
    "product": {"xizang-example-2026": (3, "504", "168", "168"), "second": (2, "600", "0", "300")},
    "insurer": {"lead": (3, "504", "168", "168"), "second": (2, "600", "0", "300")},
    "account": {"personal": (5, "1104", "168", "468")},
    "month":   {"2026-03": (3, "636", "0", "468"), "2026-04": (3, "468", "168", "0")},
}


@pytest.mark.clause("LZ-19c")
@pytest.mark.parametrize("by", KEYS)
def test_totals_by_each_key(street: City, by: By) -> None:
    found = read(street, date(2026, 4, 30), by)
    said = {total.key: (total.policies, total.amounts.captured_fen, total.amounts.reversed_fen, total.amounts.remitted_fen) for total in found.totals}
    assert said == {key: (count, fen(captured), fen(reversed_), fen(remitted)) for key, (count, captured, reversed_, remitted) in BY[by].items()}
    assert found.ledger.agrees(found.all)


def test_one_product_one_area_one_buyer(street: City) -> None:
    on = date(2026, 4, 30)
    assert read(street, on, product="second").all.captured_fen == fen("600")
    assert read(street, on, product="second").ledger.captured_fen == fen("600")
    assert read(street, on, area="9902").all.captured_fen == fen("468")
    assert {one.product for one in uses_of(street, on, product="second")} == {"second"}
    assert sum(one.amounts.captured_fen for one in uses_of(street, on, area="9902")) == fen("468")
    assert sum(one.amounts.captured_fen for one in uses_of(street, on, buyer=1)) == fen("468")


def test_pages_of_any_size_are_the_same_list(street: City) -> None:
    whole = uses_of(street, date(2026, 4, 30), 100)
    assert len(whole) == 5
    for most in (1, 2, 4, 5):
        assert uses_of(street, date(2026, 4, 30), most) == whole


def test_a_file_has_every_line_and_its_control_totals(street: City) -> None:
    on = date(2026, 4, 30)
    uses = uses_of(street, on)
    text = (use.head() + use.lines(street.code, uses) + use.foot(on, len(uses), read(street, on).all)).decode()
    assert text.startswith("\ufeff")
    head, *lines, foot = csv.reader(io.StringIO(text[1:]))
    assert tuple(head) == use.COLUMNS
    assert foot[:3] == ["合计", "2026-04-30", "5 行"]
    for column in range(5, len(head)):
        assert fen(foot[column]) == sum(fen(line[column]) for line in lines), head[column]


# ── whatever happens ─────────────────────────────────────────────────────────────────────────────────────────────────

Step = tuple[str, int, int, int]
STEP: Final = st.tuples(st.sampled_from(["capture", "hold", "post", "void", "reverse", "remit", "return", "refund", "elsewhere"]),
                        st.integers(0, 5), st.integers(0, 40), st.integers(1, 10_000))


class Book:
    """Movements as a story makes them, kept beside the database as plain rows: (day, policy, measure, fen)."""

    def __init__(self, connection: psycopg.Connection[Any], accounts: dict[str, int], people: Sequence[int]) -> None:
        self.connection, self.accounts, self.people = connection, accounts, people
        self.rows: list[tuple[date, int, str, int]] = []
        self.pending: dict[int, tuple[int, int, date]] = {}
        self.clearing: defaultdict[int, int] = defaultdict(int)
        self.income: defaultdict[int, int] = defaultdict(int)
        self.batches: dict[int, tuple[int, int]] = {}
        self.number = 0

    def step(self, what: str, which: int, days: int, amount: int) -> None:
        """One movement, if there is money for it; days only go on."""
        on = max((row[0] for row in self.rows), default=DAY) + timedelta(days=days % 3)
        order = 1_000_000 + which
        own, clearing, income, cash = self.accounts[f"own{which % 2}"], self.accounts["clearing"], self.accounts["income"], self.accounts["cash"]
        if what == "capture" and not self.clearing[which] and not self.income[which]:
            self._transfer("premium-account", on, own, clearing, order, amount)
            self._moved(on, which, "captured", amount)
            self.clearing[which] += amount
        elif what == "hold" and which not in self.pending:
            self.number += 1
            self.connection.execute("INSERT INTO hold (id, at, account_id, fen, order_id, position, years) OVERRIDING SYSTEM VALUE"
                                    " VALUES (%s, %s, %s, %s, %s, %s, '{}')", [1_000_000 + self.number, noon(on), own, amount, order, 1])
            self.pending[which] = (1_000_000 + self.number, amount, on)
            self._moved(on, which, "held", amount)
        elif what in ("post", "void") and which in self.pending and self.pending[which][1] > 0:
            hold, held, _ = self.pending[which]
            self.connection.execute("INSERT INTO hold_end VALUES (%s, %s, %s)", [hold, noon(on), f"{what}ed"])
            self.pending[which] = (hold, 0, on)
            self._moved(on, which, "held", -held)
        elif what == "reverse" and self.clearing[which] > 0:
            part = min(amount, self.clearing[which])
            self._refund("refund-reversed", on, clearing, own, order, part)
            self._moved(on, which, "reversed", part)
            self.clearing[which] -= part
        elif what == "remit" and self.clearing[which] > 0:
            self._remit(on, which, order, own, clearing, income)
        elif what == "return" and which in self.batches and self.income[which] >= self.batches[which][1]:
            batch, part = self.batches.pop(which)
            self._transfer("remittance-returned", on, income, clearing, order, part, batch=batch)
            self.connection.execute("UPDATE remittance_line SET state = 'failed', reason = 'x', failed_at = %s WHERE remittance_id = %s",
                                    [noon(on), batch])
            self._moved(on, which, "remitted", -part)
            self.clearing[which], self.income[which] = self.clearing[which] + part, self.income[which] - part
        elif what in ("refund", "elsewhere") and self.income[which] > 0:
            part = min(amount, self.income[which])
            kind, to = ("refund-account", own) if what == "refund" else ("refund-elsewhere", cash)
            self._refund(kind, on, income, to, order, part)
            self._moved(on, which, "refunded" if what == "refund" else "elsewhere", part)
            self.income[which] -= part

    def _remit(self, on: date, which: int, order: int, own: int, clearing: int, income: int) -> None:
        self.number += 1
        batch, part = 1_000_000 + self.number, self.clearing[which]
        self._transfer("premium-remitted", on, clearing, income, order, part, batch=batch)
        self.connection.execute("INSERT INTO remittance_line VALUES (%s, %s, %s, 1, %s, %s, 'paid', true, NULL, %s)",
                                [batch, self.number, order, own, part, noon(on)])
        self._moved(on, which, "remitted", part)
        self.clearing[which], self.income[which] = 0, self.income[which] + part
        self.batches[which] = (batch, part)

    def _moved(self, on: date, which: int, measure: str, amount: int) -> None:
        self.rows.append((on, which, measure, amount))

    def _refund(self, kind: str, on: date, debit: int, credit: int, order: int, amount: int) -> None:
        [refund] = self.connection.execute(
            "INSERT INTO refund (request_id, at, order_id, position, source, fen, state, ended_at)"
            " VALUES (1, %(at)s, %(order)s, 1, 'personal', %(fen)s, 'done', %(at)s) RETURNING id",
            {"at": noon(on), "order": order, "fen": amount}).fetchone() or (0,)
        self._transfer(kind, on, debit, credit, order, amount, refund=refund)

    def _transfer(self, kind: str, on: date, debit: int, credit: int, order: int, amount: int, *, refund: int | None = None,
                  batch: int | None = None) -> None:
        self.connection.execute(
            "INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id, order_id, position, refund_id, remittance_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, 1, %s, %s)",
            [noon(on), kind, debit, credit, amount, self.people[order % 2], order, refund, batch])

    def as_of(self, on: date) -> dict[int, Amounts]:
        """What each policy comes to at the end of a day, by plain addition."""
        sums: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for day, which, measure, amount in self.rows:
            if day <= on:
                sums[which][measure] += amount
        names = ("held", "captured", "reversed", "remitted", "refunded", "elsewhere")
        found = {which: Amounts(*(measures[name] for name in names)) for which, measures in sums.items()}
        return {which: amounts for which, amounts in found.items() if amounts != NONE}


@pytest.fixture(scope="module")
def blank(owner_url: str) -> City:
    """Two people, six policies whose money has not moved yet."""
    city = small_city(books.founder(owner_url), "xizang", [Someone(1, personal="8000"), Someone(2, personal="8000")])
    with owner(city) as connection:
        connection.execute("INSERT INTO orders SELECT 1000000 + n, %s, 1 + n %% 2, (SELECT max(id) FROM offer), NULL, 'account', 10000, 0,"
                           " 'completed', 'none', NULL, 1 FROM generate_series(0, 5) n", [noon(DAY - timedelta(days=1))])
        connection.execute("INSERT INTO policy (order_id, position, insured_id, product, relation, premium_fen, cash_fen, share, state, facts)"
                           " SELECT 1000000 + n, 1, 1 + n %% 2, %s, 'self', 10000, 0, 1, 'void', '{}' FROM generate_series(0, 5) n", [city.plan.id])
    return city


@pytest.mark.clause("LZ-19c")
@settings(max_examples=60)
@given(steps=st.lists(STEP, max_size=25), later=st.integers(0, 30))
def test_orders_totals_and_ledger_are_one_to_the_fen(blank: City, steps: list[Step], later: int) -> None:
    """Random stories, asked for as of a random day: plain addition, each page, each key and the ledger agree."""
    with psycopg.connect(blank.url) as connection:
        connection.execute("SELECT set_config('search_path', %s, true)", [blank.schema])
        found = connection.execute("SELECT COALESCE('own' || (owner_id - 1), kind), id FROM account WHERE kind <> 'fund'"
                                   " AND (product IS NULL OR kind IN ('clearing', 'income'))").fetchall()
        book = Book(connection, dict(found), (1, 2))
        for step in steps:
            book.step(*step)
        on = DAY + timedelta(days=later)
        expected, scope = book.as_of(on), Scope(use.end_of(on))
        given_ = {"until": scope.until, "product": "", "area": "", "buyer": 0}
        page = connection.execute(use.SQL["page"], {**given_, "order": 0, "position": 0, "most": 100}).fetchall()
        lines = {row[0] - 1_000_000: Amounts(*row[6:]) for row in page if any(row[6:])}
        assert lines == expected
        whole = sum_of(expected.values())
        for by in KEYS:
            found_ = use.told(on, connection.execute(use.SQL["report"], {**given_, "by": by}).fetchall())
            assert (found_.all, found_.ledger.agrees(whole)) == (whole, True), by
        connection.rollback()


def sum_of(amounts: Any) -> Amounts:
    found = NONE
    for one in amounts:
        found = found.plus(one)
    assert len(figures(found)) == 6
    return found


@pytest.mark.clause("LZ-14", "LZ-19c")
@pytest.mark.parametrize("steps", [pytest.param(steps, id=story) for story, steps, *_ in STORIES])
def test_remitted_money_is_told_order_by_order(programme: MakeProgramme, steps: str) -> None:
    """Batches that are paid, come back in part or whole, and are listed again: orders say what the ledger has, after each step."""
    city = office.city_of(programme, 3, more=1)
    office.open_account(city)
    for step in steps.split("；"):
        what, *about = step.split(" ")
        STEPS[what](city, *about)
        found = read(city, date(2026, 12, 31))
        assert found.ledger.agrees(found.all), step
        assert sum(one.amounts.remitted_fen for one in uses_of(city, date(2026, 12, 31), 100)) == found.ledger.remitted_fen, step


def test_a_policy_booked_twice_is_seen_beside_the_ledger(blank: City) -> None:
    """A planted fault: a transfer that no policy knows. The orders do not come to what the ledger has."""
    with owner(blank) as connection:
        connection.execute("INSERT INTO transfer (at, kind, debit_id, credit_id, fen) SELECT %s, 'premium-account', a.id, c.id, 1"
                           " FROM account a, account c WHERE a.owner_id = 1 AND c.kind = 'clearing'", [noon(DAY)])
        rows = connection.execute(use.SQL["report"], {"until": use.end_of(DAY), "product": "", "area": "", "by": "product"}).fetchall()
        connection.execute("ROLLBACK AND CHAIN")
    found = use.told(DAY, rows)
    assert found.all == NONE
    assert not found.ledger.agrees(found.all)
