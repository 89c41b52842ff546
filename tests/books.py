"""A small city on the real database: a programme under its scheme, its example product on sale, a few people with money.

    city = small_city(programme, "xizang", [Someone(1, personal="8000", kin="2 父母 账户"), Someone(2, insurance="居民 正常")])
    [answer] = run(city, [buy(city, 1, 2)])
    assert order(answer).state == "completed"
    assert verify(city) == []

Every fen comes by a transfer from the world outside, so that the oracle finds nothing to say about a city that was just founded.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from importlib import resources
from itertools import count
from typing import Any, Final, Literal, Self

import msgspec
import psycopg
from psycopg import AsyncConnection

from huibao.benefits import loading as plans
from huibao.benefits.model import Plan
from huibao.catalogue import listing
from huibao.catalogue.model import Programme as Running
from huibao.core.batcher import Waiting
from huibao.core.chain import genesis
from huibao.core.clock import SimulatedClock
from huibao.core.money import fen
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring, Place, new_person_key, seal
from huibao.db.connect import connect_owner, connect_service
from huibao.db.migrate import create_programme
from huibao.enrolment.model import Buy, Command, Consent, IdentityCheck, InsuredWish, OrderTold, PayWith
from huibao.enrolment.state import State
from huibao.enrolment.work import Orders
from huibao.policies.numbers import read_number
from huibao.record.batch import SQL as RECORD
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, Connection, body_digest, key_digest, untold
from huibao.scheme import loading as schemes
from huibao.scheme import words
from huibao.scheme.model import Scheme
from huibao.verify.run import verify_all
from tests.database import _CODES, MADE_AT, MakeProgramme, Programme

#: When a city is founded, and an ordinary working day: 10 in the morning of 2 March 2026 in Asia/Shanghai.
FOUNDED: Final = datetime(2025, 10, 1, tzinfo=UTC)
DAY: Final = datetime(2026, 3, 2, 2, tzinfo=UTC)

KEYRING: Final = Keyring({1: bytes(range(16))}, 1)
INSURANCE: Final = {"职工": "310", "居民": "390", "离休": "340"}
STATUS: Final = {"正常": "1", "暂停": "2", "终止": "4"}
RELATIONS: Final = {label: code for code, label in words.RELATIONS.items()} | {"其他": words.OTHER_RELATION}
HARDSHIPS: Final = {"特困": "destitute", "低保": "subsistence-allowance"}
INSURERS: Final = {"lead": ("甲财产保险（示例）", 40), "second": ("乙人寿保险（示例）", 35), "third": ("丙健康保险（示例）", 25)}
SINCE, UNTIL = date(2025, 11, 1), date(2026, 12, 30)
ELSEWHERE: Final = "999900"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person. `insurance` is "职工 正常" or "居民 暂停 999900；职工 正常", empty for none; `kin` "2 父母 账户；3 配偶",
    where 账户 says that the relative is registered to the account. Amounts are yuan; "" is no such account.
    """

    id: int
    born: str = "1985-06-15"
    insurance: str = "职工 正常"
    personal: str = ""
    savings: str = ""
    kin: str = ""
    chronic: bool = False
    hardship: str = ""
    died: str = ""


#: Who lives in a city that asks for nobody in particular.
PEOPLE: Final = (
    # 编号    出生                  参保                     账户（元）                        家人
    Someone(1, "1985-06-15", "职工 正常", personal="8000", kin="2 父母 账户；3 父母；4 子女 账户；5 配偶 账户"),
    Someone(2, "1955-02-11", "居民 正常"),
    Someone(3, "1957-10-08", "居民 正常"),
    Someone(4, "2016-09-01", "居民 正常"),
    Someone(5, "1986-01-20", "职工 正常", personal="3000", savings="500", kin="1 配偶 账户；4 子女 账户", chronic=True),
    Someone(6, "1970-12-31", "职工 正常", personal="100"),
    Someone(7, "1990-05-05", "居民 正常", hardship="低保"),
)


def founder(owner_url: str) -> MakeProgramme:
    """What the fixture `programme` makes, for fixtures that live longer than one test."""
    def make(name: str = "测试", scheme: str = "test", area: str = "9900") -> Programme:
        code = str(next(_CODES))
        create_programme(owner_url, code, name, scheme, area, MADE_AT)
        return Programme(owner_url, code)

    return make


@dataclass(slots=True)
class City:
    """A programme that runs. `plan` is the product first put on sale; `clock` stands where the last batch left it."""

    url: str
    code: str
    scheme: Scheme
    plan: Plan
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(DAY))

    @property
    def schema(self) -> str:
        return f"p_{self.code}"

    @property
    def running(self) -> Running:
        return Running(self.code, "测试", f"{self.scheme.admdvs[0]:0<6}", self.schema, self.scheme)


def small_city(
    programme: MakeProgramme, scheme: str, people: Iterable[Someone] = PEOPLE, *, plan: Plan | None = None,
    sponsors: Mapping[str, str] | None = None, since: date = SINCE, until: date = UNTIL,
) -> City:
    """Founds a programme under a built-in scheme and sells its `…-example-2026` there, or `plan`; sponsors with their yuan."""
    made = programme(scheme=scheme)
    city = City(made.url, made.code, schemes.builtin(scheme), plan or plans.builtin(f"{scheme}-example-2026"))
    with owner(city) as connection:
        connection.execute(RECORD["start_chain"], {"head": genesis(city.code)})
        connection.execute("INSERT INTO account (kind, overdraft) VALUES ('fund', true), ('cash', true)")
        for sponsor, yuan in (sponsors or {}).items():
            _fund(connection, "sponsor-funding", "cash", {"kind": "sponsor", "party": sponsor}, yuan)
        settle_down(city, connection, people)
        put_on_sale(city, connection, city.plan, since, until)
        connect(connection)
    return city


@contextmanager
def owner(city: City) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of the database's owner, in the city's schema."""
    with connect_owner(city.url) as connection, connection.transaction():
        connection.execute("SELECT set_config('search_path', %s, true)", [city.schema])
        yield connection


def settle_down(city: City, connection: psycopg.Connection[Any], people: Iterable[Someone]) -> None:
    """Writes people with their keys, insurance, standing, family and money; the money comes from the fund."""
    everyone = list(people)
    for one in everyone:
        _person(city, connection, one)
    for one in everyone:
        for relative in filter(None, one.kin.split("；")):
            other, relation, *account = relative.split(" ")
            connection.execute(
                "INSERT INTO kinship (person_id, relative_id, relation, account_family, evidence, valid_from, known_from)"
                " VALUES (%s, %s, %s, %s, '户口簿', '2000-01-01', %s)",
                [one.id, int(other), RELATIONS[relation], account == ["账户"], FOUNDED])


def _person(city: City, connection: psycopg.Connection[Any], one: Someone) -> None:
    area = city.running.area
    wrapped, key = new_person_key(KEYRING, city.code, one.id)
    name, identity = (seal(key, f"某人{one.id}".encode(), Place(city.code, "person", one.id, column)) for column in ("name_sealed", "identity_sealed"))
    connection.execute(
        "INSERT INTO person (id, psn_no, born, sex, area, died, identity_index, name_index, identity_sealed, name_sealed)"
        " VALUES (%s, %s, %s, '9', %s, %s, %s, %s, %s, %s)",
        [one.id, f"{city.code}{one.id:08d}", one.born, area, one.died or None, b"identity-%d" % one.id, b"name-%d" % one.id, identity, name])
    connection.execute("INSERT INTO person_key VALUES (%s, %s)", [one.id, wrapped])
    for entry in filter(None, one.insurance.split("；")):
        kind, status, *place = entry.split(" ")
        connection.execute("INSERT INTO enrolment VALUES (%s, %s, %s, %s, '2000-01-01', NULL, %s)",
                           [one.id, INSURANCE[kind], STATUS[status], place[0] if place else area, FOUNDED])
    standings = [("chronic-benefit", "yes")] if one.chronic else []
    standings += [("hardship", HARDSHIPS[one.hardship])] if one.hardship else []
    for kind, value in standings:
        connection.execute("INSERT INTO standing VALUES (%s, %s, %s, '2000-01-01', NULL, %s)", [one.id, kind, value, FOUNDED])
    for kind, yuan in (("personal", one.personal), ("savings", one.savings)):
        if yuan:
            _fund(connection, "funding", "fund", {"kind": kind, "owner_id": one.id}, yuan)


def _fund(connection: psycopg.Connection[Any], kind: str, source: str, given: Mapping[str, object], yuan: str) -> None:
    """Opens an account and moves money into it from the world outside, in the books as the service would."""
    values = {"owner_id": None, "kind": None, "party": None, **given}
    made = connection.execute("INSERT INTO account (owner_id, kind, party, overdraft) VALUES (%(owner_id)s, %(kind)s, %(party)s, false) RETURNING id", values)
    account = made.fetchone()
    assert account is not None
    if not fen(yuan):
        return
    moved = {"at": FOUNDED, "kind": kind, "fen": fen(yuan), "source": source, "account": account[0], "person": given.get("owner_id")}
    connection.execute("INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id)"
                       " SELECT %(at)s, %(kind)s, id, %(account)s, %(fen)s, %(person)s FROM account WHERE kind = %(source)s", moved)
    connection.execute("UPDATE account SET debit_fen = debit_fen + %(fen)s WHERE kind = %(source)s", moved)
    connection.execute("UPDATE account SET credit_fen = credit_fen + %(fen)s WHERE id = %(account)s", moved)


# ── what is sold ─────────────────────────────────────────────────────────────────────────────────────────────────────

def load(city: City, connection: psycopg.Connection[Any], plan: Plan, insurers: Mapping[str, tuple[str, int]] = INSURERS) -> None:
    """A product that can be read."""
    text = (resources.files("huibao") / "schemes" / f"{city.scheme.id}.toml").read_text("utf-8")
    listing.load_product(connection, city.scheme, text, plan, insurers, FOUNDED)


def put_on_sale(
    city: City, connection: psycopg.Connection[Any], plan: Plan, since: date = SINCE, until: date = UNTIL,
    insurers: Mapping[str, tuple[str, int]] = INSURERS,
) -> None:
    """Loads a product and sells it by a route that the scheme knows."""
    load(city, connection, plan, insurers)
    route = city.scheme.listing[0].by[0] if city.scheme.listing else "open-selection"
    assert listing.put_on_sale(connection, city.scheme, plan, since, until, route) is None


def connect(connection: psycopg.Connection[Any], passed: bool = True, at: datetime = FOUNDED) -> None:
    """The lead insurer's system is tested."""
    listing.record_connection_test(connection, next(iter(INSURERS)), passed, "连通、下单、查询", 1, at)


def another(plan: Plan, id: str, *changes: tuple[str, str], premium: str = "") -> Plan:
    """A plan like this one under another id, each old text replaced by a new one; `premium` is one for everybody, in yuan."""
    text = plan.text.replace(f'id = "{plan.id}"', f'id = "{id}"', 1)
    if premium:
        text = re.sub(r"^\[premium\]\n(?:(?!\[).*\n)*", f"[premium]\nyuan = {premium}\n\n", text, count=1, flags=re.MULTILINE)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return plans.load_text(f"{id}.toml", text)


def terms(city: City, product: str | None = None) -> str:
    """The digest, in hex, of the terms of a product as sold now."""
    with owner(city) as connection:
        row = connection.execute("SELECT terms_digest FROM offer WHERE product = %s ORDER BY id DESC LIMIT 1", [product or city.plan.id]).fetchone()
    return str(row[0].hex()) if row else ""


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_KEYS: Final = count(1)
Given = Literal["default"]


def buy(
    city: City, buyer: int, *insured: int | tuple[int, str], at: datetime = DAY, pay_with: PayWith = "account", product: str | None = None,
    consent: Consent | Given | None = "default", identity: IdentityCheck | Given | None = "default", sponsor: str | None = None,
    guardian: bool = True, credential: int = 1,
) -> Buy:
    """An order with everything agreed to and checked a minute before `at`; nobody named is the buyer. (2, "plus") is a tier."""
    tier = city.plan.tier_ids[0] if city.plan.tiers else None
    wishes = tuple(InsuredWish(who, tier) if isinstance(who, int) else InsuredWish(*who) for who in insured or (buyer,))
    if consent == "default":
        consent = Consent(terms(city, product), ("terms", "exclusions", "notice"), "签名", guardian)
    if identity == "default":
        identity = IdentityCheck(buyer, "face", True, at - timedelta(minutes=1), "ref")
    return Buy(credential, buyer, product or city.plan.id, wishes, pay_with, consent, identity, sponsor)


def run(city: City, commands: Sequence[Command], at: datetime = DAY, keys: Sequence[str] | None = None) -> list[Answer]:
    """The answers of one batch on a lane of its own, as the service; each command under a key of its own unless given."""
    with Desk(city) as desk:
        return desk.run(commands, at, keys)


class Desk:
    """A lane that stays open for several batches."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.runner = asyncio.Runner()
        self.orders = Orders(city.running, KEYRING)
        self.lane: Lane[Command, State] = Lane(self._connect, city.clock, {city.code: (city.schema, self.orders)})

    async def _connect(self) -> Connection:
        connection: AsyncConnection[Any] = await connect_service(self.city.url)
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.runner.run(self.lane.close())
        self.runner.close()

    def run(self, commands: Sequence[Command], at: datetime = DAY, keys: Sequence[str] | None = None) -> list[Answer]:
        self.city.clock.set(at, backwards=True)
        return self.runner.run(self._batch(commands, keys or [f"key-{next(_KEYS)}" for _ in commands]))

    async def _batch(self, commands: Sequence[Command], keys: Sequence[str]) -> list[Answer]:
        loop = asyncio.get_running_loop()
        batch = [
            Waiting[Command, Answer](key_digest("test", key), body_digest("test", "route", self.city.code, msgspec.json.encode(command)),
                                     command, 0, loop.create_future())
            for command, key in zip(commands, keys, strict=True)]
        answers = []
        for answer in await self.lane.run(self.city.code, batch):
            if isinstance(answer, Exception):
                raise answer
            answers.append(answer)
        return answers


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def order(answer: Answer) -> OrderTold:
    """What was done."""
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=OrderTold)


def order_id(city: City, answer: Answer) -> int:
    """The order's number as commands name it."""
    read = read_number(city.code, order(answer).order)
    assert read is not None
    return read[0]


def refusal(answer: Answer) -> Refusal:
    """Why nothing was done."""
    assert answer.outcome != DONE, answer.body.decode()
    return untold(answer.body)


def verify(city: City, at: datetime | None = None) -> list[str]:
    """Every offender that the oracle finds, after its invariant's letter and name; none is good."""
    [found] = verify_all(city.url, at or city.clock.now(), city.code)
    return [f"{finding.letter} {finding.name}: {offender}" for finding in found.findings for offender in finding.offenders]


def rows(city: City, statement: str, *given: object) -> list[tuple[Any, ...]]:
    """What a statement reads in the city's schema."""
    with owner(city) as connection:
        return list(connection.execute(statement, given).fetchall())


def everything(city: City) -> str:
    """A digest over every row of the city but keys and the record: the same after what left nothing behind."""
    tables = ("account", "transfer", "hold", "hold_end", "account_year", "pool_total", "pool_entry", "orders", "policy")
    with owner(city) as connection:
        said = [str(connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()) for table in tables]  # noqa: S608
    return sha256("\n".join(said).encode()).hexdigest()
