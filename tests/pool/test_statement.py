"""The pool's statement on the database: members' parts add up to what was sold; the shares at inception govern."""

import asyncio
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from huibao.catalogue.shelf import SQL as CATALOGUE
from huibao.core.time import moment
from huibao.db.connect import connect_service
from huibao.enrolment.model import Paid, Release
from huibao.pool.streams import STREAMS, MemberPart, open_pool, statement
from tests import books
from tests.books import DAY, INSURERS, City, Someone, another, buy, order, order_id, owner, rows, run
from tests.database import MakeProgramme

pytestmark = pytest.mark.clause("XJ-2.3")


def stated(city: City, product: str | None = None) -> list[MemberPart]:
    """The statement as the service reads it."""
    async def ask() -> list[MemberPart]:
        async with await connect_service(city.url) as connection:
            await connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(city.schema)))
            return await statement(connection, product or city.plan.id)

    return asyncio.run(ask())


def premiums(city: City, version: int = 1) -> dict[str, int]:
    return {part.insurer: part.fen for part in stated(city) if part.stream == "premium" and part.version == version}


def test_a_new_pool_has_nothing_in_every_stream(programme: MakeProgramme) -> None:
    city = books.small_city(programme, "jilin")
    assert [(part.stream, part.insurer, part.weight, part.fen, part.since) for part in stated(city)] == [
        (stream, insurer, weight, 0, date(2026, 1, 1)) for stream in sorted(STREAMS) for insurer, (_, weight) in INSURERS.items()]


def test_premiums_are_shared_on_the_cumulative_total(programme: MakeProgramme) -> None:
    city = books.small_city(programme, "xizang", [Someone(id, personal="3000") for id in range(1, 4)], plan=None)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "odd", premium="99.01"))
    for n, parts in enumerate([(3_961, 3_465, 2_475), (7_921, 6_931, 4_950), (11_881, 10_396, 7_426)], 1):
        run(city, [buy(city, n, product="odd")])
        assert tuple(part.fen for part in stated(city, "odd") if part.stream == "premium") == parts
    assert premiums(city) == dict.fromkeys(INSURERS, 0), "another product's pool is another"
    assert rows(city, "SELECT total_fen, fen FROM pool_entry ORDER BY total_fen") == [(9_901, 9_901), (19_802, 9_901), (29_703, 9_901)]


def test_only_what_was_captured_is_in_the_pool(programme: MakeProgramme) -> None:
    city = books.small_city(programme, "jilin")
    waits, given_up = run(city, [buy(city, 6, pay_with="cash"), buy(city, 7, pay_with="cash")])
    run(city, [Release(1, order_id(city, given_up), "cancelled", 7)])
    assert sum(premiums(city).values()) == 0
    run(city, [Paid(2, order_id(city, waits), 15_800, "ref")])
    assert premiums(city) == {"lead": 6_320, "second": 5_530, "third": 3_950}


@pytest.mark.parametrize("ordered, paid, version", [
    # 下单                   支付                     保障首日是 3 月 4 日的，按新份额
    ("2026-03-02 10:00",     "2026-03-02 10:05",      1),
    ("2026-03-02 23:45",     "2026-03-02 23:59:59",   1),
    ("2026-03-02 23:45",     "2026-03-03 00:00",      2),
    ("2026-03-03 00:00",     "2026-03-03 00:05",      2),
])
def test_the_shares_of_the_first_day_of_cover_govern(programme: MakeProgramme, ordered: str, paid: str, version: int) -> None:
    """New shares from 4 March, agreed while an order waits: what is captured on 2 March is covered from the 3rd, under the old ones."""
    city = books.small_city(programme, "jilin")
    [waits] = run(city, [buy(city, 6, at=moment(ordered), pay_with="cash")], moment(ordered))
    with owner(city) as connection:
        open_pool(connection, city.plan.id, 2, {"second": 1, "third": 1}, date(2026, 3, 4))
        connection.execute(CATALOGUE["raise_version"])
    assert order(run(city, [Paid(2, order_id(city, waits), 15_800, "ref")], moment(paid))[0]).state == "completed"
    assert rows(city, "SELECT share FROM policy") == [(version,)]
    old, new = {"lead": 6_320, "second": 5_530, "third": 3_950}, {"second": 7_900, "third": 7_900}
    assert premiums(city, 1) == (old if version == 1 else dict.fromkeys(old, 0))
    assert premiums(city, 2) == (new if version == 2 else dict.fromkeys(new, 0))
    assert books.verify(city) == []


def test_what_completes_at_once_is_under_the_shares_of_its_first_day_too(programme: MakeProgramme) -> None:
    city = books.small_city(programme, "xizang")
    with owner(city) as connection:
        open_pool(connection, city.plan.id, 2, {"lead": 1, "second": 1}, date(2026, 3, 3))
        open_pool(connection, city.plan.id, 3, {"third": 1}, date(2026, 7, 1))
        connection.execute(CATALOGUE["raise_version"])
    before = DAY - timedelta(days=1)
    run(city, [buy(city, 1, at=before)], before)
    run(city, [buy(city, 5)])
    assert rows(city, "SELECT insured_id, share FROM policy ORDER BY 1") == [(1, 1), (5, 2)]
    assert books.verify(city) == []


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(batches=st.lists(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(("a", "b"))), min_size=1, max_size=5), min_size=1, max_size=5),
       fen=st.tuples(st.integers(1, 30_000), st.integers(1, 30_000)))
def test_the_statement_adds_up_after_any_batches(owner_url: str, batches: list[list[tuple[int, str]]], fen: tuple[int, int]) -> None:
    city = books.small_city(books.founder(owner_url), "xizang", [Someone(id, personal="5000") for id in range(1, 13)])
    premium = dict(zip("ab", fen, strict=True))
    with owner(city) as connection:
        for id, amount in premium.items():
            books.put_on_sale(city, connection, another(city.plan, id, premium=f"{amount // 100}.{amount % 100:02d}"))
    with books.Desk(city) as desk:
        for batch in batches:
            desk.run([buy(city, who, product=product) for who, product in batch])
    for id, amount in premium.items():
        sold = len({who for batch in batches for who, product in batch if product == id})
        parts = [part for part in stated(city, id) if part.stream == "premium"]
        assert sum(part.fen for part in parts) == sold * amount
        assert all(abs(part.fen * 100 - sold * amount * part.weight) < 100 for part in parts)
    assert books.verify(city) == []
