"""What the service does by itself where another system keeps the accounts: asks it, tells it, and asks again until it is known.

All of it is read off rows, and every step may be done twice: a request goes out under its row's key, and what became of it is one
command of ours. An answer that is missing or makes no sense says nothing: the key is asked about before anything is sent again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from psycopg import AsyncConnection

from huibao.app.account_days import AccountDays
from huibao.app.duties import Apart, Round, lost, one, silent
from huibao.app.sql import SQL
from huibao.catalogue.model import Programme
from huibao.core.points import reached
from huibao.enrolment import own
from huibao.enrolment.postings import SQL as POSTINGS
from huibao.gateways.accounts import (
    AccountPlatform,
    Cancel,
    Credit,
    Credited,
    Freeze,
    Hold,
    Holder,
    NoAccount,
    Parts,
)
from huibao.gateways.signing import Unreachable
from huibao.policies.numbers import order_number
from huibao.refunds import own as refunds
from huibao.scheme.running import kept_elsewhere
from huibao.web.engine import Engine

R = TypeVar("R")

_LOG: Final = logging.getLogger("huibao.caretaker")

MOST: Final = 200
#: So many requests are under way at a programme's platform at the same time.
AT_ONCE: Final = 8

#: A process looks at every refund once, and then at those that were made since its last turn; a slow transaction may bring one late.
LOOK_BACK: Final = timedelta(hours=1)
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A row that waits: what is asked, under which key, for whom."""

    id: int
    kind: str
    order: int
    psn_no: str
    parts: Parts
    free: Parts
    key: str
    hold: str
    was_sent: bool
    refund: int | None

    @classmethod
    def read(cls, programme: str, row: Sequence[Any]) -> "_Asked":
        id, kind, order, psn_no, try_, personal, savings, personal_free, savings_free, state, refund = row
        hold = f"{order_number(programme, order)}-{try_}"
        return cls(id, kind, order, psn_no, Parts(personal, savings), Parts(personal_free or 0, savings_free or 0),
                   f"{programme}-C{id}" if kind == "credit" else hold, hold, state == "sent", refund)

    @property
    def credit(self) -> Credit:
        fen = self.parts.personal_fen
        return Credit(self.key, self.hold, "personal", fen) if fen else Credit(self.key, self.hold, "savings", self.parts.savings_fen)


class Accounts:
    """The duties of one process about accounts that another system keeps, while it has the turn."""

    def __init__(self, engine: Engine, platform: Callable[[str], AccountPlatform], at_once: int = AT_ONCE) -> None:
        self._engine = engine
        self._platform = platform
        self._days = AccountDays(engine, platform)
        self._at_once = at_once
        self._writing = asyncio.Lock()
        self._credits_since: dict[str, datetime] = {}
        self._round = Round(engine, MOST)

    async def look_after(self, connection: AsyncConnection[Any], programme: Programme) -> None:
        """One turn: what is over is given up, what is free is asked, what is wanted is sent, what is unknown is asked, and in
        the morning the last days are compared."""
        if not kept_elsewhere(programme.scheme):
            return
        await self.give_up(programme)
        await self.want_credits(connection, programme)
        await self.ask_balances(programme)
        while await self.send(connection, programme):
            pass                                       # what is set aside is taken at once, where nothing else is waited for
        await self._days.look_after(programme)

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def give_up(self, programme: Programme) -> None:
        """Orders whose accounts said nothing in time: they are asked to let go, and the order is void once they did."""
        async for order, deadline in self._round.each(programme, POSTINGS["overdue"], at=self._engine.clock.now()):
            await one(self._engine, programme, f"order {order}", own.unanswered(order, deadline))

    async def ask_balances(self, programme: Programme) -> None:
        """Asks what is free for orders that wait for it; the answer decides what each account pays."""
        rows = await self._round.next(programme, POSTINGS["balances_wanted"])
        await self._each(programme, "balances", rows, lambda row: self._balances(programme, *row))

    async def _balances(self, programme: Programme, order: int, psn_no: str, try_: int) -> bool:
        reached("accounts.before_balances")
        found = await self._platform(programme.code).balances(Holder(programme.code, psn_no))
        reached("accounts.after_balances")
        if isinstance(found, NoAccount):
            request = own.balances(order, try_, 0, 0, found.reason)
        else:
            request = own.balances(order, try_, found.free.personal_fen, found.free.savings_fen)
        await self._engine.submit(programme.code, *request)
        return True

    # ── postings ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def want_credits(self, connection: AsyncConnection[Any], programme: Programme) -> None:
        """Refunds that reached an account here are to reach it there too."""
        at = self._engine.clock.now()
        async with connection.transaction():
            await connection.execute(SQL["look_and_write"], {"schema": programme.schema})
            await connection.execute(POSTINGS["want_credits"], {"at": at, "since": self._credits_since.get(programme.code, _EVER)})
        self._credits_since[programme.code] = at - LOOK_BACK

    async def send(self, connection: AsyncConnection[Any], programme: Programme) -> bool:
        """Sends what is wanted, and asks about what was sent; each row is marked before its request leaves. Whether all are known."""
        rows = [_Asked.read(programme.code, row) for row in await self._round.next(programme, POSTINGS["postings_waiting"])]
        reached("accounts.before_sent")
        async with connection.transaction():
            await connection.execute(SQL["look_and_write"], {"schema": programme.schema})
            given = {"at": self._engine.clock.now(), "postings": [row.id for row in rows]}
            live = {id for (id,) in await (await connection.execute(POSTINGS["postings_sent"], given)).fetchall()}
        going = [row for row in rows if row.id in live]
        return bool(going) and await self._each(programme, "postings", going, lambda row: self._post(connection, programme, row))

    async def _post(self, connection: AsyncConnection[Any], programme: Programme, asked: _Asked) -> bool:
        """One row: its key is asked about if it may have come, and sent unless that says enough. Whether it is known now."""
        if asked.kind == "credit":
            return await self._credit(connection, programme, asked)
        platform = self._platform(programme.code)
        found: Hold | None = None
        if asked.was_sent:
            reached("accounts.before_ask")
            said = await platform.ask(asked.key, asked.parts)
            reached("accounts.after_ask")
            found = said if isinstance(said, Hold) else None
        if found is None or not _settles(asked.kind, found):
            reached("accounts.before_post")
            found = await self._sent(platform, programme, asked)
            reached("accounts.after_post")
        if not _settles(asked.kind, found):
            _LOG.error("%s: posting %s, a %s, is %s at the account platform", programme.code, asked.id, asked.kind, found.state)
            return False
        is_done = found.state == _WANTED[asked.kind] or asked.kind == "cancel"
        reason = None if is_done else found.reason or f"hold.{found.state}"
        await self._engine.submit(programme.code, *own.posted(asked.order, asked.id, is_done, found.at, reason))
        return True

    async def _sent(self, platform: AccountPlatform, programme: Programme, asked: _Asked) -> Hold:
        if asked.kind == "freeze":
            return await platform.freeze(Freeze(asked.key, programme.code, asked.psn_no, asked.parts, asked.free))
        if asked.kind == "confirm":
            return await platform.confirm(asked.key, asked.parts)
        return await platform.cancel(asked.key, asked.parts, Cancel(programme.code, asked.psn_no))

    async def _credit(self, connection: AsyncConnection[Any], programme: Programme, asked: _Asked) -> bool:
        """A refund. Where the account takes it, its row alone says so; where not, our books had credited what is not there."""
        platform = self._platform(programme.code)
        found: Credited | None = None
        if asked.was_sent:
            reached("accounts.before_ask")
            said = await platform.ask_credit(asked.key, asked.parts.personal_fen + asked.parts.savings_fen)
            reached("accounts.after_ask")
            found = said if isinstance(said, Credited) else None
        if found is None:
            reached("accounts.before_post")
            found = await platform.credit(asked.credit)
            reached("accounts.after_post")
        if found.state == "declined":
            assert asked.refund is not None, "a credit is of a refund"
            request = refunds.credit_declined(asked.refund, asked.id, found.at, found.reason or "undecided")
            await self._engine.submit(programme.code, *request)
            return True
        async with self._writing, connection.transaction():
            await connection.execute(SQL["look_and_write"], {"schema": programme.schema})
            given = {"posting": asked.id, "their_at": found.at, "at": self._engine.clock.now()}
            await connection.execute(POSTINGS["credit_known"], given)
        return True

    # ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _each(self, programme: Programme, what: str, rows: Sequence[R], step: Callable[[R], Awaitable[bool]]) -> bool:
        """So many at once; whether every step did what it should. One that is declined keeps no other waiting; one that is not answered
        ends the turn of what has not begun."""
        free = asyncio.Semaphore(self._at_once)
        gone, done = False, 0

        async def begun(row: R) -> None:
            nonlocal gone, done
            async with free:
                if gone:
                    return
                with Apart(programme.code, f"one of {what}", ends=lost):
                    try:
                        done += await step(row)
                    except Unreachable as failure:
                        if silent(failure):
                            gone = True
                        raise

        async with asyncio.TaskGroup() as steps:
            for row in rows:
                steps.create_task(begun(row))
        return done == len(rows)


#: What a request makes of its key; whatever else is final says no.
_WANTED: Final = {"freeze": "frozen", "confirm": "confirmed", "cancel": "cancelled"}
#: What leaves the question open: a hold that is still as it was before, or money taken that nobody asked to be taken.
_OPEN: Final = {"freeze": ("confirmed",), "confirm": ("frozen",), "cancel": ("frozen", "confirmed")}


def _settles(kind: str, hold: Hold) -> bool:
    """Whether it is known with this what became of the request."""
    return hold.state not in _OPEN[kind]
