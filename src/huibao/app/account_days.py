"""Comparing the last days with the system that keeps the accounts, each morning: totals, then every key, then the keys that differ.

A list may be late or wrong; a key that is asked about is not. So a difference becomes somebody's case only once its key was asked, and
what is in doubt here is left to those who ask anyway.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from huibao.catalogue.model import Programme
from huibao.core.batcher import TurnedAway
from huibao.core.points import reached
from huibao.core.time import SHANGHAI, business_date
from huibao.gateways.accounts import AccountPlatform, AccountsRefused, AccountsUnreachable
from huibao.reconciliation.account_model import CompareAccounts, Kept, Listed
from huibao.reconciliation.account_rules import differences
from huibao.reconciliation.account_work import SQL, kept, keys_of, span, total
from huibao.record.lane import CommandFailed
from huibao.record.model import NOBODY, OURSELVES, Request
from huibao.scheme.running import kept_elsewhere
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")

#: The days before today that are compared, each morning from this hour on.
DAYS: Final = 3
FROM_HOUR: Final = time(2)
#: A platform that did not answer is left alone for so long.
PAUSE: Final = timedelta(minutes=5)


class AccountDays:
    """The comparisons of one process, while it has the turn."""

    def __init__(self, engine: Engine, platform: Callable[[str], AccountPlatform]) -> None:
        self._engine = engine
        self._platform = platform
        self._not_before: dict[str, datetime] = {}

    async def look_after(self, programme: Programme) -> None:
        """Compares the days that are due. What could not be asked is tried again after a while."""
        at = self._engine.clock.now()
        if not kept_elsewhere(programme.scheme) or at < self._not_before.get(programme.code, at):
            return
        for day, differed in await self._due(programme, at):
            try:
                await self.compare(programme, day, differed)
            except (AccountsUnreachable, AccountsRefused, TurnedAway, CommandFailed) as failure:
                self._not_before[programme.code] = at + PAUSE
                _LOG.warning("%s: a day of accounts waits, %s", programme.code, type(failure).__name__)
                if isinstance(failure, AccountsUnreachable) and failure.why in ("silent", "cut"):
                    return                             # another day would not be answered either

    async def _due(self, programme: Programme, at: datetime) -> list[tuple[date, bool]]:
        """The last days, those that never were compared, and those on which something differed, unless they were this morning; and whether
        something did differ."""
        today = business_date(at)
        morning = datetime.combine(today, FROM_HOUR, SHANGHAI)
        if at < morning:
            return []
        async with self._engine.reading(programme.code) as connection:
            row = await (await connection.execute(SQL["compared"], {"since": morning, "today": today})).fetchone()
        assert row is not None, "the statement always has a row"
        compared, differed, never, was_asked = row
        days = {today - timedelta(days=n) for n in range(1, DAYS + 1)} | set(differed) | set(never)
        return sorted((day, day in differed) for day in days - set(compared)) if was_asked else []

    async def compare(self, programme: Programme, day: date, differed: bool = False) -> None:
        """One day: its totals, and where these differ from ours, or a key `differed` before, every key of it."""
        platform = self._platform(programme.code)
        reached("accounts.before_ask")
        told = await platform.day(programme.code, day)
        reached("accounts.after_ask")
        async with self._engine.reading(programme.code) as connection:
            ours = kept(programme.code, await (await connection.execute(SQL["of_day"], span(day))).fetchall())
        details: tuple[Listed, ...] | None = None
        if differed or (told.taken, told.credited) != (total(ours, "hold"), total(ours, "credit")):
            details = await self._details(programme, platform, day, ours)
        command = CompareAccounts(NOBODY, day, told.taken, told.credited, details)
        await self._engine.submit(programme.code, *_request(command, business_date(self._engine.clock.now())))

    async def _details(self, programme: Programme, platform: AccountPlatform, day: date, ours: Sequence[Kept]) -> tuple[Listed, ...]:
        """Every key of the day; what the list has otherwise than we do, as the key itself stands when it is asked about."""
        listed = {entry.key: entry for entry in await platform.entries(programme.code, day)}
        async with self._engine.reading(programme.code) as connection:
            given = {name: column.values for name, column in keys_of(programme.code, listed.values()).items()}
            rows = await (await connection.execute(SQL["of_orders"], given)).fetchall()
        known = {one.key: one for one in kept(programme.code, rows)}
        for one in differences(ours, tuple(listed.values()), known):
            if one.ours is not None:
                asked = await self._asked(platform, one.ours)
                listed.pop(one.key, None)
                if asked is not None:
                    listed[one.key] = asked
        return tuple(listed.values())

    async def _asked(self, platform: AccountPlatform, ours: Kept) -> Listed | None:
        """A key of ours as it stands there now, over whatever amount; None where they do not have it."""
        if ours.kind == "hold":
            hold = await platform.ask(ours.key, None)
            return None if hold == "unknown" else Listed(
                ours.key, "hold", hold.state, hold.parts.personal_fen + hold.parts.savings_fen, hold.parts.savings_fen)
        credit = await platform.ask_credit(ours.key, None)
        return None if credit == "unknown" else Listed(
            ours.key, "credit", credit.state, credit.fen, credit.fen if credit.account == "savings" else 0)


def _request(command: CompareAccounts, on: date) -> Request[CompareAccounts]:
    """A day is compared once on each morning."""
    body = f"{command.day} {command.taken} {command.credited} {command.details}".encode()
    return Request(OURSELVES, "account-day", f"account-day:{command.day}:{on}", body, command)
