"""One process of the service: its lanes, its readers, its shelves. Any number of processes work on one database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from huibao.app import families
from huibao.app.accounts import Accounts
from huibao.app.caretaker import Caretaker
from huibao.app.claims import Claims, Outside
from huibao.app.outside import CashDesk
from huibao.app.remitting import Remitting
from huibao.app.settings import Settings
from huibao.app.sql import SQL
from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.batcher import Batcher, Bounds, Urgency
from huibao.db import arrays
from huibao.db.connect import connect_service
from huibao.gateways.accounts import HttpAccounts
from huibao.gateways.cash import CashChannel
from huibao.gateways.identity import IdentityService
from huibao.gateways.insurers import ConnectionReport, InsurerSystem, try_connection
from huibao.gateways.signing import PATIENCE_S
from huibao.record.lane import Lane
from huibao.record.model import Answer, body_digest, key_digest
from huibao.scheme import loading as schemes
from huibao.web.engine import Command

_LOG: Final = logging.getLogger("huibao.engine")
#: So many lanes serve one programme side by side, where there are as many: while one waits for its commit another decides.
SIDE_BY_SIDE: Final = 2
#: A batch's time also holds what its process reads and answers meanwhile: a bound as short as a batch alone would make batches
#: small when they should be large.
BATCH_MS: Final = 250
#: Connections for reading, per process.
READERS: Final = 4
#: Connections to the systems that keep accounts: a slow one takes none from the cash channel or the bank.
ACCOUNT_CONNECTIONS: Final = httpx.Limits(max_connections=32, max_keepalive_connections=16)


class Engine:
    """What the web layer asks of the rest."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = settings.clock
        self.keyring = settings.secrets.keyring
        self.programmes: Mapping[str, Programme] = {}
        self.batcher: Batcher[Any, Answer] = Batcher(Bounds(batch_ms=BATCH_MS))
        self._pool = AsyncConnectionPool(
            settings.database_url, min_size=1, max_size=READERS, open=False, configure=_configure, timeout=5,
            kwargs={"autocommit": True, "prepare_threshold": 2, "application_name": "huibao reader", "client_encoding": "UTF8"})
        self._client = httpx.AsyncClient()
        channel = CashChannel(self._client, f"{settings.outside_url}/cash", settings.secrets.channel_secret, self.clock)
        self.cash = CashDesk(channel)
        self.identity = IdentityService(
            self._client, f"{settings.outside_url}/identity", settings.secrets.channel_secret, self.clock)
        outside = Outside(self._client, settings.outside_url, settings.secrets.channel_secret, self.clock)
        self._account_client = httpx.AsyncClient(limits=ACCOUNT_CONNECTIONS, timeout=PATIENCE_S)
        self._caretaker = Caretaker(
            self, channel, Claims(self, outside), Remitting(self, outside.bank), Accounts(self, self.accounts), self._client,
            settings.database_url, settings.secrets.channel_secret, lambda: self.batcher.served)
        self._cares: asyncio.Task[None] | None = None
        self._lanes: list[tuple[asyncio.Task[None], Lane[Any, Any]]] = []
        self._shelves: dict[str, Shelf] = {}

    @property
    def secret(self) -> bytes:
        """What signs the tokens of identity checks."""
        return self.settings.secrets.token_secret

    @property
    def index_key(self) -> bytes:
        """What blind indexes are made with."""
        return self.settings.secrets.index_key

    def waiting(self, programme: str) -> int:
        """How many commands of a programme wait in this process."""
        return sum(self.batcher.waiting(queue) for queue in families.queues(programme))

    def accounts(self, programme: str) -> HttpAccounts:
        """The system that keeps a programme's accounts, where they are not kept here."""
        secrets = self.settings.secrets
        return HttpAccounts(self._account_client, self.settings.accounts_of(programme), secrets.of_accounts(programme), self.clock)

    async def start(self) -> None:
        """Reads the programmes and starts the lanes; each lane serves a fixed set of them."""
        await self._pool.open(wait=True)
        async with self.shared() as connection:
            rows = await (await connection.execute(SQL["programmes"])).fetchall()
        self.programmes = {code: Programme(code, name, area, schema, schemes.builtin(scheme)) for code, name, scheme, area, schema in rows}
        codes = list(self.programmes)
        groups = min(len(codes), max(1, self.settings.lanes // SIDE_BY_SIDE))
        for n in range(self.settings.lanes if codes else 0):
            self._start_lane(codes[n % groups :: groups])
        self._cares = asyncio.create_task(self._caretaker.run(), name="caretaker")
        self._cares.add_done_callback(_ended)

    async def stop(self) -> None:
        """Turns new commands away, answers what waits, closes the connections."""
        self._caretaker.stop()
        while self._cares is not None and not self._cares.done():
            self._cares.cancel()
            await asyncio.wait({self._cares}, timeout=1)
        await self.batcher.close()
        await asyncio.gather(*(task for task, _ in self._lanes), return_exceptions=True)
        for _, lane in self._lanes:
            await lane.close()
        await self._pool.close()
        await self._client.aclose()
        await self._account_client.aclose()

    async def submit(
        self, programme: str, principal: str, route: str, key: str, body: bytes, command: Command, urgency: Urgency = "interactive"
    ) -> Answer:
        """The command's answer; `body` is its canonical encoding. Raises `TurnedAway` or `CommandFailed`."""
        return await self.batcher.submit(
            families.queue(programme, command), key_digest(principal, key), body_digest(principal, route, programme, body), command,
            urgency)

    @asynccontextmanager
    async def reading(self, programme: str) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection that reads one programme as the service, in one transaction."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SQL["look"], {"schema": self.programmes[programme].schema})
            yield connection

    @asynccontextmanager
    async def writing(self, programme: str) -> AsyncIterator[AsyncConnection[Any]]:
        """As `reading`, and may write what is no effect yet: lines of a file that a command takes up when it is whole."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SQL["look_and_write"], {"schema": self.programmes[programme].schema})
            yield connection

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection to what all programmes share; each statement is its own transaction."""
        async with self._pool.connection() as connection:
            yield connection

    async def try_insurer(self, programme: str, insurer: str, credential: int) -> ConnectionReport | None:
        """Runs the connection test against an insurer's system and records it; None where it has no address or leads nothing."""
        async with self.shared() as connection:
            endpoints = dict(await (await connection.execute(SQL["connected_insurers"])).fetchall())
        led = [offer.product for offer in (await self.shelf(programme)).offers.values() if offer.lead == insurer]
        if insurer not in endpoints or not led:
            return None
        system = InsurerSystem(self._client, endpoints[insurer], insurer, self.settings.secrets.channel_secret, self.clock)
        report = await try_connection(system, programme, led[0])
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SQL["look_and_write"], {"schema": self.programmes[programme].schema})
            await connection.execute(catalogue.SQL["insert_connection_test"], {
                "insurer": insurer, "at": self.clock.now(), "passed": report.passed, "report": report.text, "credential": credential})
            await connection.execute(catalogue.SQL["raise_version"])
        return report

    async def shelf(self, programme: str) -> Shelf:
        """What the programme sells now."""
        async with self.reading(programme) as connection:
            row = await (await connection.execute(catalogue.SQL["version"])).fetchone()
            assert row is not None, "a programme's catalogue has a version from its first migration on"
            known = self._shelves.get(programme)
            if known is None or known.version != row[0]:
                known = self._shelves[programme] = await catalogue.load(connection, row[0])
            return known

    def _start_lane(self, codes: list[str]) -> None:
        works = {queue: (self.programmes[code].schema, work) for code in codes
                 for queue, work in families.works(self.programmes[code], self.keyring, self.settings.secrets.index_key).items()}
        lane: Lane[Any, Any] = Lane(lambda: connect_service(self.settings.database_url, "huibao lane"), self.clock, works)
        task = asyncio.create_task(self.batcher.serve(works, lane.run), name=f"lane {' '.join(codes)}")
        task.add_done_callback(_ended)
        self._lanes.append((task, lane))


def _ended(task: "asyncio.Task[None]") -> None:
    """A lane ends when the service does; one that ends otherwise is a bug that an operator must see. Its text may quote rows."""
    if not task.cancelled() and (bug := task.exception()) is not None:
        _LOG.critical("%s died in this process: %s", task.get_name(), type(bug).__name__)


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.execute(SQL["be_the_service"])
    arrays.register(connection)
