"""A simulated city: one generator of random numbers, one clock, one process of the service, the world around it, and the reference.

Every command passes through `submit`, whoever sends it: it is decided by the reference too, its answer is compared and kept, and
now and then it is asked again, asked with another body, or the process dies over it.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import httpx

from huibao.app import families
from huibao.core.batcher import Waiting
from huibao.core.clock import SimulatedClock
from huibao.enrolment import own
from huibao.gateways.signing import Unreachable
from huibao.policies.numbers import read_number
from huibao.record.lane import CommandFailed
from huibao.record.model import OTHER_BODY, Answer, Request, body_digest, key_digest
from tests import books
from tests.books import City
from tests.simulation.afterwards import Afterwards
from tests.simulation.applications import Applications
from tests.simulation.care import Care
from tests.simulation.corrections import Corrections
from tests.simulation.mandates import Mandates
from tests.simulation.model import Found, Model
from tests.simulation.outside import Notices, Wires, systems
from tests.simulation.remitting import Remitting
from tests.simulation.renewals import Renewals
from tests.simulation.rosters import Entry, Rosters
from tests.simulation.service import Killed, Process, Reaper

#: Where a process dies over a command of somebody's; where it dies over its duties.
BATCH_POINTS: Final = ("batch.before_keys", "batch.before_effects", "batch.before_commit", "batch.after_commit")
#: Of a thousand commands so many are died over, asked again, asked with another body.
DIED_OVER, AGAIN, OTHER = 20, 50, 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that was answered, to be asked again later."""

    queue: str
    key: bytes
    body: bytes
    command: Any
    answer: Answer


@dataclass
class World:
    """One seed's city. `counts` has how often each kind of command had each outcome, `trace` a line for each."""

    seed: int
    city: City
    dice: Random
    reaper: Reaper
    model: Model
    care: Care
    step: int = 0
    action: str = ""
    trace: list[str] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: list[Asked] = field(default_factory=list)
    known: set[bytes] = field(default_factory=set)
    deaths: int = 0
    keys: int = 0
    numbers: int = 0
    tills: list[tuple[int, str]] = field(default_factory=list)
    sheets: dict[bytes, tuple[bytes, dict[int, Entry]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.now
        self.turn = asyncio.Lock()
        self.wires = Wires(self.dice)
        self.notices = httpx.AsyncClient(transport=Notices(self._noticed), trust_env=False)
        self.outside = systems(self.clock, self.notices)
        self.wires.systems = self.outside
        self.remitting = Remitting(self.model)
        self.afterwards = Afterwards(self.city.code, self.model, self.care, self.remitting)
        self.corrections = Corrections(self.model, self.care)
        self.rosters = Rosters(self.rows, self.model, self.afterwards)
        references = (self.model, Mandates(self.model), Applications(self.model), self.care, self.remitting, self.afterwards, self.corrections,
                      Renewals(self.model), self.rosters)
        self.meets = {command: meets for reference in references for command, meets in reference.meets().items()}
        self.begin()

    @property
    def clock(self) -> SimulatedClock:
        return self.city.clock

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def begin(self) -> None:
        """A new process of the service."""
        self.process = Process(self.city.url, self.city.running, self.clock, self.wires, self.submit)

    async def end(self) -> None:
        await self.process.end()
        await self.notices.aclose()

    def say(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self.step:4} {self.now.astimezone(UTC):%m-%d %H:%M} {self.action:16} {line}")

    def rows(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        """What a statement of the database's owner reads."""
        return books.rows(self.city, statement, *given)

    def chance(self, per_mille: int) -> bool:
        return self.dice.randrange(1000) < per_mille

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, who: str, command: Any) -> Answer:
        """A command of somebody's, under a key of its own; a process that dies over it is asked again, as a client would."""
        [answer] = await self.ask_together(who, [command])
        return answer

    async def ask_together(self, who: str, commands: Sequence[Any]) -> list[Answer]:
        """Commands of one family in one batch, in this order."""
        if self.chance(DIED_OVER):
            self.reaper.wait(self.dice.choice(BATCH_POINTS))
        requests = []
        for command in commands:
            self.keys += 1
            requests.append(Request(who, "simulated", f"{who}-{self.keys}", repr(command).encode(), command))
        try:
            return await self._submit(requests)
        except Killed:
            return [one.answer for one in self.asked[-len(requests):]]
        finally:
            self.reaper.leave()

    async def submit(self, programme: str, principal: str, route: str, key: str, body: bytes, command: Any, *more: Any) -> Answer:  # noqa: ARG002
        """What the duties send. A death over one of them ends the process, duty and all."""
        [answer] = await self._submit([Request(principal, route, key, body, command)])
        return answer

    async def _submit(self, requests: Sequence[Request[Any]]) -> list[Answer]:
        """One batch after the other: duties that submit many at once are answered in the order in which they asked."""
        async with self.turn:
            return await self._submit_now(requests)

    async def _submit_now(self, requests: Sequence[Request[Any]]) -> list[Answer]:
        died = False
        try:
            answers = await self._run(requests)
        except Killed:
            died = True
            await self.die()
            answers = await self._run(requests)
        for request, answer in zip(requests, answers, strict=True):
            await self._heard(request, answer)
        if died:
            raise Killed
        return answers

    async def die(self) -> None:
        """The process is gone; another one begins."""
        self.deaths += 1
        self.say("the process died")
        self.reaper.leave()
        await self.process.end()
        self.begin()

    async def _run(self, requests: Sequence[Request[Any]], bodies: Sequence[bytes] = ()) -> list[Answer]:
        loop = asyncio.get_running_loop()
        batch = [Waiting[Any, Answer](key_digest(one.principal, one.key), self._digest(one, body), one.command, 0, loop.create_future())
                 for one, body in zip(requests, bodies or [one.body for one in requests], strict=True)]
        answers = []
        for answer in await self.process.run(self._queue(requests[0].command), batch):
            if isinstance(answer, CommandFailed):
                raise Found(f"a command failed: {requests}")
            if isinstance(answer, Exception):
                raise Found(f"turned away by nobody's crowd: {type(answer).__name__}")
            answers.append(answer)
        return answers

    def _queue(self, command: Any) -> str:
        return families.queue(self.city.code, command)

    def _digest(self, request: Request[Any], body: bytes) -> bytes:
        return body_digest(request.principal, request.route, self.city.code, body)

    async def _heard(self, request: Request[Any], answer: Answer) -> None:
        """An answer is counted, kept, compared; what was answered before is the same again and moves nothing."""
        name, key = kind(request.command), key_digest(request.principal, request.key)
        self.say(f"{'=' if key in self.known else ' '}{answer.outcome:30} {request.command}")
        if key in self.known:
            return
        self.known.add(key)
        self.counts[name, answer.outcome] += 1
        self.asked.append(Asked(self._queue(request.command), key, self._digest(request, request.body), request.command, answer))
        meets = self.meets.get(type(request.command))
        if meets is not None:
            meets(request.command, self.now, answer)
        if self.chance(AGAIN):
            [again] = await self._run([request])
            same_again(self.asked[-1], again)
            self.counts[name, "(again)"] += 1
        if self.chance(OTHER):
            [other] = await self._run([request], [request.body + b"?"])
            if other.outcome != OTHER_BODY:
                raise Found(f"another body under a key that was used is answered {other.outcome}")
            self.counts[name, OTHER_BODY] += 1

    async def again(self, asked: Asked) -> Answer:
        """What the key of a command is told when it is asked once more."""
        loop = asyncio.get_running_loop()
        batch = [Waiting[Any, Answer](asked.key, asked.body, asked.command, 0, loop.create_future())]
        [answer] = await self.process.run(asked.queue, batch)
        if isinstance(answer, Exception):
            raise Found(f"asked again, a command failed: {asked.command}")
        return answer

    # ── the world calls ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _noticed(self, body: bytes, signature: str) -> bool:
        """A notice of the cash channel, as the service takes it."""
        notice = self.process.cash.verify_notice(body, signature)
        read = read_number(self.city.code, notice.order) if notice is not None else None
        if notice is None or read is None:
            return False
        await self.submit(self.city.code, *own.paid(read[0], notice.fen, notice.reference))
        return True

    async def duty(self, name: str) -> None:
        """One turn of a duty; where the process dies over it, another begins."""
        try:
            await getattr(self.process, name)()
        except Killed:
            if self.process.lane._wire is not None and not self.process.lane._wire.connection.closed:
                await self.die()
        except Unreachable as failure:
            self.say(f"{name} waits: {failure}")
        finally:
            self.reaper.leave()

    async def part_of_roster(self) -> bool:
        """A runner's turn, which checks or runs one part; whether there was one. The reference looks at each of its lines then."""
        process, found = self.process, True
        try:
            found = await process.part_of_roster()
        except Killed:
            if self.process is process:
                await self.die()
        finally:
            self.reaper.leave()
        self.rosters.look(self.now)
        return found


def kind(command: Any) -> str:
    """What a command is called: two families may have the same word for two things."""
    return f"{type(command).__module__.split('.')[1]}.{type(command).__name__}"


def same_again(asked: Asked, again: Answer) -> None:
    """A key's answer is the same whenever it is asked. Raises `Found`."""
    if again.outcome != asked.answer.outcome or not again.replayed:
        raise Found(f"answered {asked.answer.outcome} before and {again.outcome} again, replayed: {again.replayed}: {asked.command}")
    if again.sealed is None and again.body != asked.answer.body:
        raise Found(f"answered before and again, not the same: {asked.answer.body.decode()} {again.body.decode()}")
