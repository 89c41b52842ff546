"""A ward: a service of its own with lanes as the application has them, two products of two leads, hospitals, and insured people.

    told = ward.settled(ward.bill(ward.someone(), yuan=1_100)).json()      # an accident: (1,100 − 100) × 90%
    assert told["pay_fen"] == 900_00
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from typing import Any, Final

import httpx
import psycopg

from huibao.app import families
from huibao.benefits import loading as plans
from huibao.catalogue.listing import load_product, put_on_sale, record_connection_test
from huibao.core.batcher import Batcher, Bounds, Urgency
from huibao.core.money import plain_yuan
from huibao.db.connect import connect_owner, connect_service
from huibao.db.migrate import migrate
from huibao.record.lane import Lane
from huibao.record.model import Answer, Request, body_digest, key_digest
from huibao.scheme import loading as schemes
from huibao.web.engine import Command
from tests.books import another
from tests.database import MADE_AT, new_database
from tests.web.running import AREA, ELSEWHERE, HERE, HOSPITAL, NOW, PRODUCT, Desk, Running, add_person, made

#: When bills arrive: past the waiting period of who bought at NOW. 10 in the morning in Asia/Shanghai.
LATER: Final = datetime(2026, 3, 10, 2, tzinfo=UTC)
SECOND: Final = "xizang-second-2026"
#: People of the ward: nobody has bought before their test asks for them.
PEOPLE: Final = range(2001, 2501)
NDJSON: Final = {"Content-Type": "application/x-ndjson"}
JSON: Final = {"Content-Type": "application/json"}

_NUMBERS: Final = count(1)

Message = dict[str, Any]


class Lanes(Running):
    """The engine with a queue and a lane per family, as in the application. `bounds` says what fits a queue."""

    def __init__(self, url: str, bounds: Bounds | None = None) -> None:
        super().__init__(url)
        self.batcher: Batcher[Any, Answer] = Batcher(bounds or Bounds())
        self._lanes: list[tuple[asyncio.Task[None], Lane[Any, Any]]] = []

    async def submit(
        self, programme: str, principal: str, route: str, key: str, body: bytes, command: Command, urgency: Urgency = "interactive"
    ) -> Answer:
        self.start()
        return await self.batcher.submit(
            families.queue(programme, command), key_digest(principal, key), body_digest(principal, route, programme, body), command, urgency)

    def start(self) -> None:
        """Starts the lanes, once."""
        if not self._lanes:
            works = {queue: (f"p_{queue.partition(' ')[0]}", work) for queue, work in self.works.items()}
            lane: Lane[Any, Any] = Lane(lambda: connect_service(self.url), self.clock, works)
            self._lanes.append((asyncio.get_running_loop().create_task(self.batcher.serve(works, lane.run)), lane))

    async def close(self) -> None:
        for task, lane in self._lanes:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await lane.close()
        await super().close()


@dataclass
class Ward(Desk):
    """Sends what hospitals, insurers, agencies and members send."""

    engine: Running
    runner: asyncio.Runner
    _people: Iterator[int] = field(default_factory=lambda: iter(PEOPLE))

    def __post_init__(self) -> None:
        Desk.__init__(self, self.engine, self.runner)

    # ── who there is ─────────────────────────────────────────────────────────────────────────────────────────────────

    def someone(self, *products: str, at: datetime = NOW) -> int:
        """Somebody new, insured with these products, or with the first, from the day after `at`."""
        person = next(self._people)
        self.engine.clock.set(at, backwards=True)
        for product in products or (PRODUCT,):
            terms = self.send("GET", f"/v1/{HERE}/products/{product}").json()["terms_digest"]
            wish = self.wish(person) | {"product": product}
            bought = self.post("/purchases", self.member(person), wish | {"consent": wish["consent"] | {"terms": terms}})
            assert (bought.status_code, bought.json()["state"]) == (201, "completed"), bought.text
        self.engine.clock.set(LATER, backwards=True)
        return person

    def stranger(self) -> int:
        """Somebody new who has bought nothing."""
        return next(self._people)

    def new_hospital(self) -> str:
        """A hospital that nobody has been in."""
        id = f"N{next(_NUMBERS)}"
        with self.owner() as connection:
            connection.execute("INSERT INTO hospital VALUES (%s, %s, %s, 3, '2020-01-01', NULL, true)", [id, f"医院{id}（示例）", AREA])
        return id

    def hospital(self, id: str = HOSPITAL) -> str:
        return self.token("provider", provider=id)

    def insurer(self, id: str = "anxin") -> str:
        return self.token("insurer", insurer=id)

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def post(self, path: str, who: str | None, asked: Any = None, key: str | None = None, programme: str = HERE) -> httpx.Response:
        """Posts JSON, or bytes as they are, under a key of its own unless given."""
        content = asked if isinstance(asked, bytes) else json.dumps(asked, ensure_ascii=False).encode()
        headers = JSON | {"Idempotency-Key": key or f"ward-key-{next(_NUMBERS)}"}
        return self.send("POST", f"/v1/{programme}{path}", who, content=content, headers=headers)

    def get(self, path: str, who: str | None) -> Any:
        answer = self.send("GET", f"/v1/{HERE}{path}", who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settle(self, message: Message | bytes, who: str | None = None, key: str | None = None) -> httpx.Response:
        return self.post("/settlements", who or self.hospital(), message, key)

    def settled(self, message: Message, who: str | None = None) -> dict[str, Any]:
        """The answer to a settlement that must be taken up."""
        answer = self.settle(message, who)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def confirmed(self, message: Message, hospital: str = HOSPITAL) -> dict[str, Any]:
        """A settlement that was deducted."""
        told = self.settled(message, self.hospital(hospital))
        answer = self.post(f"/settlements/{told['settlement']}/confirmations", self.hospital(hospital), {"deducted_fen": told["pay_fen"]})
        assert (answer.status_code, answer.json()["state"]) == (201, "confirmed"), answer.text
        return told

    def file(self, lines: Sequence[Message | bytes], who: str | None = None, key: str = "the-file-1") -> httpx.Response:
        """Sends lines as one file."""
        content = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        return self.send("POST", f"/v1/{HERE}/settlement-files", who or self.hospital(), content=content,
                         headers=NDJSON | {"Idempotency-Key": key})

    def does(self, request: Request[Any], programme: str = HERE) -> Answer:
        """What the service does by itself."""
        return self.run(self.engine.submit(programme, *request))

    def at(self, when: datetime) -> None:
        """Sets the clock."""
        self.engine.clock.set(when, backwards=True)

    # ── what stands in the database ──────────────────────────────────────────────────────────────────────────────────

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async def read() -> list[tuple[Any, ...]]:
            async with self.engine.reading(HERE) as connection:
                return await (await connection.execute(statement, values)).fetchall()

        return self.run(read())

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[Any]]:
        with connect_owner(self.engine.url) as connection, connection.transaction():
            connection.execute(f"SET LOCAL search_path TO p_{HERE}")
            yield connection

    def standing(self) -> str:
        """Everything that the desk may move, as text: the same after what was refused or only estimated."""
        return "\n".join(str(self.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1")) for table in MOVED)  # noqa: S608


#: What a refusal leaves as it is.
MOVED: Final = ("settlement", "payment", "accumulator", "reversal", "open_case", "notice", "payout", "transfer", "pool_total", "statement",
                "statement_line", "recovery", "reconciliation", "agreement", "bank_account", "(SELECT * FROM account WHERE debit_fen + credit_fen > 0)")


def number() -> str:
    """A settlement's number that was never used."""
    return f"S2026{next(_NUMBERS):06d}"


def setlinfo(person: int | str, yuan: int | str = 1_100, *, fund: int = 0, day: date = date(2026, 3, 10), **more: Any) -> dict[str, Any]:
    """A bill that leaves `yuan` to the person for items out of every catalogue; an accident, for which nobody waits."""
    left = plain_yuan(int(yuan) * 100)
    found = {
        "setl_id": number(), "psn_no": person if isinstance(person, str) else f"psn{person}", "setl_time": f"{day} 09:58:41",
        "med_type": "22", "insutype": "310", "medfee_sumamt": plain_yuan((int(yuan) + fund) * 100), "inscp_scp_amt": plain_yuan(fund * 100),
        "fulamt_ownpay_amt": left, "preselfpay_amt": "0.00", "overlmt_selfpay": "0.00", "fund_pay_sumamt": plain_yuan(fund * 100),
        "hifp_pay": plain_yuan(fund * 100), "acct_pay": "0.00", "psn_cash_pay": left, "psn_part_amt": left}
    found["mdtrt_id"] = f"V-{found['setl_id']}"
    return {name: value for name, value in (found | more).items() if value != "absent"}


def bill(person: int | str, yuan: int | str = 1_100, transaction: str = "2304", **more: Any) -> Message:
    """The message of such a bill; what is `absent` is left out."""
    return {"transaction": transaction, "answer": {"infcode": 0, "output": {"setlinfo": setlinfo(person, yuan, **more)}},
            "visit": {"begndate": "2026-03-06", "enddate": "2026-03-10", "dise_codg": "S72.000"}}


def reversal(of: str, person: int | str | None = None, **more: Any) -> Message:
    """The message that takes a settlement back, without amounts."""
    said = {"setl_id": number(), "setl_time": "2026-03-11 10:00:00"} | ({"psn_no": f"psn{person}"} if person else {}) | more
    return {"transaction": "2305", "answer": {"infcode": 0, "output": {"setlinfo": said}}, "request": {"data": {"setl_id": of}}}


def info(message: Message) -> dict[str, Any]:
    """The setlinfo of a message."""
    found: dict[str, Any] = message["answer"]["output"]["setlinfo"]
    return found


@contextmanager
def ward_of(pg_url: str, name: str, bounds: Bounds | None = None) -> Iterator[Ward]:
    """A ward in a database of its own."""
    with new_database(pg_url, name) as url, asyncio.Runner() as runner:
        migrate(url, MADE_AT)
        engine = made(url, Lanes(url, bounds))
        ward = Ward(engine, runner)
        _found(ward)
        try:
            yield ward
        finally:
            runner.run(engine.close())


def _found(ward: Ward) -> None:
    insurers: Mapping[str, tuple[str, int]] = {"zhongtai": ("中泰", 1), "hongtu": ("宏图", 1), "anxin": ("安心", 1)}
    scheme, plan = schemes.builtin("xizang"), another(plans.builtin(PRODUCT), SECOND)
    with ward.owner() as connection:
        for person in PEOPLE:
            add_person(connection, ward.engine.keyring, HERE, person)
        load_product(connection, scheme, "scheme", plan, insurers, NOW)
        record_connection_test(connection, "zhongtai", True, "全部报文往返一致。", 1, NOW)
        assert put_on_sale(connection, scheme, plan, date(2026, 1, 1), date(2026, 3, 31), "reviewed-list") is None
    assert ELSEWHERE in ward.engine.programmes
