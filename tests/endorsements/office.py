"""An office beside a ward: clerks who ask for changes and others who approve them, on a lane of endorsements that stays open.

    office = Office(ward)
    office.corrects(1, "hardship", "destitute", since=date(2026, 1, 1))      # asked for by one clerk, approved by another
    assert verify(city) == []
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from typing import Any, Final, Self

import msgspec
from psycopg import AsyncConnection

from huibao.core.batcher import Waiting
from huibao.core.sealing import Place, open_sealed, seal, unwrap
from huibao.db.connect import connect_service
from huibao.endorsements.model import Actor, Answer, Change, Command, Content, Correct, Detail, EndorsementTold
from huibao.endorsements.state import State
from huibao.endorsements.work import Endorsements
from huibao.members import indexes
from huibao.record.lane import Lane
from huibao.record.model import DONE, Connection, body_digest, key_digest
from huibao.record.model import Answer as Told
from tests.books import KEYRING, City, owner, rows
from tests.settlement.ward import BILLED, INDEX_KEY

#: Two clerks of the agency, one of the lead insurer, and a member's own credential.
CLERK, SECOND = Actor(101), Actor(102)
INSURER: Final = Actor(103, insurer="lead")
_KEYS: Final = count(1)


def member(person: int) -> Actor:
    return Actor(200 + person, person)


@dataclass(slots=True)
class Office:
    """A lane of endorsements. Times are those of BILLED unless said."""

    city: City
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    lane: Lane[Command, State] = field(init=False)

    def __post_init__(self) -> None:
        self.lane = Lane(connect(self.city), self.city.clock, {self.city.code: (self.city.schema, work(self.city))})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.runner.run(self.lane.close())
        self.runner.close()

    def run(self, *commands: Command, at: datetime = BILLED, keys: Sequence[str] | None = None) -> list[Told]:
        """The answers of one batch, each command under a key of its own unless given."""
        self.city.clock.set(at, backwards=True)
        return self.runner.run(ask(self.city, self.lane, commands, keys))

    def asks(self, command: Change | Correct, at: datetime = BILLED) -> EndorsementTold:
        """What is asked for and must be taken down."""
        [answer] = self.run(command, at=at)
        return endorsed(answer)

    def approves(self, told: EndorsementTold, by: Actor = SECOND, at: datetime = BILLED) -> EndorsementTold:
        """What another clerk approves, and must be done."""
        [answer] = self.run(Answer(by, told.endorsement, True), at=at)
        return endorsed(answer)

    def corrects(self, person: int, fact: str, value: str, since: date | None = None, until: date | None = None, at: datetime = BILLED) -> EndorsementTold:
        """A fact of a person, asked for by one clerk and approved by another."""
        return self.approves(self.asks(Correct(CLERK, fact, value, "更正", "档案 1", person, since, until), at), at=at)

    def corrects_visit(self, settlement: int, fact: str, value: str, at: datetime = BILLED) -> EndorsementTold:
        """A fact of one visit, likewise."""
        return self.approves(self.asks(Correct(CLERK, fact, value, "更正", "病案 1", settlement=settlement), at), at=at)


def change(person: int, kind: Detail, value: str, by: Actor = CLERK, evidence: str = "档案 1") -> Change:
    return Change(by, person, kind, value, "更正", evidence)


def work(city: City) -> Endorsements:
    return Endorsements(city.running, KEYRING, INDEX_KEY)


def connect(city: City) -> Callable[[], Awaitable[Connection]]:
    async def connected() -> Connection:
        connection: AsyncConnection[Any] = await connect_service(city.url)
        return connection

    return connected


async def ask(city: City, lane: Lane[Command, State], commands: Sequence[Command], keys: Sequence[str] | None = None) -> list[Told]:
    """What one batch is told."""
    loop = asyncio.get_running_loop()
    batch = [
        Waiting[Command, Told](key_digest("office", key), body_digest("office", "route", city.code, repr(command).encode()), command, 0,
                               loop.create_future())
        for command, key in zip(commands, keys or [f"office-{next(_KEYS)}" for _ in commands], strict=True)]
    answers = []
    for answer in await lane.run(city.code, batch):
        if isinstance(answer, Exception):
            raise answer
        answers.append(answer)
    return answers


def endorsed(answer: Told) -> EndorsementTold:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=EndorsementTold)


# ── what is known of people ──────────────────────────────────────────────────────────────────────────────────────────

def register(city: City, person: int, name: str, identity: str, phone: str = "") -> None:
    """Gives a person of the small city a name and numbers that can be looked for, as if they had been registered with them."""
    with owner(city) as connection:
        row = connection.execute("SELECT k.wrapped, p.born FROM person_key k JOIN person p ON p.id = k.person_id WHERE p.id = %s", [person]).fetchone()
        assert row is not None
        key = unwrap(KEYRING, city.code, person, bytes(row[0]))
        sealed = {column: seal(key, text.encode(), Place(city.code, "person", person, column))
                  for column, text in (("name_sealed", name), ("identity_sealed", identity), ("phone_sealed", phone))}
        connection.execute(
            "UPDATE person SET name_sealed = %s, identity_sealed = %s, phone_sealed = %s, name_index = %s, identity_index = %s, phone_index = %s"
            " WHERE id = %s",
            [sealed["name_sealed"], sealed["identity_sealed"], sealed["phone_sealed"] if phone else None,
             indexes.of_name(INDEX_KEY, city.code, name, row[1]), indexes.of_identity(INDEX_KEY, city.code, identity),
             indexes.of_phone(INDEX_KEY, city.code, phone) if phone else None, person])


def opened(city: City, person: int, table: str, column: str, row: int | None = None) -> str:
    """A sealed text of a person, as it stands."""
    [(wrapped,)] = rows(city, "SELECT wrapped FROM person_key WHERE person_id = %s", person)
    where = "known_to IS NULL AND person_id" if table in ("bank_account", "look_back") else "id"
    [(sealed,)] = rows(city, f"SELECT {column} FROM {table} WHERE {where} = %s", row or person)  # noqa: S608
    return open_sealed(unwrap(KEYRING, city.code, person, bytes(wrapped)), bytes(sealed), Place(city.code, table, row or person, column)).decode()


def content(city: City, endorsement: int, person: int) -> Content:
    """What is sealed of an endorsement."""
    return msgspec.json.decode(opened(city, person, "endorsement", "sealed", endorsement), type=Content)
