"""One person's bills at eight desks in the same moment: caps, deductibles and states are those of one desk; and the code that would pay twice."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any, Final

import psycopg
import pytest

from huibao.benefits import loading as plans
from huibao.core.money import plain_yuan
from huibao.enrolment.model import Buy
from huibao.record import batch, lane
from huibao.record.model import DONE, Answer
from huibao.settlement import loading
from huibao.settlement.model import Adjust, Command, Confirm, Settle, Way, Withdraw
from tests.books import City, Someone, another, owner, put_on_sale, rows, small_city, verify
from tests.database import MakeProgramme
from tests.record.clerk import Clerk, Form, lonely, outcomes
from tests.settlement.histories import World
from tests.settlement.rounds import accepted, ask, at_once, desks, each_at_once, insure
from tests.settlement.stored import same_as_stored
from tests.settlement.ward import BILLED, Ward, bill, found_hospitals, reversal

DESKS: Final = 8
ROUNDS: Final = [20, pytest.param(1_000, marks=pytest.mark.long)]
#: The year's cap of the accident benefit, in fen.
CAP: Final = 3_000_000


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive version: it reads, decides and writes as we do, and locks nobody."""
    naive = {name: statement.replace(" FOR NO KEY UPDATE OF p", "") for name, statement in loading.SQL.items()}
    assert [name for name in naive if naive[name] != loading.SQL[name]] == ["lock_insured", "lock_households"]
    monkeypatch.setattr(loading, "SQL", naive)


def town(programme: MakeProgramme, people: int) -> City:
    """People who live alone, insured and covered, with hospitals to go to."""
    city = small_city(programme, "xizang", lonely(people))
    insure(city, *([person] for person in range(1, people + 1)))
    return opened(city)


def opened(city: City) -> City:
    with owner(city) as connection:
        found_hospitals(city, connection)
    city.clock.set(BILLED)
    return city


def accidents(city: City, dice: Random, person: int, count: int = DESKS) -> dict[str, Command]:
    """Bills of accidents, of which the year's cap holds only some: by key, each key its settlement's number."""
    return {f"{person}-{n}": bill(person, f"{person}-{n}", med_type="22", self_paid=plain_yuan(dice.randint(300_000, 900_000)), city=city)
            for n in range(count)}


def told_all(world: World, commands: Mapping[str, Command], told: Mapping[str, Any]) -> None:
    """Every answer is the model's, in the order in which the commands were accepted."""
    for key in accepted(world.city, list(commands)):
        answer = told[key]
        assert isinstance(answer, Answer), (key, answer)
        world.take(commands[key], answer, BILLED)


def one_at_a_time(batches: Iterable[Mapping[str, Command]]) -> list[dict[str, Command]]:
    return [{key: command} for batch in batches for key, command in batch.items()]


# ── caps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

def paid(city: City, person: int) -> int:
    [(fen,)] = rows(city, "SELECT coalesce(sum(pay_fen), 0)::bigint FROM settlement WHERE person_id = %s", person)
    return int(fen)


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_cap_holds_at_eight_desks(programme: MakeProgramme, rounds: int) -> None:
    city = town(programme, rounds)
    world, dice = World(city), Random(10)  # noqa: S311 - a seed replays it
    for person in range(1, rounds + 1):
        commands = accidents(city, dice, person)
        told_all(world, commands, at_once(city, one_at_a_time([commands])))
        assert paid(city, person) == CAP
    same_as_stored(world)
    assert verify(city) == []


@pytest.mark.usefixtures("unlocked")
def test_without_locks_a_cap_is_paid_twice(programme: MakeProgramme) -> None:
    """The naive version. Everybody has a settlement before: the first row of an accumulator would stop it too."""
    city, dice = town(programme, 20), Random(10)  # noqa: S311 - a seed replays it
    at_once(city, [{f"first-{person}": bill(person, f"first-{person}", med_type="22", self_paid="200", city=city) for person in range(1, 21)}])
    sums = []
    for person in range(1, 21):
        at_once(city, one_at_a_time([accidents(city, dice, person)]))
        sums.append(paid(city, person))
    assert max(sums) > CAP
    world = World(city)
    with pytest.raises(AssertionError):
        same_as_stored(world)


# ── deductibles of a household ───────────────────────────────────────────────────────────────────────────────────────

def households(programme: MakeProgramme, count: int) -> City:
    """Families of three who share a deductible: 10 and 11 and 12, 20 and so on."""
    people = [Someone(10 * n + m, kin=f"{10 * n + 1} 父母；{10 * n + 2} 配偶" if m == 0 else "") for n in range(1, count + 1) for m in range(3)]
    city = small_city(programme, "jilin", people)
    insure(city, *([10 * n, 10 * n + 1, 10 * n + 2] for n in range(1, count + 1)))
    return opened(city)


def familys(city: City, dice: Random, family: int) -> dict[str, Command]:
    """Bills of all three that use the deductible up together."""
    return {f"{family}-{n}": bill(10 * family + n % 3, f"{family}-{n}", self_paid=plain_yuan(dice.randint(100_000, 500_000)), city=city)
            for n in range(DESKS)}


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_household_uses_its_deductible_once(programme: MakeProgramme, rounds: int) -> None:
    city = households(programme, rounds)
    world, dice = World(city), Random(16)  # noqa: S311 - a seed replays it
    for family in range(1, rounds + 1):
        commands = familys(city, dice, family)
        told_all(world, commands, at_once(city, one_at_a_time([commands])))
    same_as_stored(world)
    assert verify(city) == []


@pytest.mark.usefixtures("unlocked")
def test_without_locks_a_deductible_is_lost(programme: MakeProgramme) -> None:
    """The naive version forgets what others of the family used of it."""
    city, dice = households(programme, 20), Random(16)  # noqa: S311 - a seed replays it
    at_once(city, [{f"first-{n}": bill(10 * n, f"first-{n}", self_paid="1", city=city) for n in range(1, 21)}])
    lost = 0
    for family in range(1, 21):
        commands = familys(city, dice, family)
        at_once(city, one_at_a_time([commands]))
        [(used,)] = rows(city, "SELECT used FROM accumulator WHERE whose = %s", 10 * family)
        [seen] = [fen for letter, _, _, _, fen in used if letter == "D"]
        lost += seen < 100 + sum(int(float(command.row["fulamt_ownpay_amt"]) * 100) for command in commands.values() if isinstance(command, Settle))
    assert lost > 0


# ── one settlement, wanted by all ────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_settlement_is_reversed_confirmed_or_withdrawn(programme: MakeProgramme, rounds: int) -> None:
    """While it is confirmed, withdrawn, taken back and waited for at the same moment, and others of the person are settled."""
    city = town(programme, rounds)
    world, dice = World(city), Random(3)  # noqa: S311 - a seed replays it
    for person in range(1, rounds + 1):
        before = accidents(city, dice, person, 3)
        told_all(world, before, at_once(city, [before]))
        first, second, _ = (world.taken[key] for key in before)
        commands: dict[str, Command] = {
            f"c1-{person}": Confirm(7, first.id, first.pay), f"c2-{person}": Confirm(7, first.id, first.pay), f"w-{person}": Withdraw(7, first.id, True),
            f"v-{person}": Withdraw(7, second.id, False), f"c3-{person}": Confirm(7, second.id, second.pay), f"a-{person}": Adjust(7, first.id),
            f"r1-{person}": reversal(f"R1-{person}", first.setl_id), f"r2-{person}": reversal(f"R2-{person}", second.setl_id),
            **{f"n{n}-{person}": bill(person, f"n{n}-{person}", med_type="22", self_paid="2500", city=city) for n in range(2)}}
        keys = list(commands)
        dice.shuffle(keys)
        told_all(world, commands, at_once(city, [{key: commands[key]} for key in keys]))
    same_as_stored(world)
    assert verify(city) == []


@pytest.mark.clause("LZ-10")
def test_a_number_is_settled_once_whichever_way_it_comes(programme: MakeProgramme) -> None:
    """From desk, file and feed at the same moment, under one key or its own: one effect."""
    city = town(programme, 20)
    ways: tuple[Way, ...] = ("desk", "file", "feed", "desk", "file", "feed", "desk", "file")
    world, agreed = World(city, agreed=frozenset(range(1, 21))), Ward.__new__(Ward)
    agreed.city = city
    for person in range(1, 21):
        agreed.agrees(person)
        commands: dict[str, Command] = {f"{person}-{n}": bill(person, f"S-{person}", way=way, med_type="22", self_paid="2500", city=city)
                                        for n, way in enumerate(ways)}
        told_all(world, commands, at_once(city, one_at_a_time([commands])))
        same = bill(person, f"T-{person}", med_type="22", self_paid="2500", city=city)
        told = [answer for one in each_at_once(city, [{f"same-{person}": same}] * DESKS) for answer in one.values()]
        answers = [answer for answer in told if isinstance(answer, Answer)]
        assert sorted(answer.replayed for answer in answers) == [False] + [True] * (DESKS - 1)
        world.take(same, next(answer for answer in answers if not answer.replayed), BILLED)
    assert rows(city, "SELECT count(*) FROM settlement") == [(40,)]
    same_as_stored(world)
    assert verify(city) == []


# ── what names nobody's row yet ──────────────────────────────────────────────────────────────────────────────────────

def while_the_head_is_held(city: City, batches: Sequence[Mapping[str, Command]]) -> dict[str, Any]:
    """Every batch at a desk of its own comes as far as the chain's head, or as another's locks, before any of them is written."""
    async def story() -> dict[str, Any]:
        async with desks(city, len(batches)) as lanes:
            with owner(city) as connection:
                connection.execute("SELECT FROM chain_head FOR UPDATE")
                tasks = [asyncio.create_task(ask(city, lane, batch)) for lane, batch in zip(lanes, batches, strict=True)]
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'huibao lane' AND datname = current_database()"
                with owner(city) as other:
                    while other.execute(waiting).fetchone() != (len(batches),):
                        other.execute("SELECT pg_stat_clear_snapshot()")
                        await asyncio.sleep(0.01)
            told = await asyncio.gather(*tasks)
        return {key: answer for some in told for key, answer in some.items()}

    return asyncio.run(story())


def test_a_reversal_at_the_same_moment_as_its_original(programme: MakeProgramme) -> None:
    """Whichever is first: the settlement is reversed, or refused since its reversal is parked. It never stands with its reversal parked."""
    city = town(programme, 1)
    commands: dict[str, Command] = {"s": bill(1, "S", med_type="22", self_paid="2500", city=city), "r": reversal("R", "S")}
    told = while_the_head_is_held(city, one_at_a_time([commands]))
    world = World(city)
    told_all(world, commands, told)
    same_as_stored(world)


def test_a_reversal_of_something_unknown_is_parked_once(programme: MakeProgramme) -> None:
    city = town(programme, 1)
    told = while_the_head_is_held(city, [{f"r{n}": reversal("R", "S")} for n in range(4)])
    assert outcomes(list(told.values())) == [DONE] * 4
    assert rows(city, "SELECT count(*) FROM reversal") == [(1,)]
    assert rows(city, "SELECT count(*) FROM open_case WHERE closed_at IS NULL") == [(1,)]


def test_one_number_for_two_people_is_settled_for_one(programme: MakeProgramme) -> None:
    city = town(programme, 2)
    told = while_the_head_is_held(city, [{f"p{person}": bill(person, "S", med_type="22", self_paid="2500", city=city)} for person in (1, 2)])
    assert sorted(outcomes(list(told.values()))) == [DONE, "settlement.differs"]


# ── deadlocks ────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What batches failed with before a lane ran them again."""
    found: list[str] = []

    async def run(*given: Any) -> Any:
        try:
            return await batch.run(*given)
        except psycopg.Error as failure:
            found.append(type(failure).__name__)
            raise

    monkeypatch.setattr(lane, "run", run)
    return found


def crossing(programme: MakeProgramme) -> tuple[World, dict[str, Command], dict[str, Any], list[Any]]:
    """Twelve people named in one order and in the other, while the same people buy another product: what was asked, and told."""
    city, people = town(programme, 12), list(range(1, 13))
    with owner(city) as connection:
        put_on_sale(city, connection, another(plans.builtin("xizang-example-2026"), "xizang-later", premium="100"))
    form, world = Form(city, "xizang-later"), World(city)
    before: dict[str, Command] = {f"first-{person}": bill(person, f"first-{person}", med_type="22", self_paid="3000", city=city) for person in people}
    told_all(world, before, at_once(city, [before]))
    ids = [world.taken[key] for key in before]

    def bills(name: str, hospital: str, order: Iterable[int]) -> dict[str, Command]:
        return {f"{name}-{n}": bill(n, f"{name}-{n}", hospital=hospital, med_type="22", self_paid="2500", city=city) for n in order}

    batches: list[dict[str, Command]] = [
        bills("up", "H2", people), bills("down", "H1", reversed(people)), bills("more", "H3", Random(8).sample(people, 12)),  # noqa: S311
        {f"confirm-{one.id}": Confirm(7, one.id, one.pay) for one in ids},
        {f"back-{one.id}": reversal(f"R-{one.id}", one.setl_id) for one in reversed(ids)}]
    purchases = [[(f"buy-{person}", bought_on(form(person), BILLED)) for person in order] for order in (people[::2], people[::-2])]

    async def story() -> tuple[list[dict[str, Any]], list[Any]]:
        clerks = [Clerk(city) for _ in purchases]
        async with desks(city, len(batches)) as lanes:
            told, bought = await asyncio.gather(
                asyncio.gather(*(ask(city, lane, batch) for lane, batch in zip(lanes, batches, strict=True))),
                asyncio.gather(*(clerk.ask(*some) for clerk, some in zip(clerks, purchases, strict=True))))
        await asyncio.gather(*(clerk.lane.close() for clerk in clerks))
        return told, [one for some in bought for one in some]

    settlements, bought = asyncio.run(story())
    return (world, {key: command for batch in batches for key, command in batch.items()},
            {key: one for some in settlements for key, one in some.items()}, bought)


def bought_on(order: Buy, at: datetime) -> Buy:
    assert order.identity is not None
    return replace(order, identity=replace(order.identity, at=at))


def test_batches_that_name_people_in_opposite_orders(programme: MakeProgramme, failures: list[str]) -> None:
    world, commands, told, bought = crossing(programme)
    told_all(world, commands, told)
    assert outcomes(bought) == [DONE] * 12
    assert failures == []
    same_as_stored(world)
    assert verify(world.city) == []


def test_locks_in_any_order_wait_for_each_other(programme: MakeProgramme, failures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: the database finds deadlocks, and batches run again, some as often as they may."""
    careless = {name: statement.replace("ORDER BY p.id FOR", "ORDER BY random() FOR") for name, statement in loading.SQL.items()}
    monkeypatch.setattr(loading, "SQL", careless)
    for _ in range(5):                                 # which two meet is the machine's choice
        world, *_ = crossing(programme)
        assert verify(world.city) == []
        if "DeadlockDetected" in failures:
            break
    assert "DeadlockDetected" in failures
