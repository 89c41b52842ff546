"""What the service does about rosters by itself: checks them, runs them part by part, and clears away uploads that were cut short.

The parts are rows. Whoever has one holds its lock for as long as it is at it, so that any number of runners share a roster and one
that dies gives its part back. Who is insured already is known by the keys of the lines: a part that was half done is done to its end.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Final

from huibao.app.duties import Apart, lost, one
from huibao.catalogue.model import Programme
from huibao.core.batcher import TurnedAway, Waiting
from huibao.core.points import reached
from huibao.db.wire import Wire
from huibao.record.batch import LOCK_TIMEOUT
from huibao.record.batch import SQL as RECORD
from huibao.record.lane import CommandFailed, Lane
from huibao.record.model import Answer, Request, body_digest, key_digest
from huibao.sponsored import own
from huibao.sponsored.checking import Checking
from huibao.sponsored.model import PART, Enrol, Line
from huibao.sponsored.runs import Runs, State, Stopped
from huibao.sponsored.work import SQL
from huibao.web.engine import Engine

#: Runners of each process: while one waits for its commit another decides.
RUNNERS: Final = 2
#: So many lines at a time while people are served, and so much longer than that took is left to them afterwards.
SMALL: Final = 32
REST: Final = 3
#: An upload that became no roster is cleared away after this, so many lines at a time.
ABANDONED_AFTER: Final = timedelta(days=1)
MOST_CLEARED: Final = 2_000


class Pace:
    """How much of a roster is done at a time: a part where nobody is waiting, little and with rests where people are served."""

    def __init__(self, served: Callable[[], int]) -> None:
        self._served = served
        self._before = served()

    def size(self) -> int:
        return SMALL if self._served() != self._before else PART

    async def rest(self, took_s: float) -> None:
        """Leaves the rest of the time to people, if any came since the last rest."""
        now = self._served()
        is_busy, self._before = now != self._before, now
        await asyncio.sleep(took_s * REST if is_busy else 0)


class Runner:
    """Checks and runs parts of rosters on connections of its own; several work side by side, in one process or in many."""

    def __init__(self, engine: Engine, connect: Callable[[], Any], served: Callable[[], int]) -> None:
        self._engine = engine
        self._connect = connect
        self._pace = Pace(served)
        works = {code: (programme.schema, Runs(programme, engine.keyring)) for code, programme in engine.programmes.items()}
        self._lane: Lane[Enrol, State] = Lane(connect, engine.clock, works)
        self._checks = {code: Checking(programme, engine.keyring) for code, programme in engine.programmes.items()}

    async def close(self) -> None:
        await self._lane.close()

    async def turn(self, wire: Wire) -> bool:
        """One part of each programme; whether there was anything to do. What is the matter with a part keeps no other waiting."""
        found = False
        for programme in self._engine.programmes.values():
            if not await self._any(wire, programme):
                continue
            for step in (self._check, self._run):
                with Apart(programme.code, "a part of a roster", ends=lost):
                    if await step(wire, programme):
                        found = True
                        break
                if not wire.idle:
                    wire.ask(RECORD["rollback"])
                    await wire.go()
        return found

    async def _any(self, wire: Wire, programme: Programme) -> bool:
        """Whether a roster is checked or run: all that is asked again and again where nothing is to do."""
        _begin(wire, programme)
        found = wire.ask(SQL["any_open"])
        wire.ask(RECORD["commit"])
        await wire.go()
        return bool(found.row()[0])

    # ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _check(self, wire: Wire, programme: Programme) -> bool:
        began = perf_counter()
        roster = await self._checks[programme.code].one(wire, self._engine.clock.now())
        if roster is not None:
            reached("roster.after_check")
            await self._pace.rest(perf_counter() - began)
        await self._whole(wire, programme, "checked_whole", own.checked)
        return roster is not None

    async def _whole(self, wire: Wire, programme: Programme, statement: str, request: Callable[[int], Request[Any]]) -> None:
        """Says of rosters whose last part is done that they are."""
        for roster in await self._ids(wire, programme, statement):
            await one(self._engine, programme, f"roster {roster}", request(roster))

    async def _ids(self, wire: Wire, programme: Programme, statement: str) -> list[int]:
        _begin(wire, programme)
        found = wire.ask(SQL[statement])
        wire.ask(RECORD["commit"])
        await wire.go()
        return [id for (id,) in found.rows()]

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self, wire: Wire, programme: Programme) -> bool:
        """The next part that nobody else is at, as far as the roster still runs."""
        _begin(wire, programme)
        part = wire.ask(SQL["next_checked"])
        await wire.go()
        if not part.rows():
            wire.ask(RECORD["rollback"])
            await wire.go()
            await self._whole(wire, programme, "run_whole", own.finished)
            return False
        roster, number, first, last, product, sponsor, confirmed_by = part.row()
        given = {"roster": roster, "number": number, "first": first, "last": last}
        lines = wire.ask(SQL["open_lines"], given)
        await wire.go()
        requests = [own.enrol(roster, number, Line(*row), product, sponsor, confirmed_by) for row in lines.rows()]
        reached("roster.before_part")
        why = await self._lines(programme, requests)
        wire.ask(SQL["part_done"], given)
        wire.ask(RECORD["commit"])
        await wire.go()
        reached("roster.after_part")
        if why is not None:
            await self._engine.submit(programme.code, *own.paused(roster, why, self._engine.clock.now()))
        return True

    async def _lines(self, programme: Programme, requests: Sequence[Request[Enrol]]) -> str | None:
        """Runs lines, some at a time, until somebody stops it; why not all of them, where that is for a person to mend."""
        at = 0
        while at < len(requests):
            chunk = requests[at : at + self._pace.size()]
            at += len(chunk)
            began = perf_counter()
            answers = await self._lane.run(programme.code, _waiting(programme.code, chunk))
            reached("roster.after_lines")
            for answer in answers:
                if isinstance(answer, Stopped):
                    return None
                if isinstance(answer, TurnedAway):
                    raise answer
                if isinstance(answer, CommandFailed):
                    return "line.failed"
            await self._pace.rest(perf_counter() - began)
        return None


async def clear(wire: Wire, programme: Programme, at: datetime) -> None:
    """Clears away some of what one upload left that was cut short."""
    _begin(wire, programme)
    found = wire.ask(SQL["abandoned_uploads"], {"before": at - ABANDONED_AFTER, "most": 1})
    await wire.go()
    for (upload,) in found.rows():
        wire.ask(SQL["clear_lines"], {"upload": upload, "most": MOST_CLEARED})
        wire.ask(SQL["clear_upload"], {"upload": upload})
    wire.ask(RECORD["commit"])
    await wire.go()


def _begin(wire: Wire, programme: Programme) -> None:
    wire.ask(RECORD["begin"])
    wire.ask(RECORD["enter"], {"schema": programme.schema, "lock_timeout": LOCK_TIMEOUT})


def _waiting(code: str, requests: Sequence[Request[Enrol]]) -> list[Waiting[Enrol, Answer]]:
    """Lines as a lane takes them; nobody waits for them but the runner."""
    nobody: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    return [Waiting(key_digest(one.principal, one.key), body_digest(one.principal, one.route, code, one.body), one.command, 0, nobody)
            for one in requests]
