"""kill -9 of the service before and after each call about a refund: another process finishes, and the channel has sent it once."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from huibao.app import caretaker
from huibao.core.points import POINTS
from huibao.enrolment.model import OrderTold
from tests.app.street import EVERY_S, LATEST_S, Street, street_of
from tests.app.test_refunds import CASH, become, bought, surrendered
from tests.books import verify
from tests.journeys.office import ROOT
from tests.record.clerk import lonely

REFUND_POINTS: Final = [point for point in POINTS if point.startswith("refund.")]
#: Three refunds wait, so that a process may die at any of them.
TIMES: Final = [1, *(pytest.param(n % 3 + 1, marks=pytest.mark.long, id=f"long-{n}") for n in range(199))]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, lonely(3)) as made:
        yield made


async def child(street: Street, order: OrderTold, die_at: str) -> tuple[int, str]:
    """A process of the service that dies where it is told to: its exit status and what it said."""
    arguments = [street.city.url, street.city.code, street.url, street.city.clock.now().isoformat(), order.order, str(CASH),
                 street.city.clock.now().isoformat()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.journeys.care", *arguments, cwd=ROOT, env={**os.environ, "HUIBAO_DIE_AT": die_at},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    assert process.stdout is not None
    assert process.stdin is not None
    async with asyncio.timeout(LATEST_S):
        said = (await process.stdout.read()).decode()
        status = await process.wait()
    process.stdin.close()
    return status, said


def test_every_call_about_a_refund_has_its_points() -> None:
    assert REFUND_POINTS == ["refund.before_ask", "refund.after_ask", "refund.before_send", "refund.after_send"]


@pytest.mark.clause("LZ-15a")
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", REFUND_POINTS)
def test_the_service_is_killed_at_each_call_about_a_refund(street: Street, point: str, times: int) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            orders = [await bought(street, engine, person) for person in (1, 2, 3)]
            await street.fail("cash", "error")             # so that nothing goes back yet
            for order in orders:
                await surrendered(street, engine, order)
        await street.mend("cash")
        status, said = await child(street, orders[0], f"{point}:{times}")
        assert status == -signal.SIGKILL, said
        assert verify(street.city) == []
        async with street.serving():
            await become(street, ["done"] * 6)
        assert sorted(one.order for one in street.outside.cash.sent_back) == sorted(order.order for order in orders)
        assert street.kept_fen() == 0

    street.live(story)
    assert verify(street.city) == []
