"""kill -9 of the service around the bank: another process goes on, and a batch is made once, paid once and booked once."""

import asyncio
import os
import signal
import sys

import pytest

from huibao.core.points import POINTS
from tests.app.street import LATEST_S, Street, until
from tests.app.test_remitting import FEN, PEOPLE, Office, office_of
from tests.app.test_remitting import still as still  # noqa: PLC0414 - fixtures
from tests.app.test_remitting import street as street  # noqa: PLC0414
from tests.books import verify
from tests.journeys.office import ROOT

POINTS_OF_REMITTANCES = [point for point in POINTS if point.startswith("remittance.")]
#: The batch, that it is sent, and what the bank says are a commit each.
COMMITS = [f"batch.{where}:{n}" for where in ("before_commit", "after_commit") for n in (1, 2, 3)]


async def child(street: Street, point: str) -> int:
    """How a process ends that takes care and is told to die at a point."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.journeys.turns", street.city.url, street.url, street.city.clock.now().isoformat(),
        cwd=ROOT, env={**os.environ, "HUIBAO_DIE_AT": point, "PYTHONPATH": f"{ROOT}/src"}, stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL)
    return await asyncio.wait_for(process.wait(), LATEST_S)


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize("point", [*POINTS_OF_REMITTANCES, *COMMITS])
def test_the_service_is_killed_around_the_bank(street: Street, point: str) -> None:
    async def story(street: Street) -> None:
        async with office_of(street) as office:
            await office.engine.stop()
        assert await child(street, point) == -signal.SIGKILL
        assert verify(street.city) == []
        async with street.serving() as engine:
            office = Office(street, engine)

            async def over() -> bool:
                await office.turn()
                return office.stands() == [("answered", PEOPLE * FEN, "paid paid paid paid")]

            await until(over)
            await office.turn(2)
            assert [fen for _, _, fen, _ in office.paid()] == [PEOPLE * FEN]
            assert office.moved() == [("premium-remitted", PEOPLE * FEN)]

    street.live(story)
    assert verify(street.city) == []
