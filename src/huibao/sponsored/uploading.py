"""Takes a file in as it comes: read line by line, each line resolved and staged, and no more of it held than a few lines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SM3, Hash
from psycopg import AsyncConnection

from huibao.sponsored import refusals
from huibao.sponsored.reading import Rejected, Row, Sheet, SheetRefused
from huibao.sponsored.resolving import Resolver, stage
from huibao.sponsored.work import SQL

#: So many lines are resolved at a time: a few milliseconds, for others are served by the same process.
TOGETHER: Final = 200
#: So many bytes are looked at before others have their turn.
_BITE: Final = 1 << 14

Writing = Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]]


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was read to its end. `digest` is its SM3, `lines` are people, `last_line` counts every line."""

    roster: int
    digest: bytes
    lines: int
    last_line: int


async def take(pieces: AsyncIterator[bytes], writing: Writing, resolver: Resolver, at: datetime) -> Taken:
    """Stages the lines of a file under a number of its own. Raises `SheetRefused`; what was staged then is cleared away a day later."""
    async with writing() as connection:
        row = await (await connection.execute(SQL["next_upload"], {"at": at})).fetchone()
    assert row is not None, "a sequence has a next number"
    digest, sheet, lines, last_line = Hash(SM3()), Sheet(), 0, 0
    waiting: list[Row | Rejected] = []

    async def put(least: int) -> None:
        """Stages what waits, if there is as much of it."""
        while len(waiting) >= max(1, least):
            some, waiting[:TOGETHER] = waiting[:TOGETHER], []
            async with writing() as connection:
                await stage(connection, row[0], await resolver.resolve(connection, some))

    async for piece in pieces:
        digest.update(piece)
        for start in range(0, len(piece), _BITE):
            read = sheet.feed(piece[start : start + _BITE])
            while some := list(islice(read, TOGETHER)):
                waiting += some
                lines, last_line = lines + len(some), some[-1].line
                await put(TOGETHER)
            if lines > refusals.MOST_LINES:
                raise SheetRefused(refusals.too_long())
        await asyncio.sleep(0)
    rest = list(sheet.end())
    waiting += rest
    await put(1)
    lines += len(rest)
    if not lines:
        raise SheetRefused(refusals.empty())
    return Taken(row[0], digest.finalize(), lines, rest[-1].line if rest else last_line)
