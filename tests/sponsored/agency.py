"""An agency at which sponsors are registered, files come in, and runners work: the domain on the real database, without HTTP.

    agency = agency_of(programme, [Somebody(1, "古丽·买买提", hardship="低保")], yuan="1000")
    roster = agency.upload(sheet("姓名,证件号码", agency.says(1)))
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeVar

import msgspec
from psycopg import AsyncConnection
from stdnum.cn import ric

from huibao.app.rosters import Runner, clear
from huibao.benefits.model import Plan
from huibao.catalogue.model import Programme
from huibao.core.batcher import Waiting
from huibao.core.clock import Clock
from huibao.core.identity import normal_identity, normal_name
from huibao.core.money import fen
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring, blind_index
from huibao.db import arrays
from huibao.db.connect import connect_service
from huibao.record.lane import Lane, by_keys
from huibao.record.model import DONE, Answer, Connection, body_digest, key_digest, untold
from huibao.sponsored.model import Command, Confirm, Fund, Receive, Register, RosterTold, SponsorKind, Steer, Step
from huibao.sponsored.reading import SheetRefused
from huibao.sponsored.resolving import Resolver
from huibao.sponsored.uploading import take
from huibao.sponsored.work import Sponsored
from huibao.web.engine import Command as AnyCommand
from tests import books
from tests.books import KEYRING, City, Someone, owner, rows
from tests.database import MakeProgramme

INDEX_KEY: Final = bytes(range(32))
#: The clerk who sends files and the one who confirms them.
CLERK, SECOND = 11, 12
SPONSOR: Final = "某市民政局（示例）"

T = TypeVar("T")
_KEYS: Final = count(1)


def identity_of(id: int, born: str = "1985-06-15") -> str:
    """A resident's number with its check digit."""
    body = f"653101{born.replace('-', '')}{id:03d}"
    return str(body + ric.calc_check_digit(body + "0"))


@dataclass(frozen=True, slots=True)
class Somebody(Someone):
    """A person of the city with a name and an identity number that a file may state."""

    name: str = ""

    @property
    def identity(self) -> str:
        return identity_of(self.id % 1000, self.born)

    @property
    def called(self) -> str:
        return self.name or f"某人{self.id}"


@dataclass(slots=True)
class Agency:
    """`served` counts people whom the service serves meanwhile, `turns` what the runners did."""

    city: City
    people: Mapping[int, Somebody]
    clock: Clock
    served: int = 0
    keyring: Keyring = KEYRING
    _sponsor: int = field(default=0)

    # ── what runners ask of an engine ────────────────────────────────────────────────────────────────────────────────

    @property
    def programmes(self) -> Mapping[str, Programme]:
        return {self.city.code: self.city.running}

    async def submit(self, programme: str, principal: str, route: str, key: str, body: bytes, command: AnyCommand) -> Answer:
        work = Sponsored(self.city.running)
        lane: Lane[Any, Any] = Lane(self.connect, self.clock, {programme: (self.city.schema, work)})
        future = asyncio.get_running_loop().create_future()
        item: Waiting[Any, Answer] = Waiting(key_digest(principal, key), body_digest(principal, route, programme, body), command, 0, future)
        try:
            [answer] = await lane.run(programme, [item])
        finally:
            await lane.close()
        assert isinstance(answer, Answer), answer
        return answer

    async def connect(self) -> Connection:
        connection: Connection = await connect_service(self.city.url)
        return connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection[Any]]:
        connection = await self.connect()
        arrays.register(connection)
        try:
            async with connection.transaction():
                await connection.execute("SELECT set_config('search_path', %s, true)", [self.city.schema])
                yield connection
        finally:
            await connection.close()

    # ── what people do ───────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, command: Command, key: str = "") -> Answer:
        """A person's command; each under a key of its own unless given."""
        # The number under which a file was staged is no part of what is asked.
        names = [name for name in command.__slots__ if not (isinstance(command, Receive) and name == "roster")]
        said = msgspec.json.encode({"kind": type(command).__name__} | {name: _plain(getattr(command, name)) for name in names})
        return await self.submit(self.city.code, f"credential:{command.credential}", "test", key or f"key-{next(_KEYS)}", said, command)

    def do(self, command: Command, key: str = "") -> Answer:
        return asyncio.run(self.ask(command, key))

    def sponsor(self, yuan: str = "0", name: str = SPONSOR, kind: SponsorKind = "subsidy", credit_fen: int = 0) -> int:
        """A sponsor with money; its number."""
        told = msgspec.json.decode(done(self.do(Register(CLERK, name, kind, credit_fen))).body)
        if yuan != "0":
            done(self.do(Fund(CLERK, told["sponsor"], fen(yuan), f"ref-{next(_KEYS)}")))
        return int(told["sponsor"])

    async def receive(self, sponsor: int, content: bytes, *, pieces: int = 1 << 16, area: str | None = None, product: str = "", key: str = "") -> Answer | Refusal:
        """What becomes of a file that comes in so large pieces."""
        async def coming() -> AsyncIterator[bytes]:
            for start in range(0, len(content), pieces):
                yield content[start : start + pieces]

        try:
            taken = await take(coming(), self.writing, Resolver(INDEX_KEY, self.city.code, area), self.clock.now())
        except SheetRefused as refused:
            return refused.refusal
        return await self.ask(Receive(CLERK, sponsor, product or self.city.plan.id, taken.roster, taken.digest, taken.lines, taken.last_line), key)

    def upload(self, sponsor: int, content: bytes, **how: Any) -> int:
        """The number of a roster that was received."""
        answer = asyncio.run(self.receive(sponsor, content, **how))
        assert isinstance(answer, Answer), answer
        return told(answer).roster

    def confirm(self, roster: int, by: int = SECOND) -> Answer:
        [(digest,)] = rows(self.city, "SELECT digest FROM roster WHERE id = %s", roster)
        return self.do(Confirm(by, roster, bytes(digest)))

    def steer(self, roster: int, step: Step) -> Answer:
        return self.do(Steer(CLERK, roster, step))

    # ── what the service does ────────────────────────────────────────────────────────────────────────────────────────

    def work(self, runners: int = 1, stories: Sequence[Coroutine[Any, Any, Any]] = ()) -> int:
        """Runners work until there is nothing left to do, with what happens meanwhile; how many parts they did."""
        async def all_at_once() -> int:
            found = await asyncio.gather(*(self.runner() for _ in range(runners)), *stories)
            return sum(found[:runners])

        return asyncio.run(all_at_once())

    def turns(self, count: int) -> None:
        """So many turns of a runner, whatever there is to do."""
        asyncio.run(self.runner(count))

    async def runner(self, least: int = 0) -> int:
        """A runner until there is nothing left to do, and at least for so many turns; how many parts it did."""
        turns = 0
        made = Runner(self, self.connect, lambda: self.served)  # type: ignore[arg-type]  # as much of an engine as a runner asks
        connection = await self.connect()
        wire = await by_keys(connection)
        try:
            while await made.turn(wire) or turns < least:
                turns += 1
        finally:
            await connection.close()
            await made.close()
        return turns

    def clear(self) -> None:
        """What a runner does who has nothing else to do."""
        async def once() -> None:
            connection = await self.connect()
            wire = await by_keys(connection)
            for _ in range(2):
                await clear(wire, self.city.running, self.clock.now())
            await connection.close()

        asyncio.run(once())

    def state(self, roster: int) -> str:
        return str(rows(self.city, "SELECT state FROM roster WHERE id = %s", roster)[0][0])

    def lines(self, roster: int) -> list[tuple[int, str]]:
        """What became of each line: a code, or the yuan that were paid."""
        found = rows(self.city, "SELECT line, refused, premium_fen FROM roster_line WHERE roster_id = %s ORDER BY line", roster)
        return [(line, refused or ("" if fen is None else f"{fen // 100}")) for line, refused, fen in found]

    def says(self, *people: int, category: str | None = None) -> bytes:
        """Lines of a file: name, number, category."""
        said = [(self.people[id], category) for id in people]
        return "\n".join(f"{one.called},{one.identity},{one.hardship if given is None else given}" for one, given in said).encode()


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def sheet(*lines: bytes, header: str = "姓名,证件号码,人员类别") -> bytes:
    return b"\n".join([header.encode(), *lines]) + b"\n"


def done(answer: Answer) -> Answer:
    assert answer.outcome == DONE, answer.body.decode()
    return answer


def told(answer: Answer) -> RosterTold:
    return msgspec.json.decode(done(answer).body, type=RosterTold)


def why(answer: Answer | Refusal) -> Refusal:
    return answer if isinstance(answer, Refusal) else untold(answer.body)


def agency_of(make: MakeProgramme, people: Sequence[Somebody], scheme: str = "xinjiang", plan: Plan | None = None) -> Agency:
    """A city whose people have numbers and names that a file may state."""
    city = books.small_city(make, scheme, people, plan=plan)
    with owner(city) as connection:
        for one in people:
            connection.execute("UPDATE person SET identity_index = %s, name_index = %s WHERE id = %s", [
                blind_index(INDEX_KEY, city.code, "identity", normal_identity(one.identity)),
                blind_index(INDEX_KEY, city.code, "name_birth", f"{normal_name(one.called)}|{one.born}"), one.id])
    return Agency(city, {one.id: one for one in people}, city.clock)


def running(agency: Agency, people: Iterable[int] = range(1, 11), yuan: str = "1200", category: str | None = None) -> int:
    """A roster of these people that was confirmed."""
    roster = agency.upload(agency.sponsor(yuan), sheet(agency.says(*people, category=category)))
    agency.work()
    done(agency.confirm(roster))
    return roster


def purse(agency: Agency) -> tuple[int, int]:
    """What the sponsor has, and what of it is set aside."""
    [found] = rows(agency.city, "SELECT (credit_fen - debit_fen)::bigint, held_fen FROM account WHERE kind = 'sponsor'")
    return found


def bought(agency: Agency) -> list[tuple[int, str]]:
    """Whose policies are in force, and who paid."""
    return rows(agency.city, "SELECT p.insured_id, COALESCE(o.sponsor, o.pay_with) FROM policy p JOIN orders o ON o.id = p.order_id"
                             " WHERE p.state = 'in-force' ORDER BY 1")
