"""Desks of payables: lanes that carry out the commands of one city's payables, any number at the same moment."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import count
from typing import Any, Final

import msgspec

from huibao.core.batcher import Waiting
from huibao.payables.model import Answer, Call, CallTold, Command, Propose, StatementTold
from huibao.payables.state import State
from huibao.payables.work import Payables
from huibao.record.lane import Lane
from huibao.record.model import DONE, body_digest, key_digest, untold
from huibao.record.model import Answer as Told
from tests.books import City, rows
from tests.record.clerk import service
from tests.settlement.ward import BILLED

#: Every movement of the day on which bills are settled is before the end of this one.
UPTO: Final = date(2026, 4, 30)

_KEYS: Final = count(1)


def propose(city: City, hospital: str = "H1", upto: date = UPTO, insurer: str | None = "lead") -> Propose:
    return Propose(7, insurer, hospital, city.plan.id, upto)


def at_once(city: City, batches: Sequence[Sequence[Command]]) -> list[list[Told]]:
    """Each batch at a lane of its own, all at the same moment; their answers."""
    city.clock.set(BILLED, backwards=True)

    async def one(commands: Sequence[Command]) -> list[Told]:
        lane: Lane[Command, State] = Lane(service(city), city.clock, {city.code: (city.schema, Payables(city.running))})
        loop = asyncio.get_running_loop()
        waiting = [Waiting[Command, Told](key_digest("desk", f"{next(_KEYS)}"), body_digest("desk", "route", city.code, repr(command).encode()),
                                          command, 0, loop.create_future()) for command in commands]
        try:
            answers = await lane.run(city.code, waiting)
        finally:
            await lane.close()
        return [_heard(answer) for answer in answers]

    async def story() -> list[list[Told]]:
        return list(await asyncio.gather(*(one(batch) for batch in batches)))

    return asyncio.run(story())


def _heard(answer: Told | Exception) -> Told:
    if isinstance(answer, Exception):
        raise answer
    return answer


def run(city: City, *commands: Command) -> list[Told]:
    """One batch."""
    [answers] = at_once(city, [commands])
    return answers


def code(answer: Told) -> str:
    """Why nothing was done; `done` where it was."""
    return answer.outcome if answer.outcome == DONE else untold(answer.body).code


def statement(answer: Told) -> StatementTold:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=StatementTold)


def called(answer: Told) -> Mapping[str, int]:
    """What each co-insurer was called for."""
    assert answer.outcome == DONE, answer.body.decode()
    return {one.insurer: one.fen for one in msgspec.json.decode(answer.body, type=CallTold).called}


def agree(answer: Told, hospital: str = "H1", agreed: bool = True) -> Answer:
    return Answer(7, hospital, statement(answer).statement, agreed)


def call(city: City, insurer: str | None = "lead") -> Call:
    return Call(7, insurer, city.plan.id)


def listed(city: City) -> list[tuple[Any, ...]]:
    """Statements: to whom, over how much, how many lines, how they stand."""
    return rows(city, "SELECT s.hospital, s.fen, (SELECT count(*) FROM statement_line l WHERE l.statement_id = s.id), s.state"
                      " FROM statement s ORDER BY s.id")
