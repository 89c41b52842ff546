"""A ward beside a small city: hospitals, insured people, bills of basic insurance, and a lane that settles them.

    ward = Ward(city)
    ward.insure(1)
    [told] = ward.settle(bill(1, "S1", self_paid="30000"))
    assert told.pay_fen == …
    assert verify(city) == []
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, Final, Self

import msgspec
import psycopg
from psycopg import AsyncConnection

from huibao.core.batcher import Waiting
from huibao.core.money import fen, plain_yuan
from huibao.core.sealing import Place, seal, unwrap
from huibao.db.connect import connect_service
from huibao.enrolment.model import Paid
from huibao.policies.numbers import read_settlement
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, Connection, body_digest, key_digest
from huibao.settlement.model import Command, Confirm, MovedTold, Reverse, Settle, SettlementTold, Way, Withdraw
from huibao.settlement.state import State
from huibao.settlement.work import Desk
from tests.books import DAY, FOUNDED, KEYRING, City, buy, order, order_id, owner
from tests.books import run as run_orders

INDEX_KEY: Final = bytes(range(32))
#: Who bought on DAY is covered from the next day on; bills are of an ordinary day a month later.
BILLED: Final = DAY + timedelta(days=40)
#: Hospitals: number, name, grade, designated, desk.
HOSPITALS: Final = (("H1", "第一人民医院（示例）", 3, True, True), ("H2", "中医医院（示例）", 2, True, True),
                    ("H3", "民营医院（示例）", 2, False, True), ("H9", "外市医院（示例）", 3, False, False))

_KEYS: Final = count(1)


def found_hospitals(city: City, connection: psycopg.Connection[Any]) -> None:
    """The city's hospitals; the last lies elsewhere and is outside the desk."""
    for id, name, grade, designated, desk in HOSPITALS:
        area = city.running.area if desk else "440100"
        connection.execute("INSERT INTO hospital VALUES (%s, %s, %s, %s, %s, NULL, %s)",
                           [id, name, area, grade, FOUNDED.date() if designated else None, desk])


def bill(
    person: int | str, setl_id: str, *, hospital: str = "H1", way: Way = "desk", visit: str | None = None, in_scope: str = "0", prepaid: str = "0",
    over: str = "0", self_paid: str = "0", fund: str = "0", account: str = "0", med_type: str = "21", diagnosis: str = "J18.900",
    begin: date | None = None, end: date | None = None, at: datetime = BILLED, promises: bool = True, city: City | None = None,
    lines: Sequence[dict[str, Any]] = (), **more: Any,
) -> Settle:
    """A settlement whose four parts are left to the person; `fund` was paid before, within scope. Amounts in yuan."""
    parts = {"in_scope": fen(in_scope), "prepaid": fen(prepaid), "over": fen(over), "self": fen(self_paid)}
    total = sum(parts.values()) + fen(fund)
    row = {
        "setl_id": setl_id, "psn_no": person if isinstance(person, str) or city is None else psn_no(city, person), "mdtrt_id": visit or f"V-{setl_id}",
        "setl_time": f"{at + timedelta(hours=8):%Y-%m-%d %H:%M:%S}", "med_type": med_type, "dise_codg": diagnosis,
        "begndate": (begin or at.date() - timedelta(days=5)).isoformat(), "enddate": (end or at.date()).isoformat(), "insutype": "310",
        "medfee_sumamt": plain_yuan(total), "inscp_scp_amt": plain_yuan(parts["in_scope"] + fen(fund)), "preselfpay_amt": plain_yuan(parts["prepaid"]),
        "overlmt_selfpay": plain_yuan(parts["over"]), "fulamt_ownpay_amt": plain_yuan(parts["self"]), "fund_pay_sumamt": fund, "hifp_pay": fund,
        "acct_pay": account, "psn_cash_pay": plain_yuan(sum(parts.values()) - fen(account)), "psn_part_amt": plain_yuan(sum(parts.values())),
        **more,
    }
    return Settle(7, way, hospital, row, tuple(lines), (), promises)


def reversal(setl_id: str, of: str, hospital: str = "H1", **more: Any) -> Reverse:
    """A reversing settlement without amounts."""
    return Reverse(7, "desk", hospital, {"setl_id": setl_id, "reverses": of, "setl_time": "2026-05-01 10:00:00", **more})


def standing(city: City) -> str:
    """Everything that settling may move, as text: the same after what was refused or only estimated."""
    tables = ("settlement", "payment", "accumulator", "reversal", "open_case", "notice", "payout", "transfer", "pool_total",
              "account WHERE debit_fen + credit_fen > 0")
    with owner(city) as connection:
        return "\n".join(str(connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()) for table in tables)  # noqa: S608


def psn_no(city: City, person: int) -> str:
    return f"{city.code}{person:08d}"


@dataclass(slots=True)
class Ward:
    """A lane of the desk that stays open. Times are those of BILLED unless said."""

    city: City
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    lane: Lane[Command, State] = field(init=False)

    def __post_init__(self) -> None:
        self.lane = Lane(self._connect, self.city.clock, {self.city.code: (self.city.schema, Desk(self.city.running, KEYRING, INDEX_KEY))})
        with owner(self.city) as connection:
            if connection.execute("SELECT FROM hospital LIMIT 1").fetchone() is None:
                found_hospitals(self.city, connection)

    async def _connect(self) -> Connection:
        connection: AsyncConnection[Any] = await connect_service(self.city.url)
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.runner.run(self.lane.close())
        self.runner.close()

    # ── what there is before ─────────────────────────────────────────────────────────────────────────────────────────

    def insure(self, *people: int, at: datetime = DAY) -> None:
        """Each buys for themselves, in cash where there is no account, and pays."""
        for person in people:
            [answer] = run_orders(self.city, [buy(self.city, person, at=at)], at)
            assert order(answer).state == "completed", answer.body.decode()

    def buys(self, buyer: int, *insured: int, at: datetime = DAY, product: str | None = None) -> None:
        """One order for everybody named, in cash, paid at once; nobody named is the buyer."""
        [answer] = run_orders(self.city, [buy(self.city, buyer, *insured, at=at, pay_with="cash", product=product)], at)
        if order(answer).state == "awaiting-payment":
            [answer] = run_orders(self.city, [Paid(1, order_id(self.city, answer), order(answer).cash_fen, "ref")], at)
        assert order(answer).state == "completed", answer.body.decode()

    def looked_back(self, person: int, codes: str = "none") -> None:
        """Somebody looked for earlier diagnoses, and found these."""
        self._sealed("look_back", person, codes)

    def agrees(self, person: int, account: str = "6222000000000000001") -> None:
        """The person agrees to be paid without an application, to this account."""
        self._sealed("bank_account", person, account)
        with owner(self.city) as connection:
            connection.execute("INSERT INTO agreement (person_id, kind, given_at, credential) VALUES (%s, 'pay-without-application', %s, 1)", [person, FOUNDED])

    def _sealed(self, table: str, person: int, text: str) -> None:
        with owner(self.city) as connection:
            row = connection.execute("SELECT wrapped FROM person_key WHERE person_id = %s", [person]).fetchone()
            assert row is not None
            sealed = seal(unwrap(KEYRING, self.city.code, person, row[0]), text.encode(), Place(self.city.code, table, person, "sealed"))
            connection.execute(f"UPDATE {table} SET known_to = %s WHERE person_id = %s AND known_to IS NULL", [FOUNDED, person])  # noqa: S608
            connection.execute(f"INSERT INTO {table} (person_id, sealed, known_from) VALUES (%s, %s, now())", [person, sealed])  # noqa: S608

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, *commands: Command, at: datetime = BILLED, keys: Sequence[str] | None = None) -> list[Answer]:
        """The answers of one batch, each command under a key of its own unless given."""
        self.city.clock.set(at, backwards=True)
        return self.runner.run(self._batch(commands, keys or [f"ward-{next(_KEYS)}" for _ in commands]))

    async def _batch(self, commands: Sequence[Command], keys: Sequence[str]) -> list[Answer]:
        loop = asyncio.get_running_loop()
        batch = [
            Waiting[Command, Answer](key_digest("ward", key), body_digest("ward", "desk", self.city.code, repr(command).encode()), command, 0,
                                     loop.create_future())
            for command, key in zip(commands, keys, strict=True)]
        answers = []
        for answer in await self.lane.run(self.city.code, batch):
            if isinstance(answer, Exception):
                raise answer
            answers.append(answer)
        return answers

    def settle(self, *bills: Settle, at: datetime = BILLED) -> list[SettlementTold]:
        """Settlements that must be taken up."""
        return [settled(answer) for answer in self.run(*bills, at=at)]

    def confirm(self, *told: SettlementTold, at: datetime = BILLED) -> list[MovedTold]:
        """The hospital deducted what was offered."""
        return [moved(answer) for answer in self.run(
            *(Confirm(7, self.id(one), one.pay_fen) for one in told), at=at)]

    def withdraw(self, told: SettlementTold, stands: bool = True, at: datetime = BILLED) -> MovedTold:
        [answer] = self.run(Withdraw(7, self.id(told), stands), at=at)
        return moved(answer)

    def id(self, told: SettlementTold) -> int:
        found = read_settlement(self.city.code, told.settlement)
        assert found is not None, told
        return found


def settled(answer: Answer) -> SettlementTold:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=SettlementTold)


def moved(answer: Answer) -> MovedTold:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=MovedTold)
