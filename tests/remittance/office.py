"""The agency's office: lanes that carry out the commands of one city's remittances, any number at the same moment.

    city = office.city_of(programme, 5)              # five residents, each insured for 100 yuan of their account
    office.open_account(city)                        # proposed, called back, approved, in force
    [made] = office.run(city, office.make(city))
    assert office.batch(made).fen == 500_00
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

import msgspec
import pytest

from huibao.core.batcher import Waiting
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, Request, body_digest, key_digest, untold
from huibao.remittance import own
from huibao.remittance.files import RETURN_COLUMNS, read_return
from huibao.remittance.model import (
    AccountTold,
    BankFileTold,
    BatchTold,
    CallBack,
    Command,
    Decide,
    FileRow,
    Make,
    ReadBack,
    Register,
    Rejected,
)
from huibao.remittance.state import State
from huibao.remittance.work import Remittances
from huibao.verify import checks, remittances
from huibao.verify.checks import Subject
from tests.books import DAY, KEYRING, City, buy, owner, rows
from tests.books import run as buys
from tests.database import MakeProgramme
from tests.record.clerk import lonely, service, town

#: A clerk who proposes, one who calls back, one who approves.
CLERK, CALLER, SECOND = 11, 12, 13
NUMBER, PHONE = "6222000000000000123", "0891-6330001"
#: When accounts are in force that were approved on an ordinary day: well past the delay.
LATER: Final = DAY + timedelta(days=10)
FEN: Final = 10_000

_KEYS: Final = count(1)


def city_of(programme: MakeProgramme, people: int, more: int = 0) -> City:
    """A city where so many have bought for 100 yuan of their own account, and `more` could."""
    city = town(programme, lonely(people + more))
    for first in range(1, people + 1, 50):
        buys(city, [buy(city, n) for n in range(first, min(first + 50, people + 1))])
    city.clock.set(LATER)
    return city


def at_once(city: City, batches: Sequence[Sequence[Command | Request[Any]]], at: datetime = LATER) -> list[list[Answer]]:
    """Each batch at a lane of its own, all at the same moment; their answers."""
    city.clock.set(at, backwards=True)

    async def one(commands: Sequence[Command | Request[Any]]) -> list[Answer]:
        lane: Lane[Command, State] = Lane(service(city), city.clock, {city.code: (city.schema, Remittances(city.running, KEYRING))})
        try:
            answers = await lane.run(city.code, [_waiting(city, command) for command in commands])
        finally:
            await lane.close()
        return [_heard(answer) for answer in answers]

    async def story() -> list[list[Answer]]:
        return list(await asyncio.gather(*(one(batch) for batch in batches)))

    return asyncio.run(story())


def _waiting(city: City, asked: Command | Request[Any]) -> Waiting[Command, Answer]:
    """A command under a key of its own, or one of the service's under its one key."""
    future = asyncio.get_running_loop().create_future()
    if isinstance(asked, Request):
        return Waiting(key_digest(asked.principal, asked.key), body_digest(asked.principal, asked.route, city.code, asked.body), asked.command,
                       0, future)
    body = repr(asked).encode()
    return Waiting(key_digest("office", f"{next(_KEYS)}"), body_digest("office", "route", city.code, body), asked, 0, future)


def _heard(answer: Answer | Exception) -> Answer:
    if isinstance(answer, Exception):
        raise answer
    return answer


class _Counter:
    """A lane that stays open for the city that was asked for last: what is done one after the other needs no new one."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.city: City | None = None
        self.lane: Lane[Command, State] | None = None

    def run(self, city: City, commands: Sequence[Command | Request[Any]]) -> list[Answer]:
        return self.runner.run(self._run(city, commands))

    async def _run(self, city: City, commands: Sequence[Command | Request[Any]]) -> list[Answer]:
        if self.city is not city or self.lane is None:
            await self.leave()
            self.city, self.lane = city, Lane(service(city), city.clock, {city.code: (city.schema, Remittances(city.running, KEYRING))})
        return [_heard(answer) for answer in await self.lane.run(city.code, [_waiting(city, command) for command in commands])]

    async def leave(self) -> None:
        if self.lane is not None:
            await self.lane.close()
            self.lane = None

    def close(self) -> None:
        """Nothing is asked for after that."""
        if self.lane is not None:
            self.runner.run(self.leave())
        self.runner.close()


COUNTER: Final = _Counter()


@pytest.fixture(scope="session", autouse=True)
def _counter() -> Iterator[None]:
    """The counter is one for the tests of all folders, and closes once."""
    yield
    COUNTER.close()


def run(city: City, *commands: Command | Request[Any], at: datetime = LATER) -> list[Answer]:
    """One batch."""
    city.clock.set(at, backwards=True)
    return COUNTER.run(city, commands)


def done(city: City, command: Command | Request[Any], at: datetime = LATER) -> Answer:
    """One command that must be done."""
    [answer] = run(city, command, at=at)
    assert answer.outcome == DONE, answer.body.decode()
    return answer


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────────

def register(insurer: str = "lead", number: str = NUMBER, phone: str = PHONE, by: int = CLERK) -> Register:
    return Register(by, insurer, "某某银行营业部", "甲财产保险股份有限公司", number, phone)


def open_account(city: City, at: datetime = DAY, **given: Any) -> int:
    """A receiving account, proposed, called back and approved at `at`; its id."""
    answer = done(city, register(**given), at)
    account: int = told(answer, AccountTold).account
    phone = given.get("phone", PHONE) if not rows(city, "SELECT FROM receiving_account WHERE state = 'approved'") else PHONE
    done(city, CallBack(CALLER, account, phone, "confirmed"), at)
    done(city, Decide(SECOND, account, True), at)
    return account


def make(city: City, until: datetime = LATER, product: str | None = None) -> Make:
    return Make(CLERK, product or city.plan.id, until)


def listed(city: City) -> BatchTold:
    """A batch of everything that waits."""
    return batch(done(city, make(city)))


def sent(city: City) -> BatchTold:
    """A batch of everything that waits, told to the bank."""
    made = listed(city)
    return batch(done(city, own.sent(made.remittance)))


def paid(city: City) -> BatchTold:
    """A batch of everything that waits, paid."""
    made = sent(city)
    return batch(done(city, own.paid(made.remittance, made.fen, made.fen)))


def parsed(city: City, remittance: int, text: str) -> tuple[tuple[FileRow, ...], tuple[Rejected, ...]]:
    """A return file of the bank as read; `text` has its rows without the head, `{e1}` the first entry of the batch."""
    named = {f"e{n}": entry for n, entry in enumerate(entries(city, remittance), 1)}
    read = read_return("\n".join([",".join(RETURN_COLUMNS), *text.format(**named).split("\n")]).encode())
    assert not isinstance(read, str), read
    return read


def file(city: City, remittance: int, text: str) -> Answer:
    """What a return file of the bank does."""
    [answer] = run(city, ReadBack(CLERK, remittance, *parsed(city, remittance, text)))
    return answer


# ── what is told, and what there is ──────────────────────────────────────────────────────────────────────────────────

def told(answer: Answer, kind: Any) -> Any:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=kind)


def batch(answer: Answer) -> BatchTold:
    found: BatchTold = told(answer, BatchTold)
    return found


def read(answer: Answer) -> BankFileTold:
    found: BankFileTold = told(answer, BankFileTold)
    return found


def code(answer: Answer) -> str:
    """Why nothing was done; `done` where it was."""
    return answer.outcome if answer.outcome == DONE else untold(answer.body).code


def entries(city: City, remittance: int) -> list[int]:
    """The entries of a batch's file, in order."""
    return [entry for (entry,) in rows(city, "SELECT transfer_id FROM remittance_line WHERE remittance_id = %s AND counted ORDER BY 1", remittance)]


def waiting_fen(city: City, remittance: int) -> int:
    """What of a batch is not answered."""
    found: list[tuple[int]] = rows(city, "SELECT COALESCE(sum(fen), 0)::bigint FROM remittance_line WHERE remittance_id = %s AND state = 'listed'",
                                   remittance)
    return found[0][0]


def standing(city: City) -> list[tuple[Any, ...]]:
    """Batches: how they stand, and their lines by state."""
    return rows(city, "SELECT r.state, r.fen, (SELECT COALESCE(string_agg(l.state, ' ' ORDER BY l.transfer_id), '') FROM remittance_line l"
                      " WHERE l.remittance_id = r.id) FROM remittance r ORDER BY r.id")


def open_cases(city: City) -> list[tuple[Any, ...]]:
    return rows(city, "SELECT cause, fen, transfer_id IS NOT NULL FROM open_case WHERE closed_at IS NULL ORDER BY id")


def money(city: City) -> Mapping[str, int]:
    """What the product's clearing and income accounts have."""
    return dict(rows(city, "SELECT kind, credit_fen - debit_fen FROM account WHERE product = %s AND kind IN ('clearing', 'income')", city.plan.id))


def freeze(city: City, person: int, state: str = "frozen") -> None:
    with owner(city) as connection:
        connection.execute("UPDATE account SET state = %s WHERE owner_id = %s", [state, person])


def sound(city: City) -> list[str]:
    """What the oracle says about money and remittances at this moment."""
    with owner(city) as connection:
        subject = Subject(connection, city.code, city.scheme, city.clock.now())
        return [f"{one.letter} {one.name}: {offender}" for one in checks.verify(subject, MONEY) for offender in one.offenders]


#: What must hold of money and of remittances after every step.
MONEY: Final = [*(check for check in checks.CHECKS if check[0] in "abce"), *remittances.CHECKS]
