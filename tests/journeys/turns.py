"""A child of the journeys that only takes care: an engine with its caretaker, beside outside systems of its parent's, until its input ends.

    python -m tests.journeys.turns URL OUTSIDE AT
"""

import asyncio
import sys
from datetime import datetime

from huibao.app import caretaker
from huibao.app.engine import Engine
from huibao.app.settings import Settings
from huibao.core.clock import SimulatedClock
from tests.app.street import EVERY_S, SECRETS


async def live(url: str, outside: str, at: datetime) -> None:
    engine = Engine(Settings(url, SECRETS, SimulatedClock(at), 1, outside))
    await engine.start()
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.wait_for(engine.stop(), 20)


def main() -> None:
    url, outside, at = sys.argv[1:]
    setattr(caretaker, "EVERY_S", EVERY_S)  # noqa: B010 - a test's time is short
    asyncio.run(live(url, outside, datetime.fromisoformat(at)))


if __name__ == "__main__":
    main()
