"""A lane when things go wrong: locks in the wrong order, waits that are too long, connections that are lost."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from huibao.core.batcher import TurnedAway, Unanswered, Waiting
from huibao.db.connect import connect_service
from huibao.db.wire import Asked, Wire
from huibao.enrolment.model import Buy, Command
from huibao.enrolment.state import State
from huibao.enrolment.work import Orders
from huibao.record import batch, lane
from huibao.record.model import DONE, Answer, Connection
from tests.books import KEYRING, City, rows, verify
from tests.database import MakeProgramme
from tests.record.clerk import Clerk, Form, Told, at_once, counted, keys_stored, lonely, outcomes, owning, service, together, town
from tests.record.proxy import Cable, Way, through

QUICK = "-c deadlock_timeout=20ms"


# ── the order of locks ───────────────────────────────────────────────────────────────────────────────────────────────

class Watched(Orders):
    """Our own work, counting how often the database found its lanes in each other's way."""

    def __init__(self, city: City) -> None:
        super().__init__(city.running, KEYRING)
        self.deadlocks = 0

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        try:
            await self.lock(wire, commands)
            return await super().load(wire, commands, at)
        except errors.DeadlockDetected:
            self.deadlocks += 1
            raise

    async def lock(self, wire: Wire, commands: Sequence[Command]) -> None:
        """Nothing more than the work itself locks."""


class InOrderOfCommands(Watched):
    """The planted fault: people are locked as the commands name them."""

    async def lock(self, wire: Wire, commands: Sequence[Command]) -> None:
        for command in commands:
            assert isinstance(command, Buy)
            wire.ask("SELECT id FROM person WHERE id = %(id)s FOR NO KEY UPDATE", {"id": command.buyer})
            await wire.go()


def crowd(city: City, work: Watched, lanes: int, rounds: int) -> list[list[Told]]:
    """Lanes over the same few people, each batch in an order of its own; half of the keys are another lane's too."""
    form, rng = Form(city), Random(7)  # noqa: S311 - a seed replays it
    batches = [[rng.sample(range(1, 9), 5) for _ in range(rounds)] for _ in range(lanes)]

    async def one(number: int) -> list[Told]:
        told: list[Told] = []
        async with Clerk(city, work, service(city, QUICK)) as clerk:
            for round_, people in enumerate(batches[number]):
                told += await clerk.ask(*((f"{round_}-{person}-{number % 2}", form(person)) for person in people))
        return told

    async def story() -> list[list[Told]]:
        return await together(*(one(number) for number in range(lanes)))

    return asyncio.run(story())


def test_lanes_with_overlapping_people_never_deadlock(programme: MakeProgramme) -> None:
    city = town(programme, lonely(8))
    work = Watched(city)
    told = [one for told in crowd(city, work, lanes=8, rounds=12) for one in told]
    assert work.deadlocks == 0
    assert set(outcomes(told)) == {DONE, "policy.already_insured"}
    assert len(told) == 8 * 12 * 5
    assert counted(city).orders == 8
    assert verify(city) == []


def test_locks_in_the_order_of_commands_do_deadlock_and_the_batch_runs_again(programme: MakeProgramme, caplog: pytest.LogCaptureFixture) -> None:
    """What the order is for; and a deadlock, where there is one, costs time and no answer."""
    city = town(programme, lonely(8))
    work = InOrderOfCommands(city)
    told = [one for told in crowd(city, work, lanes=4, rounds=6) for one in told]
    assert work.deadlocks > 0
    assert set(outcomes(told)) <= {DONE, "policy.already_insured", "TurnedAway"}
    assert "one by one" not in caplog.text
    assert counted(city).orders == 8
    assert verify(city) == []


# ── again, and at last turned away ───────────────────────────────────────────────────────────────────────────────────

class Failing(Orders):
    """Our own work, whose first loads fail; `then` is done before each."""

    def __init__(self, city: City, *failures: Exception) -> None:
        super().__init__(city.running, KEYRING)
        self.failures = list(failures)
        self.loads = 0

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        self.loads += 1
        if self.failures:
            raise self.failures.pop(0)
        return await super().load(wire, commands, at)


@pytest.mark.parametrize(("failure", "times", "told"), [
    (errors.SerializationFailure,   1,  DONE),
    (errors.DeadlockDetected,       1,  DONE),
    (errors.LockNotAvailable,       1,  DONE),
    (errors.QueryCanceled,          4,  DONE),
    (errors.DeadlockDetected,       5,  "TurnedAway"),
])
def test_the_whole_batch_runs_again(
    programme: MakeProgramme, failure: type[psycopg.Error], times: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    city = town(programme, lonely(3))
    form, work = Form(city), Failing(city, *[failure("planted")] * times)
    said = at_once(city, *((f"k{n}", form(n)) for n in (1, 2, 3)), work=work)
    assert outcomes(said) == [told] * 3
    assert work.loads == min(times + 1, 5)
    done = 1 if told == DONE else 0
    assert keys_stored(city, "k1", "k2", "k3") == [done] * 3
    assert counted(city).orders == 3 * done
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * (1 - done)
    assert {one.retry_after for one in said if isinstance(one, TurnedAway)} <= {1}
    assert verify(city) == []


def test_a_lock_that_is_held_too_long_turns_the_batch_away(programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch) -> None:
    city = town(programme, lonely(3))
    form = Form(city)
    monkeypatch.setattr(batch, "LOCK_TIMEOUT", "30ms")
    with owning(city) as holder, holder.transaction():
        holder.execute("SELECT FROM person WHERE id = 2 FOR UPDATE")
        assert outcomes(at_once(city, ("k1", form(1)), ("k2", form(2)))) == ["TurnedAway"] * 2
        assert outcomes(at_once(city, ("k3", form(3)))) == [DONE]
    assert keys_stored(city, "k1", "k2", "k3") == [0, 0, 1]
    assert outcomes(at_once(city, ("k1", form(1)), ("k2", form(2)))) == [DONE] * 2
    assert verify(city) == []


def test_a_lock_that_is_let_go_in_time_is_had_at_another_try(programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch) -> None:
    city = town(programme, lonely(2))
    form = Form(city)
    monkeypatch.setattr(batch, "LOCK_TIMEOUT", "30ms")

    class Releasing(Failing):
        async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
            if self.loads == 2:
                holder.rollback()
            return await super().load(wire, commands, at)

    with owning(city) as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT FROM person WHERE id = 2 FOR UPDATE")
        work = Releasing(city)
        assert outcomes(at_once(city, ("k1", form(1)), ("k2", form(2)), work=work)) == [DONE] * 2
    assert work.loads == 3
    assert verify(city) == []


def test_a_statement_that_somebody_cancels_runs_again(programme: MakeProgramme, caplog: pytest.LogCaptureFixture) -> None:
    city = town(programme, lonely(2))
    form = Form(city)

    class Cancelled(Failing):
        async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
            if not self.loads:
                self.loads += 1
                wire.ask("RESET ROLE")      # the service's own may cancel nobody
                wire.ask("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")
                await wire.go()
            return await super().load(wire, commands, at)

    work = Cancelled(city)
    assert outcomes(at_once(city, ("k1", form(1)), work=work)) == [DONE]
    assert work.loads == 2
    assert caplog.text == ""
    assert verify(city) == []


def test_a_lane_that_is_stopped_in_the_middle_leaves_no_transaction_open(programme: MakeProgramme) -> None:
    city = town(programme, lonely(2))
    form = Form(city)

    async def story() -> None:
        async with Clerk(city) as clerk:
            with owning(city) as holder:
                holder.execute("BEGIN")
                holder.execute("SELECT FROM person WHERE id = 1 FOR UPDATE")
                asking = asyncio.create_task(clerk.ask(("k1", form(1))))
                while not await asyncio.to_thread(_blocked, city):
                    pass
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            assert rows(city, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%%'") == [(0,)]
            assert keys_stored(city, "k1") == [0]
            assert outcomes(await clerk.ask(("k1", form(1)))) == [DONE]
    asyncio.run(story())
    assert verify(city) == []


def test_a_lane_that_is_stopped_while_it_connects_leaves_no_connection(programme: MakeProgramme) -> None:
    """Stopped as its first statement is on its way: nobody has the connection yet who could close it."""
    city = town(programme, lonely(2))
    made: list[Connection] = []

    async def story() -> None:
        there = asyncio.Event()

        async def connect() -> Connection:
            made.append(await service(city)())
            there.set()
            return made[-1]

        async with Clerk(city, connect=connect) as clerk:
            asking = asyncio.create_task(clerk.ask(("k", Form(city)(1))))
            await there.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert [connection.closed for connection in made] == [True]

    asyncio.run(story())


def _blocked(city: City) -> bool:
    return rows(city, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'huibao lane'") == [(True,)]


# ── the connection is lost ───────────────────────────────────────────────────────────────────────────────────────────

class Ended:
    """Connects as the service does; the first connection's backend is ended by the server before its `at`th statement."""

    def __init__(self, city: City, at: int) -> None:
        self._city, self._at = city, at
        self.statements = 0
        self.connections = 0

    async def __call__(self) -> Connection:
        connection: Connection = await connect_service(self._city.url, "huibao lane")
        self.connections += 1
        if self.connections == 1:
            HURT[connection] = self
        return connection

    def comes(self) -> bool:
        """Whether the end comes before the next statement."""
        self.statements += 1
        return self.statements == self._at


HURT: dict[Connection, Ended] = {}


class HurtWire(Wire):
    """A wire on which the backend is told to end between two statements that are sent together."""

    def ask(self, sql: str, given: Mapping[str, object] | None = None) -> Asked:
        ended = HURT.get(self.connection)
        if ended and ended.comes():
            super().ask("RESET ROLE")       # the service's own may end nobody
            super().ask("SELECT pg_terminate_backend(pg_backend_pid())")
        return super().ask(sql, given)


def test_the_server_ends_the_connection_before_each_statement(
    programme: MakeProgramme, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "Wire", HurtWire)
    city = town(programme, lonely(40))
    form = Form(city)
    untouched = Ended(city, 0)

    async def one(person: int, connect: Ended) -> list[Told]:
        async with Clerk(city, connect=connect) as clerk:
            return await clerk.ask((f"k{person}", form(person)))

    async def story() -> tuple[list[Ended], list[Told]]:
        told = await one(40, untouched)
        ended = [Ended(city, n) for n in range(1, untouched.statements + 1)]
        for some in await together(*(one(n, connect) for n, connect in enumerate(ended, 1))):
            told += some
        return ended, told

    ended, told = asyncio.run(story())
    assert len(ended) == untouched.statements > 15
    assert {connect.connections for connect in ended} == {2}
    assert outcomes(told) == [DONE] * len(told)
    assert counted(city).requests == counted(city).orders == len(told)
    assert verify(city) == []
    said = {record.message for record in caplog.records if record.name == "huibao.lane"}
    assert said <= {"the database is gone: AdminShutdown", "the database is gone: OperationalError"}


#: In a batch of one so many bytes are asked and answered, of which the connection takes some; the cuts are spread over all of it.
SPREAD = 15


async def cut_everywhere(city: City, folder: Path, ask: Any = None) -> tuple[list[Cable], list[Told]]:
    """Purchases of people of their own, at once, each over a cable that is cut elsewhere; the last answers' bytes one by one."""
    form = Form(city)

    async def one(person: int, cable: Cable) -> list[Told]:
        place = folder / str(person)
        await asyncio.to_thread(place.mkdir)
        async with through(cable, place) as url:
            async def connect() -> Connection:
                connection: Connection = await connect_service(url, "huibao lane")
                return connection
            async with Clerk(city, connect=connect) as clerk:
                return await (ask or Clerk.ask)(clerk, (f"k{person}", form(person)))

    whole: dict[Way, int] = {}
    told: list[Told] = []
    for person, way in ((1, "asked"), (2, "answered")):
        uncut = Cable(city.url, way)     # type: ignore[arg-type]
        told += await one(person, uncut)
        whole[uncut.way] = uncut.passed
    cuts = [(way, whole[way] * n // SPREAD) for way in whole for n in range(SPREAD)] + [("answered", whole["answered"] - n) for n in range(1, 13)]
    cables = [Cable(city.url, way, after) for way, after in cuts]
    for some in await together(*(one(person, cable) for person, cable in enumerate(cables, 3))):
        told += some
    return cables, told


def people_of_cuts() -> int:
    return 2 + 2 * SPREAD + 12


def test_the_wire_is_cut_anywhere(programme: MakeProgramme, tmp_path: Path) -> None:
    """Before the commit, in it, between it and its answer: exactly one effect, and the answer is the one that was decided."""
    city = town(programme, lonely(people_of_cuts()))
    cables, told = asyncio.run(cut_everywhere(city, tmp_path))
    assert outcomes(told) == [DONE] * people_of_cuts()
    assert all(cable.connections >= 2 for cable in cables)
    unheard = sum(one.replayed for one in told if isinstance(one, Answer))
    assert unheard >= 5, "the cuts in the answer to the commit must be among those tried"
    assert counted(city).requests == counted(city).orders == people_of_cuts()
    assert verify(city) == []


def test_without_the_key_an_unheard_commit_would_be_answered_wrongly(programme: MakeProgramme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: each try of a batch takes a new key, as if the client had asked for something new."""
    city = town(programme, lonely(people_of_cuts()))

    async def forgetful(wire: Wire, schema: str, work: Any, items: Sequence[Waiting[Any, Answer]], at: datetime) -> list[Answer]:
        anew = [Waiting(uuid4().bytes, item.body, item.command, item.deadline_ms, item.answer) for item in items]
        return await batch.run(wire, schema, work, anew, at)

    monkeypatch.setattr(lane, "run", forgetful)
    _, told = asyncio.run(cut_everywhere(city, tmp_path))
    assert outcomes(told).count("policy.already_insured") >= 5


def test_a_database_that_stays_away_turns_the_batch_away(programme: MakeProgramme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    city = town(programme, lonely(1))
    form = Form(city)
    monkeypatch.setattr(lane, "PATIENCE_S", 0)

    async def nowhere() -> Connection:
        connection: Connection = await connect_service(city.url.replace(urlsplit(city.url).query, f"host={tmp_path}&port=5432"))
        return connection

    async def story() -> list[Told]:
        async with Clerk(city, connect=nowhere) as clerk:
            return await clerk.ask(("k1", form(1)))
    [told] = asyncio.run(story())
    assert isinstance(told, Unanswered)
    assert told.retry_after == 5
    assert keys_stored(city, "k1") == [0]
