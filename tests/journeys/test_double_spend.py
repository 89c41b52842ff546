"""Money that is there once is spent once, however many want it at the same time; and the code that would spend it twice."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from huibao.benefits import loading as plans
from huibao.core.clock import FileClock
from huibao.enrolment.model import Command, InsuredWish, Paid, Release
from huibao.members import people as people_module
from huibao.record.model import DONE, Answer
from tests.books import City, Someone, another, buy, order, order_id, owner, put_on_sale, rows, verify
from tests.database import MakeProgramme
from tests.journeys.office import Child, Office, Told, database_of_ones_own, open_office
from tests.record.clerk import Form, at_once, lonely, outcomes, town

LANES, CLIENTS, TRIES = 4, 50, 4
RELATIVES, PRODUCTS = 20, 10
ROUNDS = [5, pytest.param(1_000, marks=pytest.mark.long)]


def parents_of_many(payers: int, relatives: int, personal: str, savings: str = "") -> list[Someone]:
    """Payers, each with children registered to the account; person 1,000 × payer is the payer."""
    everyone = []
    for payer in range(1, payers + 1):
        children = [1_000 * payer + n for n in range(1, relatives + 1)]
        everyone.append(Someone(1_000 * payer, personal=personal, savings=savings, kin="；".join(f"{child} 子女 账户" for child in children)))
        everyone += [Someone(child, "2016-09-01", "居民 正常") for child in children]
    return everyone


def more_products(city: City, premium: str) -> list[str]:
    """Products beside the first, at the same premium."""
    others = [another(plans.builtin(f"{city.scheme.id}-example-2026"), f"{city.scheme.id}-plain-{n}", premium=premium) for n in range(1, PRODUCTS)]
    with owner(city) as connection:
        for plan in others:
            put_on_sale(city, connection, plan)
    return [city.plan.id, *(plan.id for plan in others)]


def bought_at_once(city: City, commands: Mapping[str, Command], lanes: int = LANES) -> dict[str, Told]:
    """Fifty clients, each with one try after the other, all of different things."""
    async def client(office: Office, number: int) -> dict[str, Told]:
        return {key: await office.ask(key, commands[key]) for key in list(commands)[number::CLIENTS]}

    async def story() -> dict[str, Told]:
        async with open_office(city, lanes) as office:
            told = await asyncio.gather(*(client(office, number) for number in range(CLIENTS)))
        return {key: one for some in told for key, one in some.items()}

    return asyncio.run(story())


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive version: it reads, decides and writes as we do, and locks nobody."""
    naive = {name: statement.replace(" FOR NO KEY UPDATE OF p", "") for name, statement in people_module.SQL.items()}
    assert naive != dict(people_module.SQL)
    monkeypatch.setattr(people_module, "SQL", naive)


# ── an account with ten premiums ─────────────────────────────────────────────────────────────────────────────────────

def account_of_ten(programme: MakeProgramme, rounds: int) -> tuple[City, list[dict[str, Command]]]:
    """Payers with ten premiums left in two accounts, and for each the orders of 50 clients × 4 at 100 yuan."""
    city = town(programme, parents_of_many(rounds, RELATIVES, "700", "400"), premium="100", scheme="liuzhou")
    forms = [Form(city, product) for product in more_products(city, "100")]
    wanted: list[dict[str, Command]] = []
    for payer in range(1, rounds + 1):
        orders = [form(1_000 * payer, 1_000 * payer + n) for form in forms for n in range(1, RELATIVES + 1)]
        Random(payer).shuffle(orders)  # noqa: S311 - a seed replays it
        wanted.append({f"{payer}-{n}": one for n, one in enumerate(orders)})
    assert all(len(some) == CLIENTS * TRIES for some in wanted)
    # Everybody's year has begun: its first row would stop the naive version too.
    assert outcomes(at_once(city, *((f"own-{payer}", forms[0](1_000 * payer)) for payer in range(1, rounds + 1)))) == [DONE] * rounds
    return city, wanted


def held(city: City, payer: int) -> list[tuple[str, int]]:
    return rows(city, "SELECT kind, held_fen FROM account WHERE owner_id = %s ORDER BY kind", 1_000 * payer)


@pytest.mark.clause("LZ-24")
@pytest.mark.parametrize("rounds", ROUNDS)
def test_an_account_with_ten_premiums_pays_ten(programme: MakeProgramme, rounds: int) -> None:
    city, wanted = account_of_ten(programme, rounds)
    for payer, commands in enumerate(wanted, 1):
        told = outcomes(list(bought_at_once(city, commands).values()))
        assert (told.count(DONE), told.count("account.insufficient")) == (10, CLIENTS * TRIES - 10)
        assert held(city, payer) == [("personal", 70000), ("savings", 40000)]
        assert verify(city) == []


@pytest.mark.usefixtures("unlocked")
def test_without_locks_the_books_bound_is_what_stops_it(programme: MakeProgramme, caplog: pytest.LogCaptureFixture) -> None:
    """The naive version comes as far as the database's own check, which calls it a bug of ours."""
    city, [commands] = account_of_ten(programme, 1)
    told = outcomes(list(bought_at_once(city, commands).values()))
    assert "23514 account_check account" in caplog.text
    assert told.count(DONE) <= 10
    assert verify(city) == []


@pytest.mark.usefixtures("unlocked")
def test_without_locks_and_bound_it_is_spent_twice(programme: MakeProgramme) -> None:
    """The naive version over-spends, and the oracle says so."""
    city, [commands] = account_of_ten(programme, 1)
    with owner(city) as connection:
        connection.execute("ALTER TABLE account DROP CONSTRAINT account_check")
    told = outcomes(list(bought_at_once(city, commands).values()))
    assert told.count(DONE) > 10
    assert any(found.startswith("c bounds: account") for found in verify(city))


# ── the yearly limit ─────────────────────────────────────────────────────────────────────────────────────────────────

#: Ten seconds before midnight in Shanghai.
EVE = datetime.fromisoformat("2025-12-31T15:59:50Z")
NEW_YEAR = EVE + timedelta(seconds=10)
FAMILY = 30


def wishes(city: City, payer: int, at: datetime = EVE) -> dict[str, Command]:
    """One order for each relative."""
    blank = buy(city, 1_000 * payer, at=at)
    [wish] = blank.insured
    return {f"{payer}-{n}": replace(blank, insured=(InsuredWish(1_000 * payer + n, wish.tier),)) for n in range(1, FAMILY + 1)}


def limit_years(city: City, payer: int) -> list[tuple[int, int, int]]:
    return rows(city, "SELECT year, spent_fen, held_fen FROM account_year WHERE person_id = %s ORDER BY year", 1_000 * payer)


def account_fen(told: Sequence[Told]) -> list[int]:
    """What accounts pay of the orders, the most first, zeros left out."""
    return sorted((fen for one in told if isinstance(one, Answer) and (fen := order(one).account_fen)), reverse=True)


@pytest.mark.clause("XZ-2")
def test_the_years_limit_holds_for_orders_at_once_over_new_year(programme: MakeProgramme) -> None:
    """1,500 yuan in each year at 400 an order: three whole ones, and one of 300 whose cash part may come after midnight."""
    city = town(programme, parents_of_many(1, FAMILY, "20000"), premium="400")
    city.clock.set(EVE, backwards=True)
    commands = wishes(city, 1)

    async def story() -> list[Told]:
        async with open_office(city, 8) as office:
            told = await asyncio.gather(*(office.ask(key, commands[key]) for key in list(commands)[:15]))
            rest = [asyncio.create_task(office.ask(key, commands[key])) for key in list(commands)[15:]]
            city.clock.set(NEW_YEAR)
            return [*told, *await asyncio.gather(*rest)]

    told = asyncio.run(story())
    assert outcomes(told) == [DONE] * FAMILY
    assert account_fen(told) == [40000] * 6 + [30000]
    assert limit_years(city, 1) == [(2025, 120000, 30000), (2026, 120000, 30000)]
    assert verify(city) == []
    # The one that waits over midnight is paid in the new year, and counts there alone.
    [waits] = [one for one in told if isinstance(one, Answer) and order(one).account_fen == 30000]
    assert outcomes(at_once(city, ("cash", Paid(1, order_id(city, waits), 10000, "ref")))) == [DONE]
    assert limit_years(city, 1) == [(2025, 120000, 0), (2026, 150000, 0)]
    assert verify(city) == []


@pytest.fixture(scope="module")
def alone(pg_url: str) -> Iterator[MakeProgramme]:
    with database_of_ones_own(pg_url, "huibao_spend") as make:
        yield make


@pytest.mark.clause("XZ-2")
def test_the_years_limit_holds_over_processes_and_new_year(alone: MakeProgramme, tmp_path: Path) -> None:
    """Two services on one database, a clock that both share and that passes midnight while they work."""
    city = town(alone, parents_of_many(3, FAMILY, "20000"), premium="500")
    clock = FileClock(tmp_path / "clock", EVE)
    commands = [pair for n in range(FAMILY) for payer in (1, 2, 3) for pair in [list(wishes(city, payer).items())[n]]]
    midnight = (18, lambda: clock.set(NEW_YEAR))
    children = [Child(city, commands[::2], at_once=6, clock=tmp_path / "clock", after=midnight),
                Child(city, commands[1::2], at_once=6, clock=tmp_path / "clock")]
    told = [pair for child in children for pair in child.answers()]
    assert [child.status for child in children] == [0, 0], [child.complaints for child in children]
    assert [one.outcome for _, one in told] == [DONE] * len(commands)
    city.clock.set(clock.now(), backwards=True)
    for payer in (1, 2, 3):
        assert limit_years(city, payer) == [(2025, 150000, 0), (2026, 150000, 0)]
    assert verify(city) == []


@pytest.mark.usefixtures("unlocked")
def test_without_locks_the_years_limit_is_broken(programme: MakeProgramme) -> None:
    """The naive version: no check of the database knows the scheme's limit, only the oracle does."""
    city = town(programme, parents_of_many(1, FAMILY, "20000"), premium="400")
    commands = wishes(city, 1, city.clock.now())
    told = at_once(city, ("1-1", commands["1-1"]))
    told += list(bought_at_once(city, {key: commands[key] for key in list(commands)[1:]}).values())
    assert sum(account_fen(told)) > 150000
    assert any(found.startswith(("i yearly limit: person 1000, 2026", "i limit years: person 1000, 2026")) for found in verify(city))


# ── capture against void ─────────────────────────────────────────────────────────────────────────────────────────────

def orders_that_wait(programme: MakeProgramme, buyers: int) -> tuple[City, dict[int, int]]:
    """An order of each buyer at 2,000 yuan: 1,500 set aside, 500 awaited in cash. Order by buyer."""
    city = town(programme, lonely(buyers), premium="2000")
    form = Form(city)
    told = at_once(city, *((f"buy-{n}", form(n)) for n in range(1, buyers + 1)))
    return city, {n: order_id(city, one) for n, one in enumerate(told, 1) if isinstance(one, Answer)}


def raced(city: City, orders: Mapping[int, int], seed: int) -> dict[str, Told]:
    """The cash comes twice under keys of its own, and the buyer gives up, all at once."""
    commands: dict[str, Command] = {}
    for buyer, number in orders.items():
        commands[f"paid-{buyer}"] = Paid(9, number, 50000, f"a{buyer}")
        commands[f"again-{buyer}"] = Paid(9, number, 50000, f"b{buyer}")
        commands[f"void-{buyer}"] = Release(1, number, "cancelled", buyer)
    keys = list(commands)
    Random(seed).shuffle(keys)  # noqa: S311 - a seed replays it

    async def story() -> dict[str, Told]:
        async with open_office(city, 8) as office:
            return await office.ask_all({key: commands[key] for key in keys})
    return asyncio.run(story())


@pytest.mark.parametrize("rounds", ROUNDS)
def test_each_order_is_captured_or_void(programme: MakeProgramme, rounds: int) -> None:
    city, orders = orders_that_wait(programme, 10 * rounds)
    for n in range(rounds):
        some = {buyer: orders[buyer] for buyer in range(10 * n + 1, 10 * n + 11)}
        told = raced(city, some, n)
        winners = [key for key, one in told.items() if isinstance(one, Answer) and one.outcome == DONE]
        assert sorted(int(key.partition("-")[2]) for key in winners) == list(some)
        assert {one for one in outcomes(list(told.values())) if one != DONE} <= {"payment.not_awaited", "order.not_waiting"}
        paid = {int(key.partition("-")[2]) for key in winners if not key.startswith("void")}
        states = dict(rows(city, "SELECT buyer_id, state FROM orders WHERE buyer_id = ANY(%s)", list(some)))
        assert states == {buyer: "completed" if buyer in paid else "void" for buyer in some}
        assert verify(city) == []


@pytest.mark.usefixtures("unlocked")
def test_without_locks_an_order_is_captured_and_void(programme: MakeProgramme, caplog: pytest.LogCaptureFixture) -> None:
    """The naive version: what ends a hold twice runs into its key, and without that key the oracle finds both ends."""
    city, orders = orders_that_wait(programme, 20)
    with owner(city) as connection:
        connection.execute("ALTER TABLE hold_end DROP CONSTRAINT hold_end_pkey")
        connection.execute("ALTER TABLE account DROP CONSTRAINT account_held_fen_check")
        connection.execute("ALTER TABLE account_year DROP CONSTRAINT account_year_held_fen_check")
    with caplog.at_level(logging.CRITICAL):
        told = raced(city, orders, 1)
    assert outcomes(list(told.values())).count(DONE) > 20
    assert verify(city) != []
