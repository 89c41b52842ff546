"""Many statements, one wait: libpq's pipeline, driven over a psycopg connection.

psycopg's own pipeline waits on the event loop at every statement, and twenty statements of a batch let everything else on
the loop go first twenty times, while rows are locked. Here statements are only queued, and `go` sends them, waits, and has
all their answers. Statements are prepared once per connection, parameters and answers are binary.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, PipelineStatus, TransactionStatus

from huibao.db.arrays import Column, scalar

_PLACE: Final = re.compile(r"%\((\w+)\)s|%%")
_BINARY: Final = 1


class Asked:
    """A statement on its way. Its rows are there once `Wire.go` has returned."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] | None = None

    def rows(self) -> list[tuple[Any, ...]]:
        assert self._rows is not None, "an answer is read after the wait for it"
        return self._rows

    def row(self) -> tuple[Any, ...]:
        """The only row, of a statement that always has one."""
        [row] = self.rows()
        return row


class Wire:
    """A connection's pipeline. One task uses it at a time."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self._libpq = connection.pgconn
        self._prepared: dict[str, bytes] = {}
        self._numbers = count()
        self._queued: list[tuple[Asked | None, str]] = []
        #: Whether answers may still be on their way that nobody waits for.
        self.broken = False

    def ask(self, sql: str, given: Mapping[str, object] | None = None) -> Asked:
        """Queues a statement with its named parameters, as psycopg writes them."""
        text, names = numbered(sql)
        values = [_typed((given or {})[name]) for name in names]
        if self._libpq.pipeline_status == PipelineStatus.OFF:
            self._libpq.enter_pipeline_mode()
        name = self._prepared.get(sql)
        if name is None:
            name = self._prepared[sql] = b"h%d" % next(self._numbers)
            self._libpq.send_prepare(name, text, [oid for oid, _ in values])
            self._queued.append((None, sql))
        self._libpq.send_query_prepared(name, [data for _, data in values], [_BINARY] * len(values), _BINARY)
        asked = Asked()
        self._queued.append((asked, sql))
        return asked

    async def go(self) -> None:
        """Sends what was queued and waits for all of it. Raises the first error; what came after it was not done.

        A connection on which the wait was cut short cannot be used again: `broken` says so.
        """
        if not self._queued:
            return
        self.broken = True
        self._libpq.pipeline_sync()
        await self._flush()
        failed: psycopg.Error | None = None
        while self._queued:
            asked, sql = self._queued[0]
            result = await self._result()
            if result is None:                     # the end of one statement's results
                self._queued.pop(0)
            elif result.status in (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED):
                if asked is None:
                    self._prepared.pop(sql, None)
                if failed is None and result.status == ExecStatus.FATAL_ERROR:
                    failed = error_from_result(result, "utf-8")
            elif asked is not None:
                asked._rows = self._loaded(result)  # noqa: SLF001 - the two are one
        synced = await self._result()
        if synced is None or synced.status != ExecStatus.PIPELINE_SYNC:
            raise failed or psycopg.OperationalError("the connection was lost")
        self.broken = False
        if failed is not None:
            raise failed

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way and no transaction is open."""
        return not self.broken and not self._queued and self._libpq.transaction_status == TransactionStatus.IDLE

    @property
    def waiting(self) -> bool:
        """Whether statements are queued that were not sent."""
        return bool(self._queued)

    def plain(self) -> AsyncConnection[Any]:
        """The connection for ordinary statements, until the next `ask`; nothing may be queued."""
        assert not self._queued, "ordinary statements come after the wait"
        if self._libpq.pipeline_status != PipelineStatus.OFF:
            self._libpq.exit_pipeline_mode()
        return self.connection

    def _loaded(self, result: Any) -> list[tuple[Any, ...]]:
        if not result.ntuples:
            return []
        transformer = Transformer(self.connection)
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    async def _flush(self) -> None:
        while self._libpq.flush():
            await self._until(asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer)

    async def _result(self) -> Any:
        while self._libpq.is_busy():
            await self._until(asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader)
            self._libpq.consume_input()
        return self._libpq.get_result()

    async def _until(self, add: Any, remove: Any) -> None:
        """Waits until the socket can be read, or written."""
        ready, socket = asyncio.get_running_loop().create_future(), self._libpq.socket
        add(socket, _ring, ready)
        try:
            await ready
        finally:
            remove(socket)


def _ring(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


@lru_cache(maxsize=1024)
def numbered(sql: str) -> tuple[bytes, Sequence[str]]:
    """The statement with $1, $2 … as the server takes it, and the names of its parameters in that order."""
    names: list[str] = []

    def place(match: re.Match[str]) -> str:
        if match[1] is None:
            return "%"
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PLACE.sub(place, sql).encode(), names


def _typed(value: object) -> tuple[int, bytes]:
    """A parameter's type and its binary form."""
    return (value.array_oid, value.binary()) if isinstance(value, Column) else scalar(value)
