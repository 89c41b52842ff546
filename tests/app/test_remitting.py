"""The caretaker and the bank: whatever befalls the bank's answers, a batch is paid once, and nothing is booked without its word."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any, Final

import msgspec
import pytest

from huibao.app import caretaker
from huibao.app.engine import Engine
from huibao.app.remitting import Remitting
from huibao.gateways.bank import BankUnreachable, PayoutBank, PayoutState
from huibao.gateways.simulators.model import Said, no
from huibao.record.lane import CommandFailed
from huibao.record.model import DONE, Answer
from huibao.remittance.files import RETURN_COLUMNS, read_return
from huibao.remittance.model import AccountTold, BatchTold, CallBack, Command, Decide, Make, ReadBack, Register
from huibao.remittance.schedule import start_of
from tests.app.street import SECOND, SECRET, Street, street_of
from tests.books import DAY, buy, verify
from tests.books import run as buys
from tests.record.clerk import lonely

#: Long enough for an answer on this machine, short enough to wait for one that never comes.
PATIENCE_S: Final = 0.5
FEN, PEOPLE = 10_000, 4
#: A Thursday, well past the delay of an account that was approved on DAY; in the scheme batches are due on Mondays, the 1st and the 15th.
LATER: Final = DAY + timedelta(days=10)

_KEYS: Final = count(1)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caretaker keeps out of it: turns are the test's, which knows when they are over."""
    async def never(*_: object) -> None: ...

    monkeypatch.setattr(caretaker, "EVERY_S", 3_600)
    monkeypatch.setattr(caretaker.Caretaker, "_each", never)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, lonely(PEOPLE + 4), premium="100") as made:
        buys(made.city, [buy(made.city, n) for n in range(1, PEOPLE + 1)])
        yield made


class Office:
    """The agency's office beside an engine, and the duties turn by turn."""

    def __init__(self, street: Street, engine: Engine) -> None:
        self.street, self.engine = street, engine
        self.duties = Remitting(engine, PayoutBank(engine._client, f"{street.url}/bank", SECRET, street.city.clock, PATIENCE_S))

    async def turn(self, times: int = 1) -> None:
        for _ in range(times):
            await self.duties.look_after(self.street.city.running)

    async def does(self, command: Command) -> Answer:
        body = repr(command).encode()
        answer = await self.engine.submit(self.street.city.code, "office", "route", f"office-{next(_KEYS)}", body, command)
        assert answer.outcome == DONE, answer.body.decode()
        return answer

    async def open_account(self, number: str = "6222000000000000123") -> None:
        self.street.city.clock.set(DAY, backwards=True)
        account = msgspec.json.decode((await self.does(Register(1, "lead", "某某银行", "甲", number, "0891-1"))).body, type=AccountTold).account
        await self.does(CallBack(2, account, "0891-1", "confirmed"))
        await self.does(Decide(2, account, True))
        self.street.city.clock.set(LATER)

    async def make(self) -> BatchTold:
        made = await self.does(Make(1, self.street.city.plan.id, start_of(LATER.date())))
        return msgspec.json.decode(made.body, type=BatchTold)

    async def file(self, batch: BatchTold, *rows: str) -> None:
        read = read_return("\n".join([",".join(RETURN_COLUMNS), *rows]).encode())
        assert not isinstance(read, str)
        await self.does(ReadBack(1, batch.remittance, *read))

    def paid(self) -> list[tuple[str, str, int, str]]:
        """What the bank paid: reference, account, fen, out of which."""
        return [(one.reference.split("-", 1)[1], one.account, one.fen, one.out_of) for one in self.street.outside.bank.paid]

    def stands(self) -> list[tuple[Any, ...]]:
        return self.street.rows("SELECT state, fen, (SELECT string_agg(l.state, ' ') FROM remittance_line l WHERE l.remittance_id = r.id)"
                                " FROM remittance r ORDER BY id")

    def moved(self) -> list[tuple[Any, ...]]:
        return self.street.rows("SELECT kind, sum(fen)::bigint FROM transfer WHERE remittance_id IS NOT NULL GROUP BY kind ORDER BY 1")

    def cases(self) -> list[tuple[Any, ...]]:
        return self.street.rows("SELECT cause, fen FROM open_case WHERE closed_at IS NULL ORDER BY id")


@asynccontextmanager
async def office_of(street: Street, *, account: bool = True) -> AsyncIterator[Office]:
    async with street.serving() as engine:
        office = Office(street, engine)
        street.city.clock.set(LATER)
        if account:
            await office.open_account()
        yield office


FAULTS: Final = [
    # kind              times
    ("drop",            1),
    ("drop",            2),
    ("error",           1),
    ("half-answer",     1),
    ("wrong-signature", 2),
    ("hold",            2),
]


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize("kind, times", FAULTS)
def test_a_batch_is_paid_once_whatever_befalls_the_banks_answers(street: Street, kind: str, times: int) -> None:
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            made = await office.make()
            await street.fail("bank", kind, times=times)
            await office.turn()
            assert (office.stands(), office.moved()) == ([("sent", PEOPLE * FEN, "listed listed listed listed")], []), "nothing without the bank's word"
            await office.turn(times + 1)
            assert office.paid() == [(f"remittance-{made.remittance}", "6222000000000000123", PEOPLE * FEN, "clearing")]
            assert office.stands() == [("answered", PEOPLE * FEN, "paid paid paid paid")]
            await office.turn(2)
            assert office.moved() == [("premium-remitted", PEOPLE * FEN)]

    street.live(story)
    assert verify(street.city) == []


def test_what_comes_back_goes_with_the_next_batch_under_another_reference(street: Street) -> None:
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            await office.make()
            await street.fail("bank", "return", times=1)
            await office.turn(2)
            assert (office.paid(), office.moved(), office.cases()) == ([], [], [("bank.returned", PEOPLE * FEN)])
            again = await office.make()
            await office.turn(2)
            assert office.paid() == [(f"remittance-{again.remittance}", "6222000000000000123", PEOPLE * FEN, "clearing")]
            assert (office.moved(), office.cases()) == ([("premium-remitted", PEOPLE * FEN)], [])

    street.live(story)
    assert verify(street.city) == []


def test_a_part_waits_for_the_banks_file_and_a_late_return_comes_back(street: Street) -> None:
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            made = await office.make()
            await street.fail("bank", "partial", times=1)
            await office.turn(3)
            assert (office.moved(), office.cases()) == ([], [("bank.partial", 2 * FEN)])
            entries = [entry for (entry,) in street.rows("SELECT transfer_id FROM remittance_line ORDER BY 1")]
            await office.file(made, *(f"line,{entry},,{FEN},failed,R01" for entry in entries[:2]))
            await office.turn()
            assert office.stands() == [("answered", PEOPLE * FEN, "failed failed paid paid")]
            assert (office.moved(), office.cases()) == ([("premium-remitted", 2 * FEN)], [("bank.failed", FEN), ("bank.failed", FEN)])
            assert verify(street.city) == []
            await office.file(made, f"line,{entries[2]},,{FEN},failed,LATE")
            await office.turn(2)
            assert office.moved() == [("premium-remitted", 2 * FEN), ("remittance-returned", FEN)]

    street.live(story)
    assert verify(street.city) == []


def test_a_bank_that_answers_wrongly_moves_nothing(street: Street) -> None:
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            await office.make()
            await street.fail("bank", "wrong-amount", times=3)
            await office.turn(3)
            assert (office.moved(), office.cases()) == ([], [("bank.amount_differs", PEOPLE * FEN + 1)])
            await office.turn()
            assert (office.moved(), office.cases()) == ([("premium-remitted", PEOPLE * FEN)], [])

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.clause("LZ-14")
def test_the_schedule_makes_each_days_batch_once_and_catches_up(street: Street) -> None:
    """Due on Monday the 9th: made on Thursday, since nobody served before; then on the 15th, and on Monday the 16th again."""
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            await office.turn(3)
            assert street.rows("SELECT due_on::text, outcome FROM remittance_run") == [("2026-03-09", "listed")]
            assert office.stands() == [("answered", PEOPLE * FEN, "paid paid paid paid")]
            street.city.clock.set(LATER + timedelta(days=4))
            await office.turn(3)
            assert street.rows("SELECT due_on::text, outcome FROM remittance_run ORDER BY 1") == [
                ("2026-03-09", "listed"), ("2026-03-16", "remittance.nothing_due")]
            assert len(office.paid()) == 1

    street.live(story)
    assert verify(street.city) == []


def test_without_an_account_the_schedule_asks_for_one(street: Street) -> None:
    async def story(street: Street) -> None:
        async with office_of(street, account=False) as office:
            await office.turn(3)
            assert street.rows("SELECT outcome FROM remittance_run") == [("remittance.no_account",)]
            assert office.cases() == [("receiving.none", PEOPLE * FEN)]
            await office.open_account()
            await office.make()
            await office.turn()
            assert office.cases() == []
            assert office.paid()[0][2] == PEOPLE * FEN

    street.live(story)
    assert verify(street.city) == []


# ── one that is odd ──────────────────────────────────────────────────────────────────────────────────────────────────

def odd(street: Street, reference: str, status: int) -> None:
    """The bank answers so whenever it is asked about one payout."""
    answer = street.outside.bank.answer

    async def answering(method: str, path: str, body: bytes) -> Said:
        return no(status, "bank.odd") if path.endswith(reference) else await answer(method, path, body)

    setattr(street.outside.bank, "answer", answering)  # noqa: B010 - a method in a method's place


@pytest.mark.parametrize("status", [500, 401, 422])
def test_a_batch_that_the_bank_cannot_answer_for_holds_up_no_other(street: Street, status: int) -> None:
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            first = await office.make()
            odd(street, f"remittance-{first.remittance}", status)
            await asyncio.to_thread(buys, street.city, [buy(street.city, PEOPLE + 1)])
            street.city.clock.set(LATER)
            second = await office.make()
            await office.turn(2)
            assert f"remittance-{second.remittance}" in [reference for reference, *_ in office.paid()]
            assert [state for state, *_ in office.stands()] == ["sent", "answered"]

    street.live(story)


def test_a_batch_that_the_bank_is_silent_about_holds_up_no_other(street: Street) -> None:
    """Its silence ends the turn; the next one begins behind it."""
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            first = await office.make()
            await asyncio.to_thread(buys, street.city, [buy(street.city, PEOPLE + 1)])
            street.city.clock.set(LATER)
            await office.make()
            ask = office.duties._bank.ask

            async def silent(reference: str) -> PayoutState:
                if reference.endswith(f"-{first.remittance}"):
                    raise BankUnreachable("silent")
                return await ask(reference)

            setattr(office.duties._bank, "ask", silent)  # noqa: B010 - as above
            await office.turn()
            assert [state for state, *_ in office.stands()] == ["sent", "listed"]
            await office.turn()
            assert [state for state, *_ in office.stands()] == ["sent", "answered"]

    street.live(story)


def test_a_product_whose_batch_cannot_be_made_holds_up_no_other(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            first, second = sorted((street.city.plan.id, SECOND))
            submit = office.engine.submit

            async def failing(programme: str, *request: Any) -> Answer:
                if isinstance(request[-1], Make) and request[-1].product == first:
                    raise CommandFailed("this command failed")
                return await submit(programme, *request)

            monkeypatch.setattr(office.engine, "submit", failing)
            await office.turn()
            assert street.rows("SELECT product FROM remittance_run") == [(second,)]

    with street_of(pg_url, lonely(2), premium="100", sold={SECOND: "second"}) as street:
        buys(street.city, [buy(street.city, 1), buy(street.city, 2, product=SECOND)])
        street.live(story)
