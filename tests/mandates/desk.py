"""Where mandates are given and revoked: commands of one batch on a lane of its own."""

import asyncio
from datetime import date, datetime
from itertools import count
from typing import Any, Final

import msgspec

from huibao.core.batcher import Waiting
from huibao.core.chain import sm3
from huibao.db.connect import connect_service
from huibao.mandates.model import Act, Authorise, Command, MandateTold, Revoke
from huibao.mandates.work import Mandates
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, Connection, body_digest, key_digest
from tests.books import DAY, City

DIGEST: Final = sm3("授权书".encode()).hex()
#: A clerk who takes mandates at a counter.
CLERK: Final = 81
_KEYS: Final = count(1)


def mandate(principal: int, agent: int, *may: Act, since: str = "2026-03-02", until: str = "2026-12-31") -> Authorise:
    """A mandate to order and pay unless less is named, signed on paper."""
    return Authorise(CLERK, principal, agent, may or ("order", "pay"), date.fromisoformat(since), date.fromisoformat(until), "signed-form", DIGEST)


def run(city: City, *commands: Command, at: datetime = DAY, keys: tuple[str, ...] = ()) -> list[Answer]:
    """The answers of one batch."""
    async def batch() -> list[Any]:
        loop = asyncio.get_running_loop()
        lane: Lane[Command, Any] = Lane(connect, city.clock, {city.code: (city.schema, Mandates(city.running))})
        waiting = [Waiting[Any, Answer](key_digest("mandates", key), body_digest("mandates", "route", city.code, msgspec.json.encode(command)),
                                        command, 0, loop.create_future())
                   for key, command in zip(keys or [f"key-{next(_KEYS)}" for _ in commands], commands, strict=True)]
        try:
            return list(await lane.run(city.code, waiting))
        finally:
            await lane.close()

    async def connect() -> Connection:
        connection: Connection = await connect_service(city.url)
        return connection

    city.clock.set(at, backwards=True)
    answers = asyncio.run(batch())
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def given(answer: Answer) -> MandateTold:
    """A mandate as its parties read it."""
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=MandateTold)


def revoke(mandate: int, person: int | None = None) -> Revoke:
    return Revoke(CLERK, mandate, person)
