"""A city whose accounts the agency's own system keeps: that system in the same process, and what the service does by itself, turn by turn.

    agency = Agency(city)                    # the programme's books here, the platform's books there
    with agency.at_work() as office:
        order = office.buy(1)
        office.turn()                        # one turn of the duties; faults strike, a point may kill it
        assert office.state(order) == "completed"

Nothing sleeps and nothing is by chance: answers that never come are known at once, time is told.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeVar, cast

import httpx
import msgspec
import pytest
from psycopg import AsyncConnection

from huibao.app import account_days, families
from huibao.app import accounts as duties
from huibao.app.sql import SQL
from huibao.benefits import loading as plans
from huibao.catalogue.model import Programme
from huibao.core.batcher import Waiting
from huibao.core.money import fen
from huibao.db import arrays
from huibao.db.connect import connect_service
from huibao.enrolment import own
from huibao.enrolment.model import OrderTold, Release
from huibao.gateways.accounts import HttpAccounts
from huibao.gateways.signing import HEADER
from huibao.gateways.simulators import app as simulators
from huibao.gateways.simulators.accounts import AccountSimulator, Purse
from huibao.gateways.simulators.faults import Fault
from huibao.policies.numbers import order_number, read_number
from huibao.record import batch
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, Request, body_digest, key_digest
from huibao.refunds.model import Surrender
from huibao.web.engine import Command, Engine
from tests.books import DAY, KEYRING, City, Someone, another, buy, owner, put_on_sale, rows, small_city, verify
from tests.database import MakeProgramme
from tests.refunds.counter import refund_id, surrendered

T = TypeVar("T")

INDEX_KEY: Final = bytes(32)
SECRET: Final = b"the account platform's"
CHEAP, DEAR = "outside-cheap", "outside-dear"
PREMIUMS: Final = {CHEAP: 20_000, DEAR: 160_000}

_KEYS: Final = count(1)


class Killed(BaseException):
    """The process is gone here."""


def agency_city(programme: MakeProgramme, people: list[Someone], scheme: str = "yunlan") -> City:
    """A city whose accounts are not kept here, with a product at 200 yuan and one at 1,600, of which an account may pay 1,500 a year."""
    plan = another(plans.builtin("example-2026"), CHEAP, premium="200")
    city = small_city(programme, scheme, people, plan=plan)
    with owner(city) as connection:
        put_on_sale(city, connection, another(city.plan, DEAR, premium="1600"))
    return city


class Network(httpx.AsyncBaseTransport):
    """Carries requests to the platform without a socket; an answer that never comes is a time-out at once."""

    def __init__(self, platform: AccountSimulator) -> None:
        self._platform = platform
        self.asked: list[tuple[str, str]] = []
        #: Requests whose path has this are carried out and never answered, or never arrive.
        self.unanswered = ""
        self.lost = ""
        #: So many requests go well; before the next, this happens once.
        self.well = 0
        self.then: Callable[[], None] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body, said = await request.aread(), list[Any]()
        signature = request.headers.get(HEADER, "")
        self.asked.append((request.method, request.url.path))
        self.well -= 1
        if self.well < 0 and self.then is not None:
            self.then()
            self.then = None
        if self.lost and self.lost in request.url.path:
            raise httpx.ReadTimeout("lost", request=request)

        async def gone() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            said.append(event)

        path = request.url.raw_path.decode()
        await simulators._answer(self._platform, request.method, path, body, signature, gone, send)
        if not said or (self.unanswered and self.unanswered in request.url.path):
            raise httpx.ReadTimeout("never answered", request=request)
        start, end = said
        if end.get("more_body"):
            raise httpx.RemoteProtocolError("broke off", request=request)
        return httpx.Response(start["status"], headers=[(name.decode(), value.decode()) for name, value in start["headers"]], stream=httpx.ByteStream(end["body"]))


@dataclass
class Service:
    """What the duties ask of the engine, on one lane, each command a batch of its own."""

    city: City
    lane: Lane[Any, Any]
    connection: AsyncConnection[Any]

    @property
    def programmes(self) -> Mapping[str, Programme]:
        return {self.city.code: self.city.running}

    @property
    def clock(self) -> Any:
        return self.city.clock

    async def submit(self, programme: str, principal: str, route: str, key: str, body: bytes, command: Command, *_: Any) -> Answer:
        loop = asyncio.get_running_loop()
        item = Waiting[Any, Answer](key_digest(principal, key), body_digest(principal, route, programme, body), command, 0, loop.create_future())
        [answer] = await self.lane.run(families.queue(programme, command), [item])
        if isinstance(answer, Exception):
            raise answer
        return answer

    @asynccontextmanager
    async def reading(self, programme: str) -> AsyncIterator[AsyncConnection[Any]]:
        async with self.connection.transaction():
            await self.connection.execute(SQL["look"], {"schema": self.programmes[programme].schema})
            yield self.connection


@dataclass
class Office:
    """One process of the service at work, until it is killed; the next has the same rows."""

    city: City
    platform: AccountSimulator
    network: Network
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    at_once: int = 1
    _service: Service | None = None
    _duties: duties.Accounts | None = None

    async def _open(self) -> tuple[Service, duties.Accounts]:
        if self._service is None or self._duties is None:
            async def connect() -> AsyncConnection[Any]:
                return await connect_service(self.city.url, "huibao office")

            connection = await connect()
            await connection.set_autocommit(True)
            arrays.register(connection)
            works = {queue: (self.city.schema, work) for queue, work in families.works(self.city.running, KEYRING, INDEX_KEY).items()}
            self._service = Service(self.city, Lane(connect, self.city.clock, works), connection)
            client = httpx.AsyncClient(transport=self.network)
            port = HttpAccounts(client, "http://platform", SECRET, self.city.clock)
            self._duties = duties.Accounts(cast("Engine", self._service), lambda _: port, self.at_once)
        return self._service, self._duties

    async def close(self) -> None:
        if self._service is not None:
            await self._service.lane.close()
            await self._service.connection.close()
        self._service = self._duties = None

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(what)

    # ── the service ──────────────────────────────────────────────────────────────────────────────────────────────────

    def turn(self, times: int = 1) -> None:
        """So many turns of the duties."""
        for _ in range(times):
            self.run(self._turn())

    async def _turn(self) -> None:
        service, made = await self._open()
        await made.look_after(service.connection, self.city.running)

    def turn_to_freeze(self) -> None:
        """A turn in which the balances are answered, and nothing that comes after leaves the house."""
        self.network.lost = "/holds"
        self.turn()
        self.network.lost = ""

    def dies(self, point: str, nth: int = 1) -> bool:
        """A turn that dies the n-th time it comes to this point, if it does."""
        died = False
        with dying(point, nth):
            try:
                self.turn()
            except* Killed:
                died = True
                self.killed()
        return died

    def killed(self) -> None:
        """The process is no more: its connections are gone, and with them what it had not committed."""
        self.run(self.close())

    def submit(self, command: Command, key: str = "") -> Answer:
        return self.request(Request("member", "test", key or f"office-{next(_KEYS)}", msgspec.json.encode(command), command))

    def request(self, request: Request[Any]) -> Answer:
        async def asked() -> Answer:
            service, _ = await self._open()
            return await service.submit(self.city.code, *request)

        return self.run(asked())

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def buy(self, buyer: int, *insured: int, product: str = CHEAP) -> int:
        """An order that is taken up; its id."""
        answer = self.ask(buyer, *insured, product=product)
        assert answer.outcome == DONE, answer.body.decode()
        return read_id(self.city, told(answer))

    def ask(self, buyer: int, *insured: int, product: str = CHEAP) -> Answer:
        return self.submit(buy(self.city, buyer, *insured, at=self.city.clock.now(), product=product))

    def pay(self, order: int) -> Answer:
        """The cash part comes."""
        [(cash,)] = rows(self.city, "SELECT cash_fen FROM orders WHERE id = %s", order)
        return self.request(own.paid(order, cash, f"paid-{order}"))

    def cancel(self, order: int, buyer: int) -> Answer:
        return self.submit(Release(1, order, "cancelled", buyer))

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self, order: int) -> str:
        return order_number(self.city.code, order)

    def state(self, order: int) -> str:
        [(state,)] = rows(self.city, "SELECT state FROM orders WHERE id = %s", order)
        return str(state)

    def postings(self, order: int) -> list[tuple[Any, ...]]:
        """What was asked for an order: what, which try, how it stands, why not."""
        return rows(self.city, "SELECT kind, try, state, reason FROM account_posting WHERE order_id = %s ORDER BY id", order)

    def notices(self, person: int) -> list[str]:
        return [zh for (zh,) in rows(self.city, "SELECT zh FROM notice WHERE person_id = %s ORDER BY id", person)]

    def purse(self, person: int) -> Purse:
        return self.platform.purses[self.city.code, psn_no(self.city, person)]

    def fail(self, kind: str, times: int | None = 1, **more: Any) -> None:
        """The platform, or the way there, fails like this."""
        self.platform.faults.plan(msgspec.convert({"kind": kind, "times": times, **more}, Fault))

    def apart(self) -> list[str]:
        """Where the two sides' books differ, and who offends ours."""
        return verify(self.city) + list(differences(self.city, self.platform))


def give_back(office: Office, order: int, fen: int = PREMIUMS[CHEAP]) -> int:
    """A policy is surrendered, and what is in clearing goes back to the account in our books; its refund."""
    answer = office.submit(Surrender(7, order, 1, fen))
    assert answer.outcome == DONE, answer.body.decode()
    return refund_id(office.city, surrendered(answer).parts[0].refund)


@contextmanager
def at_work(city: City, purses: Mapping[int, tuple[str, str]], at_once: int = 1) -> Iterator[Office]:
    """The service and the platform; `purses` are yuan on the personal and the savings account by person."""
    platform = AccountSimulator(city.clock, SECRET)
    for person, (personal, savings) in purses.items():
        platform.open(city.code, psn_no(city, person), fen(personal), fen(savings))
    office = Office(city, platform, Network(platform), at_once=at_once)
    city.clock.set(DAY, backwards=True)
    try:
        yield office
    finally:
        office.run(office.close())
        office.runner.close()


@contextmanager
def dying(point: str, nth: int) -> Iterator[None]:
    """The process dies the n-th time it comes to this point."""
    left = nth

    def reached(here: str) -> None:
        nonlocal left
        left -= here == point
        if here == point and left == 0:
            raise Killed(point)

    with pytest.MonkeyPatch.context() as patch:
        for module in (duties, account_days, batch):
            patch.setattr(module, "reached", reached)
        yield


def psn_no(city: City, person: int) -> str:
    return f"{city.code}{person:08d}"


def told(answer: Answer) -> OrderTold:
    return msgspec.json.decode(answer.body, type=OrderTold)


def read_id(city: City, order: OrderTold) -> int:
    found = read_number(city.code, order.order)
    assert found is not None
    return found[0]


def differences(city: City, platform: AccountSimulator) -> Iterator[str]:
    """The platform's books beside ours: what it took, for which order and from whom; nothing may be left set aside for what has ended."""
    taken = {(order, try_): (personal, savings) for order, try_, personal, savings in rows(
        city, "SELECT order_id, try, personal_fen, savings_fen FROM account_posting WHERE kind = 'confirm' AND state = 'yes'")}
    waiting = {(order, try_) for order, try_ in rows(
        city, "SELECT p.order_id, p.try FROM account_posting p JOIN orders o ON o.id = p.order_id WHERE p.kind = 'freeze'"
              " AND o.state NOT IN ('completed', 'void')")}
    for key, kept in platform.holds.items():
        number, try_ = key.rsplit("-", 1)
        found = read_number(city.code, number)
        assert found is not None, key
        one = (found[0], int(try_))
        if kept.state == "confirmed" and taken.pop(one, None) != (kept.parts.personal_fen, kept.parts.savings_fen) and one not in waiting:
            yield f"{key} was taken there, {kept.parts}, and not here"
        if kept.state == "frozen" and one not in waiting:
            yield f"{key} is still set aside there"
    yield from (f"order {order} was taken here, {parts}, and not there" for (order, _), parts in taken.items())
    covered = rows(city, "SELECT o.id FROM orders o JOIN policy p ON p.order_id = o.id WHERE p.state = 'in-force' AND p.premium_fen > p.cash_fen"
                         " AND NOT EXISTS (SELECT FROM account_posting c WHERE c.order_id = o.id AND c.kind = 'confirm' AND c.state = 'yes')")
    yield from (f"order {order} is covered and nothing was taken" for (order,) in covered)
