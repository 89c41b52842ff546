"""Clerks: lanes over a small city, any number at once, whose connections and works a test may tamper with."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self, TypeVar

import msgspec
import psycopg

from huibao.benefits import loading
from huibao.core.batcher import Waiting
from huibao.db.connect import connect_owner, connect_service
from huibao.enrolment.model import Buy, Command, InsuredWish
from huibao.enrolment.state import State
from huibao.enrolment.work import Orders
from huibao.record.lane import Lane
from huibao.record.model import Answer, Connection, Work, body_digest, key_digest
from tests.books import KEYRING, City, Someone, another, buy, rows, small_city
from tests.database import MakeProgramme

C = TypeVar("C")
T = TypeVar("T")
Connect = Callable[[], Awaitable[Connection]]
Told = Answer | Exception

PRINCIPAL: Final = "test"


def lonely(count: int, yuan: str = "5000") -> list[Someone]:
    """People who live alone, each with the money to buy for themselves."""
    return [Someone(n, personal=yuan) for n in range(1, count + 1)]


def town(programme: MakeProgramme, people: Sequence[Someone], premium: str = "100", scheme: str = "xizang") -> City:
    """A city that sells one product at one premium for everybody, in yuan, and nothing reviews it."""
    plan = another(loading.builtin(f"{scheme}-example-2026"), f"{scheme}-plain", premium=premium)
    return small_city(programme, scheme, people, plan=plan)


class Form:
    """Orders of one city's product, filled in without asking the database again."""

    def __init__(self, city: City, product: str | None = None) -> None:
        self._blank = buy(city, 1, product=product)
        self._tier = self._blank.insured[0].tier

    def __call__(self, buyer: int, *insured: int) -> Buy:
        identity = self._blank.identity
        assert identity is not None
        wishes = tuple(InsuredWish(who, self._tier) for who in insured or (buyer,))
        return replace(self._blank, buyer=buyer, insured=wishes, identity=replace(identity, person=buyer))


def waiting(city: City, key: str, command: C) -> Waiting[C, Answer]:
    """A command as it waits in the queue."""
    loop = asyncio.get_running_loop()
    body = body_digest(PRINCIPAL, "route", city.code, msgspec.json.encode(command))
    return Waiting(key_digest(PRINCIPAL, key), body, command, 0, loop.create_future())


class Clerk:
    """A lane of its own. `work` and `connect` are the service's unless given."""

    def __init__(self, city: City, work: Work[Command, State] | None = None, connect: Connect | None = None, options: str = "") -> None:
        self.city = city
        self.work = work or Orders(city.running, KEYRING)
        self.lane: Lane[Command, State] = Lane(connect or service(city, options), city.clock, {city.code: (city.schema, self.work)})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.lane.close()

    async def ask(self, *commands: tuple[str, Command]) -> list[Told]:
        """What one batch is told: keys and commands in order."""
        return list(await self.lane.run(self.city.code, [waiting(self.city, key, command) for key, command in commands]))


def service(city: City, options: str = "") -> Connect:
    """Connects as the service does; `options` are the server's, such as "-c deadlock_timeout=20ms"."""
    url = f"{city.url}{'&' if '?' in city.url else '?'}options={options.replace(' ', '%20').replace('=', '%3D')}" if options else city.url

    async def connect() -> Connection:
        connection: Connection = await connect_service(url, "huibao lane")
        return connection

    return connect


def at_once(city: City, *commands: tuple[str, Command], work: Work[Command, State] | None = None) -> list[Told]:
    """What one batch is told, by a clerk who comes for it."""
    async def story() -> list[Told]:
        async with Clerk(city, work) as clerk:
            return await clerk.ask(*commands)
    return asyncio.run(story())


def outcomes(told: Sequence[Told]) -> list[str]:
    """Each outcome, or the name of the failure."""
    return [one.outcome if isinstance(one, Answer) else type(one).__name__ for one in told]


def keys_stored(city: City, *keys: str) -> list[int]:
    """How often each key is stored."""
    found = {bytes(key.bytes): many for key, many in rows(city, "SELECT key, count(*) FROM request GROUP BY key")}
    return [found.get(key_digest(PRINCIPAL, key), 0) for key in keys]


@dataclass(frozen=True, slots=True)
class Sum:
    """What there is of everything that one purchase makes one of."""

    requests: int
    events: int
    orders: int


def counted(city: City) -> Sum:
    [row] = rows(city, "SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM event), (SELECT count(*) FROM orders)")
    return Sum(*row)


def owning(city: City) -> psycopg.Connection[Any]:
    """A connection of the owner that draws its own transactions, in the city's schema."""
    connection = connect_owner(city.url)
    connection.execute("SELECT set_config('search_path', %s, false)", [city.schema])
    return connection


async def together(*stories: Coroutine[Any, Any, T]) -> list[T]:
    return list(await asyncio.gather(*stories))
