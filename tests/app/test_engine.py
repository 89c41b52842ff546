"""One process of the service: it starts, answers, and leaves nothing behind when it stops."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from huibao.app import connections as connections_of
from huibao.app.caretaker import Caretaker
from huibao.app.engine import READERS, Engine
from huibao.app.rosters import RUNNERS
from huibao.app.secrets import Secrets
from huibao.app.settings import Settings
from huibao.core.batcher import TurnedAway
from huibao.db.migrate import create_programme, migrate
from huibao.enrolment.model import Command
from huibao.record.lane import Lane
from huibao.record.model import DONE, OTHER_BODY, Answer
from tests.app.street import until
from tests.books import City, buy, verify
from tests.books import small_city as found
from tests.database import MADE_AT, MakeProgramme, Programme, new_database


@pytest.fixture(scope="module")
def alone(pg_url: str) -> Iterator[MakeProgramme]:
    """A database without other tests' programmes: an engine serves all that there are."""
    with new_database(pg_url, "huibao_app") as url:
        migrate(url, MADE_AT)
        codes = iter(range(920001, 920100))

        def make(name: str = "测试", scheme: str = "test", area: str = "9900") -> Programme:
            code = str(next(codes))
            create_programme(url, code, name, scheme, area, MADE_AT)
            return Programme(url, code)

        yield make


@pytest.fixture(scope="module")
def cities(alone: MakeProgramme) -> list[City]:
    return [found(alone, scheme) for scheme in ("xizang", "liuzhou", "shenyang")]


def engine_of(cities: list[City], lanes: int = 2) -> Engine:
    secrets = Secrets({1: bytes(range(16))}, 1, bytes(32), bytes(32), bytes(32))
    return Engine(Settings(cities[0].url, secrets, cities[0].clock, lanes, ""))


async def ask(engine: Engine, city: City, key: str, command: Command) -> Answer:
    return await engine.submit(city.code, "principal", "route", key, msgspec.json.encode(command), command)


def connections(city: City) -> list[tuple[Any, ...]]:
    """The service's connections that the server knows."""
    with psycopg.connect(city.url) as connection:
        return connection.execute("SELECT application_name, state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                                  " AND backend_type = 'client backend' ORDER BY 1").fetchall()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
def test_every_programme_is_served_and_nothing_is_left(cities: list[City], lanes: int) -> None:
    async def story() -> None:
        engine = engine_of(cities, lanes)
        await engine.start()
        assert list(engine.programmes) == [city.code for city in cities]
        told = await asyncio.gather(*(ask(engine, city, f"{lanes}", buy(city, 7)) for city in cities))
        assert {one.outcome == DONE or "." in one.outcome for one in told} == {True}
        lanes_now = [name for name, _ in connections(cities[0]) if name == "huibao lane"]
        assert len(lanes_now) == min(lanes, len(cities))
        await asyncio.wait_for(engine.stop(), 20)
        with pytest.raises(TurnedAway):
            await ask(engine, cities[0], "late", buy(cities[0], 7))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    before = open_files()
    for _ in range(2):
        asyncio.run(story())
    assert open_files() == before
    while connections(cities[0]):
        pass                                    # a backend ends a moment after its client
    assert [verify(city) for city in cities] == [[], [], []]


def test_it_opens_as_many_connections_as_an_operator_is_told_to_leave_room_for(cities: list[City]) -> None:
    """All that a process opens but the runners' second ones, which wait for a roster."""
    async def opened(many: int) -> bool:
        return len(connections(cities[0])) >= many

    async def story() -> list[tuple[Any, ...]]:
        engine = engine_of(cities, 2)
        await engine.start()
        await asyncio.gather(*(ask(engine, city, f"connections-{n}", buy(city, 7)) for city in cities for n in range(8)))
        async with AsyncExitStack() as readers:
            for _ in range(READERS):
                await readers.enter_async_context(engine.shared())
            wanted = connections_of.needed(2, 1, 0) - RUNNERS
            await until(lambda: opened(wanted))
            await asyncio.sleep(0.2)                   # nor does another come
            now = connections(cities[0])
        await asyncio.wait_for(engine.stop(), 20)
        return now

    found = Counter(name for name, _ in asyncio.run(story()))
    assert found == {"huibao lane": 2, "huibao reader": READERS,
                     "huibao caretaker": connections_of.BESIDE - RUNNERS + connections_of.OF_THE_TURN}


@pytest.mark.parametrize(("workers", "room", "says"), [(4, 67, None), (4, 66, "67"), (7, 97, "106")])
def test_too_little_room_is_said(workers: int, room: int, says: str | None) -> None:
    said = connections_of.shortage(4, workers, 10, room)
    assert (said is None) == (says is None)
    if said is not None and says is not None:
        assert f"最多容纳 {room} 个连接" in said
        assert f"最多要用 {says} 个" in said
        assert f"room for {room} connections" in said
        assert f"open up to {says}: " in said


def test_the_server_says_how_much_room_it_has(cities: list[City]) -> None:
    with psycopg.connect(cities[0].url) as connection:
        [(most,)] = connection.execute("SELECT setting::int FROM pg_settings WHERE name = 'max_connections'").fetchall()
    assert connections_of.lacking(cities[0].url, 4, 1) is None
    said = connections_of.lacking(cities[0].url, most, 1)
    assert said is not None
    assert f"room for {most - 3} connections" in said


def test_one_key_is_a_principals_own_and_stands_for_one_route(cities: list[City]) -> None:
    city = cities[0]

    async def story() -> list[tuple[str, bool]]:
        engine = engine_of(cities)
        await engine.start()
        command = buy(city, 6)
        body = msgspec.json.encode(command)
        told = [await engine.submit(city.code, principal, route, "own", body, command)
                for principal, route in (("a", "r"), ("a", "r"), ("a", "s"), ("b", "r"))]
        await asyncio.wait_for(engine.stop(), 20)
        return [(one.outcome, one.replayed) for one in told]

    below = "account.balance_below_minimum"
    assert asyncio.run(story()) == [(below, False), (below, True), (OTHER_BODY, False), (below, False)]


def test_what_waits_when_it_stops_is_answered(cities: list[City]) -> None:
    city = cities[1]

    async def story() -> list[Answer]:
        engine = engine_of(cities)
        await engine.start()
        command = buy(city, 6)
        asking = [asyncio.create_task(ask(engine, city, f"stop-{n}", command)) for n in range(100)]
        await asyncio.sleep(0)
        await asyncio.wait_for(engine.stop(), 20)
        return list(await asyncio.gather(*asking))

    told = asyncio.run(story())
    assert len(told) == 100
    assert verify(city) == []


def test_it_stops_although_a_cancellation_was_lost(cities: list[City], monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio.wait_for, with which a pool waits, drops a cancellation that meets a result on Python 3.11."""
    heard: list[int] = []

    async def deaf(_: Caretaker) -> None:
        for n in range(2):
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                heard.append(n)

    async def story() -> None:
        monkeypatch.setattr(Caretaker, "run", deaf)
        engine = engine_of(cities)
        await engine.start()
        await asyncio.sleep(0)
        await asyncio.wait_for(engine.stop(), 20)

    asyncio.run(story())
    assert heard == [0, 1]


def test_reading_cannot_write(cities: list[City]) -> None:
    async def story() -> None:
        engine = engine_of(cities)
        await engine.start()
        try:
            async with engine.reading(cities[0].code) as connection:
                row = await (await connection.execute("SELECT current_schema(), current_user")).fetchone()
                assert row == (cities[0].schema, "huibao_service")
                with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                    await connection.execute("UPDATE account SET state = 'closed'")
            async with engine.shared() as connection:
                row = await (await connection.execute("SELECT current_schema()")).fetchone()
                assert row == ("public",)
        except psycopg.errors.InFailedSqlTransaction:
            pytest.fail("a reader's transaction was left broken")
        finally:
            await asyncio.wait_for(engine.stop(), 20)
    asyncio.run(story())


def test_the_shelf_is_read_again_when_it_has_changed(cities: list[City]) -> None:
    city = cities[2]

    async def story() -> None:
        engine = engine_of(cities)
        await engine.start()
        first = await engine.shelf(city.code)
        assert await engine.shelf(city.code) is first
        await asyncio.to_thread(_raise_version, city)
        assert (await engine.shelf(city.code)).version == first.version + 1
        await asyncio.wait_for(engine.stop(), 20)
    asyncio.run(story())


def _raise_version(city: City) -> None:
    with psycopg.connect(city.url) as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", [city.schema])
        connection.execute("UPDATE catalogue_version SET version = version + 1")


def test_a_lane_that_dies_is_told_to_the_operator(
    cities: list[City], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("planted")

    async def story() -> None:
        monkeypatch.setattr(Lane, "run", broken)
        engine = engine_of(cities, 1)
        await engine.start()
        with pytest.raises(TurnedAway):
            await ask(engine, cities[0], "dies", buy(cities[0], 7))
        await asyncio.wait_for(engine.stop(), 20)

    asyncio.run(story())
    [record] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.getMessage() == f"lane {' '.join(city.code for city in cities)} died in this process: RuntimeError"


def test_the_folder_of_open_files_is_there() -> None:
    """What the leak test counts is something here."""
    assert open_files() > 0
    assert Path("/proc/self/fd").is_dir()
