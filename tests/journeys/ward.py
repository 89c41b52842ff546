"""A child of the journeys that serves desks: the whole API of one process over one city, asked what stands on its standard input.

    python -m tests.journeys.ward URL AT

Each line names a path, a token, a key and a body; each answer is a line with the key, the status and the body. `PLANTED` in
the environment names a fault to be caught.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import httpx

from huibao.app import caretaker, families
from huibao.app.engine import Engine
from huibao.app.settings import Settings
from huibao.core.clock import SimulatedClock
from huibao.db.wire import Wire
from huibao.record.batch import LOCK_TIMEOUT, SQL
from huibao.settlement.model import Command
from huibao.settlement.state import State
from huibao.settlement.work import Desk
from huibao.web.app import build
from tests.app.street import SECRETS

AT_ONCE: Final = 4
class KeysApart(Desk):
    """A planted fault: the keys are committed before the effects are decided."""

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        wire.ask(SQL["commit"])
        wire.ask(SQL["begin"])
        wire.ask(SQL["enter"], {"schema": self.programme.schema, "lock_timeout": LOCK_TIMEOUT})
        return await super().load(wire, commands, at)


PLANTED: Final = {"": Desk, "keys-apart": KeysApart}
#: Turned away, or nobody knows: to be asked again with the same key.
AGAIN: Final = (429, 503)


async def ask(client: httpx.AsyncClient, one: dict[str, Any]) -> httpx.Response:
    """The answer; who is turned away comes again."""
    headers = {"Authorization": f"Bearer {one['token']}", "Idempotency-Key": one["key"]}
    while True:
        answer = await client.post(one["path"], json=one["body"], headers=headers)
        if answer.status_code not in AGAIN:
            return answer
        await asyncio.sleep(0.01)


async def serve(url: str, at: datetime, given: Sequence[dict[str, Any]], told: Callable[[str, int, str], None]) -> None:
    """Asks everything, so many at once, of a service of its own, and passes each answer on as it comes."""
    engine = Engine(Settings(url, SECRETS, SimulatedClock(at), 4, ""))
    await engine.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=build(engine)), base_url="http://ward") as client:
        async def tell(one: dict[str, Any]) -> None:
            answer = await ask(client, one)
            told(one["key"], answer.status_code, answer.text)

        for start in range(0, len(given), AT_ONCE):
            await asyncio.gather(*(tell(one) for one in given[start : start + AT_ONCE]))
    await asyncio.wait_for(engine.stop(), 20)


def say(key: str, status: int, body: str) -> None:
    sys.stdout.write(json.dumps({"key": key, "status": status, "body": body}) + "\n")
    sys.stdout.flush()


def main() -> None:
    url, at = sys.argv[1:]
    setattr(families, "Desk", PLANTED[os.environ.get("PLANTED", "")])  # noqa: B010 - the fault is planted from outside
    setattr(caretaker, "EVERY_S", 3_600)  # noqa: B010 - what a desk asks for is what is tried here
    asyncio.run(serve(url, datetime.fromisoformat(at), [json.loads(line) for line in sys.stdin], say))


if __name__ == "__main__":
    main()
