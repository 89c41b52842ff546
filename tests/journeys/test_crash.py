"""kill -9, of the database under its writers and of the service at each point of a batch: what was acknowledged is there, once."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import pytest

from huibao.core.points import POINTS
from huibao.db.embedded import Embedded
from huibao.enrolment.model import Buy, Command, Release
from huibao.record.model import DONE, Answer, key_digest
from tests.books import City, order_id, rows, verify
from tests.database import MakeProgramme, server
from tests.journeys.office import Acknowledged, Child, Office, Told, database_of_ones_own, open_office, programmes_of
from tests.record.clerk import PRINCIPAL, Clerk, Form, lonely, outcomes, town

WRITERS = 8
PEOPLE = 96
#: Acknowledged between two kills, at least.
BETWEEN = 60


def same(told: Told, known: Answer | Acknowledged) -> bool:
    return isinstance(told, Answer) and (told.outcome, told.body) == (known.outcome, known.body)


def wrong_afterwards(city: City, commands: Mapping[str, Command], known: Mapping[str, Answer | Acknowledged]) -> list[str]:
    """Asks everything again with the same keys: what was acknowledged must be told again, and what there is must be sound."""
    async def story() -> list[tuple[str, Told]]:
        told: list[tuple[str, Told]] = []
        async with Clerk(city) as clerk:
            keys = list(commands)
            for start in range(0, len(keys), 200):
                some = keys[start : start + 200]
                told += zip(some, await clerk.ask(*((key, commands[key]) for key in some)), strict=True)
        return told

    wrong = []
    for key, again in asyncio.run(story()):
        if key in known and not (same(again, known[key]) and isinstance(again, Answer) and again.replayed):
            wrong.append(f"{key} was acknowledged as {known[key].outcome} and is {outcomes([again])[0]} now")
        elif not isinstance(again, Answer):
            wrong.append(f"{key} cannot be asked again: {again}")
    digests = {key_digest(PRINCIPAL, key): key for key in commands}
    for stored, many in rows(city, "SELECT key, count(*) FROM request GROUP BY key"):
        if digests.pop(stored.bytes, None) is None or many != 1:
            wrong.append(f"{stored} is there {many} times")
    wrong += [f"{key} is not there" for key in digests.values()]
    return wrong + verify(city)


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────────

@dataclass(slots=True)
class Writing:
    """What the writers asked and were told; `unheard` were committed without an answer to the lane that did it."""

    asked: dict[str, Command] = field(default_factory=dict)
    told: dict[str, Answer] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    unheard: int = 0
    stop: bool = False


async def write(office: Office, number: int, form: Form, writing: Writing) -> None:
    """Buys for anybody, gives up what was bought, now and then asks again for what it was told before."""
    rng = Random(number)  # noqa: S311 - a seed replays it
    mine: list[str] = []
    done: list[tuple[int, int]] = []

    async def ask(command: Command) -> Answer | None:
        key = f"{number}-{len(mine)}"
        mine.append(key)
        writing.asked[key] = command
        told = await office.ask(key, command)
        if not isinstance(told, Answer):
            writing.wrong.append(f"{key}: {told}")
            return None
        writing.told[key] = told
        writing.unheard += told.replayed
        return told

    while not writing.stop:
        dice = rng.randrange(10)
        if dice == 0 and mine:
            key = rng.choice(mine)
            told = await office.ask(key, writing.asked[key])
            if key in writing.told and not same(told, writing.told[key]):
                writing.wrong.append(f"{key} was told otherwise")
        elif dice < 5 and done:
            order, buyer = done.pop(rng.randrange(len(done)))
            await ask(Release(1, order, "cancelled", buyer))
        else:
            buyer = rng.randrange(1, PEOPLE + 1)
            bought = await ask(form(buyer))
            if bought and bought.outcome == DONE:
                done.append((order_id(office.city, bought), buyer))


async def kill_under_writers(one: Embedded, city: City, kills: int, options: str = "") -> Writing:
    """So many kills while eight lanes write; in turn the postmaster alone and every process of the server at once."""
    form, writing = Form(city), Writing()
    async with open_office(city, WRITERS, options=options) as office:
        writers = [asyncio.create_task(write(office, n, form, writing)) for n in range(WRITERS)]
        for n in range(kills):
            enough = len(writing.told) + BETWEEN
            while len(writing.told) < enough:  # noqa: ASYNC110 - writers know nothing of kills
                await asyncio.sleep(0.005)
            for process in sorted(one._processes()) if n % 2 == 0 else [one.postmaster() or 0]:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            await asyncio.to_thread(one.start)
        writing.stop = True
        await asyncio.gather(*writers)
    return writing


@pytest.mark.parametrize("kills", [20, pytest.param(1_000, marks=pytest.mark.long)])
def test_the_database_is_killed_under_its_writers(kills: int) -> None:
    with server() as one:
        city = town(programmes_of(one.url()), lonely(PEOPLE), premium="1", scheme="liuzhou")
        writing = asyncio.run(kill_under_writers(one, city, kills))
        assert writing.wrong == []
        assert wrong_afterwards(city, writing.asked, writing.told) == []
        assert len(writing.told) == len(writing.asked) >= kills * BETWEEN
        print(f"\n{kills} kills, {len(writing.told)} acknowledged, {writing.unheard} commits that the lane never heard of")


def test_a_commit_that_is_not_on_disk_is_missed() -> None:
    """The planted fault: lanes that do not wait for the disk (synchronous_commit off) lose what they acknowledged."""
    with server() as one:
        city = town(programmes_of(one.url()), lonely(PEOPLE), premium="1", scheme="liuzhou")
        writing = asyncio.run(kill_under_writers(one, city, 3, "-c synchronous_commit=off"))
        wrong = writing.wrong + wrong_afterwards(city, writing.asked, writing.told)
        assert any("was acknowledged as" in one or "told otherwise" in one for one in wrong), wrong


# ── the service ──────────────────────────────────────────────────────────────────────────────────────────────────────

BATCH_POINTS = [point for point in POINTS if point.startswith("batch.")]
AT_ONCE, BUYERS = 4, 16
TIMES = [1, 2, 3, *(pytest.param(n % 4 + 1, marks=pytest.mark.long, id=f"long-{n}") for n in range(197))]


@pytest.fixture(scope="module")
def alone(pg_url: str) -> Iterator[MakeProgramme]:
    """A database without other tests' programmes: an engine serves all that there are."""
    with database_of_ones_own(pg_url, "huibao_crash") as make:
        yield make


def purchases(city: City) -> dict[str, Buy]:
    form = Form(city)
    return {f"k{n}": form(n) for n in range(1, BUYERS + 1)}


def committed(city: City) -> int:
    return int(rows(city, "SELECT count(*) FROM request")[0][0])


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", BATCH_POINTS)
def test_the_service_is_killed_at_each_point(alone: MakeProgramme, point: str, times: int) -> None:
    city = town(alone, lonely(BUYERS))
    commands = purchases(city)
    child = Child(city, list(commands.items()), at_once=AT_ONCE, die_at=f"{point}:{times}")
    acknowledged = dict(child.answers())
    assert child.status == -signal.SIGKILL, child.complaints
    assert {told.outcome for told in acknowledged.values()} <= {DONE}
    unheard = committed(city) - len(acknowledged)
    # Elsewhere too a batch may be committed whose clients had no time to be told, where the next one dies at once.
    assert unheard > 0 if point == "batch.after_commit" else unheard >= 0
    assert wrong_afterwards(city, commands, acknowledged) == []
    assert committed(city) == BUYERS


def test_a_service_that_starts_again_tells_the_same(alone: MakeProgramme) -> None:
    """As above with a second process instead of a lane of ours, killed and started until it comes through."""
    city = town(alone, lonely(BUYERS))
    commands = purchases(city)
    known: dict[str, Acknowledged] = {}
    for die_at in ("batch.after_commit:1", "batch.before_commit:3", ""):
        child = Child(city, list(commands.items()), at_once=AT_ONCE, die_at=die_at)
        for key, told in child.answers():
            assert known.setdefault(key, told).body == told.body
        assert child.status == (-signal.SIGKILL if die_at else 0), child.complaints
    assert set(known) == set(commands)
    assert wrong_afterwards(city, commands, known) == []


@pytest.mark.parametrize(("planted", "die_at", "found"), [
    ("keys-apart",      "batch.before_effects",     ["d each request once: request", "cannot be asked again"]),
    ("keys-apart",      "batch.before_commit:2",    ["d each request once: request", "cannot be asked again"]),
    ("record-apart",    "batch.before_commit",      ["d each request once: request", "cannot be asked again", "was not decided by a purchase"]),
])
def test_what_is_not_committed_together_is_noticed(alone: MakeProgramme, planted: str, die_at: str, found: Sequence[str]) -> None:
    """Planted faults: keys, effects and record in transactions of their own."""
    city = town(alone, lonely(BUYERS))
    commands = purchases(city)
    child = Child(city, list(commands.items()), at_once=AT_ONCE, die_at=die_at, planted=planted)
    acknowledged = dict(child.answers())
    assert child.status == -signal.SIGKILL, child.complaints
    wrong = wrong_afterwards(city, commands, acknowledged)
    assert [sign for sign in found if not any(sign in one for one in wrong)] == [], wrong
