"""A street: one city in a database of its own, the outside systems simulated over loopback, and engines that serve it.

    with street_of(pg_url, people) as street:
        street.live(story)                 # async def story(street: Street) -> None
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final

import httpx
import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server

from huibao.app.engine import Engine
from huibao.app.secrets import Secrets
from huibao.app.settings import Settings
from huibao.catalogue import listing
from huibao.enrolment.model import OrderTold
from huibao.gateways.simulators.app import Secrets as Shared
from huibao.gateways.simulators.app import Simulators, build
from huibao.gateways.simulators.faults import Fault
from huibao.gateways.simulators.model import Said
from huibao.record.model import DONE, Answer
from huibao.web import credentials
from huibao.web.app import build as platform
from huibao.web.credentials import Grant, Role
from tests.books import FOUNDED, City, Someone, another, buy, owner, put_on_sale, rows
from tests.journeys.office import database_of_ones_own
from tests.record.clerk import town

SECRET: Final = bytes(32)
SECRETS: Final = Secrets({1: bytes(range(16))}, 1, bytes(32), bytes(32), SECRET)
#: What the caretaker does every second it does at once here.
EVERY_S: Final = 0.02
#: Nothing here takes so long unless it never comes.
LATEST_S: Final = 20
SECOND: Final = "xizang-second"
#: Whose systems answer under `/hospital-{id}`.
HOSPITALS: Final = ("H1", "H2")

#: What people of a street buy with.
THEIR_OWN: Final = 1_000_000

_KEYS: Final = count(1)


class Platform(httpx.AsyncBaseTransport):
    """Carries the channel's notices to the engine that is there, if one is."""

    def __init__(self) -> None:
        self.app: Any = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.app is None:
            raise httpx.ConnectError("nobody is there", request=request)
        return await httpx.ASGITransport(app=self.app).handle_async_request(request)


@dataclass(slots=True)
class Street:
    """`asked` has what the cash channel was asked, in order."""

    city: City
    url: str = ""
    _outside: Simulators | None = None
    platform: Platform = field(default_factory=Platform)
    asked: list[tuple[str, str]] = field(default_factory=list)
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(trust_env=False))

    @property
    def outside(self) -> Simulators:
        assert self._outside is not None, "the street lives"
        return self._outside

    def live(self, story: "Callable[[Street], Coroutine[Any, Any, None]]") -> None:
        """Lives a story with the outside systems running."""
        async def told() -> None:
            async with asyncio.timeout(60), self._systems():
                await story(self)

        asyncio.run(told())

    @asynccontextmanager
    async def _systems(self) -> AsyncIterator[None]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._connect()
        async with httpx.AsyncClient(transport=self.platform) as notices, httpx.AsyncClient(trust_env=False) as self.client:
            shared = Shared(SECRET, SECRET, {"lead": SECRET, "second": SECRET}, dict.fromkeys(HOSPITALS, SECRET), SECRET, SECRET)
            self._outside = build(self.city.clock, shared, "http://platform/v1/{programme}/payment-notices", self.url, notices,
                                  {"lead": {self.city.plan.id}, "second": {SECOND}}, HOSPITALS)
            self._listen_in(self.outside)
            server = Server(self.outside, port=port, interface=Interfaces.ASGI, log_enabled=False)
            serving = asyncio.create_task(server.serve())
            try:
                await until(self._up)
                yield
            finally:
                server.stop()  # type: ignore[no-untyped-call]  # granian has no types here
                await serving

    def _connect(self) -> None:
        """The insurers' and the hospitals' systems have an address."""
        with owner(self.city) as connection:
            for hospital in HOSPITALS:
                connection.execute("INSERT INTO public.provider VALUES (%(id)s, '某医院', '9900', %(at)s, %(url)s) ON CONFLICT (id) DO UPDATE SET endpoint = %(url)s",
                                   {"id": hospital, "url": f"{self.url}/hospital-{hospital}", "at": FOUNDED})
            for insurer in ("lead", "second"):
                connection.execute("INSERT INTO public.insurer VALUES (%(id)s, '某公司', %(url)s, %(at)s) ON CONFLICT (id) DO UPDATE SET endpoint = %(url)s",
                                   {"id": insurer, "url": f"{self.url}/insurer-{insurer}", "at": FOUNDED})

    def _listen_in(self, outside: Simulators) -> None:
        answer = outside.cash.answer

        async def listening(method: str, path: str, body: bytes) -> Said:
            self.asked.append((method, path))
            return await answer(method, path, body)

        setattr(outside.cash, "answer", listening)  # noqa: B010 - a method in a method's place

    async def _up(self) -> bool:
        try:
            await self.client.get(self.url)
        except httpx.TransportError:
            return False
        return True

    # ── engines ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def engine(self) -> Engine:
        return Engine(Settings(self.city.url, SECRETS, self.city.clock, 1, self.url))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Engine]:
        """An engine that serves, and takes the channel's notices."""
        engine = self.engine()
        await engine.start()
        self.platform.app = platform(engine)
        try:
            yield engine
        finally:
            self.platform.app = None
            await asyncio.wait_for(engine.stop(), LATEST_S)

    async def send(self, method: str, path: str, token: str | None = None, **given: Any) -> httpx.Response:
        """The API's answer."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **given.pop("headers", {})}
        async with httpx.AsyncClient(transport=self.platform, base_url="http://platform") as client:
            return await client.request(method, f"/v1/{self.city.code}{path}", headers=headers, **given)

    async def token(self, engine: Engine, role: Role, **narrowed: Any) -> str:
        grant = Grant(role, "test", self.city.code, self.city.clock.now() + timedelta(days=365), **narrowed)
        async with engine.shared() as connection:
            return (await credentials.issue(connection, grant, self.city.clock.now()))[1]

    # ── what people do ───────────────────────────────────────────────────────────────────────────────────────────────

    async def buy(self, engine: Engine, buyer: int, **wish: Any) -> OrderTold:
        """An order as taken up."""
        answer = await self.ask(engine, buyer, **wish)
        assert answer.outcome == DONE, answer.body.decode()
        return msgspec.json.decode(answer.body, type=OrderTold)

    async def ask(self, engine: Engine, buyer: int, **wish: Any) -> Answer:
        # Under a credential that nobody else has: those of a street are of its own making, and belong to others.
        command = await asyncio.to_thread(buy, self.city, buyer, at=self.city.clock.now(), **{"credential": THEIR_OWN, **wish})
        return await engine.submit(self.city.code, f"member:{buyer}", "route", f"street-{next(_KEYS)}", msgspec.json.encode(command), command)

    async def open(self, engine: Engine, order: OrderTold) -> str:
        """Where an order is paid."""
        [(deadline,)] = self.rows("SELECT deadline FROM orders WHERE id = %s", number(order))
        return (await engine.cash.open(self.city.code, order.order, order.cash_fen, deadline)).url

    async def pay(self, url: str) -> None:
        """Pushes the till's button."""
        paid = await self.client.post(url)
        assert paid.status_code == 200, paid.text

    async def fail(self, system: str, kind: str, **more: Any) -> None:
        """A system fails in this way, for good unless it says how often."""
        fault = msgspec.convert({"kind": kind, "times": None, **more}, Fault)
        told = await self.client.post(f"{self.url}/{system}/faults", json=msgspec.to_builtins(fault))
        assert told.status_code == 204, told.text

    async def mend(self, system: str) -> None:
        """A system fails no more."""
        assert (await self.client.delete(f"{self.url}/{system}/faults")).status_code == 204

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        return rows(self.city, statement, *given)

    def state(self, order: OrderTold) -> str:
        [(state,)] = self.rows("SELECT state FROM orders WHERE id = %s", number(order))
        return str(state)

    async def becomes(self, order: OrderTold, state: str) -> None:
        async def is_it() -> bool:
            return await asyncio.to_thread(self.state, order) == state
        await until(is_it)

    def returned(self) -> list[tuple[Any, ...]]:
        """The payments that were not taken: why, and whether the record says that they went back."""
        return self.rows("SELECT e.outcome, r.seq IS NOT NULL FROM event e LEFT JOIN payment_return r ON r.seq = e.seq"
                         " WHERE e.kind = 'payment' AND e.outcome <> 'done' ORDER BY e.seq")

    def kept_fen(self) -> int:
        """What the channel took and did not send back."""
        tries = [one for tries in self.outside.cash._by_order.values() for one in tries if one.paid_at]
        return sum(one.asked.fen - (one.refunded.fen if one.refunded else 0) - one.back_fen for one in tries)

    def booked_fen(self) -> int:
        """What the books say came in cash."""
        [(fen,)] = self.rows("SELECT COALESCE(sum(fen), 0)::bigint FROM transfer WHERE kind = 'premium-cash'")
        return int(fen)

    def refunds(self) -> int:
        """How often the channel was asked to send something back."""
        return sum(method == "POST" and path.endswith("/refunds") for method, path in self.asked)


def number(order: OrderTold) -> int:
    return int(order.order.split("-")[1])


async def until(said: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what comes by itself."""
    async with asyncio.timeout(LATEST_S):
        while not await said():  # noqa: ASYNC110 - what comes knows nothing of who waits
            await asyncio.sleep(EVERY_S)


async def a_while() -> None:
    """Long enough for several turns of the caretaker."""
    await asyncio.sleep(10 * EVERY_S)


@contextmanager
def street_of(
    pg_url: str, people: Sequence[Someone], premium: str = "2000", sold: Mapping[str, str] | None = None, scheme: str = "xizang"
) -> Iterator[Street]:
    """A city in a database that has no other; `sold` has more products by their lead insurer."""
    with database_of_ones_own(pg_url, "huibao_street") as make:
        city = town(make, people, premium=premium, scheme=scheme)
        with owner(city) as connection:
            for product, lead in (sold or {}).items():
                put_on_sale(city, connection, another(city.plan, product), insurers={lead: ("乙", 1)})
                listing.record_connection_test(connection, lead, True, "连通", 1, FOUNDED)
        yield Street(city)
