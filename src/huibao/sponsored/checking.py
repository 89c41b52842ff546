"""Checks one part of a roster: what each line would come to now, by the very decision that its run will ask. Nothing is bought."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from huibao.catalogue.model import Programme
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring
from huibao.core.time import business_date
from huibao.db.wire import Wire
from huibao.enrolment.purchase import Granting
from huibao.enrolment.work import Orders
from huibao.record.batch import LOCK_TIMEOUT
from huibao.record.batch import SQL as RECORD
from huibao.record.model import NOBODY
from huibao.refunds.model import Held
from huibao.sponsored import own, refusals, replacing
from huibao.sponsored.alike import Alike
from huibao.sponsored.model import Enrol, Line
from huibao.sponsored.runs import judge, write_refused
from huibao.sponsored.work import SQL

#: More than any premium: whether the sponsor has the money is asked when the file is confirmed.
_ENOUGH_FEN: Final = 10**17
_ENCODER: Final = msgspec.json.Encoder()


class Checking:
    """Checks parts of a programme's rosters, one transaction each."""

    def __init__(self, programme: Programme, keyring: Keyring) -> None:
        self._programme = programme
        self._orders = Orders(programme, keyring, locks="nothing")
        self._after = 0

    async def one(self, wire: Wire, at: datetime) -> int | None:
        """Checks the next part that nobody else is at; the roster that it is of, None where there is none.

        A roster of which a part cannot be checked is passed over until there is no other to check.
        """
        wire.ask(RECORD["begin"])
        wire.ask(RECORD["enter"], {"schema": self._programme.schema, "lock_timeout": LOCK_TIMEOUT})
        # A check that a crash undoes is made again; the last one is followed by `Checked`, whose commit is waited for.
        wire.ask(RECORD["need_not_wait"])
        part = wire.ask(SQL["next_unchecked"], {"after": self._after})
        await wire.go()
        if not part.rows():
            self._after = 0
            wire.ask(RECORD["rollback"])
            await wire.go()
            return None
        roster, number, first, last, product, sponsor = part.row()
        before, self._after = self._after, roster
        given = {"roster": roster, "first": first, "last": last}
        lines = wire.ask(SQL["open_lines"], given)
        twice = wire.ask(SQL["lines_twice"], given)
        await wire.go()
        again = {line for (line,) in twice.rows()}
        commands = [own.enrol(roster, number, Line(*row), product, sponsor, NOBODY).command for row in lines.rows()]
        await self._write(wire, roster, number, commands, again, at)
        wire.ask(RECORD["commit"])
        await wire.go()
        self._after = before
        return int(roster)

    async def _write(self, wire: Wire, roster: int, number: int, commands: Sequence[Enrol], again: set[int], at: datetime) -> None:
        """What is wrong with lines, and what the rest of the part will cost."""
        granted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        replaced: list[int] = []
        refused: list[tuple[int, int, Refusal]] = [(roster, one.line, refusals.DUPLICATE) for one in commands if one.line in again]
        for command, found, held in await self._judged(wire, [one for one in commands if one.line not in again], at):
            if isinstance(found, Refusal):
                refused.append((roster, command.line, found))
            else:
                category = granted[str(found.grants[0].facts["hardship"])]
                category[0] += 1
                category[1] += found.premium_fen
                replaced += [held.premium_fen] if held is not None else []
        write_refused(wire, refused)
        totals = [sum(column) for column in zip((0, 0), *granted.values(), strict=True)]
        wire.ask(SQL["part_checked"], {"roster": roster, "number": number, "accepted": totals[0], "fen": totals[1],
                                       "categories": _ENCODER.encode(_sorted(granted)).decode(),
                                       "replaces": len(replaced), "returned": sum(replaced)})

    async def _judged(self, wire: Wire, commands: Sequence[Enrol], at: datetime) -> list[tuple[Enrol, Granting | Refusal, Held | None]]:
        if not commands:
            return []
        bought = await replacing.look(wire, self._programme.scheme, commands, business_date(at))
        await replacing.look_closely(wire, bought, business_date(at))
        state = await self._orders.load(wire, [command.buy for command in commands], at)
        for account in state.books.accounts.values():
            if account.kind == "sponsor":
                account.credit_limit_fen = _ENOUGH_FEN
        alike = Alike()
        return [(command, *judge(state, bought, alike, command, at)) for command in commands]


def _sorted(granted: Mapping[str, list[int]]) -> dict[str, Any]:
    return {category: granted[category] for category in sorted(granted)}
