"""Several processes of the service on one database: each command is decided once, and everybody is told the same."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

import pytest

from huibao.core.chain import genesis
from huibao.enrolment.model import Command
from huibao.record.model import DONE
from tests.books import City, Someone, rows, verify
from tests.database import MakeProgramme
from tests.journeys.office import Child, database_of_ones_own
from tests.record.clerk import Form, counted, town

PAYERS, RELATIVES = 20, 19
COMMANDS, REPLAYS = 400, 20


@pytest.fixture(scope="module")
def alone(pg_url: str) -> Iterator[MakeProgramme]:
    with database_of_ones_own(pg_url, "huibao_engines") as make:
        yield make


def families() -> list[Someone]:
    """Payers whose order is one of twenty on the same account."""
    everyone = []
    for payer in range(100, 100 * PAYERS + 1, 100):
        everyone.append(Someone(payer, personal="4500", kin="；".join(f"{payer + n} 子女 账户" for n in range(1, RELATIVES + 1))))
        everyone += [Someone(payer + n, "2016-09-01", "居民 正常") for n in range(1, RELATIVES + 1)]
    return everyone


def wanted(city: City) -> list[tuple[str, Command]]:
    """Everybody is insured once, in an order of chance; one in twenty is asked for again, anywhere after."""
    form, rng = Form(city), Random(3)  # noqa: S311 - a seed replays it
    commands: list[tuple[str, Command]] = [
        (f"k{payer + n}", form(payer, payer + n)) for payer in range(100, 100 * PAYERS + 1, 100) for n in range(RELATIVES + 1)]
    rng.shuffle(commands)
    for again in rng.sample(commands, REPLAYS):
        commands.insert(rng.randrange(commands.index(again) + 1, len(commands) + 1), again)
    return commands


@pytest.mark.clause("XZ-2")
def test_two_processes_serve_four_hundred_commands(alone: MakeProgramme) -> None:
    """At 100 yuan each, 15 of a payer's 20 orders fit the year's 1,500; which they are is a matter of who comes first."""
    city = town(alone, families(), premium="100")
    commands = wanted(city)
    assert len(commands) == COMMANDS + REPLAYS
    children = [Child(city, commands[n::2], at_once=40) for n in range(2)]
    told = [pair for child in children for pair in child.answers()]
    assert [child.status for child in children] == [0, 0], [child.complaints for child in children]

    assert Counter(key for key, _ in told) == Counter(key for key, _ in commands)
    bodies = defaultdict(set)
    for key, one in told:
        assert one.outcome == DONE
        bodies[key].add(one.body)
    assert {len(each) for each in bodies.values()} == {1}
    assert sum(one.replayed for _, one in told) == REPLAYS
    assert counted(city).requests == counted(city).events == counted(city).orders == COMMANDS
    assert rows(city, "SELECT DISTINCT spent_fen, held_fen, count(*) FROM account_year GROUP BY 1, 2") == [(150000, 0, PAYERS)]
    assert verify(city) == []


def test_two_processes_with_the_same_commands_tell_the_same(alone: MakeProgramme) -> None:
    """Both get everything, in opposite order: each command is decided by one of them, and told by both."""
    city = town(alone, families()[:40], premium="100")
    form = Form(city)
    commands: list[tuple[str, Command]] = [(f"k{one.id}", form(one.id // 100 * 100, one.id)) for one in families()[:40]]
    children = [Child(city, given, at_once=10) for given in (commands, commands[::-1])]
    first, second = (dict(child.answers()) for child in children)
    assert [child.status for child in children] == [0, 0], [child.complaints for child in children]
    assert {key: one.body for key, one in first.items()} == {key: one.body for key, one in second.items()}
    assert {first[key].replayed + second[key].replayed for key in first} == {1}
    assert counted(city).orders == 40
    assert rows(city, "SELECT count(*) FROM chain_head WHERE head <> %s AND seq = 40", genesis(city.code)) == [(1,)]
    assert verify(city) == []
