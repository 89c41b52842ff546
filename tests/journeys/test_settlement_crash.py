"""kill -9 between offer and confirmation, of the service and of the database, and cables that are cut: nothing twice, the same answers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import psycopg
import pytest

from huibao.app import caretaker
from huibao.core.batcher import TurnedAway
from huibao.core.points import POINTS
from huibao.db.connect import connect_service
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, Connection
from huibao.settlement.model import Command, Confirm, Reverse, Settle, SettlementKept, SettlementTold, Withdraw
from huibao.settlement.state import State
from huibao.settlement.work import Desk
from huibao.web import credentials
from huibao.web.credentials import Grant
from tests.books import KEYRING, City, rows, verify
from tests.database import MakeProgramme, server
from tests.journeys import ward as child_ward
from tests.journeys.office import ROOT, database_of_ones_own, programmes_of
from tests.record.clerk import Told, lonely, town
from tests.record.proxy import Cable, Way, through
from tests.settlement.rounds import ask, desks, insure
from tests.settlement.ward import BILLED, INDEX_KEY, Ward, bill, reversal

#: (20000 − 500 − 5500) × 70%
FIRST: Final = 980_000
BATCH_POINTS: Final = [point for point in POINTS if point.startswith("batch.")]
#: At which batch of its life each process dies, one after the other.
DEATHS = [(1, 2, 3), *(pytest.param((n % 4 + 1, n % 3 + 1, n % 2 + 1), marks=pytest.mark.long, id=f"long-{n}") for n in range(66))]
#: Before the child 1 to 8 have offers; it confirms four, withdraws two, reverses two, and settles for 9 to 16.
BEFORE, CONFIRMED, WITHDRAWN, REVERSED, NEW = range(1, 9), range(1, 5), range(5, 7), range(7, 9), range(9, 17)

Ask = dict[str, Any]
Heard = dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def alone(pg_url: str) -> Iterator[MakeProgramme]:
    """A database without other tests' programmes: an engine serves all that there are."""
    with database_of_ones_own(pg_url, "huibao_desks") as make:
        yield make


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", 3_600)


def hospital_town(make: MakeProgramme, people: int) -> City:
    city = town(make, lonely(people), premium="1", scheme="liuzhou")
    for first in range(1, people + 1, 200):
        insure(city, *((n,) for n in range(first, min(first + 200, people + 1))))
    return city


def big(city: City, person: int) -> Settle:
    return bill(person, f"S{person}", city=city, in_scope="20000")


async def token(city: City) -> str:
    """Hospital H1's."""
    grant = Grant("provider", "test", city.code, BILLED + timedelta(days=365), provider="H1")
    async with await psycopg.AsyncConnection.connect(city.url, autocommit=True) as connection:
        return (await credentials.issue(connection, grant, BILLED))[1]


# ── the service ──────────────────────────────────────────────────────────────────────────────────────────────────────

def requests_of(city: City) -> list[Ask]:
    """What the desks of H1 send, a little of everything at once."""
    with Ward(city) as ward:
        offered = ward.settle(*(big(city, n) for n in BEFORE))
    mine, base = asyncio.run(token(city)), f"/v1/{city.code}/settlements"

    def sent(key: str, path: str, body: Mapping[str, object]) -> Ask:
        return {"key": f"key-of-{key}", "path": path, "token": mine, "body": body}

    asks = [sent(f"new-{n}", base, {"transaction": "2304", "answer": dict(big(city, n).row)}) for n in NEW]
    asks += [sent(f"confirm-{n}", f"{base}/{offered[n - 1].settlement}/confirmations", {"deducted_fen": FIRST}) for n in CONFIRMED]
    asks += [sent(f"withdraw-{n}", f"{base}/{offered[n - 1].settlement}/withdrawals", {"basic_insurance": "stands"}) for n in WITHDRAWN]
    asks += [sent(f"reverse-{n}", base, {"transaction": "2305", "answer": {"setlinfo": {"setl_id": f"R{n}"}}, "request": {"data": {"setl_id": f"S{n}"}}})
             for n in REVERSED]
    Random(5).shuffle(asks)  # noqa: S311 - the same each time
    return asks


def child(city: City, asks: Sequence[Ask], die_at: str, planted: str = "") -> tuple[Heard, int, str]:
    """What a process of the service told before it died, how it ended, and what else it said."""
    done = subprocess.run([sys.executable, "-m", "tests.journeys.ward", city.url, BILLED.isoformat()], cwd=ROOT, text=True, check=False, timeout=60,
                          env={**os.environ, "HUIBAO_DIE_AT": die_at, "PLANTED": planted}, input="".join(json.dumps(one) + "\n" for one in asks), capture_output=True)
    lines = [line for line in done.stdout.splitlines(keepends=True) if line.startswith('{"key"') and line.endswith("\n")]
    told = [json.loads(line) for line in lines]
    return {one["key"]: (one["status"], one["body"]) for one in told}, done.returncode, done.stdout + done.stderr


def again(city: City, asks: Sequence[Ask]) -> Heard:
    """The same with the same keys, from another process."""
    heard: Heard = {}

    def told(key: str, status: int, body: str) -> None:
        heard[key] = (status, body)

    asyncio.run(child_ward.serve(city.url, BILLED, asks, told))
    return heard


def desk_of(city: City) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is the same however often something died."""
    return {
        "settlements": rows(city, "SELECT state, payee, count(*) FROM settlement GROUP BY 1, 2 ORDER BY 1, 2"),
        "moved": rows(city, "SELECT kind, fen, count(*) FROM transfer WHERE settlement_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1"),
        "payouts": rows(city, "SELECT state, fen, count(*) FROM payout GROUP BY 1, 2"),
        "reversals": rows(city, "SELECT state, count(*) FROM reversal GROUP BY 1"),
        "pool": rows(city, "SELECT stream, fen FROM pool_total WHERE stream LIKE 'claim%%' AND fen > 0"),
        "notices": rows(city, "SELECT count(*) FROM notice"),
        "requests": rows(city, "SELECT kind, count(*) FROM event WHERE kind IN ('settlement', 'confirmation', 'withdrawal', 'reversal') GROUP BY 1 ORDER BY 1"),
    }


WHOLE: Final = {
    "settlements": [("confirmed", "hospital", 4), ("confirmed", "person", 2), ("offered", "hospital", 8), ("reversed", "hospital", 2)],
    "moved": [("claim-incurred", FIRST, 6)],
    "payouts": [("due", FIRST, 2)],
    "reversals": [("done", 2)],
    "pool": [("claim", 6 * FIRST)],
    "notices": [(2,)],
    "requests": [("confirmation", 4), ("reversal", 2), ("settlement", 16), ("withdrawal", 2)],
}


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("deaths", DEATHS)
@pytest.mark.parametrize("point", BATCH_POINTS)
def test_the_service_is_killed_between_offer_and_confirmation(alone: MakeProgramme, point: str, deaths: Sequence[int]) -> None:
    """It dies, starts again, dies later, and each time the desks ask everything again with the same keys."""
    city = hospital_town(alone, 16)
    asks = requests_of(city)
    known: Heard = {}
    for times in deaths:
        told, status, said = child(city, asks, f"{point}:{times}")
        assert status == -signal.SIGKILL, said
        assert len(told) < len(asks)
        assert [key for key, answer in told.items() if known.setdefault(key, answer) != answer] == []
        assert verify(city, BILLED) == []
    heard = again(city, asks)
    assert {status for status, _ in heard.values()} == {201}
    assert {key: heard[key] for key in known} == known
    assert desk_of(city) == WHOLE
    assert verify(city, BILLED) == []


def test_keys_that_are_committed_before_their_effects_are_noticed(alone: MakeProgramme) -> None:
    """The planted fault: the process dies between the two."""
    city = hospital_town(alone, 16)
    _, status, said = child(city, requests_of(city), "batch.before_effects", planted="keys-apart")
    assert status == -signal.SIGKILL, said
    assert any(found.startswith("d each request once: request") for found in verify(city, BILLED))


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────────

#: People for each kill, of whom each makes about two commands; so many are acknowledged between two kills, at least.
DESKS, PATIENTS, BETWEEN = 4, 48, 30


@dataclass(slots=True)
class Writing:
    """What the desks asked and were told."""

    asked: dict[str, Command] = field(default_factory=dict)
    told: dict[str, Answer] = field(default_factory=dict)
    stop: bool = False


async def write(city: City, lane: Lane[Command, State], people: range, writing: Writing) -> None:
    """A desk settles for people of its own, and confirms, withdraws, reverses, or leaves it."""
    rng = Random(people.start)  # noqa: S311 - a seed replays it

    async def done(key: str, command: Command) -> Answer:
        writing.asked[key] = command
        while True:
            [told] = (await ask(city, lane, {key: command})).values()
            if isinstance(told, Answer):
                writing.told[key] = told
                assert told.outcome == DONE, told.body.decode()
                return told
            assert isinstance(told, TurnedAway), told

    for person in people:
        if writing.stop:
            return
        settled = await done(f"s{person}", big(city, person))
        id = int(msgspec.json.decode(settled.body, type=SettlementKept).settlement.split("-")[1][1:])
        follows: list[Command] = [Confirm(7, id, FIRST), Withdraw(7, id, True), Withdraw(7, id, False), reversal(f"R{person}", f"S{person}")]
        for n, command in enumerate(rng.choice([follows[:1], follows[1:2], follows[2:3], [follows[0], follows[3]], [follows[1], follows[3]], []])):
            await done(f"f{person}-{n}", command)


async def kill_under_desks(one: Any, city: City, kills: int) -> Writing:
    writing = Writing()
    async with desks(city, DESKS) as lanes:
        writers = [asyncio.create_task(write(city, lane, range(n, kills * PATIENTS + 1, DESKS), writing)) for n, lane in enumerate(lanes, 1)]
        for n in range(kills):
            enough = len(writing.told) + BETWEEN
            while len(writing.told) < enough and not all(writer.done() for writer in writers):  # noqa: ASYNC110 - desks know nothing of kills
                await asyncio.sleep(0.005)
            for process in sorted(one._processes()) if n % 2 == 0 else [one.postmaster() or 0]:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            await asyncio.to_thread(one.start)
        writing.stop = True
        await asyncio.gather(*writers)
    return writing


def figures(told: Told) -> SettlementKept | bytes | None:
    """What must be told again of an answer: all of it, or of a settlement what its plain record keeps."""
    if not isinstance(told, Answer):
        return None
    try:
        return msgspec.json.decode(told.body, type=SettlementKept)
    except msgspec.ValidationError:
        return told.body


def kept(told: Answer) -> SettlementKept | bytes | None:
    """As `figures`, of an answer that may be whole."""
    with suppress(msgspec.ValidationError):
        whole = msgspec.json.decode(told.body, type=SettlementTold)
        return SettlementKept(whole.settlement, whole.state, whole.payee, whole.pay_fen, ())
    found = figures(told)
    return msgspec.structs.replace(found, policies=()) if isinstance(found, SettlementKept) else found


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=pytest.mark.long)])
def test_the_database_is_killed_under_its_desks(kills: int) -> None:
    with server() as one:
        city = hospital_town(programmes_of(one.url()), kills * PATIENTS)
        with Ward(city):
            pass                                        # the hospitals
        city.clock.set(BILLED)
        writing = asyncio.run(kill_under_desks(one, city, kills))
        assert len(writing.told) == len(writing.asked) > 0

        async def repeat() -> dict[str, Told]:
            async with desks(city, 1) as [lane]:
                return {key: told for name, command in writing.asked.items() for key, told in (await ask(city, lane, {name: command})).items()}

        repeated = asyncio.run(repeat())
        lost = [key for key, told in repeated.items() if not (isinstance(told, Answer) and told.replayed and kept(told) == kept(writing.told[key]))]
        assert lost == []
        settles = sum(isinstance(command, Settle) for command in writing.asked.values())
        reverses = sum(isinstance(command, Reverse) for command in writing.asked.values())
        assert rows(city, "SELECT (SELECT count(*) FROM settlement), (SELECT count(*) FROM reversal WHERE state = 'done')") == [(settles, reverses)]
        assert verify(city, BILLED) == []


# ── the cable ────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Cuts over all of what a batch asks and is answered, and the last bytes of the answers one by one.
SPREAD = 10
CUTS = 2 + 2 * SPREAD + 12


async def over_cables(city: City, folder: Path, commands: Mapping[int, Command]) -> tuple[list[Cable], dict[int, Told]]:
    """Each person's command over a cable of its own, cut elsewhere, at once; the first two, uncut, tell how long they are."""
    async def one(person: int, cable: Cable) -> tuple[int, Told]:
        place = folder / str(person)
        await asyncio.to_thread(place.mkdir, parents=True)
        async with through(cable, place) as url:
            async def connect() -> Connection:
                connection: Connection = await connect_service(url, "huibao lane")
                return connection
            lane: Lane[Command, State] = Lane(connect, city.clock, {city.code: (city.schema, Desk(city.running, KEYRING, INDEX_KEY))})
            try:
                [told] = (await ask(city, lane, {f"{folder.name}-{person}": commands[person]})).values()
            finally:
                await lane.close()
            return person, told

    whole: dict[Way, int] = {}
    heard: dict[int, Told] = {}
    ways: tuple[Way, Way] = ("asked", "answered")
    for person, way in enumerate(ways, 1):
        uncut = Cable(city.url, way)
        heard |= [await one(person, uncut)]
        whole[way] = uncut.passed
    cuts = [(way, whole[way] * n // SPREAD) for way in ways for n in range(SPREAD)] + [(ways[1], whole["answered"] - n) for n in range(1, 13)]
    cables = [Cable(city.url, way, after) for way, after in cuts]
    heard |= dict(await asyncio.gather(*(one(person, cable) for person, cable in enumerate(cables, 3))))
    return cables, heard


def test_the_wire_is_cut_anywhere_while_desks_settle_and_confirm(programme: MakeProgramme, tmp_path: Path) -> None:
    """Before the commit, in it, between it and its answer: one effect, and the answer is the one that was decided; nothing hangs."""
    city = hospital_town(programme, CUTS)
    with Ward(city):
        pass                                            # the hospitals
    city.clock.set(BILLED)

    async def story() -> list[int]:
        unheard = []
        offers: Mapping[int, Command] = {n: big(city, n) for n in range(1, CUTS + 1)}
        async with asyncio.timeout(60):
            for name in ("offers", "confirmations", "reversals"):
                cables, heard = await over_cables(city, tmp_path / name, offers)
                answers = {person: told for person, told in heard.items() if isinstance(told, Answer)}
                assert {told.outcome for told in answers.values()} == {DONE}
                assert len(answers) == CUTS
                assert all(cable.connections >= 2 for cable in cables)
                unheard.append(sum(told.replayed for told in answers.values()))
                ids = dict(rows(city, "SELECT person_id, id FROM settlement"))
                offers = {n: Confirm(7, ids[n], FIRST) if name == "offers" else reversal(f"R{n}", f"S{n}") for n in offers}
        return unheard

    assert min(asyncio.run(story())) >= 3, "the cuts in the answer to the commit must be among those tried"
    assert rows(city, "SELECT state, count(*) FROM settlement GROUP BY 1") == [("reversed", CUTS)]
    assert rows(city, "SELECT kind, count(*) FROM transfer WHERE settlement_id IS NOT NULL GROUP BY 1 ORDER BY 1") == [
        ("claim-incurred", CUTS), ("claim-taken-back", CUTS)]
    assert verify(city, BILLED) == []
