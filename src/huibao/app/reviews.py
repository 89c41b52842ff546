"""What the service does about reviews by itself: makes a case of those that are late, gives up those whose time is over.

Both are read off rows that are there, and each step has one key: done twice, it is done once.
"""

import logging
from typing import Any, Final

from huibao.catalogue.model import Programme
from huibao.core.batcher import TurnedAway
from huibao.db import sqlfile
from huibao.enrolment import own
from huibao.record.lane import CommandFailed
from huibao.record.model import Request
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")
SQL: Final = sqlfile.load("huibao.enrolment")

MOST: Final = 100


class Reviews:
    """The duties of one process about reviews, while it has the turn."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def look_after(self, programme: Programme) -> None:
        """One turn: first what becomes a case, then what becomes void, which is somebody's case by then."""
        for order, due in await self._due(programme, "reviews_escalating"):
            await self._one(programme, order, own.escalated(order, due))
        for order, due in await self._due(programme, "reviews_over"):
            await self._one(programme, order, own.unreviewed(order, due))

    async def _due(self, programme: Programme, statement: str) -> list[tuple[Any, ...]]:
        async with self._engine.reading(programme.code) as connection:
            return await (await connection.execute(SQL[statement], {"at": self._engine.clock.now(), "most": MOST})).fetchall()

    async def _one(self, programme: Programme, order: int, request: Request[Any]) -> None:
        """One review. What is the matter with it keeps no other waiting: the next turn finds its row again."""
        try:
            await self._engine.submit(programme.code, *request)
        except (TurnedAway, CommandFailed) as failure:
            _LOG.warning("%s: the review of order %s waits, %s", programme.code, order, type(failure).__name__)
