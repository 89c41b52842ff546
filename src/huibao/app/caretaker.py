"""What the service does by itself: asks after payments, gives up orders whose time is over, sends money back, tells insurers.

All of it is read off rows that are there already, so nothing is lost when a process dies in the middle: the next turn finds
the same rows, and every step may be done twice. One process has the turn, by a lock that dies with its session; rosters alone are run
by all, part by part. A duty that fails begins again by itself, and no other hears of it; all of the turn's end when that session does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

import httpx
import psycopg
from psycopg import AsyncConnection

from huibao.app.accounts import Accounts
from huibao.app.claims import Claims
from huibao.app.duties import Apart, Round, lost
from huibao.app.refunds import Refunds
from huibao.app.remitting import Remitting
from huibao.app.renewals import Renewals
from huibao.app.reviews import Reviews
from huibao.app.rosters import RUNNERS, Runner, clear
from huibao.app.sql import SQL
from huibao.catalogue.model import Programme
from huibao.core.points import reached
from huibao.db.connect import connect_service
from huibao.db.errors import DatabaseUnreachable
from huibao.enrolment import own
from huibao.gateways.cash import CashChannel, Payment
from huibao.gateways.insurers import InsurerSystem, relay
from huibao.policies.numbers import order_number
from huibao.record.lane import by_keys
from huibao.record.model import untold
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")

#: Advisory locks are by number; this one is 巡 in UTF-8.
_TURN: Final = int.from_bytes("巡".encode())
EVERY_S: Final = 1
#: An order is asked about once it has waited this long: the channel's own notice is usually faster.
ASK_AFTER: Final = timedelta(seconds=20)

_OUTAGES: Final = (psycopg.OperationalError, DatabaseUnreachable)


class Caretaker:
    """The duties of one process: those that come with the turn, while it has it, and its share of rosters. Payments, settlements,
    reviews, renewal, remittances and each insurer have a task of their own: none waits for another."""

    def __init__(
        self, engine: Engine, cash: CashChannel, claims: Claims, remitting: Remitting, accounts: Accounts, client: httpx.AsyncClient,
        database_url: str, secret: bytes, served: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._cash = cash
        self._claims = claims
        self._accounts = accounts
        self._reviews = Reviews(engine)
        self._refunds = Refunds(engine, cash)
        self._remitting = remitting
        self._client = client
        self._database_url = database_url
        self._secret = secret
        self._served = served
        self._renewals = Renewals(engine)
        self._stopped = asyncio.Event()
        self._round = Round(engine)
        self._endpoints: dict[str, str] = {}

    def stop(self) -> None:
        """Ends the duties with their present turn; who waits for them may cancel `run` besides."""
        self._stopped.set()

    def _goes_on(self) -> bool:
        """Whether a duty has another turn.

        A cancellation may not have arrived: on Python 3.11 a wait with a time limit, as the driver's, can swallow one. The task
        has counted it all the same; without this look, a duty would keep its group from ending, and the turn from being retaken.
        """
        duty = asyncio.current_task()
        return not (self._stopped.is_set() or (duty is not None and duty.cancelling()))

    async def _rest(self) -> None:
        """Until the next turn, or the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await self._stopped.wait()

    async def run(self) -> None:
        """Does until stopped what one process does for all, while it has the turn, and what each does its share of."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._ever_again(self._take_turn))
            both.create_task(self._ever_again(self._take_part))

    async def _ever_again(self, duties: Callable[[], Awaitable[None]]) -> None:
        """Begins duties anew after whatever ended them, until stopped."""
        while not self._stopped.is_set():
            try:
                await duties()
            except* _OUTAGES as outage:
                _LOG.warning("the caretaker lost the database: %s", type(outage.exceptions[0]).__name__)
            except* Exception as bugs:  # noqa: BLE001 - the rows are still there, and so must be who looks after them
                _LOG.error("the caretaker failed and begins again: %s", "、".join(type(bug).__name__ for bug in bugs.exceptions))
            await self._rest()

    async def _take_turn(self) -> None:
        """Takes the turn when it is free, and does the duties that come with it."""
        async with await self._connect() as turn:
            # Polled: a wait inside the database would hold its snapshot all the time, and with it VACUUM.
            while not self._stopped.is_set() and not await _has(turn):
                await self._rest()
            async with asyncio.TaskGroup() as duties:
                duties.create_task(self._keep(turn))
                for what, duty in self._duties():
                    duties.create_task(self._again(what, duty))

    def _duties(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What is looked after, each in a task of its own."""
        yield "payments", partial(self._each_with_connection, "payments", self._payments)
        yield "insurers", self._insurers
        yield "uploads", self._uploads
        for duty in (self._reviews, self._refunds, self._remitting, self._renewals):
            what = type(duty).__name__.lower()
            yield what, partial(self._each, what, duty.look_after)
        for writer in (self._claims, self._accounts):
            what = type(writer).__name__.lower()
            yield what, partial(self._each_with_connection, what, writer.look_after)

    async def _take_part(self) -> None:
        """Runs rosters beside the other processes: their parts are rows that each takes for itself, so no turn is asked for."""
        async with asyncio.TaskGroup() as runners:
            for _ in range(RUNNERS):
                runners.create_task(self._again("rosters", self._rosters))

    async def _again(self, what: str, duty: Callable[[], Awaitable[None]]) -> None:
        """One duty until the end. Whatever it fails of, its rows are still there, and so must be who looks after them."""
        while self._goes_on():
            with Apart("caretaker", what, ends=lambda _: False):
                await duty()
                return
            await self._rest()

    async def _keep(self, turn: AsyncConnection[Any]) -> None:
        """Fails when the session that holds the turn is gone."""
        while self._goes_on():
            await turn.execute(SQL["still_there"])
            await self._rest()

    async def _connect(self) -> AsyncConnection[Any]:
        return await connect_service(self._database_url, "huibao caretaker")

    # ── payments ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _payments(self, connection: AsyncConnection[Any], programme: Programme) -> None:
        """One turn. A channel that is silent is not waited for by each step again."""
        for step in (partial(self.settle_payments, programme), partial(self.ask_closed_tills, connection, programme),
                     partial(self.send_back, connection, programme)):
            with Apart(programme.code, step.func.__name__):
                await step()

    async def settle_payments(self, programme: Programme) -> None:
        """Asks the channel about orders that wait, takes what was paid, and gives up what was not paid in time."""
        at = self._engine.clock.now()
        async for order, over in self._round.each(programme, SQL["awaiting_payment"], at=at, asked_from=at - ASK_AFTER):
            with Apart(programme.code, f"order {order}"):
                await self._settle(programme, order, over)

    async def ask_closed_tills(self, connection: AsyncConnection[Any], programme: Programme) -> None:
        """Asks about orders that were given up, and perhaps paid at a till that was still open: once that is closed, and until it
        was answered, however long nobody could ask."""
        async for (order,) in self._round.each(programme, SQL["tills_closed"], at=self._engine.clock.now()):
            with Apart(programme.code, f"order {order}"):
                await self._settle(programme, order, over=False)
                async with connection.transaction():
                    await connection.execute(SQL["look_and_write"], {"schema": programme.schema})
                    await connection.execute(SQL["till_asked"], {"order": order})

    async def _settle(self, programme: Programme, order: int, over: bool) -> None:
        reached("cash.before_ask")
        state = await self._cash.ask(programme.code, order_number(programme.code, order))
        reached("cash.after_ask")
        if isinstance(state, Payment):
            await self._engine.submit(programme.code, *own.paid(order, state.fen, state.reference))
        elif over:
            await self._engine.submit(programme.code, *own.expired(order))

    async def send_back(self, connection: AsyncConnection[Any], programme: Programme) -> None:
        """Sends payments that were not taken back the way they came; each once at the channel, however often it is asked.

        One that the channel declines is tried again each time, and an alarm: `huibao verify` names it until it is solved.
        """
        async for seq, answer in self._round.each(programme, SQL["refused_payments"]):
            with Apart(programme.code, f"the payment of event {seq}"):
                await self._send_back(connection, programme, seq, untold(bytes(answer)).figures)

    async def _send_back(self, connection: AsyncConnection[Any], programme: Programme, seq: int, figures: Mapping[str, Any]) -> None:
        reached("cash.before_refund")
        if not await self._cash.refund(programme.code, str(figures["order"]), str(figures["reference"]), int(figures["fen"])):
            _LOG.error("%s: the channel declines to send the payment of event %s back", programme.code, seq)
            return
        reached("cash.after_refund")
        async with connection.transaction():
            await connection.execute(SQL["look_and_write"], {"schema": programme.schema})
            await connection.execute(SQL["insert_return"], {"seq": seq, "at": self._engine.clock.now()})

    # ── duties with a module of their own ────────────────────────────────────────────────────────────────────────────

    async def _each(self, what: str, look_after: Callable[[Programme], Awaitable[None]]) -> None:
        """One duty, programme by programme, turn after turn. What is the matter with a programme keeps no other waiting."""
        while self._goes_on():
            for programme in self._engine.programmes.values():
                with Apart(programme.code, what, ends=lost):
                    await look_after(programme)
            await self._rest()

    async def _each_with_connection(self, what: str, look_after: Callable[[AsyncConnection[Any], Programme], Awaitable[None]]) -> None:
        """As `_each`, of a duty that writes down on a connection of its own what it was told."""
        async with await self._connect() as connection:
            await self._each(what, partial(look_after, connection))

    # ── rosters ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _rosters(self) -> None:
        """One runner of rosters."""
        runner = Runner(self._engine, self._connect, self._served)
        try:
            async with await self._connect() as connection:
                wire = await by_keys(connection)
                while self._goes_on():
                    if not await runner.turn(wire):
                        await self._rest()
        finally:
            await runner.close()

    async def _uploads(self) -> None:
        """Clears away what uploads left that were cut short."""
        async with await self._connect() as connection:
            wire = await by_keys(connection)
            while self._goes_on():
                for programme in self._engine.programmes.values():
                    await clear(wire, programme, self._engine.clock.now())
                await self._rest()

    # ── insurers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _insurers(self) -> None:
        """Starts a task for each insurer that has an address, also for those that come or move later."""
        self._endpoints.clear()
        async with await self._connect() as connection, asyncio.TaskGroup() as relays:
            while self._goes_on():
                for insurer, endpoint in await (await connection.execute(SQL["connected_insurers"])).fetchall():
                    if self._endpoints.get(insurer) != endpoint:
                        self._endpoints[insurer] = endpoint
                        relays.create_task(self._insurer(insurer, endpoint))
                await self._rest()

    async def _insurer(self, insurer: str, endpoint: str) -> None:
        system = InsurerSystem(self._client, endpoint, insurer, self._secret, self._engine.clock)
        async with await self._connect() as connection:
            while self._goes_on() and self._endpoints[insurer] == endpoint:
                for programme in self._engine.programmes.values():
                    with Apart(programme.code, f"what {insurer} is told", ends=lost):
                        await relay(connection, programme, system, self._engine.clock.now())
                await self._rest()


async def _has(turn: AsyncConnection[Any]) -> bool:
    row = await (await turn.execute(SQL["take_turn"], {"turn": _TURN})).fetchone()
    return bool(row and row[0])
