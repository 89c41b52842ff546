"""One lane: a connection of its own on which batches run, and what is done when one fails.

Correctness comes from the database alone, so any number of lanes in any number of processes simply work.

* A deadlock, a serialisation failure or a lock that took too long: the whole batch runs again.
* A lost connection: the outcome is unknown until the keys are read again. The batch runs again on a new connection, and
  what was committed answers from its keys.
* Any other error of the database, or of ours: a bug. An alarm is logged, and the commands run one by one, so that the
  one that fails fails alone. (Halving was tried: 1% of bad commands cost 84% of the rate.)
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Final, Generic, TypeVar

import psycopg
from psycopg import errors

from huibao.core.batcher import TurnedAway, Unanswered, Waiting
from huibao.core.clock import Clock
from huibao.db.errors import DatabaseUnreachable
from huibao.db.wire import Wire
from huibao.record.batch import SQL, run
from huibao.record.model import Answer, Connection, Work

C = TypeVar("C")
S = TypeVar("S")

_LOG: Final = logging.getLogger("huibao.lane")

#: Runs again: nothing was done, and another order of events may let it through.
_AGAIN: Final = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable, errors.QueryCanceled)

_TRIES: Final = 5
#: How long a lane looks for a database that is gone before its callers are told to come back.
PATIENCE_S: Final = 8


class CommandFailed(Exception):
    """A command that cannot be carried out because of a fault of ours; it was logged, and nothing of it was done."""


class Lane(Generic[C, S]):
    """Runs batches of some programmes; `works` has the family of commands of each, by programme, with its schema."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], clock: Clock, works: Mapping[str, tuple[str, Work[C, S]]]
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._works = works
        self._wire: Wire | None = None

    async def run(self, programme: str, batch: Sequence[Waiting[C, Answer]]) -> Sequence[Answer | Exception]:
        """The answers of a batch, or what its commands failed with."""
        answers = await self._try(programme, batch)
        if not isinstance(answers, CommandFailed) or len(batch) == 1:
            return _singly(answers)
        return [answer for item in batch for answer in _singly(await self._try(programme, [item]))]

    async def close(self) -> None:
        await self._drop()

    async def _try(self, programme: str, batch: Sequence[Waiting[C, Answer]]) -> Sequence[Answer | Exception] | CommandFailed:
        """The answers of a batch; or that a fault of ours kept it from being carried out, whichever: a lane outlives any command."""
        try:
            return await self._persist(programme, batch)
        except TurnedAway as busy:
            return [busy] * len(batch)
        except Exception as bug:  # noqa: BLE001 - whatever it is, the next command must be served
            _LOG.error("a batch of %d failed: %s", len(batch), shown(bug))
            return CommandFailed("this command failed")

    async def _persist(self, programme: str, batch: Sequence[Waiting[C, Answer]]) -> list[Answer]:
        """The answers, after as many tries as it takes. Raises `TurnedAway`, or what no other try would mend."""
        schema, work = self._works[programme]
        until, tries = perf_counter() + PATIENCE_S, 0
        while True:
            try:
                return await run(await self._ready(), schema, work, batch, self._clock.now())
            except _AGAIN as failure:
                tries += 1
                if tries == _TRIES:
                    _LOG.warning("a batch of %d gave up after %d tries: %s", len(batch), tries, type(failure).__name__)
                    raise TurnedAway(1) from None
                pause_s = tries / 100
            except (psycopg.OperationalError, psycopg.InterfaceError, DatabaseUnreachable) as failure:
                await self._drop()
                _LOG.warning("the database is gone: %s", type(failure).__name__)
                if perf_counter() > until:
                    raise Unanswered(5) from None
                pause_s = 0.2
            finally:
                # However we leave: no transaction stays open, and no lock is held through a pause.
                await self._back_out()
            await asyncio.sleep(pause_s)

    async def _ready(self) -> Wire:
        if self._wire is None or self._wire.connection.closed:
            self._wire = await by_keys(await self._connect())
        return self._wire

    async def _back_out(self) -> None:
        """Ends a transaction that is open, if one is; a connection that cannot is dropped."""
        if self._wire is None or self._wire.idle:
            return
        if self._wire.broken or self._wire.waiting:
            await self._drop()
            return
        try:
            # Not the driver's own: its rollback may throw away statements that the wire has prepared.
            self._wire.ask(SQL["rollback"])
            await self._wire.go()
        except psycopg.Error:
            await self._drop()

    async def _drop(self) -> None:
        if self._wire is not None:
            await self._wire.connection.close()
            self._wire = None


async def by_keys(connection: Connection) -> Wire:
    """A wire of a connection on which everything is looked up by key, whatever the tables held when its plans were made.

    A connection that cannot be made so is closed: where this is cut short, nobody else has it yet.
    """
    wire = Wire(connection)
    async with AsyncExitStack() as unless_usable:
        unless_usable.push_async_callback(connection.close)
        wire.ask(SQL["plan_by_keys"])
        await wire.go()
        unless_usable.pop_all()
    return wire


def _singly(answers: Sequence[Answer | Exception] | CommandFailed) -> Sequence[Answer | Exception]:
    return [answers] if isinstance(answers, CommandFailed) else answers


def shown(bug: Exception) -> str:
    """The failure as it may be logged: what it is and where. Its text, and a database's detail, may quote rows."""
    what = type(bug).__name__
    if isinstance(bug, psycopg.Error):
        what = f"{what} {bug.diag.sqlstate} {bug.diag.constraint_name or ''} {bug.diag.table_name or ''}".rstrip()
    frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(bug.__traceback__)[-8:]]
    return f"{what} at {' < '.join(reversed(frames))}"
