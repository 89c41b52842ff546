"""A child of the journeys that takes care: an engine with its caretaker, beside outside systems of its parent's, until it is told to end.

    python -m tests.journeys.care URL PROGRAMME OUTSIDE AT ORDER FEN PAY_BY

It asks the channel for a payment of one order, says where that is paid, and goes on until its input ends.
"""

import asyncio
import sys
from datetime import datetime

from huibao.app import caretaker
from huibao.app.engine import Engine
from huibao.app.settings import Settings
from huibao.core.clock import SimulatedClock
from tests.app.street import EVERY_S, SECRETS


async def live(url: str, programme: str, outside: str, at: datetime, order: str, fen: int, pay_by: datetime) -> None:
    engine = Engine(Settings(url, SECRETS, SimulatedClock(at), 1, outside))
    await engine.start()
    opened = await engine.cash.open(programme, order, fen, pay_by)
    sys.stdout.write(f"{opened.url}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.wait_for(engine.stop(), 20)


def main() -> None:
    url, programme, outside, at, order, fen, pay_by = sys.argv[1:]
    setattr(caretaker, "EVERY_S", EVERY_S)  # noqa: B010 - a test's time is short
    asyncio.run(live(url, programme, outside, datetime.fromisoformat(at), order, int(fen), datetime.fromisoformat(pay_by)))


if __name__ == "__main__":
    main()
