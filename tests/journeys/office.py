"""An office: a batcher with several lanes over a small city, many clients at once; and children, whole processes that serve."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from huibao.core.batcher import Batcher, TurnedAway
from huibao.db.migrate import create_programme, migrate
from huibao.enrolment.model import Buy, Command, Paid, Release, Review
from huibao.enrolment.state import State
from huibao.record.lane import CommandFailed
from huibao.record.model import Answer, Work
from tests.books import City
from tests.database import MADE_AT, MakeProgramme, Programme, new_database
from tests.record.clerk import Clerk, waiting

Told = Answer | Exception

ROOT: Final = Path(__file__).resolve().parents[2]
_KINDS: Final[Mapping[str, type[Command]]] = {"buy": Buy, "paid": Paid, "release": Release, "review": Review}


class Office:
    """Clients come with a command and its key; what turns them away for a while brings them back with the same key."""

    def __init__(self, city: City, batcher: Batcher[Command, Answer]) -> None:
        self.city = city
        self.batcher = batcher

    async def ask(self, key: str, command: Command) -> Told:
        while True:
            item = waiting(self.city, key, command)
            try:
                return await self.batcher.submit(self.city.code, item.key, item.body, item.command)
            except TurnedAway:
                await asyncio.sleep(0.01)
            except CommandFailed as failed:
                return failed

    async def ask_all(self, commands: Mapping[str, Command]) -> dict[str, Told]:
        """Everybody at once."""
        return dict(zip(commands, await asyncio.gather(*(self.ask(key, command) for key, command in commands.items())), strict=True))


@asynccontextmanager
async def open_office(city: City, lanes: int, work: Work[Command, State] | None = None, options: str = "") -> AsyncIterator[Office]:
    """An office with so many lanes, each with a connection of its own."""
    batcher = Batcher[Command, Answer]()
    clerks = [Clerk(city, work, options=options) for _ in range(lanes)]
    serving = [asyncio.create_task(batcher.serve([city.code], clerk.lane.run)) for clerk in clerks]
    try:
        yield Office(city, batcher)
    finally:
        await batcher.close()
        await asyncio.gather(*serving)
        await asyncio.gather(*(clerk.lane.close() for clerk in clerks))


@contextmanager
def database_of_ones_own(server_url: str, name: str) -> Iterator[MakeProgramme]:
    """Makes programmes in a database that has no others."""
    with new_database(server_url, name) as url:
        yield programmes_of(url)


def programmes_of(url: str) -> MakeProgramme:
    """Makes programmes in the database at `url`, which gets the shared tables."""
    migrate(url, MADE_AT)
    made: list[Programme] = []

    def make(name: str = "测试", scheme: str = "test", area: str = "9900") -> Programme:
        made.append(Programme(url, str(910001 + len(made))))
        create_programme(url, made[-1].code, name, scheme, area, MADE_AT)
        return made[-1]

    return make


# ── children ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a client of a child was told; "CommandFailed" is an outcome too."""

    outcome: str
    body: bytes
    replayed: bool


def encode(command: Command) -> dict[str, object]:
    kind = next(kind for kind, made in _KINDS.items() if isinstance(command, made))
    return {kind: json.loads(msgspec.json.encode(command))}


def decode(given: Mapping[str, object]) -> Command:
    [(kind, command)] = given.items()
    return msgspec.convert(command, _KINDS[kind])


class Child:
    """A process of the service over one city's database. It does `commands`, so many at once, and tells each answer.

    `after` says what to do after how many answers.
    """

    def __init__(
        self, city: City, commands: Sequence[tuple[str, Command]], *, at_once: int = 4, die_at: str = "", planted: str = "", clock: Path | None = None,
        after: tuple[int, Callable[[], None]] = (0, lambda: None),
    ) -> None:
        environment = {**os.environ, "HUIBAO_DIE_AT": die_at, "PLANTED": planted, "PYTHONWARNINGS": "error"}
        arguments = [city.url, city.code, str(at_once), str(clock) if clock else city.clock.now().isoformat()]
        self._after = after
        self._known: list[tuple[str, Acknowledged]] = []
        self._process = subprocess.Popen([sys.executable, "-m", "tests.journeys.service", *arguments], cwd=ROOT, env=environment, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self._process.stdin is not None
        for key, command in commands:
            self._process.stdin.write(json.dumps({"key": key, "command": encode(command)}) + "\n")
        self._process.stdin.close()
        self.complaints = ""
        # A child that nobody listens to stops in the middle of a batch, and holds its locks.
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def answers(self) -> list[tuple[str, Acknowledged]]:
        """Waits for its end: what was acknowledged, in order."""
        self._listening.join()
        return self._known

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith("{"):
                self.complaints += line
            elif line.endswith("\n"):                       # what was not sent whole was not sent
                told = json.loads(line)
                self._known.append((told["key"], Acknowledged(told["outcome"], bytes.fromhex(told["body"]), told["replayed"])))
                if len(self._known) == self._after[0]:
                    self._after[1]()
        self._process.stdout.close()
        self._process.wait()

    @property
    def status(self) -> int | None:
        return self._process.returncode
