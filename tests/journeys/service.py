"""A child of the journeys: a process that runs the engine over what it is given on standard input, and tells each answer.

    python -m tests.journeys.service URL PROGRAMME AT_ONCE CLOCK

CLOCK is an instant, or a file that processes share. `PLANTED` in the environment names a fault to be caught.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from huibao.app import families
from huibao.app.engine import Engine
from huibao.app.secrets import Secrets
from huibao.app.settings import Settings
from huibao.core.batcher import TurnedAway
from huibao.core.clock import Clock, FileClock, SimulatedClock
from huibao.db.wire import Wire
from huibao.enrolment.model import Command
from huibao.enrolment.state import State
from huibao.enrolment.work import Orders
from huibao.record.batch import LOCK_TIMEOUT, SQL
from huibao.record.lane import CommandFailed
from tests.journeys.office import decode
from tests.record.clerk import PRINCIPAL


class KeysApart(Orders):
    """A planted fault: the keys are committed before the effects are decided."""

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        self._commit(wire)
        return await super().load(wire, commands, at)

    def _commit(self, wire: Wire) -> None:
        wire.ask(SQL["commit"])
        wire.ask(SQL["begin"])
        wire.ask(SQL["enter"], {"schema": self.programme.schema, "lock_timeout": LOCK_TIMEOUT})


class RecordApart(KeysApart):
    """A planted fault: the effects are committed before the record of them."""

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        return await Orders.load(self, wire, commands, at)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        super().write(wire, state, at)
        self._commit(wire)


PLANTED = {"": Orders, "keys-apart": KeysApart, "record-apart": RecordApart}


async def serve(url: str, programme: str, at_once: int, clock: Clock) -> None:
    setattr(families, "Orders", PLANTED[os.environ.get("PLANTED", "")])  # noqa: B010 - the fault is planted from outside
    secrets = Secrets({1: bytes(range(16))}, 1, bytes(32), bytes(32), bytes(32))
    engine = Engine(Settings(url, secrets, clock, 4, ""))
    await engine.start()
    given = [json.loads(line) for line in await asyncio.to_thread(sys.stdin.readlines)]

    async def ask(key: str, command: Command) -> None:
        body = msgspec.json.encode(command)
        while True:
            try:
                answer = await engine.submit(programme, PRINCIPAL, "route", key, body, command)
                told = {"key": key, "outcome": answer.outcome, "body": answer.body.hex(), "replayed": answer.replayed}
            except TurnedAway:
                await asyncio.sleep(0.01)
                continue
            except CommandFailed:
                told = {"key": key, "outcome": "CommandFailed", "body": "", "replayed": False}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
            return

    for start in range(0, len(given), at_once):
        await asyncio.gather(*(ask(one["key"], decode(one["command"])) for one in given[start : start + at_once]))
    await asyncio.wait_for(engine.stop(), 20)


def main() -> None:
    url, programme, at_once, when = sys.argv[1:]
    path = Path(when)
    clock: Clock = FileClock(path) if path.exists() else SimulatedClock(datetime.fromisoformat(when))
    asyncio.run(serve(url, programme, int(at_once), clock))


if __name__ == "__main__":
    main()
