"""A process of the service inside the simulation: its lane, its readers, its duties; killed where it is told to, and begun anew.

Nothing here runs by itself: what a process does, a step of the simulation asks for. So a seed decides everything.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import httpx
from psycopg import AsyncConnection

from huibao.app import families
from huibao.app.engine import Engine
from huibao.app.rosters import Runner
from huibao.app.settings import Settings
from huibao.app.sql import SQL
from huibao.catalogue.model import Programme
from huibao.core import points
from huibao.core.batcher import Waiting
from huibao.core.clock import Clock
from huibao.db import arrays
from huibao.db.connect import connect_service
from huibao.db.wire import Wire
from huibao.gateways.insurers import InsurerRefused, InsurerSystem, InsurerUnreachable, relay
from huibao.record.lane import Lane, by_keys
from huibao.record.model import Answer
from tests.app.street import SECRET, SECRETS

#: Where the outside systems answer. No byte leaves the process.
OUTSIDE: Final = "http://outside"
INSURERS: Final = ("lead", "second")

_LOG: Final = logging.getLogger("huibao.caretaker")


class Killed(BaseException):
    """The process died here. No handler of the product catches it, as none catches kill -9."""


class Reaper:
    """Kills the process at a named point. It stands where `HUIBAO_DIE_AT` would, for the one process that lives at a time."""

    def __enter__(self) -> Self:
        self._kept = (points._NAME, points._left, points._count)
        setattr(points, "_count", self._reached)  # noqa: B010 - a function in a function's place
        return self

    def __exit__(self, *exc: object) -> None:
        for name, value in zip(("_NAME", "_left", "_count"), self._kept, strict=True):
            setattr(points, name, value)

    def wait(self, point: str, times: int = 1) -> None:
        """The process dies the `times`-th time that it gets to this point."""
        setattr(points, "_NAME", point)  # noqa: B010
        setattr(points, "_left", times)  # noqa: B010

    def leave(self) -> None:
        """Nobody dies any more."""
        setattr(points, "_NAME", "")  # noqa: B010

    def _reached(self) -> None:
        setattr(points, "_left", points._left - 1)  # noqa: B010
        if points._left == 0:
            self.leave()
            raise Killed


Submit = Callable[..., Awaitable[Answer]]


class Process:
    """One process of the service: its engine, whose wires lead to the simulated systems, and whose commands go to `submit`."""

    def __init__(self, url: str, programme: Programme, clock: Clock, wires: httpx.AsyncBaseTransport, submit: Submit) -> None:
        self.url = url
        self.programme = programme
        self.engine = Engine(Settings(url, SECRETS, clock, 1, OUTSIDE))
        self.engine.programmes = {programme.code: programme}
        for client in (self.engine._client, self.engine._account_client):
            setattr(client, "_transport", wires)  # noqa: B010 - the engine makes its clients itself
            setattr(client, "_mounts", {})  # noqa: B010
        for name, method in (("submit", submit), ("reading", self.reading)):
            setattr(self.engine, name, method)  # a method in a method's place
        self.caretaker = self.engine._caretaker
        self.cash = self.caretaker._cash
        self._reader: AsyncConnection[Any] | None = None
        self._hand: AsyncConnection[Any] | None = None
        self._wire: Wire | None = None
        self._runner = Runner(self.engine, self.connect, lambda: 0)
        works = families.works(programme, SECRETS.keyring, SECRETS.index_key)
        self.lane: Lane[Any, Any] = Lane(self.connect, clock, {queue: (programme.schema, work) for queue, work in works.items()})

    async def connect(self) -> AsyncConnection[Any]:
        """A connection of the service. What is committed is not flushed: here no machine loses its power."""
        return await connect_service(f"{self.url}{'&' if '?' in self.url else '?'}options=-c%20synchronous_commit%3Doff", "huibao lane")

    async def run(self, queue: str, batch: Sequence[Waiting[Any, Answer]]) -> Sequence[Answer | Exception]:
        """One batch, on the lane."""
        return await self.lane.run(queue, batch)

    async def end(self) -> None:
        """The process is gone: its connections break off, the database undoes what they had not committed."""
        wires = (self.lane._wire, self._runner._lane._wire, self._wire)
        for connection in (*(wire.connection for wire in wires if wire), self._reader, self._hand):
            if connection is not None:
                await connection.close()

    @asynccontextmanager
    async def reading(self, programme: str) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection that reads the programme, in one transaction."""
        if self._reader is None:
            self._reader = await self.connect()
            arrays.register(self._reader)
        async with self._reader.transaction():
            await self._reader.execute(SQL["look"], {"schema": self.engine.programmes[programme].schema})
            yield self._reader

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection that takes a file in, in one transaction."""
        connection = await self._working()
        async with connection.transaction():
            await connection.execute("SELECT set_config('search_path', %s, true)", [self.programme.schema])
            yield connection

    # ── duties ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def payments(self) -> None:
        """Asks after payments, gives up what is over, sends back what was not taken."""
        await self.caretaker.settle_payments(self.programme)
        await self.caretaker.ask_closed_tills(await self._working(), self.programme)
        await self.caretaker.send_back(await self._working(), self.programme)

    async def settlements(self) -> None:
        """Asks hospitals, puts right, pays out, collects, tells people."""
        await self.caretaker._claims.look_after(await self._working(), self.programme)

    async def reviews(self) -> None:
        """Makes a case of reviews that are late, gives up those whose time is over."""
        await self.caretaker._reviews.look_after(self.programme)

    async def renewals(self) -> None:
        """Asks whose policies end whether they want the next year's."""
        await self.caretaker._renewals.look_after(self.programme)

    async def refunds(self) -> None:
        """Finishes what a batch was answered for, sends cash back."""
        await self.caretaker._refunds.look_after(self.programme)

    async def remittances(self) -> None:
        """Makes the schedule's batches, tells the bank and asks it."""
        await self.caretaker._remitting.look_after(self.programme)

    async def part_of_roster(self) -> bool:
        """Checks or runs one part of a roster; whether there was one."""
        if self._wire is None:
            self._wire = await by_keys(await self.connect())
        return await self._runner.turn(self._wire)

    async def insurers(self) -> None:
        """Tells insurers what concerns them."""
        for insurer in INSURERS:
            system = InsurerSystem(self.engine._client, f"{OUTSIDE}/insurer-{insurer}", insurer, SECRET, self.engine.clock)
            try:
                await relay(await self._working(), self.programme, system, self.engine.clock.now())
            except (InsurerUnreachable, InsurerRefused) as failure:
                _LOG.warning("%s is not told, %s", insurer, type(failure).__name__)

    async def _working(self) -> AsyncConnection[Any]:
        if self._hand is None:
            self._hand = await self.connect()
            arrays.register(self._hand)
        return self._hand
