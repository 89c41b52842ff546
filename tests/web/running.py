"""The API over a real database with two programmes and a few people; only who checks faces and who takes cash stand in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx
import psycopg
from psycopg import AsyncConnection

from huibao.app import families
from huibao.benefits import loading as plans
from huibao.catalogue import shelf as catalogue
from huibao.catalogue.listing import load_product, put_on_sale, record_connection_test
from huibao.catalogue.model import Programme, Shelf
from huibao.core.batcher import Urgency, Waiting
from huibao.core.chain import genesis
from huibao.core.clock import SimulatedClock
from huibao.core.sealing import Keyring, Place, new_person_key, seal
from huibao.db import arrays
from huibao.db.connect import connect_owner, connect_service
from huibao.db.migrate import create_programme
from huibao.db.wire import Wire
from huibao.enrolment.model import IdentityCheck
from huibao.gateways.insurers import ConnectionReport
from huibao.record import batch
from huibao.record.model import Answer, body_digest, key_digest
from huibao.scheme import loading as schemes
from huibao.web import credentials
from huibao.web.app import build
from huibao.web.credentials import Grant, Role
from huibao.web.engine import Command, Instructions
from huibao.web.tokens import mac, sign_check

NOW: Final = datetime(2026, 1, 5, 1, 30, tzinfo=UTC)
HERE, ELSEWHERE = "990000", "990001"
PRODUCT: Final = "xizang-example-2026"
#: A buyer and the parent; a stranger; somebody of another area.
BUYER, PARENT, STRANGER, FAR = 1001, 1002, 1003, 1004
#: Their account has next to nothing left of the year's limit, so that their orders wait for cash.
SPENT, SPENT_TOO = 1005, 1006
#: They have bought nothing until their test does.
NEW, NEW_TOO = 1007, 1008
AREA, FAR_AREA = "9901", "9902"
#: Two hospitals that deduct at their desks, and one elsewhere that does not.
HOSPITAL, OTHER_HOSPITAL, FAR_HOSPITAL = "H1", "H2", "H9"
INDEX_KEY: Final = bytes(range(32))
NAMES: Final = {BUYER: "上官婉莹", PARENT: "上官致远", STRANGER: "欧阳青霜", FAR: "阿依古丽·买买提", SPENT: "司马长风", SPENT_TOO: "司马长云",
                NEW: "诸葛听雨", NEW_TOO: "诸葛听雪"}
IDENTITIES: Final = {id: f"99010119800506{id}" for id in NAMES}


@dataclass
class Identity:
    """Passes whoever gives "passes" as proof."""

    methods: tuple[str, ...] = ("face", "sms", "counter")

    async def check(self, programme: str, person: int, method: str, proof: str) -> IdentityCheck:  # noqa: ARG002
        return IdentityCheck(person, method, proof == "passes", NOW, "ref-1")


@dataclass
class Cash:
    secret: bytes = b"the channel's secret"
    opened: list[tuple[str, str, int]] = field(default_factory=list)

    def genuine(self, notice: bytes, signature: str) -> bool:
        return signature == mac(self.secret, notice).hex()

    async def open(self, programme: str, order: str, fen: int, pay_by: datetime | None) -> Instructions:  # noqa: ARG002
        self.opened.append((programme, order, fen))
        return Instructions("https://pay.example/1", "1")


class Running:
    """The engine, wired plainly: one connection in turns, a batch for each command. `failing` is what it fails with."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = SimulatedClock(NOW)
        self.keyring = Keyring({1: b"k" * 16}, 1)
        self.secret = b"the service's secret"
        self.identity = Identity()
        self.cash = Cash()
        self.failing: Exception | None = None
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection[Any] | None = None
        scheme = schemes.builtin("xizang")
        self.programmes = {code: Programme(code, "测试", AREA, f"p_{code}", scheme) for code in (HERE, ELSEWHERE)}
        self.works = {queue: work for programme in self.programmes.values()
                      for queue, work in families.works(programme, self.keyring, INDEX_KEY).items()}

    async def submit(
        self, programme: str, principal: str, route: str, key: str, body: bytes, command: Command,
        urgency: Urgency = "interactive",  # noqa: ARG002
    ) -> Answer:
        future = asyncio.get_running_loop().create_future()
        item: Waiting[Any, Answer] = Waiting(key_digest(principal, key), body_digest(principal, route, programme, body), command, 0, future)
        async with self.shared() as connection:
            wire = Wire(connection)
            try:
                [answer] = await batch.run(wire, f"p_{programme}", self.works[families.queue(programme, command)], [item], self.clock.now())
            except Exception:
                await connection.close()               # as a lane does: what is half done is undone
                raise
            wire.plain()
            await connection.execute("DEALLOCATE ALL")
        return answer

    @property
    def index_key(self) -> bytes:
        return INDEX_KEY

    @asynccontextmanager
    async def writing(self, programme: str) -> AsyncIterator[AsyncConnection[Any]]:
        async with self.shared() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL search_path TO p_{programme}")
            yield connection

    async def try_insurer(self, programme: str, insurer: str, credential: int) -> ConnectionReport | None:  # noqa: ARG002
        return ConnectionReport(True, ("承保通知：通过。",)) if insurer == "anxin" else None

    def waiting(self, programme: str) -> int:  # noqa: ARG002
        return 0

    @asynccontextmanager
    async def reading(self, programme: str) -> AsyncIterator[AsyncConnection[Any]]:
        async with self.shared() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL search_path TO p_{programme}")
            await connection.execute("SET LOCAL transaction_read_only TO on")
            yield connection

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[AsyncConnection[Any]]:
        async with self._turn:
            if self.failing:
                raise self.failing
            if self._connection is None or self._connection.closed:
                self._connection = await connect_service(self.url)
                arrays.register(self._connection)
            try:
                yield self._connection
            finally:
                if not self._connection.closed:
                    await self._connection.rollback()

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()

    async def shelf(self, programme: str) -> Shelf:
        async with self.reading(programme) as connection:
            return await catalogue.load(connection, 1)


class Desk:
    """Sends requests as somebody, in process."""

    def __init__(self, engine: Running, runner: asyncio.Runner) -> None:
        self.engine = engine
        self.run = runner.run
        self.app = build(engine)
        self._tokens: dict[Grant, tuple[int, str]] = {}

    def send(self, method: str, path: str, who: str | None = None, **request: Any) -> httpx.Response:
        """The answer to one request; `who` is a token."""
        headers = {**({"Authorization": f"Bearer {who}"} if who else {}), **request.pop("headers", {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, headers=headers, **request)

        return self.run(ask())

    def token(self, role: Role, programme: str | None = HERE, **narrowed: Any) -> str:
        """A token of this role, issued once."""
        return self.credential(role, programme, **narrowed)[1]

    def credential(self, role: Role, programme: str | None = HERE, **narrowed: Any) -> tuple[int, str]:
        """Id and token of a credential of this role, issued once."""
        grant = Grant(role, "test", programme, narrowed.pop("expires_at", NOW + timedelta(days=365)), **narrowed)

        async def issue() -> tuple[int, str]:
            async with self.engine.shared() as connection:
                return await credentials.issue(connection, grant, NOW)

        if grant not in self._tokens:
            self._tokens[grant] = self.run(issue())
        return self._tokens[grant]

    def member(self, person: int = BUYER) -> str:
        return self.token("member", person_id=person)

    def checked(self, person: int = BUYER, programme: str = HERE) -> str:
        """The token of a passed identity check, as of now."""
        return sign_check(self.engine.secret, programme, IdentityCheck(person, "sms", True, self.engine.clock.now(), "ref"))

    def wish(self, buyer: int = BUYER, insured: int | None = None, pay_with: str = "account", **more: Any) -> dict[str, Any]:
        """A purchase that is granted, for the buyer or for somebody else."""
        terms = self.send("GET", f"/v1/{HERE}/products/{PRODUCT}").json()["terms_digest"]
        consent = {"terms": terms, "accepted": ["terms", "exclusions", "notice"], "signature": "sign:1", "guardian": False}
        return {"product": PRODUCT, "insured": [{"member": insured or buyer, "tier": "base"}], "pay_with": pay_with, "consent": consent,
                "identity_check": self.checked(buyer), **more}

    def at_counter(self) -> dict[str, Any]:
        """What a clerk says besides: which outlet, and the buyer's consent as presented."""
        return {"counter": {"outlet": "990000-01", "document": "signed-form", "digest": "0" * 64}}

    def buy(self, key: str, buyer: int = BUYER, **wish: Any) -> httpx.Response:
        """A member buys."""
        return self.send("POST", f"/v1/{HERE}/purchases", self.member(buyer), json=self.wish(buyer, **wish), headers={"Idempotency-Key": key})

    def order_of(self, buyer: int) -> str:
        """The number of an order of somebody, made when first asked for."""
        listed = self.send("GET", f"/v1/{HERE}/orders", self.member(buyer)).json()["orders"]
        if listed:
            return str(listed[0]["order"])
        bought = self.buy(f"first-order-{buyer}", buyer)
        assert bought.status_code == 201, bought.text
        return str(bought.json()["order"])


def made(url: str, engine: Running | None = None) -> Running:
    """Two programmes with the same people and the same product, in a database that has the shared tables."""
    engine = engine or Running(url)
    for code in engine.programmes:
        create_programme(url, code, "测试", "xizang", AREA, NOW)
        _fill(engine, url, code)
    return engine


def _fill(engine: Running, url: str, code: str) -> None:
    with connect_owner(url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL search_path TO p_{code}")
        connection.execute("INSERT INTO account (kind, overdraft) VALUES ('cash', true), ('fund', true)")
        connection.execute("INSERT INTO chain_head (one, number, seq, head) VALUES (true, 0, 0, %s) ON CONFLICT DO NOTHING", [genesis(code)])
        for person in NAMES:
            add_person(connection, engine.keyring, code, person)
        for hospital, area in ((HOSPITAL, AREA), (OTHER_HOSPITAL, AREA), (FAR_HOSPITAL, FAR_AREA)):
            connection.execute("INSERT INTO hospital VALUES (%s, %s, %s, 3, '2020-01-01', NULL, %s)",
                               [hospital, f"医院{hospital}（示例）", area, hospital != FAR_HOSPITAL])
        connection.execute(
            "INSERT INTO kinship (person_id, relative_id, relation, account_family, evidence, valid_from, known_from)"
            " VALUES (%s, %s, 'parent', true, 'register', '2020-01-01', %s)", [BUYER, PARENT, NOW - timedelta(days=400)])
        scheme, plan = schemes.builtin("xizang"), plans.builtin(PRODUCT)
        load_product(connection, scheme, "scheme", plan, {"anxin": ("安心", 6), "hongtu": ("宏图", 4)}, NOW)
        record_connection_test(connection, "anxin", True, "全部报文往返一致。", 1, NOW)
        assert put_on_sale(connection, scheme, plan, date(2026, 1, 1), date(2026, 3, 31), "reviewed-list") is None


def add_person(connection: psycopg.Connection[Any], keyring: Keyring, code: str, id: int) -> None:
    """Somebody in employees' insurance with money on their account; who is in no list has a plain name."""
    wrapped, key = new_person_key(keyring, code, id)
    sealed = {name: seal(key, text.encode(), Place(code, "person", id, name))
              for name, text in (("name_sealed", NAMES.get(id, f"某人{id}")), ("identity_sealed", IDENTITIES.get(id, f"99010119800506{id}")))}
    known = NOW - timedelta(days=400)
    area = FAR_AREA if id == FAR else AREA
    connection.execute(
        "INSERT INTO person (id, psn_no, born, sex, area, identity_index, name_index, identity_sealed, name_sealed)"
        " VALUES (%s, %s, %s, '1', %s, %s, %s, %s, %s)",
        [id, f"psn{id}", date(1950 if id == PARENT else 1980, 5, 6), area, b"i%d" % id, b"n%d" % id, sealed["identity_sealed"],
         sealed["name_sealed"]])
    connection.execute("INSERT INTO person_key VALUES (%s, %s)", [id, wrapped])
    connection.execute("INSERT INTO enrolment (person_id, insurance, status, area, valid_from, known_from)"
                       " VALUES (%s, '310', '1', '540100', '2020-01-01', %s)", [id, known])
    connection.execute("INSERT INTO account (owner_id, kind, overdraft, credit_fen) VALUES (%s, 'personal', false, 1000000)", [id])
    if id in {SPENT, SPENT_TOO}:
        connection.execute("INSERT INTO account_year VALUES (%s, 2026, 149000, 0)", [id])
