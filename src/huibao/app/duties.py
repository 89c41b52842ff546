"""What the service's duties have in common: one of many keeps no other waiting, and a list is gone through round and round.

A duty reads rows that are there and does each. Whatever becomes of one row, the next is done in the same turn: a system that declines, an
answer that makes no sense, a command that is turned away, a bug. Two things end a turn early: a system that does not answer at all, which
would be waited for at each row again, and a database that is gone.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Final

import psycopg

from huibao.catalogue.model import Programme
from huibao.core.batcher import TurnedAway
from huibao.db.errors import DatabaseUnreachable
from huibao.gateways.signing import Declined, Unreachable
from huibao.record.lane import CommandFailed, shown
from huibao.record.model import Answer, Request
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")

#: SQLSTATE of a connection that broke, and of a server that ends its sessions; a statement that fails otherwise fails alone.
_GONE: Final = ("08", "57P")

MOST: Final = 100


def lost(failure: BaseException) -> bool:
    """Whether the database is gone, as this says or one of those that it consists of."""
    if isinstance(failure, BaseExceptionGroup):
        return any(lost(one) for one in failure.exceptions)
    if isinstance(failure, psycopg.OperationalError | psycopg.InterfaceError):
        return failure.sqlstate is None or failure.sqlstate.startswith(_GONE)
    return isinstance(failure, DatabaseUnreachable)


def silent(failure: BaseException) -> bool:
    """Whether who is asked next would be waited for in vain: a system that gave no answer at all, or a database that is gone."""
    return lost(failure) or (isinstance(failure, Unreachable) and failure.why in ("silent", "cut"))


class Apart:
    """One of many, apart from the others: what is the matter with it is logged, unless it `ends` them all.

        for row in rows:
            with Apart(programme.code, f"refund {row.id}"):
                await send(row)
    """

    def __init__(self, programme: str, what: str, ends: Callable[[BaseException], bool] = silent) -> None:
        self._about: Final = f"{programme}: {what}"
        self._ends = ends

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(failure, Exception) or self._ends(failure):
            return False
        if isinstance(failure, TurnedAway | CommandFailed):
            _LOG.warning("%s waits, %s", self._about, type(failure).__name__)
        elif isinstance(failure, Unreachable):
            _LOG.warning("%s waits, %s: %s", self._about, type(failure).__name__, failure.why)
        elif isinstance(failure, Declined):
            _LOG.error("%s waits: %s", self._about, failure)
        else:
            _LOG.error("%s failed: %s", self._about, shown(failure))
        return True


async def one(engine: Engine, programme: Programme, what: str, request: Request[Any]) -> Answer | None:
    """What came of a command; None where it waits, and the next turn finds its row again."""
    with Apart(programme.code, what):
        return await engine.submit(programme.code, *request)
    return None


class Round:
    """Lists that are gone through round and round, in the order of their first column: those that wait keep no later one waiting."""

    def __init__(self, engine: Engine, most: int = MOST) -> None:
        self._engine = engine
        self._most = most
        self._after: dict[tuple[str, str], int] = {}

    async def next(self, programme: Programme, statement: str, **given: object) -> Sequence[tuple[Any, ...]]:
        """The next rows of a statement that takes `after` and `most`; all of them count as seen to."""
        key = (programme.code, statement)
        after = self._after.get(key, 0)
        async with self._engine.reading(programme.code) as connection:
            rows = await (await connection.execute(statement, {**given, "after": after, "most": self._most})).fetchall()
            if after and not rows:
                rows = await (await connection.execute(statement, {**given, "after": 0, "most": self._most})).fetchall()
        self._after[key] = rows[-1][0] if len(rows) == self._most else 0
        return rows

    async def each(self, programme: Programme, statement: str, **given: object) -> AsyncIterator[tuple[Any, ...]]:
        """The next rows one by one. Where a turn ends early, the next begins behind the row that ended it."""
        key = (programme.code, statement)
        rows = await self.next(programme, statement, **given)
        end = self._after[key]
        for row in rows:
            self._after[key] = row[0]
            yield row
        self._after[key] = end
