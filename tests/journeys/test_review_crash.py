"""kill -9 of the service in the middle of reviews: decided again with the same keys, each application is decided once."""

import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from huibao.core.points import POINTS
from huibao.enrolment.model import Command, Review
from tests.books import DAY, City, buy, order_id, rows, run
from tests.database import MakeProgramme
from tests.journeys.office import Child, database_of_ones_own
from tests.journeys.test_crash import wrong_afterwards
from tests.record.clerk import lonely, town

BATCH_POINTS = [point for point in POINTS if point.startswith("batch.")]
MANY = 12


@pytest.fixture(scope="module")
def alone(pg_url: str) -> Iterator[MakeProgramme]:
    with database_of_ones_own(pg_url, "huibao_review_crash") as make:
        yield make


def decisions(city: City) -> dict[str, Command]:
    """Every other application is approved, the others rejected."""
    orders = [order_id(city, answer) for answer in run(city, [buy(city, n) for n in range(1, MANY + 1)], keys=[f"k{n}" for n in range(1, MANY + 1)])]
    city.clock.set(DAY + timedelta(days=1))
    return {f"r{n}": Review(71, None, id, "approve") if n % 2 else Review(71, None, id, "reject", "other") for n, id in enumerate(orders)}


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize("point", BATCH_POINTS)
def test_the_service_is_killed_among_reviews(alone: MakeProgramme, point: str) -> None:
    city = town(alone, lonely(MANY), scheme="liuzhou")
    commands = decisions(city)
    bought: dict[str, Command] = {f"k{n}": buy(city, n) for n in range(1, MANY + 1)}
    child = Child(city, list(commands.items()), at_once=4, die_at=f"{point}:2")
    known = dict(child.answers())
    assert child.status == -signal.SIGKILL, child.complaints
    assert wrong_afterwards(city, bought | commands, known) == []
    assert rows(city, "SELECT state, count(*) FROM review GROUP BY state ORDER BY state") == [("approved", MANY // 2), ("rejected", MANY // 2)]
    assert rows(city, "SELECT count(*), count(DISTINCT order_id) FROM transfer WHERE kind = 'premium-account'") == [(MANY // 2, MANY // 2)]
