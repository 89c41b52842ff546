"""A clinic on a street: people who are insured, hospitals whose systems answer, what their desks send, and the duties turn by turn.

    with clinic_street(pg_url, 4) as street:
        async def story(street: Street) -> None:
            async with clinic_of(street) as clinic:
                told = await clinic.settle(1, "S1")        # 20,000 yuan in scope: 9,800 are offered where nothing came before
                await clinic.turn()                        # what the caretaker does each second, once
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final

import httpx
import msgspec

from huibao.app.claims import Claims, Outside
from huibao.app.engine import Engine
from huibao.core.sealing import Place, seal, unwrap
from huibao.gateways.bank import PayoutBank
from huibao.gateways.hospital import HospitalDesk
from huibao.gateways.notices import NoticeChannel
from huibao.gateways.simulators.model import Said
from huibao.payables.model import Answer as StatementAnswer
from huibao.payables.model import Call, Propose, StatementTold
from huibao.policies.numbers import read_settlement
from huibao.record.lane import CommandFailed
from huibao.record.model import DONE, Answer
from huibao.settlement.model import Agree, Confirm, MovedTold, SettlementTold, Withdraw
from huibao.web.engine import Command
from tests.app.street import SECRET, Street, street_of, until
from tests.books import KEYRING, Someone, owner
from tests.record.clerk import lonely
from tests.settlement.rounds import insure
from tests.settlement.ward import BILLED, bill, found_hospitals, reversal

#: What 20,000 yuan in scope pay where nothing came before, (20000 − 500 − 5500) × 70%, and 3,000 after that, (3000 − 500) × 70%.
FIRST, NEXT = 980_000, 175_000
#: When an offer is asked about.
CONFIRM: Final = timedelta(hours=24)
DAY_S, SECOND_S = timedelta(days=1), timedelta(seconds=1)
#: Long enough for an answer on this machine, short enough to wait for one that never comes.
PATIENCE_S: Final = 0.5
ACCOUNT: Final = "6222000000000000001"

_KEYS: Final = count(1)


@contextmanager
def clinic_street(pg_url: str, people: int, *more: Someone) -> Iterator[Street]:
    """A street of Liuzhou where everybody is insured; it is an ordinary day, forty days later."""
    with street_of(pg_url, [*lonely(people), *more], premium="100", scheme="liuzhou") as street:
        with owner(street.city) as connection:
            found_hospitals(street.city, connection)
        insure(street.city, *((n,) for n in range(1, people + 1)))
        street.city.clock.set(BILLED)
        yield street


@dataclass
class Clinic:
    """`asked` has what each hospital's system, the bank and the notice channel were asked, in order."""

    street: Street
    engine: Engine
    claims: Claims
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    # ── the duties ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def turn(self, times: int = 1) -> None:
        """So many turns of the caretaker, one after the other."""
        programme = self.engine.programmes[self.street.city.code]
        for _ in range(times):
            async with self.engine._pool.connection() as connection:
                await self.claims.look_after(connection, programme)

    def asks(self, system: str, method: str = "GET") -> int:
        """How often a system was asked something."""
        return sum((name, how) == (system, method) for name, how, _ in self.asked)

    def fails_at(self, wanted: Callable[[Command], bool]) -> None:
        """A fault of ours: of what the duties submit, such commands cannot be carried out; none, once nothing is wanted."""
        submit = type(self.engine).submit

        async def failing(programme: str, principal: str, route: str, key: str, body: bytes, command: Command, *more: Any) -> Answer:
            if wanted(command):
                raise CommandFailed("planted")
            return await submit(self.engine, programme, principal, route, key, body, command, *more)

        setattr(self.engine, "submit", failing)  # noqa: B010 - a method in a method's place

    def listen_in(self) -> None:
        outside = self.street.outside
        for name, system in ({"bank": outside.bank, "notices": outside.notices} | dict(outside.hospitals)).items():
            setattr(system, "answer", self._listening(name, system.answer))  # noqa: B010 - a method in a method's place

    def _listening(self, name: str, answer: Any) -> Any:
        async def listening(method: str, path: str, body: bytes) -> Said:
            self.asked.append((name, method, path))
            said: Said = await answer(method, path, body)
            return said

        return listening

    # ── desks ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def submit(self, command: Command) -> Answer:
        return await self.engine.submit(self.street.city.code, "clinic", "desk", f"clinic-{next(_KEYS)}", repr(command).encode(), command)

    async def done(self, command: Command) -> bytes:
        answer = await self.submit(command)
        assert answer.outcome == DONE, answer.body.decode()
        return answer.body

    async def settle(self, person: int, setl_id: str, in_scope: str = "20000", **more: Any) -> SettlementTold:
        command = bill(person, setl_id, city=self.street.city, in_scope=in_scope, at=self.street.city.clock.now(), **more)
        return msgspec.json.decode(await self.done(command), type=SettlementTold)

    async def confirm(self, told: SettlementTold) -> MovedTold:
        return await self.moved(Confirm(7, self.id(told), told.pay_fen))

    async def withdraw(self, told: SettlementTold) -> MovedTold:
        """Not deducted, and basic insurance stands: the person is paid."""
        return await self.moved(Withdraw(7, self.id(told), True))

    async def reverse(self, setl_id: str, of: str) -> MovedTold:
        return await self.moved(reversal(setl_id, of))

    async def moved(self, command: Command) -> MovedTold:
        return msgspec.json.decode(await self.done(command), type=MovedTold)

    def id(self, told: SettlementTold) -> int:
        found = read_settlement(self.street.city.code, told.settlement)
        assert found is not None, told
        return found

    async def agree(self, person: int, account: str | None = ACCOUNT) -> None:
        self.street.city.clock.advance(SECOND_S)
        await self.done(Agree(7, person, account))

    def phone(self, person: int, number: str) -> None:
        """The person's number as it is known now."""
        code = self.street.city.code
        with owner(self.street.city) as connection:
            row = connection.execute("SELECT wrapped FROM person_key WHERE person_id = %s", [person]).fetchone()
            assert row is not None
            sealed = seal(unwrap(KEYRING, code, person, row[0]), number.encode(), Place(code, "person", person, "phone_sealed"))
            connection.execute("UPDATE person SET phone_sealed = %s WHERE id = %s", [sealed, person])

    # ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def statement(self, hospital: str = "H1") -> StatementTold:
        """What the product owes a hospital today, proposed and agreed."""
        city = self.street.city
        proposed = await self.done(Propose(7, "lead", hospital, city.plan.id, (city.clock.now() + DAY_S).date()))
        made = msgspec.json.decode(proposed, type=StatementTold)
        return msgspec.json.decode(await self.done(StatementAnswer(7, hospital, made.statement, True)), type=StatementTold)

    async def call(self) -> None:
        await self.done(Call(7, "lead", self.street.city.plan.id))

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        return self.street.rows(statement, *given)

    def standing(self) -> dict[str, tuple[str, str]]:
        """How each settlement stands, and who is paid for it."""
        return {setl_id: (state, payee) for setl_id, state, payee in self.rows("SELECT setl_id, state, payee FROM settlement")}

    def cases(self) -> list[tuple[Any, ...]]:
        """Open cases: kind, cause, which settlement, fen."""
        return self.rows("SELECT kind, cause, setl_id, fen FROM open_case WHERE closed_at IS NULL ORDER BY id")

    def payouts(self) -> list[tuple[Any, ...]]:
        """Payouts: how they stand, which try, how much."""
        return self.rows("SELECT state, tries, fen FROM payout ORDER BY id")

    def balances(self) -> dict[str, int]:
        """What is on each account of claims, by kind or by insurer; nothing where it is even."""
        found = self.rows("SELECT kind, party, credit_fen - debit_fen FROM account WHERE kind IN ('claims', 'claimant', 'hospital', 'insurer', 'payout')"
                          " AND credit_fen <> debit_fen ORDER BY 1, 2")
        return {party if kind == "insurer" else kind: fen for kind, party, fen in found}

    def income(self) -> list[tuple[Any, ...]]:
        """Everything that ever moved on income accounts."""
        return self.rows("SELECT a.product, t.kind, a.debit_fen, a.credit_fen, count(*) FROM account a JOIN transfer t ON a.id IN (t.debit_id, t.credit_id)"
                         " WHERE a.kind = 'income' GROUP BY 1, 2, 3, 4")

    def events(self) -> int:
        return int(self.rows("SELECT count(*) FROM event")[0][0])

    async def becomes(self, statement: str, *wanted: tuple[Any, ...]) -> None:
        """Waits until the database says so by itself."""
        async def is_it() -> bool:
            return self.rows(statement) == list(wanted)
        await until(is_it)


@asynccontextmanager
async def clinic_of(street: Street, cares: bool = False) -> AsyncIterator[Clinic]:
    """An engine that serves. Its own caretaker leaves claims to the clinic's turns, unless it `cares`; neither has much patience."""
    async with street.serving() as engine:
        impatient(street, engine._caretaker._claims._outside, engine._client)
        if not cares:
            setattr(engine._caretaker._claims, "look_after", nothing)  # noqa: B010 - a method in a method's place
        clinic = Clinic(street, engine, duties(street, engine))
        clinic.listen_in()
        yield clinic


async def nothing(*_: object) -> None:
    """A duty that is somebody else's."""


def duties(street: Street, engine: Engine) -> Claims:
    """The duties about settlements as another process would do them."""
    outside = Outside(engine._client, street.url, SECRET, street.city.clock)
    impatient(street, outside, engine._client)
    return Claims(engine, outside)


def impatient(street: Street, outside: Outside, client: httpx.AsyncClient) -> None:
    clock = street.city.clock
    outside.hospital = lambda endpoint, id: HospitalDesk(client, endpoint, id, SECRET, clock, PATIENCE_S)
    outside.bank = PayoutBank(client, f"{street.url}/bank", SECRET, clock, PATIENCE_S)
    outside.notices = NoticeChannel(client, f"{street.url}/notices", SECRET, clock, PATIENCE_S)


async def owed_to_person(clinic: Clinic, person: int = 1, setl_id: str = "S1", account: str | None = ACCOUNT) -> int:
    """9,800 yuan are due to a person's account, if there is one; the payout's number."""
    if account:
        await clinic.agree(person, account)
    await clinic.withdraw(await clinic.settle(person, setl_id))
    [(payout,)] = clinic.rows("SELECT max(id) FROM payout")
    return int(payout)


def paid(street: Street) -> list[tuple[str, str, int]]:
    """What the bank really paid: under which reference after the programme's, to which account, how much."""
    return [(one.reference.removeprefix(f"{street.city.code}-"), one.account, one.fen) for one in street.outside.bank.paid]
